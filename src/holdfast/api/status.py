"""How host and node are, in one answer or a key at a time (C108), also at the addresses of a predecessor: `/status`.

Made of files in memory and the last rows of the catalog; nothing here asks a camera, so a dead one costs no time (F66).
Not here: looking (library.host, library.holdings, library.status), numbers for Prometheus (metrics).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from holdfast import __version__
from holdfast.api.files import Node
from holdfast.api.streams import look
from holdfast.core.errors import CatalogError, HoldfastError, NotFound
from holdfast.core.status import StreamState
from holdfast.core.timing import DAY_US, SECOND_US, iso
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.host import holdings_of, host_of
from holdfast.http.rights import Right, needs
from holdfast.library import health, log_pages, volumes
from holdfast.library.holdings import Holdings
from holdfast.library.host import Host, HostNow, Level, used_percent, volume_level, worst
from holdfast.library.logs import Query
from holdfast.library.status import Health, NodeNow

router = APIRouter(tags=["node"], dependencies=[needs(Right.VIEWER)])

RECENT = 10  # chosen: a glance
ERRORS = 20  # chosen: the same
_LOOK_BYTES = 256_000  # chosen: the last 1500 lines of each role, read in a few milliseconds
_SINCE_US = DAY_US  # chosen: an error of yesterday is seen, one of last month does not look like today's


class _Out(BaseModel):
    """What is filled from a value of the library."""

    model_config = ConfigDict(from_attributes=True)


class CpuOut(_Out):
    """The processor."""

    percent: float | None = Field(description="Over the last `over_s` seconds; null just after the start.")
    cores: list[float | None] = Field(description="The same for each core.")
    over_s: float | None
    count: int | None
    load_1m: float | None
    load_5m: float | None
    load_15m: float | None
    level: Level | None = Field(description="`warning` from 80 %.")


class MemoryOut(_Out):
    """Memory, in bytes."""

    total_bytes: int | None
    available_bytes: int | None
    used_bytes: int | None
    percent: float | None
    swap_total_bytes: int | None
    swap_used_bytes: int | None
    level: Level | None = Field(description="`warning` from 80 %.")


class DiskOut(BaseModel):
    """The disk of a volume."""

    volume: str
    path: str
    total_bytes: int | None
    free_bytes: int | None
    percent: float | None
    problem: str | None = Field(description="Why footage cannot go there; null where it can.")
    level: Level | None = Field(description="`alert` from 75 % used, `warning` from 80 %, `critical` from 90 %.")


class StorageOut(BaseModel):
    """The volumes."""

    percent: float | None = Field(description="Of the fullest one.")
    level: Level | None = Field(description="The worst of them.")
    problem: str | None = Field(description="Why nothing is known about any; null where something is.")
    volumes: list[DiskOut]


class ZoneOut(_Out):
    """A sensor."""

    name: str = Field(examples=["cpu-thermal"])
    celsius: float


class TemperatureOut(BaseModel):
    """Temperatures; null and empty where the host has no sensor."""

    celsius: float | None = Field(description="Of the hottest sensor.")
    zones: list[ZoneOut]


class UptimeOut(BaseModel):
    """How long things have run, in seconds."""

    host_s: float
    holdfast_s: float | None = Field(description="Since `holdfast run` began; null where no supervisor is running.")
    server_s: float


class ErrorOut(BaseModel):
    """Something that went wrong. `at` is null for what is wrong now."""

    at: str | None
    source: str = Field(description="`camera`, `node`, or the role that logged it.")
    camera: str | None
    message: str
    hint: str


class RecordingOut(BaseModel):
    """A finished file of footage; times in microseconds since the epoch, UTC."""

    camera: str
    stream: str
    segment: str = Field(examples=["gate_20260501T180000Z"], description="Its name in the addresses of segments.")
    volume: str
    file: str
    start_us: int
    end_us: int
    bytes: int


class IsRecordingOut(BaseModel):
    """Whether footage is being recorded."""

    any: bool
    all: bool = Field(description="Every camera that should be.")
    cameras: dict[str, bool] = Field(examples=[{"gate": True, "dock": False}], description="By main stream.")


class InterfaceOut(_Out):
    """A network interface; counters since it came up."""

    name: str
    up: bool | None
    addresses: list[str] = Field(examples=[["192.0.2.7/24"]])
    speed_mbps: int | None
    received_bytes: int
    sent_bytes: int
    receive_errors: int
    send_errors: int
    dropped: int


class NetworkOut(BaseModel):
    """The network, and what comes over it: the time."""

    host: str
    clock_synchronised: bool
    interfaces: list[InterfaceOut]


class OneOut(BaseModel):
    """One key of the status."""

    cpu: CpuOut | None = None
    memory: MemoryOut | None = None
    storage: StorageOut | None = None
    temperature: TemperatureOut | None = None
    uptime: UptimeOut | None = None
    errors: list[ErrorOut] | None = Field(default=None, description="What is wrong now, then what was logged today.")
    recent_recordings: list[RecordingOut] | None = Field(
        default=None, description="Newest first; null while the catalog does not answer."
    )
    is_recording: IsRecordingOut | None = None
    network: NetworkOut | None = None


class StatusOut(OneOut):
    """How host and node are."""

    status: Literal["healthy", "warning", "critical"]
    timestamp: str
    version: str


@dataclass(frozen=True)
class Looked:
    """What the keys are made from: each looks at what it needs, and what several need is looked at once."""

    context: Context
    host: Host
    holdings: Holdings

    @cached_property
    def host_now(self) -> HostNow:
        """The host."""
        return self.host.now()

    @cached_property
    def node_now(self) -> NodeNow:
        """The streams."""
        return look(self.context)

    @cached_property
    def disks(self) -> list[volumes.VolumeState] | HoldfastError:
        """The volumes."""
        return disks_of(self.context)


def _looked(
    context: Node, host: Annotated[Host, Depends(host_of)], holdings: Annotated[Holdings, Depends(holdings_of)]
) -> Looked:
    return Looked(context, host, holdings)


Look = Annotated[Looked, Depends(_looked)]


@router.get("/api/v1/status", summary="How host and node are", responses=problems(401, 403))
@router.get("/status", include_in_schema=False)
def status(at: Look) -> StatusOut:
    """Return every key, and one word for all of it; also at `/status`."""
    parts: dict[str, Any] = {key: make(at) for key, make in KEYS.items()}
    now_us = at.context.clock.wall_us()
    return StatusOut(
        status=_word(at, worst([parts["cpu"].level, parts["memory"].level, parts["storage"].level])),
        timestamp=iso(now_us), version=__version__, **parts,
    )  # fmt: skip


@router.get(
    "/api/v1/status/{key}", summary="One key of the status", response_model_exclude_unset=True,
    responses=problems(401, 403, 404),
)  # fmt: skip
@router.get("/status/{key}", include_in_schema=False, response_model_exclude_unset=True)
def one(at: Look, key: Annotated[str, Path(max_length=60, description="Such as `cpu` or `storage`.")]) -> OneOut:
    """Return an object with this key alone; also at `/status/{key}`."""
    if key not in KEYS:
        raise NotFound(f"the status has no key {key!r}", hint=f"there are {', '.join(KEYS)}")
    return OneOut(**{key: KEYS[key](at)})


def disks_of(context: Context) -> list[volumes.VolumeState] | HoldfastError:
    """Look at the volumes."""
    try:
        return volumes.survey(context.config)
    except HoldfastError as error:
        return error


def _word(at: Looked, level: Level | None) -> Literal["healthy", "warning", "critical"]:
    catalog = at.holdings.catalog_now()
    parts = health.components(
        at.node_now, at.disks, CatalogError(catalog.problem) if catalog.problem else None,
        synchronised=at.context.clock.synchronised(),
    )  # fmt: skip
    overall = health.overall(parts)
    if overall is health.Level.CRITICAL or level is Level.CRITICAL:
        return "critical"
    return "healthy" if overall is health.Level.HEALTHY and level in {None, Level.OK} else "warning"


def _cpu(at: Looked) -> CpuOut:
    return CpuOut.model_validate(at.host_now.cpu)


def _memory(at: Looked) -> MemoryOut:
    return MemoryOut.model_validate(at.host_now.memory)


def _storage(at: Looked) -> StorageOut:
    disks = at.disks
    if isinstance(disks, HoldfastError):
        return StorageOut(percent=None, level=Level.WARNING, problem=str(disks), volumes=[])
    found = [
        DiskOut(
            volume=disk.name, path=str(disk.root), total_bytes=disk.total_bytes, free_bytes=disk.free_bytes,
            percent=used_percent(disk.total_bytes, disk.free_bytes),
            problem=None if disk.problem is None else str(disk.problem), level=volume_level(disk),
        )
        for disk in disks
    ]  # fmt: skip
    percent = max((disk.percent for disk in found if disk.percent is not None), default=None)
    return StorageOut(percent=percent, level=worst(disk.level for disk in found), problem=None, volumes=found)


def _temperature(at: Looked) -> TemperatureOut:
    now = at.host_now
    return TemperatureOut(celsius=now.celsius, zones=[ZoneOut.model_validate(zone) for zone in now.temperatures])


def _uptime(at: Looked) -> UptimeOut:
    now_us, supervisor = at.context.clock.wall_us(), at.node_now.supervisor or {}
    since_us = supervisor.get("since_us")
    return UptimeOut(
        host_s=round(at.context.clock.boot_us() / SECOND_US, 1),
        holdfast_s=_seconds(now_us - since_us) if isinstance(since_us, int) else None,
        server_s=_seconds(now_us - at.context.began_us),
    )


def _seconds(us: int) -> float:
    return round(max(0, us) / SECOND_US, 1)


def _errors(at: Looked) -> list[ErrorOut]:
    now = at.node_now
    wrong = [
        ErrorOut(at=None, source="camera", camera=stream.status.camera, message=f"{stream.name} is {stream.words}"
                 if stream.fresh else f"{stream.name}: {stream.words}", hint=stream.hint)
        for stream in now.streams if stream.health in {Health.LOST, Health.DEGRADED}
    ]  # fmt: skip
    wrong += [ErrorOut(at=None, source="node", camera=None, message=text, hint="") for text in now.troubles]
    query = Query(level="error", since_us=at.context.clock.wall_us() - _SINCE_US)
    try:
        logged = log_pages.page(at.context.config.log_dir, query, ERRORS, look_bytes=_LOOK_BYTES).entries
    except OSError as error:
        unread = ErrorOut(at=None, source="node", camera=None, message=f"the logs cannot be read: {error}", hint="")
        return [*wrong, unread][:ERRORS]
    return [*wrong, *map(_logged, logged)][:ERRORS]


def _logged(entry: dict[str, Any]) -> ErrorOut:
    """Say what a viewer may know of a line: what happened and why, not the rest of its facts, which are for admins."""
    why = entry.get("reason") or entry.get("why") or ""
    event, camera = str(entry.get("event", "")), entry.get("camera")
    return ErrorOut(
        at=str(entry["at"]), source=str(entry.get("role", "")), camera=None if camera is None else str(camera),
        message=f"{event}: {why}" if why else event, hint=str(entry.get("hint", "")),
    )  # fmt: skip


def _recent(at: Looked) -> list[RecordingOut] | None:
    try:
        found = at.holdings.newest(RECENT)
    except CatalogError:
        return None
    return [
        RecordingOut(
            camera=one.key.camera, stream=one.key.stream, volume=one.volume, file=one.file, start_us=one.start_us,
            segment=one.file.rpartition("/")[2].removesuffix(".mp4"), end_us=one.end_us, bytes=one.bytes,
        )
        for one in found
    ]  # fmt: skip


def _is_recording(at: Looked) -> IsRecordingOut:
    main = [stream for stream in at.node_now.streams if stream.status.stream == "main"]
    cameras = {stream.status.camera: stream.fresh and stream.status.state is StreamState.RECORDING for stream in main}
    wanted = [stream.status.camera for stream in main if stream.health is not Health.OFF]
    return IsRecordingOut(
        any=any(cameras.values()), all=bool(wanted) and all(cameras[name] for name in wanted), cameras=cameras
    )


def _network(at: Looked) -> NetworkOut:
    now = at.host_now
    return NetworkOut(
        host=at.host.machine().host, clock_synchronised=now.synchronised,
        interfaces=[InterfaceOut.model_validate(one) for one in now.interfaces],
    )  # fmt: skip


KEYS: dict[str, Callable[[Looked], Any]] = {
    "cpu": _cpu, "memory": _memory, "storage": _storage, "temperature": _temperature, "uptime": _uptime,
    "errors": _errors, "recent_recordings": _recent, "is_recording": _is_recording, "network": _network,
}  # fmt: skip
"""What each key is made by; the keys of C108."""
