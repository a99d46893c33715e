"""Hand-overs and kills: a worker that dies in the midst loses nothing, and what it told twice can be told apart."""

import json
from collections import Counter
from pathlib import Path

from holdfast.catalog.db import open_catalog
from support.handed import Handed
from support.receiver import receiver
from support.recording import until
from support.telling import Telling
from support.telling_child import child

PATIENCE_S = 60.0  # a worker begins within a second or two, unless the machine does everything else first
FILES = 20
RULES = """
[handovers.r]
type = "webhook"
since = "all"
url = "{}"
[handovers.scripts]
type = "marker"
since = "all"
"""


def test_a_kill_loses_nothing(tmp_path: Path) -> None:
    """Killed between request and answer, and while markers are made, it is as if nothing had been (C084, F11).

    What a service was told without an answer it is told again under the same id, everything else once; each file has
    its whole marker, and nothing else lies there.
    """
    (tmp_path / "state").mkdir()
    config = tmp_path / "holdfast.toml"
    with open_catalog(f"sqlite:///{tmp_path / 'state/catalog.sqlite'}") as own, receiver() as service:
        site = Handed(tmp_path, own, RULES.format(service.url))
        files = [site.segment(number) for number in range(FILES)]
        service.held.clear()
        with child(config):
            # As many requests as go at once, and some marker or other.
            until(lambda: len(service.asked) == 2 and any(site.volume.rglob("*.done")), PATIENCE_S)
        cut_off = set(service.uids())
        service.held.set()
        telling = Telling(site)
        with child(config):
            until(lambda: telling.states() == ["done"] * 2 * FILES, PATIENCE_S)
    counts = Counter(service.uids())
    assert (len(counts), max(counts.values())) == (FILES, 2)
    assert {uid for uid, count in counts.items() if count == 2} == cut_off
    for file in files:
        assert json.loads((site.volume / f"{file}.done").read_bytes())["file"] == file
    found = {str(path.relative_to(site.volume)) for path in (site.volume / "footage").rglob("*") if path.is_file()}
    assert found == {*files, *(f"{file}.done" for file in files)}
