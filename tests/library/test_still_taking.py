"""Taking stills: which picture, what of outages, and that no kill loses or doubles one."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.stills import Outcome
from holdfast.core.config import CameraConfig
from holdfast.core.errors import DiskFull, StorageError, VolumeMissing
from holdfast.core.plan import Window
from holdfast.core.stills import slots
from holdfast.core.timing import SECOND_US
from holdfast.library import still_taking
from holdfast.library.still_order import order_of
from holdfast.library.still_taking import FINAL_US, Means, StillsTaker
from holdfast.media.keeping import Style
from holdfast.media.still import Form
from holdfast.storage.batch import write_all
from holdfast.storage.volume import Volume
from support.films import moving
from support.media import GATE, WALL_US
from support.still_films import FPS, files, finish, keep, means, number_in, numbered, order, outcomes, taker
from support.watched_film import Gate

FRAME_US = SECOND_US // FPS
LATE_S = FINAL_US / SECOND_US + 10


class Killed(BaseException):
    """Nobody catches it, as nobody catches SIGKILL."""


@pytest.fixture(name="catalog")
def _catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        yield catalog


@pytest.fixture(name="gate", scope="module")
def _gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """20 s of footage whose pictures carry their number, 15 s without any, 20 s of footage, and then nothing."""
    gate = Gate(tmp_path_factory.mktemp("stills") / "vol")
    gate.record(20, numbered, group=50)
    gate.down("unreachable", 15)
    gate.record(20, numbered, group=50)
    gate.down("auth", 100)
    return gate


def expected_number(at_us: int) -> int:
    """Which picture is nearest to an instant."""
    begin_us = WALL_US if at_us < WALL_US + 27 * SECOND_US else WALL_US + 35 * SECOND_US
    return min(499, max(0, round((at_us - begin_us) / FRAME_US)))


def taken_of(catalog: Catalog) -> list[Outcome]:
    """What was taken."""
    return [one for one in outcomes(catalog) if not one.cause]


@pytest.mark.parametrize("every_s", [0.04, 0.3, 1.0, 1.7, 7.0])
def test_each_instant_is_its_picture_or_its_cause(gate: Gate, catalog: Catalog, tmp_path: Path, every_s: float) -> None:
    """From 25 a second to one in seconds: every planned instant once, each picture the nearest (C014, C016, S2)."""
    on, wanted = means(gate, catalog, tmp_path / "own"), order(every_s)
    finish(on, taker(on, wanted, WALL_US - 1))
    found = outcomes(catalog)
    end_us = WALL_US + 155 * SECOND_US - FINAL_US
    assert [one.slot_us for one in found if one.slot_us < end_us] == list(slots(wanted.grid, WALL_US - 1, end_us - 1))
    for one in found:
        if one.cause:
            held = 20 <= (one.slot_us - WALL_US) / SECOND_US < 35
            assert one.cause == ("unreachable" if held else "auth")
        else:
            assert one.at_us is not None
            assert abs(one.at_us - one.slot_us) <= 100_000
            assert abs(number_in(on.volumes["own"] / one.file) - expected_number(one.slot_us)) <= 1
            assert abs(one.at_us - one.slot_us) <= FRAME_US // 2 + 1000 or not _inside(one.slot_us)
    assert len(files(tmp_path / "own")) == len([one for one in found if not one.cause])


def _inside(slot_us: int) -> bool:
    """Say whether there are pictures on both sides."""
    at_s = (slot_us - WALL_US) / SECOND_US
    return at_s < 19.9 or 35 < at_s < 54.9


@pytest.mark.parametrize("every_s", [1, 2])
def test_pictures_stored_out_of_order_are_not_lost(tmp_path: Path, catalog: Catalog, every_s: float) -> None:
    """With B-pictures, sound beside them and files cut between, each instant up to the last has its picture (S2)."""
    gate = Gate(tmp_path / "vol")
    gate.record(22, moving, lambda _at_s: 0.3)
    gate.down("unreachable", 100)
    on = means(gate, catalog)
    finish(on, taker(on, order(every_s), WALL_US - 1))
    found = taken_of(catalog)
    assert [(one.slot_us - WALL_US) / SECOND_US for one in found] == [every_s * n for n in range(int(22 / every_s) + 1)]
    assert all(abs((one.at_us or 0) - one.slot_us) <= FRAME_US for one in found)


def test_rows_say_what_the_file_is(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """Size in pixels and bytes, hash, thumbnail, camera and location are those of the file (C015, C016)."""
    on = means(gate, catalog, tmp_path / "own")
    finish(on, taker(on, order(5, style=Style(width=64, form=Form.WEBP, thumbnail=(40, 40))), WALL_US - 1))
    found = taken_of(catalog)
    assert len(found) == 10  # the last picture before the outage is 40 ms before the fifth instant
    for one in found:
        body = (tmp_path / "own" / one.file).read_bytes()
        assert (one.bytes, one.sha256) == (len(body), hashlib.sha256(body).hexdigest())
        assert (one.width, one.height, one.source_width, one.source_height) == (64, 8, 128, 16)
        assert (one.camera, one.location, one.file[-5:]) == ("gate", "r-7", ".webp")
        assert (tmp_path / "own" / one.thumbnail).read_bytes()[:2] == b"\xff\xd8"


def test_only_within_its_hours(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """Outside the windows nothing is planned, so nothing is taken or missed (C013)."""
    on = means(gate, catalog, tmp_path / "own")
    never = Window(days=(((WALL_US // (86_400 * SECOND_US)) + 3 + 3) % 7,), start="03:00", end="03:01")
    finish(on, taker(on, order(1, windows=(never,)), WALL_US - 1))
    assert outcomes(catalog) == []


def test_kills_lose_nothing_and_double_nothing(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10,000 planned instants with outages, killed at random points: none lost, none double, files as rows say (S1)."""
    dice = random.Random(11)
    gate = Gate(tmp_path / "vol")
    for reason in ("unreachable", "stalled", "refused"):
        gate.record(26, numbered, group=50)
        gate.down(reason, 100)
    gate.record(24, numbered, group=50)
    gate.down("auth", 200)
    on, wanted = means(gate, catalog, tmp_path / "own"), order(0.04)

    def cut_short(root: Path, batch: list[tuple[str, bytes]]) -> None:
        """Write some of the files, then be killed."""
        if dice.random() < 0.2:
            write_all(root, batch[: dice.randrange(len(batch) + 1)])
            raise Killed
        write_all(root, batch)

    monkeypatch.setattr(still_taking, "write_all", cut_short)
    kills, more = 0, True
    while more:
        one = taker(on, wanted, WALL_US - 1)
        try:
            for _ in range(dice.randrange(1, 40)):
                more = one.work(2 * SECOND_US) or bool(one.waiting)
                if dice.random() < 0.1:
                    break
                keep(on, one)
                if dice.random() < 0.1:
                    break
                one.kept()
                if not more:
                    break
        except Killed:
            more = True
        kills += 1
    monkeypatch.undo()
    finish(on, taker(on, wanted, WALL_US - 1))
    found = outcomes(catalog)
    due = list(slots(wanted.grid, WALL_US - 1, WALL_US + 401 * SECOND_US))
    assert kills > 30
    assert len(due) > 10_000
    assert [one.slot_us for one in found][: len(due)] == due
    taken = [one for one in found if not one.cause]
    assert len(taken) == pytest.approx(102 * FPS, abs=20)
    assert files(tmp_path / "own").keys() == {one.file for one in taken}
    assert len({one.file for one in taken}) == len(taken)
    bodies = files(tmp_path / "own")
    assert all(hashlib.sha256(bodies[one.file]).hexdigest() == one.sha256 for one in taken)
    assert {one.cause for one in found if one.cause} == {"unreachable", "stalled", "refused", "auth"}


def test_live_footage_is_taken_as_it_comes(tmp_path: Path, catalog: Catalog) -> None:
    """While it is recorded, each instant is taken soon after it, and asking again takes nothing twice (C014)."""
    gate = Gate(tmp_path / "vol")
    on = means(gate, catalog)
    one = taker(on, order(1), WALL_US - 1)
    for part in range(3):
        gate.record(4, numbered, group=50)
        finish(on, one)
        finish(on, one)
        reached_s = (gate.clock.wall_us() - WALL_US) / SECOND_US
        assert len(taken_of(catalog)) >= int(reached_s) - 2, part
    instants = [one.slot_us for one in outcomes(catalog)]
    assert instants == sorted(set(instants))


def test_a_change_of_settings_takes_nothing_twice(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """With another grid it goes on where the grid before ended: no instant twice, none before (S1)."""
    on = means(gate, catalog, tmp_path / "own")
    first = StillsTaker(GATE, order(2), on, after_us=WALL_US - 1, until_us=WALL_US + 10 * SECOND_US)
    finish(on, first)
    before = len(outcomes(catalog))
    finish(on, StillsTaker(GATE, order(1), on, after_us=first.reached_us, until_us=WALL_US + 15 * SECOND_US))
    instants = [one.slot_us for one in outcomes(catalog)]
    assert before == 6
    assert instants == sorted(set(instants))
    assert {b - a for a, b in pairwise(instants[before:])} == {SECOND_US}


def test_what_nobody_wanted_recorded_was_not_planned(tmp_path: Path, catalog: Catalog) -> None:
    """While recording is off by schedule no still is missed: none was to be had (C013)."""
    gate = Gate(tmp_path / "vol")
    gate.record(6, numbered)
    gate.down("off-schedule", 100)
    gate.record(6, numbered)
    gate.down("disabled", 100)
    on = means(gate, catalog)
    finish(on, taker(on, order(2), WALL_US - 1))
    assert len(outcomes(catalog)) == len(taken_of(catalog)) == 8


def test_a_burst_is_one_still(tmp_path: Path, catalog: Catalog) -> None:
    """A camera that is connected for a picture now and then gives each of them as a still (C014)."""
    gate = Gate(tmp_path / "vol")
    for _ in range(3):
        # A burst ends on the grid: one group of pictures, the last of which is of that instant.
        rest_s = 20 - gate.clock.wall_us() % (20 * SECOND_US) / SECOND_US
        gate.down("off-schedule", rest_s - 1 if rest_s > 1 else rest_s + 19)
        gate.record(1.04, numbered, group=50)
    gate.down("off-schedule", 100)
    on = means(gate, catalog)
    finish(on, taker(on, order(20), WALL_US - 1))
    found = outcomes(catalog)
    assert [(one.cause, abs((one.at_us or 0) - one.slot_us) <= 100_000) for one in found] == [("", True)] * 3


@pytest.mark.parametrize(("every_s", "rows"), [(40, ["", "stalled"]), (10, ["", "stalled", "stalled", "stalled"])])
def test_a_burst_that_came_late_is_the_still_of_its_round(
    tmp_path: Path, catalog: Catalog, every_s: int, rows: list[str]
) -> None:
    """A camera that hung when its round was due gave its picture later: it is taken, and says when it was (C014)."""
    gate = Gate(tmp_path / "vol")
    round_us = 40 * SECOND_US
    due_us = (gate.clock.wall_us() // round_us + 1) * round_us
    for late_s in (9, 25):
        gate.down("off-schedule", (due_us - gate.clock.wall_us()) / SECOND_US - 5)
        gate.down("stalled", 5 + late_s)
        gate.record(0.2, numbered, group=50)
        due_us += round_us
    gate.down("off-schedule", 100)
    on = means(gate, catalog)
    of = {"url": "rtsp://gate/", "capture": {"mode": "burst", "burst_s": 40}}
    burst_s = order_of("gate", CameraConfig.model_validate(of), "UTC").burst_s
    finish(on, taker(on, replace(order(every_s), burst_s=burst_s), WALL_US - 1))
    first, *others = outcomes(catalog)
    assert [first.cause, *(one.cause for one in others)] == rows
    assert abs((first.at_us or 0) - first.slot_us - 9 * SECOND_US) <= FRAME_US


def test_damage_is_a_cause(tmp_path: Path, catalog: Catalog) -> None:
    """Where footage cannot be decoded the instants are missed as damaged; those around it are taken."""
    gate = Gate(tmp_path / "vol")
    gate.record(24, moving, group=25)
    gate.rest()
    paths = sorted((gate.root / "footage").rglob("*.mp4"))
    assert len(paths) == 4
    raw = bytearray(paths[1].read_bytes())
    at = raw.find(b"mdat")
    while at >= 0:
        size = int.from_bytes(raw[at - 4 : at], "big")
        raw[at + 4 : at + size - 4] = bytes(size - 8)
        at = raw.find(b"mdat", at + size)
    paths[1].write_bytes(raw)
    on = means(gate, catalog)
    finish(on, taker(on, order(1), WALL_US - 1))
    found = outcomes(catalog)
    assert [one.cause for one in found] == [
        "damaged" if 6.1 <= (one.slot_us - WALL_US) / SECOND_US <= 11.9 else "" for one in found
    ]


@pytest.mark.parametrize("every_s", [0.5, 2])
def test_footage_that_was_removed_is_a_cause(tmp_path: Path, catalog: Catalog, every_s: float) -> None:
    """Where a file is gone its instants are missed, and those of the next file are taken."""
    gate = Gate(tmp_path / "vol")
    gate.record(18, numbered)
    gate.rest()
    sorted((gate.root / "footage").rglob("*.mp4"))[1].unlink()
    on = means(gate, catalog)
    finish(on, taker(on, order(every_s), WALL_US - 1))
    for one in outcomes(catalog):
        at_s = (one.slot_us - WALL_US) / SECOND_US
        assert bool(one.cause) == (6.1 < at_s < 11.9), at_s


def test_a_full_disk_waits(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """Below the reserve nothing is written and nothing is lost: with room again every still is taken."""
    on = means(gate, catalog, tmp_path / "own")
    full = Means(
        volumes=on.volumes, volume=on.volume, disk=Volume(tmp_path / "own", "", 1 << 62), clock=on.clock,
        catalog=catalog, node=on.node,
    )  # fmt: skip
    one = taker(full, order(5), WALL_US - 1)
    with pytest.raises(DiskFull):
        one.work(SECOND_US)
    assert not (tmp_path / "own" / "stills").exists()
    assert one.reached_us == WALL_US - 1
    finish(on, taker(on, order(5), one.reached_us))
    assert len(taken_of(catalog)) == 10


def test_a_disk_that_is_away_waits(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """A folder without the volume's marker is not filled; nothing is lost."""
    on = means(gate, catalog, tmp_path / "own")
    away = Means(
        volumes=on.volumes, volume=on.volume, disk=Volume(tmp_path / "own", "0123456789abcdef"), clock=on.clock,
        catalog=catalog, node=on.node,
    )  # fmt: skip
    one = taker(away, order(5), WALL_US - 1)
    with pytest.raises(VolumeMissing):
        one.work(SECOND_US)
    assert outcomes(catalog) == []


def test_a_failed_write_is_done_again(
    gate: Gate, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that refuses once costs nothing: the same taker goes on with the same instants, also straight through."""
    on = means(gate, catalog, tmp_path / "own")
    one, refused = taker(on, order(0.5), WALL_US - 1), list[int]()

    def refuse(root: Path, batch: list[tuple[str, bytes]]) -> None:
        if len(refused) < 2:
            refused.append(len(batch))
            raise StorageError("it refused")
        write_all(root, batch)

    monkeypatch.setattr(still_taking, "write_all", refuse)
    for _ in range(2):
        with pytest.raises(StorageError):
            one.work(SECOND_US)
    finish(on, one)
    assert len(taken_of(catalog)) == pytest.approx(80, abs=2)
