"""Saying that there are copies: no disk that takes nothing holds up another one's lines, or loses its own."""

from pathlib import Path

import pytest

from holdfast.core.delivery import Asset, AssetKind
from holdfast.library import kept
from holdfast.library.kept import Acknowledgement, Instance
from holdfast.storage.volume import create_marker
from holdfast.work import acknowledge
from holdfast.work.acknowledge import MEMORY, Acknowledging
from support.clock import PushedClock


def copy(volume: str, number: int = 1, kind: AssetKind = AssetKind.SEGMENT) -> Acknowledgement:
    """Return a copy of a segment."""
    file = f"footage/gate/main/2026-05-01/gate_2026050{number}T120000Z.mp4"
    asset = Asset(
        kind=kind, camera="gate", stream="main", volume=volume, file=file, bytes=1, sha256="a" * 64,
        start_us=1_777_600_000_000_000, end_us=1_777_600_000_000_000,
    )  # fmt: skip
    return Acknowledgement(asset=asset, target="nas", address=f"/nas/{number}", at_us=1)


def mount(root: Path) -> None:
    """Let a volume be there."""
    root.mkdir()
    create_marker(root, 1)


def said(volumes: dict[str, Path], one: Acknowledgement) -> bool:
    """Say whether a copy counts."""
    asset = one.asset
    instance = Instance(asset.volume, asset.file, asset.sha256)
    return kept.Copies(volumes).targets(instance, kept.journal_of_segment(asset.file)) == {"nas"}


@pytest.fixture(name="volumes")
def _volumes(tmp_path: Path) -> dict[str, Path]:
    """One volume that takes lines, and one that is away."""
    mount(tmp_path / "good")
    return {"bad": tmp_path / "bad", "good": tmp_path / "good"}


def test_a_volume_that_takes_nothing_holds_up_no_other(volumes: dict[str, Path], tmp_path: Path) -> None:
    """Copies of a volume count at once, whatever is wrong with the one beside it; its own count once it is back."""
    saying = Acknowledging(volumes, tmp_path / "state", PushedClock())
    saying.say([copy("bad"), copy("good")])
    assert (said(volumes, copy("good")), saying.unsaid) == (True, 1)
    mount(volumes["bad"])
    saying.say([copy("bad", 2)])
    assert (said(volumes, copy("bad")), said(volumes, copy("bad", 2)), saying.unsaid) == (True, True, 0)


def test_what_could_not_be_said_survives(volumes: dict[str, Path], tmp_path: Path) -> None:
    """What waits for a disk is kept beside the catalog, said by whoever comes next, and then forgotten."""
    state = tmp_path / "state"
    saying = Acknowledging(volumes, state, PushedClock())
    saying.say([copy("bad"), copy("bad", 2)])
    saying.close()
    mount(volumes["bad"])
    after = Acknowledging(volumes, state, PushedClock())
    assert after.unsaid == 2
    after.close()
    assert (said(volumes, copy("bad")), said(volumes, copy("bad", 2))) == (True, True)
    assert Acknowledging(volumes, state, PushedClock()).unsaid == 0


def test_a_kill_loses_a_minute_at_most(volumes: dict[str, Path], tmp_path: Path) -> None:
    """Without ever being closed, what could not be said is kept at the first failure and each minute after."""
    clock, state = PushedClock(), tmp_path / "state"
    saying = Acknowledging(volumes, state, clock)
    saying.say([copy("bad")])
    assert Acknowledging(volumes, state, clock).unsaid == 1
    clock.advance(61)
    saying.say([copy("bad", 2)])
    assert Acknowledging(volumes, state, clock).unsaid == 2


def test_many_that_wait_are_tried_some_at_a_time(
    volumes: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many wait, each new one costs the same; none is lost, and all are said in the end."""
    monkeypatch.setattr(acknowledge, "AGAIN", 2)
    saying = Acknowledging(volumes, tmp_path / "state", PushedClock())
    for number in range(1, 8):
        saying.say([copy("bad", number)])
    assert saying.unsaid == 7
    mount(volumes["bad"])
    for _ in range(4):
        saying.say_again()
    assert all(said(volumes, copy("bad", number)) for number in range(1, 8))


@pytest.mark.parametrize("text", ["{", '[{"asset": 1}]', "[1]", '{"a": 1}'])
def test_garbage_is_nothing(volumes: dict[str, Path], tmp_path: Path, text: str) -> None:
    """What was kept and makes no sense stops nobody."""
    (tmp_path / MEMORY).write_text(text)
    assert Acknowledging(volumes, tmp_path, PushedClock()).unsaid == 0


def test_copies_of_journals_are_not_said(volumes: dict[str, Path], tmp_path: Path) -> None:
    """A line about the copy of a journal would make another copy of it due, without end."""
    Acknowledging(volumes, tmp_path, PushedClock()).say([copy("good", kind=AssetKind.JOURNAL)])
    assert not list(volumes["good"].rglob("*.journal"))
