"""Watching a camera's footage: what is found, what is kept, and that no kill changes either."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.catalog import measures, nodes
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.camera import StreamKey
from holdfast.core.config.watch import WatchConfig
from holdfast.core.incident import IncidentType
from holdfast.core.quality import Region
from holdfast.core.timing import SECOND_US
from holdfast.library.watching import CameraWatch, cheapest, keep_all, settings_of
from holdfast.media.analysis.file import looks_in
from holdfast.watching.judge import Judge
from support.clock import PushedClock
from support.films import Picture, moving, plain
from support.media import GATE, WALL_US
from support.watched_film import Gate, told

ALL_US = 10**12
Expected = tuple[list[tuple[object, ...]], list[str]]
BLACK, FREEZE, SILENT, LOST = (
    IncidentType.BLACKSCREEN, IncidentType.FREEZE, IncidentType.AUDIO_LOSS, IncidentType.SIGNAL_LOST,
)  # fmt: skip


def day(at_s: float) -> Picture:
    """A film: black for 2 s at 6, for 10 s at 12; frozen for 10 s at 30."""
    if 6 <= at_s < 8 or 12 <= at_s < 22:
        return plain(2)
    return moving(30) if 30 <= at_s < 40 else moving(at_s)


def sound(at_s: float) -> float:
    """Its sound is away for 10 s at 46."""
    return 0.0 if 46 <= at_s < 56 else 0.3


@pytest.fixture(name="gate", scope="module")
def _gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """That film as footage, and then nothing for 50 s because the camera was away, and then a moving picture."""
    gate = Gate(tmp_path_factory.mktemp("watched") / "vol")
    gate.record(62, day, sound)
    gate.down("unreachable", 50)
    gate.record(10, moving, sound)
    gate.rest()
    return gate


@pytest.fixture(name="catalog")
def _catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        yield catalog


def watching(
    gate: Gate, catalog: Catalog, root: Path, config: WatchConfig | None = None, *, clock: PushedClock | None = None
) -> CameraWatch:
    """Go on where the catalog says; pictures of incidents go to a volume of the test's own."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        found = measures.position(tx, node, "gate")
    judge = Judge(settings_of(config or WatchConfig(every_s=1)), None if found is None else found.state)
    volumes = {"main": gate.root, "pictures": root / "pictures"}
    return CameraWatch(GATE, volumes, "pictures", clock or gate.clock, judge, catalog=None, from_us=WALL_US)


def keep(watch: CameraWatch, catalog: Catalog) -> None:
    """Write what was found."""
    with catalog.write() as tx:
        keep_all(tx, nodes.ensure(tx, "local", 1), [watch], 99)


def pictures(root: Path) -> list[str]:
    """Files of evidence."""
    return sorted(path.relative_to(root / "pictures").as_posix() for path in root.rglob("*.jpg"))


def whole(gate: Gate, catalog: Catalog, root: Path) -> list[tuple[object, ...]]:
    """Watch everything at a stretch."""
    watch = watching(gate, catalog, root)
    while watch.work(ALL_US):
        pass
    keep(watch, catalog)
    watch.kept()
    return told(catalog)


@pytest.fixture(name="expected", scope="module")
def _expected(gate: Gate, tmp_path_factory: pytest.TempPathFactory) -> Expected:
    """What is found at a stretch, and its pictures."""
    root = tmp_path_factory.mktemp("whole")
    with open_catalog(f"sqlite:///{root}/catalog.sqlite") as catalog:
        return whole(gate, catalog, root), pictures(root)


def test_everything_is_found_in_order(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """Black, freeze, silence and a lost signal are one incident each, with the times of the film (C051-C054, C060)."""
    found = [row for row in whole(gate, catalog, tmp_path) if len(row) > 1]
    seconds = [
        (row[0], (int(str(row[1])) - WALL_US) / SECOND_US, (int(str(row[2])) - WALL_US) / SECOND_US) for row in found
    ]
    assert [kind for kind, _, _ in seconds] == [BLACK, FREEZE, SILENT, LOST]
    for (_, begin_s, end_s), (begin, end) in zip(seconds, [(12, 22), (30, 40), (46, 56), (62, 112)], strict=True):
        assert begin_s == pytest.approx(begin, abs=0.1)
        assert end_s == pytest.approx(end, abs=0.1)
    assert found[3][4] == "it was unreachable"


def test_pictures_are_pinned_and_dropped(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """Incidents have their first picture (a freeze three) and their last; what never opened has none (C063, F41)."""
    whole(gate, catalog, tmp_path)
    kinds = [(path.split("/")[2], path.rpartition("_")[2]) for path in pictures(tmp_path)]
    assert kinds == [
        ("audio_loss", "1.jpg"), ("audio_loss", "end.jpg"), ("blackscreen", "1.jpg"), ("blackscreen", "end.jpg"),
        ("freeze", "1.jpg"), ("freeze", "2.jpg"), ("freeze", "3.jpg"), ("freeze", "end.jpg"),
        ("signal_lost", "end.jpg"),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_kills_change_nothing(gate: Gate, expected: Expected, catalog: Catalog, tmp_path: Path, seed: int) -> None:
    """Killed 25 times, before or after writing, it finds what it finds at a stretch: rows and files (C062, F38)."""
    dice = random.Random(seed)
    kills = 25
    while True:
        watch = watching(gate, catalog, tmp_path / "killed")
        more = True
        for _ in range(dice.randrange(1, 6)):
            more = watch.work(dice.randrange(1, 4 * SECOND_US))
            if dice.random() < 0.7:
                keep(watch, catalog)
                if dice.random() < 0.7:
                    watch.kept()
        kills -= 1
        if not more and kills < 0:
            break
    keep(watch, catalog)
    watch.kept()
    assert (told(catalog), pictures(tmp_path / "killed")) == expected


def test_a_planned_pause_is_no_loss(tmp_path: Path, catalog: Catalog) -> None:
    """Outside its hours a camera is not lost (C013)."""
    gate = Gate(tmp_path / "vol")
    gate.record(6, moving)
    gate.down("off-schedule", 120)
    gate.record(6, moving)
    gate.rest()
    assert [row for row in whole(gate, catalog, tmp_path) if len(row) > 1] == []


def incidents_in(catalog: Catalog) -> list[tuple[object, ...]]:
    """What is told, without measures."""
    return [row for row in told(catalog) if len(row) > 1]


@pytest.mark.parametrize(
    ("how", "by_s", "why"),
    [
        ("down", 30, "it was auth"), ("dead", 30, "ended without a word"), ("mute", 35, ""),
    ],
)  # fmt: skip
def test_live_without_pictures_is_lost_within_30_seconds(
    tmp_path: Path, catalog: Catalog, how: str, by_s: int, why: str
) -> None:
    """Told 30 s after the last picture with the journal's reason; 5 s later where nobody said any (C054, F39)."""
    gate = Gate(tmp_path / "vol")
    gate.record(8, moving)
    if how == "down":
        gate.down("auth", 1)
    elif how == "dead":
        gate.die()
    watch = watching(gate, catalog, tmp_path)
    last_us = WALL_US + 8 * SECOND_US
    while not incidents_in(catalog):
        gate.clock.advance(1)
        watch.work(ALL_US)
        keep(watch, catalog)
        watch.kept()
        assert gate.clock.wall_us() - last_us < 60 * SECOND_US
    assert (gate.clock.wall_us() - last_us) // SECOND_US == by_s
    (lost,) = incidents_in(catalog)
    assert (lost[0], lost[2]) == (LOST, None)
    assert int(str(lost[1])) == pytest.approx(last_us, abs=100_000)
    assert why in str(lost[4])


def test_a_camera_that_never_came_is_lost(tmp_path: Path, catalog: Catalog) -> None:
    """A camera that was configured and never sent a picture is told like one that went away (F39)."""
    gate = Gate(tmp_path / "vol")
    gate.down("unreachable", 1)
    judge = Judge(settings_of(WatchConfig()))
    watch = CameraWatch(GATE, {"main": gate.root}, "main", gate.clock, judge, catalog=None)
    for _ in range(40):
        watch.work(ALL_US)
        keep(watch, catalog)
        watch.kept()
        gate.clock.advance(1)
    (lost,) = [row for row in told(catalog) if len(row) > 1]
    assert (lost[0], lost[2], lost[4]) == (LOST, None, "it was unreachable")


def test_what_is_in_doubt_is_kept_with_the_next_look(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """A look that another one is to settle waits for that, for three seconds at most (P4)."""
    clock = PushedClock(WALL_US)
    watch = watching(gate, catalog, tmp_path, clock=clock)
    looks = (look for _, look in looks_in(gate.root.with_name("film-1.mp4"), 0, black_level=10, region=Region()))
    seen = [look for look in looks if look is not None and look.between is not None]
    watch.judge.look(replace(seen[0], between=None), None)
    watch.judge.look(replace(seen[1], differences=(0.8,) * 3, drift=0.4), None)
    watch.until_us = 0
    watch.work(ALL_US)
    assert (watch.empty, watch.waits) == (False, True)
    clock.advance(3)
    assert not watch.waits
    watch.judge.look(replace(seen[2], differences=(9.0,) * 3, drift=9.0), None)
    watch.work(ALL_US)
    assert (watch.empty, watch.waits) == (False, False)


def test_settings_count(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """With presets of bench, and only black wanted, both black pictures are incidents and nothing else is (C058)."""
    config = WatchConfig(every_s=1, open_after_s=0, close_after_s=0, freeze=False, silence=False, lost=False)
    watch = watching(gate, catalog, tmp_path, config)
    while watch.work(ALL_US):
        pass
    keep(watch, catalog)
    assert [row[0] for row in told(catalog) if len(row) > 1] == [BLACK, BLACK]


@pytest.mark.parametrize("group", [25, 100, 250])
def test_rhythm_holds_whatever_the_group(tmp_path: Path, catalog: Catalog, group: int) -> None:
    """With keyframes every 1, 4 and 10 s there is a look at least every 3 s (C057)."""
    gate = Gate(tmp_path / "vol")
    gate.record(24, moving, group=group)
    gate.rest()
    watch = watching(gate, catalog, tmp_path, WatchConfig())
    while watch.work(ALL_US):
        pass
    instants = [one.at_us for one in watch.judge.found.measures]
    assert max(later - sooner for sooner, later in pairwise(instants)) <= 3 * SECOND_US
    assert instants == sorted(instants)


def test_the_sub_stream_is_cheapest_while_it_comes(tmp_path: Path) -> None:
    """The sub stream is looked at where its footage is as new as the main one's; else, and without one, main is."""
    gate = Gate(tmp_path / "vol")
    gate.record(3, moving)
    volumes, main = {"main": gate.root}, StreamKey("gate", "main")
    assert cheapest(volumes, "gate", ["main"]) == main
    assert cheapest(volumes, "gate", ["main", "sub"]) == main
    sub = StreamKey("gate", "sub")
    shutil.copytree(gate.root / "footage" / "gate" / "main", gate.root / "footage" / "gate" / "sub")
    assert cheapest(volumes, "gate", ["main", "sub"]) == sub
    gate.record(20, moving)
    assert cheapest(volumes, "gate", ["main", "sub"]) == main


def test_a_turn_is_over_after_a_second(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """On a machine that is busy a camera gives way after a second, and finds the same as at a stretch in the end."""

    class Busy(PushedClock):
        """Each time that somebody asks, 0.4 s have passed."""

        def boot_us(self) -> int:
            self._boot_us += 400_000
            return super().boot_us()

    expected = whole(gate, catalog, tmp_path / "whole")
    with open_catalog(f"sqlite:///{tmp_path}/busy.sqlite") as other:
        watch = watching(gate, other, tmp_path / "busy", clock=Busy(gate.clock.wall_us()))
        turns = 0
        while watch.work(ALL_US):
            turns += 1
        keep(watch, other)
        assert turns > 20
        assert told(other) == expected
