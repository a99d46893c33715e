"""The record of a picture or a media file, and what would have been incidents in it."""

import os
from pathlib import Path

import numpy as np
import pytest

from holdfast.core.errors import BadInput
from holdfast.core.quality import Thresholds
from holdfast.library.analyze import analyze, incidents, judged, record
from holdfast.media.analysis.near import Between, Near
from support.films import Picture, film, moving, noisy, plain, still

LIMITS = Thresholds()
KEYS = {
    "timestamp", "filename", "thumbnail", "blackscreen", "blackscreen_percentage", "freeze", "freeze_diffs",
    "last_3_filenames", "last_3_thumbnails", "audio", "volume_percentage", "mean_volume_db",
}  # fmt: skip


def capture(folder: Path, names: list[str], grey: int = 90) -> list[Path]:
    """Pictures of a capture host, a second apart, with thumbnails."""
    found = []
    for name in names:
        found.append(still(folder / f"capture_{name}.jpg", plain(grey)))
        still(folder / f"capture_{name}_thumbnail.jpg", plain(grey, (160, 90)))
    return found


def test_a_picture_is_judged_with_the_two_before_it(tmp_path: Path) -> None:
    """The record has every documented key; freeze compares three pictures by name, thumbnails apart (C055, C052)."""
    one, two, three = capture(tmp_path, ["20260501180001", "20260501180002", "20260501180003"])
    body = record(analyze(three, LIMITS), LIMITS, "host-1", "device1")
    assert body.keys() >= KEYS
    assert (body["blackscreen"], body["blackscreen_percentage"]) == (False, 0.0)
    assert (body["freeze"], body["freeze_diffs"]) == (True, [0.0, 0.0, 0.0])
    assert body["last_3_filenames"] == [str(one), str(two), str(three)]
    assert body["thumbnail"] == "capture_20260501180003_thumbnail.jpg"
    assert Path(body["last_3_thumbnails"][0]).name == "capture_20260501180001_thumbnail.jpg"
    assert body["timestamp"].startswith("2026-05-01T18:00:03")
    assert (body["host"], body["device"]) == ("host-1", "device1")


def test_freeze_is_not_known_of_two_pictures_or_of_two_sizes(tmp_path: Path) -> None:
    """The first two pictures say nothing about freeze, and neither do pictures of different sizes (C052)."""
    _, two = capture(tmp_path, ["20260501180001", "20260501180002"])
    assert record(analyze(two, LIMITS), LIMITS)["freeze"] is None
    larger = still(tmp_path / "capture_20260501180003.jpg", plain(90, (640, 360)))
    assert record(analyze(larger, LIMITS), LIMITS)["freeze"] is None


def test_sound_is_of_the_newest_file_and_not_too_old(tmp_path: Path) -> None:
    """Sound comes from the newest segment above the pictures; older than 10 s it is not known: why is said (F40)."""
    folder = tmp_path / "captures"
    folder.mkdir()
    (picture,) = capture(folder, ["20260501180003"])
    film(tmp_path / "segment_001.ts", 2, None, lambda _: 0.0)
    newest = film(tmp_path / "segment_002.ts", 2, None, lambda _: 0.3)
    at = analyze(picture, LIMITS).seen.at_us / 1e6
    os.utime(tmp_path / "segment_001.ts", (at - 4, at - 4))
    os.utime(newest, (at - 2, at - 2))
    body = record(analyze(picture, LIMITS), LIMITS)
    assert body["audio"] is True
    assert body["volume_percentage"] == pytest.approx(77, abs=2)
    os.utime(tmp_path / "segment_001.ts", (at - 40, at - 40))
    os.utime(newest, (at - 30, at - 30))
    body = record(analyze(picture, LIMITS), LIMITS)
    assert (body["audio"], body["volume_percentage"], body["mean_volume_db"]) == (None, None, None)
    assert body["audio_reason"] == "the newest sound is 30 s older than the picture"


def test_a_film_tells_its_incidents(tmp_path: Path) -> None:
    """Black from the 5th to the 12th second of a film is one incident with those times (C060)."""
    path = film(tmp_path / "a.mp4", 20, lambda t: plain(2) if 5 <= t < 12 else moving(t))
    found = analyze(path, LIMITS)
    told, _ = incidents(found, LIMITS)
    assert [(one["type"], one["status"]) for one in told] == [("blackscreen", "resolved")]
    assert told[0]["count"] in {8, 9}  # one a second, its begin, and the one that opened it


def test_state_goes_from_call_to_call(tmp_path: Path) -> None:
    """Stills handed in one by one, each with the state of the last, open one incident and close it (C056, F38)."""
    grey = [0] * 5 + [200] * 6
    state: dict[str, object] = {}
    said = []
    for number, value in enumerate(grey):
        picture = still(tmp_path / f"capture_202605011800{number:02}.jpg", noisy(number) if value else plain(0))
        told, state = incidents(analyze(picture, LIMITS), LIMITS, state)
        said.append([(one["type"], one["status"]) for one in told])
    assert said[3] == [("blackscreen", "active")]
    assert said[-3] == [("blackscreen", "resolved")]
    assert said[-1] == []
    with pytest.raises(BadInput, match="none that an earlier call"):
        incidents(analyze(picture, LIMITS), LIMITS, {"cases": "?"})


def test_a_slow_scene_is_not_gone_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pictures in a row are the same and yet drift, all the time, what lies between looks is hardly decoded."""
    asked: list[int] = []
    pictures = Between.pictures

    def counted(between: Between) -> list[Near]:
        asked.append(between.span_us[1])
        return pictures(between)

    def drifting(at_s: float) -> Picture:
        return np.roll(moving(0), int(at_s * 5) // 2, axis=1)

    monkeypatch.setattr(Between, "pictures", counted)
    judge = judged(film(tmp_path / "a.mp4", 16, drifting), 1, LIMITS)
    assert len(judge.found.measures) >= 14
    assert len(asked) <= 4
    assert judge.found.steps == []
