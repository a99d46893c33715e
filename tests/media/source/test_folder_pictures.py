import pytest

from holdfast.core.camera import Sample
from holdfast.core.plan import Encoding
from holdfast.core.timing import SECOND_US, ticks_to_us
from holdfast.media.source.folder_files import NotTaken
from holdfast.media.source.folder_names import Form
from holdfast.media.source.folder_pictures import FolderPictures, Item
from support.encoding import decoded
from support.folders import picture, shade_of

BEGAN = 100 * SECOND_US


def made() -> FolderPictures:
    """Pictures of a grabber that writes five a second."""
    return FolderPictures(Encoding(encoder="software"), 5.0)


def test_each_picture_keeps_the_instant_of_its_capture() -> None:
    """Pictures of all kinds become one stream, each where it was captured, whatever passes between them (C148)."""
    pictures, out = made(), list[Item]()
    shades, at_s = (40, 90, 140, 190), (0.0, 0.2, 0.43, 2.6)
    for shade, second, form in zip(shades, at_s, ("jpeg", "png", "webp", "jpeg"), strict=True):
        out += pictures.feed(picture(shade, form), Form(form), BEGAN + round(second * SECOND_US))
    out += pictures.flush()
    (track,) = pictures.tracks
    assert (track.codec, track.sent_codec, track.encoder) == ("h264", "mjpeg", "libx264")
    samples = [item for item in out if isinstance(item, Sample)]
    assert [(one.arrived_us - BEGAN) / SECOND_US for one in samples] == list(at_s)
    assert [ticks_to_us(one.dts_ticks, track.timescale) for one in samples] == [round(s * SECOND_US) for s in at_s]
    assert [
        round((shade_of(frame) - shade) / 10) for frame, shade in zip(decoded(track, samples), shades, strict=True)
    ] == [0] * 4


def test_what_is_older_or_broken_is_passed_over() -> None:
    """A picture from before the last one and one that cannot be decoded cost nothing but themselves."""
    pictures = made()
    pictures.feed(picture(50), Form.JPEG, BEGAN)
    with pytest.raises(NotTaken, match="captured before"):
        pictures.feed(picture(50), Form.JPEG, BEGAN - 3 * SECOND_US)
    with pytest.raises(NotTaken, match="cannot be decoded"):
        pictures.feed(b"\xff\xd8\xff\xe0\x00\x04ab\xff\xd9", Form.JPEG, BEGAN + SECOND_US // 5)
    # Names that know whole seconds alone: the order in which they came is left.
    for number in range(3):
        pictures.feed(picture(60 + number), Form.JPEG, BEGAN + SECOND_US)
    assert len([item for item in pictures.flush() if isinstance(item, Sample)]) >= 1


def test_few_pictures_may_be_large() -> None:
    """The bits of a second are shared out among the pictures that come, not among those that might."""
    often, seldom = (FolderPictures(Encoding(encoder="software"), rate)._wanted.bitrate_bps for rate in (15.0, 1.0))
    assert (often, seldom) == (1_500_000, 22_500_000)
