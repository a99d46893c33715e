"""A wrong clock or a new catalog switches deleting off, and what makes sense switches it on again (C067, F21)."""

from dataclasses import replace

import pytest

from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US
from holdfast.core.trust import Look, Trust, confirmed, doubted, judged

NOW = 1_790_000_000_000_000
LOOK = Look(
    wall_us=NOW, boot_us=HOUR_US, boot="b1", synchronised=True, footage_us=(NOW - 9 * DAY_US, NOW - 10 * MINUTE_US)
)


def later(look: Look, us: int, *, step_us: int = 0, sync: bool = True) -> Look:
    """Another look, after a while in which the clock may have been set."""
    return replace(look, wall_us=look.wall_us + us + step_us, boot_us=look.boot_us + us, synchronised=sync)


def trusted() -> Trust:
    """A node that may delete."""
    return confirmed(LOOK)


def test_a_new_node_may_delete() -> None:
    """Where there is no footage, or only what was just recorded, there is nothing to doubt."""
    assert judged(None, replace(LOOK, footage_us=None)).may_delete
    assert judged(None, replace(LOOK, footage_us=(NOW - MINUTE_US, NOW))).may_delete


def test_a_catalog_that_was_made_anew_may_not() -> None:
    """Footage that is older than the catalog says that there was another one."""
    found = judged(None, LOOK)
    assert (found.off_why, found.off_us) == ("the catalog is new, and there is older footage", NOW)


@pytest.mark.parametrize(("step_us", "words"), [(6 * MINUTE_US, "forward by 6"), (-2 * HOUR_US, "back by 120")])
def test_a_clock_that_was_set_is_a_doubt(step_us: int, words: str) -> None:
    """A step of more than five minutes within a boot switches off, also where the clock says it is synchronised."""
    assert words in judged(trusted(), later(LOOK, MINUTE_US, step_us=step_us)).off_why
    assert judged(trusted(), later(LOOK, DAY_US, step_us=4 * MINUTE_US)).may_delete


def test_another_boot_is_no_step() -> None:
    """Boot times of two boots say nothing of each other; a clock that nobody keeps right is judged by the footage."""
    again = replace(LOOK, boot="b2", boot_us=5)
    assert judged(trusted(), replace(again, wall_us=NOW + 90 * DAY_US)).may_delete
    wrong = replace(again, synchronised=False)
    assert judged(trusted(), wrong).may_delete
    assert "before the newest footage" in judged(trusted(), replace(wrong, wall_us=NOW - DAY_US)).off_why
    assert "days after" in judged(trusted(), replace(wrong, wall_us=NOW + 90 * DAY_US)).off_why


def test_a_synchronised_clock_clears_a_doubt_that_has_lasted() -> None:
    """Not at once, not while it is unsynchronised, and not while it makes no sense; then by itself."""
    off = doubted(LOOK, "the catalog was made anew")
    soon = later(LOOK, MINUTE_US // 2)
    assert judged(off, soon).off_why == "the catalog was made anew"
    assert judged(judged(off, soon), later(LOOK, HOUR_US, sync=False)).off_why == "the catalog was made anew"
    assert judged(judged(off, soon), later(LOOK, HOUR_US)).may_delete


def test_a_person_clears_it_at_once_and_for_this_boot() -> None:
    """What a person confirmed stands until the clock is set again."""
    odd = replace(LOOK, wall_us=NOW + 30 * DAY_US, synchronised=False)
    assert judged(confirmed(odd), later(odd, HOUR_US, sync=False)).may_delete
    assert not judged(confirmed(odd), later(odd, HOUR_US, step_us=-HOUR_US, sync=False)).may_delete
