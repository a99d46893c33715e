import threading
import time
from pathlib import Path

import pytest

from holdfast.core.clock import SystemClock
from holdfast.core.config import Loaded, load
from holdfast.core.errors import TooMany, UsageError
from holdfast.library import camera_trial
from holdfast.library.camera_trial import Trials, try_camera
from support.pages import silent_cameras
from support.rtsp_peer import free_port
from support.sim import simulated, small_camera

TEXT = """
state_dir = "state"
runtime_dir = "run"
[volumes.main]
path = "vol"
[cameras.gate]
url = "{url}"
"""


def _loaded(root: Path, url: str = "rtsp://127.0.0.1:9/x") -> Loaded:
    return load(root / "holdfast.toml", {}, text=TEXT.replace("{url}", url))


@pytest.mark.parametrize(("sent", "codec"), [("h264", "h264"), ("h265", "hevc")])
def test_a_try_shows_facts_and_a_picture(tmp_path: Path, sent: str, codec: str) -> None:
    """What a camera sends is said and shown, of either codec, with B-frames too; nothing is saved (C009, F46)."""
    with simulated(small_camera("cam1", codec=sent, bframes=2 if sent == "h264" else 0)) as sim:
        tried = try_camera(_loaded(tmp_path), [], "", {"url": sim.url("cam1"), "sub": None}, SystemClock())
    assert tried.works
    video, audio = tried.verdicts[0].tracks
    assert (video.codec, video.width, audio.codec) == (codec, 320, "aac")
    assert tried.picture.startswith(b"\xff\xd8\xff")
    assert 1000 < len(tried.picture) < 200_000
    assert tried.warnings == ()
    assert not (tmp_path / "state").exists()


def test_a_camera_that_is_there_is_tried_with_its_password(tmp_path: Path) -> None:
    """What is not said anew is as it is saved, the password too; a wrong one is named as such."""
    camera = small_camera("cam1", user="ann", password="s3cret")
    with simulated(camera) as sim:
        loaded = _loaded(tmp_path, sim.url("cam1"))
        assert try_camera(loaded, [], "GATE", {"transport": "tcp"}, SystemClock()).works
        bad = try_camera(loaded, [], "gate", {"password": "wrong"}, SystemClock())
    assert not bad.works
    assert bad.verdicts[0].cause.startswith("auth:")
    assert "wrong" not in str(bad.verdicts[0].cause)
    assert (bad.picture, bool(bad.verdicts[0].fix)) == (b"", True)


@pytest.mark.best_of_three
def test_what_hangs_takes_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that takes the connection and says nothing costs the open timeout and little more, whatever is asked."""
    monkeypatch.setattr(camera_trial, "GRACE_S", 0.5)
    with silent_cameras(1) as (camera,):
        url = f"rtsp://127.0.0.1:{camera.getsockname()[1]}/x"
        began = time.monotonic()
        tried = try_camera(_loaded(tmp_path), [], "", {"url": url, "open_timeout_s": 3600}, SystemClock(), ask_s=0.5)
        took_s = time.monotonic() - began
    assert not tried.works
    assert took_s < 3


def test_a_try_reads_no_file_of_this_machine(tmp_path: Path) -> None:
    """What may not be saved over the network may not be tried either, and no name makes sense that cannot be saved."""
    for settings in (
        {"url": "/etc/passwd"},
        {"url": "rtsp://h/x", "password": {"file": "/etc/passwd"}},
        {"url": "h:1/x"},
    ):
        with pytest.raises(UsageError):
            try_camera(_loaded(tmp_path), [], "", settings, SystemClock())
        with pytest.raises(UsageError):
            try_camera(_loaded(tmp_path), [], "gate", settings, SystemClock())
    with pytest.raises(UsageError):
        try_camera(_loaded(tmp_path), [], "../x", {"url": "rtsp://h/x"}, SystemClock())


def test_a_sub_stream_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    """The main stream decides whether it works; a sub stream that does not answer is said."""
    with simulated() as sim:
        settings = {"url": sim.url("cam1"), "sub_url": f"rtsp://127.0.0.1:{free_port()}/x"}
        tried = try_camera(_loaded(tmp_path), [], "", settings, SystemClock())
    assert tried.works
    (warning,) = tried.warnings
    assert "the sub stream does not answer" in warning


def test_one_at_a_time() -> None:
    """Somebody who tries an address already is told to wait; others need not, and afterwards it is their turn again."""
    trials, inside, leave = Trials(), threading.Event(), threading.Event()

    def hold() -> None:
        with trials.turn("ann"):
            inside.set()
            leave.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(60)
    with pytest.raises(TooMany), trials.turn("ann"):
        pass
    with trials.turn("bob"):
        leave.set()
    thread.join()
    with trials.turn("ann"):
        assert not thread.is_alive()
