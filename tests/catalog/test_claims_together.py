"""What many claims came to, in a few statements, on both databases."""

from collections.abc import Iterator

import pytest

from holdfast.catalog import claims, claims_together, work_rows
from holdfast.catalog.claims import Claim
from holdfast.catalog.db import Catalog
from holdfast.catalog.rows import Id
from support import work
from support.work import kind

KIND = kind()
LEASE_US = 1_000_000


@pytest.fixture(name="node")
def _node(catalog: Catalog) -> Iterator[int]:
    """A node with five rows, due at 100 to 104."""
    with work.known():
        number = work.make_tables(catalog)
        work.add(catalog, number, 5, due_us=100)
        yield number


def _claimed(catalog: Catalog, node: int, *numbers: int, worker: str = "w", now_us: int = 1000) -> list[Claim]:
    with catalog.write() as tx:
        return claims.claim(tx, KIND, node, numbers, worker=worker, now_us=now_us, lease_us=LEASE_US)


def test_rows_are_claimed_and_ended_together(catalog: Catalog, node: int) -> None:
    """Several rows are claimed at once, count as one place, and end at once, each with a line of history."""
    got = _claimed(catalog, node, 3, 1, 2)
    assert [claim.number for claim in got] == [3, 1, 2]
    with catalog.write() as tx:
        assert claims.at_work(tx, KIND, node) == {"a": 1}
        held = claims_together.keep(tx, {claim: {"said": "begun"} for claim in got})
        assert held == set(got)
        outcomes = {
            got[0]: claims_together.result("done", {"said": "3"}),
            got[1]: claims_together.result("done", {"said": "1"}),
            got[2]: claims_together.given_back(got[2]),
        }  # fmt: skip
        assert claims_together.end(tx, outcomes, now_us=2000) == set(got)
    rows = [work.row(catalog, number) for number in (1, 2, 3)]
    assert [(row["state"], row["said"], row["attempts"], row["worker"]) for row in rows] == [
        ("done", "1", 1, ""), ("pending", "begun", 0, ""), ("done", "3", 1, "")
    ]  # fmt: skip
    with catalog.read() as tx:
        assert [line.what for number in (1, 2) for line in work_rows.history(tx, KIND, Id(node, number))] == [
            "done", "given-back"
        ]  # fmt: skip


def test_who_lost_some_loses_only_those(catalog: Catalog, node: int) -> None:
    """Of claims that were made together, those that somebody else has by now are refused alone (F26)."""
    got = _claimed(catalog, node, 1, 2, worker="old")
    with catalog.write() as tx:
        assert work_rows.cancel(tx, KIND, node, [1], by="ann", now_us=1500) == 1
    with catalog.write() as tx:
        assert claims_together.keep(tx, {claim: {"said": "x"} for claim in got}) == {got[1]}
        ended = claims_together.end(tx, {claim: claims_together.result("done", {}) for claim in got}, now_us=2000)
    assert ended == {got[1]}
    assert (work.row(catalog, 1)["state"], work.row(catalog, 1)["said"]) == ("failed", "")


def test_history_stays_short(catalog: Catalog, node: int) -> None:
    """A row that is given back again and again keeps the newest lines only."""
    for turn in range(claims.HISTORY + 3):
        (claim,) = _claimed(catalog, node, 1, now_us=1000 + turn)
        with catalog.write() as tx:
            claims_together.end(tx, {claim: claims_together.given_back(claim)}, now_us=1000 + turn)
    with catalog.read() as tx:
        assert len(work_rows.history(tx, KIND, Id(node, 1))) == claims.HISTORY
