"""How a segment file is finished: index, end box, sync, hash, name. The one path for a healthy end and for recovery.

Not here: writing fragments (segment), finding and cutting what was interrupted (recover).
Runs on the thread that calls; may block on the disk for seconds.
"""

import hashlib
import os
from array import array
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.core.errors import DiskError
from holdfast.core.footage import PART
from holdfast.media.boxes import REFERENCE_BYTES, SIDX_BYTES, SIDX_MOST, Reference, end_box, free_box, sidx
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import DurableFile, fsync_folder, rename_durably, rename_without_replacing
from holdfast.storage.memory import data_of

REFERENCES_A_SECOND = 2  # chosen: finer than any usual keyframe interval; 16 KB for 10 minutes
SPARE_S = 60  # a segment is cut at the first keyframe after its time, so it may be longer
_LONGEST_REFERENCE = 0x7FFFFFFF  # its size has 31 bits
_MIN_FREE = 8
_NO_TIME = -1
_LAST_TICKS = 1 << 62  # later than anything; a recovered file may claim any time, and the index still gets its box
_KEEP_CACHED = 8 * 1024 * 1024  # what tails of this file may still be reading

VERSION = 1


def reserved_bytes(segment_s: int) -> int:
    """Return the size of the box in which the index of a segment of `segment_s` seconds will find room."""
    references = min(REFERENCES_A_SECOND * (segment_s + SPARE_S), SIDX_MOST)
    return SIDX_BYTES + REFERENCE_BYTES * references + _MIN_FREE


@dataclass(slots=True)
class FragmentIndex:
    """What the index needs of each fragment, in a few bytes a fragment: there are 2,400 in ten minutes.

    Attributes:
        track_id: The track that times belong to: video where there is some.
        timescale: Its time base.
        end_ticks: Where its presentation ends.
    """

    track_id: int
    timescale: int
    end_ticks: int = 0
    _sizes: "array[int]" = field(default_factory=lambda: array("I"))
    _times: "array[int]" = field(default_factory=lambda: array("q"))
    _keys: bytearray = field(default_factory=bytearray)

    def __len__(self) -> int:
        """Count the fragments."""
        return len(self._sizes)

    def add(self, size: int, first_ticks: int | None, end_ticks: int, *, keyframe: bool) -> None:
        """Note one fragment.

        Args:
            size: Its bytes.
            first_ticks: Earliest presentation time of the index's track in it; None where it has none of that track.
            end_ticks: Where presentation of that track ends in it.
            keyframe: It begins with a keyframe of that track.
        """
        self._sizes.append(size)
        self._keys.append(keyframe)
        if first_ticks is None or not max(first_ticks, 0) <= end_ticks <= _LAST_TICKS:
            self._times.append(_NO_TIME)
            return
        self._times.append(max(first_ticks, 0))
        self.end_ticks = max(self.end_ticks, end_ticks)

    def box(self, room: int) -> bytes:
        """Return `sidx` and, behind it, a `free` box, together exactly `room` bytes."""
        most = max(1, min((room - SIDX_BYTES - _MIN_FREE) // REFERENCE_BYTES, SIDX_MOST))
        first_ticks, references = self._references(most)
        spare = room - SIDX_BYTES - REFERENCE_BYTES * len(references)
        index = sidx(references, track_id=self.track_id, timescale=self.timescale, first_ticks=first_ticks, skip=spare)
        return index + free_box(spare)

    def _references(self, most: int) -> tuple[int, list[Reference]]:
        starts = self._starts(most)
        times = self._starting_times()
        ends = [*(times[i] for i in starts[1:]), self.end_ticks]
        borders = [*starts[1:], len(self)]
        references = [
            Reference(sum(self._sizes[at:border]), max(0, end - times[at]), bool(self._keys[at]))
            for at, border, end in zip(starts, borders, ends, strict=True)
        ]
        return times[0], references

    def _starts(self, most: int) -> list[int]:
        """Choose where references begin: at keyframes, because a player that seeks must be able to begin there."""
        starts = [0]
        size = 0
        for at, more in enumerate(self._sizes):
            if at and (self._keys[at] or size + more > _LONGEST_REFERENCE):
                starts.append(at)
                size = 0
            size += more
        step = -(-len(starts) // most)
        return starts[::step]

    def _starting_times(self) -> list[int]:
        """Return for each fragment the earliest time from there on: pictures are stored out of their order."""
        times = [0] * len(self)
        earliest = self.end_ticks
        for at in range(len(self) - 1, -1, -1):
            if self._times[at] != _NO_TIME:
                earliest = min(earliest, self._times[at])
            times[at] = earliest
        return times


@dataclass(frozen=True, slots=True, kw_only=True)
class EndFacts:
    """What the end box says, so that a file is complete without its journal."""

    start_us: int
    end_us: int
    ended: str
    recovered: bool
    media_bytes: int
    video_samples: int
    audio_samples: int
    dropped_samples: int

    def to_dict(self) -> dict[str, int | str | bool]:
        """Return the content of the box."""
        return {
            "v": VERSION, "start_us": self.start_us, "end_us": self.end_us, "ended": self.ended,
            "recovered": self.recovered, "media_bytes": self.media_bytes, "video_samples": self.video_samples,
            "audio_samples": self.audio_samples, "dropped_samples": self.dropped_samples,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things lie in a segment file: the room for the index, and where the fragments end."""

    reserved_at: int
    reserved_bytes: int
    fragments_end: int


def finish(file: DurableFile, final: Path, layout: Layout, index: FragmentIndex, end: EndFacts) -> str:
    """Write index and end box, make all durable, and give the file its final name.

    May be called again after it failed: it starts over from the last fragment. The end box goes first, because it alone
    needs new room: on a full disk the file is then still what it was.

    Args:
        file: The open file, named `final` with `.part`.
        final: Its final path.
        layout: Of this file.
        index: Of its fragments.
        end: For the end box.

    Returns:
        SHA-256 of the whole file, as hex.

    Raises:
        StorageError: It is not finished; try again, or leave it to recovery.
    """
    part = final.with_name(final.name + PART)
    box = index.box(layout.reserved_bytes)  # first: where it cannot be made, the file stays as it was
    file.cut(layout.fragments_end)
    file.append([end_box(dict(end.to_dict()))])
    file.overwrite_at(layout.reserved_at, box)
    file.sync()
    digest = hash_of(file.fileno(), final)
    with storage_errors("looking for", part):
        named = final.exists() and not part.exists()
    if named:
        fsync_folder(final.parent)  # an earlier attempt came as far as the name
        return digest
    try:
        if data_of(part) is None:
            rename_durably(part, final)
        else:  # what lies in memory does not outlive a power cut, so its name need not either
            rename_without_replacing(part, final)
    except FileExistsError as error:
        raise DiskError(
            f"{final} exists already; it is not written over", hint="recovery gives it another name"
        ) from error
    return digest


def hash_of(fd: int, path: Path) -> str:
    """Return the SHA-256 of an open file, as hex.

    It is read back once: the index at the front is known last, so hashing while writing cannot give the hash of the
    file as it lies there. At 4 Mb/s this costs 0.3 s in ten minutes where the processor has SHA instructions, and
    other threads run meanwhile. Afterwards the kernel may forget the pages; written and read once more, they would
    otherwise push out what is really in use.

    Raises:
        StorageError: It cannot be read back.
    """
    with storage_errors("reading back", path):
        size = os.fstat(fd).st_size
        _advise(fd, 0, "POSIX_FADV_SEQUENTIAL")
        digest = hashlib.sha256()
        piece = bytearray(1 << 20)
        view = memoryview(piece)
        at = 0
        while at < size:
            count = os.preadv(fd, [piece], at)
            if count == 0:
                raise DiskError(f"{path} became shorter while it was read back")
            digest.update(view[:count])
            at += count
        _advise(fd, max(1, size - _KEEP_CACHED), "POSIX_FADV_DONTNEED")
    return digest.hexdigest()


def _advise(fd: int, length: int, name: str) -> None:
    if hasattr(os, "posix_fadvise"):  # not on macOS
        os.posix_fadvise(fd, 0, length, getattr(os, name))
