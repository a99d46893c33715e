"""What retention remembers beside the catalog: from which volumes holds were taken up, and how far events are safe.

`kept.json` in the state folder. A catalog that is lost does not take it along: whoever comes after it knows what of
the footage somebody has looked at, and up to when what was found stands in the kept journals.

Not here: what follows from it (lasting, keeping). Any thread; one process writes, the worker's or a command.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from holdfast.core.spans import Span
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import FILE_MODE, replace_atomically

NAME = "kept.json"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What of a camera was looked at for events.

    Attributes:
        written_us: Wall time of the newest pass that wrote all of its events beside the footage; 0 for none.
        looked: Spans that were looked at, oldest first. The events of each are in the kept journals, but for the newest
            one, which goes on with the watcher.
        live: Whether the newest one goes on; False where a catalog was lost since.
    """

    written_us: int = 0
    looked: tuple[Span, ...] = ()
    live: bool = True

    def looked_until(self, taken_us: int | None) -> tuple[Span, ...]:
        """Return what was looked at, now that the watcher has come to an instant; None where it has not begun."""
        if not self.live or not self.looked:
            return self.looked
        begin_us = self.looked[-1][0]
        return (*self.looked[:-1], (begin_us, max(begin_us, begin_us if taken_us is None else taken_us)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All that is remembered.

    Attributes:
        volumes: Name and id, as `main|4f3a…`, of those whose holds the catalog knows.
        written_us: Wall time of the newest pass that wrote what people and incidents hold on all of them; 0 for none.
        catalog_us: When the catalog was made that the rest is about; 0 before anything was remembered.
        blank: That catalog was made after a loss, and nothing was remembered of the one before it.
        cameras: By id.
    """

    volumes: frozenset[str] = frozenset()
    written_us: int = 0
    catalog_us: int = 0
    blank: bool = False
    cameras: Mapping[str, Watched] = field(default_factory=dict)

    def looked(self, camera: str, taken_us: int | None) -> tuple[Span, ...]:
        """Return what of a camera's footage was looked at for events."""
        known = self.cameras.get(camera)
        if known is not None:
            return known.looked_until(taken_us)
        # Before there was this memory, whatever was older than how far the watcher had come counted as looked at.
        return () if self.blank or taken_us is None else ((0, taken_us),)


def recall(state_dir: Path) -> Memory:
    """Return what is remembered; nothing where there is none yet, or it is damaged."""
    try:
        body = json.loads((state_dir / NAME).read_bytes())
        return Memory(
            volumes=frozenset(str(one) for one in body["volumes"]), written_us=int(body["written_us"]),
            catalog_us=int(body["catalog_us"]), blank=bool(body["blank"]),
            cameras={
                str(camera): Watched(
                    written_us=int(one["written_us"]), live=bool(one["live"]),
                    looked=tuple((int(begin_us), int(end_us)) for begin_us, end_us in one["looked"]),
                )
                for camera, one in body["cameras"].items()
            },
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Memory()


def remember(state_dir: Path, memory: Memory) -> None:
    """Write it down, if it says anything new.

    Raises:
        StorageError: It cannot be written.
    """
    if memory == recall(state_dir):
        return
    body = {
        "v": VERSION, "volumes": sorted(memory.volumes), "written_us": memory.written_us,
        "catalog_us": memory.catalog_us, "blank": memory.blank,
        "cameras": {
            camera: {"written_us": one.written_us, "looked": one.looked, "live": one.live}
            for camera, one in memory.cameras.items()
        },
    }  # fmt: skip
    with storage_errors("making folder", state_dir):
        state_dir.mkdir(parents=True, exist_ok=True)
    replace_atomically(state_dir / NAME, json.dumps(body, indent=1).encode(), durable=True, mode=FILE_MODE)


def take_up_again(state_dir: Path) -> None:
    """Have the next pass read all kept journals again, because the catalog may not know what they say.

    Raises:
        StorageError: It cannot be written.
    """
    remember(state_dir, replace(recall(state_dir), volumes=frozenset()))
