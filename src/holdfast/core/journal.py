"""Journal lines: what the recorder and the worker say about footage, one JSON object a line.

Each line carries where it stands in time twice (wall and boot clock, with the boot's id and whether the wall clock was
synchronised), and a chain value over its own text and the line before, so that a line removed, changed or cut off
shows. Unknown fields and unknown kinds of line are kept out of the way, not refused: an older program must be able to
read what a newer one wrote (docs/design/0004).

Pure: text in, values out. Appending durably is `storage.journal`; the timeline they amount to is `core.footage`.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar

from holdfast.core.errors import BadInput

VERSION = 1
CHAIN_START = "0" * 64
"""What the first line of a stream is chained to."""

LOST_MEMORY = "it was in memory when the power went, or when somebody emptied that"
"""Why a finished file is gone that nobody removed: in a `Removed` line, which every version knows how to read."""

_LONE = re.compile("[\ud800-\udfff]")  # a half of a surrogate pair alone has no encoding


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Where a line stands in time.

    Attributes:
        at_us: Wall time at writing.
        boot: Id of the boot.
        boot_us: Boot time at writing.
        sync: Whether the wall clock was synchronised.
    """

    at_us: int
    boot: str
    boot_us: int
    sync: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A recorder took this stream's lock and begins to work on it.

    `session` is the same when one recorder opens its journal again, after its disk was away: nobody died in between.
    """

    kind: ClassVar[str] = "opened"
    camera: str
    stream: str
    pid: int
    program: str
    session: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The recorder let the stream go in order. `reason` is the gap reason that begins here.

    `restarted` for a changed setting or a reload, `recorder-down` for a stop, `disabled` for a camera switched off or
    removed. Without this line the recorder died.
    """

    kind: ClassVar[str] = "closed"
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """Footage stops, or the reason for its absence changes, at `from_us`; `detail` is for a person."""

    kind: ClassVar[str] = "down"
    from_us: int
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """Still down for `reason`: written now and then, so that a recorder that dies while waiting leaves no riddle."""

    kind: ClassVar[str] = "beat"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A segment file was created; until its `Sealed` line it is `file` + `.part`."""

    kind: ClassVar[str] = "begun"
    file: str
    run: str
    start_us: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A segment is finished, durable, and carries its final name.

    Attributes:
        file: Path relative to the volume's root, with `/`.
        run: Id of the run; segments of one run follow each other without a hole.
        start_us: Wall time of the first picture's presentation (of the first sound where there is no picture).
        end_us: Wall time at which the last picture ends.
        start_boot_us: Boot time that belongs to `start_us`, for placing it again once the wall clock is right; None
            where it is not known (recovered after another boot).
        bytes: Size of the file.
        media_bytes: Bytes of sample payload in it.
        sha256: Of the whole file.
        video_samples: Pictures in it.
        audio_samples: Blocks of sound in it.
        began: Why the run or segment began (`cut` inside a run).
        ended: Why it ended (`cut` inside a run, else a gap reason, or `recovered`).
        recovered: It was cut back to its last whole fragment after an interruption.
        tracks: `Track.facts()` of each track: run facts, repeated so that a segment needs no other line.
        dropped_samples: Samples left out because they came too late for the file to hold them.
    """

    kind: ClassVar[str] = "sealed"
    file: str
    run: str
    start_us: int
    end_us: int
    start_boot_us: int | None
    bytes: int
    media_bytes: int
    sha256: str
    video_samples: int
    audio_samples: int
    began: str
    ended: str
    recovered: bool = False
    tracks: list[dict[str, Any]] = field(default_factory=list)
    dropped_samples: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Emptied:
    """A begun segment was dropped because not even one whole fragment of it survived."""

    kind: ClassVar[str] = "emptied"
    file: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """A segment's file is gone. `why`: `reserve` (room was needed, policy had cleared it), a policy, `LOST_MEMORY`."""

    kind: ClassVar[str] = "removed"
    file: str
    bytes: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """The wall clock was set: it differs by `step_us` from what boot time says it should be."""

    kind: ClassVar[str] = "stepped"
    step_us: int


Event = Opened | Closed | Down | Beat | Begun | Sealed | Emptied | Removed | Stepped
_KINDS: dict[str, type[Event]] = {
    cls.kind: cls for cls in (Opened, Closed, Down, Beat, Begun, Sealed, Emptied, Removed, Stepped)
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a journal: when, what (None for a kind that this version does not know), and its chain value."""

    when: When
    event: Event | None
    chain: str
    version: int = VERSION


def encode(when: When, event: Event, previous: str) -> tuple[bytes, str]:
    """Write one line.

    Args:
        when: Where it stands in time.
        event: What is said.
        previous: Chain value of the line before (`CHAIN_START` for a stream's very first).

    Returns:
        The line's bytes, newline included, and its chain value.
    """
    body = {"v": VERSION, "t": event.kind, **asdict(when), **asdict(event)}
    text = _encodable(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
    chain = _chain(previous, text)
    # The chain value goes last, so that the text it covers is everything before it, byte for byte.
    return text[:-1] + f',"chain":"{chain}"}}\n'.encode(), chain


def decode(raw: bytes) -> Line:
    """Read one line.

    Raises:
        BadInput: It is not a journal line; a torn last line looks like this.
    """
    try:
        body = json.loads(raw)
        when = When(**{f.name: body.pop(f.name) for f in fields(When)})
        version, kind, chain = body.pop("v"), body.pop("t"), body.pop("chain")
        cls = _KINDS.get(kind)
        event = None if cls is None else cls(**{f.name: body[f.name] for f in fields(cls) if f.name in body})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"not a journal line: {raw[:80]!r}") from error
    return Line(when, event, chain, version)


def verify_chain(raw: bytes, previous: str) -> bool:
    """Say whether a line's chain value follows from its text and from the line before."""
    text, mark, rest = raw.rstrip(b"\n").rpartition(b',"chain":"')
    return bool(mark) and rest == (_chain(previous, text + b"}") + '"}').encode()


def _chain(previous: str, text: bytes) -> str:
    return hashlib.sha256(previous.encode(errors="backslashreplace") + text).hexdigest()


def _encodable(text: str) -> bytes:
    """Encode JSON whatever is in it: a word of a camera or a file name that is no text must not stop the journal.

    Halves of surrogate pairs, which Python makes of bytes that are no UTF-8, become their escapes, spelt out: whoever
    reads the line, and hands its words on to a database or a terminal, then has text that can be written.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _LONE.sub(lambda match: f"\\\\u{ord(match[0]):04x}", text).encode()
