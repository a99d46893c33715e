"""Recorded files for tests of clips and lists: runs cut into several files, and what a player says of a result."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from holdfast.core.camera import Kind, Sample
from holdfast.core.journal import Begun, Event
from holdfast.media.clip import ClipPlan, Source, plan_clip, read_plan
from holdfast.media.footage import opened
from holdfast.media.segment import SegmentFile
from support.media import WALL_US, Footage, end_of, fragments, head, wall_of
from support.probe import Probed


def write_run(
    root: Path,
    footage: Footage,
    *,
    per_file: int = 2,
    start_us: int = WALL_US,
    run: str = "run-1",
    length_s: float = 0.5,
    say: Callable[[Event], None] = lambda _event: None,
) -> list[Path]:
    """Write footage as one run, a file every `per_file` keyframes; all sealed. `say` hears what the journal would."""
    files: list[Path] = []
    segment: SegmentFile | None = None
    keys, began_us = 0, start_us
    for group in fragments(footage, length_s=length_s):
        keys += _begins_with_key(footage, group)
        wall_us = wall_of(footage, group, start_us)
        if segment is None or (_begins_with_key(footage, group) and keys > per_file):
            after = [] if segment is None else list(segment.reached_ticks)
            if segment is not None:
                files.append(_sealed(segment, root, began_us, wall_us, say))
            segment = SegmentFile.create(
                root, head(start_us=wall_us, run=run), footage.tracks, segment_s=600, after_ticks=after
            )
            keys, began_us = 1, wall_us
        segment.write(group, wall_us)
    assert segment is not None
    files.append(_sealed(segment, root, began_us, end_of(footage, start_us), say))
    return files


def _sealed(segment: SegmentFile, root: Path, start_us: int, end_us: int, say: Callable[[Event], None]) -> Path:
    event = segment.seal(start_us=start_us, end_us=end_us, ended="cut")
    say(Begun(file=event.file, run=event.run, start_us=start_us, why="cut"))
    say(event)
    return root / event.file


def _begins_with_key(footage: Footage, group: list[Sample]) -> bool:
    first = next((s for s in group if footage.tracks[s.track].kind is Kind.VIDEO), None)
    return first is not None and first.keyframe


def opener(path: Path) -> AbstractContextManager[int]:
    """Open a file for reading."""
    return opened(path)


def sources(files: list[Path]) -> list[Source]:
    """Files as a clip takes them."""
    return [Source(path.name, partial(opener, path)) for path in files]


def pieces_of(plan: ClipPlan, files: list[Path], step: int = 1 << 16) -> Iterator[bytes]:
    """Read a clip as a client would, piece by piece."""
    at = 0
    while at < plan.bytes:
        piece = read_plan(plan, lambda n: opened(files[n]), at, step)
        assert piece
        yield piece
        at += len(piece)


def write_clip(target: Path, files: list[Path], from_us: int, to_us: int) -> ClipPlan:
    """Make a clip and write it out."""
    plan = plan_clip(sources(files), from_us, to_us)
    target.write_bytes(b"".join(pieces_of(plan, files)))
    assert target.stat().st_size == plan.bytes
    return plan


def first_times(found: Probed) -> dict[str, float]:
    """When the first picture and the first sound are presented, those that are shown."""
    return {
        kind: next(float(p["pts_time"]) for p in found.of(kind) if "D" not in p["flags"]) for kind in ("video", "audio")
    }
