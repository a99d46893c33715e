"""Adding, changing and removing a rule of hand-over by form."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from holdfast.core.config.handovers import MarkerConfig, WebhookConfig
from holdfast.core.config.settable import HANDOVER_KINDS, of_handover
from holdfast.library.accounts import Role
from holdfast.web.handover_edit import ASSETS, sections_of
from support.clock import PushedClock
from support.pages import Site, site, untouched, words

LIST = "/settings/sending"
ADD = "/settings/handovers/-/add"
HOOK = "/settings/handovers/hook"
MORE = (
    '[targets.nas]\ntype = "folder"\npath = "nas"\n'
    '[handovers.hook]\ntype = "webhook"\nurl = "https://hooks.example.org/k-93"\nsecret = "tide-9"\nafter = ["nas"]\n'
)  # fmt: skip


@pytest.fixture(name="node")
def _node(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node with a target and a webhook."""
    with site(tmp_path, clock, "gate", "dock", more=MORE) as made:
        yield made


def _post(made: Site, path: str, form: dict[str, str]) -> tuple[int, str]:
    answer = made.as_(Role.ADMIN).post(path, data=form)
    return answer.status_code, unescape(answer.text) if answer.status_code != 303 else answer.headers["location"]


@pytest.mark.parametrize("kind", HANDOVER_KINDS)
def test_every_key_is_in_the_form_once(kind: str) -> None:
    """Whatever a hand-over can say in the file, it can say here (C126)."""
    assert sorted(key for _, _, labels in sections_of(kind).values() for key in labels) == sorted(of_handover(kind))
    assert "segments" in ASSETS


def test_a_marker_is_added_changed_and_removed(node: Site) -> None:
    """What is ticked and typed holds at once; a hand-over that was added here is taken away here (C126)."""
    form = {"id": "done", "type": "marker", "assets.boxes": "yes", "assets.is.stills": "on", "name": "{stem}.ready",
            "after.boxes": "yes", "after.is.nas": "on"}  # fmt: skip
    assert _post(node, ADD, form) == (303, "/settings/handovers/done?saved=yes")
    made = node.home.context.config.handovers["done"]
    assert isinstance(made, MarkerConfig)
    assert (made.assets, made.after, made.name) == (("stills",), ("nas",), "{stem}.ready")
    assert "Stills of every camera, once nas has it" in words(node.page(LIST, Role.ADMIN))
    path = "/settings/handovers/done"
    form = untouched(node.page(path, Role.ADMIN), path)
    del form["after.is.nas"]
    assert _post(node, path, form | {"content": "empty", "enabled": "no"})[0] == 303
    made = node.home.context.config.handovers["done"]
    assert isinstance(made, MarkerConfig)
    assert (made.after, made.content, made.enabled, made.assets) == ((), "empty", False, ("stills",))
    assert _post(node, path, {"what": "remove"}) == (303, LIST)
    assert list(node.home.context.config.handovers) == ["hook"]


def test_what_is_left_alone_is_not_saved(node: Site) -> None:
    """A form as a browser has it saves nothing; neither address nor secret is on any page (C130)."""
    html = node.page(HOOK, Role.ADMIN)
    assert not [one for one in ("tide-9", "k-93") if one in html + node.page(LIST, Role.ADMIN)]
    assert "https://hooks.example.org" in node.page(LIST, Role.ADMIN)
    assert _post(node, HOOK, untouched(html, HOOK))[0] == 303
    rule = node.home.context.config.handovers["hook"]
    assert isinstance(rule, WebhookConfig)
    assert (rule.url.reveal(), rule.secret.reveal()) == ("https://hooks.example.org/k-93", "tide-9")


def test_what_makes_no_sense_is_said_in_its_field(node: Site) -> None:
    """Nothing is saved; another address needs its secret anew, and a folder of the system takes no markers (C140)."""
    form = untouched(node.page(HOOK, Role.ADMIN), HOOK)
    status, text = _post(node, HOOK, form | {"url": "https://other.example.org/x"})
    assert (status, "Must be given anew" in text) == (422, True)
    status, text = _post(node, ADD, {"id": "x", "type": "marker", "folder": "/etc", "name": "{path}.done"})
    assert (status, "Lies in no volume and no adopted target" in text) == (422, True)
    status, text = _post(node, ADD, {"id": "x", "type": "webhook", "timeout_s": "soon"})
    assert (status, 'id="w-url"' in text or "url" in text) == (422, True)
    status, text = _post(node, ADD, {"id": "x", "type": "marker", "assets.boxes": "yes"})
    assert (status, "Nothing is chosen" in text) == (422, True)
    assert list(node.home.context.config.handovers) == ["hook"]


def test_kinds_are_offered_and_only_administrators_ask(node: Site) -> None:
    """A new one begins with its kind; a target that one waits for says so; others than administrators see none."""
    assert "Webhook" in words(node.page(ADD, Role.ADMIN))
    assert "Address" in words(node.page(f"{ADD}?type=webhook", Role.ADMIN))
    for path in (ADD, HOOK):
        assert node.as_(Role.OPERATOR).get(path).status_code == 403
    assert node.as_(Role.ADMIN).get("/settings/handovers/none").status_code == 404
