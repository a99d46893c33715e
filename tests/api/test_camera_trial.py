"""Trying an address over HTTP."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection

from holdfast.core.clock import SystemClock
from holdfast.http.trying import trials_of
from holdfast.library.accounts import Role
from support.accounts import code
from support.pages import Site, site
from support.sim import simulated, small_camera


@pytest.fixture(name="gate")
def _gate(tmp_path: Path) -> Iterator[Site]:
    """A node with a gate in its file."""
    with site(tmp_path, SystemClock(), "gate") as made:
        yield made


def test_an_address_is_tried(gate: Site) -> None:
    """An admin gets the facts and a picture of an address that nobody saved, and nothing is saved by it."""
    with simulated(small_camera("cam1", user="ann", password="s3cret")) as sim:
        body = {"url": sim.url("cam1", credentials=False), "username": "ann", "password": "s3cret"}
        answer = gate.as_(Role.ADMIN).post("/api/v1/cameras/try", json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["works"], found["items"][0]["outcome"], found["warnings"]) == (True, "OK", [])
    assert (found["items"][0]["camera"], found["items"][0]["stream"]) == ("", "main")
    kind, _, picture = found["picture"].partition(",")
    assert kind == "data:image/jpeg;base64"
    assert base64.b64decode(picture).startswith(b"\xff\xd8")
    assert "s3cret" not in answer.text
    assert gate.as_().get("/api/v1/cameras").json()["total"] == 1


def test_no_picture_says_why(gate: Site) -> None:
    """An address that does not answer gives the cause and what to do; one that makes no sense is refused."""
    admin = gate.as_(Role.ADMIN)
    found = admin.post("/api/v1/cameras/try", json={"url": "rtsp://127.0.0.1:9/x"}).json()
    assert (found["works"], found["picture"], bool(found["items"][0]["fix"])) == (False, None, True)
    for body, status in (({}, 400), ({"url": "/etc/passwd"}, 400), ({"url": "rtsp://h/x", "id": "../x"}, 422)):
        assert admin.post("/api/v1/cameras/try", json=body).status_code == status


def test_one_at_a_time_and_only_admins(gate: Site) -> None:
    """Whoever tries one already gets 429; who is no admin cannot have addresses asked at all (C140)."""
    body = {"url": "rtsp://127.0.0.1:9/x"}
    assert gate.as_(Role.OPERATOR).post("/api/v1/cameras/try", json=body).status_code == 403
    admin = gate.as_(Role.ADMIN)
    name = admin.get("/api/v1/session").json()["name"]
    with trials_of(_connection(gate)).turn(f"session {name}"):
        answer = admin.post("/api/v1/cameras/try", json=body)
    assert (answer.status_code, code(answer)) == (429, "too-many")
    assert admin.post("/api/v1/cameras/try", json=body).status_code == 200


def _connection(made: Site) -> HTTPConnection:
    return HTTPConnection({"type": "http", "app": made.home.app})
