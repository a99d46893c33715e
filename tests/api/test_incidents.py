"""Incidents over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import incidents, nodes
from holdfast.catalog.rows import Id
from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.core.timing import MINUTE_US, SECOND_US, iso
from holdfast.library.accounts import Role
from holdfast.watching.evidence import Pin, write
from support.clock import PushedClock
from support.pages import Site, site

URL = "/api/v1/incidents"
BLACK, FREEZE = IncidentType.BLACKSCREEN, IncidentType.FREEZE


@pytest.fixture(name="two")
def _two(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node with a gate and a dock, on which something was and is wrong."""
    with site(tmp_path, clock, "gate", "dock") as made:
        now_us = clock.wall_us()
        put(made, "gate", Case(BLACK, Stage.RESOLVED, now_us - 9 * MINUTE_US, 0, 5, now_us - 8 * MINUTE_US))
        put(made, "gate", Case(FREEZE, Stage.RESOLVED, now_us - 7 * MINUTE_US, 0, 4, now_us - 6 * MINUTE_US))
        put(made, "dock", Case(BLACK, Stage.ACTIVE, now_us - MINUTE_US, now_us, 30))
        yield made


def put(made: Site, camera: str, case: Case) -> Id:
    """Write an incident with a picture."""
    context = made.home.context
    (volume, root), *_ = context.volumes.items()
    pin = Pin(case.type, case.start_us, 1, case.start_us, b"\xff\xd8 " + camera.encode(), 640, 360)
    with context.catalog().write() as tx:
        row = incidents.put(
            tx,
            nodes.ensure(tx, context.node, 1),
            camera,
            case,
            detail="it was dark",
            seen={"black_percent": 99.1},
            now_us=7,
        )
        incidents.add_pictures(tx, row, [write(root, volume, camera, pin)])
    return row


def test_the_list_has_open_ones_first(two: Site) -> None:
    """Those that last come first, then those that are over, newest first, with the fields that clients know (C064)."""
    body = two.as_().get(URL).json()
    assert (body["count"], body["active_count"], body["resolved_count"], body["cursor"]) == (3, 1, 2, None)
    assert [one["incident_type"] for one in body["items"]] == ["blackscreen", "freeze", "blackscreen"]
    first = body["items"][0]
    assert (first["device_id"], first["status"], first["consecutive_count"]) == ("dock", "active", 30)
    assert (first["end_time"], first["host_name"], first["detail"]) == (None, "local", "it was dark")
    assert first["metadata"] == {"black_percent": 99.1}
    assert body["items"][1]["end_time"].endswith("Z")


@pytest.mark.parametrize(
    ("query", "found"),
    [({"device_id": "GATE"}, 2), ({"incident_type": "freeze"}, 1), ({"status": "active"}, 1),
     ({"status": "resolved"}, 2),
     ({"active_limit": 0, "resolved_limit": 1}, 1), ({"host_name": "local"}, 3), ({"host_name": "other"}, 0),
     ({"device_id": "nobody"}, 0)],
)  # fmt: skip
def test_filters_and_limits(two: Site, query: dict[str, str], found: int) -> None:
    """Host, device, type, status and a limit for each kind narrow the list (C064)."""
    assert two.as_().get(URL, params=query).json()["count"] == found


def test_those_that_are_over_come_in_pages(two: Site) -> None:
    """The cursor leads through those that are over; those that last are on the first page alone."""
    first = two.as_().get(URL, params={"resolved_limit": 1}).json()
    second = two.as_().get(URL, params={"resolved_limit": 1, "cursor": first["cursor"]}).json()
    assert [one["incident_type"] for one in second["items"]] == ["blackscreen"]
    assert second["cursor"] is None
    assert two.as_().get(URL, params={"from": "now"}).json()["count"] == 0


def test_pictures_are_shown(two: Site) -> None:
    """Each picture has an address that gives the JPEG; one that is not there is 404 (C063)."""
    one = two.as_().get(URL, params={"status": "active"}).json()["items"][0]
    (shown,) = one["evidence"]
    answer = two.as_().get(shown["url"])
    assert (answer.headers["content-type"], answer.content) == ("image/jpeg", b"\xff\xd8 dock")
    assert two.as_().get(f"{URL}/{one['id']}/pictures/9.jpg").status_code == 404


def test_a_review_says_who_and_when(two: Site, clock: PushedClock) -> None:
    """An operator checks and discards with a comment, and takes it back; a viewer does not (C064, C065)."""
    one = two.as_().get(URL, params={"status": "active"}).json()["items"][0]["id"]
    operator = two.as_(Role.OPERATOR)
    said = operator.put(f"{URL}/{one}/checked", json={"comment": "looked"}).json()
    assert (said["checked"], said["check_type"], said["discard_comment"]) == (True, "manual", "looked")
    assert said["checked_by"].startswith("operator")
    said = operator.put(f"{URL}/{one}/discard", json={"discard_type": "test", "discard_comment": "lens cap"}).json()
    assert (said["discard"], said["discard_type"], said["discard_comment"]) == (True, "test", "lens cap")
    assert said["checked"]
    now = iso(clock.wall_us())
    assert (said["checked_at"], said["discarded_at"], said["updated_at"]) == (now, now, now)
    assert said["discarded_by"].startswith("operator")
    said = operator.put(f"{URL}/{one}/discard", json={"discard": False}).json()
    assert (said["discarded_by"], said["discarded_at"]) == ("", None)
    assert (said["discard"], said["discard_type"], said["discard_comment"]) == (False, "", "lens cap")
    assert two.as_().put(f"{URL}/{one}/checked", json={}).status_code == 403


def test_what_was_discarded_is_listed_and_not_counted(two: Site) -> None:
    """A list shows what was discarded, and its counts leave it out (C064, C065)."""
    operator = two.as_(Role.OPERATOR)
    for status, left in (("active", (2, 0, 2)), ("resolved", (1, 0, 1))):
        one = two.as_().get(URL, params={"status": status}).json()["items"][0]["id"]
        assert operator.put(f"{URL}/{one}/discard", json={}).status_code == 200
        body = two.as_().get(URL).json()
        assert (body["count"], body["active_count"], body["resolved_count"]) == left
        assert len(body["items"]) == 3
    admin = two.as_(Role.ADMIN)
    assert admin.post(f"{URL}/clear").json()["count"] == 2, "clearing takes them all the same"


def test_what_is_not_there_or_makes_no_sense(two: Site) -> None:
    """404 for an id that nobody has, 422 for what is none (C064)."""
    operator = two.as_(Role.OPERATOR)
    assert two.as_().get(f"{URL}/1-999").status_code == 404
    assert two.as_().get(f"{URL}/x").status_code == 422
    assert operator.put(f"{URL}/1-999/checked", json={}).status_code == 404
    assert operator.put(f"{URL}/1-999/discard", json={}).status_code == 404
    assert operator.put(f"{URL}/1-1/checked", json={"check_type": "guess"}).status_code == 422
    assert two.as_().get(URL, params={"incident_type": "rain"}).status_code == 422


def test_clearing_is_asked_for_twice(two: Site, clock: PushedClock) -> None:
    """Only with the token, once and within a minute, those that are over go with their pictures (C064)."""
    admin = two.as_(Role.ADMIN)
    assert two.as_(Role.OPERATOR).post(f"{URL}/clear").status_code == 403
    assert admin.delete(URL).status_code == 422
    assert admin.delete(URL, params={"confirm": "guess"}).status_code == 409
    late = admin.post(f"{URL}/clear").json()["token"]
    clock.advance(61)
    assert admin.delete(URL, params={"confirm": late}).status_code == 409
    asked = admin.post(f"{URL}/clear").json()
    assert asked["count"] == 2
    assert asked["expires_us"] - clock.wall_us() <= 60 * SECOND_US
    assert admin.delete(URL, params={"confirm": asked["token"]}).json() == {"count": 2}
    assert admin.delete(URL, params={"confirm": asked["token"]}).status_code == 409
    assert [one["status"] for one in two.as_().get(URL).json()["items"]] == ["active"]
    (root,) = two.home.context.volumes.values()
    assert len(list(root.rglob("*.jpg"))) == 1
