"""What a kind of work is: where its rows are, which queue carries them, what is done with one, and how it is retried.

Not here: rows (catalog.claims), how a body is run (runner).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from holdfast.catalog.db import Transaction
from holdfast.work.batch import Batch
from holdfast.work.job import Job
from holdfast.work.retry import Retry


class Queue(StrEnum):
    """What carries rows to threads: each has its own, so that one full of films delays no letter."""

    DELIVER = "deliver"
    MEDIA = "media"
    DESCRIBE = "describe"
    NOTIFY = "notify"
    HOUSEKEEPING = "housekeeping"


LIMITS: dict[Queue, int] = {
    Queue.DELIVER: 48,  # chosen: twelve targets with their four each; these threads wait for networks
    Queue.MEDIA: 2,  # C091
    Queue.DESCRIBE: 1,  # chosen: a model on this host takes all its cores
    Queue.NOTIFY: 4,  # chosen: one mail server that does not answer leaves three
    Queue.HOUSEKEEPING: 1,
}
"""Bodies of a queue that run at once on one host."""


@dataclass(frozen=True, slots=True)
class Together:
    """How rows that are small are worked on many at once, where each alone would cost more than it is worth.

    Attributes:
        find: Says which rows of a lane go together with one, that one first: asked in the transaction that claims
            them, with node, lane, the row's number, and the time of `claims.time_us`.
        body: Works on several claimed rows. What it leaves without a result when it returns is given back.
    """

    find: Callable[[Transaction, int, str, int, int], list[int]]
    body: Callable[[Batch], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of work.

    Attributes:
        name: Its name, as people write it: `deliver`.
        noun: Table of its rows, made with `catalog.schema_work`.
        queue: What carries it.
        body: Works on one claimed row. It ends by `job.finish`, `job.later`, or an error: a transient one returns the
            row for another attempt, any other fails it. It asks `job.alive` between pieces, and returns when told to.
        about: What it does, in a few words.
        lane_limit: Rows of one lane that are worked on at once.
        room: Says the same of one lane, for now: 0 holds it, and none of its rows is touched. Cheap; any thread.
        retry: How it is tried again.
        working: State of a row that is worked on.
        together: How small rows are worked on many at once; None where each goes alone.
    """

    name: str
    noun: str
    queue: Queue
    body: Callable[[Job], None]
    about: str = ""
    lane_limit: int = 4
    room: Callable[[str], int] | None = None
    retry: Retry = field(default_factory=Retry)
    working: str = "working"
    together: Together | None = None

    def limit(self, lane: str) -> int:
        """Return how many rows of a lane may be worked on at once now."""
        return self.lane_limit if self.room is None else self.room(lane)
