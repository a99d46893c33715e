"""`holdfast cameras`: the roster, and whether cameras send what they should.

Exit codes: `test` 0 all OK, 1 mismatch, 2 error (C009); `probe` 0 or that of the error; the rest as in `core.errors`.
A password never stands in an argument, where every user of the machine could read it.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from holdfast.catalog.db import open_catalog, sqlite_path
from holdfast.catalog.nodes import LOCAL
from holdfast.cli.camera_values import credentials, password_of, read_pairs
from holdfast.cli.common import ConfigOption, JsonOption, echo_json
from holdfast.cli.devices import devices
from holdfast.cli.folders import list_folders
from holdfast.cli.status import WIDEST
from holdfast.core.camera import Kind, Track
from holdfast.core.clock import SystemClock
from holdfast.core.config import Loaded, with_cameras
from holdfast.core.config.feeds import SOURCES
from holdfast.core.errors import CatalogError, NotFound, UsageError
from holdfast.core.plan import StreamPlan
from holdfast.library import cameras as roster
from holdfast.library.camera_change import change_camera
from holdfast.library.camera_check import Outcome, Verdict, check_streams, exit_code
from holdfast.library.camera_rows import own_letters
from holdfast.library.camera_settings import settings_of
from holdfast.library.desired import build_plan
from holdfast.library.settings import load_in_force
from holdfast.media.probe import compare, probe

app = typer.Typer(no_args_is_help=True)
app.command("devices")(devices)

_COLOURS = {Outcome.OK: "green", Outcome.MISMATCH: "yellow", Outcome.ERROR: "red"}
_MARKS = {Outcome.OK: "●", Outcome.MISMATCH: "◐", Outcome.ERROR: "✖"}

PasswordEnv = Annotated[str, typer.Option(help="Environment variable that holds the password; else it is asked for.")]
Username = Annotated[str, typer.Option(help="User name at the camera.")]
CameraId = Annotated[str, typer.Argument(metavar="ID", help="Camera id.", show_default=False)]


@app.command("list")
def list_(config: ConfigOption = None, *, as_json: JsonOption = False) -> int:
    """List every camera: those of the configuration, then those added while running."""
    loaded = load_in_force(config)
    entries = roster.list_cameras(loaded, _runtime(loaded))
    if as_json:
        echo_json([asdict(entry) for entry in entries])
        return 0
    console = _console()
    if not entries:
        console.print(f"no cameras yet\ntry: add them to {loaded.path}, or: holdfast cameras add rtsp://… --id NAME")
        return 0
    table = _table("id", "name", "recorded", "streams", "address", "volume", "from")
    for entry in entries:
        on = Text("● on", "green") if entry.enabled else Text("○ off", "dim")
        name = "" if entry.name == entry.camera else entry.name
        table.add_row(entry.camera, name, on, " ".join(entry.streams), entry.url, entry.volume, entry.origin)
    console.print(table)
    return 0


@app.command("test")
def check(
    only: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Only these cameras.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    *,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Of folders: list what lies there, and what of it would be taken."),
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Ask all cameras at once what they send, and compare it with what is expected.

    Exit code 0: all OK; 1: something differs; 2: a camera could not be asked.
    """
    loaded = load_in_force(config)
    runtime = _runtime(loaded)
    plan = build_plan(loaded, runtime)
    wanted = {name.lower() for name in only or ()}
    unknown = wanted - {stream.camera.lower() for stream in plan.streams}
    if unknown:
        known = ", ".join(dict.fromkeys(stream.camera for stream in plan.streams)) or "none"
        raise NotFound(f"there is no camera {min(unknown)}", hint=f"known: {known}")
    streams = [s for s in plan.streams if (s.camera.lower() in wanted if wanted else s.capture.mode != "off")]
    if dry_run:
        return list_folders(with_cameras(loaded, runtime)[0], streams, as_json=as_json)
    console = _console()
    if console.is_terminal and not as_json:
        with console.status(f"asking {len(streams)} streams …"):
            verdicts = check_streams(streams, probe=probe, compare=_compare, clock=SystemClock())
    else:
        verdicts = check_streams(streams, probe=probe, compare=_compare, clock=SystemClock())
    if as_json:
        echo_json([verdict.to_dict() for verdict in verdicts])
    else:
        _show_verdicts(console, verdicts)
    return exit_code(verdicts)


@app.command("probe")
def probe_(
    url: Annotated[
        str, typer.Argument(help="Any address that a camera's url may have, or a media file; no password in it.")
    ],
    *,
    username: Username = "",
    password_env: PasswordEnv = "",
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds to connect.", min=0.1)] = 10.0,
    as_json: JsonOption = False,
) -> int:
    """Show what an address sends: tracks, codecs, sizes, rates. Needs no configuration."""
    bare, user, password = credentials(url, username, password_env)
    # What has a scheme that there is none for is refused by the source that it is taken for.
    kind = SOURCES.get(bare.partition("://")[0].lower() if "://" in bare else "", "rtsp")
    plan = StreamPlan(
        camera="probe", stream="main", url=bare, source=kind, volume="",
        username=user, password=password, open_timeout_s=timeout_s,
    )  # fmt: skip
    tracks = probe(plan, SystemClock())
    if as_json:
        echo_json({"url": bare, "tracks": [track.facts() for track in tracks]})
        return 0
    console = _console()
    for track in tracks:
        console.print(Text.assemble((f"{track.kind.value:6}", "bold"), track_words(track)))
    return 0


@app.command("add")
def add(  # noqa: PLR0913 - each is an option of the command
    url: Annotated[str, typer.Argument(help="Address of the main stream; no password in it.")],
    camera_id: Annotated[str, typer.Option("--id", help="Its id: a short name for folders and commands.")],
    config: ConfigOption = None,
    *,
    name: Annotated[str, typer.Option(help="Name for people.")] = "",
    sub_url: Annotated[str, typer.Option(help="Address of the sub stream.")] = "",
    username: Username = "",
    password_env: PasswordEnv = "",
    volume: Annotated[str, typer.Option(help="Name of the volume, where there are several.")] = "",
    keys: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other setting; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Add a camera while everything runs; it records within seconds."""
    loaded = load_in_force(config)
    more = read_pairs(keys or ())
    bare, user, password = credentials(url, username, password_env)
    given = {"url": bare, "sub_url": sub_url, "name": name, "username": user, "password": password, "volume": volume}
    settings: dict[str, Any] = {**more, **{key: value for key, value in given.items() if value}}
    with open_catalog(loaded.config.catalog_url) as catalog:
        entry = roster.add_camera(catalog, LOCAL, loaded, camera_id, settings, SystemClock())
    said(f"{entry.camera} added; holdfast status shows it as soon as it records", asdict(entry), as_json=as_json)
    return 0


@app.command("show")
def show(
    camera_id: CameraId,
    config: ConfigOption = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also what is left at its default.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Show what holds for a camera, and who says it: the file, its defaults, or somebody while it ran."""
    loaded = load_in_force(config)
    runtime = _runtime(loaded)
    name = own_letters(camera_id, [*loaded.config.cameras, *(str(row["id"]) for row in runtime)])
    found = settings_of(loaded, runtime, name)
    if as_json:
        echo_json(
            [{"key": one.about.key, "value": one.value, "origin": one.origin, "changed": one.saved} for one in found]
        )
        return 0
    table = _table("key", "value", "from")
    for one in found:
        if everything or one.origin != "default":
            table.add_row(one.about.key, Text(_shown(one.value)), one.origin)
    _console().print(table)
    return 0


@app.command("change")
def change(
    camera_id: CameraId,
    pairs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", help="As in the file: segment_s=300, capture.mode=window.", show_default=False
        ),
    ] = None,
    config: ConfigOption = None,
    *,
    reset: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Take a key back to what the file says; may be repeated.")
    ] = None,
    password_env: Annotated[str, typer.Option(help="Environment variable that holds a new password.")] = "",
    as_json: JsonOption = False,
) -> int:
    """Change a camera of the file, or one that was added while running; it holds within seconds."""
    loaded = load_in_force(config)
    wanted = read_pairs(pairs or (), reset or ())
    if password_env:
        wanted["password"] = password_of(password_env)
    if not wanted:
        raise UsageError("nothing to change", hint="holdfast cameras change gate segment_s=300, or --reset segment_s")
    with open_catalog(loaded.config.catalog_url) as catalog:
        done = change_camera(catalog, LOCAL, loaded, camera_id, wanted, SystemClock())
    facts = {"camera": camera_id, "changed": done, "keys": sorted(wanted)}
    said(f"{camera_id} {'changed; it holds within seconds' if done else 'is so already'}", facts, as_json=as_json)
    return 0


@app.command("remove")
def remove(camera_id: CameraId, config: ConfigOption = None, *, as_json: JsonOption = False) -> int:
    """Take away a camera that was added while running. Its footage stays."""
    loaded = load_in_force(config)
    with open_catalog(loaded.config.catalog_url) as catalog:
        roster.remove_camera(catalog, LOCAL, loaded, camera_id, SystemClock())
    said(f"{camera_id} removed; its footage stays", {"camera": camera_id, "removed": True}, as_json=as_json)
    return 0


@app.command("enable")
def enable(camera_id: CameraId, config: ConfigOption = None, *, as_json: JsonOption = False) -> int:
    """Record a camera again that was switched off."""
    return _switch(camera_id, config, enabled=True, as_json=as_json)


@app.command("disable")
def disable(camera_id: CameraId, config: ConfigOption = None, *, as_json: JsonOption = False) -> int:
    """Stop recording a camera until it is enabled; the timeline says `disabled`."""
    return _switch(camera_id, config, enabled=False, as_json=as_json)


def _switch(camera_id: str, config: Path | None, *, enabled: bool, as_json: bool) -> int:
    loaded = load_in_force(config)
    with open_catalog(loaded.config.catalog_url) as catalog:
        roster.switch_camera(catalog, LOCAL, loaded, camera_id, SystemClock(), enabled=enabled)
    words = f"{camera_id} {'is recorded from now on' if enabled else 'is switched off'}"
    said(words, {"camera": camera_id, "enabled": enabled}, as_json=as_json)
    return 0


def said(words: str, facts: dict[str, Any], *, as_json: bool) -> None:
    """Say what was done, to a person or a script."""
    if as_json:
        echo_json(facts)
    else:
        _console().print(words)


def _shown(value: Any) -> str:
    """Write a value as the file has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _runtime(loaded: Loaded) -> list[dict[str, Any]]:
    """Return the cameras of the catalog; of its last answer where it does not give one. Creates no catalog."""
    file = sqlite_path(loaded.config.catalog_url)
    if file is not None and not file.exists():
        return roster.recall(loaded.config.state_dir)
    try:
        with open_catalog(loaded.config.catalog_url) as catalog:
            return roster.runtime_settings(catalog, LOCAL)
    except CatalogError as error:
        typer.echo(f"{error.code}: {error}; cameras added at run time are shown as last known", err=True)
        return roster.recall(loaded.config.state_dir)


def _compare(expected: dict[str, dict[str, Any]], tracks: Any, audio: str) -> list[str]:
    return compare(expected, tuple(tracks), audio)


def _show_verdicts(console: Console, verdicts: list[Verdict]) -> None:
    table = _table("camera", "result", "what it sends", "took")
    for verdict in verdicts:
        name = verdict.camera if verdict.stream == "main" else f"{verdict.camera}/{verdict.stream}"
        names = ", ".join(field.split(":")[0] for field in verdict.fields)
        word = verdict.outcome.value + (f"({names})" if names else "")
        table.add_row(
            name,
            Text(f"{_MARKS[verdict.outcome]} {word}", _COLOURS[verdict.outcome]),
            ", ".join(track_words(track) for track in verdict.tracks),
            f"{verdict.took_s:.1f} s",
        )
    console.print(table)
    for verdict in verdicts:
        if verdict.outcome is not Outcome.OK:
            what = verdict.cause or "; ".join(verdict.fields)
            colour = _COLOURS[verdict.outcome]
            console.print(Text.assemble("\n", (verdict.camera, f"bold {colour}"), f": {what}"))
            if verdict.fix:
                console.print(f"  try: {verdict.fix}", style="dim")


def track_words(track: Track) -> str:
    """Say what a track is: `h264 High 1920×1080 25 fps`, `aac 16000 Hz mono (sent as pcm_alaw)`."""  # noqa: RUF002 - the sign for "by"
    if track.kind is Kind.VIDEO:
        rate = f"{track.frame_rate:g} fps" if track.frame_rate else ""
        size = f"{track.width}×{track.height}"  # noqa: RUF001 - as above
        return " ".join(part for part in (track.codec, track.profile, size, rate) if part)
    channels = {1: "mono", 2: "stereo"}.get(track.channels, f"{track.channels} channels")
    sent = f" (sent as {track.sent_codec})" if track.sent_codec not in {"", track.codec} else ""
    return f"{track.codec} {track.sample_rate} Hz {channels}{sent}"


def _console() -> Console:
    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=WIDEST)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
