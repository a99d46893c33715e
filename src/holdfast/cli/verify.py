"""`holdfast verify`: recomputes every hash and the chain of the journals: what was changed, cut off or removed shows.

Without a file it looks at this node's footage; with one at that export, which needs no configuration and no network.

Exit codes: 0 everything is as it was recorded, 1 something is not, 66 there is no such file, 74 a volume does not
answer.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from holdfast.catalog import cameras, journals
from holdfast.catalog.db import open_catalog
from holdfast.catalog.journals import Read
from holdfast.cli.common import ConfigOption, JsonOption, echo_json, local_time, size
from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.errors import CatalogError, NotFound
from holdfast.core.timing import parse_instant
from holdfast.library.export_verify import verify_export
from holdfast.library.settings import load_in_force
from holdfast.library.verify import verify
from holdfast.storage.keys import KEY_FILE, expected_fingerprint, node_key

app = typer.Typer()


@app.command("verify")
def run(
    export: Annotated[
        Path | None, typer.Argument(help="An export, or the folder that it was unpacked to.", show_default=False)
    ] = None,
    camera: Annotated[str | None, typer.Option(help="Only this camera.", show_default=False)] = None,
    begin: Annotated[
        str | None, typer.Option("--from", help="Only footage after this time of the site.", show_default=False)
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Only footage before this time of the site.", show_default=False)
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Fingerprint or file of the key that must have signed.", show_default=False),
    ] = None,
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> int:
    """Recompute the hashes and the chain of footage, or of an export."""
    if export is not None:
        return _export(export, key, as_json=as_json)
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
            trusted=_trusted(key, loaded.config.state_dir),
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
    counted = f"{result.files} files ({size(result.bytes)}), {result.lines} journal lines, {result.heads} signed heads"
    typer.echo(f"{verdict}: {counted}")
    return int(bool(result.findings))


def _trusted(key: str | None, state_dir: Path) -> str | None:
    if key is not None:
        return expected_fingerprint(key)
    # Looking must not make a key: without one nothing of this node was signed yet.
    return node_key(state_dir).public.fingerprint if (state_dir / KEY_FILE).exists() else None


def _export(path: Path, key: str | None, *, as_json: bool) -> int:
    expected = None if key is None else expected_fingerprint(key)
    console = Console(stderr=True)
    with Progress(
        "{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("reading", total=None)
        result = verify_export(
            path, key=expected, seen=lambda done, total: bar.update(task, completed=done, total=total)
        )
    manifest = result.manifest
    if as_json:
        echo_json(
            {
                "ok": not result.findings, "key": result.key, "pinned": expected is not None, "files": result.files,
                "bytes": result.bytes, "lines": result.lines,
                "complete": None if manifest is None else manifest.complete,
                "findings": [asdict(finding) for finding in result.findings],
            }
        )  # fmt: skip
        return int(bool(result.findings))
    for finding in result.findings:
        typer.echo(f"{finding.number}  {finding.kind}  {finding.where}: {finding.what}")
    count = len(result.findings)
    verdict = "everything is as it was signed" if not count else "1 finding" if count == 1 else f"{count} findings"
    typer.echo(f"{verdict}: {result.files} files ({size(result.bytes)}), {result.lines} journal lines")
    if manifest is not None:
        span = f"{local_time(manifest.from_us, 'UTC')} to {local_time(manifest.to_us, 'UTC')} UTC"
        typer.echo(f"{span}, asked by {manifest.asked_by or 'nobody'}, made on {manifest.node}")
        if not manifest.complete:
            typer.echo("not all of the span is in it: README.txt and index.html list what is missing, and why")
    if any(finding.number == "E1" for finding in result.findings):
        typer.echo("the signature does not hold: nothing that it says of itself is proven")
    elif result.key and expected is None:
        typer.echo(f"signed with {result.key}; compare it with what holdfast node key shows at the recorder")
    return int(bool(count))


def _remembered(url: str, console: Console) -> Mapping[StreamKey, Mapping[tuple[str, str], Read]]:
    try:
        with open_catalog(url) as catalog, catalog.read() as tx:
            return {row.key: journals.positions(tx, row.id) for row in cameras.streams(tx)}
    except CatalogError as error:
        console.print(f"[yellow]{error}; lines cut off the end of a journal cannot be noticed[/]", soft_wrap=True)
        return {}
