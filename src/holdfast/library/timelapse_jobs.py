"""Films that a server has made: each by a child process of low priority, one at a time, with how far it is.

Runs in the server's event loop; every method but `path_of` is called there and none waits, except `close`. What is done
is kept until ten newer ones are, or the server ends. Not here: the child (roles.timelapse), the film (timelapse).
"""

import asyncio
import json
import secrets
import shutil
import signal
import subprocess
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

from holdfast.core.errors import Conflict, NotFound, TooMany
from holdfast.library.tier_child import child_of_low_priority
from holdfast.storage.errors import storage_errors

FOLDER = "timelapses"
MOST = 10  # chosen: a film is some megabytes, and whoever wants it longer downloads it
STOP_S = 5.0
_POLL_S = 0.05

State = Literal["working", "done", "failed"]

_log = structlog.get_logger("holdfast.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a film is to be made of: camera, span, pictures a second, and pixels across at most."""

    camera: str
    from_us: int
    to_us: int
    rate: float = 25.0
    width: int | None = None
    name: str = "timelapse.mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNow:
    """How a film stands: pictures done and in all (0 while that is not known), and why it failed."""

    id: str
    asked: Asked
    state: State
    done: int = 0
    total: int = 0
    problem: str = ""
    hint: str = ""


@dataclass(slots=True)
class _Job:
    asked: Asked
    process: "subprocess.Popen[bytes]"


class TimelapseJobs:
    """All of a server.

    Args:
        root: Folder that films lie in; it is emptied.
        config: The configuration's file, for the children.
    """

    def __init__(self, root: Path, config: Path) -> None:
        self._root = root
        self._config = config
        self._jobs: OrderedDict[str, _Job] = OrderedDict()

    def open(self) -> None:
        """Begin; what a server before this one left goes.

        Raises:
            StorageError: The folder cannot be made.
        """
        shutil.rmtree(self._root, ignore_errors=True)
        with storage_errors("making folder", self._root):
            self._root.mkdir(mode=0o750, parents=True)

    async def close(self) -> None:
        """End what is being made."""
        for job in self._jobs.values():
            if job.process.poll() is None:
                job.process.send_signal(signal.SIGTERM)
        for _ in range(round(STOP_S / _POLL_S)):
            if all(job.process.poll() is not None for job in self._jobs.values()):
                break
            await asyncio.sleep(_POLL_S)
        for job in self._jobs.values():
            if job.process.poll() is None:
                job.process.kill()
                job.process.wait()
        self._jobs.clear()
        shutil.rmtree(self._root, ignore_errors=True)

    def start(self, asked: Asked) -> JobNow:
        """Begin a film.

        Raises:
            TooMany: Another one is being made.
            StorageError: The child could not be started.
        """
        if any(job.process.poll() is None for job in self._jobs.values()):
            raise TooMany("another film is being made", hint="try again when it is done")
        number = secrets.token_hex(6)
        order = {
            "config": str(self._config), "target": str(self._film(number)), "status": str(self._status(number)),
            "camera": asked.camera, "from_us": asked.from_us, "to_us": asked.to_us, "rate": asked.rate,
            "width": asked.width,
        }  # fmt: skip
        with storage_errors("starting", self._root):
            process = subprocess.Popen(
                child_of_low_priority("holdfast.roles.timelapse", json.dumps(order)), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        self._jobs[number] = _Job(asked, process)
        while len(self._jobs) > MOST:
            self._forget(next(iter(self._jobs)))
        _log.info("timelapse.begun", camera=asked.camera, id=number)
        return self.get(number)

    def get(self, number: str) -> JobNow:
        """Return how a film stands.

        Raises:
            NotFound: There is none.
        """
        job = self._jobs.get(number)
        if job is None:
            raise NotFound(f"there is no film {number[:20]!r}", hint="films are kept until the server ends")
        code = job.process.poll()
        state: State = "working" if code is None else "done" if code == 0 else "failed"
        said: dict[str, object] = {}
        with suppress(OSError, ValueError):
            said = json.loads(self._status(number).read_bytes())
        problem = str(said.get("problem", "")) or "its process ended" if state == "failed" else ""
        return JobNow(
            id=number, asked=job.asked, state=state, done=int(str(said.get("done", 0))),
            total=int(str(said.get("total", 0))), problem=problem, hint=str(said.get("hint", "")),
        )  # fmt: skip

    def path_of(self, number: str) -> Path:
        """Return where a film lies.

        Raises:
            NotFound: There is none.
            Conflict: It is not done.
        """
        now = self.get(number)
        if now.state != "done":
            raise Conflict(f"the film is not done: {now.problem or now.state}")
        return self._film(number)

    def remove(self, number: str) -> None:
        """End and forget a film.

        Raises:
            NotFound: There is none.
        """
        self.get(number)
        self._forget(number)

    def _forget(self, number: str) -> None:
        job = self._jobs.pop(number)
        if job.process.poll() is None:
            job.process.kill()
            job.process.wait()
        for path in (self._film(number), self._status(number)):
            path.unlink(missing_ok=True)

    def _film(self, number: str) -> Path:
        return self._root / f"{number}.mp4"

    def _status(self, number: str) -> Path:
        return self._root / f"{number}.json"
