"""Stills, events and incidents go by age, stills for room too; none that is held, and none without its copies."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.catalog import deliveries, events, incidents, nodes, schema, stills
from holdfast.catalog.deliveries import Planned
from holdfast.catalog.events import Told
from holdfast.catalog.rows import Id
from holdfast.catalog.stills import Outcome
from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.event import EventKind
from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.core.retention import Hold, HoldKind, Judge
from holdfast.core.timing import DAY_US, HOUR_US, SECOND_US
from holdfast.library import keeping, pictures, retention
from holdfast.library.pictures import Kind, Over
from holdfast.watching.evidence import Pin, write
from holdfast.work.retain import Retainer
from support.kept_node import KEPT, KeptNode

STILLS = KEPT + "[cameras.gate.stills]\nkeep_days = 2\n"
SENT = (
    STILLS
    + "[targets.nas]\ntype = 'folder'\npath = 'nas'\n[deliveries.up]\ntarget = 'nas'\nassets = ['stills', 'events']\n"
)


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    node = KeptNode(tmp_path, STILLS)
    yield node
    node.close()


def take(node: KeptNode, hours: float, *, size: int = 1000) -> Id:
    """Keep a still that was taken some hours ago, with a thumbnail and a sidecar."""
    at_us = node.clock.wall_us() - round(hours * HOUR_US)
    file = f"stills/gate/2026/{at_us}.jpg"
    for name in (file, f"stills/gate/2026/{at_us}.thumb.jpg", f"stills/gate/2026/{at_us}.json"):
        path = node.disk / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    known = Outcome(
        camera="gate", slot_us=at_us, at_us=at_us, volume="main", file=file, bytes=size, sha256="5" * 64,
        thumbnail=file.replace(".jpg", ".thumb.jpg"), width=8, height=8, source_width=8, source_height=8,
    )  # fmt: skip
    with node.catalog.write() as tx:
        number = nodes.ensure(tx, "local", 1)
        stills.put(tx, number, [known], at_us)
        return stills.page(tx, stills.Wanted(from_us=at_us, to_us=at_us + 1)).rows[0].id


def over(node: KeptNode, *, short: int = 0, held: tuple[Hold, ...] = ()) -> list[Over]:
    """What goes now."""
    config, now_us = node.config, node.clock.wall_us()
    judge = Judge(keeping.policy_of(config), held, {}, now_us)
    with node.catalog.write() as tx:
        number = nodes.ensure(tx, "local", 1)
        return pictures.over(tx, number, config, judge, ready=node.roots, short={"main": short})


def send(node: KeptNode, file: str, kind: AssetKind, *, arrived: bool = True, at_us: int) -> None:
    """Plan a delivery of a picture, and let it arrive."""
    asset = Asset(
        kind=kind, camera="gate", volume="main", file=file, bytes=10, sha256="5" * 64, start_us=at_us, end_us=at_us
    )
    with node.catalog.write() as tx:
        number = nodes.ensure(tx, "local", 1)
        deliveries.add(tx, number, [Planned(rule="up", target="nas", asset=asset, key=file)], 1)
        if arrived:
            row = deliveries.page(tx, deliveries.Wanted(target="nas"), limit=100).rows[0]
            assert row.asset.file == file
            tx.run(
                "deliveries",
                schema.deliveries.update()
                .where(schema.deliveries.c.id == row.id.number)
                .values(object_us=5, address="nas:/x", verified="sha256"),
            )


def ids(found: list[Over], kind: Kind = Kind.STILL) -> list[Id]:
    """Return which of a class go."""
    return [one.id for one in found if one.kind is kind]


def files(node: KeptNode) -> list[Path]:
    """Return what stands where stills do."""
    return [path for path in node.disk.glob("stills/**/*") if path.is_file()]


def test_old_stills_go_with_what_stands_beside_them(node: KeptNode) -> None:
    """What is older than `keep_days` goes whole: picture, thumbnail, sidecar, row; the rest stays (C080)."""
    old, new = take(node, 60), take(node, 12)
    going = over(node)
    assert ids(going) == [old]
    assert going[0].bytes == 1000
    assert "2 days" in going[0].why
    gone, problems = pictures.clear(node.catalog, node.roots, going, node.clock.wall_us())
    assert (gone, problems) == (going, [])
    assert len(files(node)) == 3
    with node.catalog.read() as tx:
        assert [row.id for row in stills.page(tx, stills.Wanted()).rows] == [new]


def test_stills_may_go_after_minutes(node: KeptNode) -> None:
    """What is only looked at keeps its stills for ten minutes (C080)."""
    node.write(STILLS.replace("keep_days = 2", "keep_days = 0.007"))
    old, _ = take(node, 0.2), take(node, 0.1)
    assert ids(over(node)) == [old]


def test_a_still_waits_for_its_copy(node: KeptNode) -> None:
    """One that a rule sends somewhere stays, however old, until a target has it; `copies = 0` waits for none (U1)."""
    node.write(SENT)
    old = take(node, 60)
    at_us = node.clock.wall_us() - 60 * HOUR_US
    file = f"stills/gate/2026/{at_us}.jpg"
    assert over(node) == []
    send(node, file, AssetKind.STILL, arrived=False, at_us=at_us)
    assert over(node) == []
    send(node, file, AssetKind.STILL, at_us=at_us)
    assert ids(over(node)) == [old]
    other = take(node, 61)
    assert ids(over(node)) == [old]
    node.write(SENT.replace("[targets", "[cameras.gate.retention]\ncopies = 0\n[targets"))
    assert set(ids(over(node))) == {old, other}


def test_one_that_is_gone_is_waited_for_no_more(node: KeptNode) -> None:
    """A picture that somebody removed before its turn keeps no row for ever (F36)."""
    node.write(SENT)
    old = take(node, 60)
    at_us = node.clock.wall_us() - 60 * HOUR_US
    send(node, f"stills/gate/2026/{at_us}.jpg", AssetKind.STILL, arrived=False, at_us=at_us)
    with node.catalog.write() as tx:
        rows = schema.deliveries
        tx.run("deliveries", rows.update().values(state="missing"))
    assert ids(over(node)) == [old]


def test_what_is_held_stays(node: KeptNode) -> None:
    """A still within a hold of its camera stays by age and for room (C080)."""
    take(node, 60)
    now_us = node.clock.wall_us()
    hold = Hold(uid="1", camera="gate", from_us=now_us - 61 * HOUR_US, to_us=now_us - 59 * HOUR_US, kind=HoldKind.LEGAL)
    assert over(node, held=(hold,)) == []
    assert over(node, short=10**9, held=(hold,)) == []
    assert over(node, held=(replace(hold, camera="yard"),)) != []


def test_stills_go_for_room_oldest_first(node: KeptNode) -> None:
    """Without any age they stay until their disk is short; then as many go as are needed (C079, F36)."""
    node.write(KEPT)
    taken = [take(node, hours) for hours in (90, 60, 30, 0.01)]
    assert over(node) == []
    assert ids(over(node, short=1500)) == taken[:2]
    assert ids(over(node, short=10**9)) == taken[:3]  # the newest minutes stay
    node.write(KEPT + "[retention]\ndisk_full = 'stop'\n")
    assert over(node, short=10**9) == []


@pytest.mark.parametrize(("policy", "many"), [("acknowledged", 0), ("oldest", 2)])
def test_unsent_ones_go_for_room_only_by_policy(node: KeptNode, policy: str, many: int) -> None:
    """Where the disk is full, stills that wait for copies go only under `oldest` (C079, R6)."""
    node.write(SENT.replace("keep_days = 2", "") + f"[retention]\ndisk_full = '{policy}'\n")
    for hours in (90, 60):
        take(node, hours)
    assert len(over(node, short=10**9)) == many


def test_a_disk_that_is_away_keeps_its_rows(node: KeptNode, tmp_path: Path) -> None:
    """Rows whose pictures lie on a disk that is not there stay, and so do those that cannot be deleted."""
    take(node, 60)
    going = over(node)
    (picture,) = [file for file in files(node) if file.name.endswith(".json")]
    picture.unlink()
    picture.mkdir()  # nothing that unlink removes
    gone, problems = pictures.clear(node.catalog, node.roots, going, node.clock.wall_us())
    assert gone == []
    assert len(problems) == 1
    assert over(node) == going
    with node.catalog.read() as tx:
        judge = Judge(keeping.policy_of(node.config), (), {}, node.clock.wall_us())
        assert pictures.over(tx, going[0].id.node, node.config, judge, ready={"other": tmp_path}, short={}) == []


def test_events_go_once_their_pictures_arrived(node: KeptNode) -> None:
    """An event that is over for its time goes with its pictures, after those that are sent have arrived."""
    node.write(SENT)
    at_us = node.clock.wall_us() - 200 * DAY_US
    told = Told(
        camera="gate", kind=EventKind.MOTION, start_us=at_us, end_us=at_us + 5, from_us=at_us, to_us=at_us + 5,
        score=1.0, confidence=50.0, volume="main", picture_a="events/a.jpg", thumbnail="events/t.jpg",
    )  # fmt: skip
    with node.catalog.write() as tx:
        number = nodes.ensure(tx, "local", 1)
        events.put(tx, number, told, 1)
        events.put(tx, number, replace(told, start_us=at_us + 50, end_us=None, to_us=None, picture_a=""), 1)
    (node.disk / "events").mkdir()
    for name in told.files:
        (node.disk / name).write_bytes(b"x")
    assert over(node) == []
    send(node, "events/a.jpg", AssetKind.EVENT, at_us=at_us)
    going = over(node)
    assert [one.kind for one in going] == [Kind.EVENT]
    pictures.clear(node.catalog, node.roots, going, node.clock.wall_us())
    assert not list((node.disk / "events").iterdir())
    with node.catalog.read() as tx:
        assert len(events.page(tx, events.Wanted()).rows) == 1  # the one that lasts


def test_incidents_that_are_over_go_after_their_time(node: KeptNode) -> None:
    """What ended long ago goes with its evidence; what lasts, is younger or has just ended stays (C066)."""
    now_us = node.clock.wall_us()
    just_us = now_us - DAY_US
    with node.catalog.write() as tx:
        number = nodes.ensure(tx, "local", 1)
        for camera, days, stage, end_us in (
            ("a", 99, Stage.RESOLVED, 0), ("b", 50, Stage.RESOLVED, 0), ("c", 99, Stage.ACTIVE, 0),
            ("d", 99, Stage.RESOLVED, just_us),
        ):  # fmt: skip
            start_us = now_us - days * DAY_US
            case = Case(IncidentType.BLACKSCREEN, stage, start_us, start_us, 2, end_us or start_us + 5)
            row = incidents.put(tx, number, camera, case, now_us=1)
            pin = Pin(IncidentType.BLACKSCREEN, start_us, 1, start_us, b"x", 1, 1)
            incidents.add_pictures(tx, row, [write(node.disk, "main", camera, pin)])
    node.write(STILLS + "[cameras.gate.retention]\nhold_days = 365\n")  # so long footage may hang on them
    assert over(node) == []
    node.write(STILLS)
    going = over(node)
    assert [(one.kind, one.camera) for one in going] == [(Kind.INCIDENT, "a")]
    pictures.clear(node.catalog, node.roots, going, now_us)
    with node.catalog.read() as tx:
        assert {row.camera for row in incidents.page(tx, incidents.Wanted()).rows} == {"b", "c", "d"}
    assert len(list(node.disk.rglob("*.jpg"))) == 3


def test_a_pass_takes_what_was_told(node: KeptNode) -> None:
    """What the look says goes with the next pass, and with none while deleting is in doubt or off (C082)."""
    take(node, 60)
    found = retention.outlook(node.catalog, node.config, node.clock)
    assert [one.kind for one in found.pictures] == [Kind.STILL]
    (line,) = pictures.summed(found.pictures)
    assert (line.words, line.camera, line.count, line.bytes) == ("still", "gate", 1, 1000)
    node.write(STILLS + "[retention]\nenabled = false\n")
    assert Retainer(node.catalog, node.clock).run(node.config).pictures == ()
    node.write(STILLS)
    node.clock.step(100 * DAY_US / SECOND_US)
    assert Retainer(node.catalog, node.clock).run(node.config).pictures == ()
    node.clock.step(-100 * DAY_US / SECOND_US)
    retention.confirm(node.catalog, node.clock)
    passed = Retainer(node.catalog, node.clock).run(node.config)
    assert (passed.pictures, passed.bytes, passed.problems) == (found.pictures, 1000, ())
    assert files(node) == []
