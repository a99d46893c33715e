"""The gallery of events, and one event."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog.rows import Id
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.objects import Box, Seen
from holdfast.core.timing import DAY_US, iso
from holdfast.library.accounts import Role
from support.clock import PushedClock
from support.events import moved, put, recognise
from support.films import moving, still
from support.pages import Site, site, words


@pytest.fixture(name="busy")
def _busy(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node on which something moved at the gate twice, and moves at the dock."""
    picture = still(tmp_path / "a.jpg", moving(1)).read_bytes()
    with site(tmp_path, clock, "gate", "dock") as made:
        for told in moved(clock.wall_us()):
            put(made, told, picture)
        yield made


def cards(html: str) -> list[str]:
    """Names of the events on a page, in order."""
    return re.findall(r'href="/events/(\d+-\d+)', html)


def test_cards_say_what_where_when_and_how_sure(busy: Site) -> None:
    """A card has a lazy thumbnail, relative time, camera, phrase, confidence, length and how it stands (C116)."""
    html = busy.page("/events")
    assert cards(html) == ["1-3", "1-2", "1-1"]
    text = words(html)
    assert "Something moved dock 1 min ago faint, 3 % goes on" in text
    assert "1 min Something moved gate 9 min ago fair, 17 % new" in text
    assert "12 s Something moved gate 1 h 30 min ago sure, 700 % new" in text
    assert html.count('loading="lazy"') == 3


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("camera=GATE", ["1-2", "1-1"]), ("status=active", ["1-3"]), ("status=reviewed", []), ("sure=30", ["1-1"]),
        ("sure=10", ["1-2", "1-1"]), ("view=list", ["1-3", "1-2", "1-1"]), ("day=nonsense", ["1-3", "1-2", "1-1"]),
        ("per=7", ["1-3", "1-2", "1-1"]), ("camera=nobody", []),
    ],
)  # fmt: skip
def test_filters(busy: Site, query: str, found: list[str]) -> None:
    """Camera, status and confidence narrow the gallery, as cards or as a table; nonsense is as if unsaid (C116)."""
    html = busy.page(f"/events?{query}")
    assert cards(html) == found
    assert ("No event is like what was asked for" in html) == (not found)


def test_a_day_is_the_sites(busy: Site, clock: PushedClock) -> None:
    """A day shows what began on it, in the site's time (C116)."""
    today, before = (iso(clock.wall_us() - ago)[:10] for ago in (90 * 60_000_000, 2 * DAY_US))
    assert "1-1" in cards(busy.page(f"/events?day={today}"))
    assert cards(busy.page(f"/events?day={before}")) == []


def test_pages(busy: Site, clock: PushedClock) -> None:
    """A page has as many as one likes; the way to earlier ones keeps the filter (C116)."""
    for number in range(12):
        put(busy, moved(clock.wall_us() - (number + 1) * DAY_US)[0])
    html = busy.page("/events?per=12&camera=gate")
    assert len(cards(html)) == 12
    (older,) = re.findall(r'id="older" href="([^"]+)"', html)
    assert "camera=gate" in older
    rest = busy.page(older.replace("&amp;", "&"))
    assert len(cards(rest)) == 2
    assert "Newest" in rest


def test_an_empty_gallery_says_what_to_do(two: Site) -> None:
    """Where nobody looks for motion the page says how to switch that on (C116)."""
    assert "Nobody looks for motion" in two.page("/events")


def test_a_catalog_that_is_away_is_said(busy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the catalog the gallery says so, and that recording goes on (C116)."""

    def away(*_facts: object, **_more: object) -> None:
        raise CatalogUnavailable("the catalog does not answer")

    monkeypatch.setattr("holdfast.library.events.find", away)
    assert "Recording goes on without them" in busy.page("/events", status=503)


def test_one_event(busy: Site) -> None:
    """It has its facts, its player and pictures, its clip, and the way to those beside it in the filter (C117)."""
    html = busy.page("/events/1-2")
    text = words(html)
    assert "Moved 0.3 % of the picture" in text
    assert "Confidence fair 17 % beyond what counts" in text
    assert re.search(r'<hf-player id="player" camera="gate" at="\d+"', html)
    assert html.count("/api/v1/events/1-2/pictures/a.jpg") == 2
    assert html.count("/api/v1/events/1-2/pictures/b.jpg") == 2
    assert re.search(r'href="/api/v1/cameras/gate/clip.mp4\?from=\d+&amp;to=\d+"', html)
    assert cards(html) == ["1-3", "1-1"]
    assert cards(busy.page("/events/1-2?camera=gate")) == ["1-1"]


def test_what_was_recognised_is_shown(busy: Site) -> None:
    """A card names what was recognised; the event draws it into its pictures, and lists ask for it (C116, C117)."""
    cat, dog = Seen("cat", 0.6, Box(0.1, 0.02, 0.2, 0.5)), Seen("dog", 0.75, Box(0.4, 0.5, 0.6, 1.0))
    recognise(busy, Id(1, 1), {"a": [cat, dog], "b": []})
    recognise(busy, Id(1, 2), {"a": [], "b": []})
    assert "Recognised" not in words(busy.page("/events/1-3"))
    html = busy.page("/events")
    assert "Dog, cat gate 1 h 30 min ago" in words(html)
    assert 'name="label"' not in html  # nobody looks for objects by these settings
    assert cards(busy.page("/events?label=dog")) == ["1-1"]
    assert cards(busy.page("/events?label=do")) == []
    html = busy.page("/events/1-1?label=dog")
    assert 'value="dog"' in busy.page("/events?label=dog")
    assert "Recognised dog 0.75, cat 0.60" in words(html)
    assert "Its begin, cat, dog" in words(html)
    assert '<rect x="40.00%" y="50.00%" width="20.00%" height="50.00%"/>' in html
    assert len(re.findall(r'<rect x="[\d.]+%"', html)) == 2
    assert "cat 60 %" in words(html)
    assert cards(html) == []
    many = [Seen(name, 0.9 - number / 100, cat.box) for number, name in enumerate("abcdef")]
    recognise(busy, Id(1, 3), {"a": many})
    assert "A, b, c, d and 2 more dock" in words(busy.page("/events"))
    assert "Recognised nothing that counts" in words(busy.page("/events/1-2"))


def test_an_event_that_is_not_there(busy: Site) -> None:
    """An event that is not there is a page that says so (C117)."""
    assert "there is no event 1-99" in words(busy.page("/events/1-99", status=404)).lower()


def test_looking_at_it_and_deleting_it(busy: Site) -> None:
    """Operators say that they have looked, admins delete; a viewer is offered neither (C117)."""
    assert "Looked at</button>" not in busy.page("/events/1-1")
    operator = busy.as_(Role.OPERATOR)
    answer = operator.post("/events/1-1?camera=gate", data={"what": "reviewed"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/events/1-1?camera=gate")
    assert cards(busy.page("/events?status=reviewed")) == ["1-1"]
    assert operator.post("/events/1-1", data={"what": "eaten"}).status_code == 422
    assert operator.post("/events/1-1/delete").status_code == 403
    assert busy.as_(Role.ADMIN).post("/events/1-1/delete?camera=gate").headers["location"] == "/events?camera=gate"
    assert Id(1, 1) not in [Id(1, int(name[2:])) for name in cards(busy.page("/events"))]
