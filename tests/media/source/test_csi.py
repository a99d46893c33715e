import os
import signal
import threading
import time
from itertools import islice, pairwise
from pathlib import Path

import pytest

from holdfast.core.camera import Sample
from holdfast.core.clock import SystemClock
from holdfast.core.errors import SourceEnded, Stalled, Unreachable, Unsupported
from holdfast.core.plan import Encoding, StreamPlan
from holdfast.media.source.csi import CsiSource
from support.encoding import QUARTERS, colours, decoded
from support.rpicam import install

pytestmark = pytest.mark.best_of_three  # real time is the subject: who writes and who reads are threads beside others

ID = "/base/soc/i2c0mux/i2c@0/imx708@1a"


def plan(program: Path | str, camera: str = "1", rotation: int = 0) -> StreamPlan:
    """A plan for a camera of a board."""
    size = (240, 320) if rotation in {90, 270} else (320, 240)
    encode = Encoding(width=size[0], height=size[1], frame_rate=20, encoder="software", rotation=rotation)
    return StreamPlan(
        camera="left", stream="main", source="csi", url=f"csi://{camera}", volume="/nowhere", stall_s=1.0,
        options={"program": str(program)}, encode=encode,
    )  # fmt: skip


@pytest.mark.parametrize("camera", ["1", ID])
def test_a_camera_by_number_or_by_its_id(tmp_path: Path, camera: str) -> None:
    """A camera is found by its number of today or by its lasting id, and recorded as the program encodes (C019)."""
    source = CsiSource(plan(install(tmp_path), camera), SystemClock())
    try:
        track = source.open()[0]
        argv = Path(f"/proc/{source._program.pid}/cmdline").read_bytes() if source._program is not None else b""
        samples = [item for item in islice(source.samples(), 30) if isinstance(item, Sample)]
    finally:
        source.close()
    assert b"--camera\0001\000" in argv
    assert (track.codec, track.sent_codec, track.encoder, track.width) == ("h264", "h264", "", 320)
    assert samples[0].keyframe
    assert all(a.dts_ticks + a.duration_ticks == b.dts_ticks for a, b in pairwise(samples))
    assert 1.0 < (samples[-1].dts_ticks - samples[0].dts_ticks) / 90_000 < 2.2
    assert colours(decoded(track, samples)[-1]) == QUARTERS


def test_what_the_program_cannot_turn_is_turned_here(tmp_path: Path) -> None:
    """By 90 degrees pictures come as JPEG and are turned and encoded (C020)."""
    source = CsiSource(plan(install(tmp_path), rotation=90), SystemClock())
    try:
        track = source.open()[0]
        samples = [item for item in islice(source.samples(), 10) if isinstance(item, Sample)]
    finally:
        source.close()
    assert (track.sent_codec, track.encoder, track.width, track.height) == ("mjpeg", "libx264", 240, 320)
    assert colours(decoded(track, samples)[-1]) == tuple(QUARTERS[place] for place in (2, 0, 3, 1))


def test_cameras_that_are_not_there_are_told(tmp_path: Path) -> None:
    """No such camera names those that there are; none at all, and no program, are said, too (C019)."""
    program = install(tmp_path)
    with pytest.raises(Unreachable, match=r"there is no camera 7; there are: 0 \(imx219, .*\), 1 \(imx708_wide, "):
        CsiSource(plan(program, "7"), SystemClock()).open()
    with pytest.raises(Unreachable, match="there are: none"):
        CsiSource(plan(install(tmp_path, cameras=False)), SystemClock()).open()
    with pytest.raises(Unsupported, match="there is no /nowhere/rpicam") as caught:
        CsiSource(plan("/nowhere/rpicam"), SystemClock()).open()
    assert "recorder.camera_program" in caught.value.hint


def test_a_program_that_ends_or_hangs(tmp_path: Path) -> None:
    """A program that dies ends the stream at once, one that hangs within the stall time; closing frees the sensor."""
    for number, kind in ((signal.SIGKILL, SourceEnded), (signal.SIGSTOP, Stalled)):
        source = CsiSource(plan(install(tmp_path)), SystemClock())
        source.open()
        stream = source.samples()
        next(stream)
        assert source._program is not None
        pid = source._program.pid
        os.kill(pid, number)
        began = time.monotonic()
        with pytest.raises(kind):
            for _ in stream:
                pass
        source.close()
        assert time.monotonic() - began < 3
        assert not Path(f"/proc/{pid}").exists()


def test_a_wait_is_interrupted(tmp_path: Path) -> None:
    """Another thread ends it within a second."""
    source = CsiSource(plan(install(tmp_path)), SystemClock())
    source.open()
    threading.Timer(0.2, source.interrupt).start()
    began = time.monotonic()
    try:
        with pytest.raises(SourceEnded, match="told to stop"):
            for _ in source.samples():
                pass
    finally:
        source.close()
    assert time.monotonic() - began < 1.5
