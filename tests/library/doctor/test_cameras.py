import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.core.clock import SystemClock
from holdfast.core.plan import StreamPlan
from holdfast.core.status import StreamState, StreamStatus, status_name
from holdfast.library.doctor.cameras import check_cameras
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.patient import Patient
from holdfast.media.source import child
from holdfast.media.source.contract import Source
from holdfast.media.source.make import make_source
from holdfast.sim.thread import SimThread
from support.patients import healthy, off, plan_for
from support.rtsp_peer import free_port, peer, unanswering
from support.sim import simulated, small_camera

_CLOCK = SystemClock()
_FRUGAL = small_camera("frugal", max_sessions=1)
_LOCKED = small_camera("locked", user="viewer", password="sesame")
_SPARSE = small_camera("sparse", gop=150)
_DEAF = small_camera("deaf", audio=None)


def _connect(plan: StreamPlan) -> Source:
    return make_source(plan, _CLOCK)


def _patient(tmp_path: Path, *plans: StreamPlan, deadline_s: float = 60.0) -> Patient:
    return healthy(tmp_path, *plans, clock=_CLOCK, connect=_connect, camera_deadline_s=deadline_s)


def _examine(tmp_path: Path, *plans: StreamPlan, deadline_s: float = 60.0) -> list[Finding]:
    return list(check_cameras(_patient(tmp_path, *plans, deadline_s=deadline_s)))


@pytest.fixture(scope="module")
def sim() -> Iterator[SimThread]:
    """Cameras with a port each: a sound one, a locked one, one with a single session, one with rare keyframes."""
    cameras = (small_camera("gate"), _LOCKED, _FRUGAL, _SPARSE, _DEAF)
    with simulated(*cameras, port_per_camera=True) as thread:
        yield thread


def _of(sim: SimThread, camera: str, tmp_path: Path, stream: str = "main", **changes: object) -> StreamPlan:
    return plan_for(tmp_path, camera, stream, url=sim.url(camera, stream, credentials=False), **changes)


def test_sound_camera_is_no_finding(sim: SimThread, tmp_path: Path) -> None:
    """A camera that sends what is wanted, in both streams, is not mentioned, and every session is torn down."""
    assert not _examine(tmp_path, _of(sim, "gate", tmp_path), _of(sim, "gate", tmp_path, "sub"))
    assert sim.counts("gate").left_behind == 0


def test_unknown_host_is_explained(tmp_path: Path) -> None:
    """A name that does not resolve is told from a camera that is off."""
    (found,) = _examine(tmp_path, plan_for(tmp_path, url="rtsp://camera.invalid/main"))
    assert found.fault == "host-unknown"
    assert "camera.invalid" in found.evidence


@pytest.mark.best_of_three
def test_silent_address_is_explained(tmp_path: Path) -> None:
    """An address where nothing answers is named within the deadline, with what to look at."""
    with unanswering() as port:
        (found,) = _examine(tmp_path, plan_for(tmp_path, url=f"rtsp://127.0.0.1:{port}/main"), deadline_s=1.0)
    assert found.fault == "camera-silent"
    assert "ping 127.0.0.1" in found.fix


def test_closed_port_is_explained(tmp_path: Path) -> None:
    """A host whose port is closed is told from a host that is away."""
    (found,) = _examine(tmp_path, plan_for(tmp_path, url=f"rtsp://127.0.0.1:{free_port()}/main"))
    assert found.fault == "port-closed"


@pytest.mark.best_of_three
def test_mute_camera_is_explained(tmp_path: Path) -> None:
    """A camera that accepts connections and says nothing is told from one that is off."""
    with peer() as port:
        (found,) = _examine(tmp_path, plan_for(tmp_path, url=f"rtsp://127.0.0.1:{port}/main"), deadline_s=0.5)
    assert found.fault == "camera-mute"


def test_web_page_is_explained(tmp_path: Path) -> None:
    """The port of a web page is recognised by its answer."""
    with peer(b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n") as port:
        (found,) = _examine(tmp_path, plan_for(tmp_path, url=f"rtsp://127.0.0.1:{port}/main"))
    assert found.fault == "not-rtsp"
    assert "HTTP/1.1" in found.evidence


def test_missing_password_is_explained(sim: SimThread, tmp_path: Path) -> None:
    """A camera that wants a password where none is configured says which keys to set."""
    (found,) = _examine(tmp_path, _of(sim, "locked", tmp_path))
    assert found.fault == "password-missing"
    assert "401" in found.evidence


def test_wrong_password_is_explained(sim: SimThread, tmp_path: Path) -> None:
    """A rejected password is named without being shown (F61)."""
    (found,) = _examine(tmp_path, _of(sim, "locked", tmp_path, username="viewer", password="open-please"))
    assert found.fault == "password-wrong"
    assert "open-please" not in repr(found)


def test_right_password_is_no_finding(sim: SimThread, tmp_path: Path) -> None:
    """Digest sign-in of the doctor's own conversation works against a real challenge."""
    assert not _examine(tmp_path, _of(sim, "locked", tmp_path, username="viewer", password="sesame"))


def test_wrong_path_is_explained(sim: SimThread, tmp_path: Path) -> None:
    """A path that the camera does not know is told from a camera that refuses."""
    plan = _of(sim, "gate", tmp_path)
    (found,) = _examine(tmp_path, replace(plan, url=plan.url + "/elsewhere"))
    assert found.fault == "path-wrong"
    assert "404" in found.evidence


def test_session_limit_is_explained(sim: SimThread, tmp_path: Path) -> None:
    """A camera whose only session is taken says 453, and that is what the finding says."""
    plan = _of(sim, "frugal", tmp_path)
    source = _connect(plan)
    source.open()
    try:
        (found,) = _examine(tmp_path, plan)
    finally:
        source.close()
    assert found.fault == "session-limit"
    assert "453" in found.evidence


def test_other_refusal_is_explained(tmp_path: Path) -> None:
    """An answer that means nothing to us is shown as the camera gave it, with the camera's own name."""
    answer = b"RTSP/1.0 503 Service Unavailable\r\nCSeq: 1\r\nServer: Acme/1.2\r\n\r\n"
    with peer(answer) as port:
        (found,) = _examine(tmp_path, plan_for(tmp_path, url=f"rtsp://127.0.0.1:{port}/main"))
    assert found.fault == "camera-refuses"
    assert found.evidence == "DESCRIBE was answered with 503 Service Unavailable (Acme/1.2)"


@pytest.mark.best_of_three
def test_silent_media_is_explained(tmp_path: Path) -> None:
    """A camera that is connected but sends nothing is told from one that refuses."""
    with simulated(small_camera("gate")) as own:
        own.inject("silent", "gate", 60.0)
        (found,) = _examine(tmp_path, _of(own, "gate", tmp_path, stall_s=1.0), deadline_s=3.0)
    assert found.fault == "no-media"


@pytest.mark.best_of_three
def test_missing_keyframes_are_explained(tmp_path: Path) -> None:
    """Media without any picture that decodes alone is named so."""
    with simulated(small_camera("gate")) as own:
        own.inject("no_keyframe", "gate", 60.0)
        (found,) = _examine(tmp_path, _of(own, "gate", tmp_path, keyframe_s=2.0), deadline_s=3.0)
    assert found.fault in {"no-keyframe", "no-media"}


@pytest.mark.best_of_three
def test_rare_keyframes_are_explained(sim: SimThread, tmp_path: Path) -> None:
    """Six seconds from keyframe to keyframe is a warning that names the interval."""
    (found,) = _examine(tmp_path, _of(sim, "sparse", tmp_path))
    assert found.fault == "keyframes-rare"
    assert "6.0 s from one to the next" in found.evidence


def test_required_sound_is_missed(sim: SimThread, tmp_path: Path) -> None:
    """A camera without a microphone is a fault only where sound is required (C010)."""
    assert not _examine(tmp_path, _of(sim, "deaf", tmp_path))
    (found,) = _examine(tmp_path, _of(sim, "deaf", tmp_path, audio="required"))
    assert found.fault == "audio-missing"


def test_unexpected_stream_is_explained(sim: SimThread, tmp_path: Path) -> None:
    """Each field that differs from what is expected is named with both values (C009)."""
    expected = {"video": {"codec": "h264", "width": 1920, "frame_rate": 25.0}, "audio": {"codec": "pcm_alaw"}}
    (found,) = _examine(tmp_path, _of(sim, "gate", tmp_path, expected=expected))
    assert found.fault == "stream-mismatch"
    assert found.evidence == "video.width: 320, expected 1920; audio.codec: aac, expected pcm_alaw"


def test_sub_stream_equal_to_main_is_explained(sim: SimThread, tmp_path: Path) -> None:
    """Two urls that lead to one channel are found by what they send."""
    main = _of(sim, "gate", tmp_path)
    (found,) = _examine(tmp_path, main, replace(main, stream="sub"))
    assert found.fault == "sub-is-main"
    assert found.evidence == "both streams are h264 320x240"


def test_recorded_stream_is_not_connected_to(tmp_path: Path) -> None:
    """A stream that is being recorded is left alone: a session is what cameras run out of."""
    plan = plan_for(tmp_path)
    patient = healthy(tmp_path, plan, clock=_CLOCK)  # its way to connect fails the test
    status = StreamStatus(camera="gate", stream="main", state=StreamState.RECORDING, at_us=_CLOCK.wall_us())
    (patient.runtime_dir / status_name("gate", "main")).write_text(status.to_json(), encoding="utf-8")
    assert not list(check_cameras(patient))


def test_camera_that_is_off_is_left_alone(tmp_path: Path) -> None:
    """A camera that is switched off in the configuration is not asked."""
    assert not _examine(tmp_path, off(plan_for(tmp_path)))


def test_missing_file_is_explained(tmp_path: Path) -> None:
    """A file that stands in for a camera and is not there is named with its path."""
    (found,) = _examine(tmp_path, plan_for(tmp_path, source="file", url=str(tmp_path / "gone.mp4")))
    assert found.fault == "file-missing"
    assert "gone.mp4" in found.evidence


@pytest.mark.parametrize(
    ("source", "url", "words"),
    [("x11", "x11://:93", "no X display :93"), ("v4l2", "v4l2:///dev/video99", "no camera /dev/video99")],
)
def test_missing_screen_or_device_is_explained(tmp_path: Path, source: str, url: str, words: str) -> None:
    """A screen or device of this machine is nothing to ping: what is wrong is said, and who says more (C150)."""
    (found,) = _examine(tmp_path, plan_for(tmp_path, source=source, url=url))
    assert found.fault == "device-missing"
    assert words in found.evidence
    assert "holdfast cameras test gate" in found.fix


@pytest.mark.best_of_three
def test_silent_folder_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not there, or into which nobody writes, is named, and what lists it is said (C148)."""
    monkeypatch.setattr(child, "_GRACE_S", 50.0)  # the process that opens it loads as slowly as the machine is busy
    folder = tmp_path / "captures"
    for words in ("is not there", "nothing to record came"):
        plan = plan_for(tmp_path, source="folder", url=f"folder://{folder}", open_timeout_s=3.0)
        (found,) = _examine(tmp_path, plan)
        assert found.fault == "folder-silent"
        assert words in found.evidence
        assert "holdfast cameras test gate --dry-run" in found.fix
        folder.mkdir(exist_ok=True)


@pytest.mark.best_of_three
def test_cameras_are_asked_at_once(tmp_path: Path) -> None:
    """Twenty cameras that do not answer take one deadline together, not one each."""
    with peer() as port:
        plans = [plan_for(tmp_path, f"cam{n}", url=f"rtsp://127.0.0.1:{port}/main") for n in range(20)]
        begun_us = _CLOCK.boot_us()
        found = _examine(tmp_path, *plans, deadline_s=1.0)
        took_us = _CLOCK.boot_us() - begun_us
    assert [one.fault for one in found] == ["camera-mute"] * 20
    assert took_us < 10_000_000
    assert threading.active_count() < 10
