"""Which kinds of durable work there are: made from a configuration, for the worker and for commands that work by hand.

Whoever writes a kind of work names it here. Not here: the loop (work_loop), the kinds (work.deliver and others).
"""

from holdfast.catalog import nodes
from holdfast.catalog.db import Catalog
from holdfast.core.clock import Clock
from holdfast.core.config import Loaded
from holdfast.core.config.model import Config
from holdfast.library import cameras
from holdfast.library.failed_work import FailedWork
from holdfast.library.handing_on import HandingOn
from holdfast.library.handing_over import HandingOver
from holdfast.roles.work_loop import Workshop
from holdfast.work import handing
from holdfast.work.deliver import Deliver
from holdfast.work.hand_over import HandOver
from holdfast.work.reverify import Reverify


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

    def errand() -> None:
        try:
            handing_on.once()
        finally:
            handing_over.once()  # whatever is wrong with the one must not keep the other from looking
        failed.once()

    def close() -> None:
        deliver.close()
        hand_over.close()

    with catalog.write() as tx:
        number = nodes.ensure(tx, node, clock.wall_us())
    runtime = cameras.runtime_settings(catalog, node)
    now = cameras.merged(loaded, runtime).config
    deliver = Deliver(catalog, now, clock)
    handing_on = HandingOn(catalog, number, now, clock)
    hand_over = HandOver(catalog, now, clock, node=node)
    handing_over = HandingOver(catalog, number, now, clock)
    handing.prepare(catalog, number, clock)
    failed = FailedWork(catalog, number, clock)
    reverify = Reverify(catalog, number, now, deliver.ways, clock)

    def copies() -> float | None:
        deliver.acknowledging.say_again()
        return reverify.once()

    own = handing.kinds(catalog, number, config, clock, node=node, copies=copies)
    kinds = [deliver.kind(), hand_over.kind(), *own]
    return Workshop(
        kinds=kinds, errand=errand, close=close,
        stale=lambda: cameras.runtime_settings(catalog, node) != runtime,
        status=lambda: {**deliver.status(), "failed": failed.found},
    )  # fmt: skip
