"""What to record: the content of `streams.json`, the one file by which the worker tells the recorders what is wanted.

The worker alone writes it (configuration and catalog merged); a recorder only reads, and never waits for it. It lives
in the state folder with mode 0600, because the credentials of the cameras are in it. Pure data.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from holdfast.core.camera import StreamKey
from holdfast.core.errors import BadInput

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Daily hours in the site's zone. `days`: Monday is 0; times are `HH:MM`; an end before the start is next day."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    start: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """When to be connected.

    Attributes:
        mode: `always`; `window` (only inside `windows` and `spans`); `burst` (one keyframe every `burst_s` on the
            grid); `off` (the camera is disabled).
        windows: Daily hours, in `zone`.
        zone: IANA name of the site's time zone.
        spans: Further spans, as (from_us, to_us): bookings.
        burst_s: Seconds between pictures of a burst; the grid is the clock's multiples of it, in UTC.
        override: A person's word that goes before everything: `run`, `stop` or empty.
        override_until_us: When the override ends by itself; None for until it is withdrawn.
    """

    mode: str = "always"
    windows: tuple[Window, ...] = ()
    zone: str = "UTC"
    spans: tuple[tuple[int, int], ...] = ()
    burst_s: int = 300
    override: str = ""
    override_until_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """What to make of pictures that arrive uncompressed or as JPEG. Sources that send H.264 or H.265 pass it over.

    Attributes:
        width: Most pixels across, as the picture is recorded (turned already); never enlarged, the aspect is kept.
        height: Most pixels down.
        frame_rate: Most pictures a second.
        poll_rate: How often a second an address that gives one picture at a time is asked.
        bitrate_bps: Bits a second, on average.
        encoder: `auto` (hardware where it really opens), `software`, or libav's name of one.
        rotation: Degrees clockwise by which the picture is turned: 0, 90, 180 or 270.
    """

    width: int = 1280
    height: int = 720
    frame_rate: float = 15.0
    poll_rate: float = 1.0
    bitrate_bps: int = 1_500_000
    encoder: str = "auto"
    rotation: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """How to record one stream. Everything is resolved: no defaults are looked up anywhere else.

    Attributes:
        camera: Camera id.
        stream: `main` or `sub`.
        process: Number of the recorder process that this stream sticks to.
        source: Kind of source: `rtsp`, `http`, `x11`, `v4l2`, `csi`, `folder` or `file`.
        url: Where to connect, without credentials.
        username: For the camera; empty where it asks for none.
        password: The same. Never leaves this file but for the camera.
        transport: `tcp` or `udp`.
        volume: Path of the volume's root.
        volume_id: What its marker file must say; empty accepts any folder (recording by hand).
        memory: Folder on a tmpfs that files go to first; empty writes them to the volume.
        memory_bytes: What this node's files may take there.
        settles: Whether finished files are moved from there to the volume at once, or policy chooses among them.
        audio: `optional` (record it where there is some), `required` (its absence is flagged), `off`.
        segment_s: Segments are cut at clock multiples of this.
        open_timeout_s: Deadline for connecting and describing.
        stall_s: A track without media for this long, or for three groups of pictures if that is longer, is stalled.
        keyframe_s: How long to wait for the first keyframe of a connection before trying again.
        backoff_first_s: First wait after rights, session limits or bad answers; doubles.
        backoff_cap_s: Longest such wait.
        probe_s: How often an unreachable camera's port is tried.
        healthy_s: After recording this long, back-off starts from the beginning.
        sync_s: Seconds of footage that a power cut may cost: `fdatasync` of the growing file comes a little more often.
        queue_bytes: Bytes that may wait for the disk; beyond them footage is dropped and a `disk-slow` gap says so.
        reserve_bytes: Free space that the volume must keep.
        expected: What the stream should be, as `kind` to facts, for the stream contract check.
        capture: When to be connected.
        cpu: CPU core to run on, or None.
        encode: What to make of pictures that are not recorded as they come.
        site: Site id, carried along.
        location: Location id of the customer's own systems, carried along.
        options: What only one kind of source understands.
    """

    camera: str
    stream: str
    process: int = 0
    source: str = "rtsp"
    url: str
    username: str = ""
    password: str = ""
    transport: str = "tcp"
    volume: str
    volume_id: str = ""
    memory: str = ""
    memory_bytes: int = 0
    settles: bool = True
    audio: str = "optional"
    segment_s: int = 600
    open_timeout_s: float = 10.0
    stall_s: float = 5.0
    keyframe_s: float = 60.0
    backoff_first_s: float = 1.0
    backoff_cap_s: float = 60.0
    probe_s: float = 2.0
    healthy_s: float = 60.0
    sync_s: float = 2.0
    queue_bytes: int = 16 * 1024 * 1024
    reserve_bytes: int = 256 * 1024 * 1024
    expected: dict[str, dict[str, str | int | float]] = field(default_factory=dict)
    capture: Capture = field(default_factory=Capture)
    cpu: int | None = None
    encode: Encoding = field(default_factory=Encoding)
    site: str = ""
    location: str = ""
    options: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> StreamKey:
        """Which stream this is."""
        return StreamKey(self.camera, self.stream)

    def __repr__(self) -> str:
        """Name the stream and nothing secret: a plan ends up in tracebacks and logs."""
        return f"StreamPlan({self.camera}/{self.stream})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All streams of a node, and what the recorders need besides."""

    streams: tuple[StreamPlan, ...] = ()
    runtime_dir: str = ""
    log_level: str = "info"
    log_dir: str = ""
    log_max_bytes: int = 30_000_000
    log_keep: int = 5
    log_keep_days: float = 14.0

    def to_json(self) -> str:
        """Write `streams.json`."""
        return json.dumps({"v": VERSION, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Plan":
        """Read `streams.json`; unknown fields are passed over, so that an older recorder survives a newer worker.

        Raises:
            BadInput: It is damaged.
        """
        try:
            body = json.loads(text)
            streams = tuple(_stream(item) for item in body["streams"])
            return cls(**{**_known(cls, body), "streams": streams})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"streams.json is damaged: {error}") from error


def _known(cls: type[Any], body: dict[str, Any]) -> dict[str, Any]:
    names = {f.name for f in fields(cls)}
    return {name: value for name, value in body.items() if name in names}


def _stream(body: dict[str, Any]) -> StreamPlan:
    capture = _known(Capture, body.get("capture", {}))
    capture["windows"] = tuple(
        Window(**{**_known(Window, w), "days": tuple(w["days"])}) for w in capture.get("windows", ())
    )
    capture["spans"] = tuple((a, b) for a, b in capture.get("spans", ()))
    encode = Encoding(**_known(Encoding, body.get("encode", {})))
    return StreamPlan(**{**_known(StreamPlan, body), "capture": Capture(**capture), "encode": encode})
