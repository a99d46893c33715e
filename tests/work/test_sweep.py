"""Finding what is due: one kind that breaks holds up no other, and what goes is taken back."""

from collections.abc import Sequence

import pytest

from holdfast.core.clock import SystemClock
from holdfast.work.kind import Kind
from holdfast.work.runner import Runner
from holdfast.work.sweep import Sweep
from support.work import Place, kind


class Offers:
    """An engine that carries nothing, and remembers what it was offered last."""

    def __init__(self) -> None:
        self.now: dict[tuple[str, str], list[int]] = {}

    def offer(self, kind: Kind, lane: str, oldest: Sequence[int], _newest: Sequence[int]) -> None:
        """Take note."""
        self.now[kind.name, lane] = list(oldest)

    def problem(self) -> str:
        """Nothing is wrong."""
        return ""

    def ask_stop(self) -> None:
        """Nothing was begun."""

    def join(self, _timeout_s: float) -> bool:
        """Nothing was begun."""
        return True


def sweep(place: Place, *kinds: Kind) -> tuple[Sweep, Offers]:
    """Make a sweep that nobody works for."""
    clock, offers = SystemClock(), Offers()
    runner = Runner(place.catalog, place.node, "w", clock)
    return Sweep(place.catalog, place.node, kinds, runner, offers, clock), offers


def broken(_lane: str) -> int:
    """Say how much room a lane has, in a kind that somebody wrote wrongly."""
    raise ZeroDivisionError


@pytest.mark.parametrize("place", ["threads-sqlite"], indirect=True)
def test_a_kind_that_breaks_holds_up_no_other(place: Place) -> None:
    """The rows of kinds after one with a bug are offered all the same, and the bug is told."""
    place.add(2)
    found, offers = sweep(place, kind(name="bad", room=broken), kind())
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            found.once()
    assert offers.now == {("double", "a"): [1, 2]}


@pytest.mark.parametrize("place", ["threads-sqlite"], indirect=True)
def test_what_a_kind_offered_goes_with_it(place: Place) -> None:
    """Rows of a kind that is not worked on any more are taken back: nobody works on them in the old way."""
    place.add(2)
    found, offers = sweep(place, kind(name="old"), kind())
    found.once()
    assert offers.now["old", "a"] == [1, 2]
    found.kinds = (kind(),)
    found.once()
    assert offers.now == {("old", "a"): [], ("double", "a"): [1, 2]}
