"""What would go: read from rows, kept journals, disks and settings; the same again after the catalog was lost."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import events, holds, incidents, measures, nodes, removals
from holdfast.catalog.db import open_catalog
from holdfast.catalog.events import Told
from holdfast.core.event import EventKind
from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.core.journal import Sealed
from holdfast.core.retention import Hold, HoldKind, Rule
from holdfast.core.timing import SECOND_US
from holdfast.library import holds as holding
from holdfast.library import retention
from holdfast.library.handing_on import HandingOn
from holdfast.library.index import Indexer
from holdfast.library.reindex import put_aside, reindex
from holdfast.library.retention import Outlook
from holdfast.library.volumes import prepare
from support.journals import Told as Journal
from support.kept_node import KEPT, KeptNode


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    node = KeptNode(tmp_path)
    yield node
    node.close()


def outlook(node: KeptNode, config: str) -> Outlook:
    """What goes under some settings."""
    node.write(KEPT + config)
    return retention.outlook(node.catalog, node.config, node.clock)


def going(node: KeptNode, config: str) -> list[str]:
    """Files that go."""
    return [one.piece.file for one in outlook(node, config).going]


def names(files: list[Sealed]) -> list[str]:
    """Their paths."""
    return [one.file for one in files]


def happened(node: KeptNode, from_us: int, to_us: int) -> None:
    """An event, with its footage."""
    told = Told(
        camera="gate", kind=EventKind.MOTION, start_us=from_us, end_us=to_us, from_us=from_us, to_us=to_us,
        score=1.0, confidence=1.0,
    )  # fmt: skip
    with node.catalog.write() as tx:
        events.put(tx, nodes.ensure(tx, "local", node.clock.wall_us()), told, node.clock.wall_us())


def watched(node: KeptNode, until_us: int) -> None:
    """The watcher has looked at what there is until then."""
    with node.catalog.write() as tx:
        number = nodes.ensure(tx, "local", node.clock.wall_us())
        measures.set_positions(tx, number, {"gate": measures.Position(until_us, {})}, node.clock.wall_us())


def test_without_settings_nothing_goes(node: KeptNode) -> None:
    """Footage of a camera without settings stays as long as there is room, and is cleared for the recorder."""
    files = node.record(3)
    node.later(1000)
    found = outlook(node, "")
    assert found.going == ()
    assert [piece.file for piece in found.cleared["main"]] == names(files)


def test_nothing_goes_where_that_is_switched_off(node: KeptNode) -> None:
    """Switched off, nothing is deleted and nothing is cleared."""
    node.record(3)
    node.later(1000)
    found = outlook(node, "[cameras.gate.retention]\nkeep_days = 1\n[retention]\nenabled = false\n")
    assert (found.going, dict(found.cleared)) == ((), {})


def test_bytes_of_a_camera_are_those_that_it_has(node: KeptNode) -> None:
    """A camera that takes more than it may loses just enough of its oldest files."""
    files = node.record(10)
    node.later(1)
    total = sum(one.bytes for one in files)
    limit = total - files[0].bytes - 1
    assert going(node, f"[cameras.gate.retention]\nkeep_bytes = {limit}\n") == names(files[:2])
    assert going(node, f"[cameras.gate.retention]\nkeep_bytes = {total}\n") == []


def test_copies_are_what_the_kept_journals_say(node: KeptNode) -> None:
    """A file goes when as many targets as are asked for have verified it, each counted once."""
    files = node.record(4)
    node.later(48)
    asked = "[cameras.gate.retention]\nkeep_days = 1\ncopies = 2\n"
    node.send(*files[:3])
    node.send(files[0], files[1])
    assert going(node, asked) == []
    node.send(files[1], files[2], target="s3")
    assert going(node, asked) == names(files[1:3])


PROMISED = """
[targets.nas]
type = 'folder'
path = 'nas'
[targets.far]
type = 'folder'
path = 'far'
[deliveries.archive]
target = 'nas'
streams = ['main']
[deliveries.away]
target = 'far'
cameras = ['gate']
"""


def test_what_a_rule_sends_stays_until_it_has_arrived(node: KeptNode) -> None:
    """Nobody need say it twice: what rules of delivery send to targets waits for each of them (F17, F21)."""
    files = node.record(3)
    node.later(48)
    asked = "[cameras.gate.retention]\nkeep_days = 1\n"
    assert going(node, asked) == names(files)
    assert going(node, asked + PROMISED) == []
    node.send(*files[:2])
    assert going(node, asked + PROMISED) == []
    assert going(node, asked + PROMISED.replace("target = 'far'", "target = 'far'\nenabled = false")) == names(
        files[:2]
    )
    node.send(*files[1:], target="far")
    assert going(node, asked + PROMISED) == names(files[1:2])
    assert going(node, asked + "copies = 1\n" + PROMISED) == names(files)
    assert going(node, asked + "copies = 0\n" + PROMISED) == names(files)


def test_a_rule_about_new_footage_promises_nothing_of_the_old(node: KeptNode) -> None:
    """With `since = "new"` what was there before the rule is never sent, so nobody waits for it."""
    before = node.record(2)
    rule = PROMISED.replace("[deliveries.away]", "since = 'new'\n[deliveries.away]\nenabled = false")
    node.write(KEPT + rule)
    HandingOn(node.catalog, 1, node.config, node.clock).once()
    after = node.record(2)
    node.later(48)
    asked = "[cameras.gate.retention]\nkeep_days = 1\n"
    assert going(node, asked + rule) == names(before)
    node.send(*after)
    assert going(node, asked + rule) == names(before + after)


def test_events_keep_their_footage(node: KeptNode) -> None:
    """A camera that keeps events alone loses, after its loose hours, all files without one (C079)."""
    files = node.record(6)
    happened(node, files[2].end_us - 5, files[3].start_us + 5)
    node.later(23)
    asked = "[cameras.gate.retention]\nonly = 'events'\nloose_hours = 24\n"
    watched(node, files[-1].end_us)
    assert going(node, asked) == []
    node.later(3)
    assert going(node, asked) == names([*files[:2], *files[4:]])
    # Held by policy, they outlive their age too, for as long as that is asked for.
    held = "[cameras.gate.retention]\nkeep_days = 1\nholds = ['events']\nhold_days = 3\n"
    assert going(node, held) == names([*files[:2], *files[4:]])
    node.later(72)
    assert going(node, held) == names(files)


def test_what_nobody_has_looked_at_is_not_without_events(node: KeptNode) -> None:
    """Where the watcher was away, footage waits for it: only what it has looked at can show nothing (C079)."""
    files = node.record(4)
    node.later(48)
    asked = "[cameras.gate.retention]\nonly = 'events'\n"
    assert going(node, asked) == []
    watched(node, files[1].end_us)
    assert going(node, asked) == names(files[:2])


def test_hours_and_bookings_keep_their_footage(node: KeptNode) -> None:
    """Beyond the loose hours stays what lies in the camera's windows, or what is booked."""
    files = node.record(6)
    node.later(48)
    # The pushed clock begins at 14:13 UTC; the third file ends and the fourth begins at 14:43.
    window = "[cameras.gate.capture]\nmode = 'always'\nwindows = [{start = '14:45', end = '15:00'}]\n"
    assert going(node, window + "[cameras.gate.retention]\nonly = 'schedule'\n") == names([*files[:3], files[5]])
    booked = Hold(
        uid="b1", camera="gate", from_us=files[1].start_us, to_us=files[1].end_us, kind=HoldKind.BOOKING, why="match"
    )
    holding.add(node.catalog, node.roots, node.clock, booked, who="api", state_dir=node.state)
    assert going(node, "[cameras.gate.retention]\nonly = 'bookings'\n") == names([files[0], *files[2:]])
    assert going(node, "[cameras.gate.retention]\nonly = 'live'\n") == names([files[0], *files[2:]])


def test_a_lost_catalog_decides_the_same(node: KeptNode) -> None:
    """After the database was deleted and made anew, the list of what goes is the same: copies, holds, deletions."""
    files = node.record(8)
    node.send(*files[:6])
    legal = Hold(uid="", camera="gate", from_us=files[1].start_us, to_us=files[1].end_us, kind=HoldKind.LEGAL, why="x")
    holding.add(node.catalog, node.roots, node.clock, legal, who="anna", state_dir=node.state)
    node.later(48)
    asked = "[cameras.gate.retention]\nkeep_days = 1\ncopies = 1\n"
    before = outlook(node, asked)
    assert [one.piece.file for one in before.going] == names([files[0], *files[2:6]])
    node.catalog.close()
    assert put_aside(node.config.catalog_url, node.clock) is not None
    node.catalog = open_catalog(node.config.catalog_url)
    reindex(node.catalog, node.roots, node.clock)
    after = outlook(node, asked)
    assert (after.going, after.holds) == (before.going, before.holds)


def test_much_that_must_stay_does_not_hide_what_may_go(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much of the oldest footage is held or unsent, what comes after it is found (R6)."""
    monkeypatch.setattr("holdfast.catalog.removals._BATCH", 3)
    monkeypatch.setattr(retention, "LEAST_EXPENDABLE", 100)
    files = node.record(20)
    node.send(*files[15:])
    node.later(2)
    monkeypatch.setattr(retention, "_short", lambda *_: {"main": 10**9})
    asked = "[cameras.gate.retention]\ncopies = 1\n"
    found = outlook(node, asked)
    assert [(one.piece.file, one.rule) for one in found.going] == [(name, Rule.ROOM) for name in names(files[15:])]


def test_a_volume_with_room_does_not_hide_one_that_is_short(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stream has on a volume that is short goes, however much older footage lies on another one (C079)."""
    monkeypatch.setattr(removals, "_BATCH", 3)
    monkeypatch.setattr(retention, "LEAST_EXPENDABLE", 100)
    node.record(10)
    second = node.root / "second"
    second.mkdir()
    node.write(f"[volumes.second]\npath = '{second}'\nreserve = '0 MB'\n" + KEPT)
    prepare(node.config, node.clock)
    told = Journal(second, node.clock)
    files = [told.record(600) for _ in range(10)]
    Indexer(node.catalog, {**node.roots, "second": second}, node.clock).pass_once()
    node.later(2)
    monkeypatch.setattr(retention, "_short", lambda *_: {"second": files[0].bytes})
    found = retention.outlook(node.catalog, node.config, node.clock)
    assert [(one.piece.volume, one.piece.file) for one in found.going] == [("second", files[0].file)]
    assert [piece.file for piece in found.cleared["second"]] == names(files[1:3])


def test_what_has_its_copies_goes_before_older_footage_that_waits(
    node: KeptNode, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Under `oldest`, too, footage without its copies goes last, however much of it is older (F17, R6)."""
    monkeypatch.setattr(removals, "_BATCH", 3)
    monkeypatch.setattr(retention, "LEAST_EXPENDABLE", 100)
    files = node.record(20)
    node.send(*files[15:])
    node.later(2)
    monkeypatch.setattr(retention, "_short", lambda *_: {"main": files[15].bytes})
    found = outlook(node, "[cameras.gate.retention]\ncopies = 1\n[retention]\ndisk_full = 'oldest'\n")
    assert [(one.piece.file, one.rule) for one in found.going] == [(files[15].file, Rule.ROOM)]
    assert [piece.file for piece in found.cleared["main"]] == names(files[16:18])


def test_rotated_logs_go_before_footage_that_waits(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk costs footage that has its copies, then rotated logs, the oldest first, then what waits (C079)."""
    monkeypatch.setattr(retention, "LEAST_EXPENDABLE", 100)
    files = node.record(6)
    node.send(*files[3:5])
    node.later(2)
    logs = node.config.log_dir
    logs.mkdir(exist_ok=True)
    each = 2 * max(one.bytes for one in files)
    for age, name in enumerate((".worker.lock", "worker.log", "worker.log.1", "worker.log.2")):
        (logs / name).write_bytes(b"x" * each)
        at_s = node.clock.wall_us() / SECOND_US - age
        os.utime(logs / name, (at_s, at_s))

    def goes(missing: int, disk_full: str) -> tuple[list[str], list[str]]:
        monkeypatch.setattr(retention, "_short", lambda *_: {"main": missing})
        asked = "[cameras.gate.retention]\ncopies = 1\n[retention]\ndisk_full = "
        found = outlook(node, f"{asked}'{disk_full}'\n")
        return [one.piece.file for one in found.going], [one.path.name for one in found.leftovers]

    sent = names(files[3:5])
    enough = sum(one.bytes for one in files[3:5])
    assert goes(enough, "oldest") == (sent, [])
    assert goes(enough + 1, "oldest") == (sent, ["worker.log.2"])
    assert goes(enough + each + 1, "oldest") == (sent, ["worker.log.2", "worker.log.1"])
    assert goes(enough + 2 * each + 1, "oldest") == (sent + names(files[:1]), ["worker.log.2", "worker.log.1"])
    assert goes(10**12, "acknowledged") == (sent, ["worker.log.2", "worker.log.1"])
    assert goes(10**12, "stop") == ([], [])
    old_s = node.clock.wall_us() / SECOND_US - 15 * 86_400
    os.utime(logs / "worker.log.2", (old_s, old_s))  # it goes by its age: what it frees counts once
    assert goes(enough + each + 1, "oldest") == (sent, ["worker.log.2", "worker.log.1"])


@pytest.mark.parametrize("disk_full", ["acknowledged", "oldest"])
def test_what_can_be_made_again_spares_footage(node: KeptNode, monkeypatch: pytest.MonkeyPatch, disk_full: str) -> None:
    """Footage goes for room only as far as derived files and what is half written make up for too little (C079)."""
    files = node.record(4)
    node.later(48)
    films = node.state / "timelapses"
    films.mkdir()
    for name, count in ((films / "a.mp4", files[0].bytes), (node.state / ".plan.json.new", files[0].bytes)):
        name.write_bytes(b"x" * count)
        at_s = node.clock.wall_us() / SECOND_US - 30 * 3600
        os.utime(name, (at_s, at_s))

    def goes(missing: int) -> tuple[list[str], list[str]]:
        monkeypatch.setattr(retention, "_short", lambda *_: {"main": missing})
        found = outlook(node, f"[retention]\ndisk_full = '{disk_full}'\n")
        return [one.piece.file for one in found.going], [one.path.name for one in found.leftovers]

    beside = [".plan.json.new", "a.mp4"]
    assert goes(2 * files[0].bytes) == ([], beside)
    assert goes(2 * files[0].bytes + 1) == (names(files[:1]), beside)


def test_a_camera_that_was_taken_out_keeps_what_protected_it(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its table, or under another name, its incidents still hold and its unsent footage still waits (F17)."""
    files = node.record(4)
    node.send(*files[:3])
    at_us = files[1].start_us + 300 * SECOND_US
    black = Case(IncidentType.BLACKSCREEN, Stage.RESOLVED, at_us, at_us, good_us=at_us + 1)
    with node.catalog.write() as tx:
        incidents.put(tx, nodes.ensure(tx, "local", at_us), "gate", black, now_us=at_us)
    node.later(20 * 24)
    monkeypatch.setattr(retention, "_short", lambda *_: {"main": 10**9})
    asked = "[cameras.gate.retention]\ncopies = 1\n"
    wanted = names([files[0], files[2]])
    assert going(node, asked) == wanted
    node.write((KEPT + asked).replace("cameras.gate", "cameras.yard"))
    assert [one.piece.file for one in retention.outlook(node.catalog, node.config, node.clock).going] == wanted


def test_hours_of_long_ago_are_not_judged(node: KeptNode) -> None:
    """Footage that is older than the hours that are worked out is not outside of them: it goes by age or for room."""
    files = node.record(2)
    node.later(401 * 24)
    window = "[cameras.gate.capture]\nmode = 'always'\nwindows = [{start = '14:00', end = '15:00'}]\n"
    assert going(node, window + "[cameras.gate.retention]\nonly = 'schedule'\n") == []
    aged = "[cameras.gate.retention]\nonly = 'schedule'\nkeep_days = 400\n"
    assert going(node, window + aged) == names(files)


def test_a_disk_is_short_before_it_is_full(node: KeptNode) -> None:
    """What is kept free beyond the reserve is half an hour of what comes in, or what the settings say."""
    node.record(2)
    found = outlook(node, "[retention]\nheadroom = '1 PB'\n".replace("1 PB", "1000000 GB"))
    assert found.short["main"] > 0
    disk = found.disks[0]
    assert disk.total_bytes is not None
    assert retention.headroom(node.config, {("main", "gate"): 10**10, ("other", "x"): 1}, "main") == 10**15
    node.write(KEPT)
    assert retention.headroom(node.config, {("main", "gate"): 10**10, ("other", "x"): 1}, "main") == 5 * 10**9
    with node.catalog.read() as tx:
        assert holds.listed(tx, 1) == []
