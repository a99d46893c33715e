"""The page of stills."""

import re
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from holdfast.catalog import nodes, stills
from holdfast.catalog.stills import Outcome
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.timing import MINUTE_US, to_datetime
from holdfast.library.accounts import Role
from support.clock import PushedClock
from support.films import moving, still
from support.pages import Site, site, words


@pytest.fixture(name="kept")
def _kept(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node whose gate has a still each minute of the last ten, of which four in the middle were missed."""
    picture = still(tmp_path / "a.jpg", moving(1)).read_bytes()
    with site(tmp_path, clock, "gate", "dock") as made:
        context = made.home.context
        (volume, root), *_ = context.volumes.items()
        outcomes = []
        for number in range(10):
            slot_us = clock.wall_us() - (10 - number) * MINUTE_US
            file = f"stills/gate/{number}.jpg"
            (root / "stills/gate").mkdir(parents=True, exist_ok=True)
            (root / file).write_bytes(picture)
            missed = 3 <= number < 7
            cause = ("damaged" if number == 6 else "unreachable") if missed else ""
            taken = {} if missed else {
                "at_us": slot_us, "volume": volume, "file": file, "width": 320, "height": 180, "source_width": 320,
                "source_height": 180, "bytes": len(picture), "sha256": "0" * 64,
            }  # fmt: skip
            outcomes.append(Outcome(camera="gate", slot_us=slot_us, cause=cause, **taken))  # type: ignore[arg-type] # facts by name
        with context.catalog().write() as tx:
            stills.put(tx, nodes.ensure(tx, context.node, 1), outcomes, 1)
        yield made


def day_of(kept: Site, us: int) -> date:
    """Return the day at the site."""
    return to_datetime(us, kept.home.context.zone).date()


def test_a_day_has_its_pictures_and_what_was_missed(kept: Site) -> None:
    """Each still is a small picture that leads to the large one; an outage is one tile that says why (C014, C094)."""
    html = kept.page("/stills?camera=GATE")
    text = words(html)
    assert "6 taken" in text
    assert "4 missed" in text
    assert len(re.findall(r'<a class="still" href="/api/v1/stills/\d+-\d+/picture"', html)) == 6
    assert html.count('loading="lazy"') == 6
    assert "3 missed: no connection to the camera could be made" in text
    assert "Missed: the footage cannot be decoded" in text
    large = re.findall(r'href="(/api/v1/stills/[^"]*/picture)"', html)[0]
    assert kept.as_().get(large).content[:2] == b"\xff\xd8"
    assert re.findall(r'data-watch="/cameras/gate\?at=\d+"', html)


def test_encrypted_stills_are_named_and_not_shown(kept: Site) -> None:
    """One is a tile that leads to its file, with words how to open it; where all are, no film is offered (C155)."""
    context = kept.home.context
    (volume, _), *_ = context.volumes.items()
    slot_us = kept.clock.wall_us() - MINUTE_US // 2
    for camera in ("gate", "dock"):
        one = Outcome(
            camera=camera, slot_us=slot_us, at_us=slot_us, volume=volume, file=f"stills/{camera}/x.jpg.age", width=320,
            height=180, bytes=9, sha256="0" * 64, plain_bytes=7, plain_sha256="1" * 64,
        )  # fmt: skip
        with context.catalog().write() as tx:
            stills.put(tx, nodes.ensure(tx, context.node, 1), [one], 1)
    html = kept.page("/stills?camera=gate", Role.OPERATOR)
    assert "7 taken" in words(html)
    assert "1 encrypted" in words(html)
    assert "holdfast decrypt FILE --identity KEY" in words(html)
    assert len(re.findall(r'<a class="still-sealed" href="/api/v1/stills/\d+-\d+/encrypted" download', html)) == 1
    assert len(re.findall(r"<img ", html.partition('id="stills"')[2].partition("</ul>")[0])) == 6
    assert "Make film" in words(html)
    assert "Make film" not in words(kept.page("/stills?camera=dock", Role.OPERATOR))


def test_missed_alone(kept: Site) -> None:
    """Only what was missed can be shown, by day."""
    html = kept.page("/stills?camera=gate&only=missed")
    assert '<a class="still"' not in html
    assert "3 missed" in words(html)


def test_other_days_and_cameras_are_empty_and_say_so(kept: Site) -> None:
    """A day without stills says that nothing was planned; a camera without any says how to have some."""
    assert "None on this day" in words(kept.page("/stills?camera=gate&date=2020-02-02"))
    assert "No stills of dock yet" in words(kept.page("/stills?camera=dock"))
    assert "/cameras/dock/edit" in kept.page("/stills?camera=dock", Role.ADMIN)
    assert kept.as_().get("/stills", params={"date": "yesterday-ish"}).status_code == 422


def test_a_day_is_deleted_by_who_may_and_means_it(kept: Site) -> None:
    """Deleting asks first; then pictures and rows go. Viewers are neither offered nor allowed it."""
    day = day_of(kept, kept.clock.wall_us() - 10 * MINUTE_US)
    form = {"camera": "gate", "date": str(day)}
    assert "/stills/delete" not in kept.page(f"/stills?camera=gate&date={day}")
    assert kept.as_().post("/stills/delete", data=form).status_code == 403
    admin = kept.as_(Role.ADMIN)
    asked = admin.post("/stills/delete", data=form)
    assert "This cannot be undone" in words(asked.text)
    assert "6 taken" in words(kept.page("/stills?camera=gate"))
    admin.post("/stills/delete", data={**form, "sure": "yes"})
    assert "No stills of gate yet" in words(kept.page("/stills?camera=gate"))


def test_without_the_catalog_it_says_that_nothing_is_lost(kept: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the catalog is away the page says so, and that stills are taken later."""

    def away(*_facts: object, **_more: object) -> None:
        raise CatalogUnavailable("it does not answer")

    monkeypatch.setattr("holdfast.library.kept_stills.days", away)
    assert "None is lost" in kept.page("/stills", status=503)


def test_a_film_of_a_day(kept: Site) -> None:
    """An operator has a film made of a part of the day; the page says how it stands and then leads to it (C014)."""
    day = str(day_of(kept, kept.clock.wall_us() - 10 * MINUTE_US))
    operator = kept.as_(Role.OPERATOR)
    assert "Make film" not in kept.page(f"/stills?camera=gate&date={day}")
    assert operator.post("/stills/film", data={"camera": "gate", "date": day, "rate": "fast"}).status_code == 422
    form = {"camera": "gate", "date": day, "begin": "00:00", "end": "23:59", "rate": "4"}
    begun = operator.post("/stills/film", data=form, follow_redirects=False)
    assert begun.status_code == 303
    where = begun.headers["location"]
    text = ""
    for _ in range(600):
        text = words(operator.get(where).text)
        if "is being made" not in text:
            break
        time.sleep(0.1)  # the film's process has a clock of its own
    assert "The film is done 6 pictures at 4 a second" in text
    link = re.findall(r'href="(/api/v1/timelapses/[0-9a-f]+/film.mp4)"', operator.get(where).text)[0]
    assert operator.get(link).content[4:8] == b"ftyp"
