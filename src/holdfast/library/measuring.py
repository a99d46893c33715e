"""What was measured in a camera's pictures and sound: single looks of a short span, minutes of a long one.

Any thread. Not here: measuring (media.analysis), writing (watching).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.catalog import measures, nodes
from holdfast.catalog.db import Catalog
from holdfast.catalog.measures import Measure, Minute
from holdfast.catalog.nodes import LOCAL
from holdfast.core.quality import Heard, Seen
from holdfast.core.timing import HOUR_US

LOOKS_US = 2 * HOUR_US  # chosen: a look every 2 s makes 3,600 rows of it
MOST = 10_000  # rows of an answer: a week of minutes


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured in a span: looks, or minutes; the other one is empty. `more` says that there were too many."""

    looks: Sequence[Measure]
    minutes: Sequence[Minute]
    more: bool


def measured(
    catalog: Catalog, camera: str, from_us: int, to_us: int, *, by_minutes: bool | None = None, node: str = LOCAL
) -> Measured:
    """Return what was measured.

    Args:
        catalog: The catalog.
        camera: Id of the camera.
        from_us: Begin, wall time.
        to_us: End.
        by_minutes: Minutes, or single looks; None decides by the length of the span.
        node: Name of the node.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    by_minutes = to_us - from_us > LOOKS_US if by_minutes is None else by_minutes
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        if number is None:
            return Measured((), (), more=False)
        if by_minutes:
            rows = measures.minutes(tx, number, camera, from_us, to_us, limit=MOST + 1)
            return Measured((), rows[:MOST], more=len(rows) > MOST)
        looks = measures.between(tx, number, camera, from_us, to_us, limit=MOST + 1)
        return Measured(looks[:MOST], (), more=len(looks) > MOST)


def newest(catalog: Catalog, camera: str, node: str = LOCAL) -> Measure | None:
    """Return what was measured last; None where nothing was.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        return None if number is None else measures.newest(tx, number, camera)


def seen_of(measure: Measure, at_us: int) -> Seen:
    """Return what is stored of a look as it was judged, as of an instant; without loudness and clipping."""
    heard = None
    if measure.mean_db is not None:
        heard = Heard(measure.at_us, measure.mean_db, measure.mean_db if measure.peak_db is None else measure.peak_db)
    return Seen(
        at_us, measure.black_percent, measure.differences, measure.drift, heard, blocks=measure.blocks,
        damaged=measure.damaged or 0,
    )  # fmt: skip
