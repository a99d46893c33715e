"""`holdfast clip`: writes any span of a camera as one plain MP4, without encoding again.

Exit codes: 0 written, 64 no such span, 65 the file exists or cannot be one, 66 nothing was recorded.
"""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from holdfast.catalog.db import open_catalog
from holdfast.cli.common import ConfigOption, JsonOption, duration, echo_json, local_time, size
from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.config import Loaded, with_cameras
from holdfast.core.errors import CatalogError
from holdfast.core.timing import SECOND_US, iso
from holdfast.library import cameras, clips
from holdfast.library.clips import Clip
from holdfast.library.instants import read_instant
from holdfast.library.settings import load_in_force

app = typer.Typer()


@app.command("clip")
def run(
    camera: Annotated[str, typer.Option(help="The camera, or one of its streams: gate, gate/sub.")],
    begin: Annotated[str, typer.Option("--from", help="Begin, in the site's time: 2026-05-01T18:00, today.")],
    end: Annotated[str, typer.Option("--to", help="End, written like the begin; `now` is one, too.")],
    out: Annotated[
        Path | None,
        typer.Option(help="File to write; without it camera and time name one here.", show_default=False),
    ] = None,
    config: ConfigOption = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Write a span of up to 24 hours as one MP4. Gaps are closed up and named."""
    loaded = load_in_force(config)
    zone, clock = ZoneInfo(loaded.config.site.time_zone), SystemClock()
    now_us = clock.wall_us()
    span = (read_instant(begin, zone, now_us), read_instant(end, zone, now_us))
    roots = {name: volume.path for name, volume in loaded.config.volumes.items()}
    console = Console(stderr=True)
    with Progress(
        "{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        looking = bar.add_task("looking at files", total=None)
        made = _made(loaded, roots, StreamKey.parse(camera), span, now_us, console)
        target = Path(made.name(zone)) if out is None else out
        bar.update(looking, description=f"writing {target.name}", total=made.plan.bytes)
        clips.write(
            made,
            roots,
            target,
            replace=force,
            seen=lambda done, total: bar.update(looking, completed=done, total=total),
        )
    if as_json:
        echo_json(_plain(made, target))
        return 0
    length = duration(made.plan.duration_us / SECOND_US)
    typer.echo(f"{target}: {length}, {size(made.plan.bytes)}")
    for hole in made.gaps:
        begins, ends = local_time(hole.start_us, zone.key), local_time(hole.end_us, zone.key)
        typer.echo(f"  left out: {begins} to {ends}, {hole.reason}")
    return 0


def _made(
    loaded: Loaded, roots: dict[str, Path], key: StreamKey, span: tuple[int, int], now_us: int, console: Console
) -> Clip:
    whole, _ = with_cameras(loaded, cameras.recall(loaded.config.state_dir))
    settings = whole.config.cameras.get(key.camera)
    side = settings.side if settings else ""
    try:
        with open_catalog(loaded.config.catalog_url) as catalog:
            return clips.make(roots, key, span, now_us=now_us, catalog=catalog, side=side)
    except CatalogError as error:
        console.print(f"[yellow]{error}; asking the journals[/]", soft_wrap=True)
        return clips.make(roots, key, span, now_us=now_us, catalog=None, side=side)


def _plain(made: Clip, target: Path) -> dict[str, object]:
    return {
        "file": str(target),
        "camera": made.key.camera,
        "stream": made.key.stream,
        "side": made.side,
        "from": iso(made.plan.start_us),
        "to": iso(made.plan.end_us),
        "seconds": made.plan.duration_us / SECOND_US,
        "bytes": made.plan.bytes,
        "gaps": [
            {"from": iso(hole.start_us), "to": iso(hole.end_us), "reason": hole.reason, "detail": hole.detail}
            for hole in made.gaps
        ],
    }
