import time
from itertools import islice

import pytest

from holdfast.core.camera import Sample
from holdfast.core.clock import SystemClock
from holdfast.core.errors import Refused, SourceEnded, Unreachable
from holdfast.core.plan import Encoding, StreamPlan
from holdfast.media.source.make import tcp_answers
from holdfast.media.source.screen import ScreenSource
from support.screen import xvfb

pytestmark = [pytest.mark.needs("xvfb"), pytest.mark.best_of_three]


def plan(display: str, **options: str) -> StreamPlan:
    """A plan for a screen, five pictures a second."""
    return StreamPlan(
        camera="desk", stream="main", source="x11", url=f"x11://{display}", volume="/nowhere", options=options,
        encode=Encoding(frame_rate=5, encoder="software"),
    )  # fmt: skip


def test_a_screen_is_a_camera() -> None:
    """A display is recorded at its size, at the lower rate of screens, and has no sound (C018)."""
    with xvfb("640x480") as display:
        source = ScreenSource(plan(display), SystemClock())
        try:
            tracks = source.open()
            began = time.monotonic()
            items = [item for item in islice(source.samples(), 8) if isinstance(item, Sample)]
            took_s = time.monotonic() - began
        finally:
            source.close()
    assert [(t.width, t.height, t.sent_codec) for t in tracks] == [(640, 480, "rawvideo")]
    assert items[0].keyframe
    # By the pictures' own times, the first three apart: those are what had gathered while it was opened.
    assert (items[-1].pts_ticks - items[3].pts_ticks) / tracks[0].timescale > 0.75
    assert 0.75 < took_s < 2.5


def test_a_part_of_a_screen() -> None:
    """An area of the screen can be recorded alone."""
    with xvfb("640x480") as display:
        source = ScreenSource(plan(f"{display}.0+100,50", area="320x200", cursor="no"), SystemClock())
        try:
            track = source.open()[0]
        finally:
            source.close()
    assert (track.width, track.height) == (320, 200)


def test_a_screen_that_is_not_there() -> None:
    """A display that does not run is unreachable, and is seen when it appears; one that makes no sense is refused."""
    with pytest.raises(Unreachable, match="there is no X display :93"):
        ScreenSource(plan(":93"), SystemClock()).open()
    assert not tcp_answers("x11://:93", 0.1)
    with pytest.raises(Refused, match="no X display"):
        ScreenSource(plan(":0 -i /etc/passwd"), SystemClock()).open()
    with xvfb("320x240") as display:
        assert tcp_answers(f"x11://{display}", 0.1)
        with pytest.raises(Refused, match="cannot be recorded"):
            ScreenSource(plan(f"{display}+5000,0", area="320x200"), SystemClock()).open()


def test_a_screen_that_goes_away() -> None:
    """When its X server ends, so does the source, with what came."""
    with xvfb("320x240") as display:
        source = ScreenSource(plan(display), SystemClock())
        source.open()
        stream = source.samples()
        next(stream)
    try:
        with pytest.raises(SourceEnded, match="gives no more pictures"):
            for _ in stream:
                pass
    finally:
        source.close()
