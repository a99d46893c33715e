"""The timeline over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog.db import Catalog
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.timing import DAY_US, HOUR_US, SECOND_US
from holdfast.library.accounts import Role
from support.clock import PushedClock
from support.pages import Site, site


@pytest.fixture(name="two")
def _two(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node with a gate and a dock."""
    with site(tmp_path, clock, "gate", "dock") as made:
        yield made


def test_footage_gaps_and_notes_of_a_span(two: Site) -> None:
    """A span has unbroken footage, each gap with its reason, and notes about the camera and the site (C118, C012)."""
    began_us = two.clock.wall_us()
    journal = two.journal("gate")
    for _ in range(3):
        journal.record(600)
    journal.down("stalled", 100)
    journal.record(600)
    journal.close()
    two.index()
    two.as_(Role.OPERATOR).post("/api/v1/notes", json={"camera": "Gate", "words": "lens cleaned"})
    two.as_(Role.OPERATOR).post("/api/v1/notes", json={"words": "storm", "at": "now"})
    query = {"from": began_us - HOUR_US, "to": two.clock.wall_us() + HOUR_US}
    body = two.as_().get("/api/v1/cameras/gate/timeline", params=query).json()
    (gate,) = body["cameras"]
    spans = [(s["end_us"] - s["start_us"]) // SECOND_US for s in gate["segments"]]
    assert (spans, {s["state"] for s in gate["segments"]}) == ([1800, 600], {"recorded"})
    assert [gap["reason"] for gap in gate["gaps"]][:1] == ["stalled"]
    assert {note["words"] for note in gate["notes"]} == {"lens cleaned", "storm"}
    assert gate["notes"][0]["author"]
    assert (gate["known_us"], gate["bucket_us"], body["zone"]) == (began_us, None, "UTC")
    both = two.as_().get("/api/v1/timeline", params={**query, "cameras": "gate,dock"}).json()
    assert [camera["camera"] for camera in both["cameras"]] == ["gate", "dock"]
    assert (both["cameras"][1]["known_us"], both["cameras"][1]["segments"]) == (None, [])
    assert [c["camera"] for c in two.as_().get("/api/v1/timeline", params=query).json()["cameras"]] == ["gate"]


def test_the_next_and_the_last_mark(two: Site) -> None:
    """The next gap or note comes with what it is, however far; null where there is no more (C119)."""
    began_us = two.clock.wall_us()
    journal = two.journal("gate")
    journal.record(600)
    journal.down("stalled", 100)
    journal.record(600)
    journal.close()
    two.index()
    two.as_(Role.OPERATOR).post("/api/v1/notes", json={"camera": "gate", "words": "storm", "at": str(began_us)})

    def asked(**query: str | int) -> dict[str, Any]:
        answer = two.as_().get("/api/v1/cameras/gate/timeline/next", params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    gap = asked(at=began_us)
    assert (gap["at_us"], gap["gap"]["reason"], gap["note"]) == (gap["gap"]["start_us"], "stalled", None)
    note = asked(at=gap["at_us"], direction="previous")
    assert (note["at_us"], note["note"]["words"], note["gap"]) == (began_us, "storm", None)
    assert asked(at=began_us, direction="previous") == {"at_us": None, "gap": None, "note": None}
    assert two.as_().get("/api/v1/cameras/nobody/timeline/next").status_code == 404
    for wrong, status in ({"at": "soon"}, 400), ({"direction": "up"}, 422):
        assert two.as_().get("/api/v1/cameras/gate/timeline/next", params=wrong).status_code == status


def _away() -> Catalog:
    raise CatalogUnavailable("it is gone")


def test_the_journals_say_the_same_where_the_catalog_is_away(two: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same timeline comes from the journals; a year of them is not waited for."""
    began_us = two.clock.wall_us()
    journal = two.journal("gate")
    journal.record(600)
    journal.down("refused", 60)
    journal.record(600)
    journal.close()
    two.index()
    query = {"from": began_us, "to": two.clock.wall_us()}
    rows = two.as_().get("/api/v1/cameras/gate/timeline", params=query).json()["cameras"]
    monkeypatch.setattr(two.home.context, "catalog", _away)
    assert two.as_().get("/api/v1/cameras/gate/timeline", params=query).json()["cameras"] == rows
    far = two.as_().get("/api/v1/cameras/gate/timeline", params={**query, "from": began_us - 300 * DAY_US})
    assert far.status_code == 503


def test_what_makes_no_sense_is_refused(two: Site) -> None:
    """A span that ends before it begins, or is no span, is a 400 in words; an id that is none is refused, too."""
    for query in ({"from": "now", "to": "now"}, {"from": "x", "to": "now"}, {"from": "today", "to": "yesterday"}):
        answer = two.as_().get("/api/v1/cameras/gate/timeline", params=query)
        assert (answer.status_code, bool(answer.json()["error"]["message"])) == (400, True)
    assert two.as_().get("/api/v1/cameras/gate/timeline").status_code == 422
    query = {"from": "yesterday", "to": "now", "cameras": "a,../b"}
    assert two.as_().get("/api/v1/timeline", params=query).status_code == 400
