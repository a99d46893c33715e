"""What a file in somebody else's folder is, when it was captured, and whether it is one to take. Pure.

What a file is, its bytes say; its name says at most when. Times in names are the site's own unless they end in `Z` or
an offset, and mostly whole seconds: then the file's modification time says where in the second, less what it is late.

Not here: noticing files (folder_watch), reading them (folder_files), recording them (folder).
"""

import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from holdfast.core.timing import SECOND_US, from_datetime
from holdfast.media.source.jpegs import Jpegs

SCHEME = "folder://"
MOST_PICTURE_BYTES = 32 * 1024 * 1024  # as of a picture that is asked for over HTTP
HEAD_BYTES = 189  # up to the second packet of MPEG-TS
RECENT_US = 60 * SECOND_US  # chosen: a name that is further off than this is in another zone, or no time at all
AHEAD_US = 2 * SECOND_US  # chosen: file servers are this much ahead of us without anybody noticing

_LATE_FILES = 50  # chosen: ten seconds at five a second; a program that becomes slower is followed
_TS_PACKET, _SYNC = 188, 0x47  # ISO/IEC 13818-1
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_HELPERS = re.compile(r"(^|[_.-])thumb(nail)?s?$", re.IGNORECASE)
_UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".swp", "~")
_TIME = re.compile(
    r"(?<!\d)(20\d\d)([-_.]?)(\d\d)\2(\d\d)([-_.T ]?)(\d\d)([-_.:]?)(\d\d)\7(\d\d)"
    r"(?:[.,]?(\d{6}|\d{3})(?!\d))?(Z|[+-]\d\d(?:00|15|30|45)(?!\d))?(?!\d)"
)


class Form(StrEnum):
    """What a file is."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    TS = "mpegts"
    MP4 = "mp4"
    MATROSKA = "matroska"


PICTURES = frozenset({Form.JPEG, Form.PNG, Form.WEBP})


class TimeFrom(StrEnum):
    """What an instant is known by."""

    NAME = "name"
    MODIFIED = "modified"
    ARRIVAL = "arrival"


@dataclass(frozen=True, slots=True)
class Captured:
    """When a picture was taken, or a segment began; `source` says what that is known by."""

    at_us: int
    source: TimeFrom


class Lateness:
    """How much later than captured a program writes its files, as those of late tell whose names say the second.

    Feed it with files in the order in which they were written. One object a folder.
    """

    def __init__(self) -> None:
        self._late_us: deque[int] = deque(maxlen=_LATE_FILES)

    def placed(self, second_us: int, written_us: int) -> int:
        """Return when a file was captured, within the second that its name says.

        Args:
            second_us: When that second begins, microseconds since the epoch, UTC.
            written_us: When the file was written, in the same.
        """
        self._late_us.append(written_us - second_us)
        # As late as this puts all of them into their seconds: more than the one, at most the other.
        least_us, most_us = max(self._late_us) - SECOND_US, min(self._late_us)
        late_us = 0 if least_us < 0 <= most_us else min((least_us + most_us) // 2, most_us)
        return min(max(written_us - late_us, second_us), second_us + SECOND_US - 1)


def folder_of(url: str) -> Path:
    """Return the folder that an address names."""
    return Path(url.removeprefix(SCHEME))


def shown(name: str) -> str:
    """Return a name that may stand in texts: file systems take any bytes, also those that move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)


def form_of(head: bytes) -> Form | None:
    """Say what begins with these bytes; None for what is neither a picture nor a segment.

    Args:
        head: The first `HEAD_BYTES` bytes, or all where there are fewer.
    """
    kinds = (
        (Form.JPEG, head.startswith(b"\xff\xd8\xff")),
        (Form.PNG, head.startswith(_PNG)),
        (Form.WEBP, head[:4] == b"RIFF" and head[8:12] == b"WEBP"),
        (Form.TS, len(head) == HEAD_BYTES and head[0] == head[_TS_PACKET] == _SYNC),
        (Form.MP4, head[4:8] in {b"ftyp", b"styp"}),
        (Form.MATROSKA, head.startswith(b"\x1a\x45\xdf\xa3")),
    )
    return next((form for form, fits in kinds if fits), None)


def whole(data: bytes, form: Form) -> bool:
    """Say whether a picture ends as it must (F13)."""
    if form is Form.JPEG:
        return bool(Jpegs().feed(data))
    if form is Form.PNG:
        return _PNG_END in data[-4096:]
    return len(data) >= int.from_bytes(data[4:8], "little") + 8


def passed_over(name: str, pattern: str = "") -> str:
    """Say why a file of this name is not taken; empty where it may be.

    Args:
        name: Its name, without the folder.
        pattern: What the camera's settings ask for (`*.jpg`), or empty.
    """
    if name.startswith(".") or name.lower().endswith(_UNFINISHED):
        return "a name for what is being written"
    if pattern and not fnmatchcase(name, pattern):
        return f"its name is not as in {pattern}"
    if _HELPERS.search(PurePath(name).stem) and "thumb" not in pattern.lower():
        return "a thumbnail"
    return ""


def captured(
    name: str, modified_us: int, zone: tzinfo, *, length_us: int = 0, late: Lateness | None = None
) -> Captured:
    """Say when a file's picture was taken, or its first one.

    A name in another zone must not put pictures hours away: it is believed where the file was written soon after.

    Args:
        name: Its name.
        modified_us: When it was last written, microseconds since the epoch, UTC.
        zone: The site's, for times in names.
        length_us: How long a segment lasts; it was last written at its end.
        late: How late files of this folder are; without it one that was written after its second is of its beginning.
    """
    began_us = modified_us - length_us
    told = _told(name, began_us, zone)
    if told is None or abs(told[0] - began_us) > RECENT_US + length_us:
        return Captured(began_us, TimeFrom.MODIFIED)
    told_us, exact = told
    if not exact and late is not None:
        told_us = late.placed(told_us, began_us)
    elif not exact and told_us <= began_us < told_us + SECOND_US:
        told_us = began_us
    return Captured(told_us, TimeFrom.NAME)


def arriving(
    name: str, modified_us: int, zone: tzinfo, now_us: int, *, length_us: int = 0, late: Lateness | None = None
) -> Captured:
    """Say the same of a file that has just come: whatever a file server's clock says, it was captured just now.

    Args:
        name: As above.
        modified_us: As above.
        zone: As above.
        now_us: When it came, microseconds since the epoch, UTC.
        length_us: As above.
        late: As above.
    """
    latest_us = now_us - length_us
    earliest_us = latest_us - max(RECENT_US, length_us)
    one = captured(name, modified_us, zone, length_us=length_us, late=late)
    if earliest_us <= one.at_us <= latest_us + AHEAD_US:
        return Captured(min(one.at_us, latest_us), one.source)
    return Captured(latest_us, TimeFrom.ARRIVAL)


def _told(name: str, near_us: int, zone: tzinfo) -> tuple[int, bool] | None:
    """Return the instant in a name, and whether it is more exact than a second."""
    for found in _TIME.finditer(name):
        year, month, day, hour, minute, second = (int(found[n]) for n in (1, 3, 4, 6, 8, 9))
        part = int(found[10].ljust(6, "0")) if found[10] else 0
        # Without the T of ISO 8601 it is rather a number that follows.
        words = found[11] if found[11] == "Z" or found[5] == "T" else None
        try:
            moment = datetime(year, month, day, hour, minute, second, part, tzinfo=_zone(words, zone))
        except ValueError:
            continue
        # An hour that clocks repeat is the one that the file was written in.
        both = (from_datetime(moment), from_datetime(moment.replace(fold=1)))
        return min(both, key=lambda us: abs(us - near_us)), bool(found[10])
    return None


def _zone(words: str | None, zone: tzinfo) -> tzinfo:
    if not words:
        return zone
    if words == "Z":
        return UTC
    sign = -1 if words[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(words[1:3]), minutes=int(words[3:5])))
