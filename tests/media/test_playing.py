"""Names of codecs, and fragments of several files on one viewer's timeline."""

from functools import partial
from pathlib import Path

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.errors import BadInput
from holdfast.core.plan import StreamPlan
from holdfast.library.footage import Chunk, find, path_of, read
from holdfast.media.playing import Presentation, init_of
from support.recording import footage_files, recording, stream_plan, until
from support.sim import simulated, small_camera

KEY = StreamKey("cam1", "main")


def _recorded(plan: StreamPlan, files: int) -> bool:
    return len(footage_files(plan)) >= files


@pytest.fixture(name="chunks", scope="module")
def _chunks(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], list[Chunk]]:
    """Two connections of a camera with B-frames and sound, some files each."""
    disk = tmp_path_factory.mktemp("playing") / "disk"
    with simulated(small_camera(bframes=2)) as server:
        plan = stream_plan(disk, server.url("cam1"), segment_s=1)
        for number in (1, 2):
            with recording(plan, session=f"s{number}"):
                until(partial(_recorded, plan, 3 * number))
    now_us = SystemClock().wall_us()
    stretch = find({"main": disk}, KEY, 0, now_us, now_us=now_us, catalog=None)
    return {"main": disk}, [item for item in read({"main": disk}, stretch) if isinstance(item, Chunk)]


def _raw(volumes: dict[str, Path], chunk: Chunk) -> bytes:
    data = path_of(volumes, chunk.piece).read_bytes()
    return data[chunk.fragment.offset : chunk.fragment.offset + chunk.fragment.bytes]


def test_pictures_continue_over_files_and_connections(chunks: tuple[dict[str, Path], list[Chunk]]) -> None:
    """Each fragment's pictures begin where those before it ended, and only another connection begins a stretch."""
    volumes, found = chunks
    timeline = Presentation()
    stretches, ends = 0, []
    for chunk in found:
        before_s = timeline.end_s
        new = timeline.place(chunk.head, chunk.fragment)
        stretches += new
        data = timeline.rewrite(chunk.head, chunk.fragment, _raw(volumes, chunk))
        assert data[4:8] == b"moof"
        assert len(data) < chunk.fragment.bytes
        if new:
            # Decoding of B-frames begins before the first picture is shown, and no time is below 0.
            late_s = 0.08 if before_s == 0 else 0.0
            assert timeline.start_s(chunk.head, chunk.fragment) == pytest.approx(before_s + late_s, abs=0.001)
        assert before_s < timeline.end_s < before_s + 0.7
        ends.append(timeline.end_s)
    recorded_s = sum(len(part) for c in found for part in c.fragment.slices if part.track == c.head.reference) / 25
    assert stretches == len({chunk.head.run for chunk in found}) == 2
    # Either connection may end between a picture and the two B-frames that are shown before it.
    assert recorded_s + 0.08 - 0.01 < ends[-1] < recorded_s + 0.08 + 2 * 0.08 + 0.01


def test_a_jump_begins_a_stretch(chunks: tuple[dict[str, Path], list[Chunk]]) -> None:
    """After a seek the same run continues the viewer's timeline, although its own time went back."""
    volumes, found = chunks
    timeline = Presentation()
    for chunk in (found[4], found[0]):
        timeline.jump()
        assert timeline.place(chunk.head, chunk.fragment)
        timeline.rewrite(chunk.head, chunk.fragment, _raw(volumes, chunk))
    assert 0.3 < timeline.end_s < 1.2


def test_torn_bytes_are_refused(chunks: tuple[dict[str, Path], list[Chunk]]) -> None:
    """Bytes that are not the fragment's never reach a viewer."""
    volumes, found = chunks
    timeline = Presentation()
    with pytest.raises(BadInput, match="not placed"):
        timeline.start_s(found[0].head, found[0].fragment)
    timeline.place(found[0].head, found[0].fragment)
    raw = _raw(volumes, found[0])
    for torn in (raw[:-1], b"", bytes(len(raw)), raw[:60] + bytes(len(raw) - 60)):
        with pytest.raises(BadInput, match="damaged"):
            timeline.rewrite(found[0].head, found[0].fragment, torn)


def test_codecs_have_the_names_that_browsers_ask_for(chunks: tuple[dict[str, Path], list[Chunk]]) -> None:
    """The init names profile and level of the pictures, and the kind of sound."""
    volumes, found = chunks
    front = path_of(volumes, found[0].piece).read_bytes()[: found[0].head.init_bytes]
    init = init_of(found[0].head, front)
    assert init.codecs[0].startswith("avc1.6400")
    assert init.mime == f'video/mp4; codecs="{init.codecs[0]},mp4a.40.2"'
    assert (init.video, init.width, init.height) == ("h264", 320, 240)
    with pytest.raises(BadInput):
        init_of(found[0].head, front[:-200])
