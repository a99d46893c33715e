"""One's own password."""

from pathlib import Path

import pytest

from holdfast.core.clock import SystemClock
from holdfast.library.accounts import Role
from support.accounts import PASSWORD
from support.chromium import SIZES, barriers, chromium, sign_in, signed_in, window
from support.pages import Site, site, words
from support.web import serving

NEW = "a new pair of boots"


@pytest.mark.parametrize("role", list(Role))
def test_everybody_changes_their_own(two: Site, role: Role) -> None:
    """Whoever knows the old password sets a new one: this session goes on, every other one of theirs ends (C103)."""
    name = two.home.user(role)
    here, elsewhere = (two.home.client({"Accept": "text/html"}) for _ in range(2))
    for client in (here, elsewhere):
        client.post("/sign-in", data={"name": name, "password": PASSWORD})
    assert 'href="/password"' in here.get("/").text
    form = {"name": "somebody-else", "old": PASSWORD, "new": NEW, "again": NEW}
    done = here.post("/password", data=form)
    assert (done.status_code, done.headers["location"]) == (303, "/password?done=yes")
    assert "Your password is changed" in words(here.get(done.headers["location"]).text)
    assert elsewhere.get("/").headers["location"] == "/sign-in"
    assert two.home.client().post("/api/v1/session", json={"name": name, "password": NEW}).status_code == 200
    assert two.home.client().post("/api/v1/session", json={"name": name, "password": PASSWORD}).status_code == 401


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        ({"old": "guessed"}, 401, "This is not your password of now"),
        ({"again": "a new pair of shoes"}, 422, "typed in two ways"),
        ({"new": "short", "again": "short"}, 422, "8 to"),
        ({"old": ""}, 401, "This is not your password of now"),
    ],
)
def test_what_is_wrong_is_said(two: Site, wrong: dict[str, str], status: int, said: str) -> None:
    """A wrong old password and a new one that will not do change nothing, are said, and are never sent back."""
    name = two.home.user(Role.VIEWER)
    client = two.home.client({"Accept": "text/html"})
    client.post("/sign-in", data={"name": name, "password": PASSWORD})
    answer = client.post("/password", data={"old": PASSWORD, "new": NEW, "again": NEW, **wrong})
    assert answer.status_code == status
    assert said in words(answer.text)
    assert not any(f'value="{typed}"' in answer.text for typed in (PASSWORD, NEW, *filter(None, wrong.values())))
    assert two.home.client().post("/api/v1/session", json={"name": name, "password": PASSWORD}).status_code == 200


def test_guesses_are_limited_here_too(two: Site) -> None:
    """An unlocked browser is no way to guess its owner's password: the page answers 429 after a few tries (C103)."""
    client = two.as_()
    form = {"new": NEW, "again": NEW}
    answers = [client.post("/password", data={**form, "old": f"guess {n}"}) for n in range(12)]
    assert answers[-1].status_code == 429
    assert "too many tries" in words(answers[-1].text).lower()


def test_programs_and_strangers_have_none(two: Site) -> None:
    """A token has no password to change, nobody in particular neither, and another site's form changes nothing."""
    token = two.home.token(Role.ADMIN) | {"Accept": "text/html"}
    form = {"old": PASSWORD, "new": NEW, "again": NEW}
    assert two.home.client(token).post("/password", data=form).status_code == 403
    assert "A token has no password" in two.home.client(token).get("/password").text
    assert two.home.client({"Accept": "text/html"}).get("/password").headers["location"].startswith("/sign-in")
    assert two.as_().post("/password", data=form, headers={"Origin": "https://evil.example"}).status_code == 403


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("size", SIZES)
def test_by_hand_without_scripts(tmp_path: Path, size: str) -> None:
    """From the menu to the new password without scripts, in every size; a password keeper learns whose it is."""
    with site(tmp_path, SystemClock(), "gate") as made, serving(made.home.app) as address, chromium() as browser:
        made.home.user(Role.VIEWER, "alice")
        with window(browser, size, java_script_enabled=False) as page:
            sign_in(page, address, "alice", PASSWORD)
            page.get_by_label("Menu").click()
            page.locator("#menu").get_by_role("link", name="Your password").click()
            page.wait_for_url(f"{address}/password")
            assert page.locator('input[autocomplete="username"]').input_value() == "alice"
            for label, typed in (("Password of now", PASSWORD), ("New password", NEW), ("New password once more", NEW)):
                page.get_by_label(label, exact=True).fill(typed)
            page.get_by_role("button", name="Change password").click()
            page.get_by_text("Your password is changed").wait_for()
        with window(browser, size) as page:
            signed_in(page, address, "alice", NEW)
            page.goto(f"{address}/password")
            assert not barriers(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
