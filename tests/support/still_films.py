"""Films whose pictures carry their number, so that a still says which picture it is; and takers of them."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np

from holdfast.catalog import nodes, stills
from holdfast.catalog.db import Catalog
from holdfast.catalog.stills import Outcome, Wanted
from holdfast.core.plan import Window
from holdfast.core.still_names import Naming
from holdfast.core.stills import Grid
from holdfast.core.timing import SECOND_US
from holdfast.library.still_order import Order
from holdfast.library.still_taking import Means, StillsTaker
from holdfast.media.keeping import Style
from holdfast.storage.volume import Volume
from support.films import Picture
from support.media import GATE
from support.watched_film import Gate

FPS = 25
BITS, CELL = 16, 8  # a number is a row of bits, each a square of so many pixels


def numbered(at_s: float) -> Picture:
    """Return the picture of a time: 128x16, its number in black and white."""
    number = round(at_s * FPS)
    bits = [(number >> bit & 1) * 200 + 25 for bit in range(BITS)]
    return np.repeat(np.repeat(np.array([bits], np.uint8), CELL, axis=1), 2 * CELL, axis=0)


def number_in(path: Path) -> int:
    """Read the number out of a still, whatever its size."""
    with av.open(str(path)) as media:
        grey = next(media.decode(video=0)).to_ndarray(format="gray").astype(float)
    cell = grey.shape[1] / BITS
    columns = grey.mean(axis=0)
    return sum(int(columns[int((bit + 0.5) * cell)] > 120) << bit for bit in range(BITS))


def order(every_s: float, *, windows: tuple[Window, ...] = (), zone: str = "UTC", style: Style | None = None) -> Order:
    """Want stills so often, without thumbnails."""
    every_us = round(every_s * SECOND_US)
    naming = Naming(template="utc", zone=zone, camera="gate", location="r-7", parts=bool(every_us % SECOND_US))
    return Order(grid=Grid(every_us, windows, zone), style=style or Style(thumbnail=None), naming=naming)


def means(gate: Gate, catalog: Catalog, root: Path | None = None) -> Means:
    """Take stills of that camera's footage; they go to its volume, or to one of the test's own."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
    volumes = {"main": gate.root} if root is None else {"main": gate.root, "own": root}
    name = "main" if root is None else "own"
    if root is not None:
        root.mkdir(exist_ok=True)
    return Means(
        volumes=volumes, volume=name, disk=Volume(volumes[name]), clock=gate.clock, catalog=catalog, node=node
    )  # fmt: skip


def taker(on: Means, wanted: Order, after_us: int) -> StillsTaker:
    """Go on where the catalog says, else after an instant."""
    with on.catalog.read() as tx:
        position_us = stills.position(tx, on.node, "gate")
    return StillsTaker(
        GATE, wanted, on, after_us=after_us if position_us is None else position_us, persisted=position_us is not None
    )  # fmt: skip


def keep(on: Means, one: StillsTaker) -> None:
    """Write what it decided."""
    with on.catalog.write() as tx:
        one.keep(tx, on.clock.wall_us())


def finish(on: Means, one: StillsTaker) -> None:
    """Work until nothing is due."""
    more = True
    while more or one.waiting:
        more = one.work(SECOND_US)
        keep(on, one)
        one.kept()


def outcomes(catalog: Catalog) -> list[Outcome]:
    """Everything that is known of stills, oldest first."""
    found: list[Outcome] = []
    cursor: str | None = None
    with catalog.read() as tx:
        while True:
            page = stills.page(tx, Wanted(), limit=1000, cursor=cursor, oldest_first=True)
            found += [replace(row.outcome) for row in page.rows]
            cursor = page.cursor
            if cursor is None:
                return found


def files(root: Path) -> dict[str, bytes]:
    """Every file below the folder of stills, by its path under the root."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted((root / "stills").rglob("*"))
        if path.is_file()
    }
