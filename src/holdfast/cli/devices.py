"""`holdfast cameras devices`: the cameras and sound devices of this machine, and a picture and sound of each.

Needs no configuration. Exit codes: 0; with `--test` 1 where a device gave nothing, or there is none.
Not here: the verb (library.devices).
"""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from holdfast.cli.common import JsonOption, echo_json
from holdfast.core.clock import SystemClock
from holdfast.library.devices import Devices, Sound, Trial, Video, find_devices, try_sound, try_video
from holdfast.media.source.v4l2 import Format, Size

_SIZES = 6  # of a format that are shown; --json has all
_WHERE = """\
Looked for: capture cards and USB cameras (/dev/video*), sound cards (/proc/asound), screens (/tmp/.X11-unix),
and a Raspberry Pi's cameras (rpicam-vid --list-cameras).
A USB camera that is plugged in shows in lsusb, and in dmesg within a second of plugging it in; a container sees
devices only when they are handed to it (--device /dev/video0, --device /dev/snd).
A Raspberry Pi's camera needs rpicam-apps (sudo apt install rpicam-apps) and a cable with its contacts the right way."""


def devices(
    *,
    test: Annotated[bool, typer.Option("--test", help="Take a picture, and 3 s of sound, of each.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Where those go; a new temporary folder without it.", show_default=False)
    ] = None,
    program: Annotated[str, typer.Option("--camera-program", help="What reads a board's cameras.")] = "",
    as_json: JsonOption = False,
) -> int:
    """List the cameras and sound devices of this machine, as `url` and `options.sound` have to name them."""
    found = find_devices(program=program)
    console = Console(soft_wrap=True, highlight=False)
    if not as_json:
        _show(console, found)
    trials = _try(console, found, out, program, quiet=as_json) if test else []
    if as_json:
        body: dict[str, Any] = asdict(found)
        echo_json({**body, "trials": [asdict(trial) for trial in trials]} if test else body)
    return 1 if test and (not trials or any(trial.file is None for trial in trials)) else 0


def _show(console: Console, found: Devices) -> None:
    for note in found.notes:
        console.print(f"[yellow]{note}[/]")
    if not found.video and not found.sound:
        console.print("no camera and no sound device was found on this machine")
        console.print(_WHERE, style="dim")
        return
    for video in found.video:
        _show_video(console, video)
    for sound in found.sound:
        _show_sound(console, sound)


def _show_video(console: Console, video: Video) -> None:
    console.print(f"[bold]{video.url}[/]  {video.name}  [dim]{' '.join(filter(None, (video.path, video.driver)))}[/]")
    _show_problem(console, video)
    for form in video.formats:
        name = form.name or f"{form.fourcc} (cannot be read)"
        console.print(f"  {name:12} {_sizes_of(form)}")


def _sizes_of(form: Format) -> str:
    shown = sorted(form.sizes, key=lambda size: -(size.to or (size.width,))[0])
    words = ", ".join(_size_words(size) for size in shown[:_SIZES])
    return words + (f" and {len(shown) - _SIZES} smaller" if len(shown) > _SIZES else "")


def _size_words(size: Size) -> str:
    until = f" to {size.to[0]}x{size.to[1]}" if size.to else ""
    rates = f" at {'/'.join(f'{rate:g}' for rate in size.rates)}" if size.rates else ""
    return f"{size.width}x{size.height}{until}{rates}"


def _show_sound(console: Console, sound: Sound) -> None:
    console.print(f"[bold]{sound.device}[/]  {sound.name}")
    _show_problem(console, sound)
    facts = (
        " ".join(sound.formats), "/".join(f"{rate}" for rate in sound.rates) + " Hz" if sound.rates else "",
        "/".join(f"{count}" for count in sound.channels) + " channels" if sound.channels else "",
    )  # fmt: skip
    if any(facts):
        console.print(f"  {', '.join(filter(None, facts))}")


def _show_problem(console: Console, device: Video | Sound) -> None:
    if device.problem:
        console.print(f"  [red]{device.problem}[/]", *([f"\n  [dim]try:[/] {device.hint}"] if device.hint else []))


def _try(console: Console, found: Devices, out: Path | None, program: str, *, quiet: bool) -> list[Trial]:
    folder = Path(tempfile.mkdtemp(prefix="holdfast-devices-")) if out is None else out
    folder.mkdir(parents=True, exist_ok=True)
    trials: list[Trial] = []
    clock = SystemClock()
    every: list[Video | Sound] = [*found.video, *found.sound]
    for device in every:
        if device.problem:
            continue  # said above
        if isinstance(device, Video):
            trial = try_video(device, folder, clock, program=program)
        else:
            trial = try_sound(device, folder)
        trials.append(trial)
        if quiet:
            continue
        if trial.file is not None:
            console.print(f"[green]●[/] {trial.device}: {trial.words}  {trial.file}")
        else:
            console.print(f"[red]✖[/] {trial.device}: {trial.words}")
            if trial.hint:
                console.print(f"  [dim]try:[/] {trial.hint}")
    return trials
