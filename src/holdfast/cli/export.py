"""`holdfast export`: hands footage on as one signed file that anybody can play and check.

Exit codes: 0 written, and all of the span is in it; 1 written, but something of the span is missing and named; 64 no
such span, 65 the file exists or cannot be one, 66 nothing of it is there, 74 it cannot be read or written.
"""

import getpass
import os
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from holdfast.catalog.nodes import LOCAL
from holdfast.cli.common import ConfigOption, JsonOption, echo_json, local_time, size
from holdfast.core.camera import STREAMS
from holdfast.core.clock import SystemClock
from holdfast.core.config import with_cameras
from holdfast.core.timing import iso
from holdfast.library import cameras
from holdfast.library.export_plan import Asked, draft
from holdfast.library.export_write import Made, Maker, name_of, write
from holdfast.library.exporting import facts_of, reserve_at, site_of, streams_named
from holdfast.library.exports import missing
from holdfast.library.instants import read_instant
from holdfast.library.settings import load_in_force
from holdfast.storage.keys import node_key

app = typer.Typer()


@app.command("export")
def run(  # noqa: PLR0913 - each is an option of the command
    camera: Annotated[list[str], typer.Argument(help="Cameras, or streams of them: gate, gate/sub.")],
    begin: Annotated[str, typer.Option("--from", help="Begin, in the site's time: 2026-05-01T18:00, today.")],
    end: Annotated[str, typer.Option("--to", help="End, written like the begin; `now` is one, too.")],
    streams: Annotated[str, typer.Option(help="Of cameras: main, sub or all.")] = STREAMS[0],
    kind: Annotated[str, typer.Option("--format", help="zip, tar or mp4.")] = "zip",
    out: Annotated[
        Path | None, typer.Option(help="File to write; without it camera and time name one here.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    *,
    cut: Annotated[bool, typer.Option("--cut", help="Exactly the span, not the whole files around it.")] = False,
    purpose: Annotated[str, typer.Option(help="What for; it stands in the export.", show_default=False)] = "",
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: JsonOption = False,
) -> int:  # fmt: skip
    """Hand footage on as one signed file: a ZIP or TAR of all files of a span, or one MP4."""
    loaded = load_in_force(config)
    whole, _ = with_cameras(loaded, cameras.recall(loaded.config.state_dir))
    zone, clock = ZoneInfo(loaded.config.site.time_zone), SystemClock()
    now_us = clock.wall_us()
    volumes = {name: volume.path for name, volume in loaded.config.volumes.items()}
    asked = Asked(
        streams=streams_named(volumes, camera, streams), from_us=read_instant(begin, zone, now_us),
        to_us=read_instant(end, zone, now_us), format=kind, cut=cut, by=_who(), purpose=purpose,
    )  # fmt: skip
    console = Console(stderr=True)
    with Progress(
        "{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        looking = bar.add_task("looking at journals", total=None)
        found = draft(volumes, asked, now_us, facts=lambda name: facts_of(whole.config, name))
        target = Path(name_of(found, zone)) if out is None else out
        bar.update(looking, description=f"writing {target.name}", total=found.bytes)
        maker = Maker(node=LOCAL, site=site_of(whole.config), key=node_key(loaded.config.state_dir), now_us=now_us)
        made = write(
            found, maker, target, replace_it=force, reserve_bytes=reserve_at(loaded.config, target.absolute().parent),
            seen=lambda done, total: bar.update(looking, completed=done, total=total),
        )  # fmt: skip
    if as_json:
        echo_json(plain(made))
    else:
        _tell(made, zone)
    return 0 if made.manifest.complete else 1


def plain(made: Made) -> dict[str, Any]:
    """Return an export as scripts want it."""
    manifest = made.manifest
    return {
        "file": str(made.path), "bytes": made.bytes, "id": manifest.id, "complete": manifest.complete,
        "from": iso(manifest.from_us), "to": iso(manifest.to_us), "key": manifest.key,
        "files": [{"name": file.name, "bytes": file.bytes, "sha256": file.sha256} for file in manifest.files],
        "missing": [
            {"stream": one["stream"], "from": iso(one["from_us"]), "to": iso(one["to_us"]), "why": one["why"]}
            for one in missing(manifest)
        ],
    }  # fmt: skip


def _tell(made: Made, zone: ZoneInfo) -> None:
    files = len({piece.file for stream in made.manifest.streams for piece in stream.pieces if piece.file})
    typer.echo(f"{made.path}: {files} {'clip' if files == 1 else 'clips'}, {size(made.bytes)}")
    for one in missing(made.manifest):
        begin, end = (local_time(one[name], zone.key) for name in ("from_us", "to_us"))
        typer.echo(f"  missing of {one['stream']}: {begin} to {end}, {one['why']}")
    typer.echo(f"signed with {made.manifest.key}; holdfast verify checks it anywhere")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user of this number
        return f"user {os.getuid()}"
