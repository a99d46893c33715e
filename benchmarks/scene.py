"""The scene of every benchmark: simulated cameras in a process of their own, and recorders that record them."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from holdfast.core.plan import Plan, StreamPlan

PER_PROCESS = 16  # streams of one recorder process, as configured by default
MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())  # noqa: S108 - a folder with a random name is made in it


@contextmanager
def cameras(count: int, pace: str, *options: str) -> Iterator[list[str]]:
    """Serve `count` cameras (1080p25, H.264 at 4 Mb/s, AAC); hand out the addresses of their main streams."""
    argv = [sys.executable, "-m", "holdfast", "sim", "--cameras", str(count), "--pace", pace, "--port", "0", "--json"]
    with subprocess.Popen([*argv, *options], stdout=subprocess.PIPE, start_new_session=True) as sim:
        try:
            assert sim.stdout is not None
            line = sim.stdout.readline()
            assert line, "the simulator did not start"
            yield [urls["main"] for urls in json.loads(line)["urls"].values()]
        finally:
            sim.terminate()
            sim.wait(30)


def holdfast_commands(folder: Path, urls: Sequence[str]) -> list[list[str]]:
    """Write `streams.json` for recorder processes without a supervisor, and return their command lines."""
    footage, state = folder / "footage-disk", folder / "state"
    # In memory, as installations have it: on a disk, replacing status files each second would be most of the work.
    runtime = MEMORY / folder.parent.name
    for place in (footage, state, runtime):
        place.mkdir(parents=True)
    plans = tuple(
        StreamPlan(
            camera=f"cam{number}", stream="main", url=url, process=number // PER_PROCESS, volume=str(footage),
            reserve_bytes=0,
        )
        for number, url in enumerate(urls)
    )  # fmt: skip
    path = state / "streams.json"
    path.write_text(Plan(streams=plans, runtime_dir=str(runtime), log_level="warning").to_json(), encoding="utf-8")
    path.chmod(0o600)
    shards = range(-(-len(urls) // PER_PROCESS))
    program = [sys.executable, "-m", "holdfast", "record", "--state-dir", str(state), "--shard"]
    return [[*program, str(shard)] for shard in shards]


def ffmpeg_commands(folder: Path, urls: Sequence[str]) -> list[list[str]]:
    """R: one `ffmpeg -c copy` a camera, as the predecessors ran it."""
    folder.mkdir(parents=True)
    quiet = ["ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp"]
    cut = ["-map", "0", "-c", "copy", "-f", "segment", "-segment_time", "600", "-strftime", "1"]
    return [
        [*quiet, "-i", url, *cut, "-reset_timestamps", "1", str(folder / f"cam{number}_%Y%m%dT%H%M%S.mkv")]
        for number, url in enumerate(urls)
    ]


def pyav_commands(folder: Path, urls: Sequence[str]) -> list[list[str]]:
    """A thread a camera in one process, with PyAV's muxer."""
    folder.mkdir(parents=True)
    return [[sys.executable, str(Path(__file__).with_name("pyav_recorder.py")), str(folder), *urls]]


def clear(folder: Path) -> None:
    """Remove a run's scratch folder, and what `holdfast_commands` put into memory for it."""
    shutil.rmtree(folder)
    shutil.rmtree(MEMORY / folder.name, ignore_errors=True)


RECORDERS = {"holdfast": holdfast_commands, "ffmpeg": ffmpeg_commands, "pyav": pyav_commands}
SUFFIXES = (".mp4", ".part", ".mkv")


def media_files(folder: Path) -> list[Path]:
    """Return what a recorder has written so far, growing files included."""
    return [path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file()]


def await_recording(folder: Path, count: int, *, timeout_s: float = 60.0) -> float:
    """Wait until every camera has a file with something in it; return how long that took, in seconds."""
    begun = time.monotonic()
    while time.monotonic() - begun < timeout_s:
        if sum(path.stat().st_size > 100_000 for path in _still_there(folder)) >= count:
            return time.monotonic() - begun
        time.sleep(0.05)
    sizes = sorted(path.stat().st_size for path in _still_there(folder))
    said = (folder.parent / "log").read_text(encoding="utf-8", errors="replace")[-2000:]
    raise SystemExit(f"not all of {count} cameras are being recorded after {timeout_s:.0f} s: {sizes} bytes\n{said}")


def _still_there(folder: Path) -> Iterator[Path]:
    """Leave out files that were renamed since the listing: a segment that was just finished."""
    return (path for path in media_files(folder) if path.exists())
