from pathlib import Path

from holdfast.core.camera import StreamKey
from holdfast.core.journal import CHAIN_START
from holdfast.library.export_journal import broken, extracts, said_of
from support.exports import Yard

GATE = StreamKey("gate", "main")


def test_an_extract_is_the_bytes_on_the_disk(tmp_path: Path) -> None:
    """Lines of all of a stream's days come out as they lie there, and the chain goes through all of them."""
    yard = Yard(tmp_path)
    yard.clock.advance(86_400)
    yard.told.open()
    yard.told.record(600, "r3")
    yard.told.close()
    files = sorted((yard.disk / "footage/gate/main").glob("*.journal"))
    whole = b"".join(path.read_bytes() for path in files)
    span = (yard.began_us, yard.clock.wall_us())
    said = {"main": list(said_of(yard.disk, GATE, span))}
    (all_of_it,) = extracts(yard.volumes, GATE, said, set(), span)
    assert (all_of_it.raw, all_of_it.previous) == (whole, CHAIN_START)
    assert all_of_it.part("j").breaks == ()
    (some,) = extracts(yard.volumes, GATE, said, {f"main:{yard.pieces[2].file}"}, (0, 0))
    assert len(some.raw.splitlines()) == 2
    assert some.part("j").breaks == ()
    assert list(extracts(yard.volumes, GATE, said, set(), (1, 2))) == []


def test_after_a_break_the_chain_is_taken_up_again(tmp_path: Path) -> None:
    """One changed line is one break, and a line taken out is one at its successor."""
    yard = Yard(tmp_path)
    lines = next((yard.disk / "footage/gate/main").glob("*.journal")).read_bytes().splitlines(keepends=True)
    assert list(broken(lines, CHAIN_START)) == []
    assert list(broken([*lines[:4], lines[4].replace(b"sealed", b"seated"), *lines[5:]], CHAIN_START)) == [4]
    assert list(broken([*lines[:3], *lines[4:]], CHAIN_START)) == [3]
    assert list(broken([*lines[:3], b"garbage\n", *lines[4:]], CHAIN_START)) == [3, 4]
    assert list(broken(lines[1:], CHAIN_START)) == [0]
