"""`holdfast queue`: what waits, what arrived, and what a person does about it (C071)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.catalog import claims
from holdfast.catalog.db import open_catalog
from holdfast.cli.main import main
from holdfast.core.clock import SystemClock
from holdfast.core.delivery import DeliveryState
from holdfast.library import deliveries, looking
from support.handed import Handed
from support.node import holdfast


def site_of(root: Path) -> Handed:
    """Make a node whose catalog is where its commands look for it."""
    (root / "state").mkdir()
    return Handed(root, open_catalog(f"sqlite:///{root / 'state' / 'catalog.sqlite'}"), clock=SystemClock())


def queue(site: Handed, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the command on a node."""
    return holdfast("queue", *args, "-c", str(site.root / "holdfast.toml"))


def test_sync_sends_all_that_waits(tmp_path: Path) -> None:
    """`sync` sends everything, says how much, and `list` and `stats` show where it lies and how it stands (C071)."""
    site = site_of(tmp_path)
    with site.catalog:
        for number in (-2, -1):
            site.segment(number)
        planned = queue(site, "sync", "--dry-run", "--json")
        assert (planned.returncode, site.arrived()) == (0, {})
        assert json.loads(planned.stdout) == {
            "waited": 2, "bytes": sum(row.asset.bytes for row in site.rows()), "sent": 0, "left": 2, "failed": 0,
            "dry_run": True,
        }  # fmt: skip
        done = queue(site, "sync", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["left"] == 0
        assert len(site.arrived()) == 2
        listed = json.loads(queue(site, "list", "--json").stdout)
        segments = [row for row in listed if row["kind"] == "segment"]
        assert [row["attempts"] for row in segments] == [1, 1]
        assert {Path(row["address"]).read_bytes() for row in segments} == set(site.arrived().values())
        assert segments[0]["resolution"] == "640x360"
        figures = json.loads(queue(site, "stats", "--json").stdout)[0]
        assert (figures["health"], figures["states"]["delivered"]["count"]) == ("well", 2)
        words = queue(site, "stats").stdout
        assert "everything has arrived" in words


def test_sync_plans_however_much_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a worker that planned it, too, `sync` sends all there is, not what one pass of planning takes (C071)."""
    monkeypatch.setattr(looking, "_MOST", 2)
    site = site_of(tmp_path)
    with site.catalog:
        for number in range(-5, 0):
            site.segment(number)
        with pytest.raises(SystemExit) as left:
            main(["queue", "sync", "-c", str(tmp_path / "holdfast.toml")])
        assert not left.value.code
        assert "sent 5 of 5 files; 0 still wait" in capsys.readouterr().out
        assert len(site.arrived()) == 5


def test_a_target_that_is_away_is_an_exit_code(tmp_path: Path) -> None:
    """What could not be sent is told with a code for scripts and why, and counted by state and camera (C070, C071)."""
    site = site_of(tmp_path)
    with site.catalog:
        site.segment(-1, body=b"x" * 3_000_000)
        site.nas.rename(tmp_path / "away")
        done = queue(site, "sync")
        assert done.returncode == 69
        assert "could not be sent" in done.stderr
        (row,) = json.loads(queue(site, "list", "--json", "--state", "pending").stdout)
        assert row["attempts"] == 1
        assert row["error"]
        assert row["next_attempt"] > row["last_attempt"]
        words = queue(site, "stats").stdout
        assert "1 file" in words
        assert [line.split() for line in words.splitlines() if line.split()[0] in {"pending", "gate"}] == [
            ["pending", "1", "3.0", "MB"], ["gate", "1", "3.0", "MB"],
        ]  # fmt: skip
        assert "the oldest is from" in words
        (figures,) = json.loads(queue(site, "stats", "--json").stdout)
        assert figures["states"] == {"pending": {"count": 1, "mb": 3.0}}
        assert (figures["cameras"], figures["disk_full"]) == ({"gate": {"count": 1, "mb": 3.0}}, None)
        assert figures["oldest_pending"]


def test_retry_pause_and_cleanup(tmp_path: Path) -> None:
    """Failed ones are tried again on request, a pause holds a target, and old records of gone files go (C069, C071)."""
    site = site_of(tmp_path)
    with site.catalog:
        file = site.segment(-1)
        body = (site.volume / file).read_bytes()
        (site.volume / file).write_bytes(b"?" * len(body))
        assert queue(site, "sync").returncode == 69
        assert [row.state for row in site.rows()] == [DeliveryState.FAILED]
        (site.volume / file).write_bytes(body)
        assert "would retry 1" in queue(site, "retry", "--dry-run").stdout
        assert "1 will be tried" in queue(site, "retry", "--target", "nas").stdout
        assert "paused" in queue(site, "pause", "--target", "nas").stdout
        assert queue(site, "sync").returncode == 69
        assert site.arrived() == {}
        assert queue(site, "resume").returncode == 0
        assert "paused" in queue(site, "stats").stdout
        queue(site, "resume", "--target", "nas")
        assert queue(site, "sync").returncode == 0
        assert len(site.arrived()) == 1
        assert "forgot 0" in queue(site, "cleanup", "--days", "0").stdout


def test_what_a_killed_sync_had_is_sent_by_the_next(tmp_path: Path) -> None:
    """Without a worker, what another `sync` had in hand when it was killed is sent once its lease is over (F26)."""
    site = site_of(tmp_path)
    with site.catalog:
        site.segment(-1)
        site.handing.once()
        now_us = site.clock.wall_us()
        with site.catalog.write() as tx:
            claims.claim(tx, deliveries.KIND, site.node, [1], worker="killed", now_us=now_us - 100, lease_us=50)
        assert [row.state for row in site.rows()] == [DeliveryState.SENDING]
        assert queue(site, "sync").returncode == 0
        assert len(site.arrived()) == 1


def test_missing_files_are_looked_for_again(tmp_path: Path) -> None:
    """What was missing when it was to be sent is tried again on request, and is sent where it is back."""
    site = site_of(tmp_path)
    with site.catalog:
        file = site.segment(-1)
        (site.volume / file).rename(tmp_path / "elsewhere")
        queue(site, "sync")
        assert [row.state for row in site.rows()] == [DeliveryState.MISSING]
        assert "would retry 0" in queue(site, "retry", "--dry-run").stdout
        (tmp_path / "elsewhere").rename(site.volume / file)
        assert "1 will be tried" in queue(site, "retry", "--missing").stdout
        assert queue(site, "sync").returncode == 0
        assert len(site.arrived()) == 1


def test_figures_need_no_media() -> None:
    """Asking how it stands loads neither libav nor anything else of what sending needs."""
    heavy = "av", "numpy", "botocore", "cryptography", "fastapi", "holdfast.work"
    program = f"import sys; import holdfast.cli.queue; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_is_mistyped_is_told(tmp_path: Path) -> None:
    """A target or delivery that there is not is named with those that there are."""
    site = site_of(tmp_path)
    with site.catalog:
        done = queue(site, "stats", "--target", "nsa")
        assert (done.returncode, "nas" in done.stderr) == (66, True)
        assert queue(site, "retry", "1-77").returncode == 66
        assert "nothing is queued" in queue(site, "list").stdout
