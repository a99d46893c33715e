"""`holdfast forecast`: when each disk is full, and which camera would begin to lose what, at today's rates (C080, R6).

Exit codes: 0 told, 1 a disk on which recording would stop, 74 the catalog is away.
"""

from dataclasses import asdict
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from holdfast.catalog.db import open_catalog
from holdfast.cli.clean import wide_console
from holdfast.cli.common import ConfigOption, JsonOption, duration, echo_json, local_time, size
from holdfast.core.clock import SystemClock
from holdfast.core.timing import DAY_US, SECOND_US, iso
from holdfast.library.forecast import Forecast, Loss, forecast
from holdfast.library.settings import load_in_force

app = typer.Typer()

BY = {"age": "its age", "bytes": "its own limit", "room": "the disk is full"}


@app.command("forecast")
def run(config: ConfigOption = None, *, as_json: JsonOption = False) -> int:
    """Say when which camera would start to lose what, at today's rates."""
    loaded = load_in_force(config)
    clock = SystemClock()
    with open_catalog(loaded.config.catalog_url) as catalog:
        found = forecast(catalog, loaded.config, clock)
    if as_json:
        echo_json([_facts(one) for one in found])
    else:
        console = wide_console()
        for one in found:
            _print(console, one, loaded.config.site.time_zone, clock.wall_us())
    return int(any(one.stops for one in found))


def sentence(one: Forecast, zone: str, now_us: int) -> str:
    """Say what becomes of a volume."""
    rate = f"{size(one.hourly * 24)} a day"
    if one.free_bytes is None:
        return "does not answer"
    if not one.hourly:
        return "nothing comes in"
    if one.full_us is None:
        settled = f", settles at {size(one.settles_bytes)} of footage" if one.settles_bytes is not None else ""
        return f"{rate}, not full within a year{settled}"
    words = "the oldest goes first" if one.full_us <= now_us else "then the oldest goes first"
    if one.stops_us is not None:
        stops = f"recording stops {_in(one.stops_us, zone, now_us)}"
        words = "recording stops" if one.stops_us <= one.full_us else f"{words}, {stops}"
    if one.full_us <= now_us:
        return f"{rate}, full now: {words}"
    return f"{rate}, full {_in(one.full_us, zone, now_us)}: {words}"


def _in(at_us: int, zone: str, now_us: int) -> str:
    return f"in {duration((at_us - now_us) / SECOND_US)} ({local_time(at_us, zone, seconds=False)})"


def _print(console: Console, one: Forecast, zone: str, now_us: int) -> None:
    free = (
        "-"
        if one.free_bytes is None or one.total_bytes is None
        else f"{size(one.free_bytes)} of {size(one.total_bytes)}"
    )
    style = "red" if one.stops else None
    console.print(Text(f"volume {one.volume}: {free} free, {sentence(one, zone, now_us)}", style or ""))
    table = Table("CAMERA", "HAS", "A DAY", "SINCE", "LOSES FROM", "BY", "REACHING BACK", box=None, pad_edge=False)
    for loss in one.cameras:
        table.add_row(*_row(loss, zone))
    if one.cameras:
        console.print(table)


def _row(loss: Loss, zone: str) -> tuple[str, ...]:
    when = "not within a year" if loss.loses_us is None else local_time(loss.loses_us, zone, seconds=False)
    back = "" if loss.depth_us is None else f"{loss.depth_us / DAY_US:.1f} days"
    return (
        loss.camera, size(loss.bytes), size(loss.hourly * 24), local_time(loss.oldest_us, zone, seconds=False), when,
        BY.get(loss.why, loss.protects or "-"), back,
    )  # fmt: skip


def _facts(one: Forecast) -> dict[str, Any]:
    cameras = [
        {**asdict(loss), "loses": None if loss.loses_us is None else iso(loss.loses_us), "oldest": iso(loss.oldest_us)}
        for loss in one.cameras
    ]
    return {
        **asdict(one), "full": None if one.full_us is None else iso(one.full_us),
        "stops": one.stops, "cameras": cameras,
    }  # fmt: skip
