"""Looking for what moves in a track: what is decoded, and that a restart changes nothing."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from holdfast.media.analysis.motion import EVERY_US, Memory, MotionEye, Part
from holdfast.media.analysis.scenery import View
from holdfast.media.decode import Coding, Decoder
from support.films import Picture, film
from support.stirs import BEGIN_US, parts_of, stirs_of

BEGIN_S, END_S, LENGTH_S = 12, 15, 24


def street(at_s: float) -> Picture:
    """Something goes through between 12 and 15 s."""
    rows, columns = np.mgrid[0:180, 0:320]
    picture = np.asarray(90 + 30 * np.sin(columns / 23) + 25 * np.sin(rows / 17), np.uint8)
    if BEGIN_S <= at_s < END_S:
        left = int((at_s - BEGIN_S) * 90)
        picture[60:110, left : left + 30] = 220
    return picture


@cache
def recorded(codec: str) -> tuple[Coding, list[Part]]:
    """It as a recorder's fragments."""
    options = {"libx264": {"crf": "26", "bf": "2"}, "libx265": {"crf": "28", "x265-params": "log-level=none"}}[codec]
    with TemporaryDirectory() as folder:
        path = film(Path(folder) / "street.mp4", LENGTH_S, street, group=50, codec=codec, options=options)
        return parts_of(path)


def moved(coding: Coding, parts: list[Part], *, always: bool = False) -> list[tuple[int, float]]:
    """What moved, and when."""
    stirs = stirs_of(coding, parts, Memory.of(View()), always=always)
    return [(stir.at_us, stir.moved) for stir in stirs if stir.moved]


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_rest_is_not_decoded(codec: str) -> None:
    """At rest keyframes are decoded; what moves is seen five times a second, as if everything were (C047)."""
    coding, parts = recorded(codec)
    eye = MotionEye(coding, Memory.of(View()))
    read: list[float] = []
    for part in parts:
        before = eye.decoded
        list(eye.feed(part))
        if eye.decoded - before > 1:
            read.append((part.at_us - parts[0].at_us) / 1e6)
    quiet = [at_s for at_s in read if 6.5 < at_s < BEGIN_S - 2.1 or at_s > END_S + 6]
    assert quiet == []
    gated = [at_us for at_us, _ in moved(coding, parts)]
    assert gated == [at_us for at_us, _ in moved(coding, parts, always=True)]
    assert len(gated) >= 12


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_pictures_that_are_kept_are_decoded_in_full(codec: str) -> None:
    """What is looked at is decoded in haste; a picture of it to keep is what any decoder makes of it (C047)."""
    coding, parts = recorded(codec)
    decoder, whole = Decoder(coding), dict[int, np.ndarray]()
    for part in parts:
        for unit, payload in zip(part.units, part.load(), strict=True):
            whole |= {BEGIN_US + frame.pts: frame.to_ndarray() for frame in decoder.feed(payload, unit.pts, unit.dts)}
    eye, seen = MotionEye(coding, Memory.of(View())), 0
    for part in parts:
        for stir in eye.feed(part):
            if stir.moved and stir.at_us in whole:
                shot, seen = stir.shot(), seen + 1
                assert (shot.at_us, BEGIN_US + shot.frame.pts) == (stir.at_us, stir.at_us)
                assert np.array_equal(shot.frame.to_ndarray(), whole[stir.at_us])
    assert seen >= 12


def test_a_restart_anywhere_changes_nothing() -> None:
    """Whoever goes on from what is written down, from the keyframe before on, sees what would have been seen (F38)."""
    coding, parts = recorded("libx264")
    expected = moved(coding, parts)
    for stop in range(20, len(parts) - 1, 3):
        memory = Memory.of(View())
        found = [(stir.at_us, stir.moved) for stir in stirs_of(coding, parts[:stop], memory) if stir.moved]
        again = Memory.of(View(), json.loads(json.dumps(memory.to_json())))
        keyframe = max(n for n in range(stop) if parts[n].units[0].keyframe)
        found += [(stir.at_us, stir.moved) for stir in stirs_of(coding, parts[keyframe:], again) if stir.moved]
        assert found == expected, stop


def test_the_grid_is_wall_time() -> None:
    """Looks are at least a fifth of a second apart on a grid, so that no two of them see the same."""
    coding, parts = recorded("libx264")
    instants = [stir.at_us // EVERY_US for stir in stirs_of(coding, parts, Memory.of(View()), always=True)]
    assert instants == sorted(set(instants))


def test_a_file_that_is_gone_is_nothing_seen() -> None:
    """Where what lies in a part cannot be read any more it is passed over."""
    coding, parts = recorded("libx264")
    gone = [Part(part.at_us, part.units, list) for part in parts]
    assert moved(coding, gone) == []


def test_seldom_means_keyframes() -> None:
    """Where there is no time nothing but keyframes is decoded, even while something moves (C057)."""
    coding, parts = recorded("libx264")
    memory = Memory.of(View())
    memory.seldom = True
    eye = MotionEye(coding, memory)
    for part in parts:
        list(eye.feed(part))
    assert eye.decoded == sum(part.units[0].keyframe for part in parts)


def test_keyframes_alone_are_looked_at_five_times_a_second(tmp_path: Path) -> None:
    """Where every picture is a keyframe not all of them are decoded at rest, and what moves is seen all the same."""
    path = film(tmp_path / "street.mp4", 18, street, group=1, codec="libx264", options={"crf": "26"})
    coding, parts = parts_of(path)
    rest = MotionEye(coding, Memory.of(View()))
    for part in parts[: BEGIN_S * 25]:
        list(rest.feed(part))
    assert rest.decoded <= 4 * 25 + (BEGIN_S - 4) * 6
    assert len(moved(coding, parts)) >= 12


@pytest.mark.parametrize(
    "said", [{}, {"scenery": None}, {"scenery": {"shape": [2, 2], "ground": "AAAA"}, "gate": {}}, {"gate": 3}]
)
def test_what_cannot_be_read_begins_anew(said: dict[str, object]) -> None:
    """A memory of another program, or a damaged one, is none: the scene is learned again."""
    memory = Memory.of(View(), said)
    assert memory.taken_us == 0
    assert not memory.scenery.steady
