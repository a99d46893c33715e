from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from holdfast.core.timing import SECOND_US, from_datetime
from holdfast.media.source.folder_names import (
    HEAD_BYTES,
    Captured,
    Form,
    Lateness,
    TimeFrom,
    arriving,
    captured,
    folder_of,
    form_of,
    passed_over,
    whole,
)
from support.folders import film, picture

ZURICH = ZoneInfo("Europe/Zurich")
MAY = from_datetime(datetime(2026, 5, 1, 10, 34, 56, tzinfo=UTC))


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_a_picture_is_known_by_its_bytes_and_whole_only_at_its_end(form: str) -> None:
    """Each kind is told from its first bytes, and no beginning of it counts as all of it (F13)."""
    body = picture(90, form)
    assert form_of(body[:HEAD_BYTES]) is Form(form)
    assert whole(body, Form(form))
    for end in (HEAD_BYTES, len(body) // 2, len(body) - 1):
        assert not whole(body[:end], Form(form))


@pytest.mark.parametrize("form", ["mpegts", "mp4", "matroska"])
def test_a_segment_is_known_by_its_bytes(form: str) -> None:
    """Segments are told from their first bytes; text and noise are neither picture nor segment."""
    assert form_of(film(0.3, form)[:HEAD_BYTES]) is Form(form)
    assert form_of(b"#EXTM3U\n#EXT-X-VERSION:3\n" * 9) is None
    assert form_of(b"") is None
    assert form_of(b"G" + b"x" * HEAD_BYTES) is None


@pytest.mark.parametrize(
    ("name", "second", "source"),
    [
        ("capture_20260501123456.jpg", 0, TimeFrom.NAME),
        ("cam-2_20260501T123456_x.jpg", 0, TimeFrom.NAME),
        ("2026-05-01_12-34-56.jpg", 0, TimeFrom.NAME),
        ("20260501T103456Z.ts", 0, TimeFrom.NAME),
        ("20260501T063456-0400.ts", 0, TimeFrom.NAME),
        ("20260501-123456-0400.jpg", 0, TimeFrom.NAME),
        ("20260501123458.jpg", 2, TimeFrom.NAME),
        ("20260501_123456.250.jpg", 0.25, TimeFrom.NAME),
        ("20260501123456250.jpg", 0.25, TimeFrom.NAME),
        ("test_capture_000123.jpg", 7, TimeFrom.MODIFIED),
        ("capture_202605011.jpg", 7, TimeFrom.MODIFIED),
        ("capture_20261399123456.jpg", 7, TimeFrom.MODIFIED),
    ],
)
def test_an_instant_stands_in_the_name_or_is_when_the_file_was_written(
    name: str, second: float, source: TimeFrom
) -> None:
    """Times in names are the site's, those with Z or an offset are not; numbers are no times (C148)."""
    at = captured(name, MAY + 7 * SECOND_US, ZURICH)
    assert at == Captured(MAY + round(second * SECOND_US), source)


def test_within_the_second_of_its_name_a_file_says_itself_when() -> None:
    """Names have whole seconds; a file that was written in that second says the rest, one written later does not."""
    within, later = MAY + 437_000, MAY + 1_600_000
    assert captured("20260501123456.jpg", within, ZURICH).at_us == within
    assert captured("20260501123456.jpg", later, ZURICH).at_us == MAY
    assert captured("20260501123456.jpg", MAY + 7200 * SECOND_US, ZURICH).source is TimeFrom.MODIFIED
    assert captured("segment.ts", MAY, ZURICH, length_us=2 * SECOND_US).at_us == MAY - 2 * SECOND_US


@pytest.mark.parametrize("late_s", [0.0, 0.03, 0.5, 1.2, 2.75, 30.0])
def test_pictures_written_after_their_second_keep_their_distances(late_s: float) -> None:
    """However late a program writes, five pictures of a second stay in it and as far apart as they were (C148)."""
    late, placed = Lateness(), []
    for number in range(100):
        taken_us = MAY + number * SECOND_US // 5
        moment = datetime.fromtimestamp(taken_us // SECOND_US, ZURICH)
        name = f"capture_{moment:%Y%m%d%H%M%S}_00{number % 5}.jpg"
        at = captured(name, taken_us + round(late_s * SECOND_US), ZURICH, late=late)
        assert at.source is TimeFrom.NAME
        assert at.at_us // SECOND_US == taken_us // SECOND_US
        placed.append(at.at_us)
    # The first two seconds tell how late it is.
    apart = [after - before for before, after in pairwise(placed[10:])]
    assert all(abs(each - SECOND_US // 5) < 1000 for each in apart), apart


def test_one_file_that_is_late_moves_no_other() -> None:
    """A file that was written seconds after the others stands at the end of its second, the others as before."""
    late, offs = Lateness(), []
    for number in range(30):
        taken_us = MAY + number * SECOND_US // 10
        held_us = 4 * SECOND_US if number == 12 else 20_000
        name = f"capture_202605011234{56 + number // 10}.jpg"
        offs.append(captured(name, taken_us + held_us, ZURICH, late=late).at_us - taken_us)
    assert offs[12] == 799_999
    assert all(abs(off) <= 20_000 for number, off in enumerate(offs) if number != 12)


def test_the_hour_that_clocks_repeat_is_the_one_of_writing() -> None:
    """A local time that there is twice is the one nearest to when the file was written."""
    first = from_datetime(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    for hours in (0, 1):
        written_us = first + hours * 3600 * SECOND_US + 200_000
        assert captured("20261025_023000.jpg", written_us, ZURICH).at_us == written_us


def test_what_arrives_was_captured_just_now() -> None:
    """A name in another zone and a file server without the right time do not put footage hours away."""
    now = MAY + 400_000
    assert arriving("20260501123456.jpg", now, ZURICH, now) == Captured(now, TimeFrom.NAME)
    assert arriving("20260501123456.jpg", now - 5000, UTC, now) == Captured(now - 5000, TimeFrom.MODIFIED)
    assert arriving("1.jpg", now + 90 * SECOND_US, UTC, now) == Captured(now, TimeFrom.ARRIVAL)
    assert arriving("1.jpg", now + SECOND_US, UTC, now) == Captured(now, TimeFrom.MODIFIED)
    long_us = 600 * SECOND_US
    assert arriving("1.ts", now, UTC, now, length_us=long_us) == Captured(now - long_us, TimeFrom.MODIFIED)


@pytest.mark.parametrize(
    ("name", "pattern", "why"),
    [
        ("test_capture_000001.jpg", "", ""),
        ("capture_1_thumbnail.jpg", "", "a thumbnail"),
        ("capture_1_thumbnail.jpg", "*_thumbnail.jpg", ""),
        ("capture_1.jpg.tmp", "", "a name for what is being written"),
        (".capture_1.jpg.Xy12", "", "a name for what is being written"),
        ("capture_1.jpg", "*.ts", "its name is not as in *.ts"),
        ("segment_001.ts", "*.ts", ""),
    ],
)
def test_names_that_are_not_taken(name: str, pattern: str, why: str) -> None:
    """Thumbnails, what is being written and what the settings leave out are passed over, and it is said why."""
    assert passed_over(name, pattern) == why


def test_an_address_is_a_folder_whatever_signs_are_in_it() -> None:
    """Blanks, percent signs and number signs are part of a folder's name."""
    assert str(folder_of("folder:///srv/50% of #1")) == "/srv/50% of #1"
