import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.errors import BadInput
from holdfast.media.boxes import (
    REFERENCE_BYTES,
    SIDX_BYTES,
    Reference,
    TrackTable,
    box,
    end_box,
    fragment_head,
    free_box,
    from_ntp,
    full_box,
    sidx,
    to_ntp,
)


@given(st.integers(min_value=0, max_value=4_102_444_800_000_000))
def test_wall_time_survives_ntp(us: int) -> None:
    """R9: an instant comes back from a fragment to the microsecond, also after February 2036, when NTP's era ends."""
    ntp = to_ntp(us)
    assert 0 <= ntp < 1 << 64
    assert from_ntp(ntp) == us


def test_boxes_state_their_size() -> None:
    """A box begins with its size and kind; a full box adds version and flags."""
    assert box(b"free", b"ab", b"c") == b"\0\0\0\x0bfreeabc"
    assert full_box(b"tfdt", 1, 2) == b"\0\0\0\x0ctfdt\x01\0\0\x02"
    assert free_box(8) == b"\0\0\0\x08free"
    assert len(free_box(5000)) == 5000


def test_fragment_adds_up() -> None:
    """The data offsets of two tracks point at the first byte of each, and the sizes of all boxes add up."""
    video = TrackTable(1, 100, True, [10, 3, 0x02000000, 0, 10, 4, 0x01010000, -5], 2, 7)  # noqa: FBT003 - a row shape
    audio = TrackTable(2, 50, False, [20, 2], 1, 2)  # noqa: FBT003 - a row shape
    raw = fragment_head([video, audio], sequence=7, wall_us=0, reference_id=1, reference_ticks=100)
    moof_at = 32
    (moof_bytes,) = struct.unpack_from(">I", raw, moof_at)
    assert raw[moof_at + moof_bytes :] == b"\0\0\0\x11mdat"
    # The offset stands 12 bytes behind the kind: flags and count lie between.
    offsets = [struct.unpack_from(">i", raw, at + 12)[0] for at in range(len(raw)) if raw[at : at + 4] == b"trun"]
    assert offsets == [moof_bytes + 8, moof_bytes + 8 + 7]


@pytest.mark.parametrize(
    "table",
    [
        TrackTable(1, -1, False, [1, 1], 1, 1),  # noqa: FBT003 - a row shape
        TrackTable(1, 0, False, [-1, 1], 1, 1),  # noqa: FBT003 - a row shape
        TrackTable(1, 0, True, [1, 1, 0, 1 << 31], 1, 1),  # noqa: FBT003 - a row shape
    ],
)
def test_times_that_do_not_fit_are_refused(table: TrackTable) -> None:
    """Times that have no place in their fields are an error of the input, never a wrapped number on disk."""
    with pytest.raises(BadInput):
        fragment_head([table], sequence=1, wall_us=0, reference_id=1, reference_ticks=0)


def test_index_is_as_long_as_announced() -> None:
    """The room reserved for an index is computed from these two sizes."""
    raw = sidx([Reference(5, 6, keyframe=True)] * 3, track_id=1, timescale=90_000, first_ticks=0, skip=9)
    assert len(raw) == SIDX_BYTES + 3 * REFERENCE_BYTES == struct.unpack_from(">I", raw)[0]


def test_end_box_is_found_from_the_end() -> None:
    """The last four bytes repeat the size, so that a reader (and libav) finds the box from the file's end."""
    raw = end_box({"ended": "cut", "text": "Köln"})
    assert struct.unpack_from(">I", raw)[0] == struct.unpack(">I", raw[-4:])[0] == len(raw)
