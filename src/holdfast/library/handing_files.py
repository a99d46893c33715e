"""Files whose content nobody has written down yet: pictures, and journals, which grow while they are sent.

A journal is an asset up to a size: its lines are only ever appended. Days that are over are planned under the journal's
own name once nothing has been added for a while; today's is planned once an hour, under a name with the hour, so that a
site that burns down has lost the words about an hour at most.

Not here: rules and rows (handing_on).
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from holdfast.catalog import handing_on
from holdfast.catalog.db import Transaction
from holdfast.catalog.deliveries import NOUN
from holdfast.catalog.handing_on import Receiver
from holdfast.core.camera import StreamKey
from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.footage import stream_folder
from holdfast.core.naming import PART, numbered
from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US, day_of, from_datetime, to_datetime
from holdfast.storage.errors import storage_errors

EVERY_US = MINUTE_US  # chosen: folders are listed this often
SETTLED_US = 10 * MINUTE_US  # chosen: a recorder writes its last line of a day within a segment's length

_BLOCK = 1 << 20
_GROW = (".kept.journal", ".heads")
"""What is still written about a day that is over: copies and deletions, and signed heads of its journal."""

_ENDINGS = (*_GROW, ".journal")


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal that says more than what was planned of it; `mark` is what its name needs while its day lasts."""

    asset: Asset
    mark: str


def marked(key: str, mark: str) -> str:
    """Return the name of what is not the whole of a file yet: `a/2026-05-01-until-1400.journal`."""
    return numbered(key, f"{PART[1:]}{mark}")


def instance(volumes: Mapping[str, Path], asset: Asset) -> Asset | None:
    """Return an asset with its size and hash; None where the file is gone.

    `bytes` of the asset is how much of the file is meant; 0 is all of it.

    Raises:
        StorageError: It cannot be read.
    """
    root = volumes.get(asset.volume)
    if root is None:
        return None
    path, sha, size = root / asset.file, hashlib.sha256(), 0
    with storage_errors("reading", path):
        try:
            with path.open("rb") as file:
                while block := file.read(min(_BLOCK, asset.bytes - size) if asset.bytes else _BLOCK):
                    sha.update(block)
                    size += len(block)
        except (FileNotFoundError, NotADirectoryError):
            return None
    return replace(asset, bytes=size, sha256=sha.hexdigest())


def changed_journals(
    tx: Transaction, node: int, target: str, volumes: Mapping[str, Path], keys: Iterable[StreamKey], now_us: int,
    since_us: int,
) -> list[Journal]:  # fmt: skip
    """Return journals, kept journals and signed heads that say more than a target was planned to get.

    Args:
        tx: A transaction.
        node: The node's number.
        target: Name of the target.
        volumes: Roots by name.
        keys: Whose journals.
        now_us: Wall time.
        since_us: Journals of days before this are left out.
    """
    found = [one for key in keys for one in _listed(volumes, key, since_us)]
    receiver = Receiver(NOUN, target)
    known = handing_on.planned_sizes(tx, node, receiver, [(one.volume, one.file) for one in found])
    changed = []
    for asset in found:
        sent = known.get((asset.volume, asset.file))
        over = asset.end_us + SETTLED_US <= now_us
        # What was planned of a day before it was over has another name, even where nothing was added since.
        whole = over and sent is not None and sent.created_us < asset.end_us + SETTLED_US
        if sent is not None and asset.bytes <= sent.bytes and not whole:
            continue
        grows = asset.file.endswith(_GROW)
        # What is added to a day that is over is told within the hour too: copies and deletions are, for weeks.
        if sent is not None and (grows or not over) and now_us - sent.created_us < HOUR_US:
            continue
        changed.append(Journal(asset, "" if over else f"{to_datetime(now_us):%H%M}"))
    return changed


def _listed(volumes: Mapping[str, Path], key: StreamKey, since_us: int) -> list[Asset]:
    found = []
    for volume, root in volumes.items():
        folder = stream_folder(key)
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError:
            continue  # this volume has none of it, or is away: another pass looks again
        for entry in entries:
            start_us = _day_us(entry.name)
            if start_us is None or start_us < since_us:
                continue
            try:
                size = entry.stat().st_size
            except OSError:
                continue  # deleted meanwhile, a dangling link, or unreadable: one file holds up no other
            asset = Asset(
                kind=AssetKind.JOURNAL, camera=key.camera, stream=key.stream, volume=volume,
                file=str(PurePosixPath(folder, entry.name)), bytes=size, sha256="", start_us=start_us,
                end_us=start_us + DAY_US,
            )  # fmt: skip
            if asset.bytes:
                found.append(asset)
    return found


def _day_us(name: str) -> int | None:
    """Return when the day of a journal begins; None where a file is none."""
    ending = next((ending for ending in _ENDINGS if name.endswith(ending)), None)
    if ending is None:
        return None
    stem = name.removesuffix(ending)
    try:
        day_us = from_datetime(to_datetime(0).fromisoformat(f"{stem}T00:00:00+00:00"))
    except ValueError:
        return None
    return day_us if day_of(day_us) == stem else None
