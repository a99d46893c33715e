"""Events over HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.catalog.rows import Id
from holdfast.core.objects import Box, Seen
from holdfast.library.accounts import Role
from support.clock import PushedClock
from support.events import moved, put, recognise
from support.pages import Site, site

URL = "/api/v1/events"


@pytest.fixture(name="three")
def _three(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node on which something moved at the gate twice, and moves at the dock."""
    with site(tmp_path, clock, "gate", "dock") as made:
        for told in moved(clock.wall_us()):
            put(made, told)
        yield made


def test_lists_get_narrower(three: Site) -> None:
    """Newest first; by camera, kind, time, how sure, looked at or not, going on or not (C047)."""
    client = three.as_(Role.VIEWER)
    items = client.get(URL).json()["items"]
    assert [item["camera"] for item in items] == ["dock", "gate", "gate"]
    assert [item["status"] for item in items] == ["active", "over", "over"]
    assert items[2]["score"] == 2.4
    assert items[2]["from_us"] == items[2]["start_us"] - 20_000_000
    for query, count in (
        ("camera=GATE", 2), ("kind=agent", 0), ("confidence=100", 1), ("from=5m", 1), ("to=5m", 2),
        ("status=over", 2), ("reviewed=true", 0), ("camera=none", 0),
    ):  # fmt: skip
        assert len(client.get(f"{URL}?{query}").json()["items"]) == count, query
    first = client.get(f"{URL}?limit=2").json()
    assert len(client.get(f"{URL}?cursor={first['cursor']}").json()["items"]) == 1
    assert client.get(f"{URL}?cursor=nonsense").status_code == 400


def test_what_was_recognised(three: Site, clock: PushedClock) -> None:
    """An event says what its pictures show and where, and lists ask for a label; null is that nobody looked."""
    client = three.as_(Role.VIEWER)
    assert client.get(f"{URL}/1-1").json()["objects"] is None
    seen = {"a": [], "b": [Seen("person", 0.87, Box(0.4, 0.2, 0.5, 0.8))]}
    recognise(three, Id(1, 1), seen)
    item = client.get(f"{URL}/1-1").json()
    assert item["label"] == "person 0.87"
    (one,) = item["objects"]["b"]
    assert one == {"label": "person", "confidence": 0.87, "left": 0.4, "top": 0.2, "right": 0.5, "bottom": 0.8}
    for query, count in (("label=Person", 1), ("label=pers", 0), ("label=dog", 0), ("label=%20", 3)):
        assert len(client.get(f"{URL}?{query}").json()["items"]) == count, query


def test_pictures_and_what_is_missing(three: Site) -> None:
    """Its pictures are there by their addresses; what is not there is said to be missing (C047)."""
    client = three.as_(Role.VIEWER)
    newest, *_, oldest = client.get(URL).json()["items"]
    for name in ("picture_a", "picture_b", "thumbnail"):
        answer = client.get(oldest[name])
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.content.startswith(b"\xff\xd8")
    assert newest["picture_b"] is None
    assert client.get(f"{URL}/{newest['id']}/pictures/b.jpg").status_code == 404
    assert client.get(f"{URL}/{oldest['id']}").json() == oldest
    assert client.get(f"{URL}/1-999").status_code == 404


def test_looked_at_and_deleted(three: Site, clock: PushedClock) -> None:
    """Operators say that they have looked; admins delete what is over, with its pictures, and not what goes on."""
    client = three.as_(Role.OPERATOR)
    newest, *_, oldest = client.get(URL).json()["items"]
    said = client.put(f"{URL}/{oldest['id']}/reviewed", json={}).json()
    assert said["reviewed"]
    assert said["reviewed_by"]
    assert client.delete(f"{URL}/{oldest['id']}").status_code == 403
    client = three.as_(Role.ADMIN)
    assert client.delete(f"{URL}/{oldest['id']}").status_code == 204
    assert client.get(oldest["thumbnail"]).status_code == 404
    answer = client.delete(f"{URL}/{newest['id']}")
    assert (answer.status_code, answer.json()["error"]["message"]) == (409, f"event {newest['id']} goes on")
    (root,) = three.home.context.volumes.values()
    assert len(list(root.rglob("events/**/*.jpg"))) == 5
    told = moved(clock.wall_us())[0]
    assert put(three, replace(told, start_us=told.start_us + 1)) == Id(1, 4)
