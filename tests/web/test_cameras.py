"""The page of all cameras."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.core.clock import SystemClock
from holdfast.library import cameras
from holdfast.library.accounts import Role
from holdfast.web.cameras import suggested_id
from support.pages import Site, site, words
from support.sim import simulated, small_camera


def _post(made: Site, path: str, role: Role = Role.ADMIN, **form: str) -> tuple[int, str]:
    answer = made.as_(role).post(path, data=form)
    return answer.status_code, answer.text


def _known(made: Site) -> dict[str, dict[str, object]]:
    found = cameras.runtime_settings(made.home.context.catalog(), made.home.context.node)
    return {str(camera["id"]): camera for camera in found}


@pytest.fixture(name="gate")
def _gate(tmp_path: Path) -> Iterator[Site]:
    """A node with a gate in its file."""
    with site(tmp_path, SystemClock(), "gate") as made:
        yield made


def test_a_camera_comes_is_switched_and_goes(gate: Site) -> None:
    """An admin adds a camera by name and address, switches it and removes it; the file's one stays (C126)."""
    url = "rtsp://ann:s3cret@127.0.0.1:9/x"
    assert _post(gate, "/cameras", what="add", name="North gate", url=url)[0] == 303
    assert _known(gate)["north-gate"]["username"] == "ann"
    assert "s3cret" not in str(_known(gate))
    html = gate.page("/cameras", Role.ADMIN)
    assert "North gate" in words(html)
    assert "s3cret" not in html
    assert _post(gate, "/cameras/change", camera="north-gate", what="disable")[0] == 303
    assert _known(gate)["north-gate"]["enabled"] is False
    assert _post(gate, "/cameras/change", camera="north-gate", what="enable")[0] == 303
    assert _post(gate, "/cameras/change", camera="north-gate", what="remove")[0] == 303
    assert "north-gate" not in _known(gate)
    status, text = _post(gate, "/cameras/change", camera="gate", what="remove")
    assert (status, "stands in the configuration" in words(text)) == (400, True)


def test_what_makes_no_sense_keeps_what_was_typed_but_no_password(gate: Site) -> None:
    """A taken id, a wrong address and an unknown change are said beside the form."""
    status, text = _post(gate, "/cameras", what="add", id="GATE", name="Yard", url="rtsp://h/x", password="s3cret")
    assert status in {400, 409}
    assert 'value="Yard"' in text
    assert "s3cret" not in text
    assert _post(gate, "/cameras", what="add", name="Yard", url="http://h/x")[0] == 400
    assert _post(gate, "/cameras", what="try", name="Yard", url="h:554/x")[0] == 400
    assert _post(gate, "/cameras/change", camera="gate", what="explode")[0] == 422
    assert _post(gate, "/cameras/test", camera="nobody")[0] == 404
    assert _known(gate) == {}


def test_an_address_is_tried_before_it_is_saved(gate: Site) -> None:
    """Trying says what the camera sends, or why there is no picture and what to do; nothing is saved by it."""
    with simulated(small_camera("cam1")) as sim:
        status, text = _post(gate, "/cameras", what="try", name="Yard", url=sim.url("cam1"))
    said = words(text)
    assert status == 200
    assert "it answers as expected" in said
    assert "h264 320" in said
    assert 'value="Yard"' in text
    said = words(_post(gate, "/cameras", what="try", name="Yard", url="rtsp://127.0.0.1:9/x")[1])
    assert "no picture" in said
    assert "refused" in said
    assert _known(gate) == {}
    assert "no picture" in words(_post(gate, "/cameras/test", Role.OPERATOR, camera="gate")[1])


def test_who_may_do_what(gate: Site) -> None:
    """A viewer sees the list without addresses and buttons, an operator may test, only an admin changes (C139)."""
    html = gate.page("/cameras")
    assert "127.0.0.1" not in html
    assert '<form method="post" action="/cameras' not in html
    assert "rtsp://127.0.0.1:9/x" in gate.page("/cameras", Role.ADMIN)
    for path, form in (("/cameras", {"what": "add"}), ("/cameras/change", {"what": "disable", "camera": "gate"})):
        assert _post(gate, path, Role.OPERATOR, **form)[0] == 403
    assert _post(gate, "/cameras/test", Role.VIEWER, camera="gate")[0] == 403


def test_an_id_is_made_of_a_name() -> None:
    """Names become ids that are safe as folders, and never one that is taken."""
    assert suggested_id("North gate 2", set()) == "north-gate-2"
    assert suggested_id("Süd!", {"s-d", "s-d-2"}) == "s-d-3"
    assert suggested_id("", set()) == "camera"
