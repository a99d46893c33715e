"""Rows of a rule whose key has expired, or whose table is gone or away: none is the fault of a file (C075)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import TargetAway
from holdfast.library import archive_incidents
from holdfast.work.rule_rows import REFUSALS, TRIES, WAIT_US, RuleRows
from support.handed import RULE, Handed
from support.postgrest import PostgRest, postgrest
from support.sending import Sending


@pytest.fixture(name="pushed")
def _pushed(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog that goes by the clock that is pushed; PostgreSQL has one of its own."""
    with open_catalog(f"sqlite:///{tmp_path / 'pushed.sqlite'}") as made:
        yield made


def rules(table: PostgRest) -> str:
    """Return a rule that sends stills and writes rows."""
    return (
        '[deliveries.snaps]\ntarget = "nas"\nassets = ["stills"]\nname = "shop"\n'
        f'row = {{url = "{table.url}", table = "ase_snapshot", key = "k", preset = "shop"}}\n'
    )


def incident(site: Handed) -> str:
    """Return what the target's open incident says; empty where there is none."""
    with site.catalog.read() as tx:
        found = archive_incidents.find(tx, site.node, "nas")
    return "" if found is None else found.detail


def posts(table: PostgRest) -> int:
    """Count how often a row was to be written."""
    return [method for method, _ in table.asked].count("POST")


def but_these(code: int, *numbers: int) -> Callable[[dict[str, Any]], int]:
    """Answer so for the rows about some stills, as a table does whose trigger fails at them."""
    ends = tuple(f"_{141320 + number}_640_360.jpg" for number in numbers)
    return lambda row: code if str(row["image_url"]).endswith(ends) else 0


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_key_that_expired_holds_the_rule(pushed: Catalog, tmp_path: Path, code: int) -> None:
    """None fails: rows wait, the table is asked ever more rarely, an incident says what to do, and all go on."""
    with postgrest() as table:
        site = Handed(tmp_path, pushed, rules(table))
        for number in range(12):
            site.still(number)
        table.answers = [code] * 6
        with Sending(site) as sending:
            sending.drain()
            assert len(site.arrived()) == 12
            assert {row.state for row in site.rows()} == {DeliveryState.PENDING}
            assert f"answers {code}" in incident(site)
            assert "key of the row" in incident(site)
            asked = [len(table.asked)]
            for _ in range(4):
                sending.wait(WAIT_US / 1e6 + 1)
                sending.drain()
                asked.append(len(table.asked))
            assert asked[-1] - asked[0] <= 3 * 2  # a look and a row each
            assert sending.drained_within(1200, 30)
        assert len(table.rows) == 12
        assert {row.attempts for row in site.rows()} <= {1, 2}
        assert incident(site) == ""


def test_other_rules_go_on_and_leave_the_incident_open(pushed: Catalog, tmp_path: Path) -> None:
    """While a rule's rows are refused, files of other rules for its target are delivered, and do not close it."""
    with postgrest() as table:
        site = Handed(tmp_path, pushed, rules(table) + RULE)
        for number in range(REFUSALS):
            site.still(number)
        table.answers = [401] * 99
        with Sending(site) as sending:
            sending.drain()
            site.segment(0)
            site.segment(1)
            sending.drain()
        states = {row.rule: row.state for row in site.rows()}
        assert states == {"snaps": DeliveryState.PENDING, "archive": DeliveryState.DELIVERED}
        assert "401" in incident(site)


def test_rows_that_are_all_refused_hold_the_rule(pushed: Catalog, tmp_path: Path) -> None:
    """A column that the table does not have fails a few rows, not all of them; mended, the others go by themselves."""
    with postgrest() as table:
        site = Handed(tmp_path, pushed, rules(table))
        for number in range(12):
            site.still(number)
        table.answers = [400] * (REFUSALS + 1)
        with Sending(site) as sending:
            sending.drain()
            states = [row.state for row in site.rows()]
            assert states.count(DeliveryState.FAILED) == REFUSALS
            assert states.count(DeliveryState.PENDING) == 12 - REFUSALS
            sending.wait(700)
            sending.drain()
            sending.wait(700)
            sending.drain()
        assert len(table.rows) == 12 - REFUSALS


def test_one_row_that_is_refused_slows_no_other(pushed: Catalog, tmp_path: Path) -> None:
    """A row that a policy of the table forbids waits alone, the others are written at once; then it fails, listed.

    Its tries are counted.
    """
    with postgrest() as table:
        site = Handed(tmp_path, pushed, rules(table))
        table.forbids = but_these(403, 0)
        for number in range(6):
            site.still(number)
        with Sending(site) as sending:
            sending.drain()
            assert (len(table.rows), incident(site)) == (5, "")
            assert [rule.held for rule in sending.deliver.rows.values()] == [None]
            for number in range(6, 6 + REFUSALS):
                site.still(number)
                sending.wait(WAIT_US / 1e6 + 1)
                sending.drain()
                assert len(table.rows) == number, "what is new is written at once"
        first, *others = site.rows()
        assert (first.state, first.attempts, "answers 403" in first.error) == (DeliveryState.FAILED, REFUSALS, True)
        assert {row.state for row in others} == {DeliveryState.DELIVERED}


def test_one_row_that_is_refused_for_ever_keeps_no_rule_held(pushed: Catalog, tmp_path: Path) -> None:
    """Once a key is mended others ask in its place: all are written, though the oldest is refused again and again."""
    with postgrest() as table:
        site = Handed(tmp_path, pushed, rules(table))
        table.forbids, table.answers = but_these(403, 0), [401] * 5
        for number in range(6):
            site.still(number)
        with Sending(site) as sending:
            sending.drain()
            (rows,) = sending.deliver.rows.values()
            held = rows.held
            assert held is not None
            assert (held.since_us, "answers 401" in held.why) == (site.clock.wall_us(), True)
            for number in range(6, 12):
                site.still(number)
                for _ in range(4):
                    sending.wait(31)
                    sending.drain()
        assert [row.state for row in site.rows()] == [DeliveryState.FAILED, *[DeliveryState.DELIVERED] * 11]
        assert rows.held is None


def test_a_row_that_is_refused_alone_is_told_and_holds_no_other(pushed: Catalog, tmp_path: Path) -> None:
    """A single row asks ever more rarely, an incident tells of it, and the next one goes at once."""
    with postgrest() as table:
        site = Handed(tmp_path, pushed, rules(table))
        table.forbids = but_these(403, 0)
        site.still(0)
        with Sending(site) as sending:
            for _ in range(12):
                sending.drain()
                sending.wait(50)
            assert REFUSALS <= posts(table) <= REFUSALS + 2
            assert "answers 403" in incident(site)
            site.still(1)
            sending.drain()
            assert (len(table.rows), incident(site)) == (1, "")


@pytest.mark.parametrize("code", [500, 503])
def test_a_row_that_the_server_fails_at_fails_alone(pushed: Catalog, tmp_path: Path, code: int) -> None:
    """Others are written at once, each time; it is tried ever more rarely, then it is failed, with what was said (F24).

    Its tries are counted, and nothing is said to be held.
    """
    with postgrest() as table:
        site = Handed(tmp_path, pushed, rules(table))
        table.forbids = but_these(code, 0)
        for number in range(6):
            site.still(number)
        with Sending(site) as sending:
            (rows,) = sending.deliver.rows.values()
            for number in range(6, 14):
                sending.drain()
                assert (len(table.rows), rows.held) == (number - 1, None)
                site.still(number)
                sending.wait(91)
            sending.drain()
        first, *others = site.rows()
        assert (first.state, first.attempts, f"answers {code}" in first.error) == (DeliveryState.FAILED, TRIES, True)
        assert "retry" in first.hint
        assert posts(table) == len(others) + TRIES
        assert {row.state for row in others} == {DeliveryState.DELIVERED}
        assert {row.attempts for row in others} == {1}


def test_rows_that_the_server_fails_at_one_after_the_other_delay_others_little(pushed: Catalog, tmp_path: Path) -> None:
    """Where many in a row are what is wrong, another is asked for in their place: the rest is written soon (F24)."""
    with postgrest() as table:
        site = Handed(tmp_path, pushed, rules(table))
        table.forbids = but_these(500, *range(5))
        for number in range(12):
            site.still(number)
        with Sending(site) as sending:
            (rows,) = sending.deliver.rows.values()
            for _ in range(6):
                sending.drain()
                sending.wait(WAIT_US / 1e6 + 6)
            assert (len(table.rows), rows.held) == (7, None)
            for number in range(12, 20):
                sending.wait(91)
                sending.drain()
                site.still(number)
                sending.drain()
                assert (len(table.rows), rows.held) == (number - 4, None)
        assert [row.state for row in site.rows()] == [DeliveryState.FAILED] * 5 + [DeliveryState.DELIVERED] * 15


def test_a_table_that_is_away_is_asked_ever_more_rarely(pushed: Catalog, tmp_path: Path) -> None:
    """None fails, however long it takes; one row a minute asks, and once it is back all are written in no time."""
    with postgrest() as table:
        site = Handed(tmp_path, pushed, rules(table))
        for number in range(5):
            site.still(number)
        table.answers = [503] * 99
        with Sending(site) as sending:
            (rows,) = sending.deliver.rows.values()
            sending.drain()
            asked = posts(table)
            assert asked == REFUSALS
            held = rows.held
            assert held is not None
            assert (held.since_us, "answers 503" in held.why) == (site.clock.wall_us(), True)
            for _ in range(24):
                sending.wait(20)
                sending.drain()
            assert 6 <= posts(table) - asked <= 9
            assert {row.state for row in site.rows()} == {DeliveryState.PENDING}
            table.answers.clear()
            assert sending.drained_within(120, 31)
            assert (len(table.rows), rows.held) == (5, None)


def test_a_row_that_is_wrong_does_not_ask_for_all(pushed: Catalog, tmp_path: Path) -> None:
    """After an outage another row asks first than the one that the server fails at: the rule goes on at once."""
    with postgrest() as table:
        site = Handed(tmp_path, pushed, rules(table))
        table.forbids, table.answers = but_these(500, 0), [503] * REFUSALS
        for number in range(6):
            site.still(number)
        with Sending(site) as sending:
            sending.drain()
            sending.wait(WAIT_US / 1e6)
            sending.drain()
            assert len(table.rows) == 5 - (REFUSALS - 1)  # those that were refused, too, wait for themselves
            sending.wait(6)
            sending.drain()
            assert len(table.rows) == 5


def test_what_was_on_its_way_does_not_lengthen_the_wait(pushed: Catalog, tmp_path: Path) -> None:
    """Ten rows that fail at once, on as many threads, speak of one outage: its first wait is the shortest."""
    with postgrest() as table:
        site = Handed(tmp_path, pushed, rules(table))
        for number in range(11):
            site.still(number)
        site.handing.once()
        *some, last = site.rows()
        rule = site.loaded.config.deliveries["snaps"]
        assert rule.row is not None
        rows = RuleRows("snaps", rule, rule.row, "UTC", site.clock)
        table.answers = [503] * 99
        for row in some:
            assert rows.waits_us(row.id) in {0, WAIT_US}
            with pytest.raises(TargetAway):
                rows.write(row, again=False)
        assert rows.waits_us(last.id) == WAIT_US
        rows.close()
