"""Samples into one segment file: fragments appended whole, then sealed.

One `SegmentFile` is one file of one run. The caller decides what goes into a fragment, when to sync, and where to cut;
it writes the journal lines, too. A failed write leaves the file as it was before, and usable.

Not here: connecting (source), wall time (walltime), journals (storage.journal), interrupted files (recover).
Runs on one thread at a time (the stream's writer); nothing here may be called from an event loop.
"""

import itertools
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from holdfast.core.camera import Kind, Sample, StreamKey, Track
from holdfast.core.errors import BadInput, DiskError, FileDeleted
from holdfast.core.footage import PART, segment_path
from holdfast.core.journal import Sealed
from holdfast.core.timing import ticks_to_us
from holdfast.media.boxes import PLAIN_SAMPLE, SYNC_SAMPLE, TrackTable, fragment_head, free_box, head_box
from holdfast.media.moov import header
from holdfast.media.sealing import EndFacts, FragmentIndex, Layout, finish, reserved_bytes
from holdfast.storage import memory as ram
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import Buffer, DurableFile, ensure_folder, fsync_folder
from holdfast.storage.memory import Memory

VERSION = 1
MOST_ATTEMPTS = 1000  # files that begin in one second; more means that something is badly wrong
MAX_LEAD_S = 10  # chosen: sound this much older than the first picture is kept; the picture waits for it at playback


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentHead:
    """What a file says of itself when it begins.

    Attributes:
        key: Whose footage it is.
        run: Id of the run.
        start_us: Wall time of its first picture.
        start_boot_us: Boot time of the same instant.
        boot: Id of the boot.
        sync: Whether the wall clock was synchronised.
        why: Why it began (`cut` inside a run).
        program: Name and version of what wrote it.
        site: Site id, or empty.
    """

    key: StreamKey
    run: str
    start_us: int
    start_boot_us: int
    boot: str
    sync: bool
    why: str
    program: str
    site: str

    def to_dict(self) -> dict[str, int | str | bool]:
        """Return the content of the head box, but for what the layout adds."""
        body = asdict(self)
        del body["key"]
        return {"v": VERSION, "camera": self.key.camera, "stream": self.key.stream, **body}


@dataclass(slots=True)
class _Part:
    """The samples of one track that go into one fragment, prepared but not yet counted."""

    table: TrackTable
    payloads: list[bytes]
    first_ticks: int
    end_ticks: int
    keyframe: bool
    last_dts: int


class SegmentFile:
    """A segment that is being written, as `file` + `.part`.

    Attributes:
        file: Its final path, relative to the volume's root.
        bytes: Its size so far.
        media_bytes: Payload in it.
        fragments: Fragments in it.
        dropped_samples: Samples left out because they were older than the file's first instant.
        in_memory: Its bytes lie on a tmpfs, and go with a power cut.
        reached_ticks: How far each track has come in the run's ticks: what of it follows is not older.
    """

    def __init__(
        self, root: Path, file: str, head: SegmentHead, tracks: Sequence[Track], open_file: DurableFile,
        after_ticks: Sequence[int | None] = (),
    ) -> None:  # fmt: skip
        self.file = file
        self.bytes = 0
        self.media_bytes = 0
        self.fragments = 0
        self.dropped_samples = 0
        self.in_memory = False
        self._final = root / file
        self._head = head
        self._tracks = tuple(tracks)
        self._file = open_file
        self._header = header(tracks)
        self._reserved_bytes = 0
        self._reserved_at = 0
        self._offsets: list[int] | None = None
        self.reached_ticks: list[int | None] = list(after_ticks) or [None] * len(tracks)
        self._counts = [0] * len(tracks)
        video = [number for number, track in enumerate(tracks) if track.kind is Kind.VIDEO]
        self._reference = video[0] if video else 0
        self._index = FragmentIndex(self._reference + 1, tracks[self._reference].timescale)

    @classmethod
    def create(
        cls, root: Path, head: SegmentHead, tracks: Sequence[Track], *, segment_s: int,
        after_ticks: Sequence[int | None] = (), memory: Memory | None = None,
    ) -> Self:  # fmt: skip
        """Make the file, exclusively: a name that is taken, finished or not, is left alone and the next one used.

        Nothing is in it before the first `write`.

        Args:
            root: The volume's root, which must exist.
            head: What the file says of itself.
            tracks: What will be written; at least one.
            segment_s: How long it is meant to become: the index gets room accordingly.
            after_ticks: `reached_ticks` of the file before it in the same run: sound that comes late goes on there.
            memory: Where its bytes go for now; None writes it to the volume.

        Raises:
            Unsupported: A codec that cannot be stored.
            VolumeMissing: `root` is not there.
            StorageError: The file cannot be made.
        """
        header(tracks)  # refuses a codec before a file exists
        for attempt in range(MOST_ATTEMPTS):
            file = segment_path(head.key, head.start_us, attempt)
            final = root / file
            ensure_folder(root, final.parent)
            with storage_errors("looking for", final):
                # A link of which memory lost the bytes has the name, too.
                if os.path.lexists(final):
                    continue
            with suppress(FileExistsError):
                part = final.with_name(final.name + PART)
                open_file = DurableFile.create(part) if memory is None else ram.create(root, str(file), memory)
                segment = cls(root, str(file), head, tracks, open_file, after_ticks)
                segment._reserved_bytes = reserved_bytes(segment_s)
                segment.in_memory = memory is not None
                if memory is None:  # else the name would outlive what it stands for
                    segment._make_name_durable()
                return segment
        raise DiskError(f"{MOST_ATTEMPTS} files named {segment_path(head.key, head.start_us)} exist already")

    def write(self, samples: Sequence[Sample], wall_us: int) -> int:
        """Append one fragment.

        Args:
            samples: Of all tracks, in the order of their arrival; in decode order a track.
            wall_us: Wall time of the first video sample's presentation, or of the first sample where there is no video.

        Returns:
            Bytes written; 0 where every sample was older than the file's first instant and thus dropped.

        Raises:
            BadInput: The samples' times cannot be stored. Nothing was written.
            StorageError: Nothing was written; the file ends with its last whole fragment and stays usable.
        """
        offsets = self._offsets or self._choose_offsets(samples)
        kept = [s for s in samples if s.dts_ticks >= offsets[s.track]]
        written = 0
        if kept:
            parts = [p for n in range(len(self._tracks)) if (p := self._prepare(n, kept, offsets[n])) is not None]
            written = self._append(parts, offsets, self._anchor(samples, kept, wall_us, offsets))
        self.dropped_samples += len(samples) - len(kept)
        return written

    def sync(self) -> None:
        """Make all fragments so far survive a power cut; blocks.

        Raises:
            FileDeleted: It has no name any more: what was written is lost, and what would be written, too.
            StorageError: The disk refused.
        """
        self._file.sync()
        self._check_name()

    def seal(self, *, start_us: int, end_us: int, ended: str, recovered: bool = False) -> Sealed:
        """Finish the file: index, end box, sync, hash, final name. Takes up to seconds; closes the file.

        Args:
            start_us: Wall time of the first picture's presentation.
            end_us: Wall time at which the last picture ends.
            ended: Why: `cut` inside a run, else a gap reason.
            recovered: Whether an interruption came before.

        Returns:
            The line that the caller writes to the journal.

        Raises:
            BadInput: There is no fragment in it: `discard` it.
            FileDeleted: It has no name any more.
            StorageError: It is not finished: call again later, or `abandon` it to recovery.
        """
        if not self.fragments:
            raise BadInput(f"{self.file} has no fragment to seal")
        self._check_name()
        video = sum(n for n, t in zip(self._counts, self._tracks, strict=True) if t.kind is Kind.VIDEO)
        end = EndFacts(
            start_us=start_us, end_us=end_us, ended=ended, recovered=recovered, media_bytes=self.media_bytes,
            video_samples=video, audio_samples=sum(self._counts) - video, dropped_samples=self.dropped_samples,
        )  # fmt: skip
        layout = Layout(self._reserved_at, self._reserved_bytes, self.bytes)
        digest = finish(self._file, self._final, layout, self._index, end)
        size = self._file.size
        self._file.close()
        return Sealed(
            file=self.file, run=self._head.run, start_us=start_us, end_us=end_us,
            start_boot_us=self._head.start_boot_us, bytes=size, media_bytes=self.media_bytes, sha256=digest,
            video_samples=video, audio_samples=end.audio_samples, began=self._head.why, ended=ended,
            recovered=recovered, tracks=[dict(t.facts()) for t in self._tracks], dropped_samples=self.dropped_samples,
        )  # fmt: skip

    def settle(self) -> None:
        """Go on writing on the volume: what memory holds of it is moved there, which takes as long as writing it does.

        Raises:
            NotFound: Its bytes are gone.
            StorageError: The volume does not take it; it goes on in memory, whole.
        """
        part = self._final.with_name(self._final.name + PART)
        ram.move(part)
        fresh = DurableFile.reopen(part)
        self._file.close()
        # A failed write may have left bytes behind those that count; the file itself knows no better.
        fresh.cut(self._file.size)
        self._file, self.in_memory = fresh, False

    def _check_name(self) -> None:
        linked = not self.in_memory or os.path.lexists(self._final.with_name(self._final.name + PART))
        if self._file.unlinked() or not linked:
            raise FileDeleted(f"{self.file} was deleted while it was being written")

    def abandon(self) -> None:
        """Give up the descriptor and leave the file as it is, for recovery. Safe to call twice."""
        self._file.close()

    def discard(self) -> None:
        """Remove a file that nothing was written to.

        Raises:
            BadInput: There is footage in it.
            StorageError: It cannot be removed.
        """
        if self.fragments:
            raise BadInput(f"{self.file} holds footage and is not thrown away")
        self._file.close()
        ram.remove(self._final.with_name(self._final.name + PART))

    def _make_name_durable(self) -> None:
        try:
            fsync_folder(self._final.parent)
        except BaseException:
            self._file.close()
            raise

    def _choose_offsets(self, samples: Sequence[Sample]) -> list[int]:
        """Find the file's first instant, and what it is in each track's ticks.

        It is the lowest decode time, over all tracks, of what the first fragment holds; `tfdt` has no sign. Sound comes
        late and in lumps: of a track that is not in the first fragment, what follows the file before may still come.
        """
        firsts: dict[int, int] = {}
        for sample in samples:
            firsts.setdefault(sample.track, sample.dts_ticks)
        for track, reached in enumerate(self.reached_ticks):
            if reached is not None:
                firsts.setdefault(track, reached)
        scales = [t.timescale for t in self._tracks]
        lead = self._first(samples)
        zero, scale = lead.dts_ticks, scales[lead.track]
        base, base_scale = zero, scale
        for track, ticks in firsts.items():
            earlier = ticks * base_scale < base * scales[track]
            if earlier and ticks * scale >= (zero - MAX_LEAD_S * scale) * scales[track]:
                base, base_scale = ticks, scales[track]
        return [base * other // base_scale for other in scales]

    def _prepare(self, number: int, kept: Sequence[Sample], offset: int) -> _Part | None:
        group = [s for s in kept if s.track == number]
        if not group:
            return None
        video = self._tracks[number].kind is Kind.VIDEO
        # Equal at worst: a decode time that went back would be negative in a field without a sign.
        reached = self.reached_ticks[number]
        dts, last = [], group[0].dts_ticks if reached is None else reached
        for sample in group:
            last = max(last, sample.dts_ticks)
            dts.append(last)
        lengths = [after - before for before, after in itertools.pairwise(dts)]
        lengths.append(max(0, group[-1].duration_ticks))
        payloads = [s.payload for s in group]
        numbers: list[int] = []
        for sample, at, length in zip(group, dts, lengths, strict=True):
            if video:
                flags = SYNC_SAMPLE if sample.keyframe else PLAIN_SAMPLE
                numbers += (length, len(sample.payload), flags, sample.pts_ticks - at)
            else:
                numbers += (length, len(sample.payload))
        table = TrackTable(number + 1, dts[0] - offset, video, numbers, len(group), sum(map(len, payloads)))
        shown = [s.pts_ticks for s in group] if video else dts
        end = max(at + length for at, length in zip(shown, lengths, strict=True)) - offset
        return _Part(table, payloads, min(shown) - offset, end, group[0].keyframe, last)

    def _anchor(
        self, samples: Sequence[Sample], kept: Sequence[Sample], wall_us: int, offsets: Sequence[int]
    ) -> tuple[int, int, int]:
        """Return track id, presentation ticks and wall time of what ties this fragment to the clock."""
        given, mine = self._first(samples), self._first(kept)
        scales = [t.timescale for t in self._tracks]
        if given is not mine:
            wall_us += ticks_to_us(mine.pts_ticks, scales[mine.track]) - ticks_to_us(
                given.pts_ticks, scales[given.track]
            )
        return mine.track + 1, max(0, mine.pts_ticks - offsets[mine.track]), wall_us

    def _first(self, samples: Sequence[Sample]) -> Sample:
        return next((s for s in samples if self._tracks[s.track].kind is Kind.VIDEO), samples[0])

    def _append(self, parts: Sequence[_Part], offsets: list[int], anchor: tuple[int, int, int]) -> int:
        track_id, ticks, wall_us = anchor
        front = fragment_head(
            [p.table for p in parts], sequence=self.fragments + 1, wall_us=wall_us,
            reference_id=track_id, reference_ticks=ticks,
        )  # fmt: skip
        prefix = b"" if self.fragments else self._front(offsets)
        buffers: list[Buffer] = [prefix + front]
        for part in parts:
            buffers += part.payloads
        size = self._file.append(buffers)
        # Only now that it is written does it count.
        if not self.fragments:
            self._reserved_at = len(prefix) - self._reserved_bytes
            self._offsets = offsets
            self.reached_ticks[:] = [at if r is None else r for r, at in zip(self.reached_ticks, offsets, strict=True)]
        for part in parts:
            number = part.table.track_id - 1
            self.reached_ticks[number] = part.last_dts
            self._counts[number] += part.table.count
            self.media_bytes += part.table.data_bytes
        shown = next((p for p in parts if p.table.track_id == self._reference + 1), None)
        if shown is None:
            self._index.add(size - len(prefix), None, 0, keyframe=False)
        else:
            self._index.add(size - len(prefix), shown.first_ticks, shown.end_ticks, keyframe=shown.keyframe)
        self.fragments += 1
        self.bytes += size
        return size

    def _front(self, offsets: Sequence[int]) -> bytes:
        facts = {
            **self._head.to_dict(), "offsets_ticks": list(offsets), "reserved_bytes": self._reserved_bytes,
            "tracks": [t.facts() for t in self._tracks],
        }  # fmt: skip
        return self._header + head_box(facts) + free_box(self._reserved_bytes)
