"""Pages for what went wrong."""

import pytest
from fastapi import APIRouter

from holdfast.core.errors import NotFound
from holdfast.http.rights import Right, needs
from holdfast.library.accounts import Role
from support.pages import Site, words


def test_a_wrong_address_in_the_frame(two: Site) -> None:
    """An address without anything is a 404 in the frame for whoever is signed in; programs get JSON (F55)."""
    html = two.page("/nowhere", status=404)
    assert "there is nothing at this address" in words(html).lower()
    assert 'aria-label="Pages"' in html
    assert two.as_().get("/nowhere", headers={"Accept": "*/*"}).json()["error"]["code"] == "not-found"


def test_nothing_is_shown_to_strangers(two: Site) -> None:
    """A wrong address shows a stranger no camera, site or state."""
    answer = two.home.client({"Accept": "text/html"}).get("/nowhere")
    assert answer.status_code == 404
    assert "gate" not in answer.text


def test_what_an_error_says_is_escaped(two: Site) -> None:
    """An error that repeats what somebody typed does it as text (C140)."""
    html = two.page("/coverage?month=%3Cb%3Ex", status=400)
    assert "<b>x" not in html
    assert "&lt;b&gt;x" in html


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
def test_a_page_for_administrators(two: Site, role: Role) -> None:
    """A page that somebody has no right to says so, with 403; whoever has it sees the page."""
    router = APIRouter(dependencies=[needs(Right.ADMIN)])
    router.add_api_route("/for-admins", lambda: "secret words")
    two.home.app.include_router(router)
    answer = two.as_(role).get("/for-admins")
    assert answer.status_code == (200 if role is Role.ADMIN else 403)
    assert ("secret words" in answer.text) == (role is Role.ADMIN)
    assert role is Role.ADMIN or "this needs the right admin" in words(answer.text).lower()


def test_an_unknown_failure_says_nothing_of_the_inside(two: Site) -> None:
    """What nobody expected is a 500 in words, without a trace of code, and says that recording goes on."""
    router = APIRouter(dependencies=[needs(Right.VIEWER)])

    def broken() -> None:
        raise RuntimeError("the innermost secret")

    router.add_api_route("/broken", broken)
    two.home.app.include_router(router)
    html = two.page("/broken", status=500)
    assert "innermost" not in html
    assert "Recording does not depend on these pages" in html


def test_an_error_of_ours_keeps_its_words(two: Site) -> None:
    """An error's words and its hint are on the page."""
    router = APIRouter(dependencies=[needs(Right.VIEWER)])

    def missing() -> None:
        raise NotFound("there is no camera <attic>", hint="known: gate, dock")

    router.add_api_route("/missing", missing)
    two.home.app.include_router(router)
    html = two.page("/missing", status=404)
    assert "There is no camera &lt;attic&gt;." in html
    assert "Known: gate, dock." in html


def test_a_foreign_name_is_refused_in_words(two: Site) -> None:
    """A name that is not this server's is answered by a page as well, from before the application."""
    client = two.home.client({"Accept": "text/html"}, address="http://evil.example")
    answer = client.get("/")
    assert answer.status_code == 421
    assert "not known as" in words(answer.text)
    assert "gate" not in answer.text
