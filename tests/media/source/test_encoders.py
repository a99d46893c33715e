import av
import pytest

from holdfast.core.errors import Unsupported
from holdfast.media.source.encoders import HARDWARE, SOFTWARE, Shape, open_encoder

SHAPE = Shape(320, 240, 10.0, 300_000)


def test_what_does_not_open_is_passed_over_in_words() -> None:
    """Hardware that is not here is tried, named with its reason, and the processor does it (C025)."""
    opened = open_encoder("auto", SHAPE)
    assert opened.name in {SOFTWARE, *HARDWARE}
    tried = [name for name in HARDWARE if name in av.codecs_available]
    before = tried[: tried.index(opened.name)] if opened.name in tried else tried
    assert [words.partition(":")[0] for words in opened.passed_over] == before
    assert all(words.partition(": ")[2] for words in opened.passed_over)


def test_software_asks_no_hardware() -> None:
    """Who says `software` gets it, and no driver is touched."""
    opened = open_encoder("software", SHAPE)
    assert (opened.name, opened.passed_over) == (SOFTWARE, ())


@pytest.mark.parametrize("name", ["no_such_encoder", "mjpeg", "aac"])
def test_an_encoder_that_is_none_of_h264_is_passed_over(name: str) -> None:
    """A name that means nothing, or something else, costs no recording: it is said, and the software takes over."""
    opened = open_encoder(name, SHAPE)
    assert opened.name == SOFTWARE
    assert opened.passed_over[0].startswith(f"{name}: ")


def test_pictures_that_no_encoder_takes_are_unsupported() -> None:
    """A size that even the software refuses ends in one of our errors, with what to do."""
    with pytest.raises(Unsupported, match="pictures of 0x0 cannot be encoded") as caught:
        open_encoder("auto", Shape(0, 0, 10.0, 300_000))
    assert "encode.size" in caught.value.hint
