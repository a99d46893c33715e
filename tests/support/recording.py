"""Recording in tests: one stream or one recorder in this process, its journal, its files, and what ffprobe says."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from holdfast.core.clock import Clock, SystemClock
from holdfast.core.footage import Timeline, timeline
from holdfast.core.journal import Closed, Event
from holdfast.core.plan import StreamPlan
from holdfast.media.source.make import make_source
from holdfast.recording.store import StreamStore
from holdfast.recording.stream import StreamRecorder
from holdfast.recording.upkeep import Upkeep
from holdfast.storage.journal import stream_lines


def uncut_s() -> int:
    """A length of files, about ten minutes, with no cut near: a test that expects one file meets no boundary by chance.

    Nor does one that sets the clock forward or back by an hour or by ten minutes.
    """
    nows_s = [round(time.time()) + step_s for step_s in (0, 3600, -3600, -600)]
    return max(range(600, 780), key=lambda length: min(min(now % length, -now % length) for now in nows_s))


def stream_plan(root: Path, url: str, **more: Any) -> StreamPlan:
    """A plan that records `url` as `cam1/main` below `root`, without a marker or a reserve unless asked for."""
    facts: dict[str, Any] = {"camera": "cam1", "stream": "main", "url": url, "volume": str(root), "reserve_bytes": 0,
                             "segment_s": uncut_s()}  # fmt: skip
    return StreamPlan(**{**facts, **more})


@contextmanager
def recording(plan: StreamPlan, *, clock: Clock | None = None, session: str = "s1") -> Iterator[StreamRecorder]:
    """Record one stream until the end of the block, then stop in order."""
    clock = clock or SystemClock()
    upkeep = Upkeep(clock.boot_id)
    expendable = Path(plan.volume).parent / "expendable.jsonl"
    recorder = StreamRecorder(
        plan,
        clock,
        make_source=lambda wanted: make_source(wanted, clock),
        open_store=lambda: StreamStore(plan, clock, expendable, session),
        recover=upkeep.take,
    )
    recorder.start()
    try:
        yield recorder
    finally:
        recorder.stop(Closed(reason="recorder-down", detail="stopped"))
        ended = recorder.join(60)
        upkeep.stop(5)
        assert ended, "the stream did not stop in time"


def until(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Wait for something that happens in another thread or process; fail where it does not."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {timeout_s} s"
        time.sleep(0.02)


def events(plan: StreamPlan, kind: type[Any] | None = None) -> list[Any]:
    """Return what the stream's journal says, of one kind where asked."""
    said: list[Event] = [line.event for line in stream_lines(Path(plan.volume), plan.key) if line.event is not None]
    return [event for event in said if kind is None or isinstance(event, kind)]


def ledger_of(plan: StreamPlan, *, alive: bool = False) -> Timeline:
    """Derive the stream's timeline from its journal, up to now."""
    lines = stream_lines(Path(plan.volume), plan.key)
    return timeline(lines, now_us=SystemClock().wall_us(), alive=alive)


def footage_files(plan: StreamPlan) -> list[Path]:
    """Return the stream's segment files, oldest first."""
    return sorted(Path(plan.volume, "footage", plan.camera, plan.stream).glob("*/*.mp4"))


def play(path: Path) -> dict[str, Any]:
    """Decode a file to its end with ffprobe, the independent oracle; fail on anything that it complains about."""
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(path)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == "", f"{path.name}: {shown.stderr}"
    facts: dict[str, Any] = json.loads(shown.stdout)
    return {stream["codec_type"]: stream for stream in facts["streams"]}
