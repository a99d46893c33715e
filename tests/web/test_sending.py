"""Settings of what is sent where: the list of targets and rules, and testing a target in its place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.library import saved_tables
from holdfast.library.accounts import Role
from holdfast.storage.targets.marker import adopt
from support.clock import PushedClock
from support.pages import Site, site, words

MORE = (
    '[targets.nas]\ntype = "folder"\npath = "nas"\n[targets.cloud]\ntype = "folder"\npath = "cloud"\n'
    '[deliveries.archive]\ntarget = "nas"\nname = "lab"\n'
    '[deliveries.snaps]\ntarget = "nas"\nassets = ["stills"]\ncameras = ["gate"]\nenabled = false\n'
)  # fmt: skip
SENDING = "/settings/sending"


@pytest.fixture(name="node")
def _node(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node with two folders as targets, the first of which is there, and two rules."""
    adopt("nas", tmp_path / "nas", 1)
    with site(tmp_path, clock, "gate", "dock", more=MORE) as made:
        yield made


def test_targets_and_rules_are_listed(node: Site) -> None:
    """Each target says what it is, where, who sends to it and where it stands; each rule what it does (C126)."""
    text = words(node.page(SENDING, Role.ADMIN))
    assert str(node.root / "nas") in text
    assert "archive and snaps send to it." in text
    assert "No rule sends to it." in text
    assert "nas Folder ready" in text
    assert "Segments and journals of every camera, named lab" in text
    assert "Stills of gate, named own switched off" in text
    assert "every target that a rule sends it to has verified it" in text
    assert f'href="{SENDING}"' in node.page("/settings", Role.ADMIN)


def test_a_target_is_tested_without_scripts(node: Site) -> None:
    """What came of a test stands in the target's own place, with what to do where it failed (C084)."""
    admin = node.as_(Role.ADMIN)
    text = words(admin.post(f"{SENDING}/test/nas").text)
    assert "It takes files" in text
    assert "a small file was written, verified and removed" in text
    failed = words(admin.post(f"{SENDING}/test/cloud").text)
    assert "It does not take files" in failed
    assert admin.post(f"{SENDING}/test/moon").status_code == 404


def test_how_many_copies_footage_waits_for(node: Site) -> None:
    """The page says how many targets must have footage before it goes, and for which cameras that differs (C080)."""
    node.as_(Role.ADMIN).post("/settings/keeping", data={"defaults.retention.copies": "1"})
    node.as_(Role.ADMIN).post("/cameras/dock/edit", data={"retention.copies": "2", "what": "save"})
    text = words(node.page(SENDING, Role.ADMIN))
    assert "Once 1 of the targets that rules send it to has verified it." in text
    assert "Otherwise: dock 2." in text


def test_what_is_left_out_says_why(node: Site) -> None:
    """A saved rule whose target left the file is listed with the reason and the way to mend it."""
    node.as_(Role.ADMIN).post("/settings/rules/-/add", data={"id": "more", "target": "cloud"})
    path = node.root / "holdfast.toml"
    path.write_text(path.read_text().replace("[targets.cloud]", "[targets.other]"))
    node.home.context.changed()
    text = words(node.page(SENDING, Role.ADMIN))
    assert "Left out: there is no target" in text
    assert "Known: nas, other" in text


def test_only_admins_see_it(node: Site) -> None:
    """Nobody else sees or tests targets here, or is shown the way (C139)."""
    node.page(SENDING, Role.OPERATOR, status=403)
    assert node.as_(Role.OPERATOR).post(f"{SENDING}/test/nas").status_code == 403
    assert SENDING not in node.page("/delivery", Role.OPERATOR)
    assert SENDING in node.page("/delivery", Role.ADMIN)


def test_without_the_catalog(node: Site) -> None:
    """While the catalog is away the page says so, and that what was saved holds."""
    admin = node.as_(Role.ADMIN)
    assert admin.get(SENDING).status_code == 200
    node.home.context.close()
    for path in (node.root / "state").glob("catalog.sqlite*"):
        path.unlink()
    (node.root / "state" / "catalog.sqlite").write_bytes(b"garbage " * 1000)
    answer = admin.get(SENDING)
    assert answer.status_code == 503
    assert "What was saved last holds on" in words(answer.text)


def test_every_noun_has_its_place() -> None:
    """The list knows every section that is saved whole."""
    assert set(saved_tables.NOUNS) == {"targets", "deliveries", "handovers"}
