"""A worker in a process of its own, for tests that freeze and kill it: `python -m support.work_child ORDER` (JSON).

It says `begun-WORKER` in the order's folder when a body has begun, and `said-WORKER` what became of its result.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast.catalog.db import open_catalog
from holdfast.core.clock import SystemClock
from holdfast.work.job import Job
from holdfast.work.station import Options, Station
from support import work


@dataclass
class Child:
    """A worker that lives until it is killed."""

    process: "subprocess.Popen[bytes]"
    folder: Path
    name: str

    def begun(self) -> bool:
        """Say whether a body has begun."""
        return (self.folder / f"begun-{self.name}").exists()

    def said(self) -> str:
        """Return what its body saw, empty while it is at it: was it told to end, was its result taken."""
        path = self.folder / f"said-{self.name}"
        return path.read_text(encoding="ascii") if path.exists() else ""

    def freeze(self) -> None:
        """Stop it in its tracks: when this returns, none of its threads does anything any more."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def thaw(self) -> None:
        """Let it go on; bodies that wait for that end."""
        (self.folder / f"thawed-{self.name}").touch()
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it, now."""
        self.process.kill()
        self.process.wait()


@contextmanager
def child(
    place: work.Place, folder: Path, name: str, *, lease_s: float, hold_s: float | None = 0.0
) -> Iterator[Child]:  # fmt: skip
    """Start a worker; its bodies take `hold_s`, or last until it is thawed, however often they are told to end."""
    order = {
        "url": place.url, "node": place.node, "shared": place.shared, "worker": name, "lease_s": lease_s,
        "hold_s": hold_s, "folder": str(folder),
    }  # fmt: skip
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    with subprocess.Popen([sys.executable, "-m", "support.work_child", json.dumps(order)], env=environ) as process:
        try:
            yield Child(process, folder, name)
        finally:
            process.kill()


def _main(argument: str) -> None:
    order = json.loads(argument)
    folder, name = Path(order["folder"]), str(order["worker"])

    def body(job: Job) -> None:
        (folder / f"begun-{name}").touch()
        if order["hold_s"] is None:
            while not (folder / f"thawed-{name}").exists():
                time.sleep(0.02)
        else:
            time.sleep(order["hold_s"])
        alive = job.alive()
        line = {"id": job.claim.number, "worker": name, "value": 0}
        taken = job.finish("done", along=lambda tx: work.void(tx.run("doubled", work.doubled.insert(), [line])))
        part = folder / f"said-{name}.{job.claim.number}"
        part.write_text(f"alive={alive} taken={taken}", encoding="ascii")
        part.replace(folder / f"said-{name}")

    options = Options(worker=name, shared=order["shared"], lease_s=order["lease_s"])
    with (
        work.known(),
        open_catalog(order["url"]) as catalog,
        Station(catalog, order["node"], [work.kind(body)], SystemClock(), options),
    ):
        threading.Event().wait()


if __name__ == "__main__":
    _main(sys.argv[1])
