"""Interrupted segment files: cut back to what is whole, finished, and named; and files described by themselves.

Recovery runs after recording has begun again, under the stream's lock. It trusts nothing that it has not checked: a
power cut leaves files that end in zeros, or in the middle of a box.

Not here: writing (segment), the journal (the caller writes the lines that are returned here).
Runs on a thread of the caller's; reads whole files, so it takes a second for each 500 MB.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from holdfast.core.camera import Kind, StreamKey
from holdfast.core.errors import BadInput, DiskError, NotFound
from holdfast.core.footage import PART, stream_folder
from holdfast.core.journal import LOST_MEMORY, Begun, Emptied, Removed, Sealed
from holdfast.core.timing import DAY_US, HOUR_US, stamp, ticks_to_us
from holdfast.media.boxread import FRONT_BYTES, Ended, FileHead, Fragment, read_head, read_next
from holdfast.media.footage import opened
from holdfast.media.sealing import EndFacts, FragmentIndex, Layout, finish, hash_of
from holdfast.media.segment import MOST_ATTEMPTS
from holdfast.storage import memory
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import DurableFile, fsync_folder
from holdfast.storage.journal import journal_files, read_journal, recent_lines, unfinished

ENDED = "recovered"
DAMAGED = ".damaged"
MOST_LENGTH_US = DAY_US  # no segment is longer; times further off are damage
MOST_FRAGMENT_US = HOUR_US  # the same for a fragment: a picture every few minutes is the slowest that is recorded
MOST_COUNT = 1 << 48  # bytes or samples in one file; more is damage
_NAL_LENGTH_BYTES = 4
_FORBIDDEN = (
    b"\0\0\0"  # inside a NAL unit an encoder breaks up such a row, so one is a page that never reached the disk
)


@dataclass(slots=True)
class _Survey:
    """What a walk through a file found to be whole."""

    head: FileHead
    index: FragmentIndex
    end: Ended | None = None
    fragments_end: int = 0
    media_bytes: int = 0
    counts: list[int] = field(default_factory=list)
    ends_us: list[int] = field(default_factory=list)

    def add(self, fragment: Fragment) -> None:
        head = self.head
        shown = fragment.slice_of(head.reference)
        if shown is None or not _believable(fragment, head):
            self.index.add(fragment.bytes, None, 0, keyframe=False)
        else:
            first = min(s.pts_ticks for s in shown)
            self.index.add(fragment.bytes, first, shown.end_ticks, keyframe=fragment.keyframe)
        for part in fragment.slices:
            self.counts[part.track] += len(part)
            self.media_bytes += part.media_bytes
        self.fragments_end = fragment.offset + fragment.bytes
        reached = fragment.end_us(head)
        if reached is not None and _believable(fragment, head):
            # Only the last few count: a flipped bit further in must not move the end.
            self.ends_us = [*self.ends_us[-2:], reached]

    def count(self, kind: Kind) -> int:
        return sum(n for n, t in zip(self.counts, self.head.tracks, strict=True) if t.kind is kind)


def recover_stream(
    root: Path, key: StreamKey, *, skip: str | None, boot: str = ""
) -> Iterator[Sealed | Emptied | Removed]:
    """Finish every interrupted file of a stream; oldest first, each one done before it is yielded.

    Args:
        root: The volume's root.
        key: The stream, whose lock the caller holds.
        skip: The file that is being written now (`SegmentFile.file`), if any.
        boot: Id of this boot: only what began in it keeps its boot time, which means nothing in another one.

    Yields:
        `Sealed` for what is finished now; `Emptied` for what held nothing, or was put aside as `.damaged`; `Removed`
        for what was finished in memory and went with it.

    Raises:
        StorageError: The volume does not answer. What was yielded before is done; call again for the rest.
    """
    for file in leftovers(root, key):
        if file != skip:
            yield from recover(root, file, boot=boot)


def leftovers(root: Path, key: StreamKey) -> list[str]:
    """Return the files of a stream that were begun and not finished, oldest first, by the names they are to get.

    To these belong files that carry their final name, but of which the journal does not know: the recorder died between
    the rename and the line.

    Raises:
        StorageError: The volume does not answer.
    """
    folder = root / stream_folder(key)
    with storage_errors("listing", folder):
        parts = sorted(folder.glob(f"*/*.mp4{PART}"))
    files = {part.relative_to(root).as_posix().removesuffix(PART) for part in parts}
    return sorted(files | _unaccounted(root, key))


def _unaccounted(root: Path, key: StreamKey) -> set[str]:
    """Return what the journal says was begun, and not what became of it.

    Its end is enough: whatever recorder came after a death has accounted for what it found.
    """
    return set(unfinished(recent_lines(root, key)))


def recover(root: Path, file: str, *, boot: str = "") -> Iterator[Sealed | Emptied | Removed]:
    """Finish one interrupted file that nobody writes to any more; as `recover_stream`.

    Yields nothing where somebody has finished it and said so meanwhile.
    """
    part, final = root / (file + PART), root / file
    if memory.is_lost(part) or memory.is_lost(final):
        yield from _gone(root, file)
        return
    if _same_file(part, final):
        with storage_errors("removing", part):
            part.unlink()  # the power went between the two halves of a rename; the final name is the one to keep
        fsync_folder(part.parent)
    with storage_errors("looking for", part):
        interrupted = part.exists()
    if not interrupted:
        _, camera, stream, *_ = PurePosixPath(file).parts
        if file in _unaccounted(root, StreamKey(camera, stream)):
            yield _account(final, file, boot)
        return
    with storage_errors("looking for", final):
        taken = final.exists()
    if taken:
        memory.move(part)  # under another name its link would not be known as one
        other = _free_name(root, file)
        with storage_errors("renaming", part):
            part.rename(root / (other + PART))
        yield Emptied(file=file, detail=f"its name was taken; it goes on as {PurePosixPath(other).name}")
        file = other
    part = root / (file + PART)
    with DurableFile.reopen(memory.data_of(part) or part) as open_file:
        survey = _survey(open_file)
        if isinstance(survey, _Survey) and not _named_for(file, survey.head.start_us):
            survey = "the head box is damaged: its begin is not the one that the file is named for"
        if isinstance(survey, _Survey) and len(survey.index):
            yield _finish(root, file, open_file, survey, boot)
            return
    detail = survey if isinstance(survey, str) else "not one whole fragment"
    yield _put_aside(root, file, detail)


def _gone(root: Path, file: str) -> Iterator[Emptied | Removed]:
    """Say what the power took with the memory that a file was in; once that is said, its link goes."""
    _, camera, stream, day, _ = PurePosixPath(file).parts
    word: object = None
    for path in journal_files(root, StreamKey(camera, stream)):
        for entry in read_journal(path) if path.name >= day else ():
            event = entry.line.event if entry.line is not None else None
            word = event if getattr(event, "file", None) == file else word
    if isinstance(word, Begun):
        yield Emptied(file=file, detail=LOST_MEMORY)
    elif isinstance(word, Sealed):
        yield Removed(file=file, bytes=word.bytes, why=LOST_MEMORY)
    else:
        # Only now: a link that is left says it again, one that went too early would never have said it.
        memory.remove(root / (file + PART))
        memory.remove(root / file)


def _named_for(file: str, start_us: int) -> bool:
    """Say whether a begin is the second that a file is named for: a flipped digit must not move it by years."""
    return f"_{stamp(start_us)}" in PurePosixPath(file).name


def _account(final: Path, file: str, boot: str) -> Sealed | Emptied:
    """Say what became of a file that needs no finishing any more."""
    try:
        return describe(final, boot=boot)
    except NotFound:
        return Emptied(file=file, detail="it is not there any more, and nobody said why")
    except BadInput as error:
        return Emptied(file=file, detail=f"it cannot be read: {error}")


def _survey(file: DurableFile) -> "_Survey | str":
    """Walk through a file up to the last fragment that is whole; a text says why there is nothing to walk through."""
    fd = file.fileno()
    whole: list[Fragment] = []
    end: Ended | None = None
    with storage_errors("reading", file.path):
        try:
            head = read_head(fd)
        except BadInput as error:
            return str(error)
        if head is None:
            return "" if file.size < FRONT_BYTES else "its front is damaged"
        at = head.fragments_at
        with suppress(BadInput):
            while isinstance(piece := read_next(fd, at, head), Fragment):
                whole.append(piece)
                at += piece.bytes
            end = piece if isinstance(piece, Ended) else None
        if end is None and whole:
            # Damage that a power cut does lies at the end. Further in, a flipped bit must not cost what follows it.
            strict = len(whole) == 1 or _plausible(fd, whole[0], head, strict=True)
            while whole and not (_believable(whole[-1], head) and _plausible(fd, whole[-1], head, strict=strict)):
                whole.pop()
    track = head.reference
    survey = _Survey(head, FragmentIndex(track + 1, head.tracks[track].timescale), end, counts=[0] * len(head.tracks))
    for fragment in whole:
        survey.add(fragment)
    return survey


def _believable(fragment: Fragment, head: FileHead) -> bool:
    """Say whether its times belong to this file: a flipped bit in them must not stretch the timeline by years."""
    if abs(fragment.wall_us - head.start_us) > MOST_LENGTH_US:
        return False
    reached = fragment.end_us(head)
    if reached is not None and abs(reached - fragment.wall_us) > MOST_FRAGMENT_US:
        return False
    starts = ((part.decode_ticks, head.tracks[part.track].timescale) for part in fragment.slices)
    return all(ticks_to_us(ticks, scale) <= MOST_LENGTH_US for ticks, scale in starts)


def _plausible(fd: int, fragment: Fragment, head: FileHead, *, strict: bool) -> bool:
    """Say whether its payload reached the disk.

    Args:
        fd: The file.
        fragment: A fragment whose boxes are whole.
        head: Of the file.
        strict: Expect NAL units as the standards have them. Some cameras pad theirs with zeros; for those, where even
            the first fragment would fail, less must do.
    """
    for part in fragment.slices:
        data = os.pread(fd, part.media_bytes, part.data_at)
        video = head.tracks[part.track].kind is Kind.VIDEO
        for sample in part:
            at = sample.offset - part.data_at
            payload = data[at : at + sample.bytes]
            if len(payload) < sample.bytes or not any(payload):
                return False
            if video and not _nal_units_fill(payload, strict=strict):
                return False
            # A raw AAC frame ends with three set bits and fewer than eight that only fill its last byte.
            if not video and strict and not any(payload[-2:]):
                return False
    return True


def _nal_units_fill(payload: bytes, *, strict: bool) -> bool:
    """Say whether the NAL units of a picture fill it exactly and, if `strict`, hold nothing that no encoder writes."""
    at, end = 0, len(payload)
    while at + _NAL_LENGTH_BYTES < end:
        size = int.from_bytes(payload[at : at + _NAL_LENGTH_BYTES], "big")
        at += _NAL_LENGTH_BYTES
        if size == 0 or at + size > end:
            return False
        # The last byte of a NAL unit is never zero: it holds the bit that ends it.
        if strict and (payload[at + size - 1] == 0 or payload.find(_FORBIDDEN, at, at + size) >= 0):
            return False
        at += size
    return at == end


def _finish(root: Path, file: str, open_file: DurableFile, survey: _Survey, boot: str) -> Sealed:
    head = survey.head
    facts = EndFacts(
        start_us=head.start_us, end_us=max([head.start_us, *survey.ends_us]), ended=ENDED, recovered=True,
        media_bytes=survey.media_bytes, video_samples=survey.count(Kind.VIDEO),
        audio_samples=survey.count(Kind.AUDIO), dropped_samples=0,
    )  # fmt: skip
    if survey.end is not None:
        with suppress(BadInput):  # an end box that cannot be read is as good as none
            facts = _end_facts(survey.end, head.start_us)
    layout = Layout(head.reserved_at, head.reserved_bytes, survey.fragments_end)
    digest = finish(open_file, root / file, layout, survey.index, facts)
    return _sealed(file, head, facts, digest, open_file.size, boot)


def _end_facts(end: Ended, start_us: int) -> EndFacts:
    said = end.facts
    try:
        facts = EndFacts(
            start_us=int(said["start_us"]), end_us=int(said["end_us"]), ended=str(said["ended"]),
            recovered=bool(said["recovered"]), media_bytes=int(said["media_bytes"]),
            video_samples=int(said["video_samples"]), audio_samples=int(said["audio_samples"]),
            dropped_samples=int(said["dropped_samples"]),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise BadInput(f"the end box is damaged: {error}") from error
    counts = (facts.media_bytes, facts.video_samples, facts.audio_samples, facts.dropped_samples)
    # Twice, because a segment of a whole day is cut at the first keyframe after it.
    long = facts.end_us - facts.start_us > 2 * MOST_LENGTH_US
    if abs(facts.start_us - start_us) > MOST_LENGTH_US or facts.end_us < facts.start_us or long:
        raise BadInput("the end box is damaged: its times are not those of this file")
    if not all(0 <= count <= MOST_COUNT for count in counts):
        raise BadInput("the end box is damaged: it counts what cannot be")
    return facts


def _sealed(file: str, head: FileHead, end: EndFacts, digest: str, size: int, boot: str) -> Sealed:
    return Sealed(
        file=file, run=head.run, start_us=end.start_us, end_us=end.end_us,
        start_boot_us=head.start_boot_us if head.boot == boot else None, bytes=size, media_bytes=end.media_bytes,
        sha256=digest, video_samples=end.video_samples, audio_samples=end.audio_samples, began=head.why,
        ended=end.ended, recovered=end.recovered, tracks=[t.facts for t in head.tracks],
        dropped_samples=end.dropped_samples,
    )  # fmt: skip


def describe(path: Path, *, boot: str = "") -> Sealed:
    """Say what a finished file holds, from the file alone: for a reindex, and where the journal's line was lost.

    Args:
        path: `<root>/footage/<camera>/<stream>/<day>/<name>.mp4`.
        boot: Id of this boot, where boot times of this boot are wanted.

    Raises:
        BadInput: It is not a finished segment file.
        NotFound: It is not there.
        StorageError: It cannot be read.
    """
    with opened(path) as fd:
        head = read_head(fd)
        if head is None:
            raise BadInput(f"{path} is cut off before its first fragment")
        at = head.fragments_at
        while isinstance(piece := read_next(fd, at, head), Fragment):
            at += piece.bytes
        if piece is None:
            raise BadInput(f"{path} is not finished: it ends without an end box")
        digest, size = hash_of(fd, path), os.fstat(fd).st_size
    facts = _end_facts(piece, head.start_us)
    file = stream_folder(head.key) / path.parent.name / path.name
    return _sealed(str(file), head, facts, digest, size, boot)


def _put_aside(root: Path, file: str, detail: str) -> Emptied:
    """Remove what certainly holds no footage; keep what may, under a name that nobody takes for footage."""
    part = root / (file + PART)
    if not detail:
        memory.remove(part)
        return Emptied(file=file, detail="nothing had been written yet")
    memory.move(part)
    aside = root / (_free_name(root, file, DAMAGED) + DAMAGED)
    with storage_errors("renaming", part):
        part.rename(aside)
    return Emptied(file=file, detail=f"{detail}; kept as {aside.name}")


def _free_name(root: Path, file: str, suffix: str = "") -> str:
    stem = file.removesuffix(".mp4")
    with storage_errors("looking for a free name for", root / file):
        for attempt in range(1, MOST_ATTEMPTS):
            name = f"{stem}-{attempt}.mp4"
            if not any((root / (name + end)).exists() for end in {"", PART, suffix}):
                return name
    raise DiskError(f"{MOST_ATTEMPTS} files named {root / file} exist already")


def _same_file(part: Path, final: Path) -> bool:
    with storage_errors("looking for", final):
        return part.exists() and final.exists() and final.samefile(part)
