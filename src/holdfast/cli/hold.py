"""`holdfast hold add|list|release`: spans of cameras that must stay, whatever policy and disk say (C080).

Exit codes: 0 done, 64 no such time or no reason, 65 it was released before, 66 no such camera or hold, 74 not written.
"""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from holdfast.catalog.db import open_catalog
from holdfast.catalog.holds import HoldRow
from holdfast.catalog.rows import Id
from holdfast.cli.clean import wide_console
from holdfast.cli.common import ConfigOption, JsonOption, echo_json, local_time
from holdfast.cli.notes import _author, _camera, _roots
from holdfast.core.clock import SystemClock
from holdfast.core.retention import Hold, HoldKind
from holdfast.core.timing import iso
from holdfast.library import holds
from holdfast.library.instants import read_instant
from holdfast.library.settings import load_in_force

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(
    camera: Annotated[str, typer.Argument(help="The camera.")],
    begin: Annotated[
        str, typer.Argument(metavar="FROM", help="Begin: 2026-05-01T18:00 in the site's time, or 2h ago.")
    ],
    end: Annotated[str, typer.Argument(metavar="TO", help="End, written alike.")],
    why: Annotated[str, typer.Option(help="Why it must stay.")],
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> int:
    """Hold a span: none of its files is deleted until the hold is released."""
    loaded = load_in_force(config)
    zone, clock = loaded.config.site.time_zone, SystemClock()
    now_us = clock.wall_us()
    hold = Hold(
        uid="", camera=_camera(loaded, camera) or camera, kind=HoldKind.LEGAL, why=why,
        from_us=read_instant(begin, ZoneInfo(zone), now_us), to_us=read_instant(end, ZoneInfo(zone), now_us),
    )  # fmt: skip
    with open_catalog(loaded.config.catalog_url) as catalog:
        row = holds.add(
            catalog, _roots(loaded), clock, hold, who=_author(), state_dir=loaded.config.state_dir
        )  # fmt: skip
    if as_json:
        echo_json(facts_of(row))
    else:
        span = f"{local_time(row.hold.from_us, zone)} to {local_time(row.hold.to_us, zone)}"
        typer.echo(f"hold {row.id}: {row.hold.camera}, {span}, stays until: holdfast hold release {row.id}")
    return 0


@app.command("list")
def list_holds(
    camera: Annotated[str | None, typer.Option(help="Only this camera's.", show_default=False)] = None,
    config: ConfigOption = None,
    *,
    released: Annotated[bool, typer.Option("--released", help="Those that were released, too.")] = False,
    as_json: JsonOption = False,
) -> int:
    """List holds, newest span first."""
    loaded = load_in_force(config)
    zone = loaded.config.site.time_zone
    with open_catalog(loaded.config.catalog_url) as catalog:
        rows = holds.listed(catalog, camera=_camera(loaded, camera), released=released)
    if as_json:
        echo_json([facts_of(row) for row in rows])
        return 0
    table = Table("HOLD", "CAMERA", "FROM", "TO", "KIND", "WHY", "SET", box=None, pad_edge=False)
    for row in rows:
        by = f"{local_time(row.set_us, zone, seconds=False)} {row.who}".strip()
        why = row.hold.why if row.released_us is None else f"{row.hold.why} (released by {row.released_by or '?'})"
        table.add_row(
            str(row.id), row.hold.camera, local_time(row.hold.from_us, zone), local_time(row.hold.to_us, zone),
            row.hold.kind.value, Text(why), Text(by),
        )  # fmt: skip
    wide_console().print(table if rows else "no holds")
    return 0


@app.command()
def release(
    hold: Annotated[str, typer.Argument(help="Number of the hold, as 1-3.")],
    why: Annotated[str, typer.Option(help="Why it may go.")] = "",
    config: ConfigOption = None,
) -> int:
    """Release a hold: from now on policy decides about its footage again."""
    loaded = load_in_force(config)
    with open_catalog(loaded.config.catalog_url) as catalog:
        row = holds.release(
            catalog, _roots(loaded), SystemClock(), Id.read(hold, "hold"), who=_author(), why=why
        )  # fmt: skip
    typer.echo(f"hold {row.id} of {row.hold.camera} is released")
    return 0


def facts_of(row: HoldRow) -> dict[str, Any]:
    """Return a hold for scripts."""
    return {
        "id": str(row.id), "camera": row.hold.camera, "from": iso(row.hold.from_us), "to": iso(row.hold.to_us),
        "kind": row.hold.kind.value, "why": row.hold.why, "who": row.who, "set": iso(row.set_us),
        "released": None if row.released_us is None else iso(row.released_us), "released_by": row.released_by or None,
    }  # fmt: skip
