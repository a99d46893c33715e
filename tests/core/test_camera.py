import pytest

from holdfast.core.camera import Kind, StreamKey, Track
from holdfast.core.errors import UsageError


@pytest.mark.parametrize("camera", ["gate", "_1", "A-b_c", "x" * 50, "9"])
def test_good_camera_ids(camera: str) -> None:
    """Letters, digits, underscore and hyphen make an id, up to fifty."""
    assert str(StreamKey(camera, "main")) == f"{camera}/main"


@pytest.mark.parametrize("camera", ["", "-x", "a b", "../etc", "x" * 51, "gate\n", "käse", "a/b", "a.b"])
def test_bad_camera_ids_are_refused(camera: str) -> None:
    """What could leave its folder or break a URL is no id."""
    with pytest.raises(UsageError, match="not a camera id"):
        StreamKey(camera, "main")


def test_a_stream_is_main_or_sub() -> None:
    """Other names are refused; without one, main is meant."""
    assert StreamKey.parse("gate") == StreamKey("gate", "main")
    assert StreamKey.parse("gate/sub") == StreamKey("gate", "sub")
    with pytest.raises(UsageError, match="not a stream"):
        StreamKey.parse("gate/third")


def test_facts_leave_out_what_is_not_known() -> None:
    """A track's facts carry no bytes and no zeros."""
    track = Track(Kind.AUDIO, "aac", "pcm_alaw", 8000, b"\x15\x88", sample_rate=8000, channels=1)
    assert track.facts() == {
        "kind": "audio", "codec": "aac", "sent_codec": "pcm_alaw", "sample_rate": 8000, "channels": 1,
        "timescale": 8000,
    }  # fmt: skip
