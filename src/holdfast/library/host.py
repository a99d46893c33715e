"""What the host is doing: processor, memory, temperatures, networks, versions, and how worried to be about each (C108).

Read from /proc and /sys, because no wheel of a library for it fits all machines that run Holdfast. What a host does not
tell, another system or a sandbox, is None and never an error. Volumes are told of by `library.volumes`; how worried to
be about a disk is said here.

`Host` is sampled by the server every few seconds and may be asked from any thread.
Not here: interfaces (host_net), what it looks like over HTTP (api.status) or for Prometheus (metrics).
"""

import os
import platform
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from holdfast import __version__
from holdfast.core.clock import Clock
from holdfast.core.timing import SECOND_US
from holdfast.library.host_net import Interface, interfaces
from holdfast.library.volumes import VolumeState

BUSY = 80.0  # C108: percent of processor or memory from which on somebody should look
ALERT, WARNING, CRITICAL = 75.0, 80.0, 90.0  # C108: percent of a disk
SAMPLE_S = 5.0  # chosen: how often the server samples; a percentage is over the last one to two of these
_OVER_US = 10 * SECOND_US  # chosen: long enough that one clip does not look like a busy host, short enough for a person
_LEAST_US = SECOND_US // 2  # chosen: the kernel counts in hundredths of a second; less would be noise
_COLDEST, _HOTTEST = -60.0, 200.0  # what lies outside is a sensor that is not connected
_BUSY_FIELDS = slice(0, 8)  # proc_stat(5): guest time, the last two, is in user time already
_IDLE_FIELDS = slice(3, 5)  # idle and waiting for disks


class Level(StrEnum):
    """How worried to be, from not at all."""

    OK = "ok"
    ALERT = "alert"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """The processor. Percentages are over the last `over_s` seconds, None before there are two samples."""

    percent: float | None
    cores: tuple[float | None, ...]
    over_s: float | None
    count: int | None
    load_1m: float | None
    load_5m: float | None
    load_15m: float | None
    level: Level | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Memory in bytes. `used` is what programs could not get: all but what the kernel says is available."""

    total_bytes: int | None
    available_bytes: int | None
    used_bytes: int | None
    percent: float | None
    swap_total_bytes: int | None
    swap_used_bytes: int | None
    level: Level | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A sensor."""

    name: str
    celsius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What this is; None where it is not told."""

    host: str
    model: str | None
    system: str | None
    kernel: str
    architecture: str
    python: str
    holdfast: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNow:
    """The host as it stands. `up_s` is seconds since it was started."""

    cpu: Cpu
    memory: Memory
    temperatures: tuple[Zone, ...]
    interfaces: tuple[Interface, ...]
    up_s: float
    synchronised: bool

    @property
    def celsius(self) -> float | None:
        """The hottest sensor."""
        return max((zone.celsius for zone in self.temperatures), default=None)


@dataclass(frozen=True, slots=True)
class _Sample:
    """Processor time so far, in ticks, as (busy, all): of the whole, then of each core."""

    at_us: int
    counters: tuple[tuple[int, int], ...]


class Host:
    """Looks at the host.

    Args:
        clock: Time.
        proc: Where the kernel shows processes.
        sys: Where it shows devices.
        asked: Asks it for the network interfaces.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        proc: Path = Path("/proc"),
        sys: Path = Path("/sys"),
        asked: Callable[[Path, Path], tuple[Interface, ...]] = interfaces,
    ) -> None:
        self._clock = clock
        self._proc, self._sys = proc, sys
        self._interfaces = asked
        self._lock = threading.Lock()
        self._samples: deque[_Sample] = deque()
        self.sample()

    def sample(self) -> None:
        """Note how much the processor has done so far; as often as anybody likes."""
        now_us = self._clock.boot_us()
        with self._lock:
            if self._samples and now_us - self._samples[-1].at_us < _LEAST_US:
                return
            counters = _processor_time(self._proc)
            if not counters:
                return
            self._samples.append(_Sample(now_us, counters))
            # One that is older than the span stays as its begin.
            while len(self._samples) > 2 and now_us - self._samples[1].at_us >= _OVER_US:  # noqa: PLR2004 - a span has two ends
                self._samples.popleft()

    def now(self) -> HostNow:
        """Look."""
        self.sample()
        return HostNow(
            cpu=self._cpu(), memory=_memory(self._proc), temperatures=_temperatures(self._sys),
            interfaces=self._interfaces(self._proc, self._sys), up_s=self._clock.boot_us() / SECOND_US,
            synchronised=self._clock.synchronised(),
        )  # fmt: skip

    def machine(self) -> Machine:
        """Say what this is."""
        system = None
        with suppress(OSError):
            system = platform.freedesktop_os_release().get("PRETTY_NAME")
        return Machine(
            host=platform.node(), model=_model(self._proc, self._sys), system=system or platform.system() or None,
            kernel=platform.release(), architecture=platform.machine(), python=platform.python_version(),
            holdfast=__version__,
        )  # fmt: skip

    def _cpu(self) -> Cpu:
        with self._lock:
            ends = (self._samples[0], self._samples[-1]) if self._samples else None
        shares: list[float | None] = []
        over_s = None
        if ends is not None and ends[0] is not ends[1]:
            over_s = round((ends[1].at_us - ends[0].at_us) / SECOND_US, 1)
            # A core that was switched off meanwhile has no counter any more.
            shares = [_share(a, b) for a, b in zip(ends[0].counters, ends[1].counters, strict=False)]
        percent = shares[0] if shares else None
        load: Sequence[float | None] = (None, None, None)
        with suppress(OSError):
            load = [round(one, 2) for one in os.getloadavg()]
        return Cpu(
            percent=percent, cores=tuple(shares[1:]), over_s=over_s,
            count=os.cpu_count(), load_1m=load[0], load_5m=load[1], load_15m=load[2], level=busy_level(percent),
        )  # fmt: skip


def busy_level(percent: float | None) -> Level | None:
    """Judge a processor or memory."""
    if percent is None:
        return None
    return Level.WARNING if percent >= BUSY else Level.OK


def disk_level(total_bytes: int | None, free_bytes: int | None) -> Level | None:
    """Judge a disk by how much of it is used."""
    percent = used_percent(total_bytes, free_bytes)
    if percent is None:
        return None
    steps = ((CRITICAL, Level.CRITICAL), (WARNING, Level.WARNING), (ALERT, Level.ALERT))
    return next((level for least, level in steps if percent >= least), Level.OK)


def volume_level(volume: VolumeState) -> Level | None:
    """Judge a volume: one that cannot take footage is critical, however empty it is."""
    full = volume.free_bytes is not None and volume.free_bytes <= volume.reserve_bytes
    if volume.problem is not None or full:
        return Level.CRITICAL
    return disk_level(volume.total_bytes, volume.free_bytes)


def used_percent(total_bytes: int | None, free_bytes: int | None) -> float | None:
    """Return how much of something is used."""
    if not total_bytes or free_bytes is None:
        return None
    return round(100 * (1 - free_bytes / total_bytes), 1)


def worst(levels: Iterable[Level | None]) -> Level | None:
    """Return the worst of them; None where nothing is known."""
    order = list(Level)
    return max((level for level in levels if level is not None), key=order.index, default=None)


def read_text(path: Path) -> str:
    """Return what a file of the kernel says; empty where it says nothing, whatever the cause."""
    try:
        return path.read_bytes().decode("utf-8", "replace").strip("\0\n ")
    except OSError:
        return ""


def _processor_time(proc: Path) -> tuple[tuple[int, int], ...]:
    found = []
    for line in read_text(proc / "stat").splitlines():
        name, *fields = line.split()
        if not name.startswith("cpu"):
            break  # they come first
        try:
            ticks = [int(field) for field in fields[_BUSY_FIELDS]]
        except ValueError:
            return ()
        found.append((sum(ticks) - sum(ticks[_IDLE_FIELDS]), sum(ticks)))
    return tuple(found)


def _share(before: tuple[int, int], after: tuple[int, int]) -> float | None:
    total = after[1] - before[1]
    if total <= 0:
        return None
    # Waiting for disks may be counted back a little (proc_stat(5)).
    return round(min(100.0, max(0.0, 100 * (after[0] - before[0]) / total)), 1)


def _memory(proc: Path) -> Memory:
    said: dict[str, int] = {}
    for line in read_text(proc / "meminfo").splitlines():
        name, _, rest = line.partition(":")
        number = rest.split()
        if number and number[0].isdigit():
            said[name] = int(number[0]) * 1024  # proc_meminfo(5): "kB" are 1024 bytes
    total, available = said.get("MemTotal"), said.get("MemAvailable")
    swap, swap_free = said.get("SwapTotal"), said.get("SwapFree")
    percent = used_percent(total, available)
    return Memory(
        total_bytes=total, available_bytes=available,
        used_bytes=None if total is None or available is None else total - available, percent=percent,
        swap_total_bytes=swap, swap_used_bytes=None if swap is None or swap_free is None else swap - swap_free,
        level=busy_level(percent),
    )  # fmt: skip


def _temperatures(sys: Path) -> tuple[Zone, ...]:
    found = []
    for folder in sorted((sys / "class" / "thermal").glob("thermal_zone*")):
        try:
            celsius = int(read_text(folder / "temp")) / 1000  # kernel.org, thermal/sysfs-api: millidegrees
        except ValueError:
            continue  # asleep, or not connected
        if _COLDEST < celsius < _HOTTEST:
            found.append(Zone(name=read_text(folder / "type") or folder.name, celsius=round(celsius, 1)))
    return tuple(found)


def _model(proc: Path, sys: Path) -> str | None:
    board = read_text(proc / "device-tree" / "model")
    if board:
        return board
    ids = sys / "class" / "dmi" / "id"
    words = " ".join(filter(None, (read_text(ids / "sys_vendor"), read_text(ids / "product_name"))))
    return words or None
