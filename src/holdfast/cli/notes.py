"""`holdfast notes add|list`: words of people on the timeline.

Exit codes: 0 done, 64 no words or no such time, 66 no such camera, 74 it could not be written.
"""

import getpass
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from holdfast.catalog.db import open_catalog
from holdfast.cli.common import ConfigOption, JsonOption, camera_of, echo_json, local_time
from holdfast.core.clock import SystemClock
from holdfast.core.config import Loaded
from holdfast.core.errors import CatalogError
from holdfast.core.timing import iso
from holdfast.library import notes
from holdfast.library.instants import read_instant
from holdfast.library.settings import load_in_force
from holdfast.library.timeline import streams_on

app = typer.Typer(no_args_is_help=True)

CameraOption = Annotated[
    str | None, typer.Option(help="What it is about; without it the whole site.", show_default=False)
]


@app.command()
def add(
    words: Annotated[list[str], typer.Argument(help="What to write.")],
    camera: CameraOption = None,
    at: Annotated[
        str | None, typer.Option(help="When it was: 2026-05-01T18:00 in the site's time, 2h ago as 2h; without it now.")
    ] = None,
    config: ConfigOption = None,
) -> int:
    """Write a note."""
    loaded = load_in_force(config)
    zone = loaded.config.site.time_zone
    clock = SystemClock()
    at_us = None if at is None else read_instant(at, ZoneInfo(zone), clock.wall_us())
    note = notes.write(
        _roots(loaded), clock, " ".join(words), camera=_camera(loaded, camera), site=loaded.config.site_id,
        at_us=at_us, author=_author(),
    )  # fmt: skip
    try:
        with open_catalog(loaded.config.catalog_url) as catalog:
            notes.record(catalog, [note], clock)
    except CatalogError as error:
        Console(stderr=True).print(f"[yellow]{error}; the note is in the notes file[/]", soft_wrap=True)
    typer.echo(f"noted for {note.camera or 'the site'} at {local_time(note.at_us, zone)}")
    return 0


@app.command("list")
def list_notes(
    camera: CameraOption = None,
    since: Annotated[
        str | None, typer.Option(help="From when on: 2h, today or 2026-05-01.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> int:
    """Read notes, oldest first."""
    loaded = load_in_force(config)
    zone = loaded.config.site.time_zone
    from_us = None if since is None else read_instant(since, ZoneInfo(zone), SystemClock().wall_us())
    name = _camera(loaded, camera)
    try:
        with open_catalog(loaded.config.catalog_url) as catalog:
            found = notes.between(catalog, _roots(loaded), camera=name, from_us=from_us, to_us=None)
    except CatalogError:
        found = notes.between(None, _roots(loaded), camera=name, from_us=from_us, to_us=None)
    if as_json:
        echo_json([{**asdict(note), "at": iso(note.at_us)} for note in found])
        return 0
    for note in found:
        typer.echo(f"{local_time(note.at_us, zone)}  {note.camera or '(site)'}  {note.words}")
    if not found:
        typer.echo("no notes")
    return 0


def _roots(loaded: Loaded) -> dict[str, Path]:
    return {name: volume.path for name, volume in loaded.config.volumes.items()}


def _camera(loaded: Loaded, camera: str | None) -> str | None:
    """Return a camera's id as it is written, from the configuration or from footage."""
    if camera is None:
        return None
    known = [*loaded.config.cameras, *(key.camera for key in streams_on(_roots(loaded)))]
    return camera_of(camera, known)


def _author() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""  # a container's user may have no name
