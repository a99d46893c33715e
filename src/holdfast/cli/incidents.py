"""`holdfast incidents list`: what was wrong with cameras, disks and deliveries, and for how long.

Exit codes: 0 done, 64 no such time, 66 no such camera, 75 the catalog does not answer.

Not here: finding out (watch), judging them (the page and the API).
"""

from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holdfast.catalog.db import open_catalog
from holdfast.catalog.incidents import IncidentRow, Wanted
from holdfast.cli.common import ConfigOption, JsonOption, camera_of, duration, echo_json, local_time
from holdfast.core.clock import SystemClock
from holdfast.core.incident import IncidentType
from holdfast.core.timing import SECOND_US, iso
from holdfast.library import incidents
from holdfast.library.archive_incidents import MARK
from holdfast.library.instants import read_instant
from holdfast.library.settings import load_in_force

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """List what was wrong with cameras, disks and deliveries."""


@app.command("list")
def list_incidents(
    camera: Annotated[
        str | None, typer.Option(help="Of one camera; without it of all, and of disks and targets.", show_default=False)
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Begun from then on: 2h, today or 2026-05-01.", show_default=False)
    ] = None,
    kind: Annotated[IncidentType | None, typer.Option("--type", help="Only of this type.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1, max=1000)] = 50,
    config: ConfigOption = None,
    *,
    now: Annotated[bool, typer.Option("--open", help="Only those that last.")] = False,
    as_json: JsonOption = False,
) -> int:  # fmt: skip
    """List incidents, newest first; those that were judged to be none are left out."""
    loaded = load_in_force(config)
    zone = loaded.config.site.time_zone
    from_us = None if since is None else read_instant(since, ZoneInfo(zone), SystemClock().wall_us())
    with open_catalog(loaded.config.catalog_url) as catalog:
        name = camera
        if camera is not None:
            known = loaded.config.cameras
            name = camera_of(camera, known, lambda one: bool(incidents.count(catalog, Wanted(camera=one))))
        wanted = Wanted(camera=name, type=kind, open=True if now else None, from_us=from_us, discarded=False)
        found, _ = incidents.find(catalog, wanted, limit=limit)
    if as_json:
        echo_json([_plain(row) for row in found.rows])
        return 0
    if not found.rows:
        typer.echo("no such incidents" if wanted != Wanted(discarded=False) else "no incidents")
        return 0
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("incident", "camera", "type", "began", "lasted", "what happened"):
        table.add_column(column)
    for row in found.rows:
        lasted = "goes on" if row.end_us is None else duration((row.end_us - row.start_us) / SECOND_US)
        about = row.camera.removeprefix(MARK)
        table.add_row(
            str(row.id), about, row.type.value, local_time(row.start_us, zone), lasted, escape(row.detail)
        )  # fmt: skip
    Console(highlight=False, soft_wrap=True).print(table)
    return 0


def _plain(row: IncidentRow) -> dict[str, object]:
    return {
        "id": str(row.id), "camera": row.camera, "type": row.type.value, "start": iso(row.start_us),
        "end": None if row.end_us is None else iso(row.end_us), "count": row.count, "detail": row.detail,
        "seen": row.seen,
    }  # fmt: skip
