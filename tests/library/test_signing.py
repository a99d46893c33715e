"""C4: a journal that was cut short, changed or taken away after its head was signed shows; a forged head, too."""

from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.library.signing import SUFFIX, check_heads, sign_heads
from holdfast.library.verify import verify
from holdfast.storage.keys import NodeKey, node_key
from support.clock import PushedClock
from support.journals import Told

DAY = "2026-09-21"


@pytest.fixture(name="told")
def _told(tmp_path: Path) -> Told:
    told = Told(tmp_path / "disk", PushedClock())
    told.open()
    for _ in range(3):
        told.record(600)
    return told


@pytest.fixture(name="key")
def _key(tmp_path: Path) -> NodeKey:
    return node_key(tmp_path / "state")


def sign(told: Told, key: NodeKey) -> int:
    """Sign now."""
    return sign_heads({"disk": told.root}, key, told.clock.wall_us())


def heads(told: Told) -> Path:
    """Return the file of heads."""
    return told.root / f"footage/gate/main/{DAY}{SUFFIX}"


def journal(told: Told) -> Path:
    """Return the journal."""
    return told.root / f"footage/gate/main/{DAY}.journal"


def found(told: Told, key: NodeKey) -> list[tuple[str, str]]:
    """Return numbers and kinds of what is found."""
    told.die()
    result = verify({"disk": told.root}, trusted=key.public.fingerprint)
    return [(finding.number, finding.kind) for finding in result.findings]


def test_each_hour_adds_one_head_where_there_is_news(told: Told, key: NodeKey) -> None:
    """A stream that went on is signed once, one that did not is not signed again; all of it verifies."""
    assert sign(told, key) == 1
    assert sign(told, key) == 0
    told.record(600)
    assert sign(told, key) == 1
    assert check_heads(told.root, told.key, key.public.fingerprint) == (2, [])
    told.clock.advance(86_400)
    told.record(600)
    assert sign(told, key) == 1
    assert found(told, key) == []
    assert verify({"disk": told.root}).heads == 3


def _cut(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))


def _other_begin(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"pid":1,', b'"pid":12,', 1))


@pytest.mark.parametrize(("harm", "kind"), [(_cut, "cut-off"), (Path.unlink, "removed"), (_other_begin, "changed")])
def test_harm_to_a_journal_shows(told: Told, key: NodeKey, harm: Callable[[Path], object], kind: str) -> None:
    """Without any catalog, lines cut off the end, a journal that is gone, and one that was rewritten are found."""
    sign(told, key)
    told.die()
    harm(journal(told))
    assert ("C4", kind) in found(told, key)


def test_a_journal_that_was_made_anew_shows(told: Told, key: NodeKey, tmp_path: Path) -> None:
    """Whoever writes a whole new journal, with a chain that is good, does not have the value that was signed."""
    sign(told, key)
    told.die()
    forged = Told(tmp_path / "forged", PushedClock())
    forged.open()
    for number in range(3):
        forged.record(600, f"r{number + 7}")
    forged.die()
    journal(told).write_bytes(journal(forged).read_bytes())
    assert ("C4", "changed") in found(told, key)


def test_a_forged_head_shows(told: Told, key: NodeKey, tmp_path: Path) -> None:
    """A head that was changed, signed by another key, or copied from another stream is no head."""
    sign(told, key)
    good = heads(told).read_bytes()
    heads(told).write_bytes(good.replace(b'"bytes":', b'"bytes":1', 1))
    assert found(told, key) == [("C4", "signature")]
    heads(told).write_bytes(good.replace(b'"camera":"gate"', b'"camera":"yard"'))
    assert found(told, key) == [("C4", "signature")]
    heads(told).write_bytes(good + b"garbage\n")
    assert found(told, key) == [("C4", "signature")]
    heads(told).unlink()
    sign(told, node_key(tmp_path / "stranger"))
    assert found(told, key) == [("C4", "key")]


def test_a_torn_head_is_no_harm(told: Told, key: NodeKey) -> None:
    """What a power cut left of a head is passed over, and the next one stands on a line of its own."""
    sign(told, key)
    whole = heads(told).read_bytes()
    heads(told).write_bytes(whole + whole[: len(whole) // 2])
    assert found(told, key) == []
    told.open()
    told.record(600)
    assert sign(told, key) == 1
    assert check_heads(told.root, told.key, key.public.fingerprint) == (2, [])
    assert found(told, key) == []


def test_what_follows_the_newest_head_may_go_on(told: Told, key: NodeKey) -> None:
    """Lines after the head, and a torn last one, are as they should be."""
    sign(told, key)
    told.record(600)
    told.die()
    with journal(told).open("ab") as file:
        file.write(b'{"v":1,"t":"bea')
    assert found(told, key) == []


def test_a_removed_file_is_still_no_finding(told: Told, key: NodeKey) -> None:
    """What policy removes after the head was signed changes nothing about it."""
    sealed = told.record(600)
    sign(told, key)
    told.remove(sealed)
    assert found(told, key) == []
