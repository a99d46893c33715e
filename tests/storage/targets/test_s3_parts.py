import base64
import hashlib
import threading
from pathlib import Path

import pytest

from holdfast.core.errors import TargetAway
from holdfast.storage.targets.contract import Going
from holdfast.storage.targets.s3_parts import PART_BYTES, Body, Part, Sending, Sent, composite, part_bytes, sha256
from support.target_places import content_of


def test_parts_are_few_enough() -> None:
    """Parts are of 10 MB, and larger where there would be more than the service takes."""
    assert part_bytes(21 * 10**6) == PART_BYTES
    assert -(-(10**12) // part_bytes(10**12)) <= 10_000


def test_the_checksum_of_parts_is_a_hash_of_hashes(tmp_path: Path) -> None:
    """What S3 keeps of an upload in parts is the hash of the parts' hashes, and how many they are."""
    data = b"abc" * 5_000_000
    path = tmp_path / "a"
    path.write_bytes(data)
    pieces = [hashlib.sha256(data[at : at + PART_BYTES]).digest() for at in (0, PART_BYTES)]
    wanted = base64.b64encode(hashlib.sha256(b"".join(pieces)).digest()).decode()
    assert composite(path, content_of(data)) == f"{wanted}-2"


def test_a_listed_part_is_known_by_its_checksum() -> None:
    """A part that the service lists is ours by size and checksum, or by its digest where it keeps none."""
    data = b"x" * 100
    part = Part.of(1, data)
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert part.is_as({"Size": 100, "ChecksumSHA256": sha256(data), "ETag": '"of another kind"'})
    assert part.is_as({"Size": 100, "ETag": f'"{digest}"'})
    assert not part.is_as({"Size": 100, "ChecksumSHA256": sha256(b"y"), "ETag": f'"{digest}"'})
    assert not part.is_as({"Size": 99, "ETag": f'"{digest}"'})
    with pytest.raises(TargetAway):
        part.named({})


def test_what_goes_twice_counts_once() -> None:
    """A body that is sent again is paced and counted once, and ends where the transfer is told to stop."""
    moved: list[int] = []
    stop: list[bool] = []
    body = Body(b"x" * 100, Going(moved=moved.append, told_to_stop=lambda: bool(stop)), "t")
    assert len(body.read(60)) == 60
    body.seek(0)
    assert len(body.read()) == 100
    assert sum(moved) == 100
    stop.append(True)
    body.seek(0)
    with pytest.raises(TargetAway):
        body.read()
    assert isinstance(body.failure, TargetAway)


def _part(number: int) -> Part:
    return Part.of(number, b"x" * 100)


def _send(sending: Sending, *numbers: int) -> None:
    for number in numbers:
        sending.send(_part(number))


def test_the_next_part_goes_while_the_last_is_answered() -> None:
    """A part begins once the one before has gone, though its answer is still to come; all are there at the end."""
    second_gone, order, moved = threading.Event(), list[str](), list[int]()

    def put(part: Part, body: Body) -> Sent:
        order.append(f"{part.number} begins")
        assert len(body.read(60)) == 60
        assert len(body.read(60)) == 40
        order.append(f"{part.number} has gone")
        if part.number == 1:
            assert second_gone.wait(30)
        else:
            second_gone.set()
        return Sent({"PartNumber": part.number}, sure=True)

    with Sending(Going(moved=moved.append), "t", put) as sending:
        _send(sending, 1, 2, 3)
    assert order[:3] == ["1 begins", "1 has gone", "2 begins"]
    assert {number: sent.named["PartNumber"] for number, sent in sending.sent.items()} == {1: 1, 2: 2, 3: 3}
    assert sum(moved) == 300


def test_the_first_failure_is_what_is_said() -> None:
    """Where a part fails whose answer came late, the one that goes is told to stop, and the failure is the first's."""
    begun = threading.Event()

    def put(part: Part, body: Body) -> Sent:
        if part.number == 1:
            body.read()
            assert begun.wait(30)
            raise TargetAway("the first")
        begun.set()
        while body.read(1):  # the last byte is never read: it is told to stop before
            body.seek(0)
        raise AssertionError

    sending = Sending(Going(), "t", put)
    with pytest.raises(TargetAway, match="the first"), sending:
        _send(sending, 1, 2)
    assert not sending.sent


def test_a_failure_after_the_last_part_is_heard() -> None:
    """An answer that says no is an error also where no part is left to send."""

    def put(_part: Part, body: Body) -> Sent:
        body.read()
        raise TargetAway("late")

    with pytest.raises(TargetAway, match="late"), Sending(Going(), "t", put) as sending:
        sending.send(_part(1))
