"""The page of all cameras."""

from pathlib import Path

from holdfast.core.clock import SystemClock
from holdfast.library import cameras
from holdfast.library.accounts import Role
from support.pages import Site, runtime_cameras, site, words


def _post(made: Site, path: str, role: Role = Role.ADMIN, **form: str) -> tuple[int, str]:
    answer = made.as_(role).post(path, data=form)
    return answer.status_code, answer.text


def test_a_camera_is_switched_and_goes(gate: Site) -> None:
    """An admin switches a camera and removes it; the file's one stays (C126)."""
    url = "rtsp://127.0.0.1:9/x"
    cameras.add_camera(
        gate.home.context.catalog(),
        gate.home.context.node,
        gate.home.context.file,
        "north-gate",
        {"url": url},
        gate.clock,
    )
    assert _post(gate, "/cameras/change", camera="north-gate", what="disable")[0] == 303
    assert runtime_cameras(gate)["north-gate"]["enabled"] is False
    assert "Switch on" in words(gate.page("/cameras", Role.ADMIN))
    assert _post(gate, "/cameras/change", camera="north-gate", what="enable")[0] == 303
    assert _post(gate, "/cameras/change", camera="north-gate", what="remove")[0] == 303
    assert "north-gate" not in runtime_cameras(gate)
    status, text = _post(gate, "/cameras/change", camera="gate", what="remove")
    assert (status, "stands in the configuration" in words(text)) == (400, True)


def test_a_test_is_said_above_the_list(gate: Site) -> None:
    """What came of asking a camera stands on the page; what is no camera or no change is an error."""
    assert "no picture" in words(_post(gate, "/cameras/test", Role.OPERATOR, camera="gate")[1])
    assert _post(gate, "/cameras/change", camera="gate", what="explode")[0] == 422
    assert _post(gate, "/cameras/test", camera="nobody")[0] == 404


def test_without_cameras_the_page_says_how_to_begin(tmp_path: Path) -> None:
    """An admin is led to the first camera; a viewer is not shown what they may not do."""
    with site(tmp_path, SystemClock()) as made:
        assert "/cameras/-/add" in made.page("/cameras", Role.ADMIN)
        html = made.page("/cameras")
    assert "No cameras yet" in html
    assert "/cameras/-/add" not in html


def test_who_may_do_what(gate: Site) -> None:
    """A viewer sees the list without addresses and buttons, an operator tests and switches, an admin changes (C139)."""
    html = gate.page("/cameras")
    assert "127.0.0.1" not in html
    assert '<form method="post" action="/cameras' not in html
    assert "rtsp://127.0.0.1:9/x" in gate.page("/cameras", Role.ADMIN)
    adding, editing = ("/cameras/-/add", {"what": "add"}), ("/cameras/gate/edit", {"what": "save"})
    for path, form in (adding, editing, ("/cameras/change", {"what": "remove", "camera": "gate"})):
        assert _post(gate, path, Role.OPERATOR, **form)[0] == 403
    assert _post(gate, "/cameras/change", Role.VIEWER, what="disable", camera="gate")[0] == 403
    assert _post(gate, "/cameras/change", Role.OPERATOR, what="disable", camera="gate")[0] == 303
    assert "Switch on" in words(gate.page("/cameras", Role.OPERATOR))
    assert _post(gate, "/cameras/test", Role.VIEWER, camera="gate")[0] == 403
