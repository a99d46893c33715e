from pathlib import Path

import pytest

from holdfast.library.host import Host, Level, busy_level, disk_level, used_percent, worst
from support.clock import PushedClock

MEMINFO = "MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 150 kB\nSwapTotal: 500 kB\nSwapFree: 400 kB\nOdd:\n"


def _kernel(root: Path, *cores: tuple[int, int]) -> None:
    """Write what the kernel of a host would say; each core as (busy, idle) ticks, user and nice apart from waiting."""
    proc = root / "proc"
    proc.mkdir(parents=True, exist_ok=True)
    lines = [
        f"cpu{n} {busy // 2} 0 {busy - busy // 2} {idle // 2} {idle - idle // 2} 0 0 0 7 7"
        for n, (busy, idle) in enumerate(cores)
    ]
    total = [sum(core[n] for core in cores) for n in (0, 1)]
    lines.insert(0, f"cpu  {total[0]} 0 0 {total[1]} 0 0 0 0 99 99")
    (proc / "stat").write_text("\n".join([*lines, "intr 1 2 3", "cpufreq 5"]), encoding="ascii")
    (proc / "meminfo").write_text(MEMINFO, encoding="ascii")


def _host(root: Path, clock: PushedClock) -> Host:
    return Host(clock, proc=root / "proc", sys=root / "sys")


def test_the_processor_is_measured_over_seconds(tmp_path: Path) -> None:
    """Its share, of all and of each core, is over the last ten seconds or so; before that there is none (C108)."""
    clock = PushedClock()
    _kernel(tmp_path, (100, 900), (100, 900))
    seen = _host(tmp_path, clock)
    assert (seen.now().cpu.percent, seen.now().cpu.cores, seen.now().cpu.level) == (None, (), None)
    clock.advance(5)
    _kernel(tmp_path, (590, 910), (100, 1400))
    now = seen.now().cpu
    assert (now.percent, now.cores, now.over_s, now.level) == (49.0, (98.0, 0.0), 5.0, Level.OK)
    for step in range(1, 5):
        clock.advance(5)
        _kernel(tmp_path, (590 + 500 * step, 910), (100 + 400 * step, 1400 + 100 * step))
        seen.sample()
    now = seen.now().cpu
    assert (now.percent, now.cores, now.over_s, now.level) == (90.0, (100.0, 80.0), 10.0, Level.WARNING)


def test_memory_is_what_programs_cannot_get(tmp_path: Path) -> None:
    """Used is all but what the kernel calls available; from 80 % on it is a warning (C108)."""
    _kernel(tmp_path, (1, 1))
    memory = _host(tmp_path, PushedClock()).now().memory
    assert (memory.total_bytes, memory.used_bytes, memory.percent) == (1_024_000, 870_400, 85.0)
    assert (memory.swap_total_bytes, memory.swap_used_bytes, memory.level) == (512_000, 102_400, Level.WARNING)


def test_sensors_that_say_nothing_are_passed_over(tmp_path: Path) -> None:
    """The hottest of those that answer counts; one that is asleep or absurd is none."""
    for number, (name, said) in enumerate(
        (("cpu-thermal", "51540\n"), ("gpu", "48000"), ("modem", ""), ("odd", "999000"), ("", "-5000"))
    ):
        folder = tmp_path / "sys/class/thermal" / f"thermal_zone{number}"
        folder.mkdir(parents=True)
        (folder / "temp").write_text(said, encoding="ascii")
        (folder / "type").write_text(name, encoding="ascii")
    now = _host(tmp_path, PushedClock()).now()
    assert [(zone.name, zone.celsius) for zone in now.temperatures] == [
        ("cpu-thermal", 51.5), ("gpu", 48.0), ("thermal_zone4", -5.0)
    ]  # fmt: skip
    assert now.celsius == 51.5


@pytest.mark.parametrize("stat", [None, "", "cpu", "cpu one two", "cpu 1\ncpu0 1", "\xff\xfe"])
def test_a_host_that_tells_nothing_is_not_an_error(tmp_path: Path, stat: str | None) -> None:
    """Another system, a sandbox or a kernel that says something else gives unknown values, never an exception."""
    if stat is not None:
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc/stat").write_text(stat, encoding="latin-1")
        (tmp_path / "proc/meminfo").write_text("MemTotal: lots\n\n:", encoding="ascii")
    clock = PushedClock(sync=False)
    seen = _host(tmp_path, clock)
    clock.advance(5)
    now = seen.now()
    assert (now.cpu.percent, now.memory.percent, now.memory.level, now.celsius) == (None, None, None, None)
    assert (now.temperatures, now.interfaces, now.synchronised) == ((), (), False)
    assert seen.machine().model is None
    assert seen.machine().holdfast


def test_this_host_is_told_of() -> None:
    """On the host that this runs on the real numbers make sense together."""
    clock = PushedClock()
    seen = Host(clock)
    for _ in range(100_000):
        clock.advance(1)
        now, machine = seen.now(), seen.machine()
        if now.cpu.percent is not None:
            break  # the kernel counts in hundredths of a second
    assert now.cpu.percent is not None
    assert 0 <= now.cpu.percent <= 100
    assert len(now.cpu.cores) >= 1
    assert now.memory.total_bytes is not None
    assert now.memory.available_bytes is not None
    assert 0 < now.memory.available_bytes < now.memory.total_bytes
    assert now.up_s > 1
    assert machine.python.startswith("3.")
    assert machine.architecture


def test_a_board_says_what_it_is(tmp_path: Path) -> None:
    """A Raspberry Pi is known by its device tree, a PC by its firmware."""
    ids = tmp_path / "sys/class/dmi/id"
    ids.mkdir(parents=True)
    (ids / "sys_vendor").write_text("Acme\n", encoding="ascii")
    (ids / "product_name").write_text("Box 7\n", encoding="ascii")
    seen = _host(tmp_path, PushedClock())
    assert seen.machine().model == "Acme Box 7"
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert seen.machine().model == "Raspberry Pi 5 Model B Rev 1.0"


def test_levels_are_those_of_the_predecessor() -> None:
    """A disk alerts from 75 %, warns from 80, is critical from 90; processor and memory warn from 80 % (C108)."""
    said = {used: disk_level(1000, 1000 - used) for used in (0, 749, 750, 799, 800, 899, 900, 1000)}
    assert list(said.values()) == [
        Level.OK, Level.OK, Level.ALERT, Level.ALERT, Level.WARNING, Level.WARNING, Level.CRITICAL, Level.CRITICAL
    ]  # fmt: skip
    assert [busy_level(percent) for percent in (None, 79.9, 80.0, 100.0)] == [
        None, Level.OK, Level.WARNING, Level.WARNING
    ]  # fmt: skip
    assert (disk_level(None, 5), disk_level(0, 0), used_percent(100, None)) == (None, None, None)
    assert worst([Level.OK, None, Level.WARNING, Level.ALERT]) is Level.WARNING
    assert worst([None]) is None
