"""The storage page: what goes, what stays, and who loses what when (C078-C080)."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.core.errors import CatalogUnavailable
from holdfast.library import retention
from holdfast.library.accounts import Role
from holdfast.library.forecast import Forecast
from holdfast.web.storage import chart_of, sentence
from support.clock import PushedClock
from support.pages import Site, aged_site, words

NOW = 1_790_000_000_000_000


@pytest.fixture(name="one")
def _one(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node whose gate keeps 7 days, and has four files of nine days ago and one of today."""
    with aged_site(tmp_path, clock, more="[cameras.gate.retention]\nkeep_days = 7\n") as made:
        yield made


def test_it_shows_what_goes_and_why(one: Site) -> None:
    """Disks with their levels, what goes by camera and file, and the forecast of each volume are on one page."""
    html = one.page("/storage")
    said = words(html)
    assert "What goes next 4 files" in said
    assert "gate older than 7 days" in said
    assert "gate_20260921T141320Z.mp4" in said
    assert "Forecast of main" in said
    assert "percent used" in html
    assert "Nothing is held" in said
    assert "Hold a span" not in said


def test_it_shows_what_memory_does(one: Site) -> None:
    """Where cameras are captured to memory its room, what was dropped, and why it is not used are shown (C081)."""
    assert "(memory)" not in one.page("/storage")
    memory = {
        "folder": "/ram/x", "cameras": ["gate"], "cap_bytes": 100_000_000, "used_bytes": 60_000_000, "files": 6,
        "moved": 2, "dropped": 1200, "dropped_bytes": 3_000_000_000, "problem": "",
    }  # fmt: skip
    context = one.home.context
    body = {"at_us": context.clock.wall_us(), "state": "running", "memory": memory}
    context.runtime_dir.mkdir(exist_ok=True)
    (context.runtime_dir / "worker.json").write_text(json.dumps(body))
    said = words(one.page("/storage"))
    assert "(memory) /ram/x normal 60 % 40.0 MB 100.0 MB" in said
    assert "2 files were moved to the disk because something holds them, and 1,200 (3.0 GB) dropped" in said
    body["memory"] = memory | {"problem": "gate/main: it is full"}
    (context.runtime_dir / "worker.json").write_text(json.dumps(body))
    assert "Footage goes to the disk at once: gate/main: it is full." in words(one.page("/storage"))


def test_a_span_is_held_and_released(one: Site) -> None:
    """An operator holds a span with a form, and an admin releases it; what makes no sense is said in place (C080)."""
    operator, admin = one.as_(Role.OPERATOR), one.as_(Role.ADMIN)
    wrong = operator.post("/storage/holds", data={"camera": "gate", "from": "12d", "to": "1d", "why": " "})
    assert wrong.status_code == 422
    assert "a hold needs a reason" in wrong.text.lower()
    assert 'value="12d"' in wrong.text
    data = {"camera": "gate", "from": "12d", "to": "1d", "why": "theft in aisle 3"}
    assert one.as_().post("/storage/holds", data=data).status_code == 403
    assert operator.post("/storage/holds", data=data).status_code == 303
    said = words(one.page("/storage", Role.OPERATOR))
    assert "theft in aisle 3" in said
    assert "Nothing goes now" in said
    assert "Release" not in said
    assert "Release" in words(one.page("/storage", Role.ADMIN))
    assert operator.post("/storage/holds/release", data={"hold": "1-1"}).status_code == 403
    assert admin.post("/storage/holds/release", data={"hold": "1-1"}).status_code == 303
    assert admin.post("/storage/holds/release", data={"hold": "1-1"}).status_code == 409
    assert "Nothing is held" in words(one.page("/storage"))


def test_a_doubt_is_said(one: Site) -> None:
    """Where clock or catalog are in doubt the page says that nothing may be deleted, and what ends that (C067)."""
    retention.doubt(one.home.context.catalog(), one.clock, "the catalog was made anew")
    said = words(one.page("/storage"))
    assert "Nothing may be deleted now: the catalog was made anew" in said
    assert "holdfast clean --confirm" in said


def test_a_catalog_that_is_away_leaves_the_disks(one: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the catalog the disks still have their levels, and the rest says what is the matter."""

    def away() -> None:
        raise CatalogUnavailable("it does not answer")

    one.as_()
    monkeypatch.setattr("holdfast.web.storage.retention.outlook", lambda *_, **__: away())
    said = words(one.page("/storage"))
    assert "What goes and what stays is not known just now" in said
    assert "percent used" in one.page("/storage")


def test_a_volume_is_foreseen_in_a_sentence_and_a_drawing() -> None:
    """The sentence tells the rate and what comes of it; the line of the drawing rises and marks the day."""
    plain = Forecast(
        volume="main", total_bytes=1000, free_bytes=500, hourly=10, full_us=None, backlog_us=None, stops_us=None,
        settles_bytes=None,
        cameras=(), points=((NOW, 500), (NOW + 10, 1000)),
    )  # fmt: skip
    assert sentence(plain, NOW).endswith("a day, not full within a year")
    assert sentence(replace(plain, settles_bytes=700), NOW).endswith("of footage")
    assert sentence(replace(plain, full_us=NOW, stops_us=NOW), NOW).endswith("full now: recording stops")
    assert sentence(replace(plain, full_us=NOW + 5), NOW).endswith("then the oldest goes first; full")
    assert sentence(replace(plain, hourly=0), NOW) == "nothing came in today"
    assert sentence(replace(plain, free_bytes=None), NOW) == "it does not answer"
    chart = chart_of(replace(plain, full_us=NOW + 5))
    assert chart is not None
    assert (chart.points, chart.limit) == ("0.0,60.0 600.0,0.0", 300.0)
    assert chart_of(replace(plain, total_bytes=None)) is None
