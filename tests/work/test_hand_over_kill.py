"""Hand-overs and kills: a worker that dies in the midst loses nothing, and what it told twice can be told apart."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog.db import Catalog, open_catalog
from support.handed import Handed
from support.receiver import receiver
from support.recording import until
from support.telling import Telling
from support.telling_child import child

PATIENCE_S = 60.0  # a worker begins within a second or two, unless the machine does everything else first


@pytest.fixture(name="own")
def _own(tmp_path: Path) -> Iterator[Catalog]:
    """The catalog where the configuration says that it is, for workers of their own."""
    (tmp_path / "state").mkdir()
    with open_catalog(f"sqlite:///{tmp_path / 'state/catalog.sqlite'}") as made:
        yield made


def test_a_kill_while_a_service_is_told(own: Catalog, tmp_path: Path) -> None:
    """Killed between request and answer, it is told again under the same id; the others once (C084, F11)."""
    with receiver() as service:
        service.held.clear()
        rules = f'[handovers.r]\ntype = "webhook"\nsince = "all"\nurl = "{service.url}"\n'
        site = Handed(tmp_path, own, rules)
        for number in range(6):
            site.segment(number)
        with child(tmp_path / "holdfast.toml"):
            until(lambda: len(service.asked) == 2, PATIENCE_S)  # as many as go at once
        cut_off = set(service.uids())
        service.held.set()
        telling = Telling(site)
        with child(tmp_path / "holdfast.toml"):
            until(lambda: telling.states() == ["done"] * 6, PATIENCE_S)
    counts = Counter(service.uids())
    assert len(counts) == 6
    assert {uid for uid, count in counts.items() if count == 2} == cut_off
    assert max(counts.values()) == 2


def test_kills_while_markers_are_made(own: Catalog, tmp_path: Path) -> None:
    """However often it is killed, each file has its whole marker in the end, and nothing else lies there (F11)."""
    site = Handed(tmp_path, own, '[handovers.r]\ntype = "marker"\nsince = "all"\nparallel = 4\n')
    files = [site.segment(number) for number in range(40)]

    def there() -> set[str]:
        return {f"{file}.done" for file in files if (site.volume / f"{file}.done").exists()}

    for _ in range(2):
        before = len(there())
        with child(tmp_path / "holdfast.toml"):
            until(lambda before=before: len(there()) > before, PATIENCE_S)  # type: ignore[misc] # bound for this round
    telling = Telling(site)
    with child(tmp_path / "holdfast.toml"):
        until(lambda: telling.states() == ["done"] * len(files), PATIENCE_S)
    for file in files:
        assert json.loads((site.volume / f"{file}.done").read_bytes())["file"] == file
    found = {str(path.relative_to(site.volume)) for path in (site.volume / "footage").rglob("*") if path.is_file()}
    assert found == {*files, *(f"{file}.done" for file in files)}
