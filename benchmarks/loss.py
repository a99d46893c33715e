"""Is every frame on disk? Cameras with counters in each picture, recorded, and every counter looked for (P3).

    python benchmarks/loss.py [--cameras 32] [--pace paced] [--seconds 600]

Exit code 1 where a single picture is missing between a camera's first and last one on disk, or where the tail is.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from rich.console import Console

from holdfast.sim.mark import find_marks
from meter import Group
from scene import await_recording, cameras, clear, holdfast_commands, media_files

_TAIL_US = 1_500_000  # a fragment, a burst, and the way through a busy machine; more is a loss at the end


def main() -> None:
    """Record, stop, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=32)
    parser.add_argument("--pace", default="paced")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()), help="where to record to")
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="holdfast-loss-", dir=wanted.scratch))
    console = Console(highlight=False)
    try:
        with cameras(wanted.cameras, wanted.pace) as urls:
            group = Group(holdfast_commands(folder / "out", urls), folder / "log")
            try:
                await_recording(folder / "out", wanted.cameras)
                usage = group.measure(wanted.seconds)
            finally:
                stopped_us = time.time_ns() // 1000
                group.stop()
        counters: dict[str, set[int]] = defaultdict(set)
        last_us: dict[str, int] = defaultdict(int)
        for path in media_files(folder / "out"):
            for mark in find_marks(path.read_bytes()):
                counters[mark.camera].add(mark.counter)
                last_us[mark.camera] = max(last_us[mark.camera], mark.sent_us)
    finally:
        clear(folder)
    lost = {name: max(seen) - min(seen) + 1 - len(seen) for name, seen in counters.items()}
    short = sorted(name for name, at_us in last_us.items() if stopped_us - at_us > _TAIL_US)
    total = sum(map(len, counters.values()))
    console.print(
        f"{wanted.cameras} cameras, {wanted.pace}, {wanted.seconds:.0f} s: {total} pictures on disk, "
        f"{sum(lost.values())} missing between first and last; CPU {usage.cores:.0%} of a core"
    )
    for name, count in lost.items():
        if count:
            console.print(f"  {name}: {count} missing")
    if short:
        console.print(f"  ended early: {', '.join(short)}")
    if len(counters) < wanted.cameras or any(lost.values()) or short:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
