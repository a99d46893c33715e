"""Pictures in tests: recorded trees whose every picture is known, and the number read out of any picture."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import av
from fastapi import FastAPI

from holdfast.api import mjpeg, stills
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock, SystemClock
from holdfast.core.journal import Opened
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import ticks_to_us
from holdfast.http import watching
from holdfast.media.boxread import Fragment, read_head
from holdfast.media.footage import opened, read_fragments
from holdfast.media.recover import describe
from holdfast.media.synthetic_picture import read_counter
from holdfast.storage.journal import JournalWriter
from support.recording import footage_files, recording, stream_plan, until
from support.sim import simulated, small_camera
from support.web import application, context_for


@dataclass
class Recorded:
    """A tree that was recorded."""

    plan: StreamPlan

    @property
    def volumes(self) -> dict[str, Path]:
        return {"main": Path(self.plan.volume)}

    @cached_property
    def pictures(self) -> list[tuple[int, int]]:
        """Wall time and visible number of every recorded picture; the numbers as libav's own reader decodes them."""
        found: list[tuple[int, int]] = []
        for path in footage_files(self.plan):
            found += zip(sorted(walls_of(path)), numbers_in(path), strict=True)
        return found

    def number_at(self, at_us: int) -> int:
        """The number that was to be seen at an instant."""
        return [number for when_us, number in self.pictures if when_us <= at_us][-1]


def walls_of(path: Path) -> Iterator[int]:
    """Wall time of every picture of a file, in the order in which they are stored."""
    with opened(path) as fd:
        head = read_head(fd)
    assert head is not None
    for piece in read_fragments(path):
        mine = piece.slice_of(0) if isinstance(piece, Fragment) else None
        if isinstance(piece, Fragment) and mine is not None:
            anchor_us = ticks_to_us(piece.anchor_ticks, head.tracks[piece.anchor].timescale)
            for sample in mine:
                yield piece.wall_us + ticks_to_us(sample.pts_ticks, head.tracks[0].timescale) - anchor_us


@contextmanager
def being_recorded(
    root: Path, codec: str, *, bframes: int = 0, segment_s: int = 2, first_file: bool = True
) -> Iterator[Recorded]:
    """Record a small camera until the end of the block; begins when a first file is finished, or begun."""
    camera = small_camera(codec=codec, bframes=bframes)
    with simulated(camera) as sim:
        plan = stream_plan(root / "vol", sim.url("cam1"), segment_s=segment_s)
        with recording(plan):
            until(partial(footage_files, plan) if first_file else partial(_begun, Path(plan.volume)))
            yield Recorded(plan)


def recorded(root: Path, codec: str, *, bframes: int = 0, seconds: float = 5.0) -> Recorded:
    """Record for some seconds in files of two."""
    with being_recorded(root, codec, bframes=bframes) as tree:
        until(partial(_long_enough, tree.plan, time.monotonic() + seconds), seconds + 60)
    return tree


def _begun(root: Path) -> list[Path]:
    return list(root.rglob("*.part"))


def _long_enough(plan: StreamPlan, at: float) -> bool:
    return time.monotonic() > at and len(footage_files(plan)) > 1


def number_in(body: bytes) -> int:
    """Read the number out of a packed picture."""
    return read_counter(_only(body).to_ndarray(format="gray"))


def size_of(body: bytes) -> tuple[int, int]:
    """Read width and height out of a packed picture."""
    frame = _only(body)
    return frame.width, frame.height


def frames_of(body: bytes) -> list[av.VideoFrame]:
    """Decode packed pictures: one, or several on end."""
    with av.open(io.BytesIO(body), "r") as media:
        return list(media.decode(video=0))


def _only(body: bytes) -> av.VideoFrame:
    (frame,) = frames_of(body)
    return frame


def numbers_in(path: Path) -> list[int]:
    """Decode a file and read the number of every picture."""
    with av.open(str(path), "r") as media:
        return [read_counter(frame.to_ndarray(format="gray")) for frame in media.decode(video=0)]


@contextmanager
def seeing(root: Path, clock: Clock | None = None, *, more: str = "") -> Iterator[FastAPI]:
    """An application that shows the pictures of `root/vol`, as the server builds it."""
    config = root / "holdfast.toml"
    config.write_text(
        f'state_dir = "state"\nruntime_dir = "run"\n{more}[volumes.main]\npath = "vol"\n[cameras.cam1]\n'
        'url = "rtsp://127.0.0.1:1/"\n[cameras.away]\nurl = "rtsp://127.0.0.1:2/"\n',
        encoding="utf-8",
    )
    context = context_for(config, clock or SystemClock())
    try:
        yield application(context, [stills.router, mjpeg.router], alive=[watching.lifespan])
    finally:
        context.close()


def tell(root: Path, files: list[Path], clock: Clock) -> None:
    """Write the journal that a recorder would have written of these files."""
    key = StreamKey("gate", "main")
    with JournalWriter(root, key, clock) as journal:
        journal.write(Opened(camera=key.camera, stream=key.stream, pid=1, program="test", session="s"), sync=False)
        for path in files:
            journal.write(replace(describe(path), file=path.relative_to(root).as_posix()), sync=False)
