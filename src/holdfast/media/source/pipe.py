"""What a source's own process and the recorder say to each other: a plan in; loaded, tracks, samples and an end out.

Each message is a kind (one byte) and a length (four) before its body. Samples travel as they are; all else is JSON,
which is small and rare. Never pickles: what a process with a broken driver writes is read, not run. Pure.

Not here: the processes (child, roles.source).
"""

import base64
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.errors import (
    AuthFailed,
    BadInput,
    NoKeyframe,
    Refused,
    SourceEnded,
    SourceError,
    Stalled,
    TimestampJump,
    Unreachable,
    Unsupported,
)  # fmt: skip

_HEAD = struct.Struct("<cI")
_SAMPLE = struct.Struct("<B?qqqqq")
_NEVER = -(1 << 63)  # for a camera's clock that is not told
MOST_BYTES = 64 * 1024 * 1024  # chosen: four times the largest picture that is taken; beyond it nothing is believed
LOADED, OPENED, CHANGED, SAMPLE, FAILED = b"l", b"o", b"c", b"s", b"f"
_ERRORS: dict[str, type[SourceError]] = {
    kind.code: kind
    for kind in (
        SourceError, Unreachable, Refused, AuthFailed, Stalled, NoKeyframe, Unsupported, SourceEnded, TimestampJump,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loaded:
    """The process has all that it needs and begins to open: from now on the time to open counts."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a source says once it is open.

    Attributes:
        tracks: What it will send.
        notes: As `Source.notes`.
        quiet_s: For how long it may be silent before it is stalled.
        passed_over: Encoders that did not work here, and why.
    """

    tracks: tuple[Track, ...]
    notes: tuple[str, ...] = ()
    quiet_s: float = 0.0
    passed_over: tuple[str, ...] = ()


Said = Loaded | Opening | tuple[Track, ...] | Sample | SourceError


def loaded() -> bytes:
    """Write that the process begins to open its source."""
    return _json(LOADED, {})


def opened(opening: Opening) -> bytes:
    """Write that a source is open."""
    return _json(OPENED, {
        "tracks": _plain(opening.tracks), "notes": opening.notes, "quiet_s": opening.quiet_s,
        "passed_over": opening.passed_over,
    })  # fmt: skip


def changed(tracks: Sequence[Track]) -> bytes:
    """Write that other tracks begin."""
    return _json(CHANGED, {"tracks": _plain(tracks)})


def failed(error: SourceError) -> bytes:
    """Write why a source ends."""
    return _json(FAILED, {"code": error.code, "message": str(error), "hint": error.hint})


def sample(one: Sample) -> bytes:
    """Write a sample."""
    camera_us = _NEVER if one.camera_us is None else one.camera_us
    facts = _SAMPLE.pack(
        one.track, one.keyframe, one.dts_ticks, one.pts_ticks, one.duration_ticks, one.arrived_us, camera_us
    )
    return b"".join((_HEAD.pack(SAMPLE, len(facts) + len(one.payload)), facts, one.payload))


class Reader:
    """Puts messages together from what arrives in pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Said]:
        """Yield the messages that are whole now.

        Raises:
            BadInput: This is not what `holdfast.roles.source` writes.
        """
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(buffer)
            if length > MOST_BYTES:
                raise BadInput(f"a message of {length} bytes from a source's process")
            end = _HEAD.size + length
            if len(buffer) < end:
                return
            body = bytes(buffer[_HEAD.size : end])
            del buffer[:end]
            yield _read(kind, body)


def _read(kind: bytes, body: bytes) -> Said:
    try:
        if kind == SAMPLE:
            track, keyframe, dts, pts, duration, arrived_us, camera_us = _SAMPLE.unpack_from(body)
            told_us = None if camera_us == _NEVER else camera_us
            return Sample(track, body[_SAMPLE.size :], dts, pts, duration, keyframe, arrived_us, told_us)
        facts = json.loads(body)
        if kind == LOADED:
            return Loaded()
        if kind == OPENED:
            return Opening(_tracks(facts), tuple(facts["notes"]), float(facts["quiet_s"]), tuple(facts["passed_over"]))
        if kind == CHANGED:
            return _tracks(facts)
        if kind == FAILED:
            return _ERRORS.get(facts["code"], SourceError)(facts["message"], hint=facts["hint"])
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise BadInput(f"a damaged message from a source's process: {error}") from error
    raise BadInput(f"an unknown message {kind!r} from a source's process")


def _json(kind: bytes, facts: dict[str, Any]) -> bytes:
    body = json.dumps(facts).encode()
    return _HEAD.pack(kind, len(body)) + body


def _plain(tracks: Sequence[Track]) -> list[dict[str, Any]]:
    return [{**asdict(track), "config": base64.b64encode(track.config).decode()} for track in tracks]


def _tracks(facts: dict[str, Any]) -> tuple[Track, ...]:
    return tuple(
        Track(**{**one, "kind": Kind(one["kind"]), "config": base64.b64decode(one["config"])})
        for one in facts["tracks"]
    )
