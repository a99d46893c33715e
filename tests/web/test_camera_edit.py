"""Changing a camera on its page, without scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.core.clock import SystemClock
from holdfast.library import cameras
from holdfast.library.accounts import Role
from support.pages import Site, runtime_cameras, site, untouched, words
from support.sim import simulated, small_camera

EDIT = "/cameras/gate/edit"


def _post(made: Site, path: str = EDIT, **form: str) -> tuple[int, str]:
    answer = made.as_(Role.ADMIN).post(path, data={name.replace("__", "."): text for name, text in form.items()})
    return answer.status_code, answer.text


@pytest.fixture(name="gate")
def _gate(tmp_path: Path) -> Iterator[Site]:
    """A node with a gate in its file, and defaults."""
    with site(tmp_path, SystemClock(), "gate", more="[defaults]\nsegment_s = 300\n") as made:
        yield made


def test_each_value_says_where_it_comes_from(gate: Site) -> None:
    """File and line, defaults or default stand beside each field; viewers and operators have no such page."""
    said = words(gate.page(EDIT, Role.ADMIN))
    assert "holdfast.toml:6" in said
    assert "[defaults] holdfast.toml:8" in said
    assert gate.as_(Role.OPERATOR).get(EDIT).status_code == 403
    assert gate.as_(Role.ADMIN).get("/cameras/nobody/edit").status_code == 404


def test_a_form_that_nobody_touched_changes_nothing(gate: Site) -> None:
    """Saving the page as a browser has it, with one thing changed, changes that one thing."""
    form = untouched(gate.page(EDIT, Role.ADMIN), EDIT)
    assert {"url", "capture.override", "segment_s"} <= form.keys()
    assert gate.as_(Role.ADMIN).post(EDIT, data={**form, "what": "save"}).status_code == 303
    assert runtime_cameras(gate).get("gate", {}) == {}
    assert gate.as_(Role.ADMIN).post(EDIT, data={**form, "location": "loc-9", "what": "save"}).status_code == 303
    assert runtime_cameras(gate).get("gate", {}) == {"id": "gate", "location": "loc-9"}


def test_changes_are_saved_and_set_back(gate: Site) -> None:
    """Only what was changed is laid over the file; setting back keeps what else was typed, and the row goes (C126)."""
    same = {"url": "rtsp://127.0.0.1:9/x", "segment_s": "300", "transport": "tcp", "enabled": "yes"}
    assert _post(gate, what="save", **same)[0] == 303
    assert runtime_cameras(gate).get("gate", {}) == {}
    changes = {**same, "segment_s": "60", "name": "Gate", "capture__windows": "mon-fri 08:00-18:00", "enabled": "no"}
    assert _post(gate, what="save", **changes)[0] == 303
    assert (runtime_cameras(gate).get("gate", {})["segment_s"], runtime_cameras(gate).get("gate", {})["enabled"]) == (
        60,
        False,
    )
    html = gate.page(EDIT, Role.ADMIN)
    assert "Set back to 300" in words(html)
    assert "mon-fri 08:00-18:00" in html
    status, text = _post(gate, reset="segment_s", **{**changes, "name": "North gate"})
    assert status == 200
    assert "not saved yet" in words(text)
    assert 'value="North gate"' in text
    assert (runtime_cameras(gate).get("gate", {})["name"], "segment_s" in runtime_cameras(gate).get("gate", {})) == (
        "Gate",
        False,
    )
    for key in ("name", "capture.windows", "enabled"):
        assert _post(gate, reset=key)[0] == 200
    assert runtime_cameras(gate).get("gate", {}) == {}


def test_a_password_is_written_and_never_shown(gate: Site) -> None:
    """The password's field is empty and says whether there is one; left empty it stays what it is."""
    assert 'placeholder="none"' in gate.page(EDIT, Role.ADMIN)
    assert _post(gate, what="save", username="ann", password="s3cret")[0] == 303
    html = gate.page(EDIT, Role.ADMIN)
    assert 'placeholder="unchanged"' in html
    assert "s3cret" not in html
    assert _post(gate, what="save", username="ann", password="", name="Gate")[0] == 303
    merged = cameras.merged(gate.home.context.file, [runtime_cameras(gate).get("gate", {})])
    assert merged.config.cameras["gate"].password.reveal() == "s3cret"
    status, text = _post(gate, what="save", segment_s="0", password="0ther")
    assert (status, "0ther" in text) == (422, False)


def test_what_makes_no_sense_is_said_at_its_field(gate: Site) -> None:
    """A wrong value is named at the field with what to do, what was typed stays, and nothing is saved."""
    status, text = _post(gate, what="save", segment_s="soon", name="Yard")
    assert status == 422
    assert 'aria-invalid="true"' in text
    assert 'value="Yard"' in text
    status, text = _post(gate, what="save", capture__windows="whenever")
    assert (status, "no time to record at" in text) == (422, True)
    assert _post(gate, what="save", url="/etc/passwd")[0] == 400
    assert runtime_cameras(gate).get("gate", {}) == {}


def test_a_change_is_tried_before_it_is_saved(gate: Site) -> None:
    """Another address is tried with the password that is saved, shown, and not saved by it."""
    _post(gate, what="save", username="ann", password="s3cret")
    with simulated(small_camera("cam1", user="ann", password="s3cret")) as sim:
        status, text = _post(gate, what="try", url=sim.url("cam1", credentials=False), username="ann", password="")
    assert status == 200
    assert "It answers" in words(text)
    assert "data:image/jpeg" in text
    assert "url" not in runtime_cameras(gate).get("gate", {})


def test_a_camera_of_run_time_can_be_taken_away(gate: Site) -> None:
    """A camera that stands in no file has a way to go on its page; one of the file says where it stands."""
    home = gate.home.context
    cameras.add_camera(home.catalog(), home.node, home.file, "yard", {"url": "rtsp://127.0.0.1:9/y"}, home.clock)
    home.changed()
    assert "Remove yard" in words(gate.page("/cameras/yard/edit", Role.ADMIN))
    said = words(gate.page(EDIT, Role.ADMIN))
    assert "Remove gate" not in said
    assert "is taken away there" in said
    assert _post(gate, "/cameras/yard/edit", what="save", url="")[0] == 422


def test_a_camera_that_makes_no_sense_any_more_can_go(gate: Site) -> None:
    """What was said at run time of a camera that was taken out of the file since is shown as such, and removed."""
    assert _post(gate, what="save", name="Gate")[0] == 303
    path = gate.root / "holdfast.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[cameras.gate]", "[cameras.dock]"), encoding="utf-8")
    gate.home.context.changed()
    said = words(gate.page(EDIT, Role.ADMIN))
    assert "makes no sense any more" in said
    assert "Remove gate" in said
    assert _post(gate, "/cameras/change", camera="gate", what="remove")[0] == 303
    assert runtime_cameras(gate).get("gate", {}) == {}
