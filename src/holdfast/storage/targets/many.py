"""Many small files in one go, where a target can do that; else one after the other.

Each file has an outcome of its own, so one that cannot be read holds up no other (F19).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from holdfast.core.errors import HoldfastError, TargetError
from holdfast.storage.targets.contract import Content, Going, Receipt, Target


@dataclass(frozen=True, slots=True)
class Item:
    """One file of many: as for `Target.put`."""

    source: Path
    key: str
    content: Content


Outcome = tuple[Item, Receipt | HoldfastError]


@runtime_checkable
class Batches(Protocol):
    """A target that carries many at once."""

    def put_many(self, items: Sequence[Item], going: Going) -> Iterator[Outcome]:
        """Send them, and yield each with its receipt or with what is wrong with it, as soon as that is known."""


def put_many(target: Target, items: Sequence[Item], going: Going) -> Iterator[Outcome]:
    """Send files, and yield each with its receipt or with what is wrong with it.

    A target that is away, full or refuses the first is so for the rest: they get the same error and are not tried.

    Args:
        target: Where to.
        items: What; keys differ.
        going: How all of them are followed; `memory` and `remember` are not used.
    """
    if isinstance(target, Batches) and len(items) > 1:
        yield from target.put_many(items, going)
        return
    for number, item in enumerate(items):
        try:
            outcome: Receipt | HoldfastError = target.put(item.source, item.key, item.content, going)
        except HoldfastError as error:
            outcome = error
        yield item, outcome
        if isinstance(outcome, TargetError) and outcome.code in {"target-away", "target-barred", "target-full"}:
            yield from ((rest, outcome) for rest in items[number + 1 :])
            return
