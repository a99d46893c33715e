"""Models that find objects, shown pictures: five families, and what is wrong with others."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from holdfast.core.errors import BadInput, MissingDependency, NotFound
from holdfast.core.objects import Seen
from holdfast.media.analysis.objects import MOST_LABELS_BYTES, DamagedPicture, Model, Stop, TookTooLong, read_labels
from support.models import BLUE, BRIGHT, FAMILIES, LABELS, RED, picture, strange, tiny


def places(found: list[Seen], size: tuple[int, int]) -> list[tuple[str, int, int, int, int]]:
    """What was found as `picture` takes it, in whole pixels, from left to right."""
    wide, high = size
    return sorted(
        (
            (
                one.label, round(one.box.left * wide), round(one.box.top * high),
                round((one.box.right - one.box.left) * wide), round((one.box.bottom - one.box.top) * high),
            )
            for one in found
        ),
        key=lambda place: place[1],
    )  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_read(tmp_path: Path, family: str) -> None:
    """What stands in a wide picture is found at its place and by its colour, whichever family wrote it."""
    # 640x320 fits into 320x320 at half its size, 80 pixels from the top; RT-DETR is shown it stretched to 320x320.
    stretched = family.startswith("rt-detr")
    model = Model(tiny(tmp_path / "model.onnx", family), ())
    assert model.labels == LABELS
    assert model.reading.stretched is stretched
    high = 32 if stretched else 64
    things = ((RED, 64, 32, 64, high), (BLUE, 384, 160, 64, high), (BRIGHT, 544, 96, 64, high))
    found = model.find(picture((640, 320), *things), 0.89)
    assert places(found, (640, 320)) == list(things)
    sure = 0.9 if family == "yolov5" else 1.0  # how sure it is that anything is there at all counts, too
    assert [one.confidence for one in found] == pytest.approx([sure] * 3, abs=0.01)


@pytest.mark.parametrize("family", ["yolov8", "yolov5"])
def test_one_thing_is_one_object(tmp_path: Path, family: str) -> None:
    """What four windows beside the right one see, too, is told once: the surest stays, what overlaps it does not."""
    model = Model(tiny(tmp_path / "model.onnx", family), ())
    things = ((RED, 64, 96, 32, 32), (BLUE, 96, 96, 32, 32))
    assert places(model.find(picture((320, 320), *things), 0.5), (320, 320)) == list(things)


def test_sizes_and_kinds_of_input(tmp_path: Path) -> None:
    """Inputs may be of any size, or unsaid, and float16; the same thing is found at the same place."""
    shown = picture((320, 180), (BRIGHT, 64, 32, 64, 64))
    for number, more in enumerate(
        (
            {"size": (320, 192), "side": 64},
            {"size": (640, 640), "side": 128, "fixed": False},
            {"size": (160, 160), "side": 32, "half": True},
        )
    ):
        model = Model(tiny(tmp_path / f"{number}.onnx", **more), ())  # type: ignore[arg-type]  # as `tiny` has them
        assert model.size == more["size"]
        (one,) = model.find(shown, 0.5)
        assert one.label == BRIGHT
        assert abs(one.box.left * 320 - 64) <= 16
        assert abs(one.box.top * 180 - 32) <= 18
        assert model.find(shown, 0.5) == [one]


def test_faint_things_are_not_found(tmp_path: Path) -> None:
    """Colours come as shares of one: what is red by a little stays below what counts."""
    model = Model(tiny(tmp_path / "model.onnx"), ())
    assert model.find(picture((320, 320)), 0.01) == []


def test_labels_come_from_people_or_the_model(tmp_path: Path) -> None:
    """Labels that people give go before those that a model carries; without any, classes have numbers."""
    shown = picture((320, 320), (BLUE, 64, 64, 64, 64))
    named = tiny(tmp_path / "named.onnx", side=64)
    assert {one.label for one in Model(named, ("a", "b", "c")).find(shown, 0.5)} == {"b"}
    bare = tiny(tmp_path / "bare.onnx", names=(), side=64)
    assert {one.label for one in Model(bare, ()).find(shown, 0.5)} == {"class-1"}
    odd = tiny(tmp_path / "odd.onnx", names=(), more={"names": "os.remove('x')"}, side=64)
    assert Model(odd, ()).labels == ()
    with pytest.raises(BadInput, match=r"tells 3 classes apart, but there are 2 labels"):
        Model(named, ("a", "b"))


@pytest.mark.parametrize(
    ("shape", "said"),
    [((1, 1000), "1x1000"), ((1, 32, 80, 80), "1x32x80x80"), ((1, 3, 100), "1x3x100"), ((2, 7, 100), "2x7x100")],
)
def test_other_models_are_refused(tmp_path: Path, shape: tuple[int, ...], said: str) -> None:
    """A model of another kind is refused with the shape of its output and those that are understood."""
    with pytest.raises(BadInput, match=rf"output is {said}; understood are 1x\(4\+n\)"):
        Model(strange(tmp_path / "strange.onnx", shape), ())


def test_models_for_something_else_are_refused(tmp_path: Path) -> None:
    """A model that says it is for segmenting, or wants more than one picture of three colours, says so."""
    with pytest.raises(BadInput, match="made for 'segment'"):
        Model(tiny(tmp_path / "segment.onnx", more={"task": "segment"}), ())
    small = tiny(tmp_path / "small.onnx", size=(8192, 64))
    with pytest.raises(BadInput, match=r"takes images tensor\(float\) 1x3x64x8192"):
        Model(small, ())


def test_files_that_are_no_models(tmp_path: Path) -> None:
    """A file that is missing, or is no model, is named with what to do."""
    with pytest.raises(NotFound, match=r"there is no model .*none\.onnx"):
        Model(tmp_path / "none.onnx")
    garbage = tmp_path / "garbage.onnx"
    garbage.write_bytes(b"not a model" * 99)
    with pytest.raises(BadInput, match=r"garbage\.onnx cannot be loaded: Protobuf parsing failed$"):
        Model(garbage)
    whole = tiny(tmp_path / "whole.onnx").read_bytes()
    garbage.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"garbage\.onnx cannot be loaded"):
        Model(garbage)


def test_without_the_extra_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without onnxruntime there is a message with the command that installs it, and nothing else breaks."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependency, match="onnxruntime is not installed") as raised:
        Model(tmp_path / "any.onnx")
    assert raised.value.hint == "pip install 'holdfast[objects]'"


def test_nothing_else_needs_the_extra() -> None:
    """The commands and the watcher load without onnxruntime, and do not load it where it is there."""
    load = "import holdfast.cli.main, holdfast.roles.watcher, holdfast.roles.server"
    for code in (
        f"import sys; sys.modules['onnxruntime'] = None; {load}",
        f"import sys; {load}; sys.exit('onnxruntime' in sys.modules)",
    ):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr


def test_damaged_pictures_are_told_apart(tmp_path: Path) -> None:
    """A picture that is none is no fault of the model."""
    model = Model(tiny(tmp_path / "model.onnx"))
    with pytest.raises(DamagedPicture):
        model.find(b"\xff\xd8 no picture", 0.5)


def test_a_model_can_be_stopped(tmp_path: Path) -> None:
    """Who waits too long stops it from another thread; what runs ends at once, with an error of its own."""
    model = Model(tiny(tmp_path / "model.onnx"))
    thread = threading.Thread(target=model.stop)
    thread.start()
    thread.join()
    with pytest.raises(TookTooLong):
        model.find(picture((320, 180)), 0.5)


def test_loading_a_model_can_be_stopped(tmp_path: Path) -> None:
    """Who stops a model before it is loaded gets no model, but an error of its own."""
    stop = Stop()
    stop.now()
    with pytest.raises(TookTooLong, match=r"model\.onnx was stopped before it was"):
        Model(tiny(tmp_path / "model.onnx"), (), stop)


def test_labels_from_a_file(tmp_path: Path) -> None:
    """A file has a label a line; one that is missing or empty is said to be."""
    path = tmp_path / "labels.txt"
    with pytest.raises(NotFound, match="cannot be read"):
        read_labels(path)
    path.write_text("\n")
    with pytest.raises(BadInput, match="is empty"):
        read_labels(path)
    path.write_text("person\n\n traffic light \n", encoding="utf-8")
    assert read_labels(path) == ("person", "traffic light")
    path.write_bytes(b"\xef\xbb\xbfperson\r\ndog\r\n")
    assert read_labels(path) == ("person", "dog")


def test_only_lists_of_labels_are_read(tmp_path: Path) -> None:
    """A pipe, a device, a folder or a file longer than any list is no labels, and nobody waits for it (C140)."""
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(NotFound, match="there is no such file"):
            read_labels(place)
    (tmp_path / "long").write_bytes(b"x\n" * (MOST_LABELS_BYTES // 2 + 1))
    with pytest.raises(BadInput, match="longer than any list"):
        read_labels(tmp_path / "long")


@pytest.mark.parametrize("names", ["[" * 5000, "(" * 90 + "1" + ",)" * 90, "-" * 100_000 + "1", "{[]: 1}", "{1: 'a'"])
def test_names_that_are_none(tmp_path: Path, names: str) -> None:
    """What a model carries in the place of names, however it is made, is no names and no harm."""
    assert Model(tiny(tmp_path / "odd.onnx", names=(), more={"names": names})).labels == ()
