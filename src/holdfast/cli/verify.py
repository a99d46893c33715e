"""`holdfast verify`: recomputes every hash and the chain of the journals: what was changed, cut off or removed shows.

Exit codes: 0 everything is as it was recorded, 1 something is not, 74 a volume does not answer.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from holdfast.catalog import cameras, journals
from holdfast.catalog.db import open_catalog
from holdfast.catalog.journals import Read
from holdfast.cli.common import ConfigOption, JsonOption, echo_json, size
from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.errors import CatalogError, NotFound
from holdfast.core.timing import parse_instant
from holdfast.library.settings import load_in_force
from holdfast.library.verify import verify

app = typer.Typer()


@app.command("verify")
def run(
    camera: Annotated[str | None, typer.Option(help="Only this camera.", show_default=False)] = None,
    begin: Annotated[
        str | None, typer.Option("--from", help="Only footage after this time of the site.", show_default=False)
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Only footage before this time of the site.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> int:
    """Recompute the hashes and the chain of footage."""
    loaded = load_in_force(config)
    zone = ZoneInfo(loaded.config.site.time_zone)
    console = Console(stderr=True)
    with Progress(
        "{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("reading footage", total=None)
        result = verify(
            {name: volume.path for name, volume in loaded.config.volumes.items()},
            camera=camera,
            from_us=None if begin is None else parse_instant(begin, zone),
            to_us=None if end is None else parse_instant(end, zone),
            remembered=_remembered(loaded.config.catalog_url, console),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if camera is not None and not result.lines and camera not in loaded.config.cameras:
        raise NotFound(f"there is no footage of a camera {camera}", hint="holdfast cameras list shows all")
    if as_json:
        echo_json({**asdict(result), "ok": not result.findings, "at_us": SystemClock().wall_us()})
        return int(bool(result.findings))
    for finding in result.findings:
        typer.echo(f"{finding.number}  {finding.kind}  {finding.where}: {finding.what}")
    count = len(result.findings)
    verdict = "everything is as it was recorded" if result.files else "there is no footage to verify"
    if count:
        verdict = "1 finding" if count == 1 else f"{count} findings"
    typer.echo(f"{verdict}: {result.files} files ({size(result.bytes)}), {result.lines} journal lines")
    return int(bool(result.findings))


def _remembered(url: str, console: Console) -> Mapping[StreamKey, Mapping[tuple[str, str], Read]]:
    try:
        with open_catalog(url) as catalog, catalog.read() as tx:
            return {row.key: journals.positions(tx, row.id) for row in cameras.streams(tx)}
    except CatalogError as error:
        console.print(f"[yellow]{error}; lines cut off the end of a journal cannot be noticed[/]", soft_wrap=True)
        return {}
