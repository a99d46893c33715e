"""`holdfast queue [list|sync|stats|retry|cleanup|pause|resume]`: files on their way to targets (C071).

Exit codes: 0 done, 64 mistyped, 66 no such target or delivery, 69 something could not be sent and still waits or
failed, 74 the catalog did not answer, 78 the configuration is wrong.
"""

import functools
import getpass
import signal
import threading
from contextlib import contextmanager
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from holdfast.catalog import nodes
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.deliveries import DeliveryRow, Wanted
from holdfast.catalog.delivery_stats import Count
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.rows import Id
from holdfast.cli.common import ConfigOption, JsonOption, duration, echo_json, local_time, size
from holdfast.core.clock import SystemClock
from holdfast.core.config import Loaded
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import NotFound, TargetAway
from holdfast.core.timing import DAY_US, SECOND_US, iso
from holdfast.library import deliveries
from holdfast.library.deliveries import TargetNow
from holdfast.library.forecast import filled_us
from holdfast.library.handing_on import HandingOn
from holdfast.library.settings import load_in_force
from holdfast.roles.logging import set_up_logging

_WIDE = 160  # chosen: no column is cut; a narrow terminal breaks the line

app = typer.Typer(no_args_is_help=True)

TargetOption = Annotated[str, typer.Option("--target", "-t", help="One target; without it all.", show_default=False)]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command("list")
def list_queue(
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.", show_default=False)] = None,
    camera: Annotated[str, typer.Option(help="Only those of a camera.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    target: TargetOption = "",
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> int:
    """List deliveries, newest first: where they lie, how often they were tried, and what went wrong."""
    loaded = load_in_force(config)
    wanted = Wanted(target=_target(loaded, target) or None, camera=camera or None, state=state)
    with open_catalog(loaded.config.catalog_url) as catalog:
        rows = deliveries.listed(catalog, wanted, limit=limit).rows
    if as_json:
        echo_json([_row_json(row, loaded.config.site.time_zone) for row in rows])
        return 0
    _print_rows(rows, loaded.config.site.time_zone)
    return 0


@app.command()
def stats(target: TargetOption = "", config: ConfigOption = None, *, as_json: JsonOption = False) -> int:
    """Count deliveries by state, with megabytes, the oldest that waits, rate and time left; by camera and target."""
    loaded = load_in_force(config)
    name, now_us = _target(loaded, target), SystemClock().wall_us()
    with open_catalog(loaded.config.catalog_url) as catalog:
        found = deliveries.targets(catalog, loaded.config, LOCAL, now_us)
        found = [one for one in found if not name or one.name == name]
        full = filled_us(catalog, loaded.config, SystemClock(), found)
    if as_json:
        echo_json([_target_json(one, full.get(one.name)) for one in found])
        return 0
    if not found:
        typer.echo("no targets; add [targets.NAME] and [deliveries.NAME] to the configuration")
    for one in found:
        _print_target(one, full.get(one.name), now_us)
    return 0


@app.command()
def sync(
    target: TargetOption = "", config: ConfigOption = None, *, dry_run: DryOption = False, as_json: JsonOption = False
) -> int:
    """Send all that waits now, oldest first; safe beside the running service."""
    from holdfast.work import draining  # noqa: PLC0415 - loads all that sending needs: not for a list

    loaded, clock = load_in_force(config), SystemClock()
    set_up_logging("queue", console=False)  # the bar and the rows say it better
    names = [_target(loaded, target)] if target else list(loaded.config.targets)
    with open_catalog(loaded.config.catalog_url) as catalog:
        with catalog.write() as tx:
            node = nodes.ensure(tx, LOCAL, clock.wall_us())
        # Where no worker runs nobody else plans. That sends nothing, so a dry run does it too: it would count too few.
        planning = HandingOn(catalog, node, loaded.config, clock)
        while planning.once():
            pass  # each pass takes some hundred files of a stream
        before, failed_before = (
            _waiting(catalog, loaded, names), _count(catalog, loaded, names, DeliveryState.FAILED).count,
        )  # fmt: skip
        if not dry_run and before.count:
            columns = DownloadColumn(), TransferSpeedColumn()
            with (
                _progress("sending", before.bytes, *columns, quiet=as_json) as bar,
                _stopped_by_signals() as stop,
            ):
                draining.drain(
                    catalog, node, loaded.config, clock, names, tried=lambda step: bar(advance=step.bytes), stop=stop
                )
        after = before if dry_run else _waiting(catalog, loaded, names)
        failed = _count(catalog, loaded, names, DeliveryState.FAILED).count - failed_before
    if as_json:
        sent = before.count - after.count - failed
        echo_json({"waited": before.count, "bytes": before.bytes, "sent": sent, "left": after.count,
                   "failed": failed, "dry_run": dry_run})  # fmt: skip
    elif dry_run:
        typer.echo(f"would send {before.count} files, {size(before.bytes)}")
    else:
        sent = max(0, before.count - after.count - failed)
        typer.echo(f"sent {sent} of {before.count} files; {after.count} still wait, {failed} failed")
    if not dry_run and (after.count or failed > 0):
        hint = "holdfast queue list --state failed" if failed > 0 else "holdfast queue list --state pending"
        raise TargetAway(f"{after.count + max(0, failed)} files could not be sent", hint=hint)
    return 0


@app.command()
def retry(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of deliveries, as 1-42; without any all that failed.",
                                                    show_default=False)] = None,
    target: TargetOption = "", config: ConfigOption = None, *,
    missing: Annotated[bool, typer.Option("--missing", help="Without ids: those whose file was missing, in place of"
                                                            " those that failed. Their files are looked for.")] = False,
    dry_run: DryOption = False,
) -> int:  # fmt: skip
    """Have failed deliveries tried again."""
    loaded = load_in_force(config)
    name, wanted = _target(loaded, target), [Id.read(one, "delivery") for one in ids or []]
    with open_catalog(loaded.config.catalog_url) as catalog:
        state = DeliveryState.MISSING if missing else DeliveryState.FAILED
        count = len(wanted) or _count(catalog, loaded, [name] if name else None, state).count
        if dry_run:
            typer.echo(f"would retry {count}")
            return 0
        with _progress("rows", count, MofNCompleteColumn()) as bar:
            count = deliveries.retry(
                catalog, LOCAL, _who(), SystemClock(), target=name, ids=wanted, missing=missing,
                done=lambda so_far: bar(completed=so_far),
            )  # fmt: skip
    typer.echo(f"{count} will be tried again")
    return 0


@app.command()
def cleanup(
    days: Annotated[float, typer.Option(min=0, help="How long ago they must have been delivered.")] = 7.0,
    config: ConfigOption = None, *, dry_run: DryOption = False,
) -> int:  # fmt: skip
    """Forget records of what was delivered long ago; those of files that are still here stay, for retention."""
    loaded = load_in_force(config)
    with open_catalog(loaded.config.catalog_url) as catalog:
        now_us = SystemClock().wall_us()
        count = deliveries.cleanup(catalog, LOCAL, now_us, older_us=round(days * DAY_US), dry_run=dry_run)
    typer.echo(f"{'would forget' if dry_run else 'forgot'} {count} records")
    return 0


@app.command()
def pause(target: TargetOption = "", config: ConfigOption = None) -> int:
    """Send nothing more to a target, or to all; what is on its way arrives."""
    return _pause(target, config, on=True)


@app.command()
def resume(target: TargetOption = "", config: ConfigOption = None) -> int:
    """Let a target, or all, go on."""
    return _pause(target, config, on=False)


def _pause(target: str, config: Any, *, on: bool) -> int:
    loaded = load_in_force(config)
    with open_catalog(loaded.config.catalog_url) as catalog:
        deliveries.pause(catalog, loaded.config, LOCAL, target, _who(), SystemClock().wall_us(), on=on)
    typer.echo(f"{target or 'all targets'}: {'paused' if on else 'goes on'}")
    return 0


def _target(loaded: Loaded, target: str) -> str:
    if target and target not in loaded.config.targets:
        known = ", ".join(loaded.config.targets) or "there are none"
        raise NotFound(f"there is no target {target!r}", hint=f"targets: {known}")
    return target


def _waiting(catalog: Catalog, loaded: Loaded, names: list[str]) -> Count:
    found = deliveries.targets(catalog, loaded.config, LOCAL, SystemClock().wall_us())
    some = [one.waiting for one in found if one.name in names]
    return Count(sum(one.count for one in some), sum(one.bytes for one in some))


def _count(catalog: Catalog, loaded: Loaded, names: list[str] | None, state: DeliveryState) -> Count:
    """Count deliveries in a state, of these targets; None for all, those that are not configured any more too."""
    found = deliveries.targets(catalog, loaded.config, LOCAL, SystemClock().wall_us())
    some = [one.counts.get(state, Count()) for one in found if names is None or one.name in names]
    return Count(sum(one.count for one in some), sum(one.bytes for one in some))


@contextmanager
def _progress(what: str, total: int, *columns: ProgressColumn, quiet: bool = False) -> Any:
    shown = (TextColumn("{task.description}"), BarColumn(), *columns, TimeRemainingColumn())
    with Progress(*shown, console=Console(stderr=True), disable=quiet, transient=True) as bar:
        yield functools.partial(bar.update, bar.add_task(what, total=total))


@contextmanager
def _stopped_by_signals() -> Any:
    """Let Ctrl-C end it in order: what is on its way is given back."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if stop.is_set():
        raise KeyboardInterrupt


def _row_json(row: DeliveryRow, zone: str) -> dict[str, Any]:
    asset = row.asset
    return {
        "id": str(row.id), "state": row.state.value, "target": row.target, "rule": row.rule, "kind": asset.kind.value,
        "camera": asset.camera, "stream": asset.stream, "file": asset.file, "key": row.key, "address": row.address,
        "bytes": asset.bytes, "resolution": _resolution(row), "start": iso(asset.start_us, ZoneInfo(zone)),
        "attempts": row.attempts, "last_attempt": iso(row.last_us, ZoneInfo(zone)) if row.last_us else None,
        "next_attempt": iso(row.due_us, ZoneInfo(zone)) if row.state is DeliveryState.PENDING else None,
        "error": row.error, "hint": row.hint, "verified": row.verified,
    }  # fmt: skip


def _target_json(one: TargetNow, full_us: int | None) -> dict[str, Any]:
    return {
        "target": one.name, "kind": one.kind, "health": one.health, "sentence": one.sentence, "hint": one.hint,
        "states": {state.value: _figures(count) for state, count in one.counts.items()},
        "oldest_pending": iso(one.waiting.oldest_us) if one.waiting.oldest_us else None,
        "cameras": {name: _figures(count) for name, count in one.cameras.items()},
        "bytes_per_s": round(one.rate), "drain_s": one.drain_s, "disk_full": iso(full_us) if full_us else None,
    }  # fmt: skip


def _figures(count: Count) -> dict[str, float]:
    return {"count": count.count, "mb": round(count.bytes / 1e6, 3)}


def _print_rows(rows: tuple[DeliveryRow, ...], zone: str) -> None:
    if not rows:
        typer.echo("nothing is queued")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("id", "state", "camera", "recorded", "size", "picture", "tries", "last try"):
        table.add_column(title, no_wrap=True)
    for row in rows:
        table.add_row(
            str(row.id), row.state.value, row.asset.camera, local_time(row.asset.start_us, zone),
            size(row.asset.bytes), _resolution(row), str(row.attempts),
            local_time(row.last_us, zone)[5:] if row.last_us else "",
        )  # fmt: skip
    # Where it lies is longer than any column could be: it stands below its row, whole, to be copied.
    wide, console = Console(width=_WIDE), Console(highlight=False, soft_wrap=True)
    with wide.capture() as written:
        wide.print(table)
    title, *lines = (line.rstrip() for line in written.get().splitlines())
    console.print(title, style="bold")
    for row, line in zip(rows, lines, strict=True):
        console.out(line)
        console.print(f"     {escape(row.error or row.address or row.key)}", style="red" if row.error else "dim")


def _print_target(one: TargetNow, full_us: int | None, now_us: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{escape(one.name)}[/] {escape(one.sentence)}")
    if one.hint:
        console.print(f"  [dim]try:[/] {escape(one.hint)}")
    for state in DeliveryState:
        count = one.counts.get(state)
        if count is not None:
            console.print(f"  {state.value:<10} {count.count:>7}  {size(count.bytes):>9}")
    if one.waiting.oldest_us is not None:
        console.print(f"  the oldest is from {duration(max(0, now_us - one.waiting.oldest_us) / SECOND_US)} ago")
        left = "unknown while nothing arrives" if one.drain_s is None else duration(one.drain_s)
        console.print(f"  {size(one.rate)}/s over five minutes; time left {left}")
    if full_us is not None:
        console.print(f"  a disk is full of what waits in {duration(max(0, full_us - now_us) / SECOND_US)}")
    for camera, count in sorted(one.cameras.items()):
        console.print(f"  {camera:<20} {count.count:>7}  {size(count.bytes):>9}")


def _resolution(row: DeliveryRow) -> str:
    return f"{row.asset.width}x{row.asset.height}" if row.asset.width else ""


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""  # a container's user may have no name
