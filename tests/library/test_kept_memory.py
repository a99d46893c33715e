"""What retention remembers beside the catalog comes back as it was, or not at all."""

from dataclasses import replace
from pathlib import Path

from holdfast.library.kept_memory import NAME, Memory, Watched, recall, remember, take_up_again

FULL = Memory(
    volumes=frozenset({"main|1"}), written_us=5, catalog_us=3, blank=True,
    cameras={"gate": Watched(written_us=4, looked=((1, 2), (7, 9)), live=False)},
)  # fmt: skip


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    """All of it is written and read; where it is damaged, or not there, nothing is remembered."""
    state = tmp_path / "state"
    assert recall(state) == Memory()
    remember(state, FULL)
    assert recall(state) == FULL
    take_up_again(state)
    assert recall(state) == replace(FULL, volumes=frozenset())
    for damaged in (b"", b"[]", b"{", b'{"volumes": 7}'):
        (state / NAME).write_bytes(damaged)
        assert recall(state) == Memory()


def test_what_was_looked_at_goes_on_with_the_watcher() -> None:
    """The newest span ends where the watcher is now, which may be before what was written; a lost catalog ends it."""
    watched = Watched(looked=((1, 2), (7, 9)))
    assert watched.looked_until(20) == ((1, 2), (7, 20))
    assert watched.looked_until(8) == ((1, 2), (7, 8))
    assert watched.looked_until(3) == ((1, 2), (7, 7))
    assert watched.looked_until(None) == ((1, 2), (7, 7))
    assert replace(watched, live=False).looked_until(20) == ((1, 2), (7, 9))
    assert Watched().looked_until(20) == ()


def test_a_camera_of_before_counts_as_before() -> None:
    """Where nothing is remembered of a camera, all before the watcher was looked at, but in a catalog made anew."""
    assert Memory().looked("gate", 9) == ((0, 9),)
    assert Memory().looked("gate", None) == ()
    assert Memory(blank=True).looked("gate", 9) == ()
    assert FULL.looked("gate", 20) == ((1, 2), (7, 9))
