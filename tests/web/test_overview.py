"""The wall of all cameras."""

import re
from pathlib import Path

import pytest

from holdfast.core.status import StreamState
from holdfast.library.accounts import Role
from support.clock import PushedClock
from support.pages import Site, site, words


def tiles(html: str) -> dict[str, str]:
    """The tiles that are shown: camera to state."""
    found = re.findall(r'<li class="tile" data-camera="([^"]+)"[^>]*data-state="(\w+)"[^>]*?( hidden)?>', html)
    return {camera: state for camera, state, hidden in found if not hidden}


def test_a_tile_for_each_camera(two: Site) -> None:
    """Each camera has a tile with its latest picture, its state as a badge, and a way to its page (C115)."""
    two.says("gate")
    two.says("dock", StreamState.STALLED, reason="stalled", detail="no media for 12 s")
    html = two.page("/")
    assert tiles(html) == {"gate": "recording", "dock": "stalled"}
    for camera in ("gate", "dock"):
        assert f'src="/api/v1/cameras/{camera}/still.jpg?width=640"' in html
        assert f'href="/cameras/{camera}"' in html
    assert "1080p 25 fps" in words(html)


@pytest.mark.parametrize(
    ("state", "more", "badge"),
    [
        (StreamState.RECORDING, {}, "recording"),
        (StreamState.RECORDING, {"mismatch": ["video.width: 1280, expected 1920"]}, "incident"),
        (StreamState.STALLED, {"reason": "stalled"}, "stalled"),
        (StreamState.WAITING, {"reason": "refused", "detail": "453 Not Enough Bandwidth"}, "offline"),
        (StreamState.DISABLED, {}, "off"),
    ],
)
def test_badges(two: Site, state: StreamState, more: dict[str, object], badge: str) -> None:
    """Recording, stalled, offline, an incident and off have a badge each (C115)."""
    two.says("gate", state, **more)
    assert tiles(two.page("/"))["gate"] == badge


def test_the_filter_works_without_scripts(two: Site) -> None:
    """Text and state choose tiles on the server too; an empty choice says so and leads back (C115)."""
    two.says("gate")
    assert tiles(two.page("/?q=GA")) == {"gate": "recording"}
    assert tiles(two.page("/?state=offline")) == {"dock": "offline"}
    html = two.page("/?q=attic")
    assert tiles(html) == {}
    assert re.search(r'id="none-found">', html)


def test_the_filter_by_location_and_flag(tmp_path: Path, clock: PushedClock) -> None:
    """Cameras are found by where they are, and those that somebody should know something about (C115)."""
    more = "".join(
        f'[cameras.{camera}]\nurl = "rtsp://127.0.0.1:9/{camera}"\nlocation = "{place}"\n'
        for camera, place in (("barn", "loc-1"), ("gate", "loc-2"))
    )
    with site(tmp_path, clock, more=more) as made:
        assert set(tiles(made.page("/?location=loc-1"))) == {"barn"}
        made.says("gate", mismatch=["video.width: 1280, expected 1920"])
        made.says("barn")
        assert set(tiles(made.page("/?flag=1"))) == {"gate"}
        assert 'name="location"' in made.page("/")
        assert 'hidden id="flag-box"' not in made.page("/")


def test_the_filter_by_site(tmp_path: Path, clock: PushedClock) -> None:
    """Cameras of several sites can be told apart; with one site there is nothing to choose (C115)."""
    more = "".join(
        f'[cameras.{camera}]\nurl = "rtsp://127.0.0.1:9/{camera}"\nsite = "{place}"\n'
        for camera, place in {"pier": "north", "barn": "south"}.items()
    )
    with site(tmp_path, clock, more=more) as made:
        assert set(tiles(made.page("/?site=south"))) == {"barn"}
        assert 'name="site"' in made.page("/")


def test_trouble_has_a_banner(two: Site) -> None:
    """A banner says what is wrong and what to do, and is not there when all is well (C115)."""
    two.says("gate")
    two.says("dock")
    assert re.search(r'id="trouble" hidden>', two.page("/"))
    two.says("gate", StreamState.STALLED, reason="stalled", detail="no media for 12 s", hint="look at its cable")
    html = two.page("/")
    assert re.search(r'id="trouble">', html)
    assert "Look at its cable" in words(html)


def test_nothing_recorded_yet(tmp_path: Path, clock: PushedClock) -> None:
    """Without cameras the page says what will appear, and how an administrator gets it."""
    with site(tmp_path, clock) as made:
        admin, viewer = words(made.page("/", Role.ADMIN)), words(made.page("/"))
    assert "No cameras yet" in admin
    assert "holdfast cameras add" in admin
    assert "An administrator can add the first one" in viewer


def test_the_page_needs_no_catalog(tmp_path: Path, clock: PushedClock) -> None:
    """The wall is there while the catalog is away, for whoever is signed in already (I12)."""
    with site(tmp_path, clock, "gate") as made:
        made.says("gate")
        made.page("/")
        made.home.context.catalog().close()
        (tmp_path / "state/catalog.sqlite").unlink()
        (tmp_path / "state/catalog.sqlite").mkdir()
        clock.advance(6)
        made.says("gate")
        assert tiles(made.page("/")) == {"gate": "recording"}
