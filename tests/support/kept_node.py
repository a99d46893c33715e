"""A node whose footage is told by journals and indexed into a catalog, for tests of what is kept and what goes."""

from pathlib import Path

from holdfast.catalog import cameras, segments
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.camera import StreamKey
from holdfast.core.config import Config, load
from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.journal import Sealed
from holdfast.core.timing import HOUR_US
from holdfast.library import kept
from holdfast.library.index import Indexer
from holdfast.library.volumes import prepare
from support.clock import PushedClock
from support.journals import Told

KEPT = "[cameras.gate]\nurl = 'rtsp://192.0.2.1/a'\nvolume = 'main'\n"


class KeptNode:
    """One camera `gate` on a volume `main`, with a clock; `config` is what follows after the volume in the file."""

    def __init__(
        self, root: Path, config: str = KEPT, *, clock: PushedClock | None = None, disk: Path | None = None
    ) -> None:
        self.root = root
        self._runs = 0
        self.clock = clock or PushedClock()
        self.disk = disk or root / "disk"
        self.disk.mkdir(exist_ok=True)
        self.path = root / "holdfast.toml"
        self.write(config)
        (root / "state").mkdir(exist_ok=True)
        prepare(self.config, self.clock)
        self.told = Told(self.disk, self.clock)
        self.told.open()
        self.catalog = open_catalog(self.config.catalog_url)

    def write(self, config: str) -> None:
        """Write the configuration anew."""
        text = f"state_dir = 'state'\nruntime_dir = 'run'\n[volumes.main]\npath = '{self.disk}'\nreserve = '0 MB'\n"
        self.path.write_text(text + config, encoding="utf-8")

    @property
    def config(self) -> Config:
        """What is in force."""
        return load(self.path, {}).config

    @property
    def roots(self) -> dict[str, Path]:
        """Roots by name."""
        return {"main": self.disk}

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.root / "state"

    def record(self, count: int, seconds: float = 600, *, key: StreamKey | None = None) -> list[Sealed]:
        """Record files one after another, and index them."""
        told = self.told if key is None else Told(self.disk, self.clock, key)
        self._runs += 1
        found = [told.record(seconds, f"r{self._runs}") for _ in range(count)]
        self.index()
        return found

    def index(self) -> None:
        """Bring the catalog up to date."""
        Indexer(self.catalog, self.roots, self.clock).pass_once()

    def later(self, hours: float) -> None:
        """Let time pass."""
        self.clock.advance(hours * HOUR_US / 1e6)

    def send(self, *files: Sealed, target: str = "nas") -> None:
        """Say that copies of files were verified."""
        for one in files:
            kept.acknowledged(self.roots, asset_of(one), target, f"{target}:/{one.file}", self.clock.wall_us())

    def here(self) -> set[str]:
        """Files of footage that are there."""
        return {path.relative_to(self.disk).as_posix() for path in self.disk.glob("footage/*/*/*/*.mp4")}

    def removed(self, catalog: Catalog | None = None) -> dict[str, str]:
        """Why files were removed, as rows say it."""
        with (catalog or self.catalog).read() as tx:
            return {
                row.file: row.removed_why
                for stream in cameras.streams(tx)
                for row in segments.starting_at(tx, stream.id, None)
                if row.removed_why is not None
            }

    def close(self) -> None:
        """Let go of everything."""
        self.told.die()
        self.catalog.close()


def asset_of(sealed: Sealed, volume: str = "main") -> Asset:
    """A segment as deliveries know it."""
    return Asset(
        kind=AssetKind.SEGMENT, camera="gate", stream="main", volume=volume, file=sealed.file, bytes=sealed.bytes,
        sha256=sealed.sha256, start_us=sealed.start_us, end_us=sealed.end_us,
    )  # fmt: skip
