"""Telling scripts and services of finished files: everything once, whatever breaks, and nothing before its time."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.work_rows import retry
from holdfast.core.handover import id_of
from support.handed import Handed
from support.receiver import Receiver, receiver
from support.recording import until
from support.rtsp_peer import free_port
from support.sending import Sending
from support.small_disk import fill, small_disk
from support.telling import Telling

MARKER = '[handovers.r]\ntype = "marker"\nsince = "all"\n'
WEBHOOK = '[handovers.r]\ntype = "webhook"\nsince = "all"\nsecret = "s3cret"\nurl = "{}"\n'


@pytest.fixture(name="pushed")
def _pushed(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog that goes by the clock that is pushed; PostgreSQL has one of its own."""
    with open_catalog(f"sqlite:///{tmp_path / 'pushed.sqlite'}") as made:
        yield made


@pytest.fixture(name="service")
def _service() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def test_each_finished_file_gets_its_marker(catalog: Catalog, tmp_path: Path) -> None:
    """Beside the file, saying what it is; one that grows has none, and the same pass again makes none (C084, F12)."""
    site = Handed(tmp_path, catalog, MARKER)
    file = site.segment(0)
    growing = site.segment(1, state="growing")
    with Telling(site) as telling:
        assert (telling.drain(), telling.drain()) == (1, 0)
        (row,) = telling.rows()
    path = site.volume / f"{file}.done"
    facts = json.loads(path.read_bytes())
    assert (row.state.value, row.made) == ("done", str(path))
    assert (facts["id"], facts["path"], facts["sha256"], facts["here"], facts["copies"]) == (
        id_of("r", row.asset), str(site.volume / file), row.asset.sha256, True, []
    )  # fmt: skip
    assert not (site.volume / f"{growing}.done").exists()


def test_markers_in_a_folder_by_a_template(catalog: Catalog, tmp_path: Path) -> None:
    """In a folder of its own, by a template, empty where that is wanted; one that is away holds the lane (C072)."""
    more = 'folder = "marks"\nname = "{camera}/{stem}.ready"\ncontent = "empty"\nstreams = ["main"]\n'
    site = Handed(tmp_path, catalog, MARKER + more)
    files = [Path(site.segment(number)) for number in range(3)]
    with Telling(site) as telling:
        assert (telling.drain(), telling.states()) == (1, ["pending"] * 3)
        (tmp_path / "marks").mkdir()
    with Telling(site) as again:
        again.planning.once()
        assert {again.one(), again.one()} == {2, 3}
    found = {path.relative_to(tmp_path / "marks"): path.read_bytes() for path in (tmp_path / "marks").rglob("*.*")}
    assert found == {Path("gate") / f"{file.stem}.ready": b"" for file in files[1:]}


@pytest.mark.needs("mount")
def test_a_full_disk_fails_no_marker(pushed: Catalog, tmp_path: Path) -> None:
    """On a disk without room markers wait, nothing half lies there, and with room again all are made (F18)."""
    with small_disk(tmp_path / "disk", size_bytes=400_000) as disk:
        site = Handed(tmp_path, pushed, MARKER)
        files = [site.segment(number) for number in range(3)]
        ballast = fill(disk, leave_bytes=0)
        with Telling(site) as telling:
            telling.drain()
            assert telling.states() == ["pending"] * 3
            assert not list(disk.rglob("*.done*"))
            ballast.unlink()
            assert telling.done_within(600)
        assert all((disk / f"{file}.done").stat().st_size for file in files)


def test_a_foreign_file_fails_one_marker(catalog: Catalog, tmp_path: Path) -> None:
    """A name that is taken fails that one, with a hint and an incident; the others are made, and a retry mends it."""
    site = Handed(tmp_path, catalog, MARKER)
    files = [site.segment(number) for number in range(3)]
    mine = site.volume / f"{files[1]}.done"
    mine.write_text("mine")
    with Telling(site) as telling:
        telling.drain()
        assert telling.states() == ["done", "failed", "done"]
        assert (mine.read_text(), telling.rows()[1].hint != "") == ("mine", True)
        mine.unlink()
        with catalog.write() as tx:
            retry(tx, telling.kind, site.node, [2], by="me", now_us=site.clock.wall_us())
        telling.drain()
        assert telling.states() == ["done"] * 3


def test_a_service_is_told_of_each_file_once(catalog: Catalog, tmp_path: Path, service: Receiver) -> None:
    """Oldest first, each with its id and signature; the row says what was answered (C084)."""
    site = Handed(tmp_path, catalog, WEBHOOK.format(service.url))
    files = [site.segment(number) for number in range(5)]
    with Telling(site) as telling:
        telling.drain()
        rows = telling.rows()
    assert [asked.facts["file"] for asked in service.asked] == files
    assert service.uids() == [id_of("r", row.asset) for row in rows]
    assert {row.made for row in rows} == {"204 No Content"}
    assert all(asked.headers["webhook-signature"].startswith("v1,") for asked in service.asked)


def test_an_outage_of_any_length_loses_nothing(pushed: Catalog, tmp_path: Path) -> None:
    """With nobody there one row asks, at most once a minute, and an incident tells it; back, all drains (F24)."""
    port = free_port()
    site = Handed(tmp_path, pushed, WEBHOOK.format(f"http://127.0.0.1:{port}/x"))
    for number in range(20):
        site.segment(number)
    with Telling(site) as telling:
        telling.drain()
        for _ in range(24):
            site.clock.sleep(600)
            telling.drain()
        touched = [row for row in telling.rows() if row.attempts]
        assert set(telling.states()) == {"pending"}
        assert sum(row.attempts for row in touched) <= 25
        assert "no answer" in str(telling.incident())
        with receiver(port) as service:
            assert telling.done_within(600)
        assert telling.incident() is None
    assert len(set(service.uids())) == len(service.uids()) == 20


def test_a_poisoned_file_fails_alone(pushed: Catalog, tmp_path: Path, service: Receiver) -> None:
    """One that is refused each time is failed and listed; the others go on, and it may be tried again (F19, F24)."""
    site = Handed(tmp_path, pushed, WEBHOOK.format(service.url))
    files = [site.segment(number) for number in range(12)]
    service.bad[files[7]] = 422
    with Telling(site) as telling:
        telling.drain()
        bad = telling.rows()[7]
        assert telling.states() == ["done"] * 7 + ["failed"] + ["done"] * 4
        assert "422" in bad.error
        assert bad.hint
        service.bad.clear()
        with pushed.write() as tx:
            retry(tx, telling.kind, site.node, [8], by="me", now_us=site.clock.wall_us())
        telling.drain()
        assert set(telling.states()) == {"done"}


def test_a_wrong_address_does_not_fail_everything(pushed: Catalog, tmp_path: Path, service: Receiver) -> None:
    """Where each file is refused the lane is held after a few: a year's files are not failed in a minute (F43)."""
    site = Handed(tmp_path, pushed, WEBHOOK.format(service.url))
    for number in range(20):
        site.segment(number)
    service.code = 404
    with Telling(site) as telling:
        telling.drain()
        assert telling.states().count("failed") == 3
        assert "404" in str(telling.incident())
        service.code = 204
        site.clock.sleep(600)
        telling.drain()
        assert telling.states().count("done") == 17
        assert telling.incident() is None


@pytest.mark.parametrize("code", [401, 403, 302])
def test_who_does_not_let_us_in_fails_nothing(pushed: Catalog, tmp_path: Path, service: Receiver, code: int) -> None:
    """Rights hold the lane for ten minutes at a time, and no file is failed for them; mended, all goes on."""
    site = Handed(tmp_path, pushed, WEBHOOK.format(service.url))
    for number in range(5):
        site.segment(number)
    service.code = code
    with Telling(site) as telling:
        for _ in range(20):
            telling.drain()
            site.clock.sleep(120)
        assert (set(telling.states()), len(service.asked) <= 5) == ({"pending"}, True)
        service.code = 204
        assert telling.done_within(900)


def test_a_lost_answer_is_told_again_under_the_same_id(pushed: Catalog, tmp_path: Path, service: Receiver) -> None:
    """What was taken, but not answered, is told again; id and body are the same, so that it can be told apart (F60)."""
    site = Handed(tmp_path, pushed, WEBHOOK.format(service.url))
    site.segment(0)
    service.answers = [500]
    with Telling(site) as telling:
        assert telling.done_within(60)
    first, second = service.asked
    assert (first.uid, first.body) == (second.uid, second.body)
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


def test_nothing_is_told_before_targets_have_it(pushed: Catalog, tmp_path: Path, service: Receiver) -> None:
    """A rule that waits for a target tells once that has verified a file, and says where it lies (C084: after Ack)."""
    rules = '[deliveries.d]\ntarget = "nas"\nname = "{camera}/{file}"\n'
    rules += WEBHOOK.format(service.url) + 'after = ["nas"]\n'
    rules += '[handovers.m]\ntype = "marker"\nsince = "all"\nafter = ["nas"]\nfolder = "nas"\nname = "{key}.done"\n'
    site = Handed(tmp_path, pushed, rules)
    site.segment(0)
    with Telling(site) as telling, Sending(site) as sending:
        assert (telling.drain(), service.asked) == (0, [])
        sending.drain()
        assert (telling.drain(), telling.drain("m")) == (1, 1)
    (copy,) = service.asked[0].facts["copies"]
    (name,) = site.arrived().keys() - {f"{copy['key']}.done"}
    assert (copy["target"], copy["key"], copy["address"].endswith(name)) == ("nas", name, True)
    assert (site.nas / f"{name}.done").exists()


def test_a_file_that_is_gone(catalog: Catalog, tmp_path: Path, service: Receiver) -> None:
    """A marker beside nothing is not made; a service hears of the file and that it is gone; an absent disk waits."""
    text = WEBHOOK.format(service.url).replace("handovers.r", "handovers.hook")
    site = Handed(tmp_path, catalog, MARKER + text)
    file = site.segment(0)
    with Telling(site) as telling:
        telling.planning.once()
        site.volume.rename(tmp_path / "away")
        assert (telling.one(), telling.one("hook"), service.asked) == (1, 2, [])
        assert telling.states() == ["pending"] * 2
    (tmp_path / "away").rename(site.volume)
    (site.volume / file).unlink()
    other = site.segment(1)
    (site.volume / other).unlink()
    with Telling(site) as telling:
        telling.planning.once()
        assert (telling.one(), telling.one("hook")) == (3, 4)
        assert telling.states()[2:] == ["missing", "done"]
    assert (service.asked[0].facts["file"], service.asked[0].facts["here"]) == (other, False)


def test_a_worker_that_stops_waits_for_nobody(pushed: Catalog, tmp_path: Path, service: Receiver) -> None:
    """With a receiver that says nothing for a minute, stopping takes seconds, and the row is given back (C135)."""
    site = Handed(tmp_path, pushed, WEBHOOK.format(service.url) + "timeout_s = 100\n")
    site.segment(0)
    service.held.clear()
    with Telling(site) as telling:
        telling.planning.once()
        worker = threading.Thread(target=telling.one)
        worker.start()
        until(lambda: len(service.asked) == 1)
        telling.runner.ask_stop()
        worker.join(30)
        (row,) = telling.rows()
    assert (worker.is_alive(), row.state.value, row.attempts) == (False, "pending", 0)


def test_a_rule_that_is_gone_holds_its_rows(pushed: Catalog, tmp_path: Path, service: Receiver) -> None:
    """Rows of a rule that was taken out of the configuration wait untouched, and go on when it is back."""
    text = WEBHOOK.format(service.url)
    site = Handed(tmp_path, pushed, text)
    site.segment(0)
    with Telling(site) as telling:
        telling.planning.once()
    site.configure("")
    with Telling(site) as telling:
        assert (telling.drain(), telling.states()) == (0, ["pending"])
    site.configure(text)
    with Telling(site) as telling:
        assert (telling.drain(), telling.states()) == (1, ["done"])
