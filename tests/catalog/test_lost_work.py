"""Claims whose holder died, and rows that a wrong clock put off, on both databases."""

from collections.abc import Iterator

import pytest

from holdfast.catalog import claims, lost_work
from holdfast.catalog.claims import Claim
from holdfast.catalog.db import Catalog
from support import work
from support.work import kind

KIND = kind()
LEASE_US = 1_000_000


def _soon(_lost: int) -> int:
    return 0


@pytest.fixture(name="node")
def _node(catalog: Catalog) -> Iterator[int]:
    """A node with five rows, due at 100 to 104."""
    with work.known():
        number = work.make_tables(catalog)
        work.add(catalog, number, 5, due_us=100)
        yield number


def _claim(catalog: Catalog, node: int, number: int, *, worker: str = "w", now_us: int = 1000) -> Claim | None:
    with catalog.write() as tx:
        got = claims.claim(tx, KIND, node, [number], worker=worker, now_us=now_us, lease_us=LEASE_US)
    return got[0] if got else None


def test_leases_end(catalog: Catalog, node: int) -> None:
    """A claim ends when its lease does, not before, and not while it is renewed (C089)."""
    one = _claim(catalog, node, 1)
    assert one is not None
    with catalog.write() as tx:
        assert not lost_work.any_expired(tx, KIND, node, 1000 + LEASE_US - 1)
        assert claims.renew(tx, [one], now_us=1000 + LEASE_US - 1, lease_us=LEASE_US) == {one}
        assert not lost_work.expire(tx, KIND, node, now_us=1000 + LEASE_US, after=_soon)
        assert lost_work.any_expired(tx, KIND, node, 1000 + 2 * LEASE_US)


def test_a_dead_workers_claims_are_void(catalog: Catalog, node: int) -> None:
    """The claims of one worker are ended, and nobody else's; their rows are due at once."""
    _claim(catalog, node, 1, worker="dead")
    _claim(catalog, node, 2, worker="alive")
    with catalog.write() as tx:
        assert [one.number for one in lost_work.void(tx, KIND, node, "dead", now_us=2000, after=_soon)] == [1]
        assert claims.held(tx, KIND, node, "alive", [1, 2, 3]) == {(2, 1)}
    assert _claim(catalog, node, 1, now_us=2000) is not None


def test_what_kills_its_workers_fails(catalog: Catalog, node: int) -> None:
    """A row whose claims end without a word again and again waits longer each time, and fails in the end (F24)."""

    def after(lost: int) -> int | None:
        return None if lost >= 3 else lost * 100

    now_us = 1000
    for lost in (1, 2, 3):
        assert _claim(catalog, node, 1, now_us=now_us) is not None
        with catalog.write() as tx:
            lost_work.void(tx, KIND, node, "w", now_us=now_us, after=after)
        assert work.row(catalog, 1)["lost"] == lost
        now_us = work.row(catalog, 1)["due_us"]
    row = work.row(catalog, 1)
    assert (row["state"], row["worker"]) == ("failed", "")
    assert "died 3 times" in row["hint"]


DAY_US, AHEAD_US = 86_400_000_000, 400 * 86_400_000_000


def _set_right(catalog: Catalog, node: int, now_us: int, most: int = 1000) -> int:
    with catalog.write() as tx:
        return lost_work.set_right(tx, KIND, node, now_us=now_us, longest_us=8 * DAY_US, most=most)


def test_what_a_clock_ahead_put_off_is_due(catalog: Catalog, node: int) -> None:
    """After a clock was set back from the future, what was tried, added or claimed then is due now."""
    now_us = 10 * DAY_US
    for number in (1, 2):
        one = _claim(catalog, node, number, now_us=now_us + AHEAD_US)
        assert one is not None
        with catalog.write() as tx:
            if number == 1:  # the other is still held, under a lease that ends in a year
                claims.again(tx, one, now_us + AHEAD_US + 5, now_us=now_us + AHEAD_US)
    work.add(catalog, node, 1, first=10, due_us=now_us + AHEAD_US)
    assert _set_right(catalog, node, now_us) == 3
    with catalog.write() as tx:
        assert [one.number for one in lost_work.expire(tx, KIND, node, now_us=now_us, after=_soon)] == [2]
    assert [work.row(catalog, number)["due_us"] for number in (1, 2, 10)] == [now_us] * 3
    assert _set_right(catalog, node, now_us) == 0


def test_what_waits_with_reason_goes_on_waiting(catalog: Catalog, node: int) -> None:
    """What waits for its next attempt, or for a target's hours, is not due for that; nor is a lease over that holds."""
    now_us = 10 * DAY_US
    waits = {1: 600_000_000, 2: 7 * DAY_US, 3: 30_000_000}
    for number, wait_us in waits.items():
        one = _claim(catalog, node, number, now_us=now_us)
        assert one is not None
        with catalog.write() as tx:
            claims.later(tx, one, now_us + wait_us, now_us=now_us)
    assert _claim(catalog, node, 4, now_us=now_us) is not None
    work.add(catalog, node, 1, first=10, due_us=now_us + 30_000_000)
    assert _set_right(catalog, node, now_us + 1_000_000) == 0
    assert {number: work.row(catalog, number)["due_us"] - now_us for number in waits} == waits


def test_nothing_is_put_off_for_longer_than_a_policy(catalog: Catalog, node: int) -> None:
    """A row that is due later than anything of its kind is put off is due now, whoever wrote that; some at a time."""
    now_us = 10 * DAY_US
    for number in (1, 2, 3):
        one = _claim(catalog, node, number, now_us=now_us)
        assert one is not None
        with catalog.write() as tx:
            claims.later(tx, one, now_us + 9 * DAY_US, now_us=now_us)
    assert [_set_right(catalog, node, now_us, most=2) for _ in range(3)] == [2, 1, 0]
