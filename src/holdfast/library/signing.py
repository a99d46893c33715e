"""The head of each stream's chain, signed: so that cutting lines off the end of a journal shows, too.

A chain shows what was changed or taken out of its middle. Its end it cannot protect: a journal that was cut short is a
good shorter one. So each hour the newest line's chain value, and how far the journal went by then, are signed with the
node's key and appended to `<YYYY-MM-DD>.heads` beside the journal. `holdfast verify` holds the journals to them.

Any thread; blocks on the disk. Not here: when it is done (work.chores), the key (storage.keys), chains (core.journal).
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.core.camera import StreamKey
from holdfast.core.errors import StorageError
from holdfast.core.footage import stream_folder
from holdfast.library.timeline import streams_on
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import DurableFile, fsync_folder
from holdfast.storage.journal import journal_files, read_journal
from holdfast.storage.keys import NodeKey, PublicKey

VERSION = 1
SUFFIX = ".heads"
_MARK = b',"sig":"'


@dataclass(frozen=True, slots=True)
class Head:
    """What was signed: by then the journal of a day went this far, and this was its last line's chain value.

    `sound` is whether the signature is of this line, by the key that it names.
    """

    day: str
    bytes: int
    chain: str
    at_us: int
    fingerprint: str
    sound: bool


@dataclass(frozen=True, slots=True)
class Broken:
    """What does not hold. `kind`: `signature`, `key`, `removed`, `cut-off` or `changed`."""

    kind: str
    where: str
    what: str


def sign_heads(volumes: Mapping[str, Path], key: NodeKey, now_us: int) -> int:
    """Sign the head of every stream whose journal went on since the last time.

    Args:
        volumes: Roots by name.
        key: The node's key.
        now_us: Wall time.

    Returns:
        How many were signed. A stream whose disk fails is passed over; the next hour looks again.
    """
    signed = 0
    for stream, names in streams_on(volumes).items():
        for name in names:
            try:
                signed += _sign(volumes[name], stream, key, now_us)
            except StorageError:
                continue  # its recorder says so in its own way, and what is not signed now is signed in an hour
    return signed


def check_heads(root: Path, stream: StreamKey, trusted: str | None) -> tuple[int, list[Broken]]:
    """Hold a stream's journals on one volume to what was signed.

    Args:
        root: The volume.
        stream: The stream.
        trusted: Fingerprint of the key that must have signed; None takes any.

    Returns:
        How many heads there are, and what does not hold.

    Raises:
        StorageError: A file cannot be read.
    """
    count = 0
    broken: list[Broken] = []
    journals = {path.name.removesuffix(".journal"): path for path in journal_files(root, stream)}
    for path in _files(root, stream):
        heads = list(_read(path, stream, broken))
        count += len(heads)
        others = {head.fingerprint for head in heads if trusted is not None and head.fingerprint != trusted}
        broken += [Broken("key", str(path), f"another key signed it: {other}") for other in sorted(others)]
        broken += [
            Broken("signature", str(path), f"the head at byte {h.bytes} was changed") for h in heads if not h.sound
        ]
        day = path.name.removesuffix(SUFFIX)
        sound = {head.bytes: head for head in heads if head.sound and head.day == day}
        broken += _held_to(journals.get(day), day, sound, stream)
    return count, broken


def _held_to(journal: Path | None, day: str, heads: dict[int, Head], stream: StreamKey) -> Iterator[Broken]:
    if not heads:
        return
    if journal is None:
        yield Broken("removed", f"{stream} {day}", "a journal whose head was signed is gone")
        return
    end, ends = 0, set()
    for entry in read_journal(journal):
        end = entry.offset_after
        ends.add(end)
        head = heads.get(end)
        if head is not None and (entry.line is None or entry.line.chain != head.chain):
            yield Broken("changed", str(journal), f"up to byte {end} it is not what was signed")
    if max(heads) > end:
        yield Broken("cut-off", str(journal), f"{max(heads) - end} bytes that were signed are missing at its end")
    if any(at < end and at not in ends for at in heads):
        yield Broken("changed", str(journal), "its lines do not end where they did when they were signed")


def _sign(root: Path, stream: StreamKey, key: NodeKey, now_us: int) -> bool:
    journals = journal_files(root, stream)
    if not journals:
        return False
    journal = journals[-1]
    day = journal.name.removesuffix(".journal")
    # Before it is read: a line that a power cut takes back must not have been signed.
    with storage_errors("syncing", journal), journal.open("rb") as file:
        os.fsync(file.fileno())
        synced = os.fstat(file.fileno()).st_size
    last = None
    for entry in read_journal(journal):
        if entry.offset_after <= synced and entry.line is not None:
            last = (entry.offset_after, entry.line.chain)
    path = root / stream_folder(stream) / f"{day}{SUFFIX}"
    before = list(_read(path, stream, [])) if path.exists() else []
    mine = key.public.fingerprint
    if last is None or (before and (before[-1].bytes, before[-1].chain, before[-1].fingerprint) == (*last, mine)):
        return False
    body = {
        "v": VERSION, "camera": stream.camera, "stream": stream.stream, "day": day, "bytes": last[0], "chain": last[1],
        "at_us": now_us, "key": key.public.raw.hex(),
    }  # fmt: skip
    text = json.dumps(body, separators=(",", ":")).encode()
    _append(path, text[:-1] + _MARK + key.sign(text).hex().encode() + b'"}\n')
    return True


def _append(path: Path, line: bytes) -> None:
    try:
        file = DurableFile.create(path)
    except FileExistsError:
        file = DurableFile.reopen(path)
    with file:
        with storage_errors("reading", path):
            whole = os.pread(file.fileno(), 1, file.size - 1) == b"\n" if file.size else True
        # What a power cut left torn becomes a line of its own, which no reader takes for a head.
        file.append([line if whole else b"\n" + line])
        file.sync()
    fsync_folder(path.parent)


def _files(root: Path, stream: StreamKey) -> list[Path]:
    folder = root / stream_folder(stream)
    with storage_errors("listing", folder):
        return sorted(folder.glob(f"[0-9]*{SUFFIX}"))


def _read(path: Path, stream: StreamKey, broken: list[Broken]) -> Iterator[Head]:
    with storage_errors("reading", path):
        raw = path.read_bytes()
    for number, line in enumerate(raw.splitlines()):
        text, mark, rest = line.rpartition(_MARK)
        try:
            text += b"}"
            body = json.loads(text)
            public = PublicKey(bytes.fromhex(body["key"]))
            mine = (body["camera"], body["stream"]) == (stream.camera, stream.stream)
            sound = bool(mark) and mine and public.verifies(bytes.fromhex(rest[:-2].decode()), text)
            yield Head(
                str(body["day"]), int(body["bytes"]), str(body["chain"]), int(body["at_us"]), public.fingerprint, sound
            )
        except (ValueError, KeyError, TypeError):
            if line.strip() and not _torn(line):
                broken.append(Broken("signature", str(path), f"line {number + 1} is no signed head"))


def _torn(line: bytes) -> bool:
    """Say whether a line is only the begin of one: what a power cut leaves."""
    return line.startswith(b'{"v":') and not line.endswith(b'"}')
