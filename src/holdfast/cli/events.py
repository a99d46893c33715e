"""`holdfast events list`: what moved before cameras, and when.

Exit codes: 0 done, 64 no such time, 66 no such camera, 75 the catalog does not answer.
"""

from dataclasses import asdict
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from holdfast.catalog.db import open_catalog
from holdfast.catalog.events import EventRow, Wanted
from holdfast.cli.common import ConfigOption, JsonOption, camera_of, duration, echo_json, local_time
from holdfast.core.clock import SystemClock
from holdfast.core.timing import iso
from holdfast.library import events
from holdfast.library.instants import read_instant
from holdfast.library.settings import load_in_force

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """List what moved before cameras."""


@app.command("list")
def list_events(
    camera: Annotated[
        str | None, typer.Option(help="Of one camera; without it of all.", show_default=False)
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="From when on: 2h, today or 2026-05-01.", show_default=False)
    ] = None,
    confidence: Annotated[float | None, typer.Option(help="At least so sure, in percent.", show_default=False)] = None,
    label: Annotated[
        str | None, typer.Option(help="Only where that was recognised, such as person.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1, max=1000)] = 50,
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> int:  # fmt: skip
    """List events, newest first."""
    loaded = load_in_force(config)
    zone = loaded.config.site.time_zone
    from_us = None if since is None else read_instant(since, ZoneInfo(zone), SystemClock().wall_us())
    with open_catalog(loaded.config.catalog_url) as catalog:
        name = camera
        if camera is not None:
            known = loaded.config.cameras
            name = camera_of(camera, known, lambda one: bool(events.count(catalog, Wanted(camera=one))))
        wanted = Wanted(camera=name, from_us=from_us, confidence=confidence, label=label)
        found = events.find(catalog, wanted, limit=limit)
        looked_for = any(one.motion.enabled for one in loaded.config.cameras.values())
    if as_json:
        echo_json([_plain(row) for row in found.rows])
        return 0
    if not found.rows:
        hint = "" if looked_for else "; a camera has them with [cameras.ID.motion] enabled = true"
        typer.echo(f"no {'such ' if wanted != Wanted() else ''}events{hint}")
        return 0
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("event", "camera", "began", "lasted", "moved", "confidence", "shows"):
        table.add_column(column)
    for row in found.rows:
        told = row.told
        lasted = "goes on" if told.end_us is None else duration((told.end_us - told.start_us) / 1e6)
        began = local_time(told.start_us, zone)
        figures = f"{told.score:.1f} %", f"{told.confidence:.0f} %"
        table.add_row(str(row.id), told.camera, began, lasted, *figures, told.label)
    Console(highlight=False, soft_wrap=True).print(table)
    return 0


def _plain(row: EventRow) -> dict[str, object]:
    told = row.told
    times = {"start": iso(told.start_us), "end": None if told.end_us is None else iso(told.end_us)}
    seen = events.shown(row)
    objects = None if seen is None else {
        which: [{"label": one.label, "confidence": one.confidence, **asdict(one.box)} for one in found]
        for which, found in seen.items()
    }  # fmt: skip
    said = {"kind": told.kind.value, **times, "objects": objects, "reviewed": row.reviewed}
    return {"id": str(row.id), **asdict(told), **said}
