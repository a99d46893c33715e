import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.errors import Unsupported
from holdfast.media.source import jpegs
from holdfast.media.source.jpegs import Jpegs
from support.web_camera import jpeg

ONE, TWO = jpeg(1), jpeg(5)
HEAD = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 999999\r\n\r\n"


@given(st.integers(1, 700), st.binary(max_size=40).filter(lambda junk: b"\xff" not in junk))
def test_pictures_are_found_however_they_arrive(step: int, junk: bytes) -> None:
    """Wrong lengths, missing boundaries and any cut into packets change nothing: pictures come out whole, in order."""
    stream = junk + HEAD + ONE + b"\r\n" + HEAD + TWO + junk + ONE
    splitter = Jpegs()
    found = [one for at in range(0, len(stream), step) for one in splitter.feed(stream[at : at + step])]
    assert found == [ONE, TWO, ONE]
    assert splitter.cut_short == 0


def test_a_picture_that_breaks_off_costs_itself_alone() -> None:
    """When another picture begins inside one, the first is let go of and the second is whole."""
    splitter = Jpegs()
    assert splitter.feed(HEAD + ONE[:-40] + b"\r\n" + HEAD + TWO) == [TWO]
    assert splitter.cut_short == 1


def test_a_thumbnail_is_no_picture() -> None:
    """A whole small JPEG inside a segment (EXIF) is part of its picture."""
    inner = b"Exif\0\0" + TWO
    picture = ONE[:2] + b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner + ONE[2:]
    assert Jpegs().feed(b"junk" + picture) == [picture]


def test_junk_is_not_kept() -> None:
    """Bytes that never become a picture are counted and let go of."""
    splitter = Jpegs()
    for _ in range(100):
        assert splitter.feed(b"x" * 10_000) == []
    assert splitter.junk_bytes > 990_000
    assert len(splitter._buffer) < 10
    assert splitter.feed(ONE) == [ONE]


def test_a_picture_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes on for longer than any picture is found out before memory is."""
    monkeypatch.setattr(jpegs, "MOST_BYTES", 50_000)
    splitter = Jpegs()
    splitter.feed(ONE[:-2] + b"\x01" * 40_000)
    with pytest.raises(Unsupported, match="a picture of more than"):
        splitter.feed(b"\x01" * 10_000)
