"""`holdfast cameras devices`, as it is started."""

import json
from pathlib import Path

import pytest

from holdfast.cli import devices as command
from holdfast.library.devices import Devices, Sound, Video
from holdfast.media.source.v4l2 import Format, Size
from support.node import holdfast
from support.rpicam import install


def test_devices_are_listed_without_a_configuration(tmp_path: Path) -> None:
    """A board's cameras are listed with the url that a camera needs, for people and for scripts (C150)."""
    program = str(install(tmp_path))
    shown = holdfast("cameras", "devices", "--camera-program", program)
    assert shown.returncode == 0
    assert "csi:///base/soc/i2c0mux/i2c@1/imx219@10  imx219 3280x2464" in shown.stdout
    body = json.loads(holdfast("cameras", "devices", "--camera-program", program, "--json").stdout)
    assert "csi:///base/soc/i2c0mux/i2c@0/imx708@1a" in [one["url"] for one in body["video"]]
    assert "trials" not in body


def test_trying_them_leaves_pictures(tmp_path: Path) -> None:
    """With --test each gives a picture in the folder that was named, and the path is said (C150)."""
    program, out = str(install(tmp_path)), tmp_path / "pictures"
    result = holdfast("cameras", "devices", "--test", "--out", str(out), "--camera-program", program, "--json")
    trials = [one for one in json.loads(result.stdout)["trials"] if one["device"].startswith("csi:")]
    assert [one["words"] for one in trials] == ["1920x1080", "1920x1080"]
    assert all(Path(one["file"]).read_bytes().startswith(b"\xff\xd8") for one in trials)


def test_none_says_what_was_looked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is none it says what was looked for, and how to see whether one is plugged in; a test of it is 1."""
    monkeypatch.setattr(command, "find_devices", lambda **_: Devices(notes=("the program is away",)))
    assert command.devices() == 0
    said = capsys.readouterr().out
    assert "the program is away" in said
    assert "no camera and no sound device was found" in said
    assert "lsusb" in said
    assert command.devices(test=True) == 1


def test_everything_that_is_known_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Formats with sizes and rates, largest first, what a card says of itself, and why one cannot be opened (C150)."""
    sizes = tuple(Size(160 * n, 90 * n, (30.0, 5.0)) for n in range(1, 9))
    formats = (Format("mjpeg", "MJPG", "", sizes), Format("", "S561", "", (Size(32, 24, (), to=(640, 480)),)))
    found = Devices(
        video=(
            Video(url="v4l2:///dev/v4l/by-id/usb-a", path="/dev/video0", name="Grabber", driver="uvc", formats=formats),
            Video(url="v4l2:///dev/video2", problem="ann may not open /dev/video2", hint="sudo usermod -aG video ann"),
        ),
        sound=(Sound(device="hw:CARD=A,DEV=0", name="Mic", formats=("S16_LE",), channels=(1, 2), rates=(48000,)),),
    )
    monkeypatch.setattr(command, "find_devices", lambda **_: found)
    assert command.devices() == 0
    said = capsys.readouterr().out
    assert "v4l2:///dev/v4l/by-id/usb-a  Grabber  /dev/video0 uvc" in said
    assert "mjpeg        1280x720 at 30/5, 1120x630 at 30/5" in said
    assert "and 2 smaller" in said
    assert "S561 (cannot be read) 32x24 to 640x480" in said
    assert "ann may not open /dev/video2" in said
    assert "try: sudo usermod -aG video ann" in said
    assert "S16_LE, 48000 Hz, 1/2 channels" in said
