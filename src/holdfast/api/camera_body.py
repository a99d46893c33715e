"""What a camera is over HTTP: the bodies that add, change and try one, and what is answered.

The keys are those of `[cameras.ID]`; whether they make sense together is for the library to say, which knows the
nearest known key where one is wrong. A password goes one way. Not here: routes (cameras, camera_trial).
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.core.camera import CAMERA_ID
from holdfast.library.settings import SettingNow

# Unknown keys get as far as the library, which names the nearest one that there is.
_OPEN = ConfigDict(extra="allow")
Text = str | None
Seconds = float | None


class WindowKeys(BaseModel):
    """Daily hours in the site's time zone."""

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] | None = None
    start: str = Field(max_length=5, examples=["08:00"])
    end: str = Field(max_length=5, examples=["18:00"])


class CaptureKeys(BaseModel):
    """When a camera is connected."""

    model_config = _OPEN

    mode: Literal["always", "window", "burst", "off"] | None = None
    windows: list[WindowKeys] | None = Field(default=None, max_length=100)
    burst_s: int | None = None
    override: Literal["", "run", "stop"] | None = None
    override_until: str | None = Field(default=None, max_length=40)


class CameraKeys(BaseModel):
    """Keys of a camera. What is left out stays as it is; `null` takes a key back to what the file or default says."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": {"segment_s": 300, "name": None}})

    name: Text = Field(default=None, max_length=200)
    site: Text = Field(default=None, max_length=200)
    location: Text = Field(default=None, max_length=200)
    side: Text = Field(default=None, max_length=20, examples=["left"])
    enabled: bool | None = None
    volume: Text = Field(default=None, max_length=200)
    url: Text = Field(
        default=None,
        max_length=2000,
        description="rtsp, rtsps, http, https and others; credentials in it are kept apart.",
    )
    sub_url: Text = Field(default=None, max_length=2000)
    address: Text = Field(default=None, max_length=300)
    port: int | None = None
    path: Text = Field(default=None, max_length=1000)
    sub_path: Text = Field(default=None, max_length=1000)
    sub: bool | None = None
    username: Text = Field(default=None, max_length=200)
    password: Text = Field(default=None, max_length=200, description="Written, never read back.")
    source: Literal["rtsp", "http", "x11", "v4l2", "csi", "folder", "file"] | None = None
    transport: Literal["tcp", "udp"] | None = None
    audio: Literal["optional", "required", "off"] | None = None
    segment_s: int | None = None
    capture: CaptureKeys | None = None
    open_timeout_s: Seconds = None
    stall_s: Seconds = None
    keyframe_s: Seconds = None
    backoff_first_s: Seconds = None
    backoff_cap_s: Seconds = None
    probe_s: Seconds = None
    healthy_s: Seconds = None
    sync_s: Seconds = None
    queue: int | str | None = Field(default=None, description="Bytes, or a size such as `16MiB`.")
    cpu: int | None = None
    expected: dict[str, dict[str, Any] | None] | None = None
    encode: dict[str, Any] | None = Field(default=None, examples=[{"quality": "low"}])
    watch: dict[str, Any] | None = Field(default=None, examples=[{"black_level": 16, "silence": False}])
    motion: dict[str, Any] | None = Field(default=None, examples=[{"enabled": True, "min_area": 0.5}])
    objects: dict[str, Any] | None = Field(default=None, examples=[{"wanted": ["person"], "confidence": 0.6}])
    stills: dict[str, Any] | None = Field(default=None, examples=[{"enabled": True, "every_s": 300}])
    retention: dict[str, Any] | None = Field(default=None, examples=[{"keep_days": 14, "copies": 1}])
    options: dict[str, str | None] | None = None

    def said(self) -> dict[str, Any]:
        """Return what was written, `null` too."""
        return self.model_dump(exclude_unset=True)


class NewCamera(CameraKeys):
    """A camera to add."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"example": {"id": "gate", "url": "rtsp://192.0.2.10/stream1"}}
    )

    id: str = Field(pattern=f"^{CAMERA_ID.pattern}$")


class Trial(CameraKeys):
    """An address to try. With the id of a camera that is there, what is left out is as it is saved."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"example": {"url": "rtsp://192.0.2.10/stream1", "username": "viewer"}}
    )

    id: str = Field(default="", pattern=f"^({CAMERA_ID.pattern})?$")


class Camera(BaseModel):
    """A camera: what it is, and what its main stream is doing."""

    id: str
    name: str
    site: str
    location: str
    side: str = Field(description="Which side of a place it sees; empty where nobody said.", examples=["left"])
    enabled: bool
    origin: str = Field(description="`file`, `runtime`, or `file, changed at run time`.")
    volume: str
    streams: list[str]
    address: str | None = Field(description="Without credentials; null for who is no admin.")
    state: str = Field(
        examples=["recording"],
        description="`recording`, `starting`, `stalled`, `waiting`, `off` (nobody records it), `off-schedule`, or "
        "`disabled`: switched off, what older systems call *not deployed*.",
    )
    health: str = Field(description="`well`, `off`, `settling`, `degraded`, `lost`: the worst of its streams.")
    words: str = Field(description="The same in words.")
    hint: str
    frame_age_s: float | None
    fps: float
    bitrate_bps: int
    restarts: int
    width: int | None
    height: int | None
    codecs: list[str]
    gap_since_us: int | None


class Setting(BaseModel):
    """A key of a camera, and who says it."""

    key: str = Field(examples=["capture.burst_s"])
    value: Any = Field(description="As in the file; `****` for a secret that there is.")
    origin: str = Field(
        examples=["holdfast.toml:12"],
        description="`file:line`, `[defaults] file:line`, `environment NAME`, `run time`, `default`.",
    )
    changed: bool = Field(description="It was said at run time; null in PATCH takes it back.")
    below: Any = Field(description="What would hold then.")


class CameraInFull(Camera):
    """A camera with its settings."""

    settings: list[Setting] | None = Field(description="Every key with its origin; null for who is no admin.")


class Cameras(BaseModel):
    """Cameras, in the order of the file, then of their adding."""

    items: list[Camera]
    total: int
    cursor: str | None


class VerdictOut(BaseModel):
    """What came of asking a stream."""

    camera: str
    stream: str
    outcome: str = Field(description="`OK`, `MISMATCH` or `ERROR`.")
    fields: list[str] = Field(description="What differs from what is expected.")
    cause: str
    fix: str
    tracks: list[dict[str, Any]]
    took_s: float


class Verdicts(BaseModel):
    """A verdict a stream."""

    items: list[VerdictOut]


def setting_out(found: SettingNow) -> Setting:
    """Return a setting for an answer."""
    return Setting(key=found.about.key, value=found.value, origin=found.origin, changed=found.saved, below=found.below)
