"""What a stream is doing right now: one small file a stream in the runtime folder (tmpfs), replaced each second.

Written by the recorder, read by everybody, believed only while fresh. Nothing secret is in it. Pure data.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from holdfast.core.errors import BadInput

FRESH_S = 5.0  # chosen: five missed rewrites; an older file speaks of a recorder that is gone or stuck
SETTLING_S = 30.0  # chosen: a stream that connects is "starting" for this long before it is called a loss


class StreamState(StrEnum):
    """What the recorder of a stream is doing."""

    OFF = "off"
    STARTING = "starting"
    RECORDING = "recording"
    STALLED = "stalled"
    WAITING = "waiting"
    DISABLED = "disabled"
    OFF_SCHEDULE = "off-schedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """A snapshot of one stream.

    Attributes:
        camera: Camera id.
        stream: `main` or `sub`.
        state: What it is doing.
        reason: Gap reason while it does not record, else empty.
        detail: The same in words for a person; never a credential.
        hint: What to do about it.
        at_us: Wall time of this snapshot.
        since_us: Wall time at which this state began.
        pid: Process that records it.
        tracks: `Track.facts()` of each track.
        fps: Pictures per second, over the last 5 s.
        bitrate_bps: Bits per second of payload, over the last 5 s.
        last_sample_us: Wall time of the newest sample, or None.
        media_end_us: Wall time up to which media is in the growing file, or None.
        restarts: Connections after the first, since the recorder started.
        segment: File being written, relative to the volume, or empty.
        segments: Segments sealed since the recorder started.
        queue_bytes: Bytes waiting for the disk.
        dropped_samples: Samples dropped because the disk was too slow, since the recorder started.
        lost_s: Seconds not recorded since the recorder started, planned gaps not counted.
        drift_ppm: How fast the camera's clock runs against ours.
        retry_in_s: Seconds until the next attempt, or None.
        notes: What a person should know about the stream, such as sound that cannot be recorded.
        mismatch: Fields in which the stream differs from what is expected, as `video.width: 1280, expected 1920`.
        pictures: Pictures recorded since the recorder started.
        media_bytes: Bytes of payload recorded since the recorder started.
        memory: Why files that should lie in memory first go to the volume; empty where all is well, or none should.
        spilled: Files that went there for such a reason, since the recorder opened the volume.
    """

    camera: str
    stream: str
    state: StreamState = StreamState.STARTING
    reason: str = ""
    detail: str = ""
    hint: str = ""
    at_us: int = 0
    since_us: int = 0
    pid: int = 0
    tracks: list[dict[str, Any]] = field(default_factory=list)
    fps: float = 0.0
    bitrate_bps: int = 0
    last_sample_us: int | None = None
    media_end_us: int | None = None
    restarts: int = 0
    segment: str = ""
    segments: int = 0
    queue_bytes: int = 0
    dropped_samples: int = 0
    lost_s: float = 0.0
    drift_ppm: float = 0.0
    retry_in_s: float | None = None
    notes: list[str] = field(default_factory=list)
    mismatch: list[str] = field(default_factory=list)
    pictures: int = 0
    media_bytes: int = 0
    memory: str = ""
    spilled: int = 0

    def to_json(self) -> str:
        """Write the file's content."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "StreamStatus":
        """Read it; unknown fields are passed over.

        Raises:
            BadInput: It is damaged.
        """
        try:
            body = json.loads(text)
            known = {f.name: body[f.name] for f in fields(cls) if f.name in body}
            return cls(**{**known, "state": StreamState(known["state"])})
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"a status file is damaged: {error}") from error


def status_name(camera: str, stream: str) -> str:
    """Return the name of a stream's status file in the runtime folder."""
    return f"{camera}.{stream}.json"
