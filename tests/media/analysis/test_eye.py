"""Looking at a track now and then."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import pytest

from holdfast.core.quality import Region
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.eye import Eye, Gaze, Look
from holdfast.media.analysis.near import Coded, Part
from holdfast.media.decode import Coding
from support.films import Picture, film, moving, noisy, plain


def part_of(body: bytes, pts: int, dts: int, wall_us: int, *, keyframe: bool) -> Part:
    """A sample as a part of its own."""
    return Part(wall_us, wall_us + 1, keyframe, lambda: (Coded(body, pts, dts, wall_us, keyframe),))


def looks_at(path: Path, every_s: float = 2.0, gaze: Gaze | None = None, start_us: int = 0) -> tuple[list[Look], Eye]:
    """Feed a film's pictures as they lie in it."""
    looks: list[Look] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        coding = Coding(0, context.name, SECOND_US, bytes(context.extradata or b""))
        eye = Eye(coding, round(every_s * SECOND_US), black_level=10, region=Region(), gaze=gaze)
        for packet in container.demux(stream):
            if packet.size and packet.dts is not None and packet.pts is not None and packet.time_base:
                pts, dts = (int(ticks * packet.time_base * SECOND_US) for ticks in (packet.pts, packet.dts))
                looks += eye.feed(part_of(bytes(packet), pts, dts, start_us + pts, keyframe=packet.is_keyframe))
    return looks + eye.flush(), eye


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {}),
        ("libx264", {"tune": "zerolatency"}),
        ("libx264", {"bf": "3"}),
        ("libx265", {"x265-params": "log-level=none"}),
    ],
)
def test_a_look_is_three_pictures_in_a_row(tmp_path: Path, codec: str, options: dict[str, str]) -> None:
    """Every 2 s three pictures in a row are seen and little between is decoded, B-pictures or not (C057)."""
    path = film(tmp_path / "a.mp4", 12, moving, codec=codec, options=options)
    looks, eye = looks_at(path)
    seconds = [round(look.at_us / SECOND_US, 2) for look in looks]
    assert len(looks) in {6, 7}
    assert all(later - sooner == pytest.approx(2, abs=0.25) for sooner, later in pairwise(seconds[1:]))
    for look in looks:
        first, second, third = (shot.at_us for shot in look.shots)
        assert 0 < second - first <= 4 * SECOND_US // 25  # up to three B-pictures are left out between two others
        assert 0 < third - second <= 4 * SECOND_US // 25
        assert look.differences is not None
        assert min(look.differences) > 5
    assert eye.decoded < 12 * 25 / 2
    assert eye.damaged == 0


def test_long_groups_are_decoded_whole(tmp_path: Path) -> None:
    """With a keyframe every 10 s there is still a look every 2 s (C057)."""
    looks, _ = looks_at(film(tmp_path / "a.mp4", 12, moving, group=250))
    assert len(looks) >= 6


def test_groups_a_little_longer_than_the_rhythm_are_not_decoded_whole(tmp_path: Path) -> None:
    """A camera's group of 2 s is 2.00004 s now and then: it is looked at once, like any, and not all of it (P4)."""
    looks, eye = looks_at(film(tmp_path / "a.mp4", 24, moving, group=50), every_s=1.999)
    assert len(looks) >= 11
    assert eye.decoded < 24 * 25 / 3


def test_pictures_that_are_all_keyframes_are_looked_at(tmp_path: Path) -> None:
    """Where every picture is a keyframe three in a row are compared as anywhere."""
    looks, _ = looks_at(film(tmp_path / "a.mkv", 6, moving, codec="mjpeg", pixels="yuvj420p", group=1))
    assert len(looks) >= 3
    assert all(look.differences for look in looks)


@pytest.mark.parametrize(
    ("picture", "frozen"),
    [(lambda _: plain(90), True), (lambda _: noisy(7), True), (moving, False), (noisy, False)],
    ids=["plain", "frozen grain", "moving", "live grain"],
)
def test_still_pictures_differ_little(tmp_path: Path, picture: Callable[[float], Picture], frozen: bool) -> None:  # noqa: FBT001 - a case
    """What stands still differs by less than 0.5 however it was packed, grain and all; what lives does not (C052)."""
    looks, _ = looks_at(film(tmp_path / "a.mp4", 8, picture))
    for look in looks:
        assert look.differences is not None
        assert (max(look.differences) < 0.5) is frozen
    assert all((look.drift or 0) < 0.5 for look in looks) or not frozen


def test_it_goes_on_in_the_next_file(tmp_path: Path) -> None:
    """The rhythm, and the picture that was seen last, go on from one file to the next."""
    path, gaze = film(tmp_path / "a.mp4", 3, lambda _: plain(90)), Gaze()
    first, _ = looks_at(path, gaze=gaze)
    second, _ = looks_at(path, gaze=gaze, start_us=3 * SECOND_US)
    assert first[0].drift is None
    assert second[0].drift == pytest.approx(0, abs=0.3)
    assert second[0].at_us >= 4 * SECOND_US


def test_damage_is_counted_and_survived(tmp_path: Path) -> None:
    """Samples that are no pictures are passed over, and the next group is seen."""
    path = film(tmp_path / "a.mp4", 4, moving, options={"sc_threshold": "0"})
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        coding = Coding(0, "h264", SECOND_US, bytes(stream.codec_context.extradata or b""))
        eye = Eye(coding, SECOND_US, black_level=10, region=Region())
        looks = []
        for number, packet in enumerate(container.demux(stream)):
            if packet.size and packet.pts is not None and packet.dts is not None and packet.time_base:
                pts, dts = (int(ticks * packet.time_base * SECOND_US) for ticks in (packet.pts, packet.dts))
                body = b"\xff" * 50 if 5 < number < 20 else bytes(packet)
                looks += eye.feed(part_of(body, pts, dts, pts, keyframe=packet.is_keyframe))
    assert eye.damaged > 5
    assert looks[-1].at_us > 2 * SECOND_US


def fed(path: Path, spoil: Callable[[int, bytes], bytes], codec: str, *, blocks: bool = False) -> list[Look]:
    """Looks each second at a film some samples of which were changed on their way."""
    looks = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        coding = Coding(0, codec, SECOND_US, bytes(stream.codec_context.extradata or b""))
        eye = Eye(coding, SECOND_US, black_level=10, region=Region(), blocks=blocks)
        for number, packet in enumerate(container.demux(stream)):
            if packet.size and packet.pts is not None and packet.dts is not None and packet.time_base:
                pts, dts = (int(ticks * packet.time_base * SECOND_US) for ticks in (packet.pts, packet.dts))
                body = spoil(number, bytes(packet))
                looks += eye.feed(part_of(body, pts, dts, pts, keyframe=packet.is_keyframe))
    return looks


@pytest.mark.parametrize(
    ("codec", "encoder", "options"),
    [
        ("h264", "libx264", {"sc_threshold": "0", "tune": "zerolatency"}),
        ("mjpeg", "mjpeg", {"q": "4"}),
        (
            "hevc",
            "libx265",
            {"x265-params": "log-level=none:scenecut=0:bframes=0:pools=1:frame-threads=1", "preset": "ultrafast"},
        ),
    ],
)
def test_pictures_that_came_in_part_are_counted(
    tmp_path: Path, codec: str, encoder: str, options: dict[str, str]
) -> None:
    """A decoder that patches over damage is not believed: the look after it says that pictures were damaged."""
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = film(tmp_path / "a.mkv", 8, moving, codec=encoder, pixels=pixels, options=options)

    def flip(number: int, body: bytes) -> bytes:
        if number not in {101, 102, 103}:  # pictures that a look decodes: it begins with a keyframe, each second
            return body
        middle = len(body) // 2
        return body[:middle] + bytes(255 - byte for byte in body[middle : middle + 32]) + body[middle + 32 :]

    whole, damaged = fed(path, lambda _, body: body, codec), fed(path, flip, codec)
    assert [look.damaged for look in whole] == [0] * len(whole)
    assert sum(look.damaged for look in damaged) > 0
    assert all(look.damaged == 0 for look in damaged if look.at_us < 4 * SECOND_US)


def test_open_groups_are_no_damage(tmp_path: Path) -> None:
    """Where decoding begins at a keyframe that pictures before it lean on, nothing is said to be damaged."""
    options = {"x264-params": "open-gop=1:bframes=3:keyint=25:scenecut=0"}
    looks = fed(film(tmp_path / "a.mkv", 10, moving, options=options), lambda _, body: body, "h264")
    assert len(looks) > 5
    assert sum(look.damaged for look in looks) == 0


def test_blockiness_is_measured_where_it_is_wanted(tmp_path: Path) -> None:
    """Only who asks for it pays for it."""
    path = film(tmp_path / "a.mkv", 3, moving)
    assert {look.blocks for look in fed(path, lambda _, body: body, "h264")} == {None}
    assert all((look.blocks or 0) >= 1 for look in fed(path, lambda _, body: body, "h264", blocks=True))
