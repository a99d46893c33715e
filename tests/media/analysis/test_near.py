"""Every picture between two looks, and looks at exactly the wanted picture."""

from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.core.quality import Region
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.eye import Gaze, Look
from holdfast.media.analysis.file import looks_in
from holdfast.media.analysis.near import MOST_US, Between
from support.films import Picture, film, moving, plain

FRAME_US = SECOND_US // 25
STEADY = {"tune": "zerolatency", "sc_threshold": "0"}  # no keyframes but those of the rhythm


def day(at_s: float) -> Picture:
    """Black from 3.2 s to 5.4 s."""
    return plain(2) if 3.2 <= at_s < 5.4 else moving(at_s)


def looks(path: Path, *, every_s: int = 2, exact_s: float | None = None) -> list[Look]:
    """Looks at a film; one more at an exact instant where it is asked for after the first one."""
    gaze, found = Gaze(), []
    options = {"black_level": 10, "region": Region()}
    for _, look in looks_in(path, 0, every_us=every_s * SECOND_US, gaze=gaze, **options):  # type: ignore[arg-type]
        assert look is not None
        found.append(look)
        if exact_s is not None and look.at_us < exact_s * SECOND_US:
            gaze.exact_us = round(exact_s * SECOND_US)
    return found


@pytest.mark.parametrize("group", [25, 50, 100])
def test_each_picture_between_two_looks_is_seen(tmp_path: Path, group: int) -> None:
    """Between two looks nothing is missing: every picture once, in order, black exactly where the film is (Q2)."""
    path = film(tmp_path / "a.mkv", 8, day, group=group, options=STEADY)
    found = looks(path)
    for before, after in pairwise(found):
        assert isinstance(after.between, Between)
        near = after.between.pictures()
        assert [one.at_us for one in near] == list(range(before.at_us + FRAME_US, after.at_us + 1, FRAME_US))
        for one in near:
            assert (one.black_percent > 95) is (3.2 <= one.at_us / SECOND_US < 5.4)
    assert found[0].between is None


def test_what_is_shown_before_its_keyframe_is_packed_with_it(tmp_path: Path) -> None:
    """In an open group pictures are shown before the keyframe that they were decoded after: they name that one (Q2)."""
    options = {"preset": "ultrafast", "x265-params": "log-level=none:rc-lookahead=20:open-gop=1:bframes=4:b-adapt=0"}
    path = film(tmp_path / "a.mkv", 5, moving, group=48, codec="libx265", options=options)
    near = [one for look in looks(path) if look.between for one in look.between.pictures()]
    ahead = [one for one in near if one.key_us is not None and one.at_us < one.key_us]
    assert {one.key_us for one in ahead} == {2 * 48 * FRAME_US}
    assert {one.at_us for one in near if one.keyframe} == {2 * 48 * FRAME_US}


@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
def test_keyframes_are_compared_from_look_to_look(tmp_path: Path, codec: str) -> None:
    """What stands has the same keyframe, of the same size; what moves another one. Each counts once (Q1)."""
    options = {"qp": "24"} if codec == "libx264" else {"q": "4"}
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = film(
        tmp_path / "a.mkv", 9, lambda at_s: moving(min(at_s, 4.0) * 0.93), codec=codec, pixels=pixels, options=options
    )  # fmt: skip
    found = looks(path, exact_s=7.5)
    assert found[0].repacked is None
    for look in found[1:]:
        if look.repacked is None:
            assert (codec, look.at_us % (2 * SECOND_US) > SECOND_US) == ("libx264", True)  # of the group as before
        elif look.at_us < 4 * SECOND_US:
            assert look.repacked.difference > 5
        elif look.at_us > 6.5 * SECOND_US:
            assert (look.repacked.difference, look.repacked.drift) == (0, 0)
            assert abs(look.repacked.growth) < 0.01  # headers number pictures


@pytest.mark.parametrize("group", [25, 100])
@pytest.mark.parametrize("exact_s", [3.12, 3.4, 5.96])
def test_a_look_is_taken_where_it_is_wanted(tmp_path: Path, group: int, exact_s: float) -> None:
    """Whoever wants a look at one picture in the middle of a group gets it, and the rhythm goes on as it was (Q2)."""
    path = film(tmp_path / "a.mkv", 10, moving, group=group, options=STEADY)
    ordinary, more = looks(path), looks(path, exact_s=exact_s)
    extra = [look for look in more if look.at_us not in {one.at_us for one in ordinary}]
    assert [look.at_us for look in extra] == [round(exact_s * SECOND_US)]
    assert all(look.differences is not None and min(look.differences) > 5 for look in extra)
    assert len(more) == len(ordinary) + 1


def test_long_pauses_are_not_gone_through(tmp_path: Path) -> None:
    """Who looks more seldom than every ten seconds does not decode all of that for an exact time."""
    found = looks(film(tmp_path / "a.mkv", 30, moving), every_s=12)
    assert len(found) >= 2
    assert all(look.between is None for look in found)
    assert MOST_US < 12 * SECOND_US
