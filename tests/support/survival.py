"""Whole programs under stress: a node whose configuration changes while it runs, and what its files really hold.

Pictures are counted by the marks that the simulator put into them, in the bytes on disk, so that nothing here depends
on what the recorder says of itself.
"""

import json
import os
import signal
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.footage import Timeline, timeline
from holdfast.sim.mark import Mark, find_marks
from holdfast.storage.journal import stream_lines
from support.node import Node


class Ground(Node):
    """A node with a configuration that tests rewrite: `cameras` maps ids to the keys of their tables."""

    def __init__(self, root: Path, urls: Mapping[str, str], *, more: str = "", level: str = "info") -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.cameras: dict[str, dict[str, Any]] = {name: {"url": url} for name, url in urls.items()}
        self.more = more
        self.log: dict[str, Any] = {"level": level}
        super().__init__(root, {})
        self.write()

    def write(self) -> None:
        """Replace the configuration by what is wanted now, as an editor would."""
        lines = ['state_dir = "state"', 'runtime_dir = "run"', self.more]
        lines += ["[volumes.main]", 'path = "vol"', 'reserve = "1 MB"', "[log]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in self.log.items()]
        lines += ["[defaults]", "segment_s = 86400"]  # so that no test meets a boundary that it does not expect
        for name, keys in self.cameras.items():
            lines.append(f"[cameras.{name}]")
            lines += [f"{key} = {value if isinstance(value, str) and value[:1] in '{[' else json.dumps(value)}"
                      for key, value in keys.items()]  # fmt: skip
        self.replace("\n".join(lines) + "\n")

    def replace(self, text: str) -> None:
        """Put this text in place of the configuration."""
        fresh = self.config.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(0o600)
        fresh.replace(self.config)

    def begin(self) -> "Ground":
        """Start it and wait until every camera records."""
        self.run().until(lambda: self.recording(*self.cameras))
        return self

    @property
    def volume(self) -> Path:
        """Where its footage is."""
        return self.root / "vol"

    def pids(self) -> dict[str, int]:
        """Return the processes of this node, by name, from its own status."""
        found = {child["name"]: int(child["pid"]) for child in self.role("supervisor").get("children", [])}
        return {name: pid for name, pid in found.items() if pid}

    def send(self, child: str, number: signal.Signals) -> None:
        """Signal one of its own processes."""
        os.kill(self.pids()[child], number)

    def events(self, camera: str, kind: type[Any] | None = None) -> list[Any]:
        """Return what a camera's journal says, of one kind where asked."""
        return events_of(self.volume, camera, kind)

    def ledger(self, camera: str) -> Timeline:
        """Derive a camera's timeline from its journal, as of now, with its recorder gone."""
        lines = stream_lines(self.volume, StreamKey(camera, "main"))
        return timeline(lines, now_us=SystemClock().wall_us(), alive=False)

    def marks(self, camera: str) -> list[Mark]:
        """Return the marks of all pictures on disk, in the order of the files."""
        return marks_in(footage(self.volume, camera))


def events_of(volume: Path, camera: str, kind: type[Any] | None = None) -> list[Any]:
    """Return the journal's events of a camera's main stream."""
    said = [line.event for line in stream_lines(volume, StreamKey(camera, "main")) if line.event is not None]
    return [event for event in said if kind is None or isinstance(event, kind)]


def footage(volume: Path, camera: str) -> list[Path]:
    """Return a camera's files, growing ones too, oldest first."""
    return sorted(path for path in (volume / "footage" / camera / "main").glob("*/*.mp4*") if path.is_file())


def marks_in(files: Sequence[Path]) -> list[Mark]:
    """Return every mark in these files; one that is renamed just now is found under its new name."""
    found = []
    for path in files:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = path.with_suffix("").read_bytes()
        found += list(find_marks(data))
    return found


def holes(marks: Sequence[Mark]) -> list[tuple[int, int]]:
    """Return where the pictures' counters do not follow each other by one, as (before, after)."""
    return [(a.counter, b.counter) for a, b in pairwise(marks) if b.counter != a.counter + 1]
