"""Stills of all cameras of a node, in turn: whose settings ask for them, what is due, and what is kept.

Part of the watcher, on its thread. What a camera cannot do (a disk that is full, footage that cannot be read) is its
own matter: the others have their turn, and its instants wait.

Not here: one camera (library.still_taking), the loop (watcher), deleting (library.pictures).
"""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from holdfast.catalog import stills
from holdfast.catalog.db import Catalog
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.config import Config
from holdfast.core.errors import CatalogError, HoldfastError
from holdfast.core.timing import SECOND_US
from holdfast.library.folder_originals import originals_of, place_of
from holdfast.library.still_order import order_of
from holdfast.library.still_sidecar import Sidecars
from holdfast.library.still_taking import Means, StillsTaker
from holdfast.library.volumes import disk_of
from holdfast.media.index_of import Indexes

TURN_US = 5 * SECOND_US  # chosen: of the grid; at 25 a second 125 stills of 1080p, some 3 s of work of who is behind

_log = structlog.stdlib.get_logger("holdfast.stills")


class StillsRound:
    """One node's stills.

    Args:
        clock: Time.
        node: Name of this node in the catalog.
        indexes: What is remembered of files.
        skip: Begin with now, whatever was not taken yet.
    """

    def __init__(self, clock: Clock, node: str, indexes: Indexes, *, skip: bool = False) -> None:
        self._clock = clock
        self._node = node
        self._indexes = indexes
        self._skip = skip
        self._takers: dict[str, StillsTaker] = {}
        self._about: dict[str, tuple[object, ...]] = {}
        self._wanted: frozenset[str] | None = None
        self._problems: dict[str, str] = {}

    def follow(self, catalog: Catalog, number: int, config: Config, base: Path = Path()) -> None:
        """Follow the settings: cameras that take stills, and how.

        Args:
            catalog: Where they are kept.
            number: The node's number.
            config: The settings.
            base: Folder that relative paths in them start from.

        Raises:
            CatalogError: The catalog did not answer.
            BadInput: What was remembered of volumes is damaged.
        """
        roots = {name: volume.path for name, volume in config.volumes.items()}
        wanted = {name: one for name, one in config.cameras.items() if one.stills.enabled and one.enabled and roots}
        for gone in self._takers.keys() - wanted.keys():
            self._takers.pop(gone).close()
            del self._about[gone]
            self._problems.pop(gone, None)
        if self._wanted != wanted.keys():
            with catalog.write() as tx:
                stills.keep_positions(tx, number, list(wanted))
            self._wanted = frozenset(wanted)
        for camera_id, camera in wanted.items():
            volume = camera.volume or next(iter(roots))
            order, disk = order_of(camera_id, camera, config.site.time_zone), disk_of(config, volume)
            place = place_of(camera_id, camera, config.site.time_zone, base)
            about = (order, volume, disk, roots, camera.watch if order.sidecar else None, place)
            before = self._takers.get(camera_id)
            if before is not None and self._about[camera_id] == about:
                continue
            with catalog.read() as tx:
                position_us = stills.position(tx, number, camera_id)
            begun = position_us is not None and not (self._skip and before is None)
            # Whatever was decided by the settings before stays so: an instant is never planned again.
            after_us = before.reached_us if before is not None else position_us if begun else None
            means = Means(
                volumes=roots, volume=volume, disk=disk, clock=self._clock, catalog=catalog, node=number,
                indexes=self._indexes,
                describe=Sidecars(
                    catalog=catalog, node=number, root=roots[volume], limits=camera.watch.thresholds(),
                    zone=ZoneInfo(config.site.time_zone),
                ),
                originals=originals_of(place, self._clock),
            )  # fmt: skip
            if before is not None:
                before.close()
            self._takers[camera_id] = StillsTaker(
                StreamKey(camera_id, "main"), order, means, persisted=begun,
                after_us=self._clock.wall_us() if after_us is None else after_us,
            )  # fmt: skip
            self._about[camera_id] = about

    def turn(self, catalog: Catalog) -> bool:
        """Give every camera its turn, and keep what was decided; say whether there is more to do at once.

        Raises:
            CatalogError: The catalog did not answer.
        """
        more = False
        for camera, taker in self._takers.items():
            try:
                more = taker.work(TURN_US) or more
            except CatalogError:
                raise
            except HoldfastError as error:
                self._fails(camera, error)
            else:
                if self._problems.pop(camera, None) is not None:
                    _log.info("stills.go_on", camera=camera)
        owing = [taker for taker in self._takers.values() if taker.owes]
        if owing:
            with catalog.write() as tx:
                for taker in owing:
                    taker.keep(tx, self._clock.wall_us())
            for taker in owing:
                taker.kept()
        return more

    def close(self) -> None:
        """Forget everything; what was not kept is taken again."""
        for taker in self._takers.values():
            taker.close()
        self._takers.clear()
        self._about.clear()
        self._wanted = None

    def status(self) -> dict[str, Any]:
        """Return, by camera, how far its stills are."""
        return {
            camera: {
                "reached_us": taker.reached_us,
                "taken": taker.taken,
                "missed": taker.missed,
                "problem": self._problems.get(camera, ""),
            }
            for camera, taker in self._takers.items()
        }

    def _fails(self, camera: str, error: HoldfastError) -> None:
        if self._problems.get(camera) != str(error):
            _log.warning("stills.wait", camera=camera, reason=str(error), hint=error.hint)
        self._problems[camera] = str(error)
