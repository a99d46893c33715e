"""Adding, changing, trying and removing a target by form."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from holdfast.core.config.settable import of_target
from holdfast.core.config.targets import TARGET_KINDS, S3Target, SftpTarget
from holdfast.library.accounts import Role
from holdfast.storage.targets.marker import adopt
from holdfast.web.target_edit import KINDS, sections_of
from support.clock import PushedClock
from support.pages import Site, site, untouched, words

ADD = "/settings/targets/-/add"
MORE = (
    '[targets.nas]\ntype = "folder"\npath = "nas"\nmode = "600"\n'
    '[targets.cloud]\ntype = "s3"\nbucket = "cameras"\nendpoint = "https://minio.example.org"\naccess_key = "key-7"\n'
    'secret_key = "tide-9"\n[deliveries.archive]\ntarget = "nas"\n'
)  # fmt: skip
SFTP = {
    "type": "sftp",
    "id": "office",
    "host": "192.0.2.9",
    "user": "keeper",
    "password": "ebb-3",
    "hours": "22:00-6:00",
}


@pytest.fixture(name="node")
def _node(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node with a folder and a bucket as targets."""
    adopt("nas", tmp_path / "nas", 1)
    with site(tmp_path, clock, "gate", more=MORE) as made:
        yield made


def _post(made: Site, path: str, form: dict[str, str]) -> tuple[int, str]:
    answer = made.as_(Role.ADMIN).post(path, data=form)
    return answer.status_code, unescape(answer.text) if answer.status_code != 303 else answer.headers["location"]


def test_each_kind_has_a_form_with_its_keys_and_no_others() -> None:
    """Every key of a kind is in its form once (C126)."""
    assert set(KINDS) == set(TARGET_KINDS)
    for kind in KINDS:
        keys = [key for _, _, labels in sections_of(kind).values() for key in labels]
        assert set(of_target(kind)) <= set(keys), kind
        assert len(keys) == len(set(keys))


def test_a_target_is_added_step_by_step(node: Site) -> None:
    """The kind is asked for, then what that kind needs; what was typed wrongly stays, with the reason beside it."""
    text = node.page(ADD, Role.ADMIN)
    assert all(f'href="{ADD}?type={kind}"' in text for kind in KINDS)
    text = node.page(f"{ADD}?type=sftp", Role.ADMIN)
    assert ('name="host"' in text, 'name="bucket"' in text) == (True, False)
    status, text = _post(node, ADD, SFTP | {"port": "0", "parallel": "many", "hours": "whenever", "id": "-x"})
    assert status == 422
    assert "is no time" in text
    assert 'value="whenever"' in text
    assert "ebb-3" not in text
    status, text = _post(node, ADD, SFTP | {"port": "0", "parallel": "many"})
    told = words(text)
    assert "2 fields below say what is wrong" in told
    assert "Must be 1 or more" in told
    assert "Must be a whole number" in told
    assert _post(node, ADD, SFTP) == (303, "/settings/targets/office?saved=yes")
    made = node.home.context.config.targets["office"]
    assert isinstance(made, SftpTarget)
    assert (made.password.reveal(), made.hours[0].end) == ("ebb-3", "06:00")
    assert _post(node, ADD, SFTP)[0] == 409
    assert _post(node, ADD, {"type": "moon"}) == (303, ADD)


def test_what_is_left_alone_is_not_saved(node: Site) -> None:
    """Saving a form as a browser has it changes nothing, secrets included, and shows none of them (C130)."""
    for name in ("nas", "cloud"):
        html = node.page(f"/settings/targets/{name}", Role.ADMIN)
        assert "tide-9" not in html
        assert _post(node, f"/settings/targets/{name}", untouched(html, f"/settings/targets/{name}"))[0] == 303
    config = node.home.context.config.targets["cloud"]
    assert isinstance(config, S3Target)
    assert (config.secret_key.reveal(), config.access_key.reveal()) == ("tide-9", "key-7")
    assert node.home.context.config.targets["nas"].model_dump()["mode"] == "600"


def test_a_key_that_is_kept_is_not_sent_elsewhere(node: Site) -> None:
    """Whoever changes the address must type the keys anew; the fields say so (C140)."""
    form = untouched(node.page("/settings/targets/cloud", Role.ADMIN), "/settings/targets/cloud")
    status, text = _post(node, "/settings/targets/cloud", form | {"endpoint": "https://evil.example"})
    assert (status, words(text).count("Must be given anew")) == (422, 2)
    anew = {"endpoint": "https://other.example", "access_key": "a", "secret_key": "b"}
    assert _post(node, "/settings/targets/cloud", form | anew)[0] == 303


def test_a_password_is_forgotten_on_request(node: Site) -> None:
    """A password that is no longer wanted is ticked away."""
    _post(node, ADD, SFTP)
    path = "/settings/targets/office"
    form = untouched(node.page(path, Role.ADMIN), path)
    assert _post(node, path, form | {"forget.password": "on", "key": "id_ed25519"})[0] == 303
    made = node.home.context.config.targets["office"]
    assert isinstance(made, SftpTarget)
    assert (made.password.reveal(), made.key) == ("", node.root / "id_ed25519")


def test_a_target_is_tried_as_it_would_be(node: Site) -> None:
    """A test takes what is typed, says what came of it, leaves the form as it is and saves nothing (C084)."""
    path = "/settings/targets/nas"
    form = untouched(node.page(path, Role.ADMIN), path)
    status, text = _post(node, path, form | {"what": "try"})
    assert (status, "It takes files" in text) == (200, True)
    status, text = _post(node, path, form | {"what": "try", "path": "/nowhere/at/all"})
    assert (status, "It does not take files" in text, 'value="/nowhere/at/all"' in text) == (200, True, True)
    assert node.home.context.config.targets["nas"].model_dump(mode="json")["path"] == str(node.root / "nas")
    assert _post(node, path, form | {"what": "try", "mode": "9"})[0] == 422


def test_one_that_rules_name_is_not_taken_away(node: Site) -> None:
    """Removing it is refused with the rules; once none names it, it goes (C126)."""
    _post(node, ADD, SFTP)
    node.as_(Role.ADMIN).post("/settings/rules/-/add", data={"id": "all", "target": "office"})
    page = node.page("/settings/targets/office", Role.ADMIN)
    assert "It cannot be taken away while rules send to it: all" in words(page)
    status, text = _post(node, "/settings/targets/office", {"what": "remove"})
    assert (status, "rule all sends to it" in text) == (409, True)
    _post(node, "/settings/rules/all", {"what": "remove"})
    assert _post(node, "/settings/targets/office", {"what": "remove"}) == (303, "/settings/sending")
    assert "office" not in node.home.context.config.targets


def test_one_of_the_file_is_set_back(node: Site) -> None:
    """What was changed over the file is set back to it, and what the file has is taken away there alone."""
    path = "/settings/targets/nas"
    assert "is taken away there" in node.page(path, Role.ADMIN)
    form = untouched(node.page(path, Role.ADMIN), path)
    _post(node, path, form | {"parallel": "7"})
    assert "Set back to holdfast.toml" in words(node.page(path, Role.ADMIN))
    assert _post(node, path, {"what": "remove"}) == (303, f"{path}?saved=yes")
    assert node.home.context.config.targets["nas"].parallel == 2
    status, text = _post(node, path, {"what": "remove"})
    assert (status, "stands in the configuration" in text) == (409, True)


def test_only_admins_change_targets(node: Site) -> None:
    """Nobody else reads or changes them (C139)."""
    for path in (ADD, "/settings/targets/nas"):
        node.page(path, Role.OPERATOR, status=403)
        assert node.as_(Role.OPERATOR).post(path, data=SFTP).status_code == 403
    node.page("/settings/targets/moon", Role.ADMIN, status=404)
