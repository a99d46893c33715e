"""What may go, what goes now, and why: by example, and whatever footage, holds and policy there are (F35)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.retention import (
    DiskFull,
    Going,
    Hold,
    HoldKind,
    Judge,
    Keep,
    KeepOnly,
    Piece,
    Policy,
    Promise,
    Rule,
    decide,
    expendable,
)
from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US

NOW = 1_790_000_000_000_000
MB = 10**6


def piece(age_us: int, *, camera: str = "gate", volume: str = "main", copies: int = 0, name: str = "") -> Piece:
    """A file of ten minutes and 10 MB that ended so long ago."""
    end_us = NOW - age_us
    file = f"footage/{camera}/main/{name or age_us}.mp4"
    return Piece(volume, file, "a" * 64, camera, end_us - 10 * MINUTE_US, end_us, 10 * MB, copies)


def judge(keep: Keep, *, holds: Sequence[Hold] = (), full: DiskFull = DiskFull.ACKNOWLEDGED) -> Judge:
    """A policy for the camera `gate`."""
    return Judge(Policy(keeps={"gate": keep}, disk_full=full), holds, {}, NOW)


def rules(going: Sequence[Going]) -> list[tuple[str, Rule]]:
    """What goes by which rule."""
    return [(one.piece.file.split("/")[-1].removesuffix(".mp4"), one.rule) for one in going]


HOLD = Hold(uid="h", camera="gate", from_us=NOW - 3 * DAY_US, to_us=NOW - 2 * DAY_US, kind=HoldKind.LEGAL)


def test_what_is_too_old_goes_oldest_first() -> None:
    """Footage goes at its age, the oldest first, and what is younger stays (C080)."""
    pieces = [piece(days * DAY_US, name=str(days)) for days in (1, 7, 9, 6)]
    going = decide(judge(Keep(keep_us=7 * DAY_US)), pieces, used={}, short={})
    assert rules(going) == [("9", Rule.AGE), ("7", Rule.AGE)]
    assert going[0].why == "older than 7 days"


def test_a_camera_without_settings_keeps_everything() -> None:
    """Footage of a camera that is in no configuration any more is deleted by no age."""
    assert decide(judge(Keep(keep_us=1)), [piece(900 * DAY_US, camera="old")], used={}, short={}) == []


def test_what_is_beyond_its_bytes_goes() -> None:
    """A camera that takes more than it may loses its oldest files, as many as are needed and no more (C080)."""
    pieces = [piece(hours * HOUR_US, name=str(hours)) for hours in range(1, 11)]
    going = decide(judge(Keep(keep_bytes=75 * MB)), pieces, used={"gate": 100 * MB}, short={})
    assert rules(going) == [("10", Rule.BYTES), ("9", Rule.BYTES), ("8", Rule.BYTES)]
    assert going[0].why == "beyond the 75 MB of gate"


def test_what_goes_by_age_counts_for_the_bytes() -> None:
    """What goes because it is old is not counted again among what is too much."""
    pieces = [piece(hours * HOUR_US, name=str(hours)) for hours in range(1, 11)]
    keep = Keep(keep_bytes=75 * MB, keep_us=9 * HOUR_US)
    assert rules(decide(judge(keep), pieces, used={"gate": 100 * MB}, short={})) == [
        ("10", Rule.AGE), ("9", Rule.AGE), ("8", Rule.BYTES),
    ]  # fmt: skip


def test_nothing_goes_before_its_copies_are_verified() -> None:
    """A file that waits for its copies outlives its age, its bytes and a full disk (C077, F21)."""
    pieces = [piece(9 * DAY_US, copies=1), piece(8 * DAY_US, copies=2, name="sent")]
    keep = Keep(keep_us=DAY_US, keep_bytes=0, copies=2)
    going = decide(judge(keep), pieces, used={"gate": 20 * MB}, short={"main": 10**12})
    assert rules(going) == [("sent", Rule.AGE)]


def test_a_copy_elsewhere_is_not_the_one_that_was_promised() -> None:
    """What a rule sends to a target waits for that target, whatever else has a copy; a number counts any (F21)."""
    old = piece(9 * DAY_US)
    promised = Policy(keeps={"gate": Keep(keep_us=DAY_US)}, promises=[Promise(target="nas"), Promise(target="far")])
    found = Judge(promised, [], {}, NOW)
    assert promised.copies_of(old) == 2
    for targets, goes in (({"nas"}, False), ({"nas", "gone"}, False), ({"nas", "far", "gone"}, True)):
        assert (found.over(old.sent(frozenset(targets))) is not None) is goes
    counted = replace(promised, keeps={"gate": Keep(keep_us=DAY_US, copies=1)})
    assert Judge(counted, [], {}, NOW).over(old.sent(frozenset({"gone"}))) is not None


def test_a_full_disk_costs_the_oldest_unsent_only_where_that_is_wanted() -> None:
    """Where the policy says so, and only after all that has its copies, the oldest that waits for them goes (C079)."""
    pieces = [piece(5 * HOUR_US, name="old"), piece(4 * HOUR_US, copies=1, name="sent"), piece(3 * HOUR_US, name="new")]
    keep = Keep(copies=1)
    short = {"main": 15 * MB}
    assert rules(decide(judge(keep), pieces, used={}, short=short)) == [("sent", Rule.ROOM)]
    assert rules(decide(judge(keep, full=DiskFull.OLDEST), pieces, used={}, short=short)) == [
        ("sent", Rule.ROOM), ("old", Rule.UNSENT),
    ]  # fmt: skip
    assert decide(judge(keep, full=DiskFull.STOP), pieces, used={}, short=short) == []


def test_room_is_made_where_it_is_needed_and_no_more() -> None:
    """Each volume is helped by its own files; what its age frees counts, and there is an end to it."""
    pieces = [
        piece(9 * DAY_US, name="over"), *(piece(hours * HOUR_US, name=f"a{hours}") for hours in (3, 2, 1)),
        *(piece(hours * HOUR_US, volume="other", name=f"b{hours}") for hours in (3, 2)),
    ]  # fmt: skip
    keep = Keep(keep_us=7 * DAY_US)
    going = decide(judge(keep), pieces, used={}, short={"main": 15 * MB, "other": 0})
    assert rules(going) == [("over", Rule.AGE), ("a3", Rule.ROOM)]


def test_what_is_held_stays() -> None:
    """A held span outlives age, bytes, windows and a full disk, in each file that touches it (F35)."""
    pieces = [piece(hours * HOUR_US, name=str(hours)) for hours in (80, 72, 60, 48, 40)]
    keep = Keep(keep_us=HOUR_US, keep_bytes=0, only=KeepOnly.LIVE, loose_us=HOUR_US)
    found = judge(keep, holds=[HOLD], full=DiskFull.OLDEST)
    assert {name for name, _ in rules(decide(found, pieces, used={"gate": 10**9}, short={"main": 10**12}))} == {
        "80", "72", "40",
    }  # fmt: skip
    # The one that ends where the hold begins does not touch it; the one that begins within does.
    assert found.held(piece(3 * DAY_US - 1))
    assert not found.held(piece(3 * DAY_US))
    assert not found.held(replace(piece(60 * HOUR_US), camera="other"))


def test_the_newest_and_the_open_stay() -> None:
    """What is being written, what is of the last minutes, and what a wrong clock put into the future stay (F35)."""
    pieces = [piece(5 * MINUTE_US), piece(-DAY_US, name="future"), replace(piece(9 * DAY_US), open=True)]
    keep = Keep(keep_us=1, keep_bytes=0)
    assert decide(judge(keep, full=DiskFull.OLDEST), pieces, used={"gate": 10**9}, short={"main": 10**12}) == []


@pytest.mark.parametrize(
    ("only", "why"),
    [
        (KeepOnly.SCHEDULE, "outside of its hours"),
        (KeepOnly.EVENTS, "no event in it"),
        (KeepOnly.BOOKINGS, "not booked"),
        (KeepOnly.LIVE, "only for live view"),
    ],
)
def test_only_what_is_wanted_stays_beyond_the_loose_hours(only: KeepOnly, why: str) -> None:
    """After the loose hours a camera keeps of its footage what its setting says."""
    keep = Keep(only=only, loose_us=DAY_US)
    wanted = {} if only is KeepOnly.LIVE else {"gate": [(NOW - 50 * HOUR_US, NOW - 49 * HOUR_US)]}
    found = Judge(Policy(keeps={"gate": keep}), [], wanted, NOW)
    pieces = [piece(hours * HOUR_US, name=str(hours)) for hours in (49, 30, 23)]
    going = decide(found, pieces, used={}, short={})
    assert [one.why for one in going] == [why] * (2 if only is KeepOnly.LIVE else 1)
    assert ("30", Rule.WINDOW) in rules(going)


def test_the_recorder_may_remove_what_is_cleared_and_no_more_than_enough() -> None:
    """The recorder's list holds the oldest cleared files up to what is enough, unsent ones last and if at all."""
    pieces = [piece(hours * HOUR_US, copies=hours % 2, name=str(hours)) for hours in (5, 4, 3, 2, 1)]
    keep = Keep(copies=1)
    assert [p.file for p in expendable(judge(keep), pieces, 15 * MB)] == [pieces[0].file, pieces[2].file]
    names = [p.file for p in expendable(judge(keep, full=DiskFull.OLDEST), pieces, 10**9)]
    assert names == [pieces[n].file for n in (0, 2, 4, 1, 3)]
    assert expendable(judge(keep, full=DiskFull.STOP), pieces, 10**9) == []


def test_the_recorder_is_told_of_the_newest_too() -> None:
    """What is too new is named last of what needs no copies, and says for how long; what is held is not named (R6)."""
    pieces = [piece(minutes * MINUTE_US, name=str(minutes)) for minutes in (-5, 0, 4, 12)]
    hold = Hold(
        uid="h", camera="gate", from_us=pieces[1].start_us, to_us=pieces[1].end_us - 5 * MINUTE_US, kind=HoldKind.LEGAL
    )
    found = judge(Keep(), holds=[hold])
    assert [(p.file[-5], found.new_us(p) // MINUTE_US) for p in expendable(found, pieces, 10**9)] == [
        ("2", 0),
        ("5", 15),
    ]
    assert not found.may_go(pieces[0])


pieces_of = st.lists(
    st.builds(
        Piece,
        volume=st.sampled_from(["a", "b"]), file=st.uuids().map(str), sha256=st.just(""),
        camera=st.sampled_from(["gate", "door"]),
        start_us=st.integers(NOW - 60 * DAY_US, NOW + HOUR_US), end_us=st.just(0),
        bytes=st.integers(0, 50 * MB), copies=st.integers(0, 3), open=st.booleans(),
    ).map(lambda p: replace(p, end_us=p.start_us + 10 * MINUTE_US)),
    max_size=40,
)  # fmt: skip
keeps = st.builds(
    Keep,
    keep_us=st.none() | st.integers(1, 60 * DAY_US), keep_bytes=st.none() | st.integers(0, 500 * MB),
    copies=st.integers(0, 2), only=st.sampled_from(KeepOnly), loose_us=st.integers(HOUR_US, 30 * DAY_US),
)  # fmt: skip
holds_of = st.lists(
    st.builds(
        Hold, uid=st.just("h"), camera=st.sampled_from(["gate", "door"]), kind=st.sampled_from(HoldKind),
        from_us=st.integers(NOW - 60 * DAY_US, NOW), to_us=st.just(0),
    ).map(lambda h: replace(h, to_us=h.from_us + DAY_US)),
    max_size=6,
)  # fmt: skip


@given(
    pieces=pieces_of, gate=keeps, door=keeps, holds=holds_of, full=st.sampled_from(DiskFull),
    short=st.dictionaries(st.sampled_from(["a", "b"]), st.integers(-MB, 10**10)),
)  # fmt: skip
def test_whatever_the_policy_nothing_protected_goes(
    pieces: list[Piece], gate: Keep, door: Keep, holds: list[Hold], full: DiskFull, short: dict[str, int]
) -> None:
    """Never one that is open, held, of the newest minutes, or without its copies unless that is allowed (F35)."""
    policy = Policy(keeps={"gate": gate, "door": door}, disk_full=full)
    found = Judge(policy, holds, {}, NOW)
    used = {camera: sum(p.bytes for p in pieces if p.camera == camera) for camera in ("gate", "door")}
    going = decide(found, pieces, used=used, short=short)
    assert len({(one.piece.volume, one.piece.file) for one in going}) == len(going)
    for one in going:
        assert not one.piece.open
        assert one.piece.end_us <= NOW - policy.newest_us
        touching = [
            h for h in holds
            if h.camera == one.piece.camera and h.from_us < one.piece.end_us and h.to_us > one.piece.start_us
        ]  # fmt: skip
        assert not touching
        if one.piece.copies < policy.copies_of(one.piece):
            assert (one.rule, full) == (Rule.UNSENT, DiskFull.OLDEST)
        if one.rule in {Rule.ROOM, Rule.UNSENT}:
            assert short.get(one.piece.volume, 0) > 0
            assert full is not DiskFull.STOP
    unsent = [one.rule is Rule.UNSENT for one in going]
    assert unsent == sorted(unsent)
    assert decide(found, list(reversed(pieces)), used=used, short=short) == going


@given(pieces=pieces_of, gate=keeps, short=st.integers(1, 10**9))
def test_room_is_made_as_far_as_anything_may_go(pieces: list[Piece], gate: Keep, short: int) -> None:
    """What is left short after a decision has nothing left that might go: recording goes on as long as it can (R6)."""
    found = Judge(Policy(keeps={"gate": gate}), [], {}, NOW)
    going = decide(found, pieces, used={}, short={"a": short})
    freed = sum(one.piece.bytes for one in going if one.piece.volume == "a")
    gone = {one.piece.file for one in going}
    left = [p for p in pieces if p.volume == "a" and p.file not in gone and found.may_go(p)]
    assert freed >= short or not left
