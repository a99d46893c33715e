"""A camera's page as the server makes it: useful without scripts, whatever is down."""

import re
from pathlib import Path

from holdfast.core.clock import SystemClock
from holdfast.core.status import StreamState
from holdfast.library import notes
from support.clock import PushedClock
from support.pages import Site, site, words
from support.recording import footage_files, recording, stream_plan, until
from support.sim import simulated, small_camera


def test_facts_stand_without_scripts(two: Site) -> None:
    """What a camera sends, since when it records and what is wrong is on its page before any script runs (C117)."""
    two.says("gate", notes=["sound is G.729, which is not recorded"])
    said = words(two.page("/cameras/gate"))
    assert "1920×1080 25 fps" in said  # noqa: RUF001 - the sign, not a letter
    assert "4.0 Mb/s · H.264" in said
    assert "Recording since" in said
    assert "sound is G.729, which is not recorded" in said
    two.says("dock", StreamState.WAITING, reason="auth", detail="401", hint="correct the password")
    said = words(two.page("/cameras/dock"))
    assert "offline" in said
    assert "Correct the password" in said


def test_a_camera_that_is_none(two: Site) -> None:
    """An unknown camera, and a name that cannot be one, are a page that says so."""
    for path in ("/cameras/attic", "/cameras/a%20b", f"/cameras/{'a' * 80}"):
        html = two.page(path, status=404)
        assert "Nothing here" in words(html)


def test_an_instant_that_is_none(two: Site) -> None:
    """What is no time is refused in words; a typed one is read as the site's time."""
    (two.root / "vol" / "footage" / "gate" / "main").mkdir(parents=True)
    two.page("/cameras/gate?at=soon", status=400)
    assert re.search(r'<hf-player [^>]*at="1777665600000000"', two.page("/cameras/gate?at=2026-05-01T20:00"))


def test_before_anything_was_recorded(two: Site) -> None:
    """A camera without footage says what will appear; one that is switched off says that."""
    two.says("gate", StreamState.DISABLED)
    said = words(two.page("/cameras/gate"))
    assert "Nothing has been recorded yet" in said
    assert "This camera is switched off" in said
    assert "<hf-player" not in two.page("/cameras/gate")
    two.says("gate", StreamState.WAITING, reason="unreachable")
    assert "<hf-player" in two.page("/cameras/gate")  # it tells why nothing comes, and begins by itself


def test_a_camera_that_was_removed_can_be_looked_at(two: Site) -> None:
    """What a camera recorded before it was removed from the settings stays reachable, and the page says so."""
    (two.root / "vol" / "footage" / "attic" / "main").mkdir(parents=True)
    said = words(two.page("/cameras/attic"))
    assert "not in the settings any more" in said
    assert "removed" in said


def test_a_catalog_that_is_away_costs_one_card(tmp_path: Path, clock: PushedClock) -> None:
    """Without the catalog's rows the page stands; only today's coverage says that it is not known."""
    with site(tmp_path, clock, "gate") as made:
        made.says("gate")
        assert "Not known just now" in words(made.page("/cameras/gate"))


def test_notes_and_begin(tmp_path: Path) -> None:
    """Notes are listed with a way to their instant, escaped; the timeline learns where footage begins."""
    clock = SystemClock()
    with simulated(small_camera("gate")) as sim, site(tmp_path, clock, "gate", url=sim.url("gate")) as made:
        plan = stream_plan(tmp_path / "vol", sim.url("gate"), camera="gate", segment_s=1)
        with recording(plan):
            until(lambda: len(footage_files(plan)) >= 1)
        at_us = clock.wall_us() - 1_000_000
        volumes = {"main": tmp_path / "vol"}
        note = notes.write(volumes, clock, "lens <cleaned>", camera="gate", at_us=at_us, author="alice")
        notes.record(made.home.context.catalog(), [note], clock)
        html = made.page("/cameras/gate")
        assert f'href="/cameras/gate?at={at_us}"' in html
        assert "lens &lt;cleaned&gt;" in html
        first = re.search(r'data-first="(\d+)"', html)
        assert first is not None
        assert 0 < clock.wall_us() - int(first[1]) < 60_000_000
