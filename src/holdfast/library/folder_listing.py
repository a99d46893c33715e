"""What of somebody else's folder would be taken, and what would be passed over and why: a look, nothing more (C148).

Judged by the same code that records. A listing is of what lies there now; the recorder takes what is written from then
on, and stills are taken of both.
"""

import os
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from holdfast.core.clock import Clock
from holdfast.core.errors import NotFound
from holdfast.core.plan import StreamPlan
from holdfast.core.still_names import file_of
from holdfast.core.stills import slots
from holdfast.core.timing import SECOND_US, iso
from holdfast.library.folder_originals import reach_of
from holdfast.library.still_order import Order
from holdfast.media.source.folder_files import Found, NotTaken, opened
from holdfast.media.source.folder_names import PICTURES, Lateness, captured, folder_of, passed_over, shown
from holdfast.media.source.folder_segments import FolderSegments
from holdfast.media.source.folder_shot import shot_of

MOST = 1000  # chosen: each is opened, and a picture decoded: some 10 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One file.

    Attributes:
        file: Its name.
        kind: `picture` or `segment`; empty where it is neither.
        form: Such as `jpeg` or `mpegts`; empty where it is neither.
        captured_us: When it was captured, a segment's first picture that is; None where it is not taken.
        known_by: `name` or `modified`; empty where it is not taken.
        length_s: How long a segment lasts.
        width: Pixels across of a picture.
        height: The same, down.
        still: The name that it gets as a still; empty where it becomes none.
        passed_over: Why it is not taken; empty where it is.
    """

    file: str
    kind: str = ""
    form: str = ""
    captured_us: int | None = None
    known_by: str = ""
    length_s: float = 0.0
    width: int = 0
    height: int = 0
    still: str = ""
    passed_over: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**asdict(self), "captured": None if self.captured_us is None else iso(self.captured_us)}


def listing(plan: StreamPlan, order: Order | None, clock: Clock, most: int = MOST) -> tuple[list[Listed], int]:
    """List a folder, oldest first.

    Args:
        plan: The stream whose address it is.
        order: Which stills are wanted of it; None for none.
        clock: Time.
        most: No more files than this, the newest ones.

    Returns:
        The files, and how many older ones were left out.

    Raises:
        NotFound: It is not there, or may not be read.
    """
    folder = folder_of(plan.url)
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in sorted(entries, key=_written)]
    except OSError as error:
        raise NotFound(
            f"{plan.key}: the folder {folder} cannot be read: {(error.strerror or '').lower()}",
            hint="check the path, whether its disk is mounted, and that this user may list it",
        ) from error
    segments = FolderSegments(str(plan.key), plan.audio, plan.stall_s, clock, threading.Event())
    look = _Look(plan, segments)
    listed = [look.at(folder, name) for name in names[-most:]]
    if order is not None and plan.stream == "main":
        listed = _with_stills(listed, order)
    return listed, max(0, len(names) - most)


def _written(entry: "os.DirEntry[str]") -> tuple[int, str]:
    try:
        return entry.stat(follow_symlinks=False).st_mtime_ns, entry.name
    except OSError:
        return 0, entry.name


class _Look:
    """A look at one file after the other."""

    def __init__(self, plan: StreamPlan, segments: FolderSegments) -> None:
        self._pattern = plan.options.get("pattern", "")
        self._zone = ZoneInfo(plan.capture.zone)
        self._segments = segments
        self._late = Lateness()

    def at(self, folder: Path, name: str) -> Listed:
        """Say what becomes of a file."""
        why = passed_over(name, self._pattern)
        if why:
            return Listed(file=shown(name), passed_over=why)
        try:
            with opened(folder / name) as found:
                return self._taken(name, found)
        except NotTaken as error:
            return Listed(file=shown(name), passed_over=str(error))

    def _taken(self, name: str, found: Found) -> Listed:
        if found.form in PICTURES:
            at = captured(name, found.modified_us, self._zone, late=self._late)
            shot = shot_of(found.body, found.form, at.at_us)
            return Listed(
                file=shown(name), kind="picture", form=found.form.value, captured_us=at.at_us, known_by=at.source.value,
                width=shot.width, height=shot.height,
            )  # fmt: skip
        try:
            length_us = self._segments.length_of(found)
        finally:
            self._segments.close()
        at = captured(name, found.modified_us, self._zone, length_us=length_us, late=self._late)
        return Listed(
            file=shown(name), kind="segment", form=found.form.value, captured_us=at.at_us, known_by=at.source.value,
            length_s=length_us / SECOND_US,
        )  # fmt: skip


def _with_stills(listed: list[Listed], order: Order) -> list[Listed]:
    """Say which pictures become stills: of each planned instant the nearest one."""
    within_us = reach_of(order.grid.every_us)
    best: dict[int, tuple[int, int]] = {}
    for number, one in enumerate(listed):
        at_us = one.captured_us
        fits = one.form == order.style.form.value and one.width <= (order.style.width or one.width)
        if at_us is None or not fits:
            continue
        for slot_us in slots(order.grid, at_us - within_us - 1, at_us + within_us):
            away_us = abs(slot_us - at_us)
            if slot_us not in best or away_us < best[slot_us][0]:
                best[slot_us] = (away_us, number)
    named = list(listed)
    for slot_us, (_, number) in sorted(best.items(), reverse=True):
        one = named[number]
        file = file_of(order.naming, slot_us, (one.width, one.height), order.ending)
        named[number] = replace(one, still=file)
    return named
