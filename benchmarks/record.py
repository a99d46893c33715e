"""The recorder against R (one `ffmpeg -c copy` a camera) and against a PyAV recorder, in one run on one machine.

    python benchmarks/record.py [--cameras 1,4,16,32] [--pace burst,paced] [--seconds 20] [--out FILE]

Goals P1 (CPU against R), P2 (memory of a further camera), P6 (bytes written against bytes of media). Each cell starts
its own cameras and recorder, waits until all of them record, settles, and measures for `--seconds`; the peers of one
row run one after the other, so that they meet the same machine.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from meter import Group, Usage
from scene import RECORDERS, await_recording, cameras, clear, media_files

_SETTLE_S = 3.0  # connections, first keyframes and imports are over by then; a cell measures steady recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One recorder with so many cameras at one pace."""

    pace: str
    cameras: int
    recorder: str
    cpu_cores: float
    pss_bytes: int
    file_bytes: int
    media_bytes: int
    written_bytes: int
    recording_s: float


def run_cell(recorder: str, count: int, pace: str, seconds: float, scratch: Path) -> Cell:
    """Measure one cell."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-bench-", dir=scratch))
    try:
        with cameras(count, pace) as urls:
            begun = time.monotonic()
            group = Group(RECORDERS[recorder](folder / "out", urls), folder / "log")
            try:
                await_recording(folder / "out", count)
                time.sleep(_SETTLE_S)
                usage: Usage = group.measure(seconds)
                if not group.alive():
                    raise SystemExit(f"{recorder} ended early:\n{(folder / 'log').read_text(errors='replace')[-2000:]}")
            finally:
                recording_s = time.monotonic() - begun
                written = group.stop()
        files = media_files(folder / "out")
        assert len(files) >= count, f"{recorder} left {len(files)} files of {count} cameras"
        return Cell(
            pace=pace, cameras=count, recorder=recorder, cpu_cores=usage.cores, pss_bytes=usage.pss_bytes,
            file_bytes=sum(path.stat().st_size for path in files), media_bytes=_media_bytes(folder / "out"),
            written_bytes=written, recording_s=recording_s,
        )  # fmt: skip
    finally:
        clear(folder)


def _media_bytes(folder: Path) -> int:
    """Sum the payload that Holdfast's journals speak of; other recorders keep no such books."""
    total = 0
    for journal in folder.rglob("*.journal"):
        lines = map(json.loads, journal.read_text(encoding="utf-8").splitlines())
        total += sum(line["media_bytes"] for line in lines if line["t"] == "sealed")
    return total


def show(cells: list[Cell], console: Console) -> None:
    """Print a row a cell, with the ratio to R of the same pace and number."""
    table = Table(
        title="Recording, 1080p25 H.264 4 Mb/s + AAC over RTSP/TCP",
        caption="CPU in % of a core, all and each camera; R is ffmpeg -c copy; bytes written against files and media",
    )
    for title in ("pace", "cameras", "recorder", "CPU", "each", "/ R", "PSS MB"):
        table.add_column(title, justify="left" if title in {"pace", "recorder"} else "right")
    table.add_column("/ files", justify="right")
    table.add_column("/ media", justify="right")
    for cell in cells:
        media = f"{cell.written_bytes / cell.media_bytes:.3f}" if cell.media_bytes else ""
        table.add_row(
            cell.pace, str(cell.cameras), cell.recorder, f"{cell.cpu_cores:.1%}",
            f"{cell.cpu_cores / cell.cameras:.2%}", _ratio(cell, cells), f"{cell.pss_bytes / 1e6:.0f}",
            f"{cell.written_bytes / cell.file_bytes:.3f}", media,
        )  # fmt: skip
    console.print(table)
    for recorder in RECORDERS:
        for pace in dict.fromkeys(cell.pace for cell in cells):
            own = sorted((c for c in cells if c.recorder == recorder and c.pace == pace), key=lambda c: c.cameras)
            several = [cell for cell in own if cell.cameras >= 4]
            if len(several) > 1:
                first, last = several[0], several[-1]
                slope = (last.pss_bytes - first.pss_bytes) / (last.cameras - first.cameras) / 1e6
                console.print(f"{recorder}, {pace}: {slope:.1f} MB a further camera")


def _ratio(cell: Cell, cells: list[Cell]) -> str:
    reference = next(
        (c for c in cells if c.recorder == "ffmpeg" and (c.pace, c.cameras) == (cell.pace, cell.cameras)), None
    )
    return f"{cell.cpu_cores / reference.cpu_cores:.2f}" if reference else ""


def main() -> None:
    """Run every cell that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", default="1,4,16,32")
    parser.add_argument("--pace", default="burst,paced")
    parser.add_argument("--recorders", default=",".join(RECORDERS))
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()), help="where to record to")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results") / "record.json")
    wanted = parser.parse_args()
    console = Console(highlight=False)
    console.print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    cells: list[Cell] = []
    for pace in wanted.pace.split(","):
        for count in map(int, wanted.cameras.split(",")):
            for recorder in wanted.recorders.split(","):
                cells.append(run_cell(recorder, count, pace, wanted.seconds, wanted.scratch))
                cell = cells[-1]
                console.print(f"{pace} {count} {recorder}: {cell.cpu_cores:.1%}, {cell.pss_bytes / 1e6:.0f} MB")
    show(cells, console)
    wanted.out.parent.mkdir(parents=True, exist_ok=True)
    facts = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    body = {"at": time.time(), "host": facts, "seconds": wanted.seconds, "cells": [asdict(cell) for cell in cells]}
    wanted.out.write_text(json.dumps(body, indent=1), encoding="utf-8")
    console.print(f"written to {wanted.out}")


if __name__ == "__main__":
    main()
