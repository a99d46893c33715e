"""One recorder that records another one over HTTP: our own server as a camera."""

from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import pytest

from holdfast.api import hls, mjpeg
from holdfast.core.camera import Sample
from holdfast.core.clock import SystemClock
from holdfast.core.plan import Encoding, StreamPlan
from holdfast.http import watching
from holdfast.media.source.make import make_source
from holdfast.sim.mark import find_marks
from support.pictures import being_recorded
from support.web import application, context_for, serving


@pytest.fixture(scope="module", name="address")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A camera that is being recorded, and its recorder's address."""
    root = tmp_path_factory.mktemp("node")
    config = root / "holdfast.toml"
    text = 'state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "vol"\n'
    config.write_text(text + '[cameras.cam1]\nurl = "rtsp://127.0.0.1:1/"\n', encoding="utf-8")
    context = context_for(Path(config), SystemClock())
    try:
        app = application(context, [mjpeg.router, hls.router], alive=[watching.lifespan])
        with being_recorded(root, "h264", segment_s=600, first_file=False), serving(app) as address:
            yield f"{address}/api/v1/cameras/cam1"
    finally:
        context.close()


def taken(url: str, count: int) -> tuple[str, list[Sample]]:
    """Record some samples of video, in a process of its own; returns with what was sent."""
    encode = Encoding(frame_rate=10, encoder="software")
    plan = StreamPlan(camera="copy", stream="main", source="http", url=url, volume="/nowhere", encode=encode)
    source = make_source(plan, SystemClock())
    try:
        track = source.open()[0]
        video = (item for item in source.samples() if isinstance(item, Sample) and item.track == 0)
        return track.sent_codec, list(islice(video, count))
    finally:
        source.close()


@pytest.mark.best_of_three
def test_our_pictures_are_recorded(address: str) -> None:
    """`live.mjpeg` of a recorder is a camera for another one (C010, C023)."""
    sent, samples = taken(f"{address}/live.mjpeg?fps=10&width=160", 20)
    assert sent == "mjpeg"
    assert all(a.arrived_us < b.arrived_us for a, b in pairwise(samples))
    assert 1_200_000 < samples[-1].arrived_us - samples[0].arrived_us < 4_000_000


def test_our_list_is_recorded_without_loss(address: str) -> None:
    """`live.m3u8` of a recorder is recorded as it was: every picture once and in order, not encoded again (C021)."""
    sent, samples = taken(f"{address}/live.m3u8", 120)
    assert sent == "h264"
    counters = [mark.counter for sample in samples for mark in find_marks(sample.payload)]
    assert len(counters) == 120
    assert counters == list(range(counters[0], counters[0] + 120))
