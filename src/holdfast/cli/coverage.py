"""`holdfast coverage`: how complete the footage is, a camera and a day of the site at a time, and why it is not.

Exit codes: 0 shown, 64 no such day, 66 no such camera.
"""

import csv
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from holdfast.catalog.db import open_catalog
from holdfast.cli.common import ConfigOption, JsonOption, duration, echo_json, local_time
from holdfast.core.camera import STREAMS
from holdfast.core.clock import SystemClock
from holdfast.core.config import Loaded
from holdfast.core.errors import CatalogError, NotFound, UsageError
from holdfast.core.gap import MEANING, PLANNED, Gap
from holdfast.core.timing import iso
from holdfast.library.coverage import Coverage, from_catalog, from_journals, percent_of, read_day
from holdfast.library.settings import load_in_force

app = typer.Typer()
_GAPS_SHOWN = 20  # chosen: what fits a screen, the longest ones; --json and --csv have them all
_GAPS_LEAST = 3  # of each stream, however many streams there are


@app.command()
def coverage(
    camera: Annotated[str | None, typer.Option(help="Only this camera.", show_default=False)] = None,
    day: Annotated[str, typer.Option(help="A day of the site: today, yesterday or 2026-05-01.")] = "today",
    days: Annotated[int, typer.Option(min=1, max=400, help="That day and those before it, so many in all.")] = 1,
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write a line for every gap.")] = False,
    journals: Annotated[bool, typer.Option("--from-journals", help="Ask the journals instead of the catalog.")] = False,
) -> int:
    """Show how complete the footage is, and why it is not."""
    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other")
    loaded = load_in_force(config)
    zone = ZoneInfo(loaded.config.site.time_zone)
    now_us = SystemClock().wall_us()
    last = read_day(day, zone, now_us)
    wanted = [last - timedelta(days=back) for back in reversed(range(days))]
    roots = {name: volume.path for name, volume in loaded.config.volumes.items()}
    source, found = "journals", None
    if not journals:
        try:
            with open_catalog(loaded.config.catalog_url) as catalog:
                source, found = "catalog", from_catalog(catalog, wanted, zone, now_us, camera=camera)
        except CatalogError as error:
            Console(stderr=True).print(f"[yellow]{error}; asking the journals[/]", soft_wrap=True)
            source = "journals"
    if found is None:
        found = from_journals(roots, wanted, zone, now_us, camera=camera)
    if camera is not None and not found and not _known(loaded, camera):
        raise NotFound(f"there is no camera {camera}", hint="holdfast cameras list shows all")
    if as_json:
        echo_json(
            {"source": source, "time_zone": zone.key, "streams": [_plain(c, loaded) for c in found], **_totals(found)}
        )
    elif as_csv:
        _write_csv(found, loaded)
    else:
        _show(found, zone.key, source)
    return 0


def _known(loaded: Loaded, camera: str) -> bool:
    return camera.lower() in {name.lower() for name in loaded.config.cameras}


def _place(loaded: Loaded, camera: str) -> dict[str, str]:
    """Return the site and location of a camera, which customers' own systems ask for (C143)."""
    found = loaded.config.cameras.get(camera)
    site = loaded.config.site_id
    return {"site": (found.site if found else "") or site, "location": found.location if found else ""}


def _plain(item: Coverage, loaded: Loaded) -> dict[str, Any]:
    names = ("recorded_us", "planned_us", "lost_us", "available_us", "removed_us", "missing_us")
    return {
        "camera": item.key.camera,
        "stream": item.key.stream,
        **_place(loaded, item.key.camera),
        "day": item.day,
        "from": iso(item.from_us),
        "to": iso(item.to_us),
        "percent": item.percent,
        **{name.replace("_us", "_s"): getattr(item, name) / 1e6 for name in names},
        "gaps": [
            {
                "from": iso(gap.start_us),
                "to": None if gap.open else iso(gap.end_us),
                "seconds": (gap.end_us - gap.start_us) / 1e6,
                "reason": gap.reason.value,
                "planned": gap.reason in PLANNED,
                "detail": gap.detail,
            }
            for gap in item.gaps
        ],
    }


def _totals(found: Sequence[Coverage]) -> dict[str, Any]:
    by_reason: Counter[str] = Counter()
    for item in found:
        for gap in item.gaps:
            by_reason[gap.reason.value] += gap.end_us - gap.start_us
    recorded_us, lost_us = sum(c.recorded_us for c in found), sum(c.lost_us for c in found)
    return {
        "percent": percent_of(recorded_us, lost_us),
        "recorded_s": recorded_us / 1e6,
        "lost_s": lost_us / 1e6,
        "lost_s_by_reason": {reason: us / 1e6 for reason, us in by_reason.most_common()},
    }


def _write_csv(found: Sequence[Coverage], loaded: Loaded) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(
        ["camera", "stream", "site", "location", "day", "percent", "gap_from", "gap_to", "seconds", "reason", "detail"]
    )
    for item in found:
        place = _place(loaded, item.key.camera)
        percent = "" if item.percent is None else item.percent
        head = [item.key.camera, item.key.stream, place["site"], place["location"], item.day, percent]
        for gap in item.gaps:
            seconds = (gap.end_us - gap.start_us) / 1e6
            end = "" if gap.open else iso(gap.end_us)
            writer.writerow([*head, iso(gap.start_us), end, seconds, gap.reason.value, gap.detail])
        if not item.gaps:
            writer.writerow([*head, "", "", 0, "", ""])


def _percent(value: float | None) -> str:
    return "nothing wanted" if value is None else f"{value:.2f} %"


def _show(found: Sequence[Coverage], zone: str, source: str) -> None:
    console = Console(soft_wrap=True, highlight=False)
    if not found:
        console.print("Nothing was recorded on that day, and no recorder has spoken of it.")
        return
    console.print(_table(found))
    by_stream: dict[str, list[Gap]] = {}
    for item in found:
        by_stream.setdefault(_name(item), []).extend(gap for gap in item.gaps if gap.reason not in PLANNED)
    shown = max(_GAPS_LEAST, _GAPS_SHOWN // len(by_stream))
    left_out = 0
    for name, gaps in by_stream.items():
        if not gaps:
            continue
        lost_s = sum(gap.end_us - gap.start_us for gap in gaps) / 1e6
        console.print(f"\n[bold]{name}[/]  {len(gaps)} {'gap' if len(gaps) == 1 else 'gaps'}, {duration(lost_s)}")
        longest = sorted(gaps, key=_length_us)[-shown:]
        left_out += len(gaps) - len(longest)
        for gap in sorted(longest, key=lambda gap: gap.start_us):
            console.print(f"  {_gap_words(gap, name, zone)}", markup=False)
    if left_out:
        console.print(f"\n… and {left_out} shorter gaps; --camera shows more of one, --json or --csv all")
    totals = _totals(found)
    console.print(
        f"\nin all {_percent(totals['percent'])}, {duration(totals['lost_s'])} lost (from the {source}; {zone})"
    )


def _table(found: Sequence[Coverage]) -> Table:
    """Draw the table; what no stream has gets no column."""
    columns = [("recorded", [c.recorded_us for c in found]), ("lost", [c.lost_us for c in found])]
    more = (
        ("planned off", [c.planned_us for c in found]),
        ("removed", [c.removed_us for c in found]),
        ("missing", [c.missing_us for c in found]),
    )
    columns += [(name, values) for name, values in more if any(values)]
    table = Table(box=None, pad_edge=False)
    for name in ("camera", "day"):
        table.add_column(name, no_wrap=True)
    for name in ("coverage", *(name for name, _ in columns)):
        table.add_column(name, justify="right", no_wrap=True)
    for row, item in enumerate(found):
        style = "" if item.lost_us == 0 and item.missing_us == 0 else "yellow"
        cells = (duration(values[row] / 1e6) if values[row] else "-" for _, values in columns)
        table.add_row(_name(item), item.day, _percent(item.percent), *cells, style=style)
    return table


def _name(item: Coverage) -> str:
    return item.key.camera if item.key.stream == STREAMS[0] else str(item.key)


def _length_us(gap: Gap) -> int:
    return gap.end_us - gap.start_us


def _gap_words(gap: Gap, name: str, zone: str) -> str:
    begin, end = local_time(gap.start_us, zone), "now" if gap.open else local_time(gap.end_us, zone)
    # The stream stands above, and so does the day where both ends share it.
    until = end[11:] if end[:10] == begin[:10] else end
    words = (gap.detail or MEANING[gap.reason]).removeprefix(f"{name}: ").removeprefix(f"{name}/main: ")
    return f"{begin} to {until}  {duration(_length_us(gap) / 1e6)}  {gap.reason.value}: {words}"
