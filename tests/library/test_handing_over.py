"""Rules of hand-over become rows: everything once, from when they apply, and forgotten when the file is gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from holdfast.catalog import schema
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.rows import Id
from holdfast.core.delivery import AssetKind
from holdfast.library import exports, handing_over, looking
from holdfast.library.handing_over import FORGOTTEN_US, HandingOver, Tidying, stand
from support.handed import Handed
from support.sending import Sending
from support.telling import Telling

RULE = '[handovers.r]\ntype = "marker"\n'
ALL = RULE + 'since = "all"\n'


@pytest.fixture(name="one")
def _one(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog that goes by the clock that is pushed."""
    with open_catalog(f"sqlite:///{tmp_path / 'one.sqlite'}") as made:
        yield made


def planning(site: Handed) -> HandingOver:
    """Plan for a node, as a worker that begins."""
    return HandingOver(site.catalog, site.node, site.loaded.config, site.clock)


def test_each_file_is_planned_once(catalog: Catalog, tmp_path: Path) -> None:
    """Footage, stills and pictures, each once, also by a worker that begins anew; deliveries know nothing of it."""
    site = Handed(tmp_path, catalog, ALL + 'assets = ["segments", "stills", "evidence"]\n')
    site.segment(0)
    site.still(1)
    site.incident(2)
    assert (planning(site).once(), planning(site).once()) == (3, 0)
    with Telling(site) as telling:
        kinds = {row.asset.kind for row in telling.rows()}
        assert kinds == {AssetKind.SEGMENT, AssetKind.STILL, AssetKind.EVIDENCE}
        assert all(len(row.asset.sha256) == 64 for row in telling.rows())
    assert site.rows() == []


def test_a_rule_begins_when_it_was_first_seen(one: Catalog, tmp_path: Path) -> None:
    """What was there before a rule is left out, also when the catalog was lost; what comes late is found (C067)."""
    site = Handed(tmp_path, one, RULE)
    site.segment(-1)
    plan = planning(site)
    assert plan.once() == 0
    site.segment(3)
    assert plan.once() == 1
    site.segment(2)
    assert plan.once() == 0
    site.clock.sleep(looking.AGAIN_US / 1e6)
    assert sum(plan.once() for _ in range(3)) == 1
    with open_catalog(f"sqlite:///{tmp_path / 'other.sqlite'}") as other:
        site.again(RULE, other)
        for number in (-1, 2):
            site.segment(number)
        assert planning(site).once() == 1


def test_a_rule_chooses(one: Catalog, tmp_path: Path) -> None:
    """Cameras and streams narrow a rule; one that is switched off plans nothing."""
    site = Handed(tmp_path, one, ALL + 'cameras = ["gate"]\nstreams = ["sub"]\n')
    site.segment(0)
    site.segment(0, "yard", "sub")
    site.segment(0, "gate", "sub")
    assert planning(site).once() == 1
    site.configure(ALL + "enabled = false\n")
    assert planning(site).once() == 0


def test_what_targets_verified_is_planned(one: Catalog, tmp_path: Path) -> None:
    """A rule that waits for a target plans what that has, once, and what it was told of late; the rest waits."""
    rules = '[deliveries.d]\ntarget = "nas"\ncameras = ["gate"]\n' + ALL + 'after = ["nas"]\n'
    site = Handed(tmp_path, one, rules)
    site.segment(0)
    site.segment(0, "yard")
    with Sending(site) as sending:
        sending.drain()
    plan = planning(site)
    assert (plan.once(), plan.once()) == (1, 0)
    site.segment(1)
    with Sending(site) as sending:
        sending.drain()
    # Its time is from before what this rule has looked through: another process wrote it late.
    early = schema.deliveries.update().where(schema.deliveries.c.start_us > site.clock.wall_us())
    with one.write() as tx:
        tx.run("deliveries", early.values(object_us=site.clock.wall_us() - 2 * handing_over.OVERLAP_US))
    assert plan.once() == 0
    site.clock.sleep(looking.AGAIN_US / 1e6)
    assert sum(plan.once() for _ in range(3)) == 1


def test_an_export_is_told_of(one: Catalog, tmp_path: Path) -> None:
    """C084: of an export is told when it is made, or when a target has it, and no longer once its file went."""
    rules = '[deliveries.d]\ntarget = "nas"\nassets = ["exports"]\n' + RULE + 'assets = ["exports"]\n'
    site = Handed(tmp_path, one, rules)
    plan = planning(site)
    assert plan.once() == 0
    site.make_export(site.ask_export("gate/main"))
    assert (plan.once(), plan.once()) == (1, 0)
    with Sending(site) as sending:
        sending.drain()
    after = rules.replace("handovers.r]", "handovers.a]") + 'after = ["nas"]\n'
    site.configure(after)
    site.clock.sleep(60)
    late = planning(site)
    assert late.once() == 0
    site.again(after)
    site.make_export(site.ask_export("gate/main"))
    with Sending(site) as sending:
        sending.drain()
    assert len(site.arrived()) == 2
    assert (late.once(), late.once()) == (1, 0)
    with Telling(site) as telling:
        assert [(row.asset.kind, row.rule) for row in telling.rows()] == [
            (AssetKind.EXPORT, "r"),
            (AssetKind.EXPORT, "a"),
        ]


@pytest.mark.parametrize("after", ["", 'after = ["nas"]\n'])
def test_of_an_export_is_told_who_asked_for_all_that_it_shows(one: Catalog, tmp_path: Path, after: str) -> None:
    """C084: a rule that names cameras is told of exports that show no other, verified or not, whichever their streams.

    Of one that was deleted before nobody knows that, and only a rule about all cameras is told.
    """
    chosen = {
        "all": "", "gate": 'cameras = ["gate"]\nstreams = ["main"]\n', "both": 'cameras = ["yard", "gate"]\n'
    }  # fmt: skip
    common = 'type = "marker"\nsince = "all"\nassets = ["exports"]\n' + after
    rules = '[deliveries.d]\ntarget = "nas"\nassets = ["exports"]\n'
    for name, more in chosen.items():
        rules += f'[handovers.{name}]\nname = "{{file}}.{name}"\n{common}{more}'
    site = Handed(tmp_path, one, rules)
    asked = (["gate/main"], ["gate/main", "gate/sub"], ["gate/sub"], ["gate/main", "yard/main"], ["yard/sub"])
    labels = []
    for streams in asked:
        export = site.ask_export(*streams)
        site.make_export(export)
        labels.append(str(export))
    with Sending(site) as sending:
        sending.drain()
    if after:
        exports.remove(one, {"disk": site.volume}, Id.read(labels.pop(0), "export"))
    planning(site).once()
    with Telling(site) as telling:
        told = {rule: [row.asset.label for row in telling.rows() if row.rule == rule] for rule in chosen}
    *gates, both, yard = labels
    gone = ["1-1"] if after else []
    assert told == {"gate": gates, "both": [*gates, both, yard], "all": [*gone, *gates, both, yard]}


def test_of_an_export_that_went_is_forgotten(one: Catalog, tmp_path: Path) -> None:
    """C084: an hour after the file of an export went its marker and row go; while it is here they stay."""
    site = Handed(tmp_path, one, ALL + 'assets = ["exports"]\n')
    file = site.make_export(site.ask_export("gate/main"))
    with Telling(site) as telling:
        telling.drain()
    tidying = Tidying(one, site.node, site.clock)
    site.clock.sleep(2 * FORGOTTEN_US / 1e6)
    assert (tidying.once(site.loaded.config), (site.volume / f"{file}.done").exists()) == (0, True)
    with one.write() as tx:
        tx.run("exports", update(schema.exports).values(state="expired", volume="", file=""))
    assert (tidying.once(site.loaded.config), (site.volume / f"{file}.done").exists()) == (1, False)


def test_how_rules_stand(one: Catalog, tmp_path: Path) -> None:
    """Configured rules in their order, then those that still have rows; a node that nobody knows has none."""
    site = Handed(tmp_path, one, ALL)
    site.segment(0)
    planning(site).once()
    loaded = site.configure('[handovers.new]\ntype = "marker"\n')
    found = stand(one, loaded.config, "local")
    assert [(rule.name, rule.config is None, sum(rule.standing.counts.values())) for rule in found] == [
        ("new", False, 0), ("r", True, 1)
    ]  # fmt: skip
    assert [rule.name for rule in stand(one, loaded.config, "other")] == ["new"]


def test_markers_go_with_their_files(one: Catalog, tmp_path: Path) -> None:
    """An hour after a file is gone its marker and its row go, and the day's empty folder; the others stay (F36)."""
    site = Handed(tmp_path, one, ALL)
    files = [site.segment(-number * 144) for number in range(3)]
    with Telling(site) as telling:
        telling.drain()
        gone = site.volume / files[2]
        gone.unlink()
        with one.write() as tx:
            tx.run("segments", delete(schema.segments).where(schema.segments.c.file == files[2]))
        tidying = Tidying(one, site.node, site.clock)
        assert tidying.once(site.loaded.config) == 0
        site.clock.sleep(FORGOTTEN_US / 1e6 + 1)
        away = site.volume.rename(tmp_path / "away")
        assert tidying.once(site.loaded.config) == 0
        away.rename(site.volume)
        assert (tidying.once(site.loaded.config), tidying.once(site.loaded.config)) == (1, 0)
        assert not gone.parent.exists()
        assert all((site.volume / f"{file}.done").exists() for file in files[:2])
        assert (telling.planning.once(), len(telling.rows())) == (0, 2)
