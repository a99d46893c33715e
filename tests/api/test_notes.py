"""Notes over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.core.errors import CatalogUnavailable
from holdfast.library import notes
from holdfast.library.accounts import Role
from support.clock import PushedClock
from support.pages import Site, site


@pytest.fixture(name="two")
def _two(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node with a gate and a dock."""
    with site(tmp_path, clock, "gate", "dock") as made:
        yield made


def test_a_note_is_written_in_the_name_of_who_is_signed_in(two: Site) -> None:
    """An operator writes about a camera or the site; a viewer reads it, and may not write (C012)."""
    made = two.as_(Role.OPERATOR).post("/api/v1/notes", json={"camera": "GATE", "words": " lens cleaned "})
    assert made.status_code == 201
    body = made.json()
    assert (body["camera"], body["words"]) == ("gate", "lens cleaned")
    assert body["author"].startswith("operator")
    assert two.as_().post("/api/v1/notes", json={"words": "no"}).status_code == 403
    assert [note["words"] for note in two.as_().get("/api/v1/notes").json()["items"]] == ["lens cleaned"]
    assert two.as_().get("/api/v1/notes", params={"camera": "dock"}).json()["items"] == []


def test_lists_are_read_in_pages(two: Site) -> None:
    """Every note is in exactly one page, oldest first, and the last page has no cursor."""
    for number in range(5):
        two.as_(Role.OPERATOR).post("/api/v1/notes", json={"words": f"note {number}", "at": f"2026-05-01T10:0{number}"})
    seen, cursor = [], ""
    while True:
        page = two.as_().get("/api/v1/notes", params={"limit": 2, "cursor": cursor}).json()
        seen += [note["words"] for note in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == [f"note {number}" for number in range(5)]
    span = {"from": "2026-05-01T10:01", "to": "2026-05-01T10:03"}
    assert len(two.as_().get("/api/v1/notes", params=span).json()["items"]) == 2


def test_a_note_outlives_the_catalog(two: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written while the catalog is away stands in the notes file."""

    def away(*_facts: object, **_more: object) -> None:
        raise CatalogUnavailable("it is gone")

    monkeypatch.setattr(notes, "record", away)
    answer = two.as_(Role.OPERATOR).post("/api/v1/notes", json={"words": "storm"})
    assert answer.status_code == 201
    assert [note.words for note in notes.read(two.home.context.volumes)] == ["storm"]


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"words": ""}, 422), ({"words": "  "}, 400), ({"words": "x", "camera": "nobody"}, 404),
     ({"words": "x", "camera": "../x"}, 422), ({"words": "x", "at": "someday"}, 400), ({"words": "x", "who": 1}, 422)],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(two: Site, body: dict[str, object], status: int) -> None:
    """Nothing is written where words, camera or instant are wrong."""
    assert two.as_(Role.OPERATOR).post("/api/v1/notes", json=body).status_code == status
    assert notes.read(two.home.context.volumes) == []
    assert two.as_().get("/api/v1/notes", params={"cursor": "x"}).status_code == 400
