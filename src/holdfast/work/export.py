"""Makes exports: one row, one file in `exports/` of the volume with most room.

A kill at any point leaves a temporary file, which the next attempt removes, or a finished one, which it writes anew:
the row decides. Footage is read, not held: what retention removes meanwhile is named in the export.

Not here: what goes in and how (library.export_plan, export_write), asking and fetching (library.exports).
"""

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from holdfast.catalog.exports import DONE, NOUN, WORKING, ExportRow, of_columns
from holdfast.catalog.nodes import LOCAL
from holdfast.core.clock import Clock
from holdfast.core.config import Config
from holdfast.core.errors import CatalogError, HoldfastError, VolumeMissing
from holdfast.library import exports
from holdfast.library.export_plan import PIECE_BYTES, Draft, draft
from holdfast.library.export_write import Maker, name_of, write
from holdfast.library.exporting import facts_of, reserve_at, site_of
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import ensure_folder
from holdfast.storage.keys import node_key
from holdfast.work.job import Job
from holdfast.work.kind import Kind, Queue
from holdfast.work.retry import Retry

SAY_S = 1.0  # chosen: as often as a page asks
MOST_ATTEMPTS = 10  # chosen: half an hour; a disk without room for it must not keep others from asking

_log = structlog.stdlib.get_logger("holdfast.work")


class _Told(HoldfastError):
    """The row is not ours any more, or the worker ends: what was written goes."""


def export_kind(config: Callable[[], Config], clock: Clock, *, node: str = LOCAL) -> Kind:
    """Return the kind of work that makes exports.

    Args:
        config: Says the settings in force, the catalog's cameras included.
        clock: Time.
        node: Name of this node.
    """

    def body(job: Job) -> None:
        with suppress(_Told):
            _make(job, config(), clock, node)

    return Kind(
        name="export", noun=NOUN, queue=Queue.MEDIA, body=body, about="Makes exports of footage.", lane_limit=1,
        working=WORKING, retry=Retry(most=MOST_ATTEMPTS),
    )  # fmt: skip


def _make(job: Job, config: Config, clock: Clock, node: str) -> None:
    row, now_us = of_columns(job.row), clock.wall_us()
    volumes = {name: volume.path for name, volume in config.volumes.items()}
    found = draft(volumes, exports.asked_of(row), now_us, facts=lambda camera: facts_of(config, camera))
    volume, root = _roomiest(volumes)
    # The row's id stands first: two exports of one camera and span are two files.
    name = name_of(found, ZoneInfo(config.site.time_zone))
    target = root / exports.FOLDER / f"{row.id}_{name}"
    ensure_folder(root, target.parent)
    _clear(target)
    job.keep({"bytes": found.bytes, "written_bytes": 0})
    maker = Maker(node=node, site=site_of(config), key=node_key(config.state_dir), now_us=now_us)
    made = write(
        found, maker, target, replace_it=True, reserve_bytes=reserve_at(config, target.parent), seen=_seen(job, found)
    )
    sha256 = _hashed(made.path, job)
    done_us = clock.wall_us()
    values = {
        "name": name, "volume": volume, "file": (exports.FOLDER / target.name).as_posix(), "bytes": made.bytes,
        "written_bytes": made.bytes, "sha256": sha256, "manifest": made.manifest.id, "complete": made.manifest.complete,
        "missing": json.dumps(exports.missing(made.manifest)), "done_us": done_us,
        "expires_us": done_us + exports.KEPT_US,
    }  # fmt: skip
    if job.finish(DONE, values):
        _log.info("export.done", id=str(row.id), bytes=made.bytes, complete=made.manifest.complete, by=row.asked_by)
    else:
        _gave_up(row, target)


def _hashed(path: Path, job: Job) -> str:
    """Read the file back and return its SHA-256: a ZIP goes back to its headers as it is written."""
    sha = hashlib.sha256()
    with storage_errors("reading", path), path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            sha.update(piece)
            if not job.alive():
                raise _Told("told to end")
    return sha.hexdigest()


def _gave_up(row: ExportRow, target: Path) -> None:
    with storage_errors("removing", target):
        target.unlink(missing_ok=True)
    _log.info("export.given_up", id=str(row.id))


def _seen(job: Job, found: Draft) -> Callable[[int, int], None]:
    said_s = time.monotonic()

    def seen(done: int, total: int) -> None:
        nonlocal said_s
        job.progress(done, total)
        if not job.alive():
            raise _Told("told to end")
        if time.monotonic() - said_s < SAY_S and done < found.bytes:
            return
        said_s = time.monotonic()
        with suppress(CatalogError):  # how far it is can be told later; a lost row is told by `alive`
            if not job.keep({"written_bytes": done}):
                raise _Told("somebody deleted it")

    return seen


def _roomiest(volumes: dict[str, Path]) -> tuple[str, Path]:
    room: list[tuple[int, str]] = []
    for name, root in volumes.items():
        with suppress(OSError):  # a disk that is away has no room
            if (root / "footage").is_dir():
                facts = os.statvfs(root)
                room.append((facts.f_bavail * facts.f_frsize, name))
    if not room:
        raise VolumeMissing("no volume is there to write an export to")
    name = max(room)[1]
    return name, volumes[name]


def _clear(target: Path) -> None:
    """Remove what an attempt that was killed left of this very export."""
    with storage_errors("clearing", target.parent):
        for part in target.parent.glob(f".{target.name}.*.part"):
            part.unlink(missing_ok=True)
