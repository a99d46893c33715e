"""What the stream's thread hands to its writer: runs that begin and end, fragments, and what the disk answers.

Plain values; made on one thread, read on the other.
"""

from dataclasses import dataclass

from holdfast.core.camera import Track
from holdfast.core.gap import GapReason
from holdfast.core.journal import Event
from holdfast.recording.fragmenter import Fragment


@dataclass(frozen=True, slots=True)
class RunStart:
    """What a run's first segment needs to know.

    Attributes:
        run: Its id.
        tracks: Its tracks.
        why: Why it began: the reason of the gap before it, or `first`.
        start_us: Wall time of its first picture, as far as it is known now.
        start_boot_us: The same on the boot clock.
        site: Id of the place, as it is called when the run begins.
    """

    run: str
    tracks: tuple[Track, ...]
    why: str
    start_us: int
    start_boot_us: int
    site: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A fragment with its place in time.

    Attributes:
        fragment: What to write.
        wall_us: Wall time of its first picture.
        end_us: Wall time at which its last picture ends.
        cut: A new segment begins with it.
        run_start_us: Where the run began, by the best estimate there is now.
    """

    fragment: Fragment
    wall_us: int
    end_us: int
    cut: bool
    run_start_us: int


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The run is over: where its first segment began after all, where it ended, and why."""

    start_us: int
    end_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nothing can be written just now."""

    reason: GapReason
    detail: str
    hint: str


Item = Written | RunStart | RunEnd | Event
