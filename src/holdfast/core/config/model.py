"""The shape of the configuration: every key, its default and what it means.

The descriptions here are the reference in docs/configuration.md. Values are checked one by one; what only makes sense
together is checked in `checks`, where lines are known. Pure.
"""

import re
import zoneinfo
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationInfo

from holdfast.core.config.deliveries import DeliveryConfig
from holdfast.core.config.encode import EncodeConfig
from holdfast.core.config.handovers import HandoverConfig
from holdfast.core.config.memory import MemoryConfig
from holdfast.core.config.motion import MotionConfig
from holdfast.core.config.objects import ObjectsConfig
from holdfast.core.config.problems import nearest
from holdfast.core.config.retention import KeepConfig, RetentionConfig
from holdfast.core.config.secret import Secret, anchored, is_reference, resolve
from holdfast.core.config.stills import StillsConfig
from holdfast.core.config.table import Table
from holdfast.core.config.targets import TargetConfig
from holdfast.core.config.units import format_bytes, parse_bytes
from holdfast.core.config.watch import WatchConfig, WatcherConfig
from holdfast.core.config.windows import WindowConfig
from holdfast.core.config.work import WorkConfig

MB = 10**6
MIB = 2**20


def _path(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, (str, Path)):
        raise ValueError("must be a path in quotes")  # noqa: TRY004 - pydantic collects ValueError only
    base: Path = (info.context or {}).get("base", Path.cwd())
    return anchored(base, str(value))


def _text_or_reference(value: object, info: ValidationInfo) -> object:
    return resolve(value, info.context or {}) if isinstance(value, dict) and is_reference(value) else value


def _zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        # An abbreviation in the list (EST, MET) has no summer time; what looks like one means a place.
        names = {name for name in zoneinfo.available_timezones() if "/" in name}
        found = nearest(value, names) or next((name for name in sorted(names) if name.endswith(f"/{value}")), "")
        hint = f"did you mean {found}?" if found else "write it as in Europe/Berlin"
        raise ValueError(f"{value!r} is no time zone", hint) from error
    return value


def _cpu(value: object) -> object:
    cores = value if isinstance(value, (list, tuple)) else ()
    if value in {"none", "round-robin"} if isinstance(value, str) else cores and all(_is_core(c) for c in cores):
        return value
    raise ValueError(f"{value!r} is no choice of cores", 'write "none", "round-robin" or a list such as [0, 2]')


def _is_core(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


Folder = Annotated[Path, BeforeValidator(_path), PlainSerializer(str)]
Size = Annotated[int, BeforeValidator(parse_bytes), PlainSerializer(format_bytes)]
Text = Annotated[str, BeforeValidator(_text_or_reference)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class SiteConfig(Table):
    """`[site]`: the place that this node is at."""

    name: str = Field(default="", description="Name of the place, as people call it.")
    id: str = Field(
        default="", description="Its id, carried to every row about it; empty takes the name in small letters."
    )
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="IANA time zone, such as Europe/Berlin: windows and days are meant in it."
    )


class VolumeConfig(Table):
    """`[volumes.NAME]`: a folder on a disk that footage goes to."""

    path: Folder = Field(description="Folder that holds the footage; the disk must be mounted there.")
    reserve: Size = Field(
        default=256 * MIB, description="Space that stays free: below it cleared footage is removed first."
    )
    storage: Literal["disk", "sd-card"] = Field(
        default="disk", description="Kind of disk; `sd-card` synchronises every 10 s instead of every 2 s, to spare it."
    )


class CatalogConfig(Table):
    """`[catalog]`: the index over footage."""

    url: Secret = Field(
        default_factory=Secret,
        description="Database address, as in postgresql+psycopg://…; empty is an SQLite file in the state folder.",
    )


class RecorderConfig(Table):
    """`[recorder]`: how recording is spread over processes."""

    streams_per_process: int = Field(default=16, ge=1, le=256, description="Streams that one recorder process takes.")
    camera_program: str = Field(
        default="",
        description="Program that reads a Raspberry Pi's cameras and speaks rpicam-vid's options; empty is rpicam-vid "
        "or libcamera-vid.",
    )
    cpu: Annotated[str | tuple[int, ...], BeforeValidator(_cpu)] = Field(
        default="none", description='Cores that streams are pinned to: "none", "round-robin" over all, or a list.'
    )


class LogConfig(Table):
    """`[log]`: the log files, one a role."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severity that is logged; a change takes effect without a restart."
    )
    dir: Folder | None = Field(default=None, description="Folder of the log files; unset is `log` in the state folder.")
    max_bytes: Size = Field(default=30 * MB, ge=10_000, description="A log file is rotated when it reaches this size.")
    keep: int = Field(default=5, ge=0, le=1000, description="Rotated, compressed files that are kept beside it.")
    keep_days: float = Field(
        default=14.0, gt=0, le=3650,
        description="Days after its last line when a log file is deleted; one that grows slowly is rotated in time.",
    )  # fmt: skip


class WebConfig(Table):
    """`[web]`: the pages and the API."""

    enabled: bool = Field(default=True, description="Whether `holdfast run` serves pages and API.")
    listen: str = Field(
        default="127.0.0.1", description="Address to listen on; `0.0.0.0` or `::` let other machines in."
    )
    port: int = Field(
        default=8080, ge=0, le=65_535, description="Port to listen on; 0 takes any free one, server.json names it."
    )
    hosts: tuple[str, ...] = Field(
        default=(),
        description="Names that browsers reach it by, such as cameras.example.org; addresses, this machine's name and "
        "names of the local network need not be listed.",
    )
    tls_cert: Folder | None = Field(
        default=None, description="Certificate chain in PEM; with `tls_key` HTTPS is served."
    )
    tls_key: Folder | None = Field(default=None, description="Private key of the certificate, in PEM.")
    trusted_proxies: tuple[str, ...] = Field(
        default=(), description="Addresses of reverse proxies whose X-Forwarded headers are believed."
    )
    cors_origins: tuple[str, ...] = Field(
        default=(), description="Origins of other sites' pages that may use the API, such as https://example.org."
    )
    session_hours: int = Field(default=168, ge=1, le=8760, description="Hours after which a sign-in ends.")
    viewers: int = Field(default=64, ge=1, le=10_000, description="Live and playback streams at the same time, in all.")
    transcodes: int = Field(default=2, ge=0, le=64, description="Streams that are converted at the same time.")


class CaptureConfig(Table):
    """`capture`: when a camera is connected."""

    mode: Literal["always", "window", "ram", "burst", "off"] | None = Field(
        default=None,
        description="`always`; `window`: only inside the windows and booked spans; `ram`: like both, with files that "
        "lie in memory first (`[memory]`); `burst`: one picture every `burst_s`; `off`. Unset is `window` where there "
        "are windows, else `ram` where `retention.only` is `events` or `live` on an SD card, else `always`.",
    )
    windows: tuple[WindowConfig, ...] = Field(
        default=(), description="Hours in which to record, or to take burst pictures."
    )
    burst_s: int = Field(default=300, ge=1, le=86_400, description="Seconds between the pictures of a burst.")
    override: Literal["", "run", "stop"] = Field(
        default="", description="Goes before the schedule: `run`, `stop` or empty."
    )
    override_until: datetime | None = Field(
        default=None, description="When the override ends by itself; without an offset it is meant in the site's zone."
    )


class VideoExpected(Table):
    """`expected.video`: what the picture should be; unset facts are not checked."""

    codec: Literal["h264", "hevc"] | None = Field(default=None, description="`h264` or `hevc`.")
    profile: str | None = Field(default=None, description="Profile, such as High or Main.")
    width: int | None = Field(default=None, ge=1, description="Pixels.")
    height: int | None = Field(default=None, ge=1, description="Pixels.")
    frame_rate: float | None = Field(default=None, gt=0, description="Pictures per second.")


class AudioExpected(Table):
    """`expected.audio`: what the sound should be as the camera sends it; unset facts are not checked."""

    codec: str | None = Field(default=None, description="What the camera sends, such as aac or pcm_alaw.")
    sample_rate: int | None = Field(default=None, ge=1, description="Hertz.")
    channels: int | None = Field(default=None, ge=1, description="1 or 2.")


class ExpectedConfig(Table):
    """`expected`: the stream contract, compared at each connection."""

    video: VideoExpected = Field(default=VideoExpected(), description="What the picture should be.")
    audio: AudioExpected = Field(default=AudioExpected(), description="What the sound should be.")


class CameraConfig(Table):
    """`[cameras.ID]`, and every key of it also in `[defaults]`."""

    name: str = Field(default="", description="Name of the camera, as people call it; empty is its id.")
    site: str = Field(default="", description="Site id carried to its rows; empty is the node's site.")
    location: str = Field(default="", description="Id of the location in your own systems, carried to its rows.")
    side: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_-]{0,20}$",
        description="Which side of a place it sees, such as left or right; in the names of its clips and told in them.",
    )
    enabled: bool = Field(default=True, description="Whether it is recorded; switched off it leaves a `disabled` gap.")
    volume: str = Field(default="", description="Name of the volume; may be left out where there is only one.")
    url: Text = Field(
        default="",
        description="Address of the main stream (rtsp, rtsps, http, https, x11, v4l2, csi, folder) or a media file; "
        "`{id}` stands for the camera's id.",
    )
    sub_url: Text = Field(default="", description="Address of the sub stream.")
    address: Text = Field(default="", description="Host name or IP address, with `path` instead of a whole `url`.")
    port: int | None = Field(default=None, ge=1, le=65_535, description="Port for `address`; unset is 554.")
    path: str = Field(
        default="", description="Path of the main stream, or a make's name: hikvision, dahua, reolink, axis."
    )
    sub_path: str = Field(default="", description="Path of the sub stream; unset is the make's.")
    sub: bool | None = Field(
        default=None, description="Record the sub stream too; unset is yes where its address is given."
    )
    username: Text = Field(default="", description="User name at the camera.")
    password: Secret = Field(default_factory=Secret, description="Password at the camera.")
    source: Literal["rtsp", "http", "x11", "v4l2", "csi", "folder", "file"] | None = Field(
        default=None, description="Kind of source; unset is told from the address."
    )
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="How RTSP media travels.")
    audio: Literal["optional", "required", "off"] = Field(
        default="optional", description="Sound: recorded where there is some, its absence flagged, or left out."
    )
    segment_s: int = Field(
        default=600, ge=1, le=86_400, description="Files are cut at clock multiples of this many seconds."
    )
    capture: CaptureConfig = Field(default=CaptureConfig(), description="When it is connected.")
    open_timeout_s: Seconds = Field(default=10.0, description="Seconds to connect and learn what is sent.")
    stall_s: Seconds = Field(default=5.0, description="Seconds without media on a track until it counts as stalled.")
    keyframe_s: Seconds = Field(default=60.0, description="Seconds to wait for the first keyframe of a connection.")
    backoff_first_s: Seconds = Field(
        default=1.0, description="First wait after a refusal, in seconds; doubles each time."
    )
    backoff_cap_s: Seconds = Field(default=60.0, description="Longest such wait, in seconds.")
    probe_s: Seconds = Field(default=2.0, description="Seconds between tries to reach a camera that does not answer.")
    healthy_s: Seconds = Field(
        default=60.0, description="After recording this many seconds waits begin from the first again."
    )
    sync_s: Seconds | None = Field(
        default=None, description="Seconds of footage that a power cut may cost; unset is 2, or 10 on an SD card."
    )
    queue: Size = Field(default=16 * MIB, ge=64 * 1024, description="Bytes that may wait for a slow disk.")
    cpu: int | None = Field(
        default=None, ge=0, description="Core that its streams run on; unset follows `recorder.cpu`."
    )
    expected: ExpectedConfig = Field(default=ExpectedConfig(), description="What the main stream should be.")
    encode: EncodeConfig = Field(
        default=EncodeConfig(), description="How pictures are encoded that do not come as H.264 or H.265."
    )
    watch: WatchConfig = Field(default=WatchConfig(), description="What is judged in its pictures and sound.")
    motion: MotionConfig = Field(default=MotionConfig(), description="What moves before it, as events.")
    objects: ObjectsConfig = Field(default=ObjectsConfig(), description="What is recognised in those events.")
    stills: StillsConfig = Field(default=StillsConfig(), description="Pictures of it that are kept.")
    retention: KeepConfig = Field(default=KeepConfig(), description="What stays of its footage.")
    options: dict[str, str] = Field(default={}, description="Further settings of one kind of source.")


class Config(Table):
    """The whole file, merged: each camera stands complete in `cameras`, defaults included."""

    state_dir: Folder = Field(
        description="Folder of the catalog, of what is to be recorded and of logs. Unset: $STATE_DIRECTORY, else "
        "holdfast in $XDG_STATE_HOME or ~/.local/state."
    )
    runtime_dir: Folder = Field(
        description="Folder of status files and locks, in memory. Unset: in $RUNTIME_DIRECTORY, else /run/user/UID, "
        "else /dev/shm; apart for each state folder."
    )
    site: SiteConfig = Field(default=SiteConfig(), description="The place.")
    volumes: dict[str, VolumeConfig] = Field(default={}, description="Where footage goes.")
    catalog: CatalogConfig = Field(default=CatalogConfig(), description="The index over footage.")
    memory: MemoryConfig = Field(default=MemoryConfig(), description="Where footage lies before it is on a disk.")
    recorder: RecorderConfig = Field(default=RecorderConfig(), description="Processes of the recorder.")
    log: LogConfig = Field(default=LogConfig(), description="Log files.")
    web: WebConfig = Field(default=WebConfig(), description="Pages and API.")
    watcher: WatcherConfig = Field(default=WatcherConfig(), description="The process that judges pictures and sound.")
    work: WorkConfig = Field(default=WorkConfig(), description="Deliveries, conversions, and who carries them.")
    retention: RetentionConfig = Field(default=RetentionConfig(), description="What is deleted, and when.")
    targets: dict[str, TargetConfig] = Field(default={}, description="Where finished files are sent.")
    deliveries: dict[str, DeliveryConfig] = Field(default={}, description="Rules that say which files go where.")
    handovers: dict[str, HandoverConfig] = Field(default={}, description="Rules that say who is told of which files.")
    cameras: dict[str, CameraConfig] = Field(default={}, description="The cameras, by id.")

    @property
    def log_dir(self) -> Path:
        """Folder of the log files."""
        return self.log.dir or self.state_dir / "log"

    @property
    def catalog_url(self) -> str:
        """Database address with its password; for the catalog alone."""
        return self.catalog.url.reveal() or f"sqlite:///{self.state_dir / 'catalog.sqlite'}"

    @property
    def site_id(self) -> str:
        """Id of the site: as given, else made from its name."""
        return self.site.id or re.sub(r"[^a-z0-9]+", "-", self.site.name.lower()).strip("-")

    def masked(self) -> dict[str, Any]:
        """Return all settings as plain values, secrets hidden."""
        return self.model_dump(mode="json")
