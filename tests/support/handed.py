"""A node for tests of deliveries: files on a volume with their rows, a folder as the target, time that is pushed."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import update

from holdfast.catalog import cameras, deliveries, exports, incidents, nodes, schema, segments, stills
from holdfast.catalog.db import Catalog
from holdfast.catalog.deliveries import DeliveryRow, Wanted
from holdfast.catalog.incidents import Picture
from holdfast.catalog.rows import Id
from holdfast.catalog.segments import Piece
from holdfast.catalog.stills import Outcome
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.config import Loaded, load
from holdfast.core.footage import journal_path, segment_path
from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.core.timing import SECOND_US, day_of
from holdfast.library.exports import KEPT_US
from holdfast.library.handing_on import HandingOn
from holdfast.storage.targets.marker import adopt
from holdfast.storage.volume import create_marker
from support.clock import PushedClock

RULE = '[deliveries.archive]\ntarget = "nas"\n'
LENGTH_US = 600 * SECOND_US
TRACKS = ({"kind": "video", "codec": "h264", "width": 640, "height": 360},)


class Handed:
    """One node with cameras `gate` and `yard`, a volume `disk` and a target `nas`.

    Args:
        root: Folder of everything.
        catalog: An empty catalog.
        rules: Rules of delivery, as TOML.
        more: Further TOML, before everything else.
        target: Table of the target; None is a folder that is adopted.
        clock: Time.
    """

    def __init__(
        self, root: Path, catalog: Catalog, rules: str = RULE, *, more: str = "", target: str | None = None,
        clock: Clock | None = None,
    ) -> None:  # fmt: skip
        self.root, self.catalog = root, catalog
        self.clock = clock or PushedClock()
        self.volume, self.nas = root / "disk", root / "nas"
        self.volume.mkdir(exist_ok=True)
        create_marker(self.volume, 1)
        self._more = more
        self.target = target
        if target is None:
            self.mount()
        self.loaded = self.configure(rules)
        with catalog.write() as tx:
            self.node = nodes.ensure(tx, "local", 1)
            self._volumes = nodes.ensure_volumes(tx, self.node, {"disk": self.volume}, 1)
        self.handing = HandingOn(catalog, self.node, self.loaded.config, self.clock)

    def mount(self) -> None:
        """Make the target's folder be there, with its marker."""
        self.nas.mkdir(exist_ok=True)
        adopt("nas", self.nas, 1, "nas")

    def configure(self, rules: str) -> Loaded:
        """Write the configuration, and read it."""
        path = self.root / "holdfast.toml"
        target = self.target or f'[targets.nas]\ntype = "folder"\npath = "{self.nas}"\n'
        text = f'state_dir = "state"\nruntime_dir = "run"\n{self._more}[volumes.disk]\npath = "disk"\n{target}{rules}'
        for camera in ("gate", "yard"):
            text += f'[cameras.{camera}]\nurl = "rtsp://192.0.2.1/{camera}"\n'
        path.write_text(text, encoding="utf-8")
        self.loaded = load(path, {})
        return self.loaded

    def again(self, rules: str = RULE, catalog: Catalog | None = None) -> None:
        """Begin anew with other rules, or another catalog: what was in memory is gone."""
        self.catalog = catalog or self.catalog
        with self.catalog.write() as tx:
            self.node = nodes.ensure(tx, "local", 1)
            self._volumes = nodes.ensure_volumes(tx, self.node, {"disk": self.volume}, 1)
        self.handing = HandingOn(self.catalog, self.node, self.configure(rules).config, self.clock)

    def store(self, file: str, body: bytes) -> str:
        """Write a file on the volume; its SHA-256."""
        path = self.volume / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        return hashlib.sha256(body).hexdigest()

    def segment(
        self, number: int, camera: str = "gate", stream: str = "main", *, state: str = "sealed", body: bytes = b""
    ) -> str:  # fmt: skip
        """Make the segment that many lengths after the clock's beginning; its file."""
        key, start_us = StreamKey(camera, stream), PushedClock().wall_us() + number * LENGTH_US
        file = str(segment_path(key, start_us))
        content = body or f"{camera}/{stream}/{number}".encode() * 50
        sha256 = self.store(file, content)
        sealed = state == "sealed"
        piece = Piece(
            volume="disk", file=file, run="r", state=state, origin="journal", start_us=start_us,
            end_us=start_us + LENGTH_US if sealed else None, bytes=len(content) if sealed else None,
            media_bytes=len(content) if sealed else None, sha256=sha256 if sealed else None, tracks=TRACKS,
        )  # fmt: skip
        with self.catalog.write() as tx:
            of = cameras.ensure_stream(tx, self.node, key, 1).id
            known = segments.by_file(tx, of, [(self._volumes["disk"], file)])
            changed = [(row.id.number, piece) for row in known]
            segments.write(tx, of, self._volumes, new=[] if known else [piece], changed=changed, gone=[])
        return file

    def journal(self, text: str, camera: str = "gate", day_us: int | None = None) -> Path:
        """Add to a day's journal; its path."""
        day = day_of(self.clock.wall_us() if day_us is None else day_us)
        path = self.volume / journal_path(StreamKey(camera, "main"), day)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
        return path

    def still(self, number: int, camera: str = "gate", *, body: bytes = b"") -> str:
        """Make a still; its file."""
        at_us = PushedClock().wall_us() + number * SECOND_US
        file = f"stills/{camera}/{day_of(at_us)}/{camera}_{at_us}.jpg"
        body = body or f"still {camera} {number}".encode()
        sha256 = self.store(file, body)
        one = Outcome(
            camera=camera, slot_us=at_us, at_us=at_us, volume="disk", file=file, width=640, height=360,
            source_width=640, source_height=360, bytes=len(body), sha256=sha256, location="r-7",
        )  # fmt: skip
        with self.catalog.write() as tx:
            stills.put(tx, self.node, [one], at_us)
        return file

    def incident(self, number: int, camera: str = "gate") -> Id:
        """Make an incident with one picture."""
        start_us = PushedClock().wall_us() + number * SECOND_US
        file = f"incidents/{camera}/blackscreen/{camera}_{number}.jpg"
        body = f"black {camera} {number}".encode()
        self.store(file, body)
        case = Case(IncidentType.BLACKSCREEN, Stage.RESOLVED, start_us=start_us, bad_us=start_us, good_us=start_us + 1)
        picture = Picture(
            number=1, at_us=start_us, volume="disk", file=file, width=640, height=360, bytes=len(body)
        )  # fmt: skip
        with self.catalog.write() as tx:
            made = incidents.put(tx, self.node, camera, case, now_us=start_us)
            incidents.add_pictures(tx, made, [picture])
        return made

    def ask_export(self, *streams: str, from_us: int = 1) -> Id:
        """Ask for an export; nobody makes it yet."""
        wanted = exports.Wanted(
            streams=" ".join(streams), from_us=from_us, to_us=from_us + LENGTH_US, format="zip", cut=False,
            asked_by="ann", purpose="",
        )  # fmt: skip
        with self.catalog.write() as tx:
            return exports.add(tx, self.node, wanted, self.clock.wall_us())

    def make_export(self, export: Id) -> str:
        """Make it, as a worker would; its file."""
        file, body, now_us = f"exports/{export}_gate_export.zip", f"export {export}".encode(), self.clock.wall_us()
        values = {
            "state": exports.DONE, "volume": "disk", "file": file, "name": "gate_export.zip", "bytes": len(body),
            "sha256": self.store(file, body), "manifest": "m", "done_us": now_us, "expires_us": now_us + KEPT_US,
        }  # fmt: skip
        c = schema.exports.c
        with self.catalog.write() as tx:
            where = (c.node == export.node) & (c.id == export.number)
            tx.run("exports", update(schema.exports).where(where).values(values))
        return file

    def rows(self, **wanted: object) -> list[DeliveryRow]:
        """Return the deliveries, oldest first."""
        with self.catalog.read() as tx:
            return list(deliveries.page(tx, Wanted(**wanted), limit=1000, oldest_first=True).rows)  # type: ignore[arg-type] # columns by name

    def every_row(self) -> Iterator[DeliveryRow]:
        """Yield all deliveries, however many there are."""
        cursor = None
        while True:
            with self.catalog.read() as tx:
                page = deliveries.page(tx, Wanted(), limit=1000, cursor=cursor, oldest_first=True)
            yield from page.rows
            cursor = page.cursor
            if cursor is None:
                return

    def keys(self, **wanted: object) -> list[str]:
        """Return their names at the target."""
        return [row.key for row in self.rows(**wanted)]

    def arrived(self) -> dict[str, bytes]:
        """Return what lies at the folder, by name; what the target keeps for itself left out."""
        found = {}
        for path in sorted(self.nas.rglob("*")):
            name = str(path.relative_to(self.nas))
            if path.is_file() and not any(part.startswith(".") for part in Path(name).parts):
                found[name] = path.read_bytes()
        return found

    def acknowledgements(self) -> list[dict[str, object]]:
        """Return what the kept journals say of copies."""
        lines = [line for path in self.volume.rglob("*.kept.journal") for line in path.read_text().splitlines()]
        found: list[dict[str, object]] = [json.loads(line) for line in lines]
        return [line for line in found if line["t"] == "acknowledged"]
