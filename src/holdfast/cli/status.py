"""`holdfast status`: the state sentence, then what every camera is doing.

Exit codes: 0 all well, 1 something is wrong, those of `core.errors` for everything else.
"""

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from holdfast.cli.common import ConfigOption, JsonOption, bitrate, echo_json
from holdfast.core.clock import SystemClock
from holdfast.core.config import Loaded
from holdfast.core.status import StreamState, StreamStatus
from holdfast.library.desired import read_plan
from holdfast.library.settings import load_in_force
from holdfast.library.status import Health, NodeNow, StreamNow, gap_words, read_now

WIDE = 110  # columns that a table with file names needs; below it the names would push out the numbers
WIDEST = 200  # for pipes and files, whose reader scrolls
REFRESH_S = 1.0  # the files behind it are rewritten once a second

app = typer.Typer()

# A shape and a word go with each colour, so that nothing depends on seeing it.
MARKS = {
    Health.WELL: ("●", "green"),
    Health.SETTLING: ("◌", "yellow"),
    Health.DEGRADED: ("◐", "yellow"),
    Health.LOST: ("✖", "red"),
    Health.OFF: ("○", "dim"),
}


@app.command()
def status(
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Keep showing it until Ctrl-C.")] = False,
) -> int:
    """Show what every camera is doing now. Exit code 0: all well; 1: something is wrong."""
    loaded = load_in_force(config)
    console = wide_console()
    if watch:
        return _watch(loaded, console, as_json=as_json)
    now = look(loaded)
    if as_json:
        echo_json(now.to_dict())
    else:
        console.print(render(now, narrow=console.width < WIDE))
    return 0 if now.well else 1


def wide_console() -> Console:
    """Return a console that, where nobody looks at its width, is wide enough for every column."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDEST)


def look(loaded: Loaded) -> NodeNow:
    """Read the node's state as of now."""
    plan = read_plan(loaded.config.state_dir)
    runtime_dir = Path(plan.runtime_dir) if plan is not None and plan.runtime_dir else loaded.config.runtime_dir
    return read_now(plan, runtime_dir, SystemClock().wall_us())


def _watch(loaded: Loaded, console: Console, *, as_json: bool) -> int:
    now = look(loaded)
    try:
        if as_json:
            while True:
                typer.echo(json.dumps(now.to_dict(), ensure_ascii=False))
                time.sleep(REFRESH_S)
                now = look(loaded)
        narrow = console.width < WIDE
        with Live(render(now, narrow=narrow), console=console, auto_refresh=False, screen=False) as live:
            while True:
                time.sleep(REFRESH_S)
                now = look(loaded)
                live.update(render(now, narrow=console.width < WIDE), refresh=True)
    except KeyboardInterrupt:
        return 0 if now.well else 1


def render(now: NodeNow, *, narrow: bool = False) -> RenderableType:
    """Draw sentence, table, and what to do; a narrow table leaves the file out."""
    parts: list[RenderableType] = [sentence(now)]
    if now.streams:
        parts += [Text(), _table(now, narrow=narrow)]
    # Where nothing runs the sentence has said it; the same line for each camera would bury it.
    some = any(stream.fresh for stream in now.streams)
    notes = [note for stream in now.streams if some and (note := _note(stream))]
    rest = [Text(f"✖ {trouble}", style="yellow") for trouble in now.troubles if trouble not in now.sentence]
    rest += [Text(f"◐ {notice} (try: holdfast forecast)", style="dim") for notice in now.notices]
    if notes or rest:
        parts += [Text(), *notes, *rest]
    return Group(*parts)


def sentence(now: NodeNow) -> Text:
    """Draw the state sentence, and the hint below it where there is one."""
    mark, colour = ("●", "green") if now.well else ("✖", "red")
    text = Text.assemble((f"{mark} ", colour), (now.sentence, "bold" if now.well else f"bold {colour}"))
    return text.append(f"\n  try: {now.hint}", style="dim") if now.hint else text


def _table(now: NodeNow, *, narrow: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("camera", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for name in ("resolution", "fps", "bitrate", "last frame", "restarts"):
        table.add_column(name, justify="right", no_wrap=True)
    if not narrow:
        table.add_column("segment", overflow="ellipsis", no_wrap=True)
    for stream in now.streams:
        mark, colour = MARKS[stream.health]
        given = stream.status
        size, live = " ".join(filter(None, (_size(given), encoder_of(given)))), given.state is StreamState.RECORDING
        file = Path(given.segment).name if live else Text(gap_words(stream), style="dim")
        table.add_row(
            stream.name,
            Text(f"{mark} {given.state.value}", style=colour),
            size,
            f"{given.fps:.1f}" if live else "",
            bitrate(given.bitrate_bps) if live else "",
            "" if stream.frame_age_s is None else age(stream.frame_age_s),
            str(given.restarts),
            *(() if narrow else (file,)),
        )
    return table


def _note(stream: StreamNow) -> Text | None:
    """Say about one camera what does not fit in a cell."""
    if stream.health not in {Health.LOST, Health.DEGRADED}:
        return None
    mark, colour = MARKS[stream.health]
    text = Text.assemble((f"{mark} ", colour), (stream.name, "bold"), f": {stream.words}")
    return text.append(f" (try: {stream.hint})", style="dim") if stream.hint else text


def _size(status: StreamStatus) -> str:
    video = next((t for t in status.tracks if t.get("kind") == "video"), {})
    return f"{video['width']}×{video['height']}" if video.get("width") and video.get("height") else ""  # noqa: RUF001 - the sign for "by", as people write sizes


def encoder_of(status: StreamStatus) -> str:
    """Return the name of what encodes its pictures here; empty where they are recorded as they came (C025)."""
    return next((str(t["encoder"]) for t in status.tracks if t.get("kind") == "video" and t.get("encoder")), "")


def size_words(status: StreamStatus) -> str:
    """Say what a stream is at a glance: `1920×1080 25.0 fps 4.1 Mb/s`."""  # noqa: RUF002 - the sign for "by"
    parts = (_size(status), f"{status.fps:.1f} fps", bitrate(status.bitrate_bps))
    return " ".join(part for part in parts if part)


def age(seconds: float) -> str:
    """Say how long ago: `0.4 s`, `12 s`, `3 min`, `2 h`."""
    for limit, unit, text in ((10, 1, "{:.1f} s"), (100, 1, "{:.0f} s"), (6000, 60, "{:.0f} min")):
        if seconds < limit:
            return text.format(seconds / unit)
    return f"{seconds / 3600:.0f} h"
