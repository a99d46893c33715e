"""`holdfast logs`: the log files of all roles, filtered and in order of time."""

import json
import sys
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from holdfast.cli.common import ConfigOption, JsonOption, local_time
from holdfast.core.clock import SystemClock
from holdfast.core.config.problems import nearest
from holdfast.core.errors import NotFound, UsageError
from holdfast.core.timing import from_datetime
from holdfast.library import cameras
from holdfast.library import logs as library
from holdfast.library.instants import read_instant
from holdfast.library.logs import LEVELS, Entry, Follower, Query
from holdfast.library.settings import load_in_force

app = typer.Typer()

_POLL_S = 0.5  # chosen: soon enough for a reader, next to nothing for the machine
_SHOWN_ELSEWHERE = {"at", "level", "role", "event", "camera", "stream", "exception"}
_COLOURS = {"debug": "bright_black", "warning": "yellow", "error": "red", "critical": "bright_red"}


@app.command()
def logs(
    who: Annotated[
        str, typer.Argument(metavar="[ROLE|CAMERA]", help="Only this role or camera.", show_default=False)
    ] = "",
    config: ConfigOption = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written; Ctrl-C ends it.")] = False,
    level: Annotated[str, typer.Option(help="Least severity: debug, info, warning or error.")] = "info",
    since: Annotated[str, typer.Option(help="From here on: 2h, today, 2026-05-01T18:00.", show_default=False)] = "",
    count: Annotated[int, typer.Option("-n", "--lines", min=0, help="Last lines; with --since 0 means all.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """Read the log files."""
    if level not in LEVELS:
        raise UsageError(f"{level!r} is not a level", hint=f"levels are {', '.join(LEVELS)}")
    loaded = load_in_force(config)
    clock, zone = SystemClock(), loaded.config.site.time_zone
    since_us = read_instant(since, ZoneInfo(zone), clock.wall_us()) if since else None
    query = Query(who=who, level=level, since_us=since_us)
    log_dir = loaded.config.log_dir
    # Those that were added while running too, as the worker knows them: no command waits for a database.
    known = cameras.merged(loaded, cameras.recall(loaded.config.state_dir)).config.cameras
    _check_who(who, library.roles(log_dir), list(known))
    if not library.roles(log_dir):
        typer.echo(f"nothing has been logged yet in {log_dir}", err=True)
    follower = Follower(log_dir, query) if follow else None
    for entry in library.tail(log_dir, query, None if since and count == 0 else count):
        show_line(entry, zone, as_json=as_json)
    while follower:
        for entry in follower.poll():
            show_line(entry, zone, as_json=as_json)
        sys.stdout.flush()
        clock.sleep(_POLL_S)


def _check_who(who: str, roles: list[str], ids: list[str]) -> None:
    known = [*roles, *ids, *(role.partition("-")[0] for role in roles)]
    if who and who.casefold() not in {name.casefold() for name in known}:
        found = nearest(who, known)
        hint = f"did you mean {found}? " if found else ""
        hint += f"roles: {', '.join(roles) or 'none has logged yet'}; cameras: {', '.join(ids) or 'none'}"
        raise NotFound(f"{who!r} is neither a role nor a camera", hint=hint)


def show_line(entry: Entry, zone: str, *, as_json: bool) -> None:
    """Write a line of the log to standard output, for people or as JSON; times in the site's zone."""
    if as_json:
        typer.echo(json.dumps(entry, ensure_ascii=False))
        return
    at = local_time(from_datetime(datetime.fromisoformat(str(entry["at"]))), zone)
    level = str(entry.get("level", ""))
    camera = "/".join(str(entry[name]) for name in ("camera", "stream") if entry.get(name))
    facts = " ".join(f"{name}={_value(value)}" for name, value in entry.items() if name not in _SHOWN_ELSEWHERE)
    shown = typer.style(f"{level:8}", fg=_COLOURS.get(level))
    typer.echo(f"{at} {shown} {entry.get('role', ''):12} {' '.join(filter(None, (camera, entry.get('event'), facts)))}")
    if entry.get("exception"):
        typer.echo(str(entry["exception"]).rstrip())


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False) if " " in text or not text else text
