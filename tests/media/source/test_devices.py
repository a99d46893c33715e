"""Finding devices, in a folder that looks like a system's."""

import errno
import os
from pathlib import Path

import pytest

from holdfast.media.source.devices import find_devices
from holdfast.media.source.v4l2 import Card, Format, Size
from support.patients import ordinary_user
from support.rpicam import install

CARDS = """ 0 [PCH            ]: HDA-Intel - HDA Intel PCH
                      HDA Intel PCH at 0xf7f10000 irq 30
 1 [Grabber        ]: USB-Audio - USB Grabber
                      MACROSILICON USB Grabber at usb-0000:00:14.0-3, high speed
"""
PCM = """00-00: ALC256 Analog : ALC256 Analog : playback 1 : capture 1
00-03: HDMI 0 : HDMI 0 : playback 1
01-00: USB Audio : USB Audio : capture 1
"""
STREAM = """MACROSILICON USB Grabber at usb-0000:00:14.0-3, high speed : USB Audio

Playback:
  Interface 1
    Format: S24_3LE
    Channels: 8
    Rates: 192000

Capture:
  Status: Stop
  Interface 3
    Altset 1
    Format: S16_LE
    Channels: 2
    Rates: 44100, 48000
  Interface 3
    Altset 2
    Format: S16_LE
    Channels: 1
    Rates: 48000 - 96000 (continuous)
"""
CARD = Card(
    "Grabber", "uvcvideo", "usb-1", captures=True, formats=(Format("mjpeg", "MJPG", "", (Size(640, 480, (30.0,)),)),)
)


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    """A system with three nodes of which one gives pictures, two sound cards and a screen."""
    root = tmp_path / "root"
    for folder in ("dev/v4l/by-id", "dev/snd", "proc/asound/card1", "tmp/.X11-unix", "sys/class/video4linux/video0"):
        (root / folder).mkdir(parents=True)
    for name in ("video0", "video1", "video10", "video-dec"):
        (root / "dev" / name).touch()
    (root / "dev/v4l/by-id/usb-grabber-index0").symlink_to("../../video0")
    (root / "sys/class/video4linux/video0/name").write_text("Grabber\n", encoding="ascii")
    (root / "proc/asound/cards").write_text(CARDS, encoding="ascii")
    (root / "proc/asound/pcm").write_text(PCM, encoding="ascii")
    (root / "proc/asound/card1/stream0").write_text(STREAM, encoding="ascii")
    for name in ("pcmC0D0c", "pcmC1D0c"):
        (root / "dev/snd" / name).touch()
    (root / "tmp/.X11-unix/X99").touch()
    return root


def node_of(fd: int) -> str:
    """The name of what is open."""
    return Path(f"/proc/self/fd/{fd}").readlink().name


def says(fd: int) -> Card:
    """Node 0 gives pictures, 1 only describes them, 10 is something else."""
    if node_of(fd) == "video10":
        raise OSError(errno.ENOTTY, "not a video device")
    return CARD if node_of(fd) == "video0" else Card("Grabber", "uvcvideo", "usb-1", captures=False, formats=())


def test_pictures(root: Path) -> None:
    """Nodes that give pictures are listed by the name that stays, screens by their number (C017, C018, C150)."""
    card, screen = find_devices(root, program="/nowhere/rpicam-vid", describe_with=says).video
    assert (card.url, card.path, card.name) == ("v4l2:///dev/v4l/by-id/usb-grabber-index0", "/dev/video0", "Grabber")
    assert card.formats == CARD.formats
    assert (screen.url, screen.driver) == ("x11://:99", "x11")


def test_sound(root: Path) -> None:
    """Cards that record are listed by an id that stays, with what USB cards say of their capture side (C150)."""
    analog, usb = find_devices(root, program="/nowhere", describe_with=says).sound
    assert (analog.device, analog.name, analog.formats) == ("hw:CARD=PCH,DEV=0", "HDA Intel PCH", ())
    assert (usb.device, usb.name) == ("hw:CARD=Grabber,DEV=0", "USB Grabber")
    assert (usb.formats, usb.channels, usb.rates) == (("S16_LE",), (1, 2), (44100, 48000, 96000))


def test_a_boards_cameras(root: Path, tmp_path: Path) -> None:
    """A board's cameras are listed by the id that stays when cables are swapped; no program is said (C019)."""
    found = find_devices(root, program=str(install(tmp_path)), describe_with=says)
    board = [video for video in found.video if video.url.startswith("csi:")]
    assert [video.url for video in board] == [
        "csi:///base/soc/i2c0mux/i2c@1/imx219@10", "csi:///base/soc/i2c0mux/i2c@0/imx708@1a",
    ]  # fmt: skip
    assert board[0].name == "imx219 3280x2464 10-bit RGGB"
    assert find_devices(root, program="/nowhere", describe_with=says).notes == ("there is no camera program /nowhere",)


def test_what_may_not_be_opened_says_why(root: Path) -> None:
    """A device that this user may not open is listed with its rights and the command that helps (C150)."""
    for path in (root / "dev/video0", root / "dev/snd/pcmC1D0c"):
        path.chmod(0)
    with ordinary_user(root):
        found = find_devices(root, program="/nowhere", describe_with=says)
    card, sound = found.video[0], found.sound[1]
    assert (card.name, card.formats) == ("Grabber", ())
    assert "may not open /dev/video0 (mode 0" in card.problem
    assert "sudo chmod g+rw /dev/video0" in card.hint
    assert "may not open /dev/snd/pcmC1D0c" in sound.problem
    assert found.sound[0].problem == ""


def test_busy_or_gone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that another program has for itself is listed as busy; one that vanished meanwhile as what it is."""
    opens = os.open

    def refuse(path: Path, *flags: int) -> int:
        if Path(path).name == "video0":
            raise OSError(errno.EBUSY, "Device or resource busy")
        return opens(path, *flags)

    monkeypatch.setattr(os, "open", refuse)
    assert find_devices(root, program="/nowhere", describe_with=says).video[0].problem == "/dev/video0 is busy"


def test_nothing_at_all(tmp_path: Path) -> None:
    """A machine without any has none."""
    found = find_devices(tmp_path, program="/nowhere")
    assert (found.video, found.sound) == ((), ())
