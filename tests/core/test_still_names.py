"""Names of stills: the presets of the predecessors, and that no picture overwrites another."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.still_names import PRESETS, Naming, beside, file_of, wrong_with
from holdfast.core.timing import DAY_US, SECOND_US, parse_instant

SLOT_US = parse_instant("2026-05-01T18:00:00", ZoneInfo("UTC"))
BERLIN = Naming(template="utc", zone="Europe/Berlin", camera="gate", location="r 7/ü")


def named(template: str, slot_us: int = SLOT_US, *, parts: bool = False) -> str:
    """Name a still of 640x360."""
    naming = Naming(template=template, zone="Europe/Berlin", camera="gate", location="r 7/ü", parts=parts)
    return file_of(naming, slot_us, (640, 360), ".jpg")


@pytest.mark.parametrize(
    ("template", "parts", "name"),
    [
        ("utc", False, "gate_20260501T180000.000Z"),
        ("shop", False, "20260501_200000_640_360"),
        ("bench", False, "capture_20260501200000"),
        ("bench", True, "capture_20260501200000_000"),
        ("{location}-{date}-{time}", False, "r-7--20260501-200000"),
    ],
)
def test_names(template: str, parts: bool, name: str) -> None:  # noqa: FBT001 - a case
    """Presets give the names that the predecessors had, with parts of a second where instants need them (C016)."""
    assert named(template, parts=parts) == f"stills/gate/2026-05-01/{name}.jpg"


def test_the_folder_is_the_day_of_the_name() -> None:
    """Just after midnight in Berlin a local name lies in the folder of the local day, one in UTC in that of UTC."""
    late = SLOT_US + 4 * 3600 * SECOND_US + SECOND_US
    assert named("shop", late).startswith("stills/gate/2026-05-02/20260502_000001")
    assert named("utc", late).startswith("stills/gate/2026-05-01/gate_20260501T220001")


def test_the_hour_that_is_repeated() -> None:
    """Where clocks go back, both readings of 02:30 have a name of their own."""
    first = parse_instant("2026-10-25T02:30+02:00", ZoneInfo("UTC"))
    second = parse_instant("2026-10-25T02:30+01:00", ZoneInfo("UTC"))
    assert named("shop", first).endswith("20261025_023000_640_360.jpg")
    assert named("shop", second).endswith("20261025_023000_640_360-2.jpg")


@given(
    a=st.integers(0, 40 * 365 * DAY_US // 40_000), b=st.integers(0, 40 * 365 * DAY_US // 40_000),
    template=st.sampled_from(sorted(PRESETS)),
)  # fmt: skip
def test_two_instants_have_two_names(a: int, b: int, template: str) -> None:
    """On the finest grid, no two planned instants of a camera share a name (C016)."""
    first, second = (named(template, n * 40_000, parts=True) for n in (a, b))
    assert (first == second) == (a == b)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{camera}", "overwrite"),
        ("{date}", "overwrite"),
        ("{utc}/x", "no name"),
        ("../{utc}", "no name"),
        (".{utc}", "no name"),
        ("{utc", "no name"),
        ("{utc}{size}", "{size}"),
        ("", "no name"),
    ],
)
def test_what_cannot_be_a_name(template: str, words: str) -> None:
    """A template that would lose pictures, leave the folder or cannot be filled in is refused."""
    assert words in wrong_with(template)


def test_what_can_be_a_name() -> None:
    """Presets, and templates with the whole time, are names."""
    assert [wrong_with(name) for name in (*PRESETS, "{camera}_{utc}", "a{date}b{time}")] == [""] * (len(PRESETS) + 2)


def test_what_lies_beside() -> None:
    """What belongs to a picture is named after it, whatever the picture's kind, encrypted or not."""
    assert beside("stills/gate/d/gate_1.jpg.age", ".json") == "stills/gate/d/gate_1.json"
    assert beside("stills/gate/d/gate_20260501T180000.000Z.webp", "_thumbnail.jpg") == (
        "stills/gate/d/gate_20260501T180000.000Z_thumbnail.jpg"
    )
