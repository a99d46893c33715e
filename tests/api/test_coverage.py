"""Coverage over HTTP."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.journal import Down
from holdfast.library.index import Indexer
from support.clock import PushedClock
from support.journals import Told
from support.pages import Site, site


@pytest.fixture(name="two")
def _two(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node with a gate that has a gap of 100 s within 1000 s, whose camera answered with a formula."""
    with site(tmp_path, clock, "gate", "dock", more='[defaults]\nlocation = "4711"\n') as made:
        journal = Told(made.root / "vol", clock, StreamKey("gate", "main"))
        journal.open()
        journal.record(600)
        journal.say(Down(from_us=clock.wall_us(), reason="stalled", detail="=cmd()"))
        clock.advance(100)
        journal.record(300)
        journal.close()
        Indexer(made.home.context.catalog(), dict(made.home.context.volumes), clock).pass_once()
        yield made


def test_days_of_streams(two: Site) -> None:
    """Each stream's day has percent, seconds that add up, and gaps with their reasons (C011)."""
    body = two.as_().get("/api/v1/coverage", params={"from": "today"}).json()
    (day,) = body["items"]
    assert (day["camera"], day["percent"], day["recorded_s"], day["lost_s"]) == ("gate", 90.0, 900.0, 100.0)
    assert day["recorded_s"] + day["planned_s"] + day["lost_s"] == (day["to_us"] - day["from_us"]) / 1e6
    assert [gap["reason"] for gap in day["gaps"]] == ["stalled"]
    assert (body["source"], body["percent"], body["zone"]) == ("catalog", 90.0, "UTC")
    assert two.as_().get("/api/v1/coverage", params={"camera": "dock"}).json()["items"] == []


def test_csv_is_harmless_to_a_spreadsheet(two: Site) -> None:
    """CSV has a line a gap, with site and location, and no cell that a spreadsheet would run (C143)."""
    answer = two.as_().get("/api/v1/coverage", params={"format": "csv"})
    assert "attachment" in answer.headers["content-disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["camera"], row["location"], row["reason"], row["seconds"]) == ("gate", "4711", "stalled", "100.0")
    assert row["detail"] == "'=cmd()"


def test_days_that_make_no_sense_are_refused(two: Site) -> None:
    """A day that is none, or an endless span of them, is a 400 in words."""
    for query in (
        {"from": "someday"},
        {"from": "today", "to": "yesterday"},
        {"from": "2020-01-01", "to": "2026-01-01"},
    ):
        answer = two.as_().get("/api/v1/coverage", params=query)
        assert (answer.status_code, bool(answer.json()["error"]["message"])) == (400, True)
