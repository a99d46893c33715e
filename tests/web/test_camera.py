"""A camera's page as the server makes it: useful without scripts, whatever is down."""

import re
from pathlib import Path

from holdfast.core.clock import SystemClock
from holdfast.core.status import StreamState
from holdfast.library import notes
from holdfast.library.accounts import Role
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
    made = {"kind": "video", "codec": "h264", "width": 640, "height": 360, "encoder": "libx264"}
    two.says("gate", tracks=[made])
    assert "H.264 · encoded here by libx264" in words(two.page("/cameras/gate"))  # C025
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


def test_notes_are_written_without_scripts(two: Site) -> None:
    """An operator writes a note about the instant or now, camera or site, by a form; viewers have none (C012, C128)."""
    volumes = {"main": two.root / "vol"}
    operator = two.as_(Role.OPERATOR)
    sent = {"words": " lens <cleaned> ", "at": "1777665600000000", "about": "camera"}
    answer = operator.post("/cameras/gate/notes", data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, "/cameras/gate?at=1777665600000000")
    answer = operator.post("/cameras/gate/notes", data={"words": "storm", "at": "now", "about": "site"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/cameras/gate")
    written = {note.words: note for note in notes.read(volumes)}
    assert {said: note.camera for said, note in written.items()} == {"lens <cleaned>": "gate", "storm": None}
    assert all(note.author.startswith("operator") for note in written.values())
    assert written["lens <cleaned>"].at_us == 1777665600000000
    assert written["storm"].at_us == two.clock.wall_us()
    page = two.page("/cameras/gate?at=1777665600000000", Role.OPERATOR)
    assert 'value="1777665600000000" selected' in page
    assert 'id="note-form"' not in two.page("/cameras/gate")
    assert two.as_().post("/cameras/gate/notes", data=sent).status_code == 403


def test_a_note_that_cannot_be_written_says_why(two: Site) -> None:
    """Empty words are refused on the page that they were typed on, where what else was chosen still stands."""
    operator = two.as_(Role.OPERATOR)
    for typed, why in ((" \n", "Write what happened: a note needs words"), ("a" * 4001, "A note has 4000 letters")):
        answer = operator.post("/cameras/gate/notes", data={"words": typed, "at": "now", "about": "site"})
        assert answer.status_code == 422
        assert why in words(answer.text)
        assert '<option value="site" selected>' in answer.text
        assert 'aria-invalid="true"' in answer.text
    assert operator.post("/cameras/attic/notes", data={"words": "x"}).status_code == 404
    assert notes.read({"main": two.root / "vol"}) == []
