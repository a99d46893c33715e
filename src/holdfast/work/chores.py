"""Chores: what a node does by itself each hour: sign heads of journals, remove old exports, look at delivered copies.

A chore is a row that is given back due an hour later, so it is done by one worker at a time, goes on after a kill, and
`holdfast jobs` shows when it was done last, or why it was not.

Not here: what is done (library.signing, library.exports).
"""

from collections.abc import Callable, Mapping

import structlog

from holdfast.catalog.chores import NOUN
from holdfast.core.clock import Clock
from holdfast.core.errors import HoldfastError
from holdfast.core.timing import HOUR_US, MINUTE_US, SECOND_US
from holdfast.work.job import Job
from holdfast.work.kind import Kind, Queue
from holdfast.work.retry import Retry

EVERY_US = HOUR_US  # specified: heads are signed hourly
AGAIN_US = 5 * MINUTE_US  # chosen: a disk or catalog that was away is back by then, or stays away for longer

_log = structlog.stdlib.get_logger("holdfast.work")

Chores = Mapping[str, Callable[[], float | None]]
"""What is done, by the chore's name: it says after how many seconds it goes on, None for the next hour, and raises one
of our errors where it could not be done."""


def chores_kind(chores: Chores, clock: Clock) -> Kind:
    """Return the kind of work that does chores; `catalog.chores.ensure` makes their rows.

    Args:
        chores: What to do.
        clock: Time.
    """

    def body(job: Job) -> None:
        name = str(job.row["name"])
        try:
            again_s = chores[name]()
        except HoldfastError as error:
            # Given back, never failed: a chore that ended for good would be missed when it is needed.
            _log.warning("chore.failed", chore=name, reason=str(error), hint=error.hint)
            job.later(clock.wall_us() + AGAIN_US, str(error))
        else:
            job.later(clock.wall_us() + (EVERY_US if again_s is None else round(again_s * SECOND_US)))

    return Kind(
        name="chore", noun=NOUN, queue=Queue.HOUSEKEEPING, body=body,
        about="Signs journals, removes old exports, looks at delivered copies.",
        lane_limit=1, retry=Retry(unexpected=None),
    )  # fmt: skip
