import pytest

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.errors import AuthFailed, BadInput, SourceError
from holdfast.media.source import pipe

TRACK = Track(Kind.VIDEO, "h264", "mjpeg", 90_000, b"\x01\x00\xff", "Main", 320, 240, 10.0, encoder="libx264")
SOUND = Track(Kind.AUDIO, "aac", "pcm_s16le", 48_000, b"\x11\x90", sample_rate=48_000, channels=2)


def test_everything_arrives_as_it_was_said() -> None:
    """Tracks, samples, changes and errors come out whole and in order, however the bytes are cut."""
    opening = pipe.Opening((TRACK, SOUND), ("a note",), 12.5, ("h264_qsv: no",))
    samples = [Sample(0, b"\0\0\0\1x", -5, 3, 9, True, 77, None), Sample(1, b"", 1 << 40, 1, 1, False, 5, 1 << 50)]  # noqa: FBT003 - a sample as it is
    error = AuthFailed("gate/main: no", hint="try ünother")
    data = pipe.loaded() + pipe.opened(opening) + b"".join(map(pipe.sample, samples))
    data += pipe.changed([TRACK]) + pipe.failed(error)
    for step in (1, 7, len(data)):
        reader = pipe.Reader()
        said = [one for at in range(0, len(data), step) for one in reader.feed(data[at : at + step])]
        assert said[:5] == [pipe.Loaded(), opening, *samples, (TRACK,)]
        heard = said[5]
        assert isinstance(heard, AuthFailed)
        assert (str(heard), heard.hint) == ("gate/main: no", "try ünother")


def test_an_unknown_error_is_still_one_of_ours() -> None:
    """A code that this version does not know becomes the plain error of a source."""
    data = pipe.failed(AuthFailed("x")).replace(b'"auth"', b'"what"')
    (said,) = pipe.Reader().feed(data)
    assert type(said) is SourceError


@pytest.mark.parametrize(
    "data",
    [b"s\xff\xff\xff\xff", b"s\x01\x00\x00\x00x", b"o\x02\x00\x00\x00{}", b"f\x01\x00\x00\x00[", b"?\x00\x00\x00\x00",
     b"c\x02\x00\x00\x00[]"],
)  # fmt: skip
def test_garbage_is_one_error(data: bytes) -> None:
    """A process that writes nonsense is found out at once, and nothing is reserved for what it announces."""
    with pytest.raises(BadInput):
        list(pipe.Reader().feed(data))
