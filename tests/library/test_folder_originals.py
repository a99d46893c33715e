import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog import incidents
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.incidents import Wanted
from holdfast.core.clock import SystemClock
from holdfast.core.config import CameraConfig
from holdfast.core.config.encode import EncodeConfig
from holdfast.core.incident import IncidentType
from holdfast.core.timing import SECOND_US
from holdfast.library.folder_originals import PATIENCE_US, Originals, Place, originals_of, place_of, reach_of
from holdfast.library.still_pictures import Answer
from holdfast.library.still_taking import FINAL_US
from holdfast.media.keeping import Style
from holdfast.media.source.folder_names import Captured, captured
from holdfast.media.still import Form
from support.clock import PushedClock
from support.folders import picture, put
from support.media import WALL_US
from support.node import Node
from support.still_films import finish, means, numbered, order, outcomes, taker
from support.watched_film import Gate

STYLE = Style(thumbnail=None)


def write(folder: Path, name: str, shade: int, at_us: int, form: str = "jpeg") -> bytes:
    """Write a picture that was captured at an instant; returns its bytes."""
    body = picture(shade, form)
    put(folder, name, body, modified_s=at_us / SECOND_US)
    return body


def test_the_nearest_picture_is_the_file_itself(tmp_path: Path) -> None:
    """Of the files around an instant the nearest one that fits is handed on unchanged (C148)."""
    clock = PushedClock(WALL_US)
    folder = Originals(Place(tmp_path, "", "UTC"), clock, 30.0)
    clock.advance(20)
    bodies = [write(tmp_path, f"{n}.jpg", 40 + n, WALL_US + n * SECOND_US // 5) for n in range(10)]
    write(tmp_path, "near.png", 9, WALL_US + SECOND_US, "png")
    write(tmp_path, "near_thumbnail.jpg", 9, WALL_US + SECOND_US)
    (tmp_path / "half.jpg").write_bytes(bodies[0][:900])
    os.utime(tmp_path / "half.jpg", (WALL_US / SECOND_US + 1, WALL_US / SECOND_US + 1))
    found = folder.nearest(WALL_US + SECOND_US + 60_000, SECOND_US, STYLE)
    assert isinstance(found, tuple)
    assert found[1].body == bodies[5]
    assert abs(found[0].at_us - WALL_US - SECOND_US) < 1000
    assert (found[1].width, found[1].source_height) == (320, 240)
    assert folder.nearest(WALL_US + 9 * SECOND_US, SECOND_US, STYLE) is None
    assert folder.nearest(WALL_US, SECOND_US, replace(STYLE, form=Form.WEBP)) is None
    assert folder.nearest(WALL_US, SECOND_US, replace(STYLE, width=200)) is None
    # A name that another picture took is not the picture of before.
    assert isinstance(folder.nearest(WALL_US + SECOND_US, SECOND_US // 10, STYLE), tuple)
    write(tmp_path, "5.jpg", 200, WALL_US + 8 * SECOND_US)
    assert folder.nearest(WALL_US + SECOND_US, SECOND_US // 10, STYLE) is None
    found = folder.nearest(WALL_US + 8 * SECOND_US, SECOND_US // 2, STYLE)
    assert isinstance(found, tuple)
    assert found[1].body == picture(200)


def test_a_folder_that_is_away_has_nothing(tmp_path: Path) -> None:
    """Nobody stumbles over a folder that is not there."""
    clock = PushedClock(WALL_US)
    clock.advance(2)
    assert Originals(Place(tmp_path / "gone", "", "UTC"), clock, 30.0).nearest(WALL_US, SECOND_US, STYLE) is None


class Slow:
    """A folder that answers late: `os.scandir`, with what comes before it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, before: Callable[[], object]) -> None:
        self.looks = 0
        self._before = before
        self._real = os.scandir
        monkeypatch.setattr("holdfast.library.folder_originals.os.scandir", self)

    def __call__(self, path: Path) -> Any:
        """Look through a folder."""
        self.looks += 1
        self._before()
        return self._real(path)


def test_a_file_server_that_hangs_holds_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instant waits for its file for a minute, then is left to footage, and so are those after it (C148)."""
    clock, answers = PushedClock(WALL_US), threading.Event()
    slow = Slow(monkeypatch, lambda: answers.wait(60))
    write(tmp_path, "a.jpg", 40, WALL_US + 200 * SECOND_US)
    folder = Originals(Place(tmp_path, "", "UTC"), clock, 0.01)
    clock.advance(10)
    try:
        for _ in range(50):
            assert folder.nearest(WALL_US, SECOND_US, STYLE) is Answer.LATER
        clock.advance(PATIENCE_US / SECOND_US + 1)
        for second in range(50):
            assert folder.nearest(WALL_US + second * SECOND_US, SECOND_US, STYLE) is None
        assert slow.looks == 1
        assert [thread.name for thread in threading.enumerate()].count("originals") == 1
    finally:
        answers.set()
    for thread in threading.enumerate():
        if thread.name == "originals":
            thread.join(60)
    clock.advance(200)
    assert isinstance(answered(folder, WALL_US + 200 * SECOND_US), tuple)


def answered(folder: Originals, slot_us: int) -> object:
    """What is said in the end; asked again as long as it is not known."""
    until = time.monotonic() + 60
    while (found := folder.nearest(slot_us, SECOND_US // 2, STYLE)) is Answer.LATER and time.monotonic() < until:
        time.sleep(0.01)
    return found


def test_a_full_folder_gives_every_still_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not looked through since an instant is not that nothing is there: it is answered after the next look (C148)."""
    clock = PushedClock(WALL_US)
    slow = Slow(monkeypatch, lambda: clock.advance(1.5))
    folder = Originals(Place(tmp_path, "", "UTC"), clock, 30.0)
    for second in range(40):
        write(tmp_path, f"{second}.jpg", 40 + second, WALL_US + second * SECOND_US)
    clock.advance(2)
    files, later, second = [], 0, 0
    while second < 40:
        found = folder.nearest(WALL_US + second * SECOND_US, SECOND_US // 2, STYLE)
        if found is Answer.LATER:
            later += 1
            clock.advance(0.5)
        else:
            assert isinstance(found, tuple)
            files.append(found[1].body)
            second += 1
    assert files == [picture(40 + second) for second in range(40)]
    assert later > 20
    assert slow.looks <= 5


def test_what_lies_there_is_judged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look asks when it was captured of new and changed files alone, however many lie there (C148)."""
    clock, judged = PushedClock(WALL_US), list[str]()

    def noting(name: str, *facts: Any, **more: Any) -> Captured:
        judged.append(name)
        return captured(name, *facts, **more)

    monkeypatch.setattr("holdfast.library.folder_originals.captured", noting)
    folder = Originals(Place(tmp_path, "", "UTC"), clock, 30.0)
    for second in range(5):
        write(tmp_path, f"{second}.jpg", 40 + second, WALL_US + second * SECOND_US)
    clock.advance(6)
    assert isinstance(folder.nearest(WALL_US + 4 * SECOND_US, SECOND_US // 2, STYLE), tuple)
    write(tmp_path, "2.jpg", 90, WALL_US + 8 * SECOND_US)
    (tmp_path / "0.jpg").unlink()
    clock.advance(6)
    found = folder.nearest(WALL_US + 8 * SECOND_US, SECOND_US // 2, STYLE)
    assert isinstance(found, tuple)
    assert found[1].body == picture(90)
    assert judged == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg", "2.jpg"]
    assert folder.nearest(WALL_US, SECOND_US // 2, STYLE) is None


def test_only_a_camera_that_is_a_folder_has_originals(tmp_path: Path) -> None:
    """Relative folders start from the configuration; other cameras have none."""
    made = CameraConfig(url="folder://captures", options={"pattern": "*.jpg"})
    assert place_of("bench", made, "UTC", tmp_path) == Place(tmp_path / "captures", "*.jpg", "UTC")
    assert place_of("gate", CameraConfig(url="rtsp://192.0.2.1/"), "UTC", tmp_path) is None
    # A file cannot be turned without changing it; its stills are of footage, which is.
    assert (
        place_of("bench", CameraConfig(url="folder://captures", encode=EncodeConfig(rotation=180)), "UTC", tmp_path)
        is None
    )
    assert originals_of(None, PushedClock()) is None
    assert [reach_of(round(s * SECOND_US)) for s in (0.04, 0.4, 1, 300)] == [100_000, 200_000, 500_000, SECOND_US]


@pytest.fixture(name="catalog")
def _catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        yield catalog


def test_stills_of_a_folder_are_its_files(tmp_path: Path, catalog: Catalog) -> None:
    """A still is the file of its instant while that lies there, else a picture of footage; never twice (C148, S1)."""
    gate, folder = Gate(tmp_path / "vol"), tmp_path / "captures"
    folder.mkdir()
    began_us = gate.record(10, numbered, group=50)
    gate.down("recorder-down", 10)
    gate.clock.advance(FINAL_US / SECOND_US + 10)
    # Nothing lies there of the first 5 s; while nobody recorded, pictures were written.
    bodies = {s: write(folder, f"{s}.jpg", 40 + s, began_us + s * SECOND_US + 200_000) for s in range(5, 18)}
    on = replace(means(gate, catalog), originals=Originals(Place(folder, "", "UTC"), gate.clock, 30.0))
    finish(on, taker(on, order(1), began_us - 1))
    taken = [one for one in outcomes(catalog) if not one.cause]
    assert [(one.slot_us - began_us) // SECOND_US for one in taken] == list(range(18))
    for second, one in enumerate(taken):
        body = (gate.root / one.file).read_bytes()
        assert (body == bodies.get(second)) == (second >= 5), second
        assert one.sha256 == hashlib.sha256(body).hexdigest()
        assert one.at_us is not None
        assert abs(one.at_us - one.slot_us) <= (201_000 if second >= 5 else 41_000)
    assert {one.cause for one in outcomes(catalog) if one.slot_us >= began_us + 18 * SECOND_US} != {""}
    before = outcomes(catalog)
    finish(on, taker(on, order(1), began_us - 1))
    assert outcomes(catalog) == before


def test_a_still_waits_for_its_file_and_then_is_of_footage(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a file server does not answer nothing is decided; after a minute footage is taken instead (C148, S1)."""
    gate, folder, answers = Gate(tmp_path / "vol"), tmp_path / "captures", threading.Event()
    folder.mkdir()
    began_us = gate.record(4, numbered, group=50)
    gate.clock.advance(5)
    body = write(folder, "1.jpg", 41, began_us + SECOND_US)
    Slow(monkeypatch, lambda: answers.wait(60) if threading.current_thread().name == "originals" else None)
    on = replace(means(gate, catalog), originals=Originals(Place(folder, "", "UTC"), gate.clock, 0.01))
    one = taker(on, order(1), began_us - 1)
    try:
        for _ in range(3):
            assert not one.work(20 * SECOND_US)
            assert one.waiting == []
        gate.clock.advance(PATIENCE_US / SECOND_US + 1)
        finish(on, one)
    finally:
        answers.set()
    taken = [each for each in outcomes(catalog) if not each.cause]
    assert [(each.slot_us - began_us) // SECOND_US for each in taken] == [0, 1, 2, 3, 4]
    assert all((gate.root / each.file).read_bytes() != body for each in taken)


def test_a_short_outage_of_the_recorder_waits_for_nothing(tmp_path: Path, catalog: Catalog) -> None:
    """Where pictures lie there, the cause of a hole is not waited for; where some may be unwanted, it is (C148)."""
    gate, folder = Gate(tmp_path / "vol"), tmp_path / "captures"
    folder.mkdir()
    began_us = gate.record(4, numbered, group=50)
    gate.down("recorder-down", 4)
    gate.record(4, numbered, group=50)
    bodies = [write(folder, f"{s}.jpg", 40 + s, began_us + s * SECOND_US + 100_000) for s in range(12)]
    decided = {}
    for always in (False, True):
        on = replace(
            means(gate, catalog, tmp_path / f"own-{always}"),
            originals=Originals(Place(folder, "", "UTC", always), gate.clock, 30.0),
        )
        one = taker(on, order(1), began_us - 1)
        one.work(20 * SECOND_US)
        decided[always] = len([each for each in one.waiting if not each.cause])
        taken = one.waiting
    assert decided == {False: 5, True: 12}
    assert [(tmp_path / "own-True" / each.file).read_bytes() for each in taken] == bodies


@contextmanager
def program(folder: Path, shade: "list[int]") -> Iterator[dict[str, bytes]]:
    """Write five pictures a second, of the shade that stands in the list; the same twenty names again and again."""
    stop, written, number = threading.Event(), dict[str, bytes](), 0

    def work() -> None:
        nonlocal number
        while not stop.wait(0.2):
            body = picture(max(0, shade[0] + (number % 2) * 6 if shade[0] else 0))
            written[hashlib.sha256(body).hexdigest()] = body
            put(folder, f"test_capture_{number % 20:06}.jpg", body)
            number += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield written
    finally:
        stop.set()
        thread.join()


@pytest.mark.best_of_three
def test_a_folder_is_a_camera_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Black pictures are an incident, stills are the files that were written, and no kill doubles one (C148, C052)."""
    monkeypatch.setenv("HOLDFAST_WATCHER__ENABLED", "true")
    folder, shade = tmp_path / "captures", [120]
    folder.mkdir()
    node = Node(tmp_path, {"bench": f"folder://{folder}"})
    settings = node.config.read_text() + "watch = { freeze = false }\n"
    node.config.write_text(settings)
    with program(folder, shade) as written, node, node.run():
        node.until(lambda: node.recording("bench"))
        node.until(lambda: node.role("watcher").get("cameras"))
        # From now on: an instant before the first footage is one of an outage, whose cause is waited for.
        node.config.write_text(settings + "stills = { enabled = true, every_s = 1 }\n")
        os.kill(node.child("watcher")["pid"], signal.SIGHUP)
        with open_catalog(f"sqlite:///{tmp_path}/state/catalog.sqlite") as catalog:
            node.until(lambda: len(outcomes(catalog)) >= 2)
            os.kill(node.child("watcher")["pid"], signal.SIGKILL)
            shade[0] = 0
            from_us = SystemClock().wall_us()
            node.until(lambda: black(catalog))
            shade[0] = 150
            node.until(lambda: black(catalog)[0].end_us is not None)
            (found,) = black(catalog)
            taken = [one for one in outcomes(catalog) if not one.cause]
        assert abs(found.start_us - from_us) < 3 * SECOND_US
        assert node.stop() == 0
    assert len({one.slot_us for one in taken}) == len(taken) >= 6
    same = [
        one.sha256 in written and (tmp_path / "vol" / one.file).read_bytes() == written[one.sha256] for one in taken
    ]
    # The program uses its names again after four seconds; whoever was away for longer finds footage alone.
    assert sum(same) >= len(same) // 2


def black(catalog: Catalog) -> list[incidents.IncidentRow]:
    """Incidents of black pictures."""
    with catalog.read() as tx:
        return [row for row in incidents.page(tx, Wanted()).rows if row.type is IncidentType.BLACKSCREEN]
