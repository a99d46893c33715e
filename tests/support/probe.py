"""What ffprobe says of a file: the oracle, which shares no code with what it judges."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Probed:
    """Packets as ffprobe reads them, frames that it could decode, and what it complained about."""

    packets: list[dict[str, Any]]
    streams: list[dict[str, Any]]
    format: dict[str, Any]
    complaints: str

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Packets of `video` or `audio`, in decode order."""
        return [p for p in self.packets if p["codec_type"] == kind]

    def frames(self, kind: str) -> int:
        """Frames of a kind that decoded."""
        return sum(int(s["nb_read_frames"]) for s in self.streams if s["codec_type"] == kind)


def probe(path: Path) -> Probed:
    """Play a file to its end."""
    argv = ["ffprobe", "-v", "warning", "-count_frames", "-show_packets", "-show_data_hash", "md5", "-show_streams",
            "-show_format", "-of", "json", str(path)]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    body = json.loads(done.stdout or "{}")
    empty: dict[str, Any] = {}
    return Probed(body.get("packets", []), body.get("streams", []), body.get("format", empty), done.stderr)
