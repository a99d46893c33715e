"""`holdfast jobs`: durable work, seen and steered (C090). A job is a kind of work, such as `deliver`.

Exit codes: 0 done, 64 mistyped, 65 the row is in another state, 66 no such job or row, 74 the catalog did not answer.
"""

import getpass
import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holdfast.catalog import nodes
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.cli.common import ConfigOption, JsonOption, duration, echo_json, local_time
from holdfast.cli.logs import show_line
from holdfast.core.clock import SystemClock
from holdfast.core.config import Loaded
from holdfast.core.errors import NotFound, UsageError
from holdfast.core.timing import SECOND_US
from holdfast.library import jobs
from holdfast.library import logs as log_files
from holdfast.library.instants import read_instant
from holdfast.library.jobs import Deed, JobNow, RowNow
from holdfast.library.settings import load_in_force
from holdfast.roles.logging import set_up_logging

app = typer.Typer(no_args_is_help=True)

POLL_S = 0.5  # chosen: as `holdfast logs`
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The job; holdfast jobs list shows all.")]
NamesArgument = Annotated[list[str], typer.Argument(metavar="NAME…", help="Jobs, or `all`.")]
RowArgument = Annotated[str, typer.Argument(metavar="ROW", help="The row's id, such as 1-42.")]
LaneOption = Annotated[
    str | None, typer.Option("--lane", "-l", help="Only one lane: a target's name, say.", show_default=False)
]


@contextmanager
def _catalog(loaded: Loaded) -> Iterator[Catalog]:
    with open_catalog(loaded.config.catalog_url) as catalog:
        yield catalog


def _all(loaded: Loaded, name: str = "all") -> list[JobNow]:
    with _catalog(loaded) as catalog:
        now_us, folder = SystemClock().wall_us(), loaded.config.runtime_dir
        if name != "all":
            return [jobs.one(catalog, LOCAL, name, folder, now_us)]
        return jobs.every(catalog, LOCAL, folder, now_us)


@app.command("list")
def list_jobs(config: ConfigOption = None, *, as_json: JsonOption = False) -> int:
    """List jobs: their state, what waits, is at work and failed, and how old the oldest is."""
    return _print_jobs(_all(load_in_force(config)), as_json=as_json)


@app.command()
def status(
    name: Annotated[str, typer.Argument(metavar="[NAME|all]", help="One job, or all.")] = "all",
    config: ConfigOption = None, *, as_json: JsonOption = False,
) -> int:  # fmt: skip
    """Show jobs with their lanes, and what is at work now with how far it is."""
    found = _all(load_in_force(config), name)
    _print_jobs(found, as_json=as_json)
    if not as_json:
        _print_lanes(found)
    return 0


@app.command()
def show(
    name: NameArgument,
    row: Annotated[str, typer.Argument(metavar="[ROW]", help="A row's id; without it rows are listed.")] = "",
    state: Annotated[str, typer.Option(help="List only rows in this state.", show_default=False)] = "",
    lane: LaneOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows to list.")] = 50,
    config: ConfigOption = None, *, as_json: JsonOption = False,
) -> int:  # fmt: skip
    """Show a row with all that happened to it, or list the rows of a job, newest first."""
    loaded = load_in_force(config)
    with _catalog(loaded) as catalog:
        if row:
            found = jobs.show(catalog, LOCAL, name, row)
            _print_row(found, loaded.config.site.time_zone, as_json=as_json)
            return 0
        rows = jobs.rows(catalog, LOCAL, name, state=state, lane=lane, limit=limit).rows
    _print_rows(rows, loaded.config.site.time_zone, as_json=as_json)
    return 0


@app.command()
def retry(
    name: NameArgument,
    row: Annotated[str, typer.Argument(metavar="[ROW]", help="One row; without it all that failed.")] = "",
    lane: LaneOption = None, config: ConfigOption = None, *, as_json: JsonOption = False,
) -> int:  # fmt: skip
    """Have rows that failed tried anew, at once."""
    with _catalog(load_in_force(config)) as catalog:
        count = jobs.retry(catalog, LOCAL, name, row or None, lane=lane, by=_who(), clock=SystemClock())
    return _said({"job": name, "rows": count}, f"{count} of {name} will be tried anew", as_json=as_json)


@app.command()
def cancel(name: NameArgument, row: RowArgument, config: ConfigOption = None, *, as_json: JsonOption = False) -> int:
    """Let a row come to nothing; it counts as failed, and may be retried."""
    with _catalog(load_in_force(config)) as catalog:
        count = jobs.cancel(catalog, LOCAL, name, row, by=_who(), clock=SystemClock())
    return _said({"job": name, "rows": count}, f"{name} {row} is cancelled", as_json=as_json)


@app.command()
def pause(
    names: NamesArgument, lane: LaneOption = None, config: ConfigOption = None, *, as_json: JsonOption = False
) -> int:  # fmt: skip
    """Begin nothing new; what is at work goes on. It holds across restarts."""
    return _steer(names, Deed.PAUSE, lane, config, as_json=as_json)


@app.command()
def resume(
    names: NamesArgument, lane: LaneOption = None, config: ConfigOption = None, *, as_json: JsonOption = False
) -> int:  # fmt: skip
    """Go on with what was paused or stopped."""
    return _steer(names, Deed.RESUME, lane, config, as_json=as_json)


@app.command()
def start(
    names: NamesArgument, lane: LaneOption = None, config: ConfigOption = None, *, as_json: JsonOption = False
) -> int:  # fmt: skip
    """Go on with what was stopped or paused."""
    return _steer(names, Deed.START, lane, config, as_json=as_json)


@app.command()
def stop(
    names: NamesArgument, lane: LaneOption = None, config: ConfigOption = None, *, as_json: JsonOption = False
) -> int:  # fmt: skip
    """Begin nothing new, and give back what is at work. It holds across restarts."""
    return _steer(names, Deed.STOP, lane, config, as_json=as_json)


@app.command()
def restart(
    names: NamesArgument, lane: LaneOption = None, config: ConfigOption = None, *, as_json: JsonOption = False
) -> int:  # fmt: skip
    """Give back what is at work, and begin with it anew."""
    return _steer(names, Deed.RESTART, lane, config, as_json=as_json)


@app.command()
def run(
    name: Annotated[str, typer.Argument(metavar="NAME|all", help="The job; holdfast jobs list shows all.")],
    config: ConfigOption = None, *, as_json: JsonOption = False,
) -> int:  # fmt: skip
    """Work on all that is due of a job, or of all, now and here, beside a worker or without one. Ctrl-C ends it."""
    from holdfast.roles.workshop import make_workshop  # noqa: PLC0415 - loads all that any work needs: not for a list
    from holdfast.work.by_hand import run_due  # noqa: PLC0415 - the same

    loaded = load_in_force(config)
    clock, ended = SystemClock(), threading.Event()
    counts: dict[str, int] = {}
    before = signal.signal(signal.SIGINT, lambda *_: ended.set())
    try:
        with closing(set_up_logging("by-hand", loaded.config.state_dir, loaded=loaded)), _catalog(loaded) as catalog:
            shop = make_workshop(catalog, loaded, clock, node=LOCAL)
            with closing(shop):
                chosen = [one for one in shop.kinds if name in {one.name, "all"}]
                if not chosen:
                    known = ", ".join(one.name for one in shop.kinds)
                    raise NotFound(f"there is no job {name!r}", hint=f"there are {known}")
                shop.errand()
                with catalog.write() as tx:
                    number = nodes.ensure(tx, LOCAL, clock.wall_us())
                for kind in chosen:
                    counts[kind.name] = run_due(catalog, number, kind, clock, stop=ended)
    finally:
        signal.signal(signal.SIGINT, before)
    facts = [{"job": job, "rows": count} for job, count in counts.items()]
    text = "\n".join(f"{count} of {job} tried" for job, count in counts.items())
    _said(facts if name == "all" else facts[0], text, as_json=as_json)
    return 130 if ended.is_set() else 0


@app.command()
def logs(
    name: NameArgument,
    since: Annotated[str, typer.Option(help="From here on: 2h, today, 2026-05-01T18:00.", show_default=False)] = "",
    level: Annotated[str, typer.Option(help="Least severity: debug, info, warning or error.")] = "info",
    count: Annotated[int, typer.Option("-n", "--lines", min=1, help="Last lines.")] = 100,
    config: ConfigOption = None, *, as_json: JsonOption = False,
) -> int:  # fmt: skip
    """Read what was logged about a job."""
    loaded = load_in_force(config)
    query = _query(loaded, name, level, since)
    for entry in log_files.tail(loaded.config.log_dir, query, count):
        show_line(entry, loaded.config.site.time_zone, as_json=as_json)
    return 0


@app.command()
def follow(
    name: NameArgument,
    level: Annotated[str, typer.Option(help="Least severity: debug, info, warning or error.")] = "info",
    count: Annotated[int, typer.Option("-n", "--lines", min=0, help="Last lines to begin with.")] = 10,
    config: ConfigOption = None, *, as_json: JsonOption = False,
) -> int:  # fmt: skip
    """Read what is logged about a job from now on; Ctrl-C ends it."""
    loaded = load_in_force(config)
    query, zone = _query(loaded, name, level, ""), loaded.config.site.time_zone
    follower = log_files.Follower(loaded.config.log_dir, query)
    for entry in log_files.tail(loaded.config.log_dir, query, count):
        show_line(entry, zone, as_json=as_json)
    clock = SystemClock()
    while True:
        for entry in follower.poll():
            show_line(entry, zone, as_json=as_json)
        sys.stdout.flush()
        clock.sleep(POLL_S)


def _query(loaded: Loaded, name: str, level: str, since: str) -> log_files.Query:
    if level not in log_files.LEVELS:
        raise UsageError(f"{level!r} is not a level", hint=f"levels are {', '.join(log_files.LEVELS)}")
    _all(loaded, name)  # a name that nobody knows is said, not answered with silence
    zone = ZoneInfo(loaded.config.site.time_zone)
    since_us = read_instant(since, zone, SystemClock().wall_us()) if since else None
    return log_files.Query(job="" if name == "all" else name, level=level, since_us=since_us)


def _steer(names: list[str], deed: Deed, lane: str | None, config: Any, *, as_json: bool) -> int:
    with _catalog(load_in_force(config)) as catalog:
        chosen = jobs.steer(catalog, LOCAL, names, deed, lane=lane or "", by=_who(), clock=SystemClock())
    words = {Deed.PAUSE: "paused", Deed.STOP: "stopped", Deed.RESTART: "restarted"}.get(deed, "running")
    of = f", lane {lane}" if lane else ""
    text = "\n".join(f"{name}{of}: {words}" for name in chosen) or "no jobs: no worker has run yet"
    return _said([{"job": name, "lane": lane or "", "state": words} for name in chosen], text, as_json=as_json)


def _said(facts: Any, text: str, *, as_json: bool) -> int:
    if as_json:
        echo_json(facts)
    else:
        typer.echo(text)
    return 0


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""  # a container's user may have no name


def _print_jobs(found: list[JobNow], *, as_json: bool) -> int:
    if as_json:
        echo_json([_job_facts(job) for job in found])
        return 0
    if not found:
        typer.echo("no jobs: no worker has run yet; holdfast run starts one")
        return 0
    now_us = SystemClock().wall_us()
    table = Table("JOB", "STATE", "WAITING", "AT WORK", "FAILED", "OLDEST", "WHAT IT DOES", box=None, pad_edge=False)
    for job in found:
        table.add_row(
            job.kind.name, job.control.state.value, str(job.waiting), str(job.at_work), str(job.failed),
            _age(job.due_us, now_us), escape(job.kind.about), style="yellow" if job.failed else None,
        )  # fmt: skip
    Console(highlight=False).print(table)
    return 0


def _print_lanes(found: list[JobNow]) -> None:
    console, now_us = Console(highlight=False), SystemClock().wall_us()
    table = Table("JOB", "LANE", "STATE", "WAITING", "AT WORK", "FAILED", "OLDEST", box=None, pad_edge=False)
    for job in found:
        for lane in job.lanes:
            table.add_row(
                job.kind.name, escape(lane.lane or "-"), lane.control.state.value, str(lane.waiting),
                str(lane.at_work), str(lane.failed), _age(lane.due_us, now_us),
            )  # fmt: skip
    if table.row_count:
        console.print()
        console.print(table)
    for job in found:
        for one in job.running:
            total, done = int(one.get("total") or 0), int(one.get("done") or 0)
            far = f", {100 * done // total} %" if total else ""
            since = duration(max(0, now_us - int(one["since_us"])) / SECOND_US)
            console.print(f"{job.kind.name} {one['row']} is at work since {since}{far}", markup=False)


def _print_rows(rows: tuple[RowNow, ...], zone: str, *, as_json: bool) -> None:
    if as_json:
        echo_json([_row_facts(row) for row in rows])
        return
    table = Table("ROW", "LANE", "STATE", "TRIES", "DUE", "ERROR", box=None, pad_edge=False)
    for row in rows:
        work = row.work
        table.add_row(
            str(row.id), escape(work["lane"] or "-"), work["state"], str(work["attempts"]),
            local_time(work["due_us"], zone), escape(work["error"]),
        )  # fmt: skip
    Console(highlight=False).print(table if rows else "no rows")


def _print_row(row: RowNow, zone: str, *, as_json: bool) -> None:
    if as_json:
        echo_json(_row_facts(row))
        return
    for name, value in {**row.work, **row.about}.items():
        shown = local_time(value, zone) if name.endswith("_us") and value else value
        if shown not in ("", None):
            typer.echo(f"{name:12} {shown if isinstance(shown, str | int) else json.dumps(shown)}")
    for line in row.history:
        said = f": {line.error}" if line.error else ""
        by = f" by {line.worker}" if line.worker else ""
        typer.echo(f"{local_time(line.at_us, zone)}  {line.what}{by}{said}")


def _job_facts(job: JobNow) -> dict[str, Any]:
    return {
        "name": job.kind.name, "about": job.kind.about, "queue": job.kind.queue, "state": job.control.state.value,
        "since_us": job.control.since_us, "by": job.control.by, "waiting": job.waiting, "at_work": job.at_work,
        "failed": job.failed, "oldest_due_us": job.due_us,
        "lanes": [
            {
                "lane": lane.lane, "state": lane.control.state.value, "waiting": lane.waiting, "at_work": lane.at_work,
                "failed": lane.failed, "oldest_due_us": lane.due_us,
            }
            for lane in job.lanes
        ],
        "running": list(job.running),
    }  # fmt: skip


def _row_facts(row: RowNow) -> dict[str, Any]:
    history = [asdict(line) for line in row.history]
    return {"id": str(row.id), "job": row.kind, **row.work, "about": dict(row.about), "history": history}


def _age(due_us: int | None, now_us: int) -> str:
    if due_us is None:
        return "-"
    return duration((now_us - due_us) / SECOND_US) if due_us <= now_us else f"in {duration((due_us - now_us) / 1e6)}"
