import hashlib
import struct
from pathlib import Path

import pytest

from holdfast.media.boxes import REFERENCE_BYTES, SIDX_BYTES
from holdfast.media.sealing import FragmentIndex, hash_of, reserved_bytes


def _references(raw: bytes) -> list[tuple[int, int, bool]]:
    (count,) = struct.unpack_from(">H", raw, SIDX_BYTES - 2)
    rows = struct.iter_unpack(">III", raw[SIDX_BYTES : SIDX_BYTES + count * REFERENCE_BYTES])
    return [(size, duration, bool(sap >> 31)) for size, duration, sap in rows]


def _index(keyframes: str) -> FragmentIndex:
    """Make an index of fragments of 100 bytes and 10 ticks; K begins with a keyframe, a dot does not."""
    index = FragmentIndex(1, 90_000)
    for number, mark in enumerate(keyframes):
        index.add(100, number * 10, number * 10 + 10, keyframe=mark == "K")
    return index


def test_references_begin_at_keyframes() -> None:
    """A player that seeks can begin at each piece that the index names, and the pieces cover the file."""
    raw = _index("K..K.K").box(reserved_bytes(600))
    assert _references(raw) == [(300, 30, True), (200, 20, True), (100, 10, True)]
    assert len(raw) == reserved_bytes(600)


def test_room_is_about_16_kb_for_ten_minutes() -> None:
    """The reserved room is small beside the footage, and enough for two references a second and a late cut."""
    assert 15_000 < reserved_bytes(600) < 17_000
    assert (reserved_bytes(10) - SIDX_BYTES) // REFERENCE_BYTES >= 70 * 2


def test_neighbours_are_merged_where_room_is_short() -> None:
    """With more keyframes than room, neighbours share a reference; nothing is left out and the box still fits."""
    room = SIDX_BYTES + 4 * REFERENCE_BYTES + 8
    raw = _index("K" * 1001).box(room)
    found = _references(raw)
    assert len(raw) == room
    assert 3 <= len(found) <= 4
    assert sum(size for size, _, _ in found) == 100_100
    assert sum(duration for _, duration, _ in found) == 10_010
    assert all(keyframe for _, _, keyframe in found)


def test_fragments_without_pictures_belong_to_the_one_before() -> None:
    """Sound alone between pictures neither begins a reference nor shortens the time."""
    index = FragmentIndex(1, 90_000)
    index.add(100, 0, 10, keyframe=True)
    index.add(50, None, 0, keyframe=False)
    index.add(100, 10, 20, keyframe=True)
    assert _references(index.box(reserved_bytes(1))) == [(150, 10, True), (100, 10, True)]


def test_pictures_stored_out_of_order_give_no_negative_time() -> None:
    """Where a fragment is shown before the one stored ahead of it, durations stay sums of the whole."""
    index = FragmentIndex(1, 90_000)
    for first, end in ((0, 10), (40, 50), (20, 30), (60, 70)):
        index.add(100, first, end, keyframe=True)
    found = _references(index.box(reserved_bytes(1)))
    assert [duration for _, duration, _ in found] == [20, 0, 40, 10]


def test_hash_is_that_of_the_file(tmp_path: Path) -> None:
    """The SHA-256 is that which `sha256sum` gives."""
    path = tmp_path / "a"
    path.write_bytes(b"holdfast" * 400_000)
    with path.open("rb") as file:
        digest = hash_of(file.fileno(), path)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("first", [-90_000, 1 << 63, 1 << 70])
def test_a_time_that_fits_nowhere_is_left_out(first: int) -> None:
    """F11: times that only damage can claim cost their own place in the index, and the file still gets one."""
    index = FragmentIndex(1, 90_000)
    index.add(100, first, first + 90_000, keyframe=True)
    index.add(100, 90_000, 180_000, keyframe=True)
    room = reserved_bytes(10)
    box = index.box(room)
    assert len(box) == room
    assert [size for size, _, _ in _references(box)] == [100, 100]
    assert index.end_ticks == 180_000
