"""What is examined: everything that the checks look at, resolved once. Pure data.

Made from the configuration by `settings`, or by hand in tests. Holds the cameras' credentials (in `streams`): never
print it whole.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.core.clock import Clock
from holdfast.core.config.handovers import AnyHandover
from holdfast.core.config.model import Config
from holdfast.core.plan import StreamPlan
from holdfast.library.recognising import Order
from holdfast.library.watermarks import Fill
from holdfast.media.source.contract import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeToCheck:
    """A volume as it is configured: its root, the id its marker must carry (empty for any), the space it must keep."""

    name: str
    path: Path
    volume_id: str = ""
    reserve_bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """An installation.

    Attributes:
        clock: Tells the time, and how long things take.
        connect: Makes a source for a stream.
        streams: What should be recorded, resolved.
        volumes: Where to.
        state_dir: Holds `streams.json` and the catalog.
        runtime_dir: Holds one status file a stream.
        log_dir: Holds the log files.
        catalog_url: Where the catalog is, as the catalog opens it; empty where there is none.
        disks: How full every disk is that is used.
        memory: Why memory cannot be used that cameras are to be captured to; empty where it can, or none is.
        objects: By camera, what it looks for with a model; None where one is named, but nothing becomes an event.
        handovers: Rules of hand-over, by name.
        config: The settings in force, for what the library says by them; None where there are none.
        deep: Connect to cameras even while they are being recorded. Costs a session at the camera.
        camera_deadline_s: No camera may hold up the answer for longer.
    """

    clock: Clock
    connect: Callable[[StreamPlan], Source]
    streams: tuple[StreamPlan, ...] = ()
    volumes: tuple[VolumeToCheck, ...] = ()
    state_dir: Path
    runtime_dir: Path
    log_dir: Path
    catalog_url: str = ""
    disks: tuple[Fill, ...] = ()
    memory: str = ""
    objects: Mapping[str, Order | None] = field(default_factory=dict)
    handovers: Mapping[str, AnyHandover] = field(default_factory=dict)
    config: Config | None = None
    deep: bool = False
    camera_deadline_s: float = 10.0  # chosen: a person waits for the answer; as long as a plan gives to open
