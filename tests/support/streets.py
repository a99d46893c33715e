"""A street as footage: something goes through now and then."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from holdfast.catalog import events, measures, nodes
from holdfast.catalog.db import Catalog
from holdfast.catalog.events import Wanted
from holdfast.core.config.motion import MotionConfig
from holdfast.core.config.watch import WatchConfig
from holdfast.library.moving import motion_of
from holdfast.library.watching import CameraWatch, keep_all, settings_of
from holdfast.watching.judge import Judge
from holdfast.watching.stirs import Stirs
from support.films import Picture
from support.media import GATE, WALL_US
from support.watched_film import Gate


def street(*spans: tuple[float, float]) -> Callable[[float], Picture]:
    """A film in which something goes to and fro within these spans of seconds."""
    rows, columns = np.mgrid[0:180, 0:320]
    ground = np.asarray(90 + 30 * np.sin(columns / 23) + 25 * np.sin(rows / 17), np.uint8)

    def picture(at_s: float) -> Picture:
        grain = np.random.default_rng(int(at_s * 100)).normal(0, 1.5, ground.shape)
        shown = (ground + grain).clip(0, 255).astype(np.uint8)
        if any(begin <= at_s < end for begin, end in spans):
            left = int(140 + 130 * np.sin(at_s * 0.8))
            shown[60:110, left : left + 30] = 220
        return shown

    return picture


def watching(gate: Gate, catalog: Catalog, root: Path, config: MotionConfig) -> CameraWatch:
    """Go on where the catalog says; pictures go to a volume of the test's own."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        found = measures.position(tx, node, "gate")
    state = None if found is None else found.state
    judge = Judge(settings_of(WatchConfig(every_s=1)), state)
    volumes = {"main": gate.root, "pictures": root / "pictures"}
    watch = CameraWatch(GATE, volumes, "pictures", gate.clock, judge, catalog=None, from_us=WALL_US)
    watch.look_for_motion(Stirs(motion_of(config), (state or {}).get("motion")))
    return watch


def keep(watch: CameraWatch, catalog: Catalog) -> None:
    """Write what was found."""
    with catalog.write() as tx:
        keep_all(tx, nodes.ensure(tx, "local", 1), [watch], 99)


def told(catalog: Catalog) -> Sequence[events.Told]:
    """Every event, oldest first."""
    with catalog.read() as tx:
        return [row.told for row in reversed(events.page(tx, Wanted(), limit=1000).rows)]
