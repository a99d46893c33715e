"""Names at targets: the layouts that people know, what tells assets apart, and what columns of rows say."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.naming import (
    PRESETS,
    ROW_PRESETS,
    Naming,
    column_of,
    key_of,
    numbered,
    row_words,
    wrong_with,
    wrong_with_text,
)
from holdfast.core.timing import HOUR_US, SECOND_US, parse_instant

START_US = parse_instant("2026-05-01T18:00:00", ZoneInfo("UTC"))
FILE = "footage/12/main/2026-05-01/12_20260501T180000Z.mp4"
SEGMENT = Asset(
    kind=AssetKind.SEGMENT, camera="12", stream="main", volume="disk", file=FILE, bytes=2048, sha256="0" * 64,
    start_us=START_US, end_us=START_US + 600 * SECOND_US, location="r 7/ü", width=640, height=360,
)  # fmt: skip
STILL = replace(
    SEGMENT, kind=AssetKind.STILL, stream="", file="stills/12/2026-05-01/12_20260501T180000.000Z.jpg", end_us=START_US
)
SEALED = replace(STILL, file=f"{STILL.file}.age")
JOURNAL = replace(SEGMENT, kind=AssetKind.JOURNAL, file="footage/12/main/2026-05-01.journal")
EVIDENCE = replace(
    STILL, kind=AssetKind.EVIDENCE, label="blackscreen/2", file="incidents/12/2026-05-01/x_2.jpg"
)  # fmt: skip


def named(asset: Asset, template: str, **more: str) -> str:
    """Name an asset at a site in Berlin."""
    return key_of(asset, Naming(template=template, zone="Europe/Berlin", **more))


@pytest.mark.parametrize(
    ("asset", "template", "more", "key"),
    [
        (SEGMENT, "own", {}, FILE),
        (SEGMENT, "own", {"ending": ".mkv"}, FILE.replace(".mp4", ".mkv")),
        (SEGMENT, "own", {"sealed": ".age"}, FILE + ".age"),
        (SEGMENT, "lab", {"ending": ".mkv"}, "12/2026-05-01/12_20260501T200000.mkv"),
        (JOURNAL, "lab", {"ending": ".mkv"}, "12/2026-05-01/12_20260501T200000.journal"),
        (STILL, "shop", {}, "camera_12/20260501_200000_640_360.jpg"),
        (replace(STILL, camera="camera_12"), "shop", {}, "camera_12/20260501_200000_640_360.jpg"),
        (SEGMENT, "pitch", {"user": "mia"}, "mia/2026-05-01/12_20260501T180000Z.mp4"),
        (SEGMENT, "pitch", {}, "r-7-/2026-05-01/12_20260501T180000Z.mp4"),
        (EVIDENCE, "bench", {}, "alerts/blackscreen/12/20260501200000/frame_2.jpg"),
        (SEGMENT, "{camera}_{utc}.mkv", {}, "12_20260501T180000.000Z.mkv.mp4"),
        (STILL, "{camera}/{stem}", {"ending": ".webp"}, "12/12_20260501T180000.000Z.webp"),
        (SEALED, "own", {"sealed": ".age", "ending": ".webp"}, SEALED.file),
        (SEALED, "shop", {}, "camera_12/20260501_200000_640_360.jpg.age"),
    ],
)
def test_names(asset: Asset, template: str, more: dict[str, str], key: str) -> None:
    """Presets give the layouts of the predecessors, and the ending always says what the file is."""
    assert named(asset, template, **more) == key


def test_pictures_of_one_incident_lie_together() -> None:
    """A name in local time says when the incident began, not when each of its pictures was taken."""
    naming = Naming(template="bench")
    later = replace(EVIDENCE, start_us=START_US + 5 * SECOND_US, label="blackscreen/3")
    keys = [key_of(one, naming, START_US) for one in (EVIDENCE, later)]
    assert keys == [f"alerts/blackscreen/12/20260501180000/frame_{number}.jpg" for number in (2, 3)]


def test_the_hour_that_comes_twice_has_two_names() -> None:
    """Segments of the same local time on the night when clocks go back have different names (F14)."""
    first_us = parse_instant("2026-10-25T02:10:00", ZoneInfo("Europe/Berlin"))
    keys = [named(replace(SEGMENT, start_us=us), "lab", ending=".mkv") for us in (first_us, first_us + HOUR_US)]
    assert keys == ["12/2026-10-25/12_20261025T021000.mkv", "12/2026-10-25/12_20261025T021000-2.mkv"]


def test_a_number_goes_before_the_ending() -> None:
    """What comes after something of the same name gets a number, and stays a file of its kind (F14)."""
    names = ["a.b/c.mp4", "a/c_20260501T180000.123Z.jpg", "2026-05-01.kept.journal", "a/c.mkv.age", "a/c"]
    found = ["a.b/c-2.mp4", "a/c_20260501T180000.123Z-2.jpg", "2026-05-01-2.kept.journal", "a/c-2.mkv.age", "a/c-2"]
    assert [numbered(name, 2) for name in names] == found


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{camera}/{day}", "tells assets apart"),
        ("{local}{ending}", "lacks {camera}"),
        ("{camera}/{when}", "{when}"),
        ("{camera}/../{file}", "no name of a file"),
        ("/{file}", "no name of a file"),
        ("{camera}//{file}", "no name of a file"),
        ("{camera}_{utc", "brace"),
        ("{camera}/{file} {day}", "no name of a file"),
    ],
)
def test_templates_that_would_lose_files_are_refused(template: str, words: str) -> None:
    """A template that leads out of the target, or gives two assets one name, is refused in words (C074)."""
    assert words in wrong_with(template)


def test_presets_are_sound() -> None:
    """Every preset and every text of the rows' presets holds only fields that there are."""
    assert [wrong_with(text) for text in PRESETS.values()] == [""] * len(PRESETS)
    assert {wrong_with_text(text) for columns in ROW_PRESETS.values() for text in columns.values()} == {""}
    assert "{nobody}" in wrong_with_text("{nobody}")


@given(camera=st.text(min_size=1, max_size=50), location=st.text(max_size=50), label=st.text(max_size=20))
def test_no_word_leads_anywhere_else(camera: str, location: str, label: str) -> None:
    """Whatever a camera, a location or a label is called, its name stays one folder deep where the template says."""
    asset = replace(STILL, camera=camera, location=location, label=label)
    key = key_of(asset, Naming(template="{camera}/{location}/{label}/{stem}"))
    assert key.count("/") == 3
    assert not {"", ".", ".."} & set(key.split("/"))


def test_columns_of_a_row() -> None:
    """Shop's and pitch's columns hold the capture's time and place, numbers as numbers, nothing as null (C075)."""
    naming = Naming(template="shop", zone="Europe/Berlin")
    words = row_words(STILL, naming, key="camera_12/a.jpg", address="https://x.example/a.jpg", now_us=START_US)
    assert {name: column_of(text, words) for name, text in ROW_PRESETS["shop"].items()} == {
        "image_url": "https://x.example/a.jpg", "camera_name": "camera_12",
        "capture_timestamp": "2026-05-01T20:00:00.000+02:00", "resolution": "640x360", "file_size_kb": 2.0,
        "restaurant_id": "r 7/ü",
    }  # fmt: skip
    bare = row_words(replace(STILL, location="", width=0), naming, key="a", address="b", now_us=0)
    assert column_of("{location}", bare) is column_of("{resolution}", bare) is None
    film = row_words(SEGMENT, naming, key="mia/2026-05-01/a.mp4", address="s3://b/a.mp4", now_us=START_US)
    found = {name: column_of(text, film) for name, text in ROW_PRESETS["pitch"].items()}
    assert found == {
        "user_id": "r 7/ü", "video_url": "s3://b/a.mp4", "date": "2026-05-01", "recording_id": "a",
        "duration_seconds": 600.0, "uploaded_at": "2026-05-01T20:00:00.000+02:00", "filename": "a.mp4",
        "storage_path": "mia/2026-05-01/a.mp4", "booking_id": None,
    }  # fmt: skip
    assert column_of("{width} px", film) == "640 px"
