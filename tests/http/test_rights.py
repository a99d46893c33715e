import itertools

import pytest
from fastapi import APIRouter
from starlette.requests import HTTPConnection

from holdfast.core.errors import CatalogUnavailable, SignInNeeded
from holdfast.http.app import build
from holdfast.http.rights import Identity, Right, identity_of, needs
from support.accounts import House
from support.web import application


def test_rights_contain_each_other() -> None:
    """Each right covers itself and those before it, and none after it."""
    for mine, wanted in itertools.product(Right, Right):
        assert mine.covers(wanted) == (list(Right).index(mine) >= list(Right).index(wanted))


def test_nobody_has_no_identity() -> None:
    """Asking who asks, where nobody is signed in, is answered with the need to sign in."""
    connection = HTTPConnection({"type": "http", "headers": [], "state": {"identity": None}})
    with pytest.raises(SignInNeeded):
        identity_of(connection)
    connection.state.identity = Identity(name="ann", right=Right.VIEWER)
    assert identity_of(connection).name == "ann"


def test_what_is_public_does_not_wait_for_the_catalog(home: House) -> None:
    """A public route answers somebody with a session while the catalog is away; one that needs a right says 503."""
    router = APIRouter()
    router.get("/open", dependencies=[needs(Right.PUBLIC)])(lambda: "open")
    router.get("/closed", dependencies=[needs(Right.VIEWER)])(lambda: "closed")

    def identify(connection: HTTPConnection) -> Identity | None:
        raise CatalogUnavailable("away")

    home.app = build(home.context, identify, [router])
    assert home.client().get("/open").status_code == 200
    assert home.client().get("/closed").status_code == 503


def test_a_right_is_enough_or_not(home: House) -> None:
    """Nobody is asked to sign in, a lesser right is refused by its name, the right and more of it are let in (C139)."""
    router = APIRouter(dependencies=[needs(Right.OPERATOR)])
    router.get("/switch")(lambda: "done")
    home.app = application(home.context, [router])
    said = {right: home.client({"x-test-right": right}).get("/switch") for right in Right}
    assert [answer.status_code for answer in said.values()] == [401, 403, 200, 200]
    assert "needs the right operator; test-viewer has viewer" in said[Right.VIEWER].json()["detail"]
