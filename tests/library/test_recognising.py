"""What is asked of a camera, and the thread that looks."""

import errno
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.clock import SystemClock
from holdfast.core.config.model import CameraConfig
from holdfast.core.errors import BadInput, NotFound, StorageError, VolumeMissing
from holdfast.core.timing import SECOND_US
from holdfast.library.recognising import CLOSING_S, GRACE_US, LOADING_US, Order, Searcher, order_of
from holdfast.media.analysis.objects import Model, Stop, TookTooLong
from holdfast.storage.volume import Volume, create_marker
from support.clock import PushedClock
from support.models import BRIGHT, RED, picture, tiny


def test_looking_needs_a_model_and_motion() -> None:
    """Nothing is looked for without a model, or where nothing becomes an event; paths begin at the configuration."""
    base = Path("/etc/holdfast")
    objects = {"model": "yolo.onnx", "labels_file": "/srv/coco.txt", "wanted": ["dog"], "confidence": 0.6}
    motion = {"enabled": True, "masks": "0,0 50,0 50,50"}
    assert order_of(CameraConfig.model_validate({"motion": motion}), base) is None
    assert order_of(CameraConfig.model_validate({"objects": objects}), base) is None
    order = order_of(CameraConfig.model_validate({"motion": motion, "objects": objects}), base)
    assert order is not None
    assert (order.model, order.labels_file) == (base / "yolo.onnx", Path("/srv/coco.txt"))
    assert (order.counts.least, order.counts.wanted, len(order.counts.masks), order.only) == (0.6, ("dog",), 1, False)


def test_pictures_are_looked_through_behind_everything(tmp_path: Path) -> None:
    """What is there is looked through, what is not or is damaged is left out; a folder that cannot be read is said."""
    order = Order(tiny(tmp_path / "model.onnx"))
    (tmp_path / "a.jpg").write_bytes(picture((320, 320), (RED, 64, 64, 32, 32), (BRIGHT, 200, 64, 32, 32)))
    (tmp_path / "damaged.jpg").write_bytes(b"\xff\xd8")
    (tmp_path / "folder").mkdir()
    searcher = Searcher(SystemClock())
    try:
        volume = Volume(tmp_path, create_marker(tmp_path, 1).volume_id)
        pictures = {"a": (volume, "a.jpg"), "b": (volume, "none.jpg"), "c": (volume, "damaged.jpg")}
        answer = searcher.look(order, pictures).result(60)
        assert {which: sorted(one.label for one in found) for which, found in answer.pictures.items()} == {
            "a": [BRIGHT, RED]
        }  # fmt: skip
        assert answer.took_us > 0
        with pytest.raises(StorageError):
            searcher.look(order, {"a": (volume, "folder")}).result(60)
    finally:
        searcher.close()


def test_what_lies_on_a_disk_that_is_away_is_not_believed_missing(tmp_path: Path) -> None:
    """A picture that is not there says nothing where the disk is not, or is another one."""
    order, disk = Order(tiny(tmp_path / "model.onnx")), tmp_path / "disk"
    disk.mkdir()
    searcher = Searcher(SystemClock())
    try:
        for volume_id in ("", "other"):
            with pytest.raises(VolumeMissing):
                searcher.look(order, {"a": (Volume(disk, volume_id), "a.jpg")}).result(60)
        create_marker(disk, 1)
        assert searcher.look(order, {"a": (Volume(disk), "a.jpg")}).result(60).pictures == {}
        with pytest.raises(VolumeMissing, match="expected other"):
            searcher.look(order, {"a": (Volume(disk, "other"), "a.jpg")}).result(60)
    finally:
        searcher.close()


def test_a_model_is_loaded_once_and_anew_when_it_changes(tmp_path: Path) -> None:
    """A model stays loaded while somebody asks for it; another file under its name, or other labels, are another."""
    path = tiny(tmp_path / "model.onnx")
    loaded: list[Order] = []

    def load(order: Order, stop: Stop) -> Model:
        loaded.append(order)
        return order.load(stop)

    searcher = Searcher(SystemClock(), load)
    order = Order(path)
    try:
        for _ in range(2):
            searcher.look(order, {}).result(60)
        assert len(loaded) == 1
        searcher.keep([order])
        searcher.look(order, {}).result(60)
        assert len(loaded) == 1
        tiny(path, "yolov5")
        searcher.look(order, {}).result(60)
        assert len(loaded) == 2
        with pytest.raises(BadInput, match="2 labels"):
            searcher.look(Order(path, ("a", "b")), {}).result(60)
        searcher.keep([])
        searcher.look(order, {}).result(60)
        assert len(loaded) == 4
    finally:
        searcher.close()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (PermissionError(13, "Permission denied"), "failed: PermissionError"),
        (MemoryError(), "failed: MemoryError$"),
        (RecursionError("too deep\nindeed"), "failed: RecursionError: too deep$"),
    ],
)
def test_whatever_a_model_raises_is_an_error_of_ours(tmp_path: Path, broken: Exception, said: str) -> None:
    """What nobody thought of reaches who asks as a model that failed, and the next one is looked at."""

    def load(order: Order, stop: Stop) -> Model:
        if order.labels:
            raise broken
        return order.load(stop)

    searcher = Searcher(SystemClock(), load)
    path = tiny(tmp_path / "model.onnx")
    try:
        with pytest.raises(BadInput, match=rf"model.onnx {said}"):
            searcher.look(Order(path, ("a", "b", "c")), {}).result(60)
        assert searcher.look(Order(path), {}).result(60).pictures == {}
    finally:
        searcher.close()


def test_a_folder_that_may_not_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model, or its labels, in a folder that this user may not enter is one that cannot be read, with what to do."""
    path = tiny(tmp_path / "model.onnx")
    real = os.stat

    def stat(place: Any, **more: Any) -> os.stat_result:
        # As the system answers: who runs the tests may be allowed everything.
        if "closed" in str(place):
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return real(place, **more)

    monkeypatch.setattr(os, "stat", stat)
    closed = tmp_path / "closed" / "any"
    searcher = Searcher(SystemClock())
    try:
        for order, what in ((Order(closed), "model"), (Order(path, labels_file=closed), "labels")):
            searcher.keep([order])
            with pytest.raises(NotFound, match=rf"{what} .*any cannot be read: Permission denied") as raised:
                searcher.look(order, {}).result(60)
            assert "right to read it" in raised.value.hint
        with pytest.raises(NotFound, match="there is no such file"):
            searcher.look(Order(path, labels_file=Path("a\0b")), {}).result(60)
    finally:
        searcher.close()


def test_loading_can_be_stopped(tmp_path: Path, no_leaks: None) -> None:
    """A model whose loading takes too long is stopped before its first run, and said to be too slow."""
    clock, began, stopped = PushedClock(), threading.Event(), threading.Event()

    def load(order: Order, stop: Stop) -> Model:
        stop.ends(stopped.set)
        began.set()
        assert stopped.wait(60)
        return order.load(stop)

    searcher = Searcher(clock, load)
    answer = searcher.look(Order(tiny(tmp_path / "model.onnx")), {})
    assert began.wait(60)
    searcher.hurry()
    assert not stopped.is_set()
    clock.advance(LOADING_US / SECOND_US + 1)
    searcher.hurry()
    with pytest.raises(TookTooLong, match=r"model model.onnx was stopped .* more than 60 s for loading"):
        answer.result(60)
    searcher.close()


def test_closing_stops_loading(tmp_path: Path, no_leaks: None) -> None:
    """Who closes while a model is loaded ends that, and what waits behind it is cancelled."""
    began, stopped = threading.Event(), threading.Event()

    def load(order: Order, stop: Stop) -> Model:
        stop.ends(stopped.set)
        began.set()
        assert stopped.wait(60)
        return order.load(stop)

    searcher = Searcher(SystemClock(), load)
    order = Order(tiny(tmp_path / "model.onnx"))
    first, second = searcher.look(order, {}), searcher.look(order, {})
    assert began.wait(60)
    searcher.close()
    assert isinstance(first.exception(0), TookTooLong)
    assert second.cancelled()


@pytest.mark.parametrize("closes", [True, False])
def test_what_cannot_be_stopped_is_given_up(tmp_path: Path, closes: bool, no_leaks: None) -> None:  # noqa: FBT001 - looks for what is left; as pytest hands it over
    """A model that heeds no stop keeps nobody: it is given up, no other is begun beside it, and after it one is."""
    clock, began, free = PushedClock(), threading.Event(), threading.Event()

    def load(order: Order, stop: Stop) -> Model:
        began.set()
        assert free.wait(60)
        return order.load(stop)

    searcher = Searcher(clock, load)
    order = Order(tiny(tmp_path / "model.onnx"))
    answers = [searcher.look(order, {}) for _ in range(2)]
    assert began.wait(60)
    (thread,) = (one for one in threading.enumerate() if one.name == "objects")
    assert thread.daemon  # the interpreter does not wait for it either
    if closes:
        before = time.monotonic()
        searcher.close()
        assert time.monotonic() - before < CLOSING_S + 20
        assert answers[1].cancelled()
    else:
        clock.advance((LOADING_US + GRACE_US) / SECOND_US + 1)
        searcher.hurry()
        for answer in answers:
            with pytest.raises(BadInput, match=r"loading model model.onnx takes too long, and cannot be stopped"):
                answer.result(0)
    with pytest.raises(BadInput, match="still runs"):
        searcher.look(order, {}).result(0)
    free.set()
    thread.join(60)
    assert searcher.look(order, {}).result(60).pictures == {}
    searcher.close()
