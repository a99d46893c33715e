"""Simulated cameras for tests: small, quick to encode, on a free port."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from holdfast.media.synthetic import VideoSpec
from holdfast.media.synthetic_sound import AudioSpec
from holdfast.sim.camera import CameraSpec
from holdfast.sim.faults import Fault
from holdfast.sim.server import SimServer
from holdfast.sim.thread import SimThread


def small_camera(
    name: str = "cam1", *, codec: str = "h264", audio: str | None = "aac", gop: int = 25, bframes: int = 0, **more: Any
) -> CameraSpec:
    """A camera of 320x240 at 25 pictures a second and 300 kb/s; `more` goes to `CameraSpec`."""
    video = VideoSpec(codec=codec, width=320, height=240, fps=25, bitrate_bps=300_000, gop=gop, bframes=bframes)
    sound = AudioSpec(codec=audio) if audio else None
    return CameraSpec(name=name, video=video, audio=sound, sub_size=(160, 120), **more)


@contextmanager
def simulated(
    *cameras: CameraSpec,
    ledger: Path | None = None,
    hashes: bool = False,
    script: Sequence[Fault] = (),
    port: int = 0,
    port_per_camera: bool = False,
) -> Iterator[SimThread]:
    """Serve cameras (one small one, `cam1`, by default) from a thread of this process."""
    server = SimServer(
        cameras or (small_camera(),),
        ledger=ledger,
        hashes=hashes,
        script=script,
        port=port,
        port_per_camera=port_per_camera,
    )
    with SimThread(server) as sim:
        yield sim


def read_ledger(path: Path, what: str = "", **facts: Any) -> list[dict[str, Any]]:
    """Return the whole lines of a ledger so far, those of one kind and with these facts where asked."""
    text = path.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    wanted = {**facts, **({"what": what} if what else {})}
    return [line for line in lines if all(line.get(name) == value for name, value in wanted.items())]
