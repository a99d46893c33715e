"""The system page: host, roles and volumes of this node, what its configuration comes from, what its logs say.

Whatever is down, the rest of the page is there: each part is read by itself, from files in memory, from the disks, and
what lies on them from the catalog. Not here: finding out what is wrong (library.doctor), cameras (overview, checks).
"""

import platform
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from holdfast import __version__
from holdfast.core.errors import CatalogError, HoldfastError
from holdfast.core.timing import parse_instant, span_words
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.host import holdings_of, host_of
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import log_pages, logs, volumes
from holdfast.library.holdings import Holdings
from holdfast.library.host import Host, Level, volume_level
from holdfast.library.host_net import Interface
from holdfast.library.status import NodeNow, read_now
from holdfast.library.volumes import VolumeState
from holdfast.web.checks import BADGES, checks_of
from holdfast.web.render import page, size_words

router = APIRouter(include_in_schema=False, dependencies=[needs(Right.VIEWER)])

LINES = 100  # chosen: the last half hour of a node that has something to say
_OWN = ("at", "level", "event", "role", "logger")


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A process of this node. `health` is that of a badge, `words` what it is doing; times in microseconds."""

    name: str
    health: str
    state: str
    pid: int | None
    restarts: int
    since_us: int | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A volume. `used` is a share of the disk, None where it does not answer."""

    name: str
    root: str
    health: str
    state: str
    used: float | None
    free_bytes: int | None
    total_bytes: int | None
    reserve_bytes: int
    words: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLine:
    """Footage of a stream on a volume. `share` is its part of all that is counted; `known`: the camera is there."""

    camera: str
    name: str
    known: bool
    stream: str
    volume: str
    files: int
    bytes: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageNow:
    """What lies on the volumes (C110), as of `at_us`, the most first. `away`: why the catalog does not say."""

    lines: tuple[UsageLine, ...] = ()
    files: int = 0
    bytes: int = 0
    at_us: int | None = None
    away: HoldfastError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something about the host. `used` is a share for a bar, None where there is none; `health` that of a badge."""

    name: str
    words: str
    used: float | None = None
    health: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of a log: when, how bad, who, what, and the rest of its facts."""

    at_us: int | None
    level: str
    role: str
    event: str
    facts: str


@router.get("/machine")
def machine(
    request: Request,
    role: Annotated[str, Query(max_length=60)] = "",
    level: Annotated[Literal["debug", "info", "warning", "error"], Query()] = "info",
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show roles, volumes, configuration and, to an admin, the newest lines of the logs."""
    context = context_of(request)
    now = read_now(context.plan(), context.runtime_dir, context.clock.wall_us())
    admin = identity_of(request).right.covers(Right.ADMIN)
    lines, older, known = _logs(context, role, level, cursor) if admin else ([], "", [])
    return page(
        request, "machine.html", facts=facts_of(host_of(request)), roles=roles_of(now), disks=_disks(context),
        usage=usage_of(context, holdings_of(request)), checks=checks_of(request, context), badges=BADGES,
        settings=_settings(context, now), admin=admin, lines=lines, older=older, newest=not cursor, log_roles=known,
        role=role, level=level, python=platform.python_version(), program=__version__,
        kernel=f"{platform.system()} {platform.release()}",
    )  # fmt: skip


def facts_of(host: Host) -> list[Fact]:
    """Say how the host is; what it does not tell is left out."""
    now, machine = host.now(), host.machine()
    cpu, memory = now.cpu, now.memory
    cores = f"{cpu.count} core{'' if cpu.count == 1 else 's'}" if cpu.count else ""
    load = "" if cpu.load_1m is None else f"load {cpu.load_1m:.1f}, {cpu.load_5m:.1f}, {cpu.load_15m:.1f}"
    found = [_busy("Processor", cpu.percent, cpu.level, ", ".join(filter(None, (cores, load))))]
    if memory.total_bytes is not None and memory.available_bytes is not None:
        words = f"{size_words(memory.available_bytes)} of {size_words(memory.total_bytes)} available"
        found.append(_busy("Memory", memory.percent, memory.level, words))
    if now.temperatures:
        words = ", ".join(f"{zone.celsius:.0f} °C ({zone.name})" for zone in now.temperatures)
        found.append(Fact(name="Temperature", words=words))
    found += [_network(one) for one in now.interfaces if one.addresses]
    clock = ("well", "synchronised", "") if now.synchronised else (
        "degraded", "not synchronised", "Times of footage may be wrong until it is: is there a time server?"
    )  # fmt: skip
    found.append(Fact(name="Clock", health=clock[0], state=clock[1], words=clock[2]))
    found.append(Fact(name="Running for", words=span_words(now.up_s)))
    about = (machine.model, machine.system, f"{machine.host} ({machine.architecture})")
    found.append(Fact(name="Machine", words=", ".join(filter(None, about))))
    return found


def _network(one: Interface) -> Fact:
    gone = f"received {size_words(one.received_bytes)}, sent {size_words(one.sent_bytes)}"
    return Fact(
        name=f"Network {one.name}", health="lost" if one.up is False else "well",
        state="" if one.up is None else "up" if one.up else "down", words=f"{', '.join(one.addresses)}; {gone}",
    )  # fmt: skip


def _busy(name: str, percent: float | None, level: Level | None, words: str) -> Fact:
    busy = level is Level.WARNING
    return Fact(
        name=name, words=words, used=None if percent is None else percent / 100,
        health="degraded" if busy else "well", state="busy" if busy else "",
    )  # fmt: skip


def roles_of(now: NodeNow) -> list[Role]:
    """Return what runs here: the supervisor, then its children as it tells of them."""
    if now.supervisor is None:
        return []
    own = now.supervisor
    found = [
        Role(
            name="supervisor", health="well" if own.get("state") == "running" else "settling",
            state=str(own.get("state")), pid=own.get("pid"), restarts=0, since_us=own.get("since_us"), words="",
        )
    ]  # fmt: skip
    for child in own.get("children", []):
        state = str(child.get("state"))
        running = state == "running"
        health = "lost" if child.get("crash_loop") else "well" if running else "settling"
        found.append(
            Role(
                name=str(child.get("name")), health=health, state="ends again and again" if health == "lost" else state,
                pid=child.get("pid"), restarts=int(child.get("restarts", 0)),
                since_us=child.get("since_us") if running else None, words=str(child.get("last_end") or ""),
            )
        )  # fmt: skip
    return found


def disk_of(state: VolumeState) -> Disk:
    """Say how a volume is."""
    used = None
    if state.total_bytes and state.free_bytes is not None:
        used = 1 - state.free_bytes / state.total_bytes
    health, word = "well", "ready"
    if state.problem is not None:
        health, word = "lost", "not usable"
    elif state.free_bytes is not None and state.free_bytes <= state.reserve_bytes:
        health, word = "lost", "full"
    elif (level := volume_level(state)) not in {None, Level.OK}:
        health, word = "degraded", "nearly full" if level is Level.CRITICAL else "filling"
    return Disk(
        name=state.name, root=str(state.root), health=health, state=word, used=used, free_bytes=state.free_bytes,
        total_bytes=state.total_bytes, reserve_bytes=state.reserve_bytes,
        words="" if state.problem is None else str(state.problem),
        hint="" if state.problem is None else state.problem.hint,
    )  # fmt: skip


def _disks(context: Context) -> list[Disk]:
    try:
        return [disk_of(state) for state in volumes.survey(context.config)]
    except HoldfastError as error:
        return [
            Disk(
                name="", root=str(context.state_dir), health="lost", state="not known", used=None, free_bytes=None,
                total_bytes=None, reserve_bytes=0, words=str(error), hint=error.hint,
            )
        ]  # fmt: skip


def usage_of(context: Context, holdings: Holdings) -> UsageNow:
    """Return what finished footage lies on the volumes, by camera."""
    try:
        used, at_us = holdings.usage()
    except CatalogError as error:
        return UsageNow(away=error)
    total = sum(one.bytes for one in used)
    names = {camera: settings.name or camera for camera, settings in context.config.cameras.items()}
    lines = [
        UsageLine(
            camera=one.key.camera, name=names.get(one.key.camera, one.key.camera), known=one.key.camera in names,
            stream=one.key.stream, volume=one.volume, files=one.files, bytes=one.bytes,
            share=one.bytes / total if total else 0.0,
        )
        for one in sorted(used, key=lambda one: one.bytes, reverse=True)
    ]  # fmt: skip
    return UsageNow(lines=tuple(lines), files=sum(one.files for one in used), bytes=total, at_us=at_us)


def _settings(context: Context, now: NodeNow) -> dict[str, Any]:
    """Return where the settings come from, and what is wrong with them."""
    said = now.worker or {}
    loaded = context.loaded
    problems = [str(said[name]) for name in ("config_problem", "catalog_problem", "plan_problem") if said.get(name)]
    return {
        "path": str(loaded.path), "problems": problems, "warnings": [str(one) for one in loaded.warnings],
        "cameras": len(loaded.config.cameras), "state_dir": str(context.state_dir),
        "catalog": "PostgreSQL" if loaded.config.catalog_url.startswith("postgresql") else "SQLite",
        "indexed_us": said.get("indexed_us"),
        "changed": len(loaded.settings),
    }  # fmt: skip


def _logs(context: Context, role: str, level: str, cursor: str) -> tuple[list[LogLine], str, list[str]]:
    """Return a page of lines, the address of the next one (empty for none), and the roles that have logs."""
    folder = context.config.log_dir
    try:
        found = log_pages.page(folder, logs.Query(who=role, level=level), LINES, cursor)
        lines = [_line(context, entry) for entry in found.entries]
        older = f"/machine?{urlencode({'role': role, 'level': level, 'cursor': found.cursor})}" if found.cursor else ""
        return lines, older, logs.roles(folder)
    except (HoldfastError, OSError) as error:
        wrong = LogLine(at_us=None, level="error", role="", event="the logs cannot be read", facts=str(error))
        return [wrong], "", []


def _line(context: Context, entry: logs.Entry) -> LogLine:
    try:
        at_us = parse_instant(str(entry.get("at", "")), context.zone)
    except HoldfastError:
        at_us = None
    facts = " ".join(f"{name}={value}" for name, value in entry.items() if name not in _OWN)
    return LogLine(
        at_us=at_us, level=str(entry.get("level", "")), role=str(entry.get("role", "")),
        event=str(entry.get("event", "")), facts=facts,
    )  # fmt: skip
