"""The pass deletes what was decided, exactly that, and goes on from wherever it was killed (C077, C082, F21)."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.catalog import holds as rows
from holdfast.catalog import removals
from holdfast.catalog.db import open_catalog
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.journal import Sealed
from holdfast.core.kept import Deleted, Held
from holdfast.core.retention import Hold, HoldKind, Rule
from holdfast.library import holds, kept, retention
from holdfast.library.check import check
from holdfast.library.reindex import put_aside, reindex
from holdfast.library.retention import confirm, doubt
from holdfast.library.volumes import prepare
from holdfast.storage.expendable import NAME as EXPENDABLE
from holdfast.storage.expendable import decode
from holdfast.work import retain
from holdfast.work.retain import Retainer
from support.kept_node import KEPT, KeptNode, asset_of

DAYS_7 = KEPT + "[cameras.gate.retention]\nkeep_days = 7\n"


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    node = KeptNode(tmp_path, DAYS_7)
    yield node
    node.close()


def run(node: KeptNode, most: int | None = None) -> retain.Passed:
    """One pass."""
    return Retainer(node.catalog, node.clock).run(node.config, most=most)


def expendable(node: KeptNode) -> list[str]:
    """What the recorder may remove now."""
    found = [decode(line) for line in (node.root / "state" / EXPENDABLE).read_bytes().splitlines()]
    return [one.file for one in found if one is not None and one.is_due(node.clock)]


def test_what_is_too_old_goes_and_is_told_as_removed(node: KeptNode) -> None:
    """After its days a file is gone, row and kept line say why, its empty day folder is gone, and all agrees."""
    run(node)
    old = node.record(3)
    node.later(8 * 24)
    new = node.record(2)
    passed = run(node)
    assert [one.piece.file for one in passed.deleted] == [one.file for one in old]
    assert passed.bytes == sum(one.bytes for one in old)
    assert node.here() == {one.file for one in new}
    assert node.removed() == {one.file: "older than 7 days" for one in old}
    assert not (node.disk / old[0].file).parent.exists()
    assert (node.disk / new[0].file).parent.is_dir()
    node.index()
    assert not check(node.catalog, node.roots, node.clock).violations
    assert run(node).deleted == ()


def test_the_dry_run_and_the_run_agree(node: KeptNode) -> None:
    """What would go is what goes, file for file, in the same order and for the same reasons (C080)."""
    run(node)
    node.record(30)
    node.later(7 * 24 - 2)
    dry = retention.outlook(node.catalog, node.config, node.clock)
    assert 0 < len(dry.going) < 30
    assert run(node).deleted == dry.going


def test_a_pass_is_bounded(node: KeptNode) -> None:
    """A pass deletes no more files than it may, and says how many wait for the next one (C082)."""
    run(node)
    node.record(5)
    node.later(8 * 24)
    passed = run(node, most=2)
    assert (len(passed.deleted), passed.waiting) == (2, 3)
    assert passed.outlook is not None
    assert expendable(node)[:3] == [one.piece.file for one in passed.outlook.going[2:]]
    assert len(run(node, most=2).deleted) == 2


def test_the_recorder_is_told_what_it_may_remove(node: KeptNode) -> None:
    """The list holds what policy has cleared, oldest first, never the newest minutes, under the disk's own id."""
    run(node)
    files = node.record(6)
    run(node)
    assert expendable(node) == [one.file for one in files[:-1]]
    line = json.loads((node.root / "state" / EXPENDABLE).read_text().splitlines()[0])
    assert line["volume"] == json.loads((node.disk / ".holdfast-volume").read_text())["id"]
    node.write(DAYS_7 + "copies = 1\n")
    node.send(files[2])
    run(node)
    assert expendable(node) == [files[2].file]
    node.write("[retention]\ndisk_full = 'stop'\n" + DAYS_7)
    run(node)
    assert expendable(node) == []


def test_the_list_outlasts_the_pass_that_made_it(node: KeptNode) -> None:
    """What is too new is named with when it may go; no step of the clock brings that nearer (R6)."""
    run(node)
    files = node.record(3)
    run(node)
    assert expendable(node) == [one.file for one in files[:-1]]
    node.clock.step(24 * 3600)
    assert expendable(node) == [one.file for one in files[:-1]]
    node.clock.advance(601)
    assert expendable(node) == [one.file for one in files]
    hold(node, files[-1])
    assert expendable(node) == [one.file for one in files[:-1]], "a hold takes off what is to come, too"
    node.clock.step(-24 * 3600)
    last = node.record(1)[0]
    run(node)
    node.clock.reboot("boot-2", off_s=3600)
    assert last.file not in expendable(node), "nobody knows how long it lay there"


def test_a_pass_that_is_killed_leaves_its_list(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorder learns what may go before anything is deleted, which may take its time (R6)."""
    run(node)
    old = node.record(3)
    node.later(8 * 24)
    monkeypatch.setattr(kept, "deleted", dying(kept, "deleted"))
    with pytest.raises(KeyboardInterrupt):
        run(node)
    assert expendable(node) == [one.file for one in old]


STEPS: list[tuple[object, str]] = [
    (kept, "deleted"),
    (Path, "unlink"),
    (removals, "end"),
]


def dying(where: object, step: str) -> Callable[..., object]:
    """A step that kills whoever takes it with footage."""
    real = getattr(where, step)

    def die(*args: object, **more: object) -> object:
        if isinstance(args[0], Path) and args[0].suffix != ".mp4":
            return real(*args, **more)
        raise KeyboardInterrupt

    return die


@pytest.mark.parametrize(("where", "step"), STEPS, ids=["before-the-line", "before-the-file", "before-the-row"])
def test_a_kill_between_two_steps_is_made_good(
    node: KeptNode, monkeypatch: pytest.MonkeyPatch, where: object, step: str
) -> None:
    """Whichever step a pass dies before, the next one ends with every file gone, explained and in no row twice."""
    run(node)
    old = node.record(3)
    node.later(8 * 24)
    with monkeypatch.context() as patch:
        patch.setattr(where, step, dying(where, step))
        with pytest.raises(KeyboardInterrupt):
            run(node)
    node.record(1)
    passed = run(node)
    assert passed.finished == 3
    assert passed.deleted == ()
    assert node.removed() == {one.file: "older than 7 days" for one in old}
    assert not node.here() & {one.file for one in old}
    node.index()
    assert not check(node.catalog, node.roots, node.clock).violations
    with node.catalog.read() as tx:
        assert removals.pending(tx, 1, 10) == []


def test_a_lost_catalog_does_not_bring_back_what_was_being_deleted(
    node: KeptNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the line and before the file, with the catalog lost then: the reindex and the next pass end it."""
    run(node)
    old = node.record(2)
    node.later(8 * 24)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dying(Path, "unlink"))
        with pytest.raises(KeyboardInterrupt):
            run(node)
    node.catalog.close()
    assert put_aside(node.config.catalog_url, node.clock) is not None
    node.catalog = open_catalog(node.config.catalog_url)
    reindex(node.catalog, node.roots, node.clock)
    confirm(node.catalog, node.clock)
    run(node)
    assert not node.here() & {one.file for one in old}
    assert node.removed() == {one.file: "older than 7 days" for one in old}


def test_a_hold_that_came_meanwhile_is_honoured(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hold that was set after the decision and before the deletion saves its files."""
    run(node)
    old = node.record(3)
    node.later(8 * 24)
    decide: Callable[..., retention.Outlook] = retention.outlook

    def slow(*args: object, **more: object) -> retention.Outlook:
        found = decide(*args, **more)
        legal = Hold(uid="", camera="gate", from_us=old[1].start_us, to_us=old[1].end_us, kind=HoldKind.LEGAL, why="x")
        holds.add(node.catalog, node.roots, node.clock, legal, who="anna", state_dir=node.state)
        return found

    monkeypatch.setattr(retention, "outlook", slow)
    assert [one.piece.file for one in run(node).deleted] == [old[0].file, old[2].file]
    assert node.here() == {old[1].file}


def begun_and_killed(node: KeptNode, monkeypatch: pytest.MonkeyPatch, where: object, step: str) -> list[Sealed]:
    """Three files whose deletion was begun, by a pass that died before a step."""
    run(node)
    old = node.record(3)
    node.later(8 * 24)
    with monkeypatch.context() as patch:
        patch.setattr(where, step, dying(where, step))
        with pytest.raises(KeyboardInterrupt):
            run(node)
    return old


def hold(node: KeptNode, one: Sealed) -> None:
    """Somebody holds a file."""
    legal = Hold(uid="", camera="gate", from_us=one.start_us, to_us=one.end_us, kind=HoldKind.LEGAL, why="x")
    holds.add(node.catalog, node.roots, node.clock, legal, who="anna", state_dir=node.state)


@pytest.mark.parametrize(("where", "step"), STEPS[:2], ids=["before-the-line", "before-the-file"])
def test_what_was_begun_and_is_held_by_now_stays(
    node: KeptNode, monkeypatch: pytest.MonkeyPatch, where: object, step: str
) -> None:
    """A hold set after a pass died saves the file whose deletion was begun, from passes and from a reindex (C080)."""
    old = begun_and_killed(node, monkeypatch, where, step)
    hold(node, old[1])
    assert run(node).finished == 2
    assert node.here() == {old[1].file}
    with node.catalog.read() as tx:
        assert removals.pending(tx, 1, 10) == []
    reindex(node.catalog, node.roots, node.clock)
    with node.catalog.read() as tx:
        assert removals.pending(tx, 1, 10) == []
    confirm(node.catalog, node.clock)
    run(node)
    assert node.here() == {old[1].file}


@pytest.mark.parametrize("off", ["doubt", "disabled"])
def test_what_was_begun_waits_while_nothing_may_be_deleted(
    node: KeptNode, monkeypatch: pytest.MonkeyPatch, off: str
) -> None:
    """In doubt, and where retention is off, no file goes that was begun either; it does once it may (C077)."""
    old = begun_and_killed(node, monkeypatch, kept, "deleted")
    if off == "doubt":
        doubt(node.catalog, node.clock, "the catalog was made anew")
    else:
        node.write("[retention]\nenabled = false\n" + DAYS_7)
    assert run(node).finished == 0
    assert node.here() == {one.file for one in old}
    node.write(DAYS_7)
    confirm(node.catalog, node.clock)
    assert run(node).finished == 3


def test_what_is_gone_already_is_ended_in_doubt(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deletion of which only the row is left is ended in doubt, too: rows tell what is (C067)."""
    old = begun_and_killed(node, monkeypatch, removals, "end")
    doubt(node.catalog, node.clock, "the catalog was made anew")
    assert run(node).finished == 3
    assert node.removed() == {one.file: "older than 7 days" for one in old}


def test_what_is_in_the_place_of_a_file_stays(node: KeptNode) -> None:
    """A file that is not what was recorded is left alone, and so is what a link leads to; both are said."""
    run(node)
    old = node.record(3)
    (node.disk / old[0].file).write_bytes(b"something else that somebody put there")
    outside = node.root / "precious"
    outside.write_bytes(b"x" * old[1].bytes)
    (node.disk / old[1].file).unlink()
    (node.disk / old[1].file).symlink_to(outside)
    node.later(8 * 24)
    passed = run(node)
    assert [one.piece.file for one in passed.deleted] == [old[2].file]
    assert sum("is not the file that was recorded" in problem for problem in passed.problems) == 2
    assert outside.exists()
    assert (node.disk / old[0].file).exists()
    assert set(node.removed()) == {old[2].file}


def test_a_disk_that_is_away_waits(node: KeptNode) -> None:
    """What lies on a disk that is not there is neither deleted nor said to be, and goes when the disk is back."""
    run(node)
    old = node.record(2)
    node.later(8 * 24)
    away = node.disk.rename(node.root / "elsewhere")
    node.disk.mkdir()
    assert run(node).deleted == ()
    assert node.removed() == {}
    node.disk.rmdir()
    away.rename(node.disk)
    assert len(run(node).deleted) == len(old)


def test_a_clock_that_was_set_deletes_nothing(node: KeptNode) -> None:
    """After an unexplained step nothing goes, and the recorder's list is empty, until a person says so."""
    run(node)
    old = node.record(2)
    run(node)
    assert expendable(node)
    node.clock.sync = False
    node.clock.step(30 * 86_400)
    passed = run(node)
    assert "the clock was set forward" in passed.trust.off_why
    assert (passed.deleted, expendable(node)) == ((), [])
    node.clock.advance(3600)
    assert run(node).deleted == ()
    confirm(node.catalog, node.clock)
    assert len(run(node).deleted) == len(old)


def test_a_synchronised_clock_clears_the_doubt(node: KeptNode) -> None:
    """A reindex is a doubt; a synchronised clock ends it a moment later, by itself."""
    run(node)
    node.record(2)
    node.later(8 * 24)
    doubt(node.catalog, node.clock, "the catalog was made anew")
    assert run(node).trust.off_why == "the catalog was made anew"
    node.clock.advance(600)
    assert len(run(node).deleted) == 2


def test_a_catalog_that_is_away_deletes_nothing(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no row can be written nothing is touched."""
    run(node)
    old = node.record(2)
    node.later(8 * 24)

    def away(*_args: object, **_more: object) -> None:
        raise CatalogUnavailable("it does not answer")

    monkeypatch.setattr(removals, "begin", away)
    with pytest.raises(CatalogUnavailable):
        run(node)
    assert node.here() == {one.file for one in old}
    assert not any(isinstance(line.event, Deleted) for line in kept.said_of(node.roots, node.told.key)["main"])


def test_room_is_made_before_a_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where free space is short the oldest goes until there is enough, whatever its age (C079, R6)."""
    node = KeptNode(tmp_path, KEPT)
    try:
        run(node)
        files = node.record(8)
        need = files[0].bytes + 1
        monkeypatch.setattr(retention, "_short", lambda *_: {"main": need})
        passed = run(node)
        assert [(one.piece.file, one.rule) for one in passed.deleted] == [
            (files[0].file, Rule.ROOM), (files[1].file, Rule.ROOM),
        ]  # fmt: skip
    finally:
        node.close()


def meanwhile(monkeypatch: pytest.MonkeyPatch, of: object, name: str, do: Callable[[], object], *, once: bool) -> None:
    """Do something right before a step of a pass: the first time, or each time."""
    real = getattr(of, name)
    done: list[bool] = []

    def step(*args: object, **more: object) -> object:
        if not (once and done):
            done.append(True)
            do()
        return real(*args, **more)

    monkeypatch.setattr(of, name, step)


def test_a_hold_set_during_a_pass_is_on_no_list(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that was thought of before a hold was set, and comes after it, does not name what it covers (C080)."""
    run(node)
    files = node.record(6)
    meanwhile(monkeypatch, Retainer, "_publish", lambda: hold(node, files[1]), once=True)
    run(node)
    assert expendable(node) == [one.file for one in (files[0], *files[2:-1])]
    hold(node, files[2])
    assert expendable(node) == [one.file for one in (files[0], *files[3:-1])]


def test_who_sets_a_hold_waits_for_the_batch_at_hand(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a hold covers is deleted after it was set: what goes went before, and its line says so (K2)."""
    monkeypatch.setattr(retain, "_AT_ONCE", 1)
    run(node)
    old = node.record(40)
    node.later(8 * 24)
    with open_catalog(node.config.catalog_url) as catalog:
        span = Hold(uid="", camera="gate", from_us=old[0].start_us, to_us=old[-1].end_us, kind=HoldKind.LEGAL, why="x")

        def set_it() -> None:
            holds.add(catalog, node.roots, node.clock, span, who="anna", state_dir=node.state)
            left.append(node.here())

        other = threading.Thread(target=set_it)
        left: list[set[str]] = []
        meanwhile(monkeypatch, kept, "deleted", other.start, once=True)
        run(node)
        other.join(60)
    assert left == [node.here()]
    node.index()
    assert not check(node.catalog, node.roots, node.clock).violations


def test_a_doubt_that_comes_up_meanwhile_ends_a_pass(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reindex, or a clock that is set, while a pass deletes: nothing goes after it, and no list is given out."""
    monkeypatch.setattr(retain, "_AT_ONCE", 1)
    run(node)
    old = node.record(3)
    run(node)
    assert expendable(node)

    def raise_doubt() -> None:
        doubt(node.catalog, node.clock, "x", state_dir=node.state)

    node.later(8 * 24)
    with monkeypatch.context() as patch:
        meanwhile(patch, Retainer, "_end", lambda: raise_doubt() if len(node.here()) < 3 else None, once=False)
        assert [one.piece.file for one in run(node).deleted] == [old[0].file]
    assert expendable(node) == []
    confirm(node.catalog, node.clock)
    node.record(1)
    run(node, most=0)
    assert expendable(node)
    raise_doubt()
    assert expendable(node) == []
    confirm(node.catalog, node.clock)
    with monkeypatch.context() as patch:
        meanwhile(patch, Retainer, "_publish", lambda: node.clock.step(-86_400), once=True)
        run(node, most=0)
    assert expendable(node) == []


def test_what_is_refused_starves_nothing(node: KeptNode) -> None:
    """A file that is not what was recorded is on no list, and the next pass passes it over (C082)."""
    run(node)
    old = node.record(3)
    (node.disk / old[0].file).write_bytes(b"something else that somebody put there")
    node.later(8 * 24)
    assert run(node, most=1).deleted == ()
    assert expendable(node) == [one.file for one in old[1:]]
    passed = run(node, most=1)
    assert [one.piece.file for one in passed.deleted] == [old[1].file]
    assert passed.problems == ()
    assert (node.disk / old[0].file).exists()


def test_a_copy_that_is_lost_meanwhile_saves_its_file(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy withdrawn between decision and deletion, or after a kill, protects the only other one (F17)."""
    node.write(DAYS_7 + "copies = 1\n")
    run(node)
    old = node.record(3)
    node.send(*old)
    node.later(8 * 24)

    def withdraw(one: Sealed) -> None:
        kept.withdrawn(node.roots, asset_of(one), "nas", "not there any more", node.clock.wall_us())

    with monkeypatch.context() as patch:
        meanwhile(patch, Retainer, "_delete", lambda: withdraw(old[0]), once=True)
        patch.setattr(kept, "deleted", dying(kept, "deleted"))
        with pytest.raises(KeyboardInterrupt):
            run(node)
    with node.catalog.read() as tx:
        assert [one.file for one in removals.pending(tx, 1, 10)] == [one.file for one in old[1:]]
    withdraw(old[1])
    assert run(node).finished == 1
    assert node.here() == {one.file for one in old[:2]}


def test_a_begun_deletion_takes_no_other_instance(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was begun goes only while its row still names the same content (K4, F21)."""
    old = begun_and_killed(node, monkeypatch, kept, "deleted")
    with node.catalog.write() as tx:
        begun = removals.pending(tx, 1, 10)
        removals.drop(tx, 1, begun)
        removals.put(tx, 1, [replace(begun[0], sha256="0" * 64)], node.clock.wall_us())
    node.write(KEPT)
    assert run(node).finished == 0
    assert node.here() == {one.file for one in old}
    with node.catalog.read() as tx:
        assert removals.pending(tx, 1, 10) == []


def test_a_new_catalog_that_knows_no_footage_yet_deletes_nothing(node: KeptNode) -> None:
    """Before its rows are there, a catalog that was lost decides nothing, not even that it may be trusted (C067)."""
    node.record(2)
    node.later(8 * 24)
    node.catalog.close()
    assert put_aside(node.config.catalog_url, node.clock) is not None
    node.catalog = open_catalog(node.config.catalog_url)
    assert "does not know yet" in run(node).trust.off_why
    node.index()
    assert "the catalog is new" in run(node).trust.off_why


def test_a_volume_that_comes_back_brings_its_holds(node: KeptNode) -> None:
    """A hold that only an absent disk speaks of stands again with the first pass after the disk is back (C080)."""
    run(node)
    files = node.record(2)
    other = node.root / "other"
    other.mkdir()
    node.write(f"[volumes.other]\npath = '{other}'\nreserve = '0 MB'\n" + DAYS_7)
    prepare(node.config, node.clock)
    run(node)
    away = other.rename(node.root / "elsewhere")
    run(node)
    event = Held(
        uid="h1", camera="gate", from_us=files[0].start_us, to_us=files[0].end_us, hold="legal", why="x", who="anna"
    )
    kept.hold_said({"other": away}, "gate", event.from_us, event, node.clock.wall_us())
    node.later(8 * 24)
    away.rename(other)
    assert [one.piece.file for one in run(node).deleted] == [files[1].file]
    # And it is on the other one, too, from then on.
    assert set(kept.holds(node.roots, [node.told.key])[0]) == {"h1"}


def test_a_new_catalog_waits_for_every_volume(node: KeptNode) -> None:
    """Where a volume is away that may say what an older catalog knew to be held, no clock clears the doubt (C080)."""
    node.record(1)
    node.later(8 * 24)
    other = node.root / "other"
    other.mkdir()
    node.write(f"[volumes.other]\npath = '{other}'\nreserve = '0 MB'\n" + DAYS_7)
    prepare(node.config, node.clock)
    away = other.rename(node.root / "elsewhere")
    assert "the catalog is new" in run(node).trust.off_why
    node.later(1)
    assert "other is away" in run(node).trust.off_why
    away.rename(other)
    node.later(1)
    assert len(run(node).deleted) == 1


def test_a_person_may_do_without_a_volume(node: KeptNode) -> None:
    """A word of a person clears that doubt, too."""
    node.record(1)
    node.later(8 * 24)
    node.write(f"[volumes.other]\npath = '{node.root / 'other'}'\nreserve = '0 MB'\n" + DAYS_7)
    run(node)
    node.later(1)
    assert "other is away" in run(node).trust.off_why
    confirm(node.catalog, node.clock)
    assert len(run(node).deleted) == 1


def test_a_catalog_from_a_copy_learns_what_came_after_it(node: KeptNode) -> None:
    """Where somebody put an older catalog back, holds that were set since stand again before anything goes (C080)."""
    run(node)
    old = node.record(2)
    with node.catalog.read() as tx:
        before = removals.standing(tx, 1)
    assert before is not None
    node.later(2)
    hold(node, old[0])
    run(node)
    with node.catalog.write() as tx:
        (row,) = rows.listed(tx, 1)
        rows.drop(tx, row.id)
        removals.stand(tx, 1, before)
    node.later(8 * 24)
    assert [one.piece.file for one in run(node).deleted] == [old[1].file]


def test_what_was_brought_back_is_decided_about_afresh(node: KeptNode) -> None:
    """A file that was deleted once and put back goes by today's policy, not by what was said of it then (C080)."""
    run(node)
    old = node.record(2)
    bodies = [(node.disk / one.file).read_bytes() for one in old]
    node.later(8 * 24)
    assert len(run(node).deleted) == 2
    for one, body in zip(old, bodies, strict=True):
        (node.disk / one.file).parent.mkdir(exist_ok=True)
        (node.disk / one.file).write_bytes(body)
    node.write(DAYS_7.replace("7", "30"))
    reindex(node.catalog, node.roots, node.clock)
    run(node)
    assert node.here() == {one.file for one in old}
    assert node.removed() == {}
    assert not check(node.catalog, node.roots, node.clock).violations
    node.later(30 * 24)
    assert len(run(node).deleted) == 2
