import csv
import io
import json
import time
from pathlib import Path

import pytest

from holdfast.catalog.db import open_catalog
from holdfast.cli.main import main
from holdfast.core.clock import SystemClock
from holdfast.library.index import Indexer
from support.clock import PushedClock
from support.journals import Told


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(argv))
    return int(left.value.code or 0)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    """Ten minutes, a minute of a silent camera, ten minutes; an hour ago, and then the recorder went.

    At a site where it is about noon: a midnight in between would make two gaps of one.
    """
    path = tmp_path / "holdfast.toml"
    west = time.gmtime().tm_hour - 12
    path.write_text(
        f'state_dir = "state"\n[site]\nname = "North"\ntime_zone = "Etc/GMT{west:+d}"\n[volumes.main]\npath = "disk"\n'
        '[cameras.gate]\nurl = "rtsp://camera.test/1"\nlocation = "4711"\n'
    )
    told = Told(tmp_path / "disk", PushedClock(SystemClock().wall_us() - 3_600_000_000))
    told.open()
    told.record(600)
    told.down("stalled", 60)
    told.record(600)
    told.close()
    return path


def _index(path: Path) -> None:
    with open_catalog(f"sqlite:///{path.parent}/state/catalog.sqlite") as catalog:
        Indexer(catalog, {"main": path.parent / "disk"}, SystemClock()).pass_once()


def test_a_table_for_people(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person sees the percentage, each gap with its reason in words, and the total (C011)."""
    _index(path)
    assert _run("coverage", "--days", "2", "-c", str(path)) == 0
    out = capsys.readouterr().out
    assert "gate  2 gaps" in out
    assert "gate/main" not in out
    assert "stalled: it was stalled" in out
    assert "recorder-down" in out
    assert "from the catalog" in out


def test_json_for_scripts(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has seconds, reasons, site and location, and adds up (C011, C143)."""
    _index(path)
    assert _run("coverage", "--days", "2", "--json", "-c", str(path)) == 0
    body = json.loads(capsys.readouterr().out)
    assert {(day["site"], day["location"]) for day in body["streams"]} == {("north", "4711")}
    gaps = [gap for day in body["streams"] for gap in day["gaps"]]
    assert sum(gap["seconds"] for gap in gaps if gap["reason"] == "stalled") == 60
    assert body["recorded_s"] == pytest.approx(1200)
    assert body["lost_s"] == pytest.approx(3600 - 1200, abs=60)
    assert gaps[-1]["to"] is None


def test_csv_for_tables(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CSV has a line for every gap."""
    _index(path)
    assert _run("coverage", "--days", "2", "--csv", "-c", str(path)) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {"stalled", "recorder-down"} <= {row["reason"] for row in rows}
    assert {row["location"] for row in rows} == {"4711"}


@pytest.mark.parametrize("damage", [None, b"garbage" * 1000])
def test_without_a_catalog_the_journals_answer(
    path: Path, capsys: pytest.CaptureFixture[str], damage: bytes | None
) -> None:
    """Where the catalog is behind or damaged, the journals are asked, and that is said (R7)."""
    if damage is not None:
        (path.parent / "state").mkdir()
        (path.parent / "state" / "catalog.sqlite").write_bytes(damage)
    assert _run("coverage", "--days", "2", "--json", "-c", str(path)) == 0
    answer = capsys.readouterr()
    assert json.loads(answer.out)["source"] == "journals"
    assert "asking the journals" in answer.err
    assert _run("coverage", "--days", "2", "--json", "--from-journals", "-c", str(path)) == 0
    assert capsys.readouterr().err == ""


def test_bad_questions(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A camera that does not exist, a day that is none, and two formats at once are each said in one line."""
    assert _run("coverage", "--camera", "yard", "-c", str(path)) == 66
    assert _run("coverage", "--day", "someday", "-c", str(path)) == 64
    assert _run("coverage", "--json", "--csv", "-c", str(path)) == 64
    assert "Traceback" not in capsys.readouterr().err


def test_nothing_was_recorded(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A day before the first line has no coverage, and says so."""
    _index(path)
    assert _run("coverage", "--day", "2020-01-01", "-c", str(path)) == 0
    assert "Nothing was recorded" in capsys.readouterr().out
