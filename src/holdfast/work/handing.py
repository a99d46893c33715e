"""The kinds of work that hand footage on and vouch for it: exports, and the chores that belong to them.

For the worker's composition: `kinds` are what it works on, `prepare` makes the rows of chores at its start.

Not here: deliveries (deliver), telling of files (hand_over), retention (retain).
"""

from collections.abc import Callable
from pathlib import Path

from holdfast.catalog import chores
from holdfast.catalog.db import Catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.core.clock import Clock
from holdfast.core.config import Config
from holdfast.library import exports
from holdfast.library.handing_over import Tidying
from holdfast.library.signing import sign_heads
from holdfast.storage.keys import node_key
from holdfast.work.chores import chores_kind
from holdfast.work.export import export_kind
from holdfast.work.kind import Kind

HEADS, EXPORTS, HANDOVERS, COPIES = "heads", "exports", "handovers", "copies"


def kinds(
    catalog: Catalog, number: int, config: Callable[[], Config], clock: Clock, *, node: str = LOCAL,
    copies: Callable[[], float | None] = lambda: None,
) -> list[Kind]:  # fmt: skip
    """Return the kinds.

    Args:
        catalog: The open catalog.
        number: Number of this node in it.
        config: Says the settings in force, the catalog's cameras included.
        clock: Time.
        node: Name of this node.
        copies: Looks at delivered copies (reverify), and says when it goes on.
    """

    def volumes() -> dict[str, Path]:
        return {name: volume.path for name, volume in config().volumes.items()}

    def heads() -> None:
        sign_heads(volumes(), node_key(config().state_dir), clock.wall_us())

    def old_exports() -> None:
        exports.expire(catalog, config(), number, clock.wall_us())
        exports.clear_strays(catalog, volumes(), clock.wall_us())

    tidying = Tidying(catalog, number, clock)

    def old_handovers() -> None:
        tidying.once(config())

    doings = {HEADS: heads, EXPORTS: old_exports, HANDOVERS: old_handovers, COPIES: copies}
    return [export_kind(config, clock, node=node), chores_kind(doings, clock)]


def prepare(catalog: Catalog, number: int, clock: Clock) -> None:
    """Make the rows of this node's chores where there are none.

    Raises:
        CatalogError: They cannot be written.
    """
    with catalog.write() as tx:
        chores.ensure(tx, number, [HEADS, EXPORTS, HANDOVERS, COPIES], clock.wall_us())
