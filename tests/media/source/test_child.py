import json
import os
import signal
import time
from pathlib import Path

import pytest
import structlog

from holdfast.core.clock import SystemClock
from holdfast.core.errors import SourceEnded, Stalled, Unreachable
from holdfast.core.plan import Encoding, StreamPlan
from holdfast.media.source import child
from holdfast.media.source.child import ChildSource
from support.web_camera import WebCamera, web_camera

pytestmark = pytest.mark.best_of_three  # real time is the subject: who writes and who reads are threads beside others

PASSWORD = "p@ss:w/rd%41"


def plan(camera: WebCamera, encoder: str = "software", **more: float) -> StreamPlan:
    """A plan for a camera's pictures."""
    return StreamPlan(
        camera="gate", stream="main", source="http", url=camera.url("/mjpeg"), volume="/nowhere", username="viewer",
        password=PASSWORD, encode=Encoding(frame_rate=20, encoder=encoder), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_process_that_dies_is_a_stream_that_ended() -> None:
    """Kill -9 of a source's process costs that connection, and the next one works at once (F52)."""
    with web_camera() as camera:
        source = ChildSource(plan(camera), SystemClock())
        source.open()
        stream = source.samples()
        next(stream)
        os.kill(source.pid, signal.SIGKILL)
        with pytest.raises(SourceEnded, match="killed by signal 9"):
            for _ in stream:
                pass
        source.close()
        again = ChildSource(plan(camera), SystemClock())
        try:
            again.open()
            assert next(again.samples())
        finally:
            again.close()


def test_a_process_that_hangs_is_killed() -> None:
    """A process stopped in its tracks, as by a driver, counts as stalled and is gone after closing."""
    with web_camera() as camera:
        source = ChildSource(plan(camera, stall_s=0.5), SystemClock())
        source.open()
        stream, pid = source.samples(), source.pid
        next(stream)
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(Stalled, match=r"nothing arrived for 0\.5 s"):
            for _ in stream:
                pass
        source.close()
        assert time.monotonic() - began < 4
        assert not Path(f"/proc/{pid}").exists()


def test_a_process_that_loads_slowly_still_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading does not count as opening: on a slow board, too, people read what is wrong with the camera."""
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.sleep(2)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with web_camera() as camera:
        gone = plan(camera, open_timeout_s=0.3)
    source = ChildSource(gone, SystemClock())
    with pytest.raises(Unreachable, match="cannot be reached"):
        source.open()


def test_the_password_is_on_no_command_line() -> None:
    """Neither arguments nor environment of the process hold the password (F61)."""
    with web_camera(auth="basic") as camera:
        source = ChildSource(plan(camera), SystemClock())
        try:
            source.open()
            said = Path(f"/proc/{source.pid}/cmdline").read_bytes() + Path(f"/proc/{source.pid}/environ").read_bytes()
        finally:
            source.close()
    assert b"holdfast.roles.source" in said
    assert PASSWORD.encode() not in said
    assert json.dumps(PASSWORD)[1:-1].encode() not in said


def test_the_log_says_once_what_encodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chosen encoder is one line of the log, with those that were passed over, however often it connects (C025)."""
    monkeypatch.setattr(child, "_chosen", {})
    with web_camera() as camera, structlog.testing.capture_logs() as lines:
        for _ in range(2):
            source = ChildSource(plan(camera, encoder="h264_nowhere"), SystemClock())
            try:
                assert source.open()[0].facts()["encoder"] == "libx264"
            finally:
                source.close()
    said = [line for line in lines if line["event"] == "source.encoder"]
    assert [(line["encoder"], line["without"][0].partition(":")[0]) for line in said] == [("libx264", "h264_nowhere")]


def test_after_a_crash_in_hardware_the_processor_encodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the process dies of its own code while hardware encodes, the next one does not ask the hardware (C025)."""
    monkeypatch.setattr(child, "_crashed", set())
    with web_camera() as camera:
        source = ChildSource(plan(camera), SystemClock())
        source.open()
        stream = source.samples()
        next(stream)
        source._encoder = "h264_v4l2m2m"  # there is none here; what matters is how its process ends
        os.kill(source.pid, signal.SIGSEGV)
        with pytest.raises(SourceEnded, match="killed by signal 11"):
            for _ in stream:
                pass
        source.close()
        again = ChildSource(plan(camera), SystemClock())
        try:
            again.open()
            assert Path(f"/proc/{again.pid}/cmdline").read_bytes().endswith(b"\0software\0")
        finally:
            again.close()
