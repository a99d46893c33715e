import pytest

from holdfast.core.errors import BadInput
from holdfast.core.status import StreamState, StreamStatus, status_name


def test_a_status_survives_writing_and_reading() -> None:
    """What people see is what the recorder wrote."""
    status = StreamStatus(camera="gate", stream="main", state=StreamState.STALLED, reason="stalled", fps=24.9)
    assert StreamStatus.from_json(status.to_json()) == status


@pytest.mark.parametrize("text", ["", "{}", '{"state": "dancing"}', "null"])
def test_a_damaged_status_is_one_error(text: str) -> None:
    """A half or foreign file is refused with one kind of error."""
    with pytest.raises(BadInput, match="damaged"):
        StreamStatus.from_json(text)


def test_each_stream_has_its_file() -> None:
    """Two streams of one camera do not share a file."""
    assert status_name("gate", "main") != status_name("gate", "sub")
