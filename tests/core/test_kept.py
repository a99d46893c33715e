import json

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.errors import BadInput
from holdfast.core.kept import Acknowledged, Deleted, Event, Held, Kept, Released, Withdrawn, decode, encode, kept_path

SHA = "a" * 64
EVENTS: list[Event] = [
    Acknowledged(file="footage/gate/main/2026-01-01/x.mp4", sha256=SHA, bytes=7, target="nas", address="nas:/x.mp4"),
    Withdrawn(file="footage/gate/main/2026-01-01/x.mp4", sha256=SHA, target="nas", why="not there any more"),
    Held(uid="h1", camera="gate", from_us=1, to_us=2, hold="legal", why="Straße \udce9", who="anna"),
    Released(uid="h1", who="anna", why="closed"),
    Deleted(file="footage/gate/main/2026-01-01/x.mp4", sha256=SHA, bytes=7, why="older than 7 days"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_what_is_written_is_read_again(event: Event) -> None:
    """Every kind of line says the same after it was read, also with words that are no text, and is one line."""
    raw = encode(5, event)
    assert raw.count(b"\n") == 1
    assert decode(raw) == Kept(5, event)


def test_kinds_of_later_versions_are_no_mistake() -> None:
    """A line of a kind that this version does not know is kept out of the way, not refused."""
    assert decode(json.dumps({"v": 2, "t": "sealed-away", "at_us": 9, "x": 1}).encode()) == Kept(9, None)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"v":1,"t":"released","at_us":1,"uid":"h1"',
        b'{"v":1,"t":"released","at_us":1,"uid":"h1"}',
        b'{"v":1,"t":"released","at_us":"1","uid":"h1","who":"","why":""}',
        b'{"v":1,"t":"released","at_us":1,"uid":7,"who":"","why":""}',
        b"[]",
        b"",
    ],
)
def test_what_is_torn_or_wrong_is_refused(raw: bytes) -> None:
    """Half a line, a missing field or a value of another kind is no line."""
    with pytest.raises(BadInput, match="kept journal"):
        decode(raw)


def test_it_lies_beside_the_journal_of_the_day() -> None:
    """A kept journal is named for its stream and its UTC day."""
    assert str(kept_path(StreamKey("gate", "sub"), "2026-01-02")) == "footage/gate/sub/2026-01-02.kept.journal"
