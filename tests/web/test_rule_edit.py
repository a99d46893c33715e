"""Adding, changing and removing a rule of delivery by form, with the names that it would make."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from holdfast.core.config.settable import of_rule
from holdfast.library.accounts import Role
from holdfast.web.rule_edit import BOXES, SECTIONS
from holdfast.web.tables import ticked
from support.clock import PushedClock
from support.pages import Site, site, untouched, words

ADD = "/settings/rules/-/add"
ARCHIVE = "/settings/rules/archive"
MORE = (
    '[targets.nas]\ntype = "folder"\npath = "nas"\n[deliveries.archive]\ntarget = "nas"\nname = "lab"\n'
    '[deliveries.archive.row]\nurl = "https://abc.example/rest/v1"\ntable = "t"\nkey = "tide-9"\npreset = "shop"\n'
    'columns = { host = "pier = 1" }\n'
)  # fmt: skip
NEW = {"id": "snaps", "target": "nas", "assets.boxes": "yes", "assets.is.stills": "on", "name": "shop"}


@pytest.fixture(name="node")
def _node(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node with a target and a rule with a row."""
    with site(tmp_path, clock, "gate", "dock", more=MORE) as made:
        yield made


def _post(made: Site, path: str, form: dict[str, str]) -> tuple[int, str]:
    answer = made.as_(Role.ADMIN).post(path, data=form)
    return answer.status_code, unescape(answer.text) if answer.status_code != 303 else answer.headers["location"]


def test_every_key_is_in_the_form_once() -> None:
    """Whatever a rule can say in the file, it can say here (C126)."""
    assert sorted(key for _, _, labels in SECTIONS.values() for key in labels) == sorted(of_rule())


def test_a_rule_is_added_changed_and_removed(node: Site) -> None:
    """What is ticked and typed holds at once; a rule that was added here is taken away here (C126)."""
    assert _post(node, ADD, NEW | {"cameras.boxes": "yes", "cameras.is.dock": "on"})[0] == 303
    made = node.home.context.config.deliveries["snaps"]
    assert (made.assets, made.cameras, made.name) == (("stills",), ("dock",), "shop")
    path = "/settings/rules/snaps"
    form = untouched(node.page(path, Role.ADMIN), path)
    del form["cameras.is.dock"]
    assert _post(node, path, form | {"form": "webp", "quality": "70", "enabled": "no"})[0] == 303
    made = node.home.context.config.deliveries["snaps"]
    assert (made.cameras, made.form, made.quality, made.enabled) == ((), "webp", 70, False)
    assert _post(node, path, {"what": "remove"}) == (303, "/settings/sending")
    assert "snaps" not in node.home.context.config.deliveries


def test_what_is_left_alone_is_not_saved(node: Site) -> None:
    """A form as a browser has it saves nothing, and the row's key is on no page (C130)."""
    html = node.page(ARCHIVE, Role.ADMIN)
    assert "tide-9" not in html
    form = untouched(html, ARCHIVE)
    assert form["row.columns"] == "host = pier = 1"
    assert _post(node, ARCHIVE, form)[0] == 303
    row = node.home.context.config.deliveries["archive"].row
    assert row is not None
    assert (row.key.reveal(), row.columns) == ("tide-9", {"host": "pier = 1"})


def test_names_are_shown_without_scripts_and_without_saving(node: Site) -> None:
    """The page shows what files would be called under what is typed, or why that makes no name."""
    assert "gate/" in words(node.page(ARCHIVE, Role.ADMIN))
    status, text = _post(node, ADD, NEW | {"what": "names"})
    assert (status, "camera_gate/" in text) == (200, True)
    status, text = _post(node, ADD, NEW | {"what": "names", "name": "{camera}"})
    assert (status, "lacks what tells assets apart" in text) == (200, True)
    assert list(node.home.context.config.deliveries) == ["archive"]


def test_what_makes_no_sense_is_said_in_its_field(node: Site) -> None:
    """Each refusal stands at its field, and what was typed stays."""
    status, text = _post(node, ADD, NEW | {"name": "{moon}", "quality": "101"})
    told = words(text)
    assert (status, "has a field {moon} that there is not" in told, "Must be 100 or less" in told) == (422, True, True)
    assert 'value="{moon}"' in text
    assert "Nothing is chosen" in words(_post(node, ADD, {"id": "x", "target": "nas", "assets.boxes": "yes"})[1])
    status, text = _post(node, ADD, NEW | {"row.url": "https://a.example", "row.columns": "host"})
    assert (status, "has no name before a =" in words(text)) == (422, True)
    assert (_post(node, ADD, NEW | {"target": "moon"})[0], _post(node, ADD, NEW | {"id": ""})[0]) == (422, 422)
    assert _post(node, ADD, NEW | {"id": "archive"})[0] == 409


def test_many_cameras_are_typed() -> None:
    """Lists come as ticks or as a text; nothing ticked is an empty list."""
    assert ticked({"cameras": "gate, dock"}, BOXES)["cameras"] == "gate, dock"
    assert ticked({"cameras.boxes": "yes", "cameras.is.a": "on", "cameras.is.b": "on"}, BOXES)["cameras"] == "a, b"
    assert ticked({"streams.boxes": "yes"}, BOXES)["streams"] == ""


def test_without_a_target_there_is_no_rule(tmp_path: Path, clock: PushedClock) -> None:
    """The page says what comes first."""
    with site(tmp_path, clock, "gate") as made:
        assert "There is no target yet" in words(made.page(ADD, Role.ADMIN))


def test_only_admins_change_rules(node: Site) -> None:
    """Nobody else reads or changes them (C139)."""
    for path in (ADD, ARCHIVE):
        node.page(path, Role.OPERATOR, status=403)
        assert node.as_(Role.OPERATOR).post(path, data=NEW).status_code == 403
    node.page("/settings/rules/moon", Role.ADMIN, status=404)
