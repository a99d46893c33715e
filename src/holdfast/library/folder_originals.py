"""The pictures that lie in somebody else's folder, as stills of its camera: the very files, found by their instants.

Where a camera is such a folder, the picture of an instant is there as it was written, which is better than what was
encoded of it; as long as nobody removes it. Nothing is changed there.

Looking and reading happen on threads of their own, one at a time for a folder, because a file server may not answer for
minutes and foreign pictures may be large; whoever asks waits for a moment at most and asks again.

One object a camera, on one thread at a time besides its own. Not here: which instants (still_taking), recording
(media.source.folder).
"""

import os
import threading
from bisect import bisect_left, bisect_right
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from holdfast.core.clock import Clock
from holdfast.core.config import CameraConfig, FeedError, feeds
from holdfast.core.timing import SECOND_US
from holdfast.library.footage import KEEPS_UP_US
from holdfast.library.still_pictures import Answer
from holdfast.media.keeping import Style
from holdfast.media.source.folder_files import NotTaken, opened
from holdfast.media.source.folder_names import PICTURES, Lateness, captured, folder_of, passed_over
from holdfast.media.source.folder_shot import shot_of
from holdfast.media.source.picture_size import size_of
from holdfast.media.still import Shot, Still

_SHARE = 10  # chosen: a full folder is looked through so seldom that it takes no more than a tenth of a core
NEAREST_US = SECOND_US // 10  # chosen: as near as footage must be
LONGEST_REST_US = 20 * SECOND_US  # chosen: far less than patience, so that no folder is too full for its stills
WAIT_S = 0.25  # chosen: a file of a disk of one's own takes some ms; the watcher has other cameras to see to
PATIENCE_US = KEEPS_UP_US + 5 * SECOND_US  # as for footage: what has not come by then is left to it
FARTHEST_US = SECOND_US  # chosen: who writes a picture a second still writes one for each still

_FORMS = {"jpeg": "jpeg", "webp": "webp"}


@dataclass(frozen=True, slots=True)
class Place:
    """A camera's folder.

    Attributes:
        folder: The folder.
        pattern: Of the names that count; empty for all.
        zone: The site's time zone.
        always: Nobody wants times left out, so that a hole in its footage is an outage.
    """

    folder: Path
    pattern: str
    zone: str
    always: bool = True


def place_of(camera_id: str, camera: CameraConfig, zone: str, base: Path) -> Place | None:
    """Return the folder that is a camera's main stream; None where that is something else, or its picture is turned.

    Args:
        camera_id: Its id.
        camera: Its settings.
        zone: The site's time zone.
        base: Folder that relative paths start from.
    """
    with suppress(FeedError):
        main = feeds(camera_id, camera, base)[0]
        if main.source == "folder" and not camera.encode.rotation:
            capture = camera.capture
            always = capture.mode in {None, "", "always", "ram"} and not capture.windows and not capture.override
            return Place(folder_of(main.url), camera.options.get("pattern", ""), zone, always)
    return None


def reach_of(every_us: int) -> int:
    """Return how far from a planned instant its picture may be: no further than halfway to the next one.

    Args:
        every_us: Time between two planned instants.
    """
    return max(NEAREST_US, min(every_us // 2, FARTHEST_US))


class Originals:
    """What lies in one folder.

    Args:
        place: The folder.
        clock: Time.
        wait_s: How long an answer is waited for.

    Attributes:
        always: As of the folder.
    """

    def __init__(self, place: Place, clock: Clock, wait_s: float = WAIT_S) -> None:
        self.always = place.always
        self._folder = _Folder(place, clock)
        self._clock = clock
        self._wait_s = wait_s
        self._search: _Search | None = None
        self._slot_us: int | None = None
        self._asked_us = 0

    def nearest(self, slot_us: int, within_us: int, style: Style) -> tuple[Shot, Still] | Literal[Answer.LATER] | None:
        """Return the picture nearest to an instant and its file as it is; None where none is near or fits.

        Args:
            slot_us: The instant.
            within_us: How far away it may be.
            style: What stills of this camera are: a picture in another form, or too large, is none.

        Returns:
            `LATER` where that is not known yet: it is to be asked again. After `PATIENCE_US` there is none.
        """
        now_us, wanted = self._clock.boot_us(), _Wanted(slot_us, within_us, style)
        if self._slot_us != slot_us:
            self._slot_us, self._asked_us = slot_us, now_us
        search = self._search
        if search is None or (search.over.is_set() and search.wanted != wanted):
            # One at a time: whoever hangs in a file server's answer is not joined by others.
            search = self._search = _Search(self._folder, wanted, now_us)
            search.over.wait(self._wait_s)
        if search.over.is_set() and search.wanted == wanted:
            self._search = None
            if search.found is not Answer.LATER:
                return search.found
        since_us = self._asked_us if search.over.is_set() else min(self._asked_us, search.began_us)
        return None if now_us - since_us > PATIENCE_US else Answer.LATER


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A picture of an instant, as of `Originals.nearest`."""

    slot_us: int
    within_us: int
    style: Style


class _Search:
    """One search for a picture, in a thread of its own that may be left behind: file servers may hang for ever."""

    def __init__(self, folder: "_Folder", wanted: _Wanted, began_us: int) -> None:
        self.wanted = wanted
        self.began_us = began_us
        self.over = threading.Event()
        self.found: tuple[Shot, Still] | Literal[Answer.LATER] | None = None
        self._folder = folder
        threading.Thread(target=self._run, name="originals", daemon=True).start()

    def _run(self) -> None:
        try:
            self.found = self._folder.nearest(self.wanted)
        finally:
            self.over.set()


class _Folder:
    """The folder itself, as it was when it was looked through last. One search at a time is here."""

    def __init__(self, place: Place, clock: Clock) -> None:
        self._place = place
        self._clock = clock
        self._zone = ZoneInfo(place.zone)
        self._looked_us = self._again_us = 0
        self._files: list[_File] = []
        self._late = Lateness()

    def nearest(self, wanted: _Wanted) -> tuple[Shot, Still] | Literal[Answer.LATER] | None:
        """Return what `Originals.nearest` does."""
        slot_us, within_us, style = wanted.slot_us, wanted.within_us, wanted.style
        if not self._looked(slot_us + within_us):
            return Answer.LATER
        first = bisect_left(self._files, slot_us - within_us, key=_instant)
        last = bisect_right(self._files, slot_us + within_us, key=_instant)
        near = sorted(self._files[first:last], key=lambda one: (abs(one.at_us - slot_us), one.at_us, one.name))
        for one in near:
            with suppress(NotTaken), opened(self._place.folder / one.name) as found:
                if found.form not in PICTURES or found.form.value != _FORMS[style.form.value]:
                    continue
                # Another picture may have taken the name since the folder was looked through.
                if found.modified_us != one.modified_us:
                    self._looked_us = 0
                    continue
                size = size_of(found.body, found.form)
                if style.width is not None and size is not None and size[0] > style.width:
                    return None
                shot = shot_of(found.body, found.form, one.at_us)
                size = (shot.width, shot.height)
                return shot, Still(found.body, one.at_us, *size, *size)
        return None

    def _looked(self, since_us: int) -> bool:
        """Look through the folder, unless that was done when all was there that is asked for; False where it rests."""
        wall_us, boot_us = self._clock.wall_us(), self._clock.boot_us()
        if self._looked_us > since_us:
            return True
        if wall_us <= since_us or boot_us < self._again_us:
            return False
        # Of files that are as they were nothing is asked again: names are dear in a folder of a hundred thousand.
        known, pattern = {file.name: file for file in self._files}, self._place.pattern
        files, news = list[_File](), list[tuple[int, str]]()
        with suppress(OSError), os.scandir(self._place.folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    before = known.get(entry.name)
                    if (before is None and passed_over(entry.name, pattern)) or not entry.is_file(
                        follow_symlinks=False
                    ):
                        continue
                    modified_us = entry.stat(follow_symlinks=False).st_mtime_ns // 1000
                    if before is not None and before.modified_us == modified_us:
                        files.append(before)
                    else:
                        news.append((modified_us, entry.name))
        for modified_us, name in sorted(news):
            files.append(_File(captured(name, modified_us, self._zone, late=self._late).at_us, name, modified_us))
        files.sort(key=_instant)
        self._files, self._looked_us = files, wall_us
        ended_us = self._clock.boot_us()
        self._again_us = ended_us + min(LONGEST_REST_US, (_SHARE - 1) * (ended_us - boot_us))
        return True


class _File(NamedTuple):
    """A file: when it was captured, its name, and when it was last written."""

    at_us: int
    name: str
    modified_us: int


def _instant(file: _File) -> int:
    return file.at_us


def originals_of(place: Place | None, clock: Clock) -> Originals | None:
    """Return what lies in a camera's folder; None for any other camera."""
    return None if place is None else Originals(place, clock)
