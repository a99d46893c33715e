"""Objects in the pictures of events: from footage to labels, and what goes wrong on the way."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.catalog import events, measures, nodes
from holdfast.catalog.db import open_catalog
from holdfast.catalog.events import EventRow, Told, Wanted
from holdfast.core import config
from holdfast.core.errors import BadInput, HoldfastError
from holdfast.core.event import EventKind
from holdfast.core.objects import Seen, from_json
from holdfast.core.timing import SECOND_US
from holdfast.library.recognising import PATIENCE_US, Order, Searcher
from holdfast.media.analysis.objects import Model, Stop, TookTooLong
from holdfast.roles.objects import AGAIN_US, TRIES, ObjectsRound
from holdfast.roles.watcher import Watcher
from holdfast.storage.volume import create_marker
from holdfast.watching import evidence
from holdfast.watching.stirs import file_of
from support.clock import PushedClock
from support.models import BLUE, BRIGHT, RED, picture, tiny
from support.recording import until
from support.streets import street
from support.watched_film import Gate

EVERYTHING = Wanted()
MODEL = 'model = "model.onnx"\n'


class Yard:
    """A node whose camera called gate has events; pictures lie on its only volume."""

    def __init__(self, root: Path, searcher: Callable[[PushedClock], Searcher] = Searcher) -> None:
        self.root = root
        self.clock = PushedClock()
        self.catalog = open_catalog(f"sqlite:///{root}/catalog.sqlite")
        with self.catalog.write() as tx:
            self.node = nodes.ensure(tx, "local", 1)
        self._searcher = searcher
        create_marker(root / "vol", 1)
        self.round = ObjectsRound(self.clock, searcher(self.clock))

    def follow(self, more: str = "", motion: str = "") -> None:
        """Take settings: more of objects, and of motion."""
        path = self.root / "holdfast.toml"
        path.write_text(
            'state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "vol"\n[cameras.gate]\n'
            'url = "rtsp://192.0.2.1/"\n[cameras.gate.motion]\nenabled = true\n'
            f"{motion}[cameras.gate.objects]\n{'' if 'model' in more else MODEL}{more}"
        )
        self.round.follow(config.load(path, {}))

    def again(self) -> None:
        """Another process, as it were."""
        self.round.close()
        self.round = ObjectsRound(self.clock, self._searcher(self.clock))

    def happen(self, at_s: int, *bodies: bytes, over: bool = True) -> EventRow:
        """Something moves; pictures are A and B, as many as there are."""
        start_us = at_s * SECOND_US
        files = {"picture_a": "", "picture_b": ""}
        for which, body in zip("ab", bodies, strict=False):
            files[f"picture_{which}"] = file_of("gate", start_us, which)
            evidence.store(self.root / "vol", files[f"picture_{which}"], body)
        end_us = start_us + 9 if over else None
        told = Told(
            camera="gate", kind=EventKind.MOTION, start_us=start_us, end_us=end_us, from_us=start_us, to_us=end_us,
            score=1.0, confidence=50.0, volume="main",
            picture_a=files["picture_a"], picture_b=files["picture_b"],
        )  # fmt: skip
        with self.catalog.write() as tx:
            put = events.put(tx, self.node, told, 1, seek=True)
            return events.get(tx, put)

    def settle(self) -> None:
        """Have turns until nothing waits for a model."""
        for _ in range(3):
            self.round.turn(self.catalog, self.node)
            for job in self.round._jobs:
                job.answer.exception(timeout=60)

    def rows(self) -> list[EventRow]:
        """All events, oldest first."""
        with self.catalog.read() as tx:
            return list(reversed(events.page(tx, EVERYTHING).rows))

    def labels(self) -> list[str]:
        """What they show, oldest first."""
        return [row.told.label for row in self.rows()]


@pytest.fixture(name="yard")
def _yard(tmp_path: Path) -> Iterator[Yard]:
    yard = Yard(tmp_path)
    yield yard
    yard.round.close()
    yard.catalog.close()


SQUARE = (64, 64, 32, 32)
EMPTY, REDS, BLUES = (picture((320, 320), *things) for things in ((), ((RED, *SQUARE),), ((BLUE, *SQUARE),)))


def test_a_film_becomes_an_event_with_a_label(tmp_path: Path) -> None:
    """Something bright walks through footage: the event says what it was, and where it stood in each picture (C047)."""
    gate = Gate(tmp_path / "vol")
    gate.record(16, street((5, 11)), group=50)
    gate.rest()
    # The thing is 30 by 50 in 320x180; shown at half its size, windows of 12 pixels fit into it.
    tiny(tmp_path / "model.onnx", size=(160, 160), side=12)
    path = tmp_path / "holdfast.toml"
    path.write_text(
        f'state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "{gate.root}"\n[cameras.gate]\n'
        'url = "rtsp://192.0.2.1/"\n[cameras.gate.motion]\nenabled = true\n'
        '[defaults.objects]\nmodel = "model.onnx"\nwanted = ["bright"]\n'
    )
    (tmp_path / "state").mkdir()
    with open_catalog(f"sqlite:///{tmp_path}/state/catalog.sqlite") as catalog:
        with catalog.write() as tx:
            node = nodes.ensure(tx, "local", 1)
            state = {"watch": {"taken_us": 1, "cases": []}}
            measures.set_positions(tx, node, {"gate": measures.Position(1, state)}, 1)
        watcher = Watcher(config.load(path, {}), {}, gate.clock, node="local", open_catalog=open_catalog)
        told: list[Told] = []
        for _ in range(200):
            watcher.tick()
            with catalog.read() as tx:
                told = [row.told for row in events.page(tx, Wanted(label="bright")).rows]
            if told and "b" in from_json(told[0].objects or "{}"):
                break
            for job in watcher._objects._jobs:
                job.answer.exception(timeout=60)
        watcher._close()
    (event,) = told
    assert event.label.startswith("bright 0.9")
    shown = from_json(event.objects or "{}")
    for which, found in shown.items():
        assert found, which
        for one in found:
            assert 0.3 < one.box.top < one.box.bottom < 0.65  # it walks between 60 and 110 of 180
    assert status_of(tmp_path)["pictures"] == 2


def status_of(root: Path) -> dict[str, object]:
    """What the watcher said of objects last."""
    (path,) = root.glob("run/watcher.json")
    found: dict[str, object] = json.loads(path.read_bytes())["objects"]
    return found


def test_both_pictures_tell(yard: Yard) -> None:
    """What either picture shows is in the label; one that comes later is looked through then, the first not again."""
    tiny(yard.root / "model.onnx")
    yard.follow()
    yard.happen(100, REDS, over=False)
    yard.settle()
    assert yard.labels() == ["red 1.00"]
    yard.happen(100, b"the first is known", BLUES)
    yard.settle()
    assert yard.labels() == ["blue 1.00, red 1.00"]
    (row,) = yard.rows()
    assert {which: [one.label for one in found] for which, found in from_json(row.told.objects or "").items()} == {
        "a": ["red"], "b": ["blue"],
    }  # fmt: skip
    status = yard.round.status()
    assert status is not None
    assert (status["pictures"], status["problem"]) == (2, "")


def test_only_what_is_wanted_and_where(yard: Yard) -> None:
    """Labels that are not wanted, and whose feet stand in a mask, are not told."""
    tiny(yard.root / "model.onnx")
    things = (RED, *SQUARE), (BLUE, 200, 64, 32, 32), (BRIGHT, 200, 160, 32, 32)
    yard.follow('wanted = ["blue", "bright"]\n', 'masks = "60,45 100,45 100,100 60,100"\n')
    yard.happen(100, picture((320, 320), *things))
    yard.settle()
    assert yard.labels() == ["blue 1.00"]
    yard.follow("confidence = 0.9\n", 'zones = "0,0 50,0 50,100 0,100"\n')
    yard.happen(200, picture((320, 320), *things))
    yard.settle()
    assert yard.labels() == ["blue 1.00", "red 1.00"]


def test_who_comes_after_a_kill_goes_on(yard: Yard) -> None:
    """What was being looked through when the watcher was killed is looked through by the next one, alike (F38)."""
    tiny(yard.root / "model.onnx")
    yard.follow()
    for at in (100, 200):
        yard.happen(at, REDS, BLUES)
    yard.round.turn(yard.catalog, yard.node)
    yard.again()
    yard.follow()
    yard.settle()
    assert yard.labels() == ["blue 1.00, red 1.00"] * 2


@pytest.mark.parametrize("seed", range(3))
def test_kills_change_nothing(tmp_path: Path, seed: int) -> None:
    """Killed again and again while events begin, go on and end, it tells of each what it tells at a stretch (F38)."""
    tiny(tmp_path / "model.onnx")
    dice, bodies = random.Random(seed), (EMPTY, REDS, BLUES)
    story = [(at, dice.choice(bodies), dice.choice(bodies)) for at in range(100, 800, 100)]
    settings, told = f'model = "{tmp_path}/model.onnx"\nonly_recognised = true\n', []
    for kills in (False, True):
        (tmp_path / str(kills)).mkdir()
        yard = Yard(tmp_path / str(kills))
        for at, first, second in story:
            for bodies_now, over in (((first,), False), ((first, second), False), ((first, second), True)):
                yard.follow(settings)
                yard.happen(at, *bodies_now, over=over)
                for _ in range(dice.randrange(3) if kills else 0):
                    yard.round.turn(yard.catalog, yard.node)
                    if yard.round._jobs and dice.random() < 0.5:
                        yard.round._jobs[0].answer.exception(timeout=60)
                if kills and dice.random() < 0.6:
                    yard.again()
        yard.follow(settings)
        yard.settle()
        yard.settle()
        told.append([row.told for row in yard.rows()])
        yard.round.close()
        yard.catalog.close()
    assert told[0] == told[1]
    assert 0 < len(told[0]) <= len(story)
    assert {one.label for one in told[0]} <= {"red 1.00", "blue 1.00", "blue 1.00, red 1.00"}


def test_events_without_any_are_deleted_and_counted(yard: Yard) -> None:
    """Where only what is recognised is kept, events that are over and show nothing go with their pictures, counted."""
    tiny(yard.root / "model.onnx")
    yard.follow('wanted = ["red"]\nonly_recognised = true\n')
    kept = [
        yard.happen(100, EMPTY, REDS), yard.happen(200, EMPTY, over=False), yard.happen(300, EMPTY, b"no picture"),
        yard.happen(400), yard.happen(500, EMPTY, EMPTY),
    ]  # fmt: skip
    with yard.catalog.write() as tx:
        events.review(tx, kept[-1].id, "ann", reviewed=True, now_us=2)
    gone = yard.happen(600, EMPTY, BLUES)
    yard.settle()
    assert [row.id for row in yard.rows()] == [row.id for row in kept]
    assert not any((yard.root / "vol" / file).exists() for file in gone.told.files)
    assert all((yard.root / "vol" / file).exists() for row in kept for file in row.told.files)
    status = yard.round.status()
    assert status is not None
    assert status["deleted"] == 1
    yard.happen(200, EMPTY)  # and now it is over
    yard.settle()
    assert len(yard.rows()) == len(kept) - 1


def test_what_somebody_marks_meanwhile_is_kept(yard: Yard) -> None:
    """An event that is marked as looked at while a model looks is kept with its pictures, and not looked at again."""
    tiny(yard.root / "model.onnx")
    yard.follow("only_recognised = true\n")
    row = yard.happen(100, EMPTY, EMPTY)
    yard.round.turn(yard.catalog, yard.node)
    with yard.catalog.write() as tx:
        events.review(tx, row.id, "ann", reviewed=True, now_us=2)
    yard.settle()
    (kept,) = yard.rows()
    assert (kept.reviewed, from_json(kept.told.objects or "")) == (True, {"a": [], "b": []})
    assert all((yard.root / "vol" / file).exists() for file in kept.told.files)
    with yard.catalog.read() as tx:
        assert events.sought(tx, yard.node, ["gate"], 9, volumes=["main"]) == []


class Fussy(Model):
    """A real model that fails with one picture."""

    def find(self, picture: bytes, least: float) -> list[Seen]:
        """Find what there is, but in that one."""
        if picture == BLUES:
            raise BadInput("model fussy failed: an index is out of range")
        return super().find(picture, least)


def test_one_picture_keeps_nobody_waiting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An event whose picture a model cannot digest is given up after three tries; all others have their labels."""
    path = tiny(tmp_path / "model.onnx")
    yard = Yard(tmp_path, lambda clock: Searcher(clock, lambda order, stop: Fussy(order.model, order.labels, stop)))
    yard.follow("only_recognised = true\n")
    for at, body in ((100, REDS), (200, REDS), (300, BLUES)):
        yard.happen(at, body)
    for _ in range(2 + TRIES):
        yard.settle()
        yard.clock.advance(AGAIN_US / SECOND_US * 9)
    assert yard.labels() == ["red 1.00", "red 1.00", ""]
    assert yard.rows()[-1].told.objects is None
    with yard.catalog.read() as tx:
        assert events.sought(tx, yard.node, ["gate"], 9, volumes=["main"]) == []
    assert path.exists()
    assert capsys.readouterr().out.count("objects.given_up") == 1
    yard.round.close()
    yard.catalog.close()


def test_a_better_model_is_shown_at_once_what_another_failed_with(tmp_path: Path) -> None:
    """A model that fails with all that it is shown gives up no event; the one that takes its place finds them all."""
    path, kinds = tiny(tmp_path / "model.onnx"), list[type[Model]]([Fussy])
    yard = Yard(tmp_path, lambda clock: Searcher(clock, lambda order, stop: kinds[-1](order.model, (), stop)))
    yard.follow()
    yard.happen(100, BLUES)
    for _ in range(2 * TRIES):
        yard.settle()
        yard.clock.advance(AGAIN_US / SECOND_US * 65)
    yard.settle()
    assert yard.labels() == [""]
    status = yard.round.status()
    assert status is not None
    assert "an index is out of range" in status["problem"]
    kinds.append(Model)
    tiny(path, "yolov5")
    yard.settle()
    assert yard.labels() == ["blue 0.90"]
    yard.round.close()
    yard.catalog.close()


def test_what_lies_on_a_disk_that_is_away_waits(yard: Yard, capsys: pytest.CaptureFixture[str]) -> None:
    """Events whose disk is away for a while wait, are said once, and have their labels when it is back."""
    tiny(yard.root / "model.onnx")
    yard.follow("only_recognised = true\n")
    for at in (100, 200):
        yard.happen(at, REDS)
    (yard.root / "vol").rename(yard.root / "away")
    (yard.root / "vol").mkdir()
    for _ in range(3):
        yard.settle()
        yard.clock.advance(AGAIN_US / SECOND_US + 1)
    assert yard.labels() == ["", ""]
    (yard.root / "vol").rmdir()
    (yard.root / "away").rename(yard.root / "vol")
    yard.settle()
    assert yard.labels() == ["red 1.00", "red 1.00"]
    said = capsys.readouterr().out
    assert (said.count("objects.unreadable"), said.count("objects.readable")) == (1, 1)


@pytest.mark.parametrize("more", ["", 'only_recognised = true\nwanted = ["red"]\n'])
def test_what_was_asked_before_is_asked_anew(yard: Yard, more: str) -> None:
    """What is looked through when settings change counts as they say now: what they keep is not deleted."""
    tiny(yard.root / "model.onnx")
    yard.follow('only_recognised = true\nwanted = ["blue"]\n')
    yard.happen(100, REDS)
    yard.round.turn(yard.catalog, yard.node)
    assert len(yard.round._jobs) == 1
    yard.round._jobs[0].answer.result(60)
    yard.follow(more)
    yard.settle()
    assert yard.labels() == ["red 1.00"]


def test_what_cannot_be_deleted_is_said(yard: Yard, capsys: pytest.CaptureFixture[str]) -> None:
    """A picture that cannot be deleted does not keep an event without any, and is named in the log."""
    tiny(yard.root / "model.onnx")
    yard.follow("only_recognised = true\n")
    row = yard.happen(100, EMPTY)
    yard.round.turn(yard.catalog, yard.node)
    yard.round._jobs[0].answer.result(60)
    place = yard.root / "vol" / row.told.picture_a
    place.unlink()
    place.mkdir()
    yard.settle()
    assert yard.rows() == []
    assert "objects.undeleted" in capsys.readouterr().out


def test_without_a_model_events_go_on(yard: Yard) -> None:
    """A model that is missing is said with what to do, deletes nothing, and once it is there labels are made up for."""
    yard.follow("only_recognised = true\n")
    yard.happen(100, REDS)
    yard.settle()
    assert yard.labels() == [""]
    status = yard.round.status()
    assert status is not None
    assert "there is no model" in status["problem"]
    assert status["hint"]
    tiny(yard.root / "model.onnx")
    yard.settle()
    assert yard.labels() == ["red 1.00"]
    status = yard.round.status()
    assert status is not None
    assert (status["problem"], status["pictures"]) == ("", 1)


class FakeModel(Model):
    """A fake that looks until it is stopped."""

    def __init__(self) -> None:
        self.path = Path("fake.onnx")
        self.began = threading.Event()
        self.stopped = threading.Event()

    def find(self, picture: bytes, least: float) -> list[Seen]:  # noqa: ARG002 - as it is called
        """Find nothing, for ever."""
        self.began.set()
        assert self.stopped.wait(60)
        raise TookTooLong("model fake was stopped before it was done")

    def stop(self) -> None:
        """End it."""
        self.stopped.set()


def test_nobody_waits_for_a_slow_model(tmp_path: Path) -> None:
    """Turns go on while a model looks; after its time it is stopped, said to be too slow, and left for a while."""
    made: list[FakeModel] = []

    def load(order: Order, stop: Stop) -> Model:
        made.append(FakeModel())
        return made[-1]

    yard = Yard(tmp_path, lambda clock: Searcher(clock, load))
    yard.follow()
    for at in (100, 200, 300):
        yard.happen(at, REDS)
    yard.round.turn(yard.catalog, yard.node)
    job = yard.round._jobs[0]
    while not made:
        assert not job.answer.done()
    assert made[0].began.wait(60)
    yard.round.turn(yard.catalog, yard.node)
    assert not made[0].stopped.is_set()
    yard.clock.advance(PATIENCE_US / SECOND_US + 1)
    yard.round.turn(yard.catalog, yard.node)
    assert made[0].stopped.is_set()
    assert isinstance(job.answer.exception(timeout=60), HoldfastError)
    yard.round.turn(yard.catalog, yard.node)
    status = yard.round.status()
    assert status is not None
    assert "more than 20 s for a picture" in status["problem"]
    yard.clock.advance(AGAIN_US / SECOND_US / 2)
    yard.round.close()
    yard.round.turn(yard.catalog, yard.node)
    assert yard.round._jobs == []
    yard.clock.advance(AGAIN_US / SECOND_US)
    yard.round.turn(yard.catalog, yard.node)
    assert len(yard.round._jobs) == 2  # what it failed with comes last
    assert yard.labels() == ["", "", ""]
    yard.round.close()
    yard.catalog.close()


def test_nothing_is_left_running(yard: Yard) -> None:
    """Who starts and stops looking leaves no thread behind."""
    tiny(yard.root / "model.onnx")
    before = set(threading.enumerate())
    for at in range(5):
        yard.follow()
        yard.happen(at, REDS)
        yard.round.turn(yard.catalog, yard.node)
        yard.again()
    begun = set(threading.enumerate()) - before
    until(lambda: not any(thread.is_alive() for thread in begun))
    assert not any(thread.is_alive() for thread in begun)
