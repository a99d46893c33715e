"""How long from the start of the program until every camera records (P7)?

    python benchmarks/start.py [--cameras 32] [--pace paced] [--runs 3]

Times `holdfast run`, from exec to the first sample of each camera, as its status files tell; the first run has no plan
yet and waits for the worker to write one, later runs begin from the last good one, as after a restart of the host.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from holdfast.core.errors import BadInput
from holdfast.core.status import StreamState, StreamStatus
from meter import Group
from scene import cameras

_GIVE_UP_S = 60.0


def _configure(folder: Path, urls: list[str]) -> Path:
    lines = ['state_dir = "state"', 'runtime_dir = "run"', "[volumes.main]", 'path = "disk"', "reserve = 0"]
    for number, url in enumerate(urls):
        lines += [f"[cameras.cam{number}]", f'url = "{url}"']
    path = folder / "holdfast.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _recording(folder: Path, since_us: int) -> set[str]:
    found = set()
    for path in folder.glob("*.*.json"):
        try:
            status = StreamStatus.from_json(path.read_bytes())
        except (BadInput, OSError):
            continue
        if status.state is StreamState.RECORDING and (status.last_sample_us or 0) > since_us:
            found.add(status.camera)
    return found


def main() -> None:
    """Start, wait, stop, a few times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=32)
    parser.add_argument("--pace", default="paced")
    parser.add_argument("--runs", type=int, default=3)
    wanted = parser.parse_args()
    console = Console(highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="holdfast-start-"))
    try:
        with cameras(wanted.cameras, wanted.pace) as urls:
            config = _configure(folder, urls)
            for run in range(wanted.runs):
                begun_us = time.time_ns() // 1000
                begun = time.monotonic()
                argv = [sys.executable, "-m", "holdfast", "run", "--config", str(config), "--quiet"]
                group = Group([argv], folder / "log")
                reached: dict[int, float] = {}
                try:
                    while len(reached) < wanted.cameras and time.monotonic() - begun < _GIVE_UP_S and group.alive():
                        time.sleep(0.02)
                        for count in range(len(reached) + 1, len(_recording(folder / "run", begun_us)) + 1):
                            reached[count] = time.monotonic() - begun
                finally:
                    group.stop()
                if len(reached) < wanted.cameras:
                    raise SystemExit(f"only {len(reached)} cameras record:\n{(folder / 'log').read_text()[-2000:]}")
                kind = "without a plan" if run == 0 else "with the last plan"
                first, last = reached[1], reached[wanted.cameras]
                console.print(f"{kind}: first of {wanted.cameras} cameras after {first:.2f} s, all after {last:.2f} s")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
