"""Lines of the kept journal: why footage must stay, where copies of it are, and what policy deleted.

`<YYYY-MM-DD>.kept.journal` lies beside a day's journal and speaks of that day's files and of holds that begin in it.
The worker writes it, and people's commands do: one JSON object a line, each whole in itself. So a catalog that was lost
comes back with the same protection (docs/design/0015).

Files are named as instances, by path and SHA-256 together: a path alone may belong to another file tomorrow (F21).

Pure: text in, values out. Appending durably is `storage.kept`, finding the right file `library.kept`.
"""

import json
from dataclasses import dataclass, fields
from pathlib import PurePosixPath
from typing import Any, ClassVar

from holdfast.core.camera import StreamKey
from holdfast.core.errors import BadInput
from holdfast.core.footage import stream_folder

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A verified copy of a file lies at a target, at `address`."""

    kind: ClassVar[str] = "acknowledged"
    file: str
    sha256: str
    bytes: int
    target: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """That copy is not there any more, or was never whole; `why` in words."""

    kind: ClassVar[str] = "withdrawn"
    file: str
    sha256: str
    target: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A span of a camera must stay.

    Attributes:
        uid: Name of the hold, unique; said again with the same name it is changed.
        camera: Id of the camera.
        from_us: Begin of the span, microseconds since the epoch, UTC.
        to_us: Its end.
        hold: Kind of hold, one of `core.retention.HoldKind`.
        why: In words.
        who: Who set it.
    """

    kind: ClassVar[str] = "held"
    uid: str
    camera: str
    from_us: int
    to_us: int
    hold: str
    why: str
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A hold is over; `why` in words."""

    kind: ClassVar[str] = "released"
    uid: str
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A file is deleted by policy: written before it goes, so that no kill leaves it unexplained."""

    kind: ClassVar[str] = "deleted"
    file: str
    sha256: str
    bytes: int
    why: str


Event = Acknowledged | Withdrawn | Held | Released | Deleted
_KINDS: dict[str, type[Event]] = {cls.kind: cls for cls in (Acknowledged, Withdrawn, Held, Released, Deleted)}
_NAMES: dict[str, tuple[str, ...]] = {name: tuple(one.name for one in fields(cls)) for name, cls in _KINDS.items()}
# In ASCII: a half of a surrogate pair, which Python makes of a name that is no UTF-8, then stays what it is.
_TEXT = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Kept:
    """One line: when it was written (wall time, microseconds), and what it says (None for a kind of later versions)."""

    at_us: int
    event: Event | None


def encode(at_us: int, event: Event) -> bytes:
    """Write one line, newline included."""
    # Not asdict, which copies in depth what is flat: a line is written for every file that is delivered.
    body: dict[str, Any] = {"v": VERSION, "t": event.kind, "at_us": at_us}
    for name in _NAMES[event.kind]:
        body[name] = getattr(event, name)
    return _TEXT.encode(body).encode() + b"\n"


def decode(raw: bytes) -> Kept:
    """Read one line.

    Raises:
        BadInput: It is none; a torn line looks like this.
    """
    try:
        body = json.loads(raw)
        cls = _KINDS.get(body["t"])
        values: dict[str, Any] = {} if cls is None else {f.name: _typed(body[f.name], f.type) for f in fields(cls)}
        event = None if cls is None else cls(**values)
        return Kept(_typed_int(body["at_us"]), event)
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"not a line of a kept journal: {raw[:80]!r}") from error


def kept_path(key: StreamKey, day: str) -> PurePosixPath:
    """Return the path of a stream's kept journal for a UTC day `YYYY-MM-DD`, relative to the volume's root."""
    return stream_folder(key) / f"{day}.kept.journal"


def _typed(value: object, kind: object) -> object:
    return _typed_int(value) if kind is int else _typed_str(value)


def _typed_int(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _typed_str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
