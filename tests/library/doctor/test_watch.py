from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.clock import SystemClock
from holdfast.core.errors import Unsupported
from holdfast.core.plan import StreamPlan
from holdfast.library.doctor.watch import watch
from holdfast.media.source.contract import Source
from holdfast.media.source.make import make_source
from support.clock import PushedClock
from support.gst_server import GstServer, mount, vp8
from support.patients import healthy, plan_for

_VIDEO = Track(Kind.VIDEO, "h264", "h264", 1000, b"", width=640, height=360)


class FakeSource:
    """A fake: two keyframes two seconds apart, from a camera whose own clock is `off_us` away from ours."""

    def __init__(self, clock: PushedClock, off_us: int) -> None:
        self._clock, self._off_us = clock, off_us
        self.closed = False

    def open(self) -> tuple[Track, ...]:
        return (_VIDEO,)

    def samples(self) -> Iterator[Sample]:
        for at in (0, 2000):
            self._clock.advance(2.0)
            camera_us = self._clock.wall_us() + self._off_us
            yield Sample(0, b"", at, at, 40, keyframe=True, arrived_us=self._clock.boot_us(), camera_us=camera_us)

    def close(self) -> None:
        self.closed = True

    def interrupt(self) -> None:
        raise Unsupported("nobody interrupts this one")


@pytest.mark.parametrize(("off_s", "words"), [(-3600, "3600 s behind"), (86_400, "86400 s ahead of")])
def test_wrong_camera_clock_is_explained(tmp_path: Path, off_s: int, words: str) -> None:
    """A camera whose clock is an hour or a day off is named with how much and in which direction."""
    clock = PushedClock()
    source = FakeSource(clock, off_s * 1_000_000)
    patient = healthy(tmp_path, clock=clock, connect=lambda _: source)
    findings, _ = watch(patient, plan_for(tmp_path), 8.0)
    assert [found.fault for found in findings] == ["camera-clock-off"]
    assert words in findings[0].evidence
    assert source.closed


def test_right_camera_clock_is_no_finding(tmp_path: Path) -> None:
    """Two seconds of difference are network and buffers, not a fault."""
    clock = PushedClock()
    patient = healthy(tmp_path, clock=clock, connect=lambda _: FakeSource(clock, 2_000_000))
    assert not watch(patient, plan_for(tmp_path), 8.0)[0]


@pytest.mark.needs("gst-rtsp")
def test_unsupported_codec_is_explained(tmp_path: Path) -> None:
    """A camera that sends VP8 is told that H.264 or H.265 is wanted (C010)."""
    clock = SystemClock()

    def connect(plan: StreamPlan) -> Source:
        return make_source(plan, clock)

    with GstServer({"/cam": mount(vp8())}) as server:
        patient = healthy(tmp_path, clock=clock, connect=connect)
        findings, _ = watch(patient, plan_for(tmp_path, url=server.url("/cam")), 8.0)
    assert [found.fault for found in findings] == ["codec-unsupported"]
    assert "H.264 or H.265" in findings[0].fix
