"""`holdfast report`: what was expected of each camera, what came of it, and why the rest did not.

Exit codes: 0 shown, 64 no such kind or day, 74 the catalog does not answer.
"""

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from holdfast.catalog.db import open_catalog
from holdfast.cli.common import ConfigOption, JsonOption, echo_json
from holdfast.core.clock import SystemClock
from holdfast.core.config import with_cameras
from holdfast.core.errors import UsageError
from holdfast.library import cameras, report_words, reports, trends
from holdfast.library.coverage import read_day
from holdfast.library.reports import ReportKind
from holdfast.library.settings import load_in_force

app = typer.Typer()


@app.command("report")
def run(
    kind: Annotated[str, typer.Argument(help="daily, hourly, weekly or monthly.")] = ReportKind.DAILY.value,
    day: Annotated[
        str, typer.Option(help="The day, or any day of the week or month: today, yesterday, 2026-05-01.")
    ] = "yesterday",
    camera: Annotated[str | None, typer.Option(help="Only this camera.", show_default=False)] = None,
    config: ConfigOption = None,
    *,
    html: Annotated[bool, typer.Option("--html", help="Write a page, as for a letter.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Say of each camera what was expected and got: footage, stills, failures, incidents, deliveries."""
    if kind not in set(ReportKind):
        raise UsageError(f"there is no report {kind!r}", hint=f"one of {', '.join(ReportKind)}")
    loaded = load_in_force(config)
    zone, now_us = ZoneInfo(loaded.config.site.time_zone), SystemClock().wall_us()
    whole, _ = with_cameras(loaded, cameras.recall(loaded.config.state_dir))
    names = {name: settings.name or name for name, settings in whole.config.cameras.items()}
    with open_catalog(loaded.config.catalog_url) as catalog:
        made = reports.make(catalog, ReportKind(kind), read_day(day, zone, now_us), zone, now_us, camera=camera)
        longer = made.kind in {ReportKind.WEEKLY, ReportKind.MONTHLY}
        found = trends.of_report(catalog, made) if longer else None
    if as_json:
        echo_json(report_words.plain(made, found))
    else:
        write = report_words.html if html else report_words.text
        typer.echo(write(made, names, found), nl=False)
    return 0
