"""Trying the devices of this machine."""

import wave
from pathlib import Path

import pytest

from holdfast.core.clock import SystemClock
from holdfast.core.errors import AuthFailed
from holdfast.library.devices import Sound, Video, find_devices, options_for, try_sound, try_video
from holdfast.media.source.device_trial import Listened
from holdfast.media.source.v4l2 import Format, Size
from support.rpicam import install
from support.screen import xvfb


def video(*formats: Format) -> Video:
    """A grabber with these formats."""
    return Video(url="v4l2:///dev/video0", formats=formats)


def test_what_a_grabber_is_asked_for() -> None:
    """The largest size within 1080p of the first format that can be read, at its fastest rate (C150)."""
    sizes = (Size(640, 480, (60.0, 30.0)), Size(1920, 1080, (30.0, 5.0)), Size(3840, 2160, (5.0,)))
    unknown, mjpeg = Format("", "S561", "", sizes), Format("mjpeg", "MJPG", "", sizes)
    assert options_for(video(unknown, mjpeg)) == {
        "input_format": "mjpeg", "input_size": "1920x1080", "input_rate": "30",
    }  # fmt: skip
    ranged = Format("yuyv422", "YUYV", "", (Size(32, 24, (), to=(4000, 1000)),))
    assert options_for(video(ranged)) == {"input_format": "yuyv422", "input_size": "1920x1000"}
    assert options_for(video(unknown)) == {}


@pytest.mark.needs("xvfb")
def test_a_picture_of_a_screen(tmp_path: Path) -> None:
    """A device that gives pictures gives one as a file, and says its size (C018, C150)."""
    with xvfb("640x480") as display:
        trial = try_video(Video(url=f"x11://{display}"), tmp_path, SystemClock())
    assert (trial.words, trial.hint) == ("640x480", "")
    assert trial.file is not None
    assert trial.file.read_bytes().startswith(b"\xff\xd8\xff")


def test_a_picture_of_a_boards_camera(tmp_path: Path) -> None:
    """A camera of a board is tried by its lasting id through its own program (C019, C150)."""
    program = str(install(tmp_path))
    board = next(one for one in find_devices(tmp_path, program=program).video if "imx708" in one.url)
    trial = try_video(board, tmp_path, SystemClock(), program=program)
    assert trial.file is not None, trial.words
    assert trial.words == "1920x1080"


def test_what_gives_nothing_says_why(tmp_path: Path) -> None:
    """A device that is gone says so without the name of a camera that nobody has, and what to do."""
    trial = try_video(video(), tmp_path, SystemClock())
    assert trial.file is None
    assert trial.words.startswith("there is no camera /dev/video0")
    assert "plug it in" in trial.hint


def test_sound_is_asked_for_as_the_card_gives_it(tmp_path: Path) -> None:
    """A card of one channel and 16 kHz is asked for that; what was heard is said (C150)."""
    asked: list[tuple[str, float, int, int]] = []

    def hear(device: str, seconds: float, path: Path, *, rate: int, channels: int) -> Listened:
        asked.append((device, seconds, rate, channels))
        with wave.open(str(path), "wb") as file:
            file.setparams((channels, 2, rate, 0, "NONE", ""))
            file.writeframes(b"\0\0" * 10)
        return Listened(seconds=seconds, rate=rate, channels=channels, mean_db=-30.5, peak_db=-12)

    trial = try_sound(
        Sound(device="hw:CARD=Mic,DEV=0", name="Mic", channels=(1,), rates=(16_000,)), tmp_path, hear=hear
    )
    assert asked == [("hw:CARD=Mic,DEV=0", 3.0, 16_000, 1)]
    assert trial.words == "3 s, 16000 Hz, 1 channels, -30.5 dB, peak -12 dB"
    assert trial.file == tmp_path / "hw-CARD-Mic-DEV-0.wav"
    try_sound(Sound(device="hw:0", name="Any"), tmp_path, hear=hear)
    assert asked[-1][2:] == (48_000, 2)


def test_sound_that_may_not_be_opened(tmp_path: Path) -> None:
    """A card that refuses says why and what to do."""

    def refuse(device: str, *_facts: object, **_more: object) -> Listened:
        raise AuthFailed(f"test: ann may not open {device}", hint="sudo usermod -aG audio ann")

    trial = try_sound(Sound(device="hw:1", name="Mic"), tmp_path, hear=refuse)
    assert (trial.file, trial.words, trial.hint) == (None, "ann may not open hw:1", "sudo usermod -aG audio ann")
