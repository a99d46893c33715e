"""`holdfast jobs`, with a real worker's own kinds."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.catalog import work_controls
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.work_controls import KindRow
from holdfast.cli.main import main
from holdfast.core.clock import SystemClock
from support import work

_KIND = KindRow(name="double", noun=work.NOUN, queue="deliver", working="working", about="Doubles.", lane_limit=4)
Run = Callable[..., int]


@pytest.fixture(name="catalog")
def _catalog(tmp_path: Path) -> Iterator[Catalog]:
    """The catalog of a node whose worker knows the tests' own kind, with two rows."""
    (tmp_path / "holdfast.toml").write_text('state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "disk"\n')
    with work.known(), open_catalog(f"sqlite:///{tmp_path}/state/catalog.sqlite") as catalog:
        node = work.make_tables(catalog)
        with catalog.write() as tx:
            work_controls.put_kinds(tx, node, [_KIND], SystemClock().wall_us())
        work.add(catalog, node, 2, lane="attic")
        yield catalog


@pytest.fixture(name="run")
def _run(catalog: Catalog, tmp_path: Path) -> Run:
    """Run the program, return its exit code."""

    def run(*argv: str) -> int:
        with pytest.raises(SystemExit) as left:
            main(["jobs", *argv, "-c", str(tmp_path / "holdfast.toml")])
        return int(left.value.code or 0)

    return run


def test_jobs_are_listed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Jobs are listed with state and counts, for people and as JSON; status adds the lanes (C090)."""
    assert run("list") == 0
    assert "double  running  2" in capsys.readouterr().out
    assert run("status", "double") == 0
    assert "attic" in capsys.readouterr().out
    assert run("list", "--json") == 0
    (job,) = json.loads(capsys.readouterr().out)
    assert (job["name"], job["waiting"], job["lanes"][0]["lane"]) == ("double", 2, "attic")


def test_jobs_are_steered(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Pause, resume, stop, start and restart take names or `all`, and a lane (C090)."""
    for deed, state in (("pause", "paused"), ("resume", "running"), ("stop", "stopped"), ("start", "running"),
                        ("restart", "running")):  # fmt: skip
        assert run(deed, "all") == 0
        capsys.readouterr()
        assert run("list", "--json") == 0
        assert json.loads(capsys.readouterr().out)[0]["state"] == state
    assert run("pause", "double", "--lane", "attic", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [{"job": "double", "lane": "attic", "state": "paused"}]


def test_rows_are_shown_cancelled_and_retried(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A row is listed, cancelled, shown with its history and retried (C089)."""
    assert run("cancel", "double", "1-1") == 0
    assert run("cancel", "double", "1-1") == 65
    capsys.readouterr()
    assert run("show", "double", "--state", "failed") == 0
    assert "cancelled by" in capsys.readouterr().out
    assert run("retry", "double") == 0
    assert "1 of double will be tried anew" in capsys.readouterr().out
    assert run("show", "double", "1-1", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert [line["what"] for line in shown["history"]] == ["retried", "cancelled"]
    assert run("show", "double", "1-1") == 0
    assert "retried by" in capsys.readouterr().out


def test_mistakes_are_answered(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown job or row ends with 66 and a word about which there are."""
    assert run("pause", "dubble") == 66
    assert "double" in capsys.readouterr().err
    assert run("show", "double", "1-9") == 66
    assert run("logs", "dubble") == 66
    assert run("run", "dubble") == 66
    assert "deliver" in capsys.readouterr().err


def test_a_sweep_runs_in_the_foreground(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """`jobs run` works on all that is due of a real kind here and now, and says how many."""
    assert run("run", "export", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"job": "export", "rows": 0}


def test_all_jobs_run_in_the_foreground(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """`jobs run all` works on what is due of every kind there is, and says how many of each (C090)."""
    assert run("run", "all", "--json") == 0
    ran = {one["job"]: one["rows"] for one in json.loads(capsys.readouterr().out)}
    assert (ran["chore"] > 0, ran["export"]) == (True, 0)
    assert {"deliver", "handover"} <= set(ran)
    assert run("run", "all") == 0
    assert "0 of chore tried" in capsys.readouterr().out


def test_logs_are_those_of_the_job(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only lines of the job are shown, the last ones first cut."""
    folder = tmp_path / "state" / "log"
    folder.mkdir(parents=True)
    lines = [
        {"at": f"2026-05-01T10:00:0{n}.000Z", "level": "info", "role": "worker", "event": f"line{n}", "job": job}
        for n, job in enumerate(["double", "other", "double"])
    ]
    (folder / "worker.log").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert run("logs", "double", "--json") == 0
    shown = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert shown == ["line0", "line2"]
    assert run("logs", "all", "--json") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_following_a_job(catalog: Catalog, tmp_path: Path) -> None:
    """`jobs follow` hands on what is logged about a job from then on, and Ctrl-C ends it with 130 (C090)."""
    export = KindRow(name="export", noun="exports", queue="media", working="working", about="", lane_limit=1)
    with catalog.write() as tx:
        work_controls.put_kinds(tx, 1, [export], SystemClock().wall_us())  # the tests' own is unknown to a child
    folder = tmp_path / "state" / "log"
    folder.mkdir(parents=True)

    def say(event: str, job: str) -> None:
        line = {"at": "2026-05-01T10:00:00.000Z", "level": "info", "role": "worker", "event": event, "job": job}
        with (folder / "worker.log").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    say("before", "export")
    argv = [sys.executable, "-m", "holdfast", "jobs", "follow", "export", "-c", str(tmp_path / "holdfast.toml")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert "before" in child.stdout.readline()
        say("elsewhere", "other")
        say("after", "export")
        assert "after" in child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 130
