"""`holdfast reindex`: rebuilds the catalog from journals and files, after it was lost or when it is in doubt.

Exit codes: 0 done, 65 done, but something could not be read, 74 the catalog does not answer.
"""

from dataclasses import asdict

import typer
from rich.console import Console

from holdfast.catalog.db import open_catalog
from holdfast.catalog.failures import CatalogDamaged
from holdfast.cli.common import ConfigOption, JsonOption, echo_json
from holdfast.core.clock import SystemClock
from holdfast.library import retention
from holdfast.library.desired import load_or_last_good
from holdfast.library.reindex import ReindexReport, Remembered, put_aside, reindex, restore_remembered

DOUBT = "the catalog was made anew by holdfast reindex"

app = typer.Typer()


@app.command("reindex")
def run(
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> int:
    """Rebuild the catalog from journals and files. Recording goes on meanwhile; a damaged catalog is put aside."""
    loaded = load_or_last_good(config)
    clock = SystemClock()
    url = loaded.config.catalog_url
    roots = {name: volume.path for name, volume in loaded.config.volumes.items()}
    console = Console(stderr=True)

    def rebuild() -> tuple[ReindexReport, Remembered]:
        with open_catalog(url) as catalog, console.status("reading journals") as status:
            # Before, too: while rows are missing, nobody knows all that may not go.
            retention.doubt(catalog, clock, DOUBT, state_dir=loaded.config.state_dir)
            report = reindex(
                catalog, roots, clock,
                progress=lambda what, done, total: status.update(f"reading {what} ({done + 1} of {total})"),
            )  # fmt: skip
            # Whoever made it anew may have had a reason to; deleting goes on when the clock, or a person, says so.
            retention.doubt(catalog, clock, DOUBT, state_dir=loaded.config.state_dir)
            return report, restore_remembered(catalog, loaded.config.state_dir, clock)

    try:
        report, remembered = rebuild()
    except CatalogDamaged as error:
        aside = put_aside(url, clock)
        if aside is None:
            raise
        console.print(f"[yellow]{error}; it is kept as {aside}[/]", soft_wrap=True)
        report, remembered = rebuild()
    for problem in report.problems:
        console.print(f"[yellow]{problem}[/]", soft_wrap=True)
    if as_json:
        names = ("streams", "lines", "adopted", "missing", "notes", "problems")
        echo_json({name: getattr(report, name) for name in names} | {"restored": asdict(remembered)})
    else:
        typer.echo(
            f"{report.streams} streams from {report.lines} journal lines, {report.adopted} files adopted, "
            f"{report.missing} missing, {report.notes} notes"
        )
        for what, names in asdict(remembered).items():
            if names:
                typer.echo(f"{what} put back as they were remembered: {', '.join(names)}")
    return 65 if report.problems else 0
