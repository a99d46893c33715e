"""The grid of stills: no drift, windows in the site's zone, DST."""

from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.plan import Window
from holdfast.core.stills import Grid, slots
from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US, SECOND_US, parse_instant, to_datetime

BERLIN = ZoneInfo("Europe/Berlin")
SHOP = Window(start="11:00", end="22:00")
ERA_US = 60 * 365 * DAY_US
STEPS = st.integers(40_000, DAY_US)


def local(text: str) -> int:
    """Return an instant of Berlin."""
    return parse_instant(text, BERLIN)


@given(step=STEPS, begin=st.integers(0, ERA_US), length=st.integers(0, HOUR_US))
def test_the_grid_does_not_drift(step: int, begin: int, length: int) -> None:
    """Without windows every instant is a multiple of the step since the epoch, and none is left out (C014)."""
    length = min(length, 1000 * step)
    found = list(slots(Grid(step), begin, begin + length))
    assert found == [n * step for n in range(begin // step + 1, (begin + length) // step + 1)]


@given(
    step=st.integers(SECOND_US, 4 * HOUR_US), begin=st.integers(0, ERA_US), cuts=st.lists(st.integers(0, 9 * DAY_US)),
    zone=st.sampled_from(["Europe/Berlin", "UTC", "Australia/Lord_Howe", "America/New_York", "Pacific/Apia"]),
    windows=st.lists(st.tuples(st.integers(0, 23), st.integers(1, 24), st.integers(1, 127)), min_size=1, max_size=3),
)  # fmt: skip
def test_where_it_is_asked_changes_nothing(
    step: int, begin: int, cuts: list[int], zone: str, windows: list[tuple[int, int, int]]
) -> None:
    """Asked in pieces, however they are cut, the grid is the same: nothing is planned twice or left out (S1)."""
    step = max(step, MINUTE_US)
    grid = Grid(
        step,
        tuple(
            Window(
                days=tuple(d for d in range(7) if days & 1 << d),
                start=f"{start:02}:00", end=f"{end if end != start else end - 1:02}:30" if end < 24 else "24:00",
            )
            for start, end, days in windows
        ),
        zone,
    )  # fmt: skip
    edges = [begin, *sorted(begin + cut for cut in cuts), begin + 9 * DAY_US]
    whole = list(slots(grid, begin, begin + 9 * DAY_US))
    assert [slot for a, b in pairwise(edges) for slot in slots(grid, a, b)] == whole
    assert whole == sorted(set(whole))


def test_a_day_of_the_shop() -> None:
    """Every 300 s from 11:00 to 22:00 are 132 rounds, each on the grid from the window's start (C013, C014)."""
    grid = Grid(300 * SECOND_US, (SHOP,), "Europe/Berlin")
    found = list(slots(grid, local("2026-05-01T00:00"), local("2026-05-02T00:00")))
    start_us = local("2026-05-01T11:00")
    assert found == [start_us + n * 300 * SECOND_US for n in range(132)]


def test_days_on_which_clocks_change() -> None:
    """A window is as long as clocks show it: 23 and 25 hours on the days of DST, none of its rounds left out (C013)."""
    grid = Grid(HOUR_US, (Window(start="00:00", end="24:00"),), "Europe/Berlin")
    for day, after, hours in (("2026-03-29", "2026-03-30", 23), ("2026-10-25", "2026-10-26", 25)):
        found = list(slots(grid, local(f"{day}T00:00") - 1, local(f"{after}T00:00") - 1))
        assert len(found) == hours
        assert to_datetime(found[0], BERLIN).hour == 0
        assert to_datetime(found[-1], BERLIN).hour == 23


def test_only_on_its_days() -> None:
    """A window of weekdays plans nothing on others; one over midnight belongs to the day on which it starts (C013)."""
    night = Window(days=(4,), start="22:00", end="02:00")
    found = list(slots(Grid(HOUR_US, (night,), "Europe/Berlin"), local("2026-05-01T00:00"), local("2026-05-08T00:00")))
    assert [to_datetime(slot, BERLIN).strftime("%a %H") for slot in found] == ["Fri 22", "Fri 23", "Sat 00", "Sat 01"]


def test_a_window_inside_another_begins_anew() -> None:
    """Where windows overlap the one that began last counts, so an instant is planned by one of them alone."""
    grid = Grid(7 * MINUTE_US, (Window(start="08:00", end="09:00"), Window(start="08:30", end="08:50")), "UTC")
    found = [slot // MINUTE_US - 480 for slot in slots(grid, 0, DAY_US)]
    assert found == [0, 7, 14, 21, 28, 30, 37, 44]


def test_a_grid_finer_than_a_second() -> None:
    """25 a second are 250 in ten seconds, 40 ms apart (C016)."""
    found = list(slots(Grid(40_000), 10 * SECOND_US - 1, 20 * SECOND_US - 1))
    assert len(found) == 250
    assert {b - a for a, b in pairwise(found)} == {40_000}
