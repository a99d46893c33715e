"""Which kinds of durable work there are: made from a configuration, for the worker and for commands that work by hand.

Whoever writes a kind of work names it here. Not here: the loop (work_loop), the kinds (work.deliver and others).
"""

from holdfast.catalog import nodes
from holdfast.catalog.db import Catalog
from holdfast.core.clock import Clock
from holdfast.core.config import Loaded
from holdfast.core.config.model import Config
from holdfast.library import cameras
from holdfast.library.handing_on import HandingOn
from holdfast.roles.work_loop import Workshop
from holdfast.work import handing
from holdfast.work.deliver import Deliver


def make_workshop(catalog: Catalog, loaded: Loaded, clock: Clock, *, node: str) -> Workshop:
    """Make what is worked on.

    Args:
        catalog: The catalog, open for as long as the work goes on.
        loaded: The configuration.
        clock: Time.
        node: Name of the node.

    Raises:
        CatalogUnavailable: The catalog did not answer.
    """

    def config() -> Config:
        return cameras.merged(loaded, cameras.runtime_settings(catalog, node)).config

    with catalog.write() as tx:
        number = nodes.ensure(tx, node, clock.wall_us())
    runtime = cameras.runtime_settings(catalog, node)
    now = cameras.merged(loaded, runtime).config
    deliver = Deliver(catalog, now, clock)
    handing_on = HandingOn(catalog, number, now, clock)
    handing.prepare(catalog, number, clock)
    kinds = [deliver.kind(), *handing.kinds(catalog, number, config, clock, node=node)]
    return Workshop(
        kinds=kinds, errand=lambda: void(handing_on.once()), close=deliver.close,
        stale=lambda: cameras.runtime_settings(catalog, node) != runtime,
    )  # fmt: skip


def void(_result: object) -> None:
    """Let a result go that nobody asked for."""
