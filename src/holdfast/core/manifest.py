"""What an export says of itself: which footage is in it, which is not and why, and what every file in it must hold.

The manifest is signed as the bytes that it is written as (`encode`), so that any tool can check the signature. Every
stream of it covers its span without a hole: with pieces that are there, pieces that are not any more, and gaps with
their reasons. `uncovered` finds where that is not so: a gap or piece that somebody took out.

Pure: values in, bytes out, and back. Not here: keys (storage.keys), making it (library.export_plan), checking it
against files (library.export_verify).
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeVar

from holdfast.core.errors import BadInput
from holdfast.core.gap import MIN_GAP_US
from holdfast.core.timing import iso

KIND = "holdfast-export"
VERSION = 1
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
KEY = "node-key.pub.pem"
README = "README.txt"
INDEX = "index.html"
SUMS = "SHA256SUMS"

Part = TypeVar("Part", "Manifest", "StreamPart", "PiecePart", "GapPart", "JournalPart", "FilePart")


class PieceState(StrEnum):
    """How a recorded piece stands in an export."""

    WHOLE = "whole"  # the file as it was recorded
    CUT = "cut"  # a part of it, in a clip
    CHANGED = "changed"  # the file is in it, but is not what was recorded
    REMOVED = "removed"  # policy or a person removed it before the export
    MISSING = "missing"  # it should have been there, and was not


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A file of the export: its name in it, size and SHA-256."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PiecePart:
    """A piece of recorded footage.

    Attributes:
        state: How it stands here.
        file: Name of the file that holds it; empty where there is none.
        start_us: Wall time of its first picture; of a cut, of the part that was asked for.
        end_us: Wall time at which it ends.
        source: Volume and path that it was recorded as.
        bytes: Size of the recorded file; 0 for one that was not finished.
        sha256: Of the recorded file; empty for one that was not finished.
        chain: Chain value of its journal line; empty likewise.
        run: Id of its run.
        why: Why it is removed or missing; empty otherwise.
    """

    state: PieceState
    file: str
    start_us: int
    end_us: int
    source: str
    bytes: int = 0
    sha256: str = ""
    chain: str = ""
    run: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GapPart:
    """A span in which nothing was recorded, and why."""

    start_us: int
    end_us: int
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPart:
    """A stretch of a stream's journal: `file` in the export, chained to `previous`.

    `breaks` are the lines, from 0 on, that did not follow from the one before when the export was made.
    """

    file: str
    volume: str
    previous: str
    lines: int
    breaks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPart:
    """One stream of a camera, and all that is known of it within the span."""

    camera: str
    stream: str
    from_us: int
    to_us: int
    facts: dict[str, Any] = field(default_factory=dict)
    pieces: tuple[PiecePart, ...] = ()
    gaps: tuple[GapPart, ...] = ()
    journals: tuple[JournalPart, ...] = ()

    @property
    def name(self) -> str:
        """As people write it: `gate/main`."""
        return f"{self.camera}/{self.stream}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that an export says.

    Attributes:
        id: Its own name.
        made_us: When it was made.
        program: What made it.
        node: Name of the recorder.
        site: Name, id and time zone of the place.
        asked_by: Who asked for it.
        purpose: What for, in their words; may be empty.
        format: `zip`, `tar` or `mp4`.
        from_us: Begin of the span that was asked for.
        to_us: Its end, at most the instant it was made.
        complete: All of the span, of every stream, is in it.
        key: Fingerprint of the key that signs it.
        streams: What it holds and what it does not.
        files: Every file of it but this one and the signature.
    """

    id: str
    made_us: int
    program: str
    node: str
    site: dict[str, str]
    asked_by: str
    purpose: str
    format: str
    from_us: int
    to_us: int
    complete: bool
    key: str
    streams: tuple[StreamPart, ...]
    files: tuple[FilePart, ...]


def encode(manifest: Manifest) -> bytes:
    """Write a manifest: sorted keys, one value a line, so that the same manifest is always the same bytes."""
    body = {"kind": KIND, "v": VERSION, **asdict(manifest)}
    body["made"], body["from"], body["to"] = iso(manifest.made_us), iso(manifest.from_us), iso(manifest.to_us)
    return (json.dumps(body, ensure_ascii=True, sort_keys=True, indent=1) + "\n").encode()


def decode(raw: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        BadInput: It is none, or of a version that this program does not know.
    """
    try:
        body = json.loads(raw)
        if body["kind"] != KIND:
            raise BadInput("this is no manifest of an export")
        if body["v"] != VERSION:
            raise BadInput(f"the manifest is of version {body['v']!r}", hint="a newer holdfast verify reads it")
        names = [name for name in Manifest.__dataclass_fields__ if name not in {"streams", "files", "site"}]
        return _typed(
            Manifest(
                **{name: body[name] for name in names},
                streams=tuple(_stream(one) for one in body["streams"]),
                files=tuple(_typed(FilePart(**one)) for one in body["files"]),
                site={str(name): str(word) for name, word in body["site"].items()},
            )
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"the manifest does not hold what it must: {error}") from error


def _stream(body: dict[str, Any]) -> StreamPart:
    parts = {
        "facts": dict(body["facts"]),
        "pieces": tuple(_typed(PiecePart(**{**one, "state": PieceState(one["state"])})) for one in body["pieces"]),
        "gaps": tuple(_typed(GapPart(**one)) for one in body["gaps"]),
        "journals": tuple(_typed(JournalPart(**{**one, "breaks": tuple(one["breaks"])})) for one in body["journals"]),
    }
    return _typed(StreamPart(**{**body, **parts}))


def _typed(part: Part) -> Part:
    """Return a part whose words are words and whose numbers are numbers: what came from outside may say anything."""
    for one in fields(part):
        value = getattr(part, one.name)
        if one.type in {int, str, bool} and type(value) is not one.type:
            raise TypeError(f"{one.name} is {value!r}")
    return part


def uncovered(stream: StreamPart) -> list[tuple[int, int]]:
    """Return the spans of a stream that neither a piece nor a gap accounts for; empty where all is said."""
    return holes(said(stream.pieces, stream.gaps), stream.from_us, stream.to_us)


def said(pieces: Iterable["PiecePart"], gaps: Iterable["GapPart"]) -> list[tuple[int, int]]:
    """Return the spans that something is said of."""
    return [*((p.start_us, p.end_us) for p in pieces), *((g.start_us, g.end_us) for g in gaps)]


def holes(spans: Iterable[tuple[int, int]], from_us: int, to_us: int) -> list[tuple[int, int]]:
    """Return what of a span others leave open; shorter than the shortest gap is none (invariant T1)."""
    found: list[tuple[int, int]] = []
    at = from_us
    for start_us, end_us in [*sorted(spans), (to_us, to_us)]:
        begin = min(start_us, to_us)
        if begin - at >= MIN_GAP_US:
            found.append((at, begin))
        at = max(at, end_us)
    return found


def complete(streams: Iterable[StreamPart]) -> bool:
    """Say whether every stream's whole span is there, as it was recorded; planned gaps are gaps, too."""
    there = {PieceState.WHOLE, PieceState.CUT}
    return all(not s.gaps and all(p.state in there for p in s.pieces) and not uncovered(s) for s in streams)
