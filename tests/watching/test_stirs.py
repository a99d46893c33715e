"""One camera's motion: events, pictures, and what goes on."""

import json

import av
import numpy as np
import pytest

from holdfast.core.event import Rule
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.motion import Stir
from holdfast.media.still import Shot
from holdfast.watching.stirs import Settings, Stirs, file_of

BEGIN_US = 1_777_000_000 * SECOND_US + 250_000
SETTINGS = Settings(enabled=True, rule=Rule(cool_down_us=10 * SECOND_US))
FRAME = av.VideoFrame.from_ndarray(np.full((36, 64), 100, np.uint8), format="gray")


def look(at_s: float, moved: float) -> Stir:
    """A look."""
    at_us = BEGIN_US + round(at_s * SECOND_US)
    return Stir(at_us, moved, lambda: Shot(FRAME, at_us, 64, 36))


def test_pictures_of_an_event() -> None:
    """At its first look there are a picture and a small one, and one 4 s later, whether anything moves then or not."""
    stirs = Stirs(SETTINGS)
    for at_s in (0.0, 0.2, 0.4):
        stirs.take(look(at_s, 2.0))
    assert stirs.memory.hold_us > BEGIN_US + 4 * SECOND_US
    for at_s in (3.8, 4.0, 4.2):
        stirs.take(look(at_s, 0.0))
    assert [(pin.start_us, pin.which) for pin in stirs.found.pins] == [
        (BEGIN_US, "a"), (BEGIN_US, "thumb"), (BEGIN_US, "b"),
    ]  # fmt: skip
    assert all(pin.body.startswith(b"\xff\xd8") for pin in stirs.found.pins)
    assert file_of("gate", BEGIN_US, "a") == "events/gate/gate_motion_20260424T030640250Z_a.jpg"


def test_what_was_none_leaves_nothing() -> None:
    """A flash is dropped, and files that were written of it are to be deleted."""
    stirs = Stirs(SETTINGS)
    stirs.take(look(0, 2.0))
    stirs.files[f"a@{BEGIN_US}"] = "main", "events/a.jpg"
    stirs.take(look(5, 0.0))
    assert stirs.found.dropped == [BEGIN_US]
    assert stirs.found.events == {}
    stirs.drop(BEGIN_US)
    assert stirs.leftovers == [("main", "events/a.jpg")]
    assert stirs.state()["files"] == {}


@pytest.mark.parametrize("kill", range(1, 7))
def test_it_goes_on_from_what_is_written(kill: int) -> None:
    """From its state, as JSON, the same event goes on, and no picture is taken twice (F38)."""
    looks = [look(at_s, moved) for at_s, moved in ((0, 2), (0.2, 3), (0.4, 2), (4, 0), (5, 0), (20, 0))]
    first = Stirs(SETTINGS)
    for one in looks[:kill]:
        first.take(one)
    second = Stirs(SETTINGS, json.loads(json.dumps(first.state())))
    for one in looks:
        second.take(one)
    pins = [pin.which for pin in (*first.found.pins, *second.found.pins)]
    assert sorted(pins) == ["a", "b", "thumb"]
    case, over = {**first.found.events, **second.found.events}[BEGIN_US]
    assert over
    assert (case.start_us, case.last_us, case.score) == (BEGIN_US, BEGIN_US + 400_000, 3)


def test_another_stream_is_another_scene() -> None:
    """What is known of pictures and sizes is that of the stream which was looked at."""
    stirs = Stirs(SETTINGS)
    stirs.look_at("sub")
    stirs.memory.gate.mean = 300
    again = Stirs(SETTINGS, stirs.state())
    again.look_at("sub")
    assert again.memory.gate.mean == 300
    again.look_at("main")
    assert again.memory.gate.mean == 0


def test_rest_ends_what_is_over() -> None:
    """Where no pictures come an event ends as it would have; samples of before may still come."""
    stirs = Stirs(SETTINGS)
    for at_s in (0.0, 0.2, 0.4):
        stirs.take(look(at_s, 2.0))
    stirs.rest(BEGIN_US + 5 * SECOND_US)
    assert not stirs.found.events[BEGIN_US][1]
    stirs.rest(BEGIN_US + 11 * SECOND_US)
    assert stirs.found.events[BEGIN_US][1]
