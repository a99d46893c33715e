"""`holdfast watch`: the watcher alone, or what it would have told of a span that was recorded.

`holdfast run` starts it by itself; systemd may run it as a unit of its own. With `--from` and `--to` nothing is kept:
it shows what the settings, or those typed here, make of stored footage.

Exit codes: 0 stopped in order, 64 a span or setting makes no sense, 66 there is no such camera, 75 this node has a
watcher already, 78 the configuration cannot be used.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TimeRemainingColumn

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.cli.camera_values import read_pairs
from holdfast.cli.common import ConfigOption, JsonOption, duration, echo_json, local_time
from holdfast.core import config as configuration
from holdfast.core.clock import SystemClock
from holdfast.core.config import Loaded
from holdfast.core.config.problems import dotted, explain
from holdfast.core.config.watch import WatchConfig
from holdfast.core.errors import CatalogError, NotFound, UsageError
from holdfast.core.incident import Case, Stage, outcomes
from holdfast.core.timing import SECOND_US, iso
from holdfast.library.cameras import recall
from holdfast.library.desired import load_or_last_good
from holdfast.library.instants import read_instant
from holdfast.library.settings import load_in_force
from holdfast.library.watching import cheapest, past, settings_of
from holdfast.roles.logging import set_up_logging
from holdfast.roles.watcher import Watcher

app = typer.Typer()


@app.command()
def watch(
    camera: Annotated[str, typer.Option(help="With --from and --to: the camera to look at.", show_default=False)] = "",
    begin: Annotated[str, typer.Option("--from", help="Begin, in the site's time: 2026-05-01T18:00, today.")] = "",
    end: Annotated[str, typer.Option("--to", help="End, written like the begin; `now` is one, too.")] = "",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="With --from and --to: another setting, as black_level=16.", metavar="KEY=VALUE"),
    ] = None,
    config: ConfigOption = None,
    *,
    skip: Annotated[
        bool, typer.Option("--skip", help="Begin with now, and leave out what was not watched yet.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Look at every camera's footage and tell what is wrong, until SIGTERM or Ctrl-C; or look at a past span."""
    if begin or end or camera or changes:
        return _look_back(load_in_force(config), camera, (begin, end), changes or (), as_json=as_json)
    os.umask(0o027)
    loaded = load_or_last_good(config)
    with closing(set_up_logging("watcher", loaded.config.state_dir, loaded=loaded)):
        Watcher(loaded, os.environ, SystemClock(), node=LOCAL, open_catalog=open_catalog, skip=skip).run()
    return 0


def _look_back(loaded: Loaded, camera: str, said: tuple[str, str], changes: Sequence[str], *, as_json: bool) -> int:
    if not (camera and all(said)):
        raise UsageError(
            "a past span needs --camera, --from and --to", hint="holdfast watch --camera gate --from 2h --to now"
        )
    whole, _ = configuration.with_cameras(loaded, recall(loaded.config.state_dir))
    names = {name.lower(): name for name in whole.config.cameras}
    if camera.lower() not in names:
        raise NotFound(f"there is no camera {camera}", hint="holdfast cameras list shows all")
    name = names[camera.lower()]
    clock, zone = SystemClock(), ZoneInfo(whole.config.site.time_zone)
    now_us = clock.wall_us()
    from_us, to_us = (read_instant(word, zone, now_us) for word in said)
    if from_us >= to_us:
        raise UsageError("the span ends before it begins")
    wanted = _changed(whole.config.cameras[name].watch, changes)
    roots = {volume: one.path for volume, one in whole.config.volumes.items()}
    streams = [feed.stream for feed in configuration.feeds(name, whole.config.cameras[name], loaded.base)]
    key = cheapest(roots, name, streams)
    console = Console(stderr=True)
    with (
        ExitStack() as stack,
        Progress(
            "{task.description}", BarColumn(), TimeRemainingColumn(), console=console, transient=True,
            disable=not console.is_terminal,
        ) as bar,
    ):  # fmt: skip
        task = bar.add_task(f"looking at {key}", total=min(to_us, now_us) - from_us)
        found = past(
            key, roots, clock, settings_of(wanted), (from_us, to_us), catalog=_catalog_or_none(whole, console, stack),
            seen=lambda us: bar.update(task, completed=us - from_us),
        )  # fmt: skip
    cases = outcomes(step.change for step in found.steps)
    if as_json:
        echo_json({"camera": name, "stream": key.stream, "from": iso(from_us), "to": iso(to_us),
                   "looks": len(found.measures), "incidents": [_plain(case) for case in cases]})  # fmt: skip
        return 0
    for case in cases:
        until = (
            duration((case.good_us - case.start_us) / SECOND_US)
            if case.stage is Stage.RESOLVED and case.good_us
            else "to the end"
        )
        typer.echo(f"{local_time(case.start_us, zone.key)}  {case.type.value}  {until}, {case.count} samples")
    count = len(cases)
    typer.echo(
        f"{count or 'no'} incident{'' if count == 1 else 's'} in {len(found.measures)} looks at {key}; nothing was kept"
    )
    return 0


def _catalog_or_none(loaded: Loaded, console: Console, stack: ExitStack) -> Catalog | None:
    try:
        return stack.enter_context(open_catalog(loaded.config.catalog_url))
    except CatalogError as error:
        console.print(f"[yellow]{error}; asking the journals[/]", soft_wrap=True)
        return None  # they know the same


def _changed(wanted: WatchConfig, changes: Sequence[str]) -> WatchConfig:
    table: dict[str, Any] = read_pairs([f"watch.{pair}" for pair in changes]).get("watch", {})
    try:
        return WatchConfig.model_validate({**wanted.model_dump(), **table})
    except ValidationError as error:
        path, message, hint = explain(error.errors(include_url=False)[0], WatchConfig)
        raise UsageError(f"{dotted(path)}: {message}", hint=hint) from error


def _plain(case: Case) -> dict[str, object]:
    over = case.stage is Stage.RESOLVED and case.good_us is not None
    return {
        "type": case.type.value, "status": "resolved" if over else "active", "start_time": iso(case.start_us),
        "end_time": iso(case.good_us) if over and case.good_us is not None else None, "count": case.count,
    }  # fmt: skip
