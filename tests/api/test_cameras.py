"""Cameras over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.api.camera_body import CameraKeys, CaptureKeys
from holdfast.core.clock import SystemClock
from holdfast.core.config import CameraConfig, CaptureConfig
from holdfast.core.status import StreamState
from holdfast.library.accounts import Role
from support.accounts import code
from support.pages import Site, site
from support.sim import simulated, small_camera


@pytest.fixture(name="two")
def _two(tmp_path: Path) -> Iterator[Site]:
    """A node with a gate and a dock in its file."""
    with site(tmp_path, SystemClock(), "gate", "dock", more='[defaults]\nlocation = "4711"\n') as made:
        yield made


def test_cameras_are_listed_with_what_they_do(two: Site) -> None:
    """Each camera has its state, picture and age; addresses are for admins and hold no credentials (C109)."""
    two.says("gate", restarts=3)
    two.says("dock", StreamState.STALLED, reason="stalled")
    body = two.as_().get("/api/v1/cameras").json()
    gate, dock = body["items"]
    assert (gate["id"], gate["health"], gate["width"], gate["restarts"], gate["location"]) == (
        "gate", "well", 1920, 3, "4711",
    )  # fmt: skip
    assert (dock["state"], dock["health"]) == ("stalled", "lost")
    assert (gate["address"], body["total"], body["cursor"]) == (None, 2, None)
    assert two.as_(Role.ADMIN).get("/api/v1/cameras/GATE").json()["address"] == "rtsp://127.0.0.1:9/x"
    assert [c["id"] for c in two.as_().get("/api/v1/cameras?state=lost").json()["items"]] == ["dock"]
    first = two.as_().get("/api/v1/cameras?limit=1").json()
    assert (first["items"][0]["id"], first["cursor"]) == ("gate", "gate")
    assert two.as_().get("/api/v1/cameras?limit=1&cursor=gate").json()["items"][0]["id"] == "dock"
    assert two.as_().get("/api/v1/cameras?limit=1&offset=1").json()["items"][0]["id"] == "dock"
    assert two.as_().get("/api/v1/cameras/nobody").status_code == 404


def test_a_camera_is_added_switched_and_removed(two: Site) -> None:
    """What was added shows at once, keeps its password to itself, and is gone when removed; the file's stay (C126)."""
    admin = two.as_(Role.ADMIN)
    made = admin.post("/api/v1/cameras", json={"id": "yard", "url": "rtsp://ann:s3cret@127.0.0.1:9/y", "name": "Yard"})
    assert made.status_code == 201, made.text
    assert (made.json()["origin"], made.json()["address"]) == ("runtime", "rtsp://127.0.0.1:9/y")
    assert "s3cret" not in made.text
    again = admin.post("/api/v1/cameras", json={"id": "YARD", "url": "rtsp://h/x"})
    assert (again.status_code, code(again)) == (409, "conflict")
    assert admin.post("/api/v1/cameras/yard/disable").json()["enabled"] is False
    assert admin.post("/api/v1/cameras/yard/enable").json()["enabled"] is True
    assert admin.delete("/api/v1/cameras/yard").status_code == 204
    assert admin.get("/api/v1/cameras/yard").status_code == 404
    assert admin.delete("/api/v1/cameras/gate").status_code == 400
    assert admin.post("/api/v1/cameras/nobody/enable").status_code == 404


def test_thirty_two_cameras_added_while_running_are_there(two: Site) -> None:
    """There is no number of cameras that anything stops at (F58)."""
    admin = two.as_(Role.ADMIN)
    for number in range(32):
        body = {"id": f"cam{number}", "url": f"rtsp://127.0.0.1:9/{number}"}
        assert admin.post("/api/v1/cameras", json=body).status_code == 201
    assert two.as_().get("/api/v1/cameras").json()["total"] == 34
    assert "cam31" in two.page("/cameras")


@pytest.mark.parametrize(
    ("body", "status"),
    [({"id": "x"}, 400), ({"id": "../x", "url": "rtsp://h/x"}, 422), ({"id": "x", "url": "mms://h/x"}, 400),
     ({"id": "x", "url": "h:554/x"}, 400), ({"id": "x", "url": "rtsp://h/x", "transprot": "tcp"}, 400),
     ({"id": "x", "url": "/etc/passwd"}, 400), ({"id": "x", "url": "rtsp://h/x", "password": {"env": "HOME"}}, 422)],
)  # fmt: skip
def test_what_makes_no_sense_adds_nothing(two: Site, body: dict[str, object], status: int) -> None:
    """A wrong id, address or key is refused in words."""
    answer = two.as_(Role.ADMIN).post("/api/v1/cameras", json=body)
    assert answer.status_code == status, answer.text
    assert two.as_().get("/api/v1/cameras").json()["total"] == 2


def test_a_camera_is_changed_and_taken_back(two: Site) -> None:
    """PATCH changes keys of a camera of the file, GET says who says each, null takes back; others stay (C126)."""
    admin = two.as_(Role.ADMIN)
    body = {"segment_s": 60, "name": "Gate", "capture": {"mode": "burst", "burst_s": 5}, "password": "s3cret"}
    answer = admin.patch("/api/v1/cameras/GATE", json=body)
    assert answer.status_code == 200, answer.text
    assert "s3cret" not in answer.text
    assert (answer.json()["name"], answer.json()["origin"]) == ("Gate", "file, changed at run time")
    said = {one["key"]: one for one in admin.get("/api/v1/cameras/gate").json()["settings"]}
    assert said["segment_s"] == {
        "key": "segment_s", "value": 60, "origin": "run time", "changed": True, "below": 600,
    }  # fmt: skip
    assert (said["password"]["value"], said["password"]["below"]) == ("****", "")
    assert (said["url"]["origin"], said["location"]["origin"]) == ("holdfast.toml:6", "[defaults] holdfast.toml:10")
    assert (said["capture.burst_s"]["value"], said["stall_s"]["origin"]) == (5, "default")
    back = {"segment_s": None, "name": None, "capture": None, "password": None}
    assert admin.patch("/api/v1/cameras/gate", json=back).json()["origin"] == "file"
    assert admin.patch("/api/v1/cameras/gate", json={}).status_code == 200
    viewer = two.as_(Role.VIEWER)
    assert viewer.get("/api/v1/cameras/gate").json()["settings"] is None
    assert viewer.patch("/api/v1/cameras/gate", json={"name": "Mine"}).status_code == 403
    assert two.as_(Role.OPERATOR).patch("/api/v1/cameras/gate", json={"name": "Mine"}).status_code == 403


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [({"transprot": "udp"}, 400, "did you mean transport?"), ({"segment_s": "soon"}, 422, "segment_s"),
     ({"url": "file:///etc/passwd"}, 400, "cannot be named from elsewhere"), ({"url": ""}, 400, "url: is missing"),
     ({"username": {"file": "/etc/passwd"}}, 422, "username"), ({"id": "other"}, 400, "an id cannot be changed"),
     ({"capture": {"windows": [{"start": "25:00", "end": "26:00"}]}}, 400, "no time of day")],
)  # fmt: skip
def test_a_change_that_makes_no_sense_changes_nothing(
    two: Site, body: dict[str, object], status: int, said: str
) -> None:
    """What is wrong is named with the nearest known key, and nothing of the change is kept."""
    answer = two.as_(Role.ADMIN).patch("/api/v1/cameras/gate", json={"name": "Gate", **body})
    assert answer.status_code == status, answer.text
    assert said in answer.text
    assert two.as_().get("/api/v1/cameras/gate").json()["name"] == "gate"
    assert two.as_(Role.ADMIN).patch("/api/v1/cameras/nobody", json={}).status_code == 404


def test_the_body_knows_every_key_of_a_camera() -> None:
    """What the file can say of a camera, the API's body can, so that the reference of both is the same."""
    assert set(CameraKeys.model_fields) == set(CameraConfig.model_fields)
    assert set(CaptureKeys.model_fields) == set(CaptureConfig.model_fields)


def test_a_test_asks_the_camera(tmp_path: Path) -> None:
    """An operator has a camera asked, and gets what it sends, or the cause and what to do (C009)."""
    with (
        simulated(small_camera("cam1")) as sim,
        site(tmp_path, SystemClock(), "gate", url=sim.url("cam1")) as made,
    ):
        (good,) = made.as_(Role.OPERATOR).post("/api/v1/cameras/gate/test").json()["items"]
    (tmp_path / "dead").mkdir()
    with site(tmp_path / "dead", SystemClock(), "dock") as made:
        (bad,) = made.as_(Role.OPERATOR).post("/api/v1/cameras/dock/test").json()["items"]
        assert made.as_(Role.VIEWER).post("/api/v1/cameras/dock/test").status_code == 403
    assert (good["outcome"], good["tracks"][0]["codec"]) == ("OK", "h264")
    assert (bad["outcome"], bool(bad["cause"]), bool(bad["fix"])) == ("ERROR", True, True)


def test_an_operator_switches(two: Site) -> None:
    """Switching is an operator's, changing and removing an admin's, and neither a viewer's (C139)."""
    path = "/api/v1/cameras/gate"
    assert two.as_(Role.OPERATOR).post(f"{path}/disable").json()["enabled"] is False
    assert two.as_(Role.OPERATOR).delete(path).status_code == 403
    assert two.as_(Role.VIEWER).post(f"{path}/enable").status_code == 403


def test_a_cursor_of_nothing_is_refused(two: Site) -> None:
    """A program that pages is told that its place is gone, instead of beginning again for ever (F55)."""
    page = two.as_().get("/api/v1/cameras?limit=1").json()
    assert [one["id"] for one in two.as_().get(f"/api/v1/cameras?cursor={page['cursor']}").json()["items"]] == ["dock"]
    assert two.as_().get("/api/v1/cameras?cursor=gone").status_code == 400


def test_the_states_that_predecessors_had(tmp_path: Path) -> None:
    """Online, offline, error and not deployed each are a state and a health, as docs/design/0006 maps them (C109)."""
    more = '[cameras.attic]\nurl = "rtsp://192.0.2.9/x"\nenabled = false\n'
    with site(tmp_path, SystemClock(), "gate", "dock", "roof", "yard", more=more) as made:
        made.says("gate")
        made.says("dock", StreamState.WAITING, reason="unreachable", detail="no answer")
        made.says("roof", mismatch=["video.width: 1280, expected 1920"])
        items = made.as_().get("/api/v1/cameras").json()["items"]
        one = made.home.app.openapi()["components"]["schemas"]["Camera"]["properties"]["state"]
    assert {one["id"]: (one["state"], one["health"]) for one in items} == {
        "gate": ("recording", "well"), "dock": ("waiting", "lost"), "roof": ("recording", "degraded"),
        "yard": ("off", "lost"), "attic": ("disabled", "off"),
    }  # fmt: skip
    assert "not deployed" in one["description"]
