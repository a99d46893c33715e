import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.errors import BadInput
from holdfast.core.gap import MIN_GAP_US
from holdfast.core.manifest import (
    FilePart,
    GapPart,
    JournalPart,
    Manifest,
    PiecePart,
    PieceState,
    StreamPart,
    complete,
    decode,
    encode,
    holes,
    uncovered,
)

SECOND = 1_000_000
PIECE = PiecePart(
    state=PieceState.WHOLE, file="gate/main/a.mp4", start_us=0, end_us=4 * SECOND, source="main:footage/a.mp4",
    bytes=7, sha256="ab", chain="cd", run="r1",
)  # fmt: skip
STREAM = StreamPart(
    camera="gate", stream="main", from_us=0, to_us=10 * SECOND, facts={"name": "Nordtor"}, pieces=(PIECE,),
    gaps=(GapPart(start_us=4 * SECOND, end_us=10 * SECOND, reason="unreachable"),),
    journals=(JournalPart(file="gate/main/j", volume="main", previous="0", lines=3, breaks=(1,)),),
)  # fmt: skip
MANIFEST = Manifest(
    id="1", made_us=5, program="0.1.0", node="local", site={"name": "Häfen", "time_zone": "UTC"}, asked_by="ann",
    purpose="", format="zip", from_us=0, to_us=10 * SECOND, complete=False, key="ee", streams=(STREAM,),
    files=(FilePart(name="gate/main/a.mp4", bytes=7, sha256="ab"),),
)  # fmt: skip


def test_a_manifest_is_the_same_bytes_each_time() -> None:
    """What is signed is what is written: reading and writing again gives the same bytes."""
    raw = encode(MANIFEST)
    assert decode(raw) == MANIFEST
    assert encode(decode(raw)) == raw
    assert raw.isascii()


def _set(path: str, value: object) -> bytes:
    body = json.loads(encode(MANIFEST))
    at = body
    *way, last = path.split(".")
    for word in way:
        at = at[int(word)] if isinstance(at, list) else at[word]
    at[last] = value
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"{}", b"null", b'"x"', _set("kind", "other"), _set("v", 2), _set("from_us", "soon"),
        _set("streams", 3), _set("streams.0.pieces.0.state", "lost"), _set("streams.0.pieces.0.bytes", "7"),
        _set("streams.0.gaps.0.start_us", None), _set("files.0.more", 1), _set("complete", 1), _set("site", []),
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(raw: bytes) -> None:
    """Whatever somebody hands over as a manifest is read or refused in our words."""
    with pytest.raises(BadInput):
        decode(raw)


def test_a_gap_that_was_taken_out_leaves_a_hole() -> None:
    """Pieces and gaps cover the span; without the gap, or the piece, the hole has its exact place."""
    assert uncovered(STREAM) == []
    assert uncovered(replace(STREAM, gaps=())) == [(4 * SECOND, 10 * SECOND)]
    assert uncovered(replace(STREAM, pieces=())) == [(0, 4 * SECOND)]
    shorter = (GapPart(start_us=5 * SECOND, end_us=10 * SECOND, reason="unreachable"),)
    assert uncovered(replace(STREAM, gaps=shorter)) == [(4 * SECOND, 5 * SECOND)]


def test_complete_means_that_all_is_there() -> None:
    """A gap, a removed piece, a changed one and a hole each make it incomplete."""
    whole = replace(STREAM, pieces=(replace(PIECE, end_us=10 * SECOND),), gaps=())
    assert complete([whole])
    assert not complete([whole, STREAM])
    assert not complete([replace(whole, pieces=(PIECE,))])
    for state in (PieceState.REMOVED, PieceState.MISSING, PieceState.CHANGED):
        assert not complete([replace(whole, pieces=(replace(whole.pieces[0], state=state),))])


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100))), st.integers(0, 40), st.integers(41, 100))
def test_holes_are_what_nothing_covers(pairs: list[tuple[int, int]], begin: int, end: int) -> None:
    """Each instant of the span lies in a given span or in a hole, and never in both."""
    unit = MIN_GAP_US
    spans = [(a * unit, b * unit) for a, b in pairs if a < b]
    found = holes(spans, begin * unit, end * unit)
    for at in range(begin, end):
        middle = at * unit + unit // 2
        covered = any(a <= middle < b for a, b in spans)
        assert covered != any(a <= middle < b for a, b in found)
