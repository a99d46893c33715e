"""Signing in and out, the first admin, the theme: without a script."""

from pathlib import Path

import pytest

from holdfast.http.session import COOKIE
from holdfast.library import accounts
from holdfast.library.accounts import Role
from support.accounts import PASSWORD, House, house
from support.clock import PushedClock
from support.pages import Site, words


@pytest.fixture(name="new")
def _new(tmp_path: Path, clock: PushedClock) -> object:
    with house(tmp_path, clock) as made:
        yield made


def test_sign_in_goes_on_to_where_somebody_was_going(two: Site) -> None:
    """Who opens a page without a sign-in is asked for it and comes to that page afterwards, the query included."""
    client = two.home.client({"Accept": "text/html"})
    asked = client.get("/coverage?month=2026-09&camera=gate")
    assert (asked.status_code, asked.headers["location"]) == (
        303, "/sign-in?next=%2Fcoverage%3Fmonth%3D2026-09%26camera%3Dgate",
    )  # fmt: skip
    two.home.user(Role.VIEWER, "alice")
    assert 'name="next" value="/coverage?month=2026-09&amp;camera=gate"' in client.get(asked.headers["location"]).text
    form = {"name": "alice", "password": PASSWORD, "next": "/coverage?month=2026-09&camera=gate"}
    done = client.post("/sign-in", data=form)
    assert (done.status_code, done.headers["location"]) == (303, form["next"])
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("where", ["https://example.org/", "//example.org/x", "/\\example.org"])
def test_sign_in_leads_nowhere_else(two: Site, where: str) -> None:
    """A link to the sign-in page cannot send whoever signs in to another site (C139)."""
    two.home.user(Role.VIEWER, "alice")
    client = two.home.client({"Accept": "text/html"})
    done = client.post("/sign-in", data={"name": "alice", "password": PASSWORD, "next": where})
    assert done.headers["location"] == "/"
    assert client.get("/sign-in", params={"next": where}).headers["location"] == "/"


def test_a_wrong_password_is_said_and_not_kept(two: Site) -> None:
    """A wrong password leaves the name in the form, says so in words, and is never sent back."""
    two.home.user(Role.VIEWER, "alice")
    client = two.home.client({"Accept": "text/html"})
    answer = client.post("/sign-in", data={"name": "alice", "password": "guess-me-not"})
    assert answer.status_code == 401
    assert 'value="alice"' in answer.text
    assert "guess-me-not" not in answer.text
    assert 'role="alert"' in answer.text
    assert "Check both, capital letters too" in answer.text
    assert "Bearer" not in answer.text
    assert COOKIE not in client.cookies


def test_too_many_tries_are_limited_here_too(two: Site) -> None:
    """The page is no way around the limit on tries: it answers 429 and says when to come back (C103)."""
    client = two.home.client({"Accept": "text/html"})
    answers = [client.post("/sign-in", data={"name": "alice", "password": f"wrong{n}"}) for n in range(12)]
    assert answers[-1].status_code == 429
    assert "too many tries" in words(answers[-1].text).lower()


def test_the_first_admin_is_made_with_the_token(new: House) -> None:
    """While there is no user the page asks for the setup token, which works once; then it asks for a password."""
    token = accounts.setup_token(new.context.catalog(), new.context.state_dir) or ""
    client = new.client({"Accept": "text/html"})
    assert "Setup token" in client.get("/sign-in").text
    wrong = client.post("/sign-in", data={"token": "nonsense", "name": "root", "password": PASSWORD})
    assert wrong.status_code == 401
    assert "Setup token" in wrong.text
    done = client.post("/sign-in", data={"token": f" {token}\n", "name": "root", "password": PASSWORD})
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert "root · admin" in client.get("/").text
    later = new.client({"Accept": "text/html"})
    assert "Setup token" not in later.get("/sign-in").text
    assert later.post("/sign-in", data={"token": token, "name": "eve", "password": PASSWORD}).status_code == 409


def test_signing_out_ends_the_session(two: Site) -> None:
    """After signing out no page opens any more, and none was kept by the browser."""
    client = two.as_()
    assert client.get("/").headers["cache-control"] == "no-store"
    assert client.post("/sign-out").headers["location"] == "/sign-in"
    assert client.get("/").headers["location"] == "/sign-in"


def test_another_site_cannot_sign_anybody_out(two: Site) -> None:
    """A form on another site's page changes nothing here (C139)."""
    client = two.as_()
    assert client.post("/sign-out", headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.get("/").status_code == 200


def test_the_theme_is_remembered(two: Site) -> None:
    """Dark or light is remembered in the browser and stands in the page before any script runs."""
    client = two.as_()
    assert "data-theme" not in client.get("/").text.partition("<body")[0]
    back = client.post(
        "/theme", data={"theme": "light"}, headers={"Referer": "http://127.0.0.1:8080/coverage?month=2026-08"}
    )
    assert back.headers["location"] == "/coverage?month=2026-08"
    assert '<html lang="en" data-theme="light"' in client.get("/").text
    away = client.post("/theme", data={"theme": "neon"}, headers={"Referer": "https://evil.example/x"})
    assert away.headers["location"] == "/"
    assert "data-theme" not in client.get("/").text.partition("<body")[0]


def test_the_page_answers_while_the_catalog_does_not(tmp_path: Path, clock: PushedClock) -> None:
    """Without the catalog nobody can sign in, and the page says that instead of failing (I12)."""
    with house(tmp_path, clock, catalog_url="postgresql://nobody@127.0.0.1:9/none?connect_timeout=1") as made:
        client = made.client({"Accept": "text/html"})
        answer = client.get("/sign-in")
        assert answer.status_code == 503
        assert "Password" in answer.text
        assert "Setup token" not in answer.text
        assert client.post("/sign-in", data={"name": "a", "password": "b"}).status_code == 503
