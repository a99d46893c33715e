import av
import pytest

from holdfast.core.errors import UsageError
from holdfast.media.synthetic import VideoClip, VideoSpec, load_video, split_annex_b
from holdfast.media.synthetic_picture import Content, read_counter


def _spec(codec: str = "h264", *, bframes: int = 0, content: Content = Content.SCENE) -> VideoSpec:
    return VideoSpec(codec=codec, width=320, height=240, bitrate_bps=300_000, gop=25, bframes=bframes, content=content)


def _decode(clip: VideoClip, order: list[int]) -> list[int]:
    """The numbers read from the pictures of a clip, sent in this order."""
    decoder = av.CodecContext.create("h264" if clip.spec.codec == "h264" else "hevc", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    numbers = []
    for at, index in enumerate(order):
        frame = clip.frames[index]
        nals = (*clip.parameter_sets, *frame.nals) if frame.keyframe else frame.nals
        packet = av.Packet(b"".join(b"\0\0\0\1" + nal for nal in nals))
        packet.pts = at + frame.shown - index
        numbers += [read_counter(f.to_ndarray(format="gray")) for f in decoder.decode(packet)]
    return numbers + [read_counter(f.to_ndarray(format="gray")) for f in decoder.decode(None)]


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("bframes", [0, 2])
def test_clip_decodes_and_loops(codec: str, bframes: int) -> None:
    """Played twice over, a clip shows every number in display order, with B-frames too."""
    clip = load_video(_spec(codec, bframes=bframes))
    count = len(clip.frames)
    assert _decode(clip, [*range(count), *range(count)]) == [*range(count), *range(count)]


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_b_frames_are_reordered_and_leave_joints(codec: str) -> None:
    """With B-frames some pictures are sent before others that are shown first, and only joints may be left."""
    clip = load_video(_spec(codec, bframes=2))
    assert any(frame.shown != index for index, frame in enumerate(clip.frames))
    assert not all(frame.joint for frame in clip.frames)
    joint = next(index for index, frame in enumerate(clip.frames) if frame.joint and index > 5)
    numbers = _decode(clip, [*range(joint), *range(25, 50)])
    assert numbers == [*range(joint), *range(25, 50)]


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("content", [Content.BLACK, Content.FREEZE, Content.MOTION])
def test_contents_share_their_parameter_sets(codec: str, content: Content) -> None:
    """Clips that differ in content alone can take over from each other inside a stream."""
    assert load_video(_spec(codec)).parameter_sets == load_video(_spec(codec, content=content)).parameter_sets


def test_bit_rate_is_reached() -> None:
    """A scene uses the bits that it was given, within a sixth."""
    clip = load_video(_spec())
    bits = 8 * sum(len(nal) for frame in clip.frames for nal in frame.nals)
    assert bits / (len(clip.frames) / 25) == pytest.approx(300_000, rel=1 / 6)


def test_keyframes_come_every_gop() -> None:
    """Keyframes stand at multiples of the group's length and nowhere else, in whole groups."""
    clip = load_video(_spec())
    assert [index for index, frame in enumerate(clip.frames) if frame.keyframe] == [0, 25, 50, 75]
    assert len(clip.frames) == 100


def test_second_load_is_the_same() -> None:
    """A clip from the cache equals the freshly encoded one."""
    assert load_video(_spec()) == load_video(_spec())


def test_annex_b_is_cut_at_start_codes() -> None:
    """Start codes of three and four bytes and trailing zeros belong to no NAL unit."""
    assert split_annex_b(b"\0\0\0\1ab\0\0\1c\0\0\0\1d\0") == [b"ab", b"c", b"d"]
    assert split_annex_b(b"none") == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"codec": "vp9"}, "vp9"),
        ({"fps": 0}, "pictures per second"),
        ({"gop": 0}, "keyframe"),
        ({"bitrate_bps": 9}, "9"),
    ],
)
def test_impossible_specs_are_refused(wrong: dict[str, object], says: str) -> None:
    """What cannot be encoded is refused when it is asked for, naming the value."""
    with pytest.raises(UsageError, match=says):
        VideoSpec(**wrong)  # type: ignore[arg-type]
