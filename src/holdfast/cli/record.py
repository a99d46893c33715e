"""`holdfast record`: one source by hand, without a configuration; or one recorder process of `holdfast run`.

By hand the folder given with `--out` is all there is: footage, journals and the lock land in it just as under a
configured volume, so `holdfast verify` and a later `reindex` work on it.
"""

import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from holdfast.cli.common import bitrate, duration
from holdfast.core.camera import CAMERA_ID
from holdfast.core.clock import SystemClock
from holdfast.core.config import split_url
from holdfast.core.config.feeds import SOURCES
from holdfast.core.errors import AlreadyRunning, SourceEnded, UsageError
from holdfast.core.footage import lock_path, stream_folder
from holdfast.core.gap import GapReason
from holdfast.core.journal import Closed
from holdfast.core.plan import StreamPlan
from holdfast.core.status import StreamState, StreamStatus
from holdfast.library.instants import read_duration
from holdfast.media.source.make import make_source
from holdfast.recording.store import StreamStore
from holdfast.recording.stream import StreamRecorder
from holdfast.recording.upkeep import Upkeep
from holdfast.roles.logging import set_up_logging
from holdfast.roles.recorder import Recorder
from holdfast.storage.lock import holder

app = typer.Typer()

LOOK_S = 0.25  # chosen: how often the line on the terminal is written anew
LONGEST_SEGMENT_S = 86_400  # as in the configuration
STOP_S = 25.0  # specified: an orderly end takes at most 30 s


@app.command()
def record(  # noqa: PLR0913, PLR0917 - Typer: a parameter for each option
    url: Annotated[
        str,
        typer.Option(
            help="rtsp, rtsps, http, https, x11, v4l2 or folder address, or a media file; credentials may stand in it."
        ),
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Folder to record into; footage/CAMERA/main/DAY below it.")] = None,
    length: Annotated[str, typer.Option("--for", help="Stop after this long: 20s, 10m, 1h30m. Else Ctrl-C.")] = "",
    camera: Annotated[str, typer.Option(help="Name of the camera in paths.")] = "camera",
    segment: Annotated[str, typer.Option(help="Cut files at clock multiples of this.")] = "10m",
    audio: Annotated[str, typer.Option(help="optional, required or off.")] = "optional",
    username: Annotated[str, typer.Option(help="Name for the camera.")] = "",
    password_env: Annotated[str, typer.Option(help="Environment variable that holds the password.")] = "",
    shard: Annotated[int, typer.Option(help="Run as recorder process N of `holdfast run`.")] = -1,
    state_dir: Annotated[Path | None, typer.Option(help="State folder, with --shard.")] = None,
) -> int:
    """Record one source by hand, or run one recorder process."""
    if shard >= 0:
        if state_dir is None:
            raise UsageError("--shard needs --state-dir", hint="holdfast run starts recorder processes by itself")
        return _shard(state_dir, shard)
    if not url or out is None:
        raise UsageError("--url and --out are needed", hint="holdfast record --url rtsp://… --out FOLDER --for 1m")
    if not CAMERA_ID.fullmatch(camera):
        raise UsageError(f"{camera!r} is not a camera id", hint="use 1 to 50 of A-Z a-z 0-9 _ -; - not first")
    if audio not in {"optional", "required", "off"}:
        raise UsageError(f"--audio {audio!r} is not known", hint="optional, required or off")
    segment_s = read_duration(segment)
    if not 1 <= segment_s <= LONGEST_SEGMENT_S:
        raise UsageError(f"--segment {segment} is no length for a file", hint="write 1s to 24h; 10m is usual")
    bare, name, password = split_url(url)
    plan = StreamPlan(
        camera=camera, stream="main", source=_kind(bare), url=bare, username=username or name,
        password=os.environ.get(password_env, "") if password_env else password, volume=str(out.absolute()),
        audio=audio, segment_s=round(segment_s), reserve_bytes=0,
    )  # fmt: skip
    return _by_hand(plan, read_duration(length) if length else None)


def _kind(url: str) -> str:
    # What has a scheme that there is none for is refused by the source that it is taken for.
    return SOURCES.get(url.partition("://")[0].lower() if "://" in url else "", "rtsp")


def _shard(state_dir: Path, shard: int) -> int:
    # Until the recorder listens: it reads the plan when it starts, so a reload that comes earlier has nothing to say.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    set_up_logging(f"recorder-{shard}", state_dir)
    recorder = Recorder(state_dir, shard, SystemClock())
    recorder.install_signals()
    recorder.run()
    return 0


def _by_hand(plan: StreamPlan, length_s: float | None) -> int:
    """Record until the time is up, the file ends, or Ctrl-C; say what became of it."""
    set_up_logging("record", console=False)  # the line on the terminal says it better
    clock, console = SystemClock(), Console(stderr=True, highlight=False)
    make_source(plan, clock)  # what can never work is said now, not by a recorder that tries it again and again
    upkeep = Upkeep(clock.boot_id)
    held_by = holder(Path(plan.volume) / lock_path(plan.key))
    if held_by is not None:
        raise AlreadyRunning(f"{plan.key} in {plan.volume} is being recorded by process {held_by}")
    stop = threading.Event()

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    session = f"{os.getpid()}-{clock.boot_us()}"
    expendable = Path(os.devnull)
    recorder = StreamRecorder(
        plan,
        clock,
        make_source=lambda plan: make_source(plan, clock),
        open_store=lambda: StreamStore(plan, clock, expendable, session),
        recover=upkeep.take,
    )
    began_us = clock.boot_us()
    recorder.start()
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while not stop.is_set() and recorder.alive:
            status = recorder.snapshot()
            live.update(_line(status, (clock.boot_us() - began_us) / 1e6, length_s))
            recorded_s = (clock.boot_us() - began_us) / 1e6
            if length_s is not None and recorded_s >= length_s:
                break
            if _hopeless(recorder):
                break
            stop.wait(LOOK_S)
    recorder.stop(Closed(reason=GapReason.RECORDER_DOWN.value, detail="stopped"))
    recorder.join(STOP_S)
    upkeep.stop(timeout_s=2.0)
    return _result(recorder, plan, console)


def _hopeless(recorder: StreamRecorder) -> bool:
    """Nothing was ever recorded, and what went wrong does not mend itself while somebody waits at a terminal."""
    error = recorder.error
    if error is None or recorder.writer.segments or recorder.writer.segment:
        return False
    return not isinstance(error, SourceEnded) or recorder.plan.source == "file"


def _result(recorder: StreamRecorder, plan: StreamPlan, console: Console) -> int:
    segments = recorder.writer.segments
    if segments == 0:
        trouble = recorder.writer.trouble
        if recorder.error is not None:
            raise recorder.error
        reason = trouble.detail if trouble is not None else "no footage arrived"
        console.print(f"nothing was recorded: {reason}")
        return 1
    folder = Path(plan.volume) / stream_folder(plan.key)
    console.print(f"{segments} {'file' if segments == 1 else 'files'} in {folder}", soft_wrap=True)
    return 0


def _line(status: StreamStatus, passed_s: float, length_s: float | None) -> Text:
    left = f" of {duration(length_s)}" if length_s is not None else ""
    words = f"{status.state.value}  {duration(passed_s)}{left}"
    if status.state is StreamState.RECORDING:
        words += f"  {status.fps:.1f} fps  {bitrate(status.bitrate_bps)}  {status.segment}"
    elif status.detail:
        words += f"  {status.detail}"
    return Text(words)
