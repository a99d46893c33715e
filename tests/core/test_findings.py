"""Lines of the journal of findings."""

import json

import pytest

from holdfast.core.errors import BadInput
from holdfast.core.findings import Finding, Found, decode, encode

STILL = Finding(Found.STILL, {"camera": "gate", "slot_us": 5, "volume": "main", "file": "stills/a.jpg", "cause": ""})
EVENT = Finding(
    Found.EVENT, {"camera": "gate", "kind": "motion", "start_us": 86_400_000_000, "volume": "main",
                  "picture_a": "events/a.jpg", "picture_b": "", "thumbnail": "events/t.jpg"},
)  # fmt: skip
INCIDENT = Finding(
    Found.INCIDENT, {"camera": "gate", "type": "freeze", "start_us": 7, "comment": "\udc80 torn"},
    ({"number": 1, "volume": "main", "file": "incidents/a.jpg"},),
)  # fmt: skip


@pytest.mark.parametrize("finding", [STILL, EVENT, INCIDENT], ids=lambda one: one.kind.value)
def test_what_is_written_is_read(finding: Finding) -> None:
    """A line is one line, and says the same when it is read."""
    line = encode(finding)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == finding


def test_where_it_belongs() -> None:
    """The day of its begin is the journal's, and its pictures are those that there are."""
    assert str(EVENT.journal) == "findings/1970-01-02.journal"
    assert EVENT.key == (Found.EVENT, "gate", "motion", 86_400_000_000)
    assert EVENT.files == (("main", "events/a.jpg"), ("main", "events/t.jpg"))
    assert INCIDENT.files == (("main", "incidents/a.jpg"),)
    assert Finding(Found.STILL, {"camera": "gate", "slot_us": 5, "volume": "", "file": ""}).files == ()


def test_a_kind_of_later_versions_is_passed_over() -> None:
    """What this program does not know is no damage."""
    assert decode(b'{"v":2,"t":"bookings","row":{}}') is None


def _changed(**row: object) -> bytes:
    return json.dumps({"v": 1, "t": "stills", "row": {**STILL.row, **row}}).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"[]", b'{"v":1}', encode(INCIDENT)[:-20], b'{"v":1,"t":"stills","row":[]}',
        b'{"v":1,"t":"stills","row":{}}', _changed(slot_us="5"), _changed(camera=None), _changed(slot_us=10**30),
        _changed(file="../../etc/passwd"), _changed(file="/etc/passwd"), _changed(volume=3, file="/a"),
        b'{"v":1,"t":"incidents","row":{"camera":"gate","type":"freeze","start_us":7},"pictures":[{"file":"a"}]}',
    ],
)  # fmt: skip
def test_what_is_none_is_refused(raw: bytes) -> None:
    """Torn lines, other files, and paths that lead out of the volume are no lines."""
    with pytest.raises(BadInput):
        decode(raw)
