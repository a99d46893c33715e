"""Files that keep coming, for drills of deliveries: footage with its journal and stills with their rows, mixed up.

Each is whole and written down before it counts as sent, as recorder and stills do it. What was sent is remembered here,
with hashes of its own, and nothing that the program says of itself is believed.

Not here: who breaks what meanwhile (handing_on).
"""

import hashlib
import json
import os
import random
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from holdfast.core.clock import SystemClock
from holdfast.core.timing import SECOND_US
from support.clock import PushedClock
from support.handed import Handed
from support.journals import Told

LENGTH_S = 600
MARGIN_BYTES = 8 << 20  # of the disk: for journals and rows
STILLS = (5_000, 5_000, 5_000, 20_000)


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is sent.

    Attributes:
        assets: Files in all.
        footage: Sizes in bytes of files of footage, and how many of each; all others are stills of 5 to 20 kB.
        seconds: For how long they come.
    """

    assets: int
    footage: tuple[tuple[int, int], ...]
    seconds: float


class Backlog:
    """The files of one drill.

    Attributes:
        sent: SHA-256 of each, by its name on the volume, which is its name at the target.
        footage: Which of them are footage.
        bytes: All of it.
    """

    def __init__(self, site: Handed, load: Load, dice: random.Random) -> None:
        self._site, self._dice = site, dice
        sizes = [size for size, count in load.footage for _ in range(count)]
        # All of it is over when it is sent, so that each file may go once it has its copy.
        begin_us = SystemClock().wall_us() - (len(sizes) + 6) * LENGTH_S * SECOND_US
        self._told = Told(site.volume, PushedClock(begin_us))
        self._told.open()
        self._left = [*sizes, *[0] * (load.assets - len(sizes))]
        dice.shuffle(self._left)
        self.sent: dict[str, str] = {}
        self.footage: set[str] = set()
        self.bytes = 0

    def add(self, upto: int) -> bool:
        """Send files until there were that many; False where the disk has no room for the next one now."""
        while len(self.sent) < upto and self._left:
            if not self._fits(self._left[-1]):
                return False
            size = self._left.pop()
            body = self._dice.randbytes(size or self._dice.choice(STILLS))
            if size:
                file = self._told.record(LENGTH_S, body=body).file
                self.footage.add(file)
            else:
                file = self._site.still(len(self.sent), body=body)
            self.sent[file] = hashlib.sha256(body).hexdigest()
            self.bytes += len(body)
        return True

    def close(self) -> None:
        """Let go of the journal."""
        self._told.close()

    def _fits(self, size: int) -> bool:
        facts = os.statvfs(self._site.volume)
        return facts.f_bavail * facts.f_frsize > size + MARGIN_BYTES


class Witness:
    """Looks at volume and target from outside, and says what must not be so."""

    def __init__(self, site: Handed, backlog: Backlog) -> None:
        self._site, self._backlog = site, backlog
        self._known: dict[tuple[Path, int, int], str] = {}

    def problems(self) -> list[str]:
        """What is acknowledged is there as it was; what left the disk, too; whatever has a final name is whole."""
        told = self._acknowledged()
        told |= {row.asset.file: row.asset.sha256 for row in self._site.every_row() if row.object_us is not None}
        arrived = self.arrived()
        found = [f"{file} is acknowledged, and is not there" for file in told if arrived.get(file) != told[file]]
        sent = self._backlog.sent
        found += [f"{file} was deleted without its copy" for file in self.gone() if arrived.get(file) != sent[file]]
        return found + [f"{name} is not what was sent" for name in arrived if arrived[name] != sent.get(name)]

    def _acknowledged(self) -> dict[str, str]:
        """Return what the kept journals say has arrived; a line that a kill or a full disk cut short says nothing."""
        found = {}
        for path in self._site.volume.rglob("*.kept.journal"):
            for text in path.read_bytes().splitlines():
                with suppress(ValueError):
                    line = json.loads(text)
                    if line["t"] == "acknowledged":
                        found[str(line["file"])] = str(line["sha256"])
        return found

    def lost(self) -> list[str]:
        """What never arrived."""
        arrived = self.arrived()
        return [f"{file} is lost" for file in self._backlog.sent if file not in arrived]

    def gone(self) -> set[str]:
        """What left the disk."""
        return {file for file in self._backlog.sent if not (self._site.volume / file).exists()}

    def arrived(self) -> dict[str, str]:
        """Return the SHA-256 of all that lies at the target under a name of its own."""
        found = {}
        for folder, below, names in os.walk(self._site.nas):
            below[:] = [name for name in below if not name.startswith(".")]
            for name in names:
                if not name.startswith("."):
                    path = Path(folder, name)
                    found[str(path.relative_to(self._site.nas))] = self._hashed(path)
        return found

    def _hashed(self, path: Path) -> str:
        facts = path.stat()
        key = (path, facts.st_ino, facts.st_mtime_ns)
        if key not in self._known:
            with path.open("rb") as file:
                self._known[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._known[key]
