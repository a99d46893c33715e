"""All pages together."""

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from holdfast.http.rights import Needs, Right
from holdfast.library.accounts import Role
from holdfast.web.frame import PLACES
from holdfast.web.pages import ROUTERS
from support.clock import PushedClock
from support.events import moved, put
from support.pages import Site, cameras_at, silent_cameras, site, was_asked

# What the predecessors served at the root, and what a later issue serves there again (docs/design/0006).
RESERVED = {
    "bookings", "recordings", "recording-logs", "booking-stats", "status", "share", "media", "signed-url", "stream",
    "delete-video", "system", "live-preview", "health", "livez", "metrics", "api",
}  # fmt: skip
NAS = """
[targets.nas]
type = "folder"
path = "nas"
[deliveries.nas]
target = "nas"
[handovers.nas]
type = "marker"
"""
PUBLIC = {"/static/{version}/{name:path}", "/sign-in", "/sign-out", "/theme"}
LEADS_ON = "/cameras/-/show"  # no page of its own: it leads to a camera's


def routes() -> list[APIRoute]:
    """Every route of every page."""
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def rights(route: APIRoute) -> set[Right]:
    """The rights that a route declares."""
    return {d.dependency.right for d in route.dependencies if isinstance(d.dependency, Needs)}


def test_every_page_declares_its_right() -> None:
    """Each page says who may see it; only signing in, static files and the theme are for everybody (C103)."""
    assert {route.path for route in routes() if not rights(route)} == set()
    assert {route.path for route in routes() if Right.PUBLIC in rights(route)} == PUBLIC


def test_every_page_asks_for_a_sign_in(two: Site) -> None:
    """Who is not signed in sees no page, and is led to the one that asks (C103)."""
    client = two.home.client({"Accept": "text/html"})
    for route in routes():
        path = re.sub(r"\{[^}]+\}", "gate", route.path)
        if route.path not in PUBLIC and "GET" in (route.methods or ()):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in"), path


@pytest.mark.best_of_three
def test_every_page_comes_at_once_beside_dead_cameras(tmp_path: Path, clock: PushedClock) -> None:
    """With 8 dead cameras that have footage and gaps, each page is there within half a second, from its rows (F66)."""
    with silent_cameras(8) as cameras, site(tmp_path, clock, more=cameras_at(cameras) + NAS) as made:
        for n in range(8):
            journal = made.journal(f"dead{n}")
            for _ in range(10):
                journal.record(60)
                journal.down("unreachable", 30)
            journal.close()
        made.index()
        event = put(made, replace(moved(clock.wall_us())[0], camera="dead3"))
        admin, slow = made.as_(Role.ADMIN), {}
        for route in routes():
            path = route.path.replace("{camera}", "dead3").replace("{event}", str(event)).replace("{name}", "nas")
            if route.path in {*PUBLIC, LEADS_ON} or "GET" not in (route.methods or ()):
                continue
            took_s = []
            for _ in range(2):  # the first one also compiles its template
                # Of the processor, which others want, too; a page that asked a camera would be seen to.
                began = time.process_time()
                answer = admin.get(path)
                took_s.append(time.process_time() - began)
                assert answer.status_code == 200, path
            if min(took_s) > 0.5:
                slow[path] = min(took_s)
        assert slow == {}
        assert "unreachable" in made.page("/cameras/dead3")
        assert "unreachable" in made.page("/coverage?camera=dead3")
        assert not was_asked(cameras)


def test_no_page_takes_a_reserved_path() -> None:
    """The predecessors' paths at the root stay theirs."""
    assert {route.path.split("/")[1] for route in routes()} & RESERVED == set()


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.path)
def test_the_rail_leads_to_pages(place: object) -> None:
    """Each entry of the rail has its page, and nobody is shown one that is not for them."""
    found = [route for route in routes() if route.path == getattr(place, "path")]  # noqa: B009 - typed as object
    assert found
    assert rights(found[0]) == {getattr(place, "right")}  # noqa: B009 - typed as object
