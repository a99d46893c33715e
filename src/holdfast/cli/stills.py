"""`holdfast stills`: what stills there are, those of an old span, and films of them.

Exit codes: 0 done, 64 a span or setting makes no sense, 65 the file is there already, 66 there is no such camera or no
still, 69 the catalog does not answer, 78 the configuration cannot be used.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TimeRemainingColumn

from holdfast.catalog import nodes
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.stills import MISSED, StillRow, Wanted
from holdfast.cli.common import ConfigOption, JsonOption, camera_of, echo_json, local_time, size
from holdfast.core import config as configuration
from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.config import Config
from holdfast.core.errors import BadInput, UsageError
from holdfast.core.timing import SECOND_US, iso
from holdfast.library import kept_stills, timelapse
from holdfast.library.cameras import recall
from holdfast.library.instants import read_instant
from holdfast.library.settings import load_in_force
from holdfast.library.still_order import order_of
from holdfast.library.still_sidecar import Sidecars
from holdfast.library.still_taking import Means
from holdfast.library.volumes import disk_of

app = typer.Typer(no_args_is_help=True)

Camera = Annotated[str, typer.Argument(help="The camera.")]
From = Annotated[str, typer.Option("--from", help="Begin, in the site's time: 2026-05-01T18:00, today, 2h (ago).")]
To = Annotated[str, typer.Option("--to", help="End, written like the begin; `now` is one, too.")]


@dataclass(frozen=True, slots=True)
class _Node:
    """Where a command works: settings, open catalog, clock."""

    config: Config
    catalog: Catalog
    clock: SystemClock

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.config.site.time_zone)

    @property
    def volumes(self) -> dict[str, Path]:
        return {name: volume.path for name, volume in self.config.volumes.items()}

    def camera(self, typed: str) -> str:
        """Return a camera's id as it is written.

        Raises:
            NotFound: There is none.
        """
        return camera_of(typed, self.config.cameras)

    def span(self, begin: str, end: str) -> tuple[int, int]:
        """Read a span.

        Raises:
            UsageError: It is none.
        """
        now_us = self.clock.wall_us()
        from_us, to_us = (read_instant(word, self.zone, now_us) for word in (begin, end))
        if from_us >= to_us:
            raise UsageError("the span ends before it begins")
        return from_us, to_us


@contextmanager
def _node(path: Path | None) -> Iterator[_Node]:
    loaded = load_in_force(path)
    whole, _ = configuration.with_cameras(loaded, recall(loaded.config.state_dir))
    with open_catalog(loaded.config.catalog_url) as catalog:
        yield _Node(whole.config, catalog, SystemClock())


@contextmanager
def _bar(what: str, total: float) -> Iterator["_Bar"]:
    console = Console(stderr=True)
    with Progress(
        "{task.description}", BarColumn(), TimeRemainingColumn(), console=console, transient=True,
        disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        yield _Bar(bar, bar.add_task(what, total=total))


@dataclass(frozen=True, slots=True)
class _Bar:
    bar: Progress
    task: TaskID

    def at(self, done: float, total: float | None = None) -> None:
        """Say how far it is."""
        self.bar.update(self.task, completed=done, total=total)


@app.command("list")
def show(
    camera: Annotated[str, typer.Argument(help="Only this camera's.")] = "",
    begin: Annotated[str, typer.Option("--from", help="Planned then or later.")] = "",
    end: Annotated[str, typer.Option("--to", help="Planned before.")] = "",
    config: ConfigOption = None,
    *,
    missed: Annotated[bool, typer.Option("--missed", help="Only those without a picture.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 20,
    as_json: JsonOption = False,
) -> int:
    """List stills, the newest first: when, and the file or why there is none."""
    with _node(config) as node:
        now_us = node.clock.wall_us()
        wanted = Wanted(
            camera=node.camera(camera) if camera else None, state=MISSED if missed else None,
            from_us=read_instant(begin, node.zone, now_us) if begin else None,
            to_us=read_instant(end, node.zone, now_us) if end else None,
        )  # fmt: skip
        rows = kept_stills.find(node.catalog, wanted, limit=limit).rows
        count = kept_stills.count(node.catalog, wanted)
        if as_json:
            echo_json({"taken": count.taken, "missed": count.missed, "encrypted": count.sealed, "bytes": count.bytes,
                       "stills": [_plain(row) for row in rows]})  # fmt: skip
            return 0
        for row in rows:
            one = row.outcome
            what = f"missed: {one.cause}" if one.cause else f"{node.volumes.get(one.volume, one.volume)}/{one.file}"
            sealed = "  (encrypted)" if one.is_sealed else ""
            typer.echo(f"{local_time(one.slot_us, node.zone.key)}  {one.camera}  {what}{sealed}")
        sealed = f", {count.sealed} of them encrypted" if count.sealed else ""
        typer.echo(f"{count.taken} taken ({size(count.bytes)}){sealed}, {count.missed} missed")
        return 0


@app.command()
def take(
    camera: Camera,
    begin: From,
    end: To,
    config: ConfigOption = None,
    *,
    every_s: Annotated[
        float | None,
        typer.Option("--every", min=0.04, max=86_400, help="Seconds between them, instead of the camera's."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many are planned, and take none.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Take the stills of a span that was recorded. Those that are there already stay as they are."""
    with _node(config) as node:
        name, span = node.camera(camera), node.span(begin, end)
        # Footage of the last moment may still be on its way to the disk.
        span = (span[0], min(span[1], node.clock.wall_us() - 2 * SECOND_US))
        wanted = node.config.cameras[name]
        if every_s is not None:
            wanted = wanted.model_copy(update={"stills": wanted.stills.model_copy(update={"every_s": every_s})})
        order = order_of(name, wanted, node.config.site.time_zone)
        planned = kept_stills.planned(order, span)
        if dry_run:
            known = kept_stills.count(node.catalog, Wanted(camera=name, from_us=span[0], to_us=span[1]))
            return _told({"planned": planned, "there": known.taken}, as_json=as_json)
        volume = wanted.volume or next(iter(node.volumes))
        with node.catalog.write() as tx:
            number = nodes.ensure(tx, LOCAL, node.clock.wall_us())
        means = Means(
            volumes=node.volumes, volume=volume, disk=disk_of(node.config, volume), clock=node.clock,
            catalog=node.catalog, node=number,
            describe=Sidecars(
                catalog=node.catalog, node=number, root=node.volumes[volume], limits=wanted.watch.thresholds(),
                zone=node.zone,
            ),
        )  # fmt: skip
        with _bar(f"taking stills of {name}", span[1] - span[0]) as bar:
            count = kept_stills.take(
                StreamKey(name, "main"), order, means, span, clock=node.clock, seen=lambda us: bar.at(us - span[0])
            )
        there = max(0, planned - count.taken - count.missed)
        counts = {"planned": planned, "there": there, "taken": count.taken, "missed": count.missed}
        return _told({**counts, "bytes": count.bytes}, as_json=as_json)


@app.command("timelapse")
def film(  # noqa: PLR0913 - a command line has that many options
    camera: Camera,
    begin: From,
    end: To,
    config: ConfigOption = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; without it camera and time name one here.", show_default=False)
    ] = None,
    *,
    rate: Annotated[float, typer.Option(min=0.1, max=60, help="Pictures a second.")] = 25.0,
    width: Annotated[
        int | None, typer.Option(min=16, max=7680, help="Pixels across at most; unset is the pictures' own.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Write the stills of a span as one MP4."""
    with _node(config) as node:
        name, span = node.camera(camera), node.span(begin, end)
        target = out or Path(timelapse.name_of(name, span, node.zone))
        if target.exists() and not force:
            raise BadInput(f"{target} is there already", hint="--force writes over it")
        with _bar(f"writing {target.name}", 1) as bar:
            made = timelapse.make(
                node.catalog, node.volumes, target, name, span, rate=rate, width=width, seen=bar.at
            )  # fmt: skip
        if as_json:
            echo_json({"file": str(target), "pictures": made.pictures, "left_out": made.left_out,
                       "encrypted": made.sealed, "width": made.width, "height": made.height,
                       "bytes": target.stat().st_size})  # fmt: skip
            return 0
        left = f", {made.left_out} could not be read" if made.left_out else ""
        left += f", {made.sealed} are encrypted and left out" if made.sealed else ""
        typer.echo(f"{target}: {made.pictures} pictures, {size(target.stat().st_size)}{left}")
        return 0


def _told(counts: dict[str, int], *, as_json: bool) -> int:
    if as_json:
        echo_json(counts)
    else:
        words = [f"{size(count) if name == 'bytes' else count} {'' if name == 'bytes' else name}".strip()
                 for name, count in counts.items()]  # fmt: skip
        typer.echo(", ".join(words))
    return 0


def _plain(row: StillRow) -> dict[str, object]:
    one = row.outcome
    return {
        "id": str(row.id), "camera": one.camera, "location": one.location, "state": one.state, "slot": iso(one.slot_us),
        "at": None if one.at_us is None else iso(one.at_us), "cause": one.cause, "volume": one.volume,
        "file": one.file, "thumbnail": one.thumbnail, "width": one.width, "height": one.height,
        "source_width": one.source_width, "source_height": one.source_height, "bytes": one.bytes, "sha256": one.sha256,
        "encrypted": one.is_sealed, "plain_bytes": one.plain_bytes if one.is_sealed else None,
        "plain_sha256": one.plain_sha256,
    }  # fmt: skip
