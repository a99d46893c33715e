"""`holdfast sim`: simulated cameras over RTSP, and scripts of what shall go wrong with them."""

import asyncio
import json
import re
import signal
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from holdfast.core.errors import UsageError
from holdfast.media.synthetic import VideoSpec
from holdfast.media.synthetic_sound import AudioSpec
from holdfast.sim.camera import CameraSpec
from holdfast.sim.faults import FAULTS, make_script, read_script, write_script
from holdfast.sim.server import SimServer

app = typer.Typer(help="Serve simulated cameras over RTSP, with faults on request.")

_BITRATE = re.compile(r"(\d+(?:\.\d+)?)([kM]?)")
_SIZE = re.compile(r"(\d+)x(\d+)")


class _Video(StrEnum):
    H264 = "h264"
    H265 = "h265"


class _Audio(StrEnum):
    AAC = "aac"
    PCMA = "pcma"
    PCMU = "pcmu"
    NONE = "none"


class _Pace(StrEnum):
    PACED = "paced"
    BURST = "burst"


@app.callback(invoke_without_command=True)
def sim(  # noqa: PLR0913 - one argument an option is how Typer declares them
    ctx: typer.Context,
    *,
    cameras: Annotated[str, typer.Option(help="How many (cam1, cam2, …), or their names: gate,yard.")] = "3",
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 for any free one.", min=0, max=65535)] = 8554,
    port_per_camera: Annotated[bool, typer.Option(help="A port for each camera, from --port upward.")] = False,
    script: Annotated[Path | None, typer.Option(help="Fault script, as `holdfast sim script` writes it.")] = None,
    script_waits: Annotated[bool, typer.Option(help="Begin the script when each camera was asked for media.")] = False,
    ledger: Annotated[
        Path | None, typer.Option(help="Append what really happened to this file, as JSON lines.")
    ] = None,
    ledger_hashes: Annotated[bool, typer.Option(help="Also one ledger line for each frame, with its SHA-256.")] = False,
    codec: Annotated[_Video, typer.Option(help="Video codec.")] = _Video.H264,
    audio: Annotated[_Audio, typer.Option(help="Audio codec.")] = _Audio.AAC,
    size: Annotated[str, typer.Option(help="Size of the main stream.")] = "1920x1080",
    sub_size: Annotated[str, typer.Option(help="Size of the sub stream.")] = "640x360",
    fps: Annotated[float, typer.Option(help="Pictures per second.")] = 25.0,
    bitrate: Annotated[str, typer.Option(help="Bits per second of the main stream, as 500k or 4M.")] = "4M",
    gop: Annotated[int, typer.Option(help="Pictures from keyframe to keyframe.")] = 50,
    bframes: Annotated[int, typer.Option(help="B-frames between two others.", min=0, max=3)] = 0,
    pace: Annotated[_Pace, typer.Option(help="Each picture when it is due, or five bursts a second.")] = _Pace.PACED,
    next_keyframe: Annotated[bool, typer.Option(help="Sessions wait for the next regular keyframe.")] = False,
    user: Annotated[str, typer.Option(help="User name that the cameras ask for (digest).")] = "",
    password: Annotated[str, typer.Option(help="Password of the simulated cameras; not for real ones.")] = "",
    max_sessions: Annotated[int, typer.Option(help="Sessions a camera allows at a time; 0 for any number.")] = 0,
    places: Annotated[int, typer.Option(help="Different places to be seen, in turn; each is encoded once.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line with all URLs once ready.")] = False,
    for_s: Annotated[float, typer.Option("--for", help="End after so many seconds; 0 for never.")] = 0.0,
) -> None:
    """Serve simulated cameras until Ctrl-C. Each has /NAME/main and /NAME/sub."""
    if ctx.invoked_subcommand is not None:
        return
    video = VideoSpec(
        codec=codec.value, width=_size(size)[0], height=_size(size)[1], fps=fps, bitrate_bps=_bitrate(bitrate),
        gop=gop, bframes=bframes,
    )  # fmt: skip
    specs = [
        CameraSpec(
            name=name, video=replace(video, place=number % places),
            audio=AudioSpec(codec=audio.value) if audio is not _Audio.NONE else None,
            sub_size=_size(sub_size), user=user, password=password, max_sessions=max_sessions,
            bursts=pace is _Pace.BURST, on_demand=not next_keyframe, seed=seed * 10_007 + number,
        )
        for number, name in enumerate(_names(cameras))
    ]  # fmt: skip
    server = SimServer(
        specs, host=host, port=port, port_per_camera=port_per_camera, script=read_script(script) if script else (),
        ledger=ledger, hashes=ledger_hashes,
    )  # fmt: skip
    server.script_waits = script_waits
    asyncio.run(_serve(server, for_s=for_s, as_json=as_json))


@app.command("script")
def make(
    *,
    cameras: Annotated[str, typer.Option(help="How many (cam1, cam2, …), or their names: gate,yard.")] = "8",
    minutes: Annotated[float, typer.Option(help="How long the script lasts.", min=0.1)] = 10.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same script.")] = 1,
    each: Annotated[int, typer.Option(help="How often each fault happens at least, over all cameras.", min=1)] = 3,
    only: Annotated[str, typer.Option(help="Only these faults: silent,reset,…")] = "",
    settle: Annotated[float, typer.Option(help="Seconds of peace around each fault.", min=0)] = 15.0,
) -> None:
    """Print a random fault script for `holdfast sim --script`."""
    names = [name for name in only.split(",") if name]
    for name in names:
        if name not in FAULTS:
            raise UsageError(f"{name!r} is no fault", hint=f"faults are {', '.join(FAULTS)}")
    script = make_script(
        _names(cameras), seconds=minutes * 60, each=each, seed=seed, only=names, settle_s=settle
    )  # fmt: skip
    typer.echo(write_script(script), nl=False)


@app.command("faults")
def show_faults() -> None:
    """List the faults that a script may hold."""
    table = Table("fault", "what happens", box=None)
    for name, what in FAULTS.items():
        table.add_row(name, what)
    Console().print(table)


async def _serve(server: SimServer, *, for_s: float, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if for_s > 0:
        loop.call_later(for_s, stop.set)
    if not as_json:
        typer.echo("encoding test pictures (kept for next time) …", err=True)
    async with server:
        if as_json:
            urls = {
                name: {stream: server.url(name, stream) for stream in ("main", "sub")} for name in server.specs
            }  # fmt: skip
            typer.echo(json.dumps({"ready": True, "urls": urls}))
        else:
            for name in server.specs:
                typer.echo(server.url(name))
            typer.echo("serving; Ctrl-C ends", err=True)
        await stop.wait()


def _names(text: str) -> list[str]:
    if not text.isdecimal():
        return [name.strip() for name in text.split(",") if name.strip()]
    if int(text) < 1:
        raise UsageError("no cameras to simulate", hint="--cameras 3, or names: --cameras gate,yard")
    return [f"cam{number}" for number in range(1, int(text) + 1)]


def _size(text: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a size", hint="write 1920x1080")
    return int(match[1]), int(match[2])


def _bitrate(text: str) -> int:
    match = _BITRATE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a bit rate", hint="write 500k or 4M")
    return round(float(match[1]) * {"": 1, "k": 1_000, "M": 1_000_000}[match[2]])
