"""`holdfast clean`: deletes what policy says now; `--dry-run` tells exactly what that is and why (C080, C082).

Exit codes: 0 done or told, 1 deleting is in doubt, or something could not be deleted, 74 catalog or disk are away.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.cli.common import ConfigOption, JsonOption, echo_json, local_time, size
from holdfast.cli.status import WIDEST
from holdfast.core.clock import SystemClock
from holdfast.core.config import Config
from holdfast.core.retention import Going
from holdfast.core.timing import iso
from holdfast.core.trust import Trust
from holdfast.library import pictures, retention
from holdfast.library.leftovers import Leftover
from holdfast.library.pictures import Over
from holdfast.library.settings import load_in_force
from holdfast.work.retain import Retainer

app = typer.Typer()

DOUBT_HINT = "nothing is deleted until the clock is synchronised, or: holdfast clean --confirm"


@dataclass(frozen=True, slots=True)
class Told:
    """What goes, or went, of each class."""

    going: Sequence[Going]
    others: Sequence[Leftover]
    shown: Sequence[Over]

    @property
    def bytes(self) -> int:
        """All of it."""
        beside = sum(one.bytes for one in self.others) + sum(one.bytes for one in self.shown)
        return sum(one.piece.bytes for one in self.going) + beside

    @property
    def count(self) -> int:
        """Files of footage, other files, and stills, events and incidents."""
        return len(self.going) + len(self.others) + len(self.shown)


@dataclass(frozen=True, slots=True)
class Line:
    """What goes of one camera for one reason."""

    camera: str
    volume: str
    why: str
    files: int
    bytes: int
    from_us: int
    to_us: int


@app.command("clean")
def run(
    config: ConfigOption = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    files: Annotated[bool, typer.Option("--files", help="Tell every file.")] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Say that the clock is right and the catalog whole: deleting goes on.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Delete what is over by age, size or window, and what room is needed for."""
    loaded = load_in_force(config)
    clock = SystemClock()
    with open_catalog(loaded.config.catalog_url) as catalog:
        if confirm:
            retention.confirm(catalog, clock)
        if dry_run:
            return _tell(catalog, loaded.config, clock, files=files, as_json=as_json)
        passed = Retainer(catalog, clock).run(loaded.config)
    zone = loaded.config.site.time_zone
    told = Told(passed.deleted, passed.cleared, passed.pictures)
    if as_json:
        echo_json({**_facts(told, passed.trust, dry_run=False), "problems": list(passed.problems)})
    else:
        _print(told, passed.trust, zone, files=files, words="deleted")
        for problem in passed.problems:
            Console(stderr=True).print(Text(problem, "yellow"), soft_wrap=True)
    return int(not passed.trust.may_delete or bool(passed.problems) or passed.waiting > 0)


def _tell(catalog: Catalog, config: Config, clock: SystemClock, *, files: bool, as_json: bool) -> int:
    trust = retention.trust_now(catalog, clock)
    found = retention.outlook(catalog, config, clock)
    told = Told(found.going, found.leftovers, found.pictures)
    if as_json:
        echo_json(_facts(told, trust, dry_run=True))
    else:
        _print(told, trust, config.site.time_zone, files=files, words="would be deleted")
    return int(not trust.may_delete)


def wide_console() -> Console:
    """Return a console that folds tables for a terminal alone."""
    return Console(highlight=False, soft_wrap=True, width=None if Console().is_terminal else WIDEST)


def lines_of(going: Iterable[Going]) -> list[Line]:
    """Sum up what goes, by camera, volume and reason, in the order of its beginning to go."""
    found: dict[tuple[str, str, str], list[Going]] = {}
    for one in going:
        found.setdefault((one.piece.camera, one.piece.volume, one.why), []).append(one)
    return [
        Line(
            camera, volume, why, len(some), sum(one.piece.bytes for one in some),
            min(one.piece.start_us for one in some), max(one.piece.end_us for one in some),
        )
        for (camera, volume, why), some in found.items()
    ]  # fmt: skip


def _facts(told: Told, trust: Trust, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run, "off": trust.off_why or None,
        "bytes": told.bytes,
        "others": [
            {"file": str(one.path), "class": one.kind, "bytes": one.bytes, "why": one.why} for one in told.others
        ],
        "pictures": [
            {
                "id": str(one.id), "class": one.kind, "camera": one.camera, "at": iso(one.at_us), "bytes": one.bytes,
                "files": [f"{volume}:{file}" for volume, file in one.files], "why": one.why,
            }
            for one in told.shown
        ],
        "files": [
            {
                "volume": one.piece.volume, "file": one.piece.file, "camera": one.piece.camera, "class": "footage",
                "from": iso(one.piece.start_us), "to": iso(one.piece.end_us), "bytes": one.piece.bytes,
                "sha256": one.piece.sha256, "rule": one.rule.value, "why": one.why,
            }
            for one in told.going
        ],
    }  # fmt: skip


def _print(told: Told, trust: Trust, zone: str, *, files: bool, words: str) -> None:
    console = wide_console()
    if not trust.may_delete:
        console.print(Text(f"nothing may be deleted now: {trust.off_why}", "yellow"))
        console.print(Text(f"try: {DOUBT_HINT}", "dim"))
    table = Table("CAMERA", "VOLUME", "FROM", "TO", "FILES", "SIZE", "WHY", box=None, pad_edge=False)
    for line in lines_of(told.going):
        table.add_row(
            line.camera, line.volume, local_time(line.from_us, zone), local_time(line.to_us, zone), str(line.files),
            size(line.bytes), Text(line.why),
        )  # fmt: skip
    if told.going:
        console.print(table)
    for one in told.going if files else ():
        console.print(Text(f"{one.piece.volume}:{one.piece.file}  {size(one.piece.bytes)}  {one.why}"))
    for row in pictures.summed(told.shown):
        console.print(Text(f"{row.count} {row.words} of {row.camera}  {size(row.bytes)}  {row.why}"))
    for other in told.others:
        console.print(Text(f"{other.path}  {size(other.bytes)}  {other.kind}: {other.why}"))
    many = f"{told.count} file{'' if told.count == 1 else 's'}"
    if told.shown:
        many = f"{told.count} files and pictures"
    console.print(f"{many}, {size(told.bytes)}, {words}" if told.count else f"nothing {words}")
