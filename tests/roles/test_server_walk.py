"""Every route of the real application, whoever wrote it: who may, and what a path can do (X1)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import Mount

from holdfast.http.rights import Needs, Right
from holdfast.library.accounts import Role
from support.accounts import House, house
from support.clock import PushedClock

# What is served without a declaration: the schema, which says no more than the documentation, and the pages' own files.
UNDECLARED = {"/api/v1/openapi.json", "/static"}
LEAST_ROUTES = 15  # that the walk itself sees something
CORPUS = (
    "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e%2f%2e%2e%2fcatalog.sqlite", "%2e%2e", "..%5c..%5cetc",
    "%2fetc%2fpasswd",
    "gate%00", "gate%0a", "gate%2f..%2fyard", "....%2f%2f", "%252e%252e%252f", "~root", "$(id)", "-rf", "%ff%fe",
    "'%20OR%201=1--", "%3cscript%3e", "a" * 300, "CON", "gate;rm", "..%c0%af",
)  # fmt: skip


def routes(app: FastAPI) -> list[RouteContext]:
    """Return every route that the application answers."""
    return [route for route in iter_route_contexts(app.routes) if route.path not in UNDECLARED]


def right_of(route: RouteContext) -> Right | None:
    """Return the highest right that a route declares; None where it declares none."""
    found = [right for right in Right for call in _calls(route.dependant) if call.right is right]
    return found[-1] if found else None


def _calls(dependant: Any) -> Iterator[Needs]:
    for inner in dependant.dependencies:
        if isinstance(inner.call, Needs):
            yield inner.call
        yield from _calls(inner)


def filled(path: str, value: str = "gate") -> str:
    """Return an address of a route: its parameters with this value."""
    return re.sub(r"\{[^}]*\}", lambda _: value, path)


def methods(route: RouteContext) -> list[str]:
    """Return the methods that a route takes; a WebSocket none."""
    taken = (route.methods or set()) - {"OPTIONS"}
    return sorted(taken - {"HEAD"} if "GET" in taken else taken)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    """The application over a new node."""
    with house(tmp_path, PushedClock()) as made:
        yield made


def test_every_route_says_who_may(home: House) -> None:
    """Each route declares the right that it needs, and nothing is mounted that nobody knows (C139)."""
    silent = [route.path for route in routes(home.app) if isinstance(route.route, Mount) or right_of(route) is None]
    assert silent == []
    assert len(routes(home.app)) >= LEAST_ROUTES


def test_nobody_gets_nothing(home: House) -> None:
    """Without a sign-in every route that is not public by declaration answers 401, whatever is asked for (X1, F62)."""
    client = home.client()
    open_ = [
        f"{method} {route.path}: {answer.status_code}"
        for route in routes(home.app)
        if right_of(route) is not Right.PUBLIC
        for method in methods(route)
        for answer in [client.request(method, filled(str(route.path)))]
        if answer.status_code != 401
    ]
    assert open_ == []


@pytest.mark.parametrize(("role", "mine"), [(Role.VIEWER, Right.VIEWER), (Role.OPERATOR, Right.OPERATOR)])
def test_a_lesser_right_gets_no_more(home: House, role: Role, mine: Right) -> None:
    """A viewer is refused on what an operator or admin may, an operator on what an admin may (X1, C103)."""
    client = home.client(home.token(role))
    beyond = [
        f"{method} {route.path}: {answer.status_code}"
        for route in routes(home.app)
        if not mine.covers(right_of(route) or Right.PUBLIC)
        for method in methods(route)
        for answer in [client.request(method, filled(str(route.path)))]
        if answer.status_code != 403
    ]
    assert beyond == []


def test_changes_need_more_than_looking(home: House) -> None:
    """What changes something is not offered to viewers, but for their own session, password and streams (C139)."""
    own = ("/api/v1/session", "/password", "/api/v1/cameras/{", "/live")
    loose = [
        f"{method} {route.path}"
        for route in routes(home.app)
        for method in methods(route)
        if method not in {"GET", "HEAD"}
        and right_of(route) is Right.VIEWER
        and not any(part in str(route.path) for part in own)
    ]
    assert loose == []


def test_paths_lead_nowhere(home: House) -> None:
    """No path parameter can be made to name another file, host or command: 400, 404, 405 or 422 (F62, C140)."""
    token = home.token(Role.ADMIN)
    odd = []
    for number, route in enumerate(route for route in routes(home.app) if "{" in str(route.path)):
        client = home.client(token, peer=f"192.0.2.{number}")  # each with requests of its own: 429 is no answer here
        for method in methods(route):
            for value in CORPUS:
                answer = client.request(method, filled(str(route.path), value), follow_redirects=True)
                if answer.status_code not in {400, 404, 405, 422} or "root:" in answer.text:
                    odd.append(f"{method} {route.path} with {value!r}: {answer.status_code}")
    assert odd == []
