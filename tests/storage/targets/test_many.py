from pathlib import Path

import pytest

from holdfast.core.config.targets import FolderTarget as FolderConfig
from holdfast.core.errors import NotFound, TargetAway, TargetBarred, TargetError
from holdfast.storage.targets import marker
from holdfast.storage.targets.contract import Going, Receipt
from holdfast.storage.targets.folder import FolderTarget
from holdfast.storage.targets.many import Item, put_many
from support.target_places import content_of


@pytest.fixture(name="items")
def _items(tmp_path: Path) -> list[Item]:
    items = []
    for number in range(5):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(bytes([number]) * 100)
        items.append(Item(path, path.name, content_of(path.read_bytes())))
    return items


class _OneByOne:
    """A folder that is sent to one by one, as targets are that know no better."""

    name = "nas"

    def __init__(self, target: FolderTarget) -> None:
        self.put, self.look, self.remove = target.put, target.look, target.remove
        self.check, self.facts, self.close = target.check, target.facts, target.close


@pytest.mark.parametrize("batches", [True, False])
def test_each_has_its_own_outcome(items: list[Item], tmp_path: Path, *, batches: bool) -> None:
    """One that is gone holds up no other, whether the target takes batches or not (F19)."""
    marker.adopt("nas", tmp_path / "nas", 1)
    folder = FolderTarget("nas", FolderConfig(type="folder", path=tmp_path / "nas"))
    items[2].source.unlink()
    outcomes = {item.key: found for item, found in put_many(folder if batches else _OneByOne(folder), items, Going())}
    assert isinstance(outcomes.pop("2.jpg"), NotFound)
    assert len(outcomes) == 4
    assert all(isinstance(found, Receipt) for found in outcomes.values())


@pytest.mark.parametrize("kind", [TargetAway, TargetBarred])
def test_a_target_that_is_away_is_asked_once(items: list[Item], tmp_path: Path, kind: type[TargetError]) -> None:
    """Once a target is away, or lets us not in, the rest of a batch is told so without being tried."""
    tried: list[str] = []

    class _Away(_OneByOne):
        def __init__(self, target: FolderTarget) -> None:
            super().__init__(target)
            self.put = self._put  # type: ignore[assignment]  # the same but for names of arguments

        def _put(self, _source: Path, key: str, *_rest: object) -> Receipt:
            tried.append(key)
            raise kind("nas: gone")

    folder = FolderTarget("nas", FolderConfig(type="folder", path=tmp_path / "nas"))
    outcomes = list(put_many(_Away(folder), items, Going()))
    assert len(outcomes) == 5
    assert all(isinstance(found, kind) for _, found in outcomes)
    assert tried == ["0.jpg"]
