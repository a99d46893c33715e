"""Files that events and incidents hold leave the recorders' list as soon as these are written, not with the next pass.

In the order of docs/design/0015: the rows first, committed, then off the list. Whoever is killed in between does it at
the next start, for all of them.

Any thread but an event loop. Not here: holds that people set (holds), the list itself (storage.expendable).
"""

from collections.abc import Callable, Iterable

from holdfast.catalog.db import Catalog
from holdfast.core.config import Config
from holdfast.core.retention import Hold
from holdfast.core.spans import Span, Spans
from holdfast.library import keeping
from holdfast.storage import expendable
from holdfast.storage.expendable import Entry


def spare(
    catalog: Catalog, node: int, config: Config, now_us: int, *, cameras: Iterable[str], changed_us: int = 0
) -> int:  # fmt: skip
    """Take what events and incidents of cameras hold by policy off what recorders may remove.

    Args:
        catalog: An open catalog; their rows are committed.
        node: The node's number.
        config: The settings.
        now_us: Wall time.
        cameras: Whose.
        changed_us: Only of those that were written since, or last.

    Returns:
        How many files may not be removed any more.

    Raises:
        CatalogUnavailable: It did not answer.
        AlreadyRunning: A removal that had begun does not end. They are off the list all the same.
        StorageError: The list cannot be written.
    """
    with catalog.read() as tx:
        found = [
            hold
            for name in cameras
            for hold in keeping.following(tx, node, config, name, now_us, changed_us=changed_us)
        ]
    return expendable.strike(config.state_dir / expendable.NAME, covering(found)) if found else 0


def covering(holds: Iterable[Hold]) -> Callable[[Entry], bool]:
    """Return what says of each file that a recorder may remove whether one of these holds covers it."""
    by_camera: dict[str, list[Span]] = {}
    for hold in holds:
        by_camera.setdefault(hold.camera, []).append((hold.from_us, hold.to_us))
    spans = {camera: Spans(some) for camera, some in by_camera.items()}

    def covered(entry: Entry) -> bool:
        span = spans.get(entry.key.camera)
        if span is None:
            return False
        # Without its times nobody can tell what it shows.
        return entry.from_us is None or entry.to_us is None or span.touch(entry.from_us, entry.to_us)

    return covered
