"""Which cameras and sound devices this machine has, as their addresses have to be written (C150).

Found as the system names them: V4L2 nodes in /dev, ALSA in /proc/asound, screens by their sockets, a board's cameras
by its camera program. Nothing is recorded, and a device that another program has open is listed all the same.

Any thread; the camera program is waited for. Not here: what a V4L2 device says (v4l2), trying one (device_trial).
"""

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.media.source.access import no_permission
from holdfast.media.source.v4l2 import Card, Format, describe

PROGRAMS = ("rpicam-vid", "libcamera-vid")
LISTING_S = 10.0  # chosen: the camera program opens each sensor; a Pi Zero takes three seconds

_CARD = re.compile(r"^\s*(\d+)\s*\[(\S+)\s*\]:\s*(.+?)\s*$", re.MULTILINE)
_PCM = re.compile(r"^(\d+)-(\d+):\s*(.*?)\s*:.*\bcapture \d+", re.MULTILINE)
LISTED = re.compile(r"^\s*(\d+)\s*:\s*(\S+)\s*(?:\[([^\]]*)\])?.*\((/[^)]+)\)\s*$", re.MULTILINE)
_NODE = re.compile(r"video\d+")
_DISPLAY = re.compile(r"X(\d{1,3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A device that gives pictures.

    Attributes:
        url: What a camera's `url` is for it: by its lasting name where it has one.
        path: Its path of today; empty where it has none.
        name: What it calls itself.
        driver: Its driver, or what reads it.
        formats: What it gives.
        problem: Why it cannot be opened, empty where it can; `hint` says what to do.
    """

    url: str
    path: str = ""
    name: str = ""
    driver: str = ""
    formats: tuple[Format, ...] = ()
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A device that gives sound.

    Attributes:
        device: What `options.sound` is for it: by the card's id, which stays when others are plugged in.
        name: What it calls itself.
        formats: Sample formats, where the system says them.
        channels: How many, likewise.
        rates: Samples a second, likewise.
        problem: Why it cannot be opened, empty where it can; `hint` says what to do.
    """

    device: str
    name: str
    formats: tuple[str, ...] = ()
    channels: tuple[int, ...] = ()
    rates: tuple[int, ...] = ()
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Everything that was found; `notes` are what could not be looked at, in words."""

    video: tuple[Video, ...] = ()
    sound: tuple[Sound, ...] = ()
    notes: tuple[str, ...] = field(default=())


def find_devices(
    root: Path = Path("/"), *, program: str = "", describe_with: Callable[[int], Card] = describe
) -> Devices:
    """Look for devices.

    Args:
        root: Where the system's files are; tests have one of their own.
        program: The camera program of a board; empty looks for the usual ones.
        describe_with: Asks an open V4L2 node what it is.
    """
    notes: list[str] = []
    video = [*_nodes(root, describe_with), *_board(program, notes), *_screens(root)]
    return Devices(video=tuple(video), sound=tuple(_sounds(root)), notes=tuple(notes))


# --- pictures --------------------------------------------------------------------------------------------------------


def _nodes(root: Path, describe_with: Callable[[int], Card]) -> Iterator[Video]:
    lasting = _lasting_names(root)
    nodes = [path for path in (root / "dev").glob("video*") if _NODE.fullmatch(path.name)]
    for path in sorted(nodes, key=lambda one: int(one.name[5:])):
        shown = f"/{path.relative_to(root)}"
        url = f"v4l2://{lasting.get(path.name, shown)}"
        try:
            fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        except OSError as error:
            problem, hint = _refused(path, shown, error)
            yield Video(url=url, path=shown, name=_name_of(root, path.name), problem=problem, hint=hint)
            continue
        try:
            card = describe_with(fd)
        except OSError:
            continue  # under this name there is something else
        finally:
            os.close(fd)
        if card.captures:  # encoders and the second nodes of cameras give no pictures
            yield Video(url=url, path=shown, name=card.name, driver=card.driver, formats=card.formats)


def _lasting_names(root: Path) -> dict[str, str]:
    """Return the names that stay, by the node that each leads to today; by what it is before by where it is."""
    found: dict[str, str] = {}
    for folder in ("by-path", "by-id"):
        for link in sorted((root / "dev/v4l" / folder).glob("*")):
            if link.is_symlink():
                found[link.readlink().name] = f"/dev/v4l/{folder}/{link.name}"
    return found


def _name_of(root: Path, node: str) -> str:
    try:
        return (root / "sys/class/video4linux" / node / "name").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _refused(path: Path, shown: str, error: OSError) -> tuple[str, str]:
    if error.errno in {errno.EACCES, errno.EPERM}:
        words, hint = no_permission(str(path))
        return words.replace(str(path), shown), hint.replace(str(path), shown)
    if error.errno == errno.EBUSY:
        return f"{shown} is busy", "another program has it open; fuser shows which one"
    return f"{shown} cannot be opened: {(error.strerror or '').lower()}", ""


def _board(program: str, notes: list[str]) -> Iterator[Video]:
    found = shutil.which(program) if program else next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        if program:
            notes.append(f"there is no camera program {program}")
        return
    try:
        done = subprocess.run(
            [found, "--list-cameras"], capture_output=True, text=True, timeout=LISTING_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        notes.append(f"{Path(found).name} does not list its cameras: {type(error).__name__}")
        return
    for _number, name, facts, lasting in LISTED.findall(done.stdout + done.stderr):
        yield Video(url=f"csi://{lasting}", name=f"{name} {facts}".strip(), driver=Path(found).name)


def _screens(root: Path) -> Iterator[Video]:
    sockets = (root / "tmp/.X11-unix").glob("X*")
    numbers = sorted(int(match[1]) for one in sockets if (match := _DISPLAY.fullmatch(one.name)))
    for number in numbers:
        yield Video(url=f"x11://:{number}", name=f"screen :{number}", driver="x11")


# --- sound -----------------------------------------------------------------------------------------------------------


def _sounds(root: Path) -> Iterator[Sound]:
    cards = {int(number): (card, words) for number, card, words in _CARD.findall(_read(root / "proc/asound/cards"))}
    for number, place, name in _PCM.findall(_read(root / "proc/asound/pcm")):
        card, words = cards.get(int(number), (str(int(number)), ""))
        node = root / f"dev/snd/pcmC{int(number)}D{int(place)}c"
        problem, hint = "", ""
        if not os.access(node, os.R_OK | os.W_OK, effective_ids=True):
            problem, hint = _refused(node, f"/{node.relative_to(root)}", _why(node))
        formats, channels, rates = _usb_facts(_read(root / f"proc/asound/card{int(number)}/stream{int(place)}"))
        yield Sound(
            device=f"hw:CARD={card},DEV={int(place)}", name=words.rpartition(" - ")[2] or name, formats=formats,
            channels=channels, rates=rates, problem=problem, hint=hint,
        )  # fmt: skip


def _why(node: Path) -> OSError:
    return OSError(errno.EACCES if node.exists() else errno.ENOENT, "no such device" if not node.exists() else "")


def _usb_facts(text: str) -> tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]:
    """Return sample formats, channels and rates that a USB card says of its capture side; other cards say nothing."""
    capture = text.partition("Capture:")[2].partition("Playback:")[0]
    formats = dict.fromkeys(re.findall(r"^\s*Format:\s*(\S+)", capture, re.MULTILINE))
    channels = {int(one) for one in re.findall(r"^\s*Channels:\s*(\d+)", capture, re.MULTILINE)}
    rates = {
        int(one) for line in re.findall(r"^\s*Rates:(.*)$", capture, re.MULTILINE) for one in re.findall(r"\d+", line)
    }
    return tuple(formats), tuple(sorted(channels)), tuple(sorted(rates))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
