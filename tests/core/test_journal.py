import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.errors import BadInput
from holdfast.core.journal import (
    CHAIN_START,
    Beat,
    Begun,
    Closed,
    Down,
    Emptied,
    Event,
    Opened,
    Removed,
    Sealed,
    Stepped,
    When,
    decode,
    encode,
    verify_chain,
)

WHEN = When(at_us=1_790_000_000_000_000, boot="b", boot_us=77, sync=True)
SEALED = Sealed(
    file="footage/gate/main/2026-09-21/gate_20260921T000000Z.mp4", run="r", start_us=1, end_us=2, start_boot_us=None,
    bytes=10, media_bytes=8, sha256="ab", video_samples=3, audio_samples=4, began="first", ended="cut",
    tracks=[{"kind": "video", "codec": "h264"}],
)  # fmt: skip
EVENTS: list[Event] = [
    Opened(camera="gate", stream="main", pid=1, program="1", session="s"),
    Closed(reason="restarted"),
    Down(from_us=5, reason="stalled", detail="Ton fehlt: „ö“"),
    Beat(reason="stalled"),
    Begun(file="f", run="r", start_us=1, why="first"),
    SEALED,
    Emptied(file="f"),
    Removed(file="f", bytes=3, why="reserve"),
    Stepped(step_us=-1_000_000),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: str(e.kind))
def test_every_kind_of_line_survives_writing_and_reading(event: Event) -> None:
    """What is read is what was written, for each kind of line."""
    raw, chain = encode(WHEN, event, CHAIN_START)
    line = decode(raw)
    assert (line.when, line.event, line.chain) == (WHEN, event, chain)
    assert raw.endswith(b"}\n")
    assert raw.count(b"\n") == 1


def test_chain_shows_a_changed_line() -> None:
    """A line whose text was changed no longer fits its own chain value."""
    raw, _ = encode(WHEN, SEALED, CHAIN_START)
    assert verify_chain(raw, CHAIN_START)
    assert not verify_chain(raw.replace(b'"bytes":10', b'"bytes":11'), CHAIN_START)


def test_chain_shows_a_missing_line() -> None:
    """A line taken out of the middle breaks the chain of the one after it."""
    _, first = encode(WHEN, EVENTS[0], CHAIN_START)
    _, second = encode(WHEN, EVENTS[1], first)
    third_raw, _ = encode(WHEN, EVENTS[2], second)
    assert verify_chain(third_raw, second)
    assert not verify_chain(third_raw, first)


@given(st.binary(max_size=60))
def test_garbage_is_not_a_line(raw: bytes) -> None:
    """Anything that is no journal line is refused with one error, whatever it is."""
    with pytest.raises(BadInput):
        decode(raw)


@given(st.integers(1, 400))
def test_a_torn_line_is_refused(cut: int) -> None:
    """A line cut anywhere before its end, as a power cut leaves it, is not mistaken for a whole one."""
    raw, _ = encode(WHEN, SEALED, CHAIN_START)
    with pytest.raises(BadInput):
        decode(raw[: min(cut, len(raw) - 2)])


def test_a_newer_program_may_say_more() -> None:
    """Fields and kinds that this version does not know are passed over, not refused."""
    raw, _ = encode(WHEN, EVENTS[0], CHAIN_START)
    body = json.loads(raw)
    assert decode(json.dumps({**body, "mood": "calm", "v": 9}).encode()).event == EVENTS[0]
    assert decode(json.dumps({**body, "t": "sang"}).encode()).event is None


@given(st.text(st.characters(categories=("L", "N", "P", "Cs", "Cc"))))
def test_words_that_are_no_text_are_written_too(detail: str) -> None:
    """Whatever a camera or a file name says is written, read and chained; what no encoding has is spelt out."""
    raw, chain = encode(WHEN, Down(from_us=5, reason="refused", detail=detail), CHAIN_START)
    line = decode(raw)
    assert isinstance(line.event, Down)
    assert line.event.detail == detail.encode(errors="backslashreplace").decode()
    assert line.chain == chain
    assert verify_chain(raw, CHAIN_START)
    again, _ = encode(line.when, line.event, CHAIN_START)
    assert again == raw


def test_a_line_that_is_no_text_is_not_chained() -> None:
    """Checking the chain of a line whose bytes were damaged says no, whatever the bytes are."""
    raw, _ = encode(WHEN, EVENTS[0], CHAIN_START)
    assert not verify_chain(raw.replace(b"gate", b"g\xe4te"), CHAIN_START)
