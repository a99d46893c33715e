"""Stills over HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.catalog import nodes, stills
from holdfast.catalog.stills import Outcome
from holdfast.core.timing import MINUTE_US, iso
from holdfast.library.accounts import Role
from support.clock import PushedClock
from support.pages import Site, site

URL = "/api/v1/stills"


@pytest.fixture(name="two")
def _two(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node with a gate and a dock: five stills of each a minute apart, the third of the gate missed."""
    with site(tmp_path, clock, "gate", "dock") as made:
        for camera in ("gate", "dock"):
            for number in range(5):
                put(made, camera, clock.wall_us() - (10 - number) * MINUTE_US, missed=camera == "gate" and number == 2)
        yield made


def put(made: Site, camera: str, slot_us: int, *, missed: bool = False, sealed: bool = False) -> None:
    """Write a still with its files."""
    context = made.home.context
    (volume, root), *_ = context.volumes.items()
    outcome = Outcome(camera=camera, slot_us=slot_us, cause="unreachable")
    if not missed:
        file = f"stills/{camera}/{slot_us}.jpg"
        outcome = Outcome(
            camera=camera, slot_us=slot_us, at_us=slot_us + 20_000, volume=volume, file=file, location="r-7",
            thumbnail=f"stills/{camera}/{slot_us}_thumbnail.jpg", width=640, height=360, source_width=1920,
            source_height=1080, bytes=9, sha256="0" * 64,
        )  # fmt: skip
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"\xff\xd8picture")
        (root / outcome.thumbnail).write_bytes(b"\xff\xd8small")
    if sealed:
        (root / outcome.file).rename(root / f"{outcome.file}.age")
        outcome = replace(
            outcome, file=f"{outcome.file}.age", thumbnail="", plain_bytes=7, plain_sha256="1" * 64
        )  # fmt: skip
    with context.catalog().write() as tx:
        stills.put(tx, nodes.ensure(tx, context.node, 1), [outcome], 1)


def test_a_list_says_what_became_of_each(two: Site) -> None:
    """Newest first, with instants, true sizes, camera and location; what was missed with its cause (C015)."""
    body = two.as_().get(URL, params={"camera": "GATE"}).json()
    assert (body["taken"], body["missed"], body["bytes"], body["cursor"]) == (4, 1, 36, None)
    assert [one["state"] for one in body["items"]] == ["taken", "taken", "missed", "taken", "taken"]
    first, missed = body["items"][0], body["items"][2]
    assert (first["at_us"] - first["slot_us"], first["camera"], first["location"]) == (20_000, "gate", "r-7")
    assert (first["width"], first["source_width"], first["bytes"]) == (640, 1920, 9)
    assert (missed["cause"], missed["at"], missed["picture_url"]) == ("unreachable", None, None)


def test_filters_order_and_pages(two: Site) -> None:
    """By camera, state and span; pages together are the whole list, in either order."""
    client, now_us = two.as_(), two.clock.wall_us()
    assert client.get(URL, params={"state": "missed"}).json()["taken"] == 0
    span = {"from": iso(now_us - 9 * MINUTE_US), "to": iso(now_us - 7 * MINUTE_US)}
    assert len(client.get(URL, params=span).json()["items"]) == 4
    seen: list[int] = []
    cursor = ""
    while True:
        page = client.get(URL, params={"limit": 3, "cursor": cursor, "order": "oldest"}).json()
        seen += [one["slot_us"] for one in page["items"]]
        cursor = page["cursor"] or ""
        if not cursor:
            break
    assert len(seen) == 10
    assert seen == sorted(seen)
    assert client.get(URL, params={"cursor": "x"}).status_code == 400


def test_pictures_and_thumbnails(two: Site) -> None:
    """A picture is answered as it is, for good; what was missed or is gone is 404, with why (C094)."""
    client = two.as_()
    items = client.get(URL, params={"camera": "gate"}).json()["items"]
    answer = client.get(items[0]["picture_url"])
    assert (answer.content, answer.headers["content-type"]) == (b"\xff\xd8picture", "image/jpeg")
    assert "immutable" in answer.headers["cache-control"]
    assert client.get(items[0]["thumbnail_url"]).content == b"\xff\xd8small"
    assert (
        "attachment" in client.get(items[0]["picture_url"], params={"download": "true"}).headers["content-disposition"]
    )
    missed = client.get(f"{URL}/{items[2]['id']}/picture")
    assert missed.status_code == 404
    assert "unreachable" in missed.json()["error"]["message"]
    (_, root), *_ = two.home.context.volumes.items()
    (root / items[0]["file"]).unlink()
    assert client.get(items[0]["picture_url"]).status_code == 404
    assert client.get(f"{URL}/{items[0]['id']}").json()["id"] == items[0]["id"]
    assert client.get(f"{URL}/1-999").status_code == 404


def test_an_encrypted_still_is_a_file_and_no_picture(two: Site) -> None:
    """It says so, what its picture is, and where its file is; it is never answered as a picture (C155)."""
    client = two.as_()
    put(two, "gate", two.clock.wall_us(), sealed=True)
    body = client.get(URL, params={"camera": "gate", "limit": 2}).json()
    sealed, plain = body["items"]
    assert (body["taken"], body["encrypted"]) == (5, 1)
    assert (sealed["encrypted"], sealed["plain_bytes"], sealed["plain_sha256"]) == (True, 7, "1" * 64)
    assert (sealed["bytes"], sealed["sha256"]) == (9, "0" * 64)
    assert (sealed["picture_url"], sealed["thumbnail_url"]) == (None, None)
    assert (plain["encrypted"], plain["plain_bytes"], plain["encrypted_url"]) == (False, None, None)
    answer = client.get(sealed["encrypted_url"])
    assert (answer.content, answer.headers["content-type"]) == (b"\xff\xd8picture", "application/octet-stream")
    assert '.jpg.age"' in answer.headers["content-disposition"]
    for name in ("picture", "thumbnail"):
        refused = client.get(f"{URL}/{sealed['id']}/{name}")
        assert refused.status_code == 409
        assert "holdfast decrypt" in refused.json()["error"]["hint"]
    assert client.get(f"{URL}/{plain['id']}/encrypted").status_code == 404


def test_days(two: Site) -> None:
    """Days are counted as the site's clocks show them."""
    (day,) = two.as_().get(f"{URL}/days", params={"camera": "gate"}).json()
    assert (day["taken"], day["missed"]) == (4, 1)
    assert two.as_().get(f"{URL}/days", params={"camera": "gate", "last": "2001-01-01"}).json() == []


def test_deleting_takes_an_administrator(two: Site) -> None:
    """Only administrators delete; what goes, goes with its files, and a span must be said whole."""
    (_, root), *_ = two.home.context.volumes.items()
    items = two.as_().get(URL, params={"camera": "gate"}).json()["items"]
    assert two.as_(Role.OPERATOR).delete(f"{URL}/{items[0]['id']}").status_code == 403
    admin = two.as_(Role.ADMIN)
    assert admin.delete(f"{URL}/{items[0]['id']}").status_code == 204
    assert not (root / items[0]["file"]).exists()
    assert admin.delete(f"{URL}/{items[0]['id']}").status_code == 404
    assert admin.delete(URL, params={"camera": "gate"}).status_code == 400
    gone = admin.delete(URL, params={"camera": "gate", "from": "2001-01-01", "to": "now"}).json()
    assert gone == {"count": 4, "more": False}
    assert sorted(path.parent.name for path in root.rglob("*.jpg")) == ["dock"] * 10
