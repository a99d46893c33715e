"""How many deliveries and hand-overs failed and wait for somebody: for whoever looks at the node, and not at a list.

One thread: the worker's. Not here: why they failed, and trying again (jobs), what is said of it (troubles).
"""

from typing import Any

from holdfast.catalog import deliveries, handovers, work_rows
from holdfast.catalog.db import Catalog
from holdfast.core.clock import Clock
from holdfast.core.timing import SECOND_US
from holdfast.library import handing_over
from holdfast.library.deliveries import KIND

AGAIN_US = 10 * SECOND_US  # chosen: counted over an index, which takes as long as there are failed rows


class FailedWork:
    """Counts now and then.

    Args:
        catalog: The catalog.
        node: The node's number.
        clock: Time.

    Attributes:
        found: What failed: kind of work (`deliver`, `handover`), lane (a target, a rule), and how many; any thread.
    """

    def __init__(self, catalog: Catalog, node: int, clock: Clock) -> None:
        self._catalog = catalog
        self._node = node
        self._clock = clock
        self._due_us = 0
        self.found: list[dict[str, Any]] = []

    def once(self) -> None:
        """Count again where it is time to.

        Raises:
            CatalogUnavailable: It did not answer.
        """
        now_us = self._clock.boot_us()
        if now_us < self._due_us:
            return
        with self._catalog.read() as tx:
            self.found = [
                {"job": job, "lane": lane, "count": count}
                for job, noun in ((KIND.name, deliveries.NOUN), (handing_over.KIND, handovers.NOUN))
                for lane, count in work_rows.failed(tx, noun, self._node).items()
            ]
        self._due_us = now_us + AGAIN_US
