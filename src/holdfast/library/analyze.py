"""A picture or a media file as somebody hands it in: black, frozen, silent; the record that machines read.

A picture is judged with its neighbours, as capture hosts lay them down: the two pictures before it by name for freeze,
and the newest file with sound beside it, or in the folder above, for sound. A media file is judged at its end, and says
too what would have been an incident in it.

Any thread. Not here: footage that is being recorded (roles.watcher), rules (core.quality, core.incident).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from holdfast.core.errors import BadInput, NotFound
from holdfast.core.incident import Case, IncidentType, Stage, Watch, from_json, outcomes, step, to_json
from holdfast.core.quality import (
    FRAMES,
    Heard,
    Seen,
    Thresholds,
    conditions,
    current,
    has_sound,
    is_black,
    is_frozen,
    volume_percent,
    why_unknown,
)
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis import file as media
from holdfast.media.analysis.eye import Look
from holdfast.media.analysis.grey import Grey, differences
from holdfast.storage.errors import storage_errors
from holdfast.watching.judge import Judge, Settings

THUMBNAIL = "_thumbnail"  # what the small version of a picture is called after
_SOUND = {".ts", ".mp4", ".m4s", ".mkv", ".wav", ".aac", ".m4a", ".mp3"}
SUFFIXES = _SOUND | {".jpg", ".jpeg", ".png", ".webp", ".mov", ".avi"}
"""What names of files end in, by which they are told from names of hosts where they are not there."""

_STAMP = re.compile(r"(?<!\d)(20\d{12})(?!\d)")
_JUDGED = frozenset({IncidentType.BLACKSCREEN, IncidentType.FREEZE, IncidentType.AUDIO_LOSS})


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a file is like.

    Attributes:
        path: The file.
        seen: What was measured: in the picture, or at the end of the media file.
        lasts: The newest pictures that freeze was judged by, oldest first; none for a media file.
        all: All measurements of a media file, in order; for a picture the only one.
        begun_us: Wall time of the begin of a media file; None for a picture.
    """

    path: Path
    seen: Seen
    lasts: tuple[Path, ...]
    all: tuple[Seen, ...]
    begun_us: int | None = None


def analyze(path: Path, limits: Thresholds) -> Analysis:
    """Measure a picture or a media file.

    Raises:
        NotFound: There is none.
        BadInput: It is neither, or damaged.
        Unsupported: There is no decoder for it.
        StorageError: It cannot be read.
    """
    if media.nature_of(path).still:
        lasts = _lasts(path)
        greys = [grey for one in lasts[:-1] if (grey := _known_grey(one, limits)) is not None]
        newest = media.grey_of_still(path, limits.region)
        at_us = taken_us(path)
        seen = Seen(
            at_us=at_us,
            black_percent=newest.black_percent(limits.black_level),
            differences=differences([*greys, newest]),
            heard=_sound_beside(path, at_us, limits),
        )
        return Analysis(path, seen, lasts, (seen,))
    # The name of a file says when it began; where it does not, it ended when it was written last.
    start_us = _named_us(path)
    found = tuple(media.seen_in(path, start_us or 0, black_level=limits.black_level, region=limits.region))
    if not found:
        raise BadInput(f"{path} holds nothing that can be decoded")
    begun_us = start_us
    if begun_us is None:
        begun_us = _written_us(path) - found[-1].at_us
        found = tuple(_shifted(seen, begun_us) for seen in found)
    return Analysis(path, found[-1], (), found, begun_us)


def record(found: Analysis, limits: Thresholds, host: str = "", device: str = "") -> dict[str, Any]:
    """Return the documented record; what is not known is null, and `audio_reason` says why sound is not."""
    seen, path = found.seen, found.path.absolute()
    heard = current(seen, limits)
    thumbnail = _thumbnail(path)
    body: dict[str, Any] = {
        "timestamp": _local(seen.at_us),
        "filename": path.name,
        "thumbnail": None if thumbnail is None else thumbnail.name,
        "blackscreen": is_black(seen, limits),
        "blackscreen_percentage": seen.black_percent,
        "freeze": is_frozen(seen, limits),
        "freeze_diffs": [] if seen.differences is None else [round(value, 2) for value in seen.differences],
        "last_3_filenames": [str(one.absolute()) for one in found.lasts],
        "last_3_thumbnails": [str(small) for one in found.lasts if (small := _thumbnail(one.absolute()))],
        "audio": has_sound(seen, limits),
        "volume_percentage": None if heard is None else round(volume_percent(heard.mean_db)),
        "mean_volume_db": None if heard is None else heard.mean_db,
    }
    if heard is None:
        body["audio_reason"] = why_unknown(seen, limits)
    return body | {name: value for name, value in (("host", host), ("device", device)) if value}


def incidents(found: Analysis, limits: Thresholds, state: Mapping[str, Any] | None = None
              ) -> tuple[list[dict[str, Any]], dict[str, Any]]:  # fmt: skip
    """Judge what was measured as a camera's would be.

    Args:
        found: What was measured.
        limits: Thresholds.
        state: What an earlier call returned for the same device; None begins anew.

    Returns:
        The incidents that are over or still open in it, by their start, and the state for the next call.

    Raises:
        BadInput: The state is none.
    """
    try:
        watch = from_json(state) if state else Watch()
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput("the state is none that an earlier call returned", hint="hand in {} to begin anew") from error
    if found.begun_us is not None:
        judge = judged(found.path, found.begun_us, limits, watch=watch)
        cases = outcomes(step.change for step in judge.found.steps)
        return [_incident(case) for case in cases], to_json(judge.watch)
    watch, changes = step(watch, found.seen.at_us, conditions(found.seen, limits, _JUDGED), {})
    return [_incident(case) for case in outcomes(changes)], to_json(watch)


def judged(
    path: Path, begun_us: int, limits: Thresholds, *, every_us: int = media.EVERY_US, watch: Watch | None = None
) -> Judge:
    """Judge a media file as the watcher judges footage.

    Args:
        path: The file.
        begun_us: Wall time of its begin.
        limits: Thresholds.
        every_us: Between two looks.
        watch: What is known of the device that it is of.

    Returns:
        Whoever judged it, with what was found.

    Raises:
        As `analyze`.
    """
    judge = Judge(Settings(every_us, limits, wanted=_JUDGED), {"watch": to_json(watch)} if watch else None)
    looks = media.looks_in(
        path, begun_us, black_level=limits.black_level, region=limits.region, every_us=every_us, gaze=judge.gaze
    )
    for seen, look in looks:
        judge.look(Look(seen.at_us) if look is None else look, seen.heard)
        judge.found.pins.clear()
    return judge


def taken_us(path: Path) -> int:
    """Return when a picture was taken: by its name (14 digits, local time), else when it was written last."""
    named_us = _named_us(path)
    return _written_us(path) if named_us is None else named_us


def _incident(case: Case) -> dict[str, Any]:
    over = case.stage is Stage.RESOLVED
    return {
        "type": case.type.value, "status": "resolved" if over else "active", "start_time": _local(case.start_us),
        "end_time": _local(case.good_us) if over and case.good_us is not None else None, "count": case.count,
    }  # fmt: skip


def _local(us: int) -> str:
    return datetime.fromtimestamp(us / SECOND_US).astimezone().isoformat(timespec="milliseconds")


def _named_us(path: Path) -> int | None:
    match = _STAMP.search(path.stem)
    if match is None:
        return None
    try:
        moment = datetime.strptime(match[1], "%Y%m%d%H%M%S").astimezone()
    except ValueError:
        return None
    return round(moment.timestamp() * SECOND_US)


def _written_us(path: Path) -> int:
    with storage_errors("reading", path):
        return path.stat().st_mtime_ns // 1000


def _thumbnail(path: Path) -> Path | None:
    small = path.with_name(f"{path.stem}{THUMBNAIL}{path.suffix}")
    return small if small.is_file() else None


def _lasts(path: Path) -> tuple[Path, ...]:
    """The picture and the two before it in its folder, by name, oldest first."""
    with storage_errors("listing", path.parent):
        names = sorted(
            one.name
            for one in path.parent.iterdir()
            if one.suffix.lower() == path.suffix.lower() and not one.stem.endswith(THUMBNAIL) and one.name <= path.name
        )
    return tuple(path.with_name(name) for name in names[-FRAMES:])


def _known_grey(path: Path, limits: Thresholds) -> Grey | None:
    try:
        return media.grey_of_still(path, limits.region)
    except (BadInput, NotFound):
        return None  # cleared away or torn meanwhile: freeze is not known then


def _sound_beside(path: Path, at_us: int, limits: Thresholds) -> Heard | None:
    """Sound of the newest media file beside a picture or above it, even of one a little later than the picture."""
    found: list[tuple[int, Path]] = []
    for folder in (path.parent, path.parent.parent):
        with storage_errors("listing", folder):
            found += [
                (_written_us(one), one)
                for one in folder.iterdir()
                if one.suffix.lower() in _SOUND and one.is_file() and one.stat().st_size
            ]
    near_us = at_us + round(limits.sound_age_s * SECOND_US)
    candidates = sorted((item for item in found if item[0] <= near_us), reverse=True)
    for written_us, one in candidates[:FRAMES]:
        try:
            heard = media.heard_in(one, written_us)
        except (BadInput, NotFound):
            continue  # it is being written, or was cleared away
        if heard is not None:
            return heard
    return None


def _shifted(seen: Seen, by_us: int) -> Seen:
    heard = seen.heard
    moved = None if heard is None else Heard(heard.end_us + by_us, heard.mean_db, heard.peak_db)
    return Seen(seen.at_us + by_us, seen.black_percent, seen.differences, seen.drift, moved)
