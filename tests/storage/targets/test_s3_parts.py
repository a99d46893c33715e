import base64
import hashlib
from pathlib import Path

import pytest

from holdfast.core.errors import TargetAway
from holdfast.storage.targets.contract import Going
from holdfast.storage.targets.s3_parts import PART_BYTES, Body, Part, composite, part_bytes, sha256
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
