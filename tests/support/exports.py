"""Exports for tests: a node with footage that has every kind of trouble in it, and an export of it."""

import io
import json
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.core.camera import StreamKey
from holdfast.core.journal import Sealed
from holdfast.library.export_plan import Asked, draft
from holdfast.library.export_write import Made, Maker, write
from holdfast.storage.keys import NodeKey, node_key
from support.clips import write_run
from support.clock import PushedClock
from support.journals import Told
from support.media import Footage

SITE = {"name": "Harbour <north>", "id": "harbour", "time_zone": "Europe/Berlin"}


@dataclass
class Yard:
    """A node of one camera: whole files, one that was removed, an outage, and whole files again."""

    root: Path
    clock: PushedClock = field(default_factory=PushedClock)
    pieces: list[Sealed] = field(default_factory=list)
    folder: str = "disk"

    def __post_init__(self) -> None:
        self.told = Told(self.disk, self.clock)
        self.began_us = self.clock.wall_us()
        self.told.open()
        self.pieces += [self.told.record(600) for _ in range(3)]
        self.told.remove(self.pieces[0])
        self.told.down("unreachable", 120)
        self.pieces += [self.told.record(600, "r2") for _ in range(2)]
        self.told.close()

    @property
    def disk(self) -> Path:
        """Root of the volume."""
        return self.root / self.folder

    @property
    def volumes(self) -> dict[str, Path]:
        """Roots by name."""
        return {"main": self.disk}

    @property
    def key(self) -> NodeKey:
        """The node's key."""
        return node_key(self.root / "state")

    def asked(self, **more: Any) -> Asked:
        """All of it."""
        words: dict[str, Any] = {
            "streams": (StreamKey("gate", "main"),), "from_us": self.began_us, "to_us": self.clock.wall_us(),
            "by": "ann",
        }  # fmt: skip
        return Asked(**{**words, **more})

    def maker(self, key: NodeKey | None = None) -> Maker:
        """Who makes it."""
        return Maker(node="local", site=SITE, key=key or self.key, now_us=self.clock.wall_us())

    def export(self, target: Path, **more: Any) -> Made:
        """Make one."""
        made = draft(self.volumes, self.asked(**more), self.clock.wall_us(), facts=lambda _camera: {"name": "Gate"})
        return write(made, self.maker(), target, reserve_bytes=0)


def filmed(root: Path, footage: Footage) -> Told:
    """A node whose files are real footage, in one run of several files, and its recorder gone in order."""
    clock = PushedClock()
    told = Told(root, clock)
    told.open()
    write_run(root, footage, start_us=clock.wall_us(), say=told.say)
    clock.advance(60)
    told.close()
    return told


def changed(path: Path, **files: bytes | None) -> Path:
    """Return a copy of a ZIP in which files hold something else, or are gone; names as the manifest has them."""
    target = path.with_name(f"changed-{os.urandom(4).hex()}.zip")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for info in source.infolist():
            name = info.filename.partition("/")[2]
            data = files.get(name, source.read(info))
            if data is not None:
                copy.writestr(zipfile.ZipInfo(info.filename), data)
        known = {info.filename.partition("/")[2] for info in source.infolist()}
        folder = source.infolist()[0].filename.partition("/")[0]
        for name, data in files.items():
            if name not in known and data is not None:
                copy.writestr(zipfile.ZipInfo(f"{folder}/{name}"), data)
    return target


def inside(path: Path) -> dict[str, bytes]:
    """Return the files of a ZIP by their names in the export."""
    with zipfile.ZipFile(path) as archive:
        return {info.filename.partition("/")[2]: archive.read(info) for info in archive.infolist()}


def resigned(path: Path, key: NodeKey, body: dict[str, Any]) -> Path:
    """Return a copy of a ZIP with another manifest, signed by a key that pretends to be the right one."""
    raw = (json.dumps(body, sort_keys=True, indent=1) + "\n").encode()
    return changed(path, **{"manifest.json": raw, "manifest.sig": key.sign(raw), "node-key.pub.pem": key.public.pem})


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a ZIP that holds these."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return held.getvalue()
