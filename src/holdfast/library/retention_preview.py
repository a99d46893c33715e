"""What other settings of retention would mean: what would go next under them, and when disks would be full.

The same questions as `holdfast clean --dry-run` and `holdfast forecast`, asked of settings that nobody has saved. Reads
only; any thread but an event loop.

Not here: the decision (retention), the forecast (forecast), what changes settings (settings, camera_change).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.catalog.db import Catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.core.clock import Clock
from holdfast.core.config import Config, Loaded, with_cameras
from holdfast.core.retention import Going
from holdfast.library import camera_rows, retention
from holdfast.library.camera_change import changed, own_table
from holdfast.library.forecast import Forecast, forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What some settings lead to.

    Attributes:
        going: Footage that would go next, in that order.
        forecasts: What becomes of each volume.
        enabled: Whether anything would be deleted at all.
    """

    going: tuple[Going, ...]
    forecasts: tuple[Forecast, ...]
    enabled: bool

    @property
    def bytes(self) -> int:
        """How much would go."""
        return sum(one.piece.bytes for one in self.going)


def outcome(catalog: Catalog, config: Config, clock: Clock, *, node: str = LOCAL) -> Outcome:
    """Return what settings lead to, whether or not they are those in force.

    Raises:
        CatalogUnavailable: It did not answer.
        BadInput: What is remembered of the volumes is damaged.
    """
    return Outcome(
        going=retention.outlook(catalog, config, clock, node=node).going,
        forecasts=tuple(forecast(catalog, config, clock, node=node)), enabled=config.retention.enabled,
    )  # fmt: skip


def with_camera(
    loaded: Loaded, runtime: Sequence[Mapping[str, Any]], camera: str, wanted: Mapping[str, Any]
) -> Config:  # fmt: skip
    """Return the settings as they would be after a change of one camera; changes nothing.

    Args:
        loaded: Settings without cameras of the catalog.
        runtime: What was said of cameras at run time.
        camera: The camera.
        wanted: Keys of its table; None takes one back.

    Raises:
        NotFound: There is no such camera.
        UsageError: It makes no sense.
    """
    name = camera_rows.own_letters(camera, [*loaded.config.cameras, *(str(row["id"]) for row in runtime)])
    others = [row for row in runtime if row["id"] != name]
    own, _, _ = changed(loaded, others, name, own_table(runtime, name), wanted, remote=True)
    return with_cameras(loaded, [*others, {**own, "id": name}])[0].config
