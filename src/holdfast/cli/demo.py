"""`holdfast demo`: simulated cameras, recorded for real; to look around without owning a camera.

A simulator in a child process, a configuration and everything recorded in one folder, and the same supervisor as
`holdfast run`. One camera loses its network for a few seconds, so that a gap with its reason can be seen; later ones
turn black, freeze, fall silent and stay away, so that there are incidents; something moves now and then, so that there
are events. What is finished goes to a second folder, as it would to a NAS, so that there are deliveries.
"""

import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from holdfast.catalog import delivery_stats, nodes
from holdfast.catalog.db import open_catalog
from holdfast.cli.common import bitrate, duration, size
from holdfast.cli.run import supervise
from holdfast.cli.status import look
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock, SystemClock
from holdfast.core.config import Loaded, load
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import AlreadyRunning, StorageError
from holdfast.core.gap import MEANING
from holdfast.core.status import StreamState
from holdfast.core.timing import iso
from holdfast.library import accounts
from holdfast.library.instants import read_duration
from holdfast.library.timeline import stream_timeline, streams_on
from holdfast.roles.children import Child
from holdfast.roles.supervisor import LOCK_FILE
from holdfast.sim.faults import Fault, write_script
from holdfast.storage.errors import storage_errors
from holdfast.storage.lock import holder
from holdfast.storage.targets import marker

NAMES = ("gate", "yard", "dock", "hall", "roof", "lane", "barn", "pier")
# Seconds after all cameras were asked for; --for counts from when they are recorded. Starting takes what it takes.
FAULT_AT_S, FAULT_FOR_S = 10.0, 4.0  # early enough for --for 20s to show its end, too
# What the watcher is shown, again and again: fault, which camera, seconds after the begin of a round, and for how long.
ROUND = (
    ("motion", 0, 14.0, 7.0), ("black", 0, 25.0, 9.0), ("motion", 1, 30.0, 5.0), ("freeze", 1, 45.0, 12.0),
    ("silence", 0, 65.0, 12.0), ("refuse", -1, 85.0, 45.0),
)  # fmt: skip
ROUND_S, ROUNDS = 180.0, 40
# What moves in every simulated picture: the number in its corner, and what swings at its foot.
STILL_MASKS = "0,0 27,0 27,19 0,19; 0,90 100,90 100,100 0,100"
TARGET = "nas"  # a folder beside the footage, in place of another machine's
READY_S = 120.0  # encoding the test pictures on the slowest board takes about a minute; later starts find them ready
PORT, USER = 8080, "demo"
SIZE, RATE = "1280x720", "1500k"  # chosen: small enough for a laptop left running, large enough to look at

app = typer.Typer()


@app.command()
def demo(
    *,
    length: Annotated[str, typer.Option("--for", help="Record for so long: 20s, 5m. Else until Ctrl-C.")] = "",
    root: Annotated[Path | None, typer.Option(help="Folder for everything.", show_default="~/holdfast-demo")] = None,
    cameras: Annotated[int, typer.Option(help="How many.", min=1, max=32)] = 3,
) -> int:
    """Record simulated cameras, and show what to look at. Needs nothing but Python."""
    os.umask(0o027)
    clock, console = SystemClock(), Console(highlight=False, soft_wrap=True)
    limit_s = read_duration(length) if length else None
    folder = _folder(root)
    names = [NAMES[n] if n < len(NAMES) else f"cam{n + 1}" for n in range(cameras)]
    simulator = _simulator(folder, names, clock)
    began_us = clock.wall_us()
    simulator.start()
    try:
        console.print(f"starting {cameras} simulated camera{'' if cameras == 1 else 's'} …", style="dim")
        loaded = _configure(folder, _urls(folder, simulator, clock), clock)
        password = _let_in(loaded, clock) if loaded.config.web.enabled else ""
        began_us = clock.wall_us()
        _introduce(console, loaded, limit_s, password)
        supervise(loaded, _Show(loaded, console, names, clock, limit_s), greet=False)
    finally:
        simulator.stop()
        while simulator.alive:
            simulator.tick()
            clock.sleep(0.02)
    _conclude(console, loaded, began_us, clock)
    return 0


def _folder(root: Path | None) -> Path:
    """Choose and make the folder; refuse one in which a demo runs."""
    wanted = (root or Path.home() / "holdfast-demo").absolute()
    try:
        with storage_errors("making folder", wanted):
            (wanted / "state").mkdir(mode=0o750, parents=True, exist_ok=True)
    except StorageError:
        if root is not None:
            raise
        wanted = Path(tempfile.mkdtemp(prefix="holdfast-demo-"))
        (wanted / "state").mkdir(mode=0o750)
    pid = holder(wanted / "state" / LOCK_FILE)
    if pid is not None:
        raise AlreadyRunning(f"a demo is running in {wanted} (process {pid})", hint="stop it, or use --root elsewhere")
    return wanted


def _simulator(folder: Path, names: list[str], clock: Clock) -> Child:
    script, output = folder / "state" / "faults.jsonl", folder / "state" / "sim.txt"
    faults = [Fault(camera=names[-1], fault="refuse", at_s=FAULT_AT_S, for_s=FAULT_FOR_S)]
    faults += [
        Fault(camera=names[which if which < len(names) else 0], fault=fault, at_s=n * ROUND_S + at_s, for_s=for_s)
        for n in range(ROUNDS)
        for fault, which, at_s, for_s in ROUND
    ]
    with storage_errors("writing", script):
        script.write_text(write_script(faults), encoding="utf-8")
        output.write_bytes(b"")
    argv = (
        sys.executable, "-m", "holdfast", "sim", "--json", "--port", "0", "--port-per-camera", "--size", SIZE,
        "--bitrate", RATE, "--cameras", ",".join(names), "--places", "4", "--script", str(script), "--script-waits",
    )  # fmt: skip
    return Child("simulator", argv, clock=clock, errors=output)


def _urls(folder: Path, simulator: Child, clock: Clock) -> dict[str, str]:
    """Wait until the cameras can be connected to."""
    output = folder / "state" / "sim.txt"
    until_us = clock.boot_us() + round(READY_S * 1e6)
    while clock.boot_us() < until_us and not simulator.status().last_end:
        for line in output.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith('{"ready"') and line.endswith("}"):
                return {name: urls["main"] for name, urls in json.loads(line)["urls"].items()}
        simulator.tick()
        clock.sleep(0.05)
    why = simulator.status().last_end or f"not ready after {READY_S:.0f} s"
    raise StorageError(f"the simulated cameras did not start: {why}", hint=f"{output} says more")


def _configure(folder: Path, urls: dict[str, str], clock: Clock) -> Loaded:
    path = folder / "holdfast.toml"
    marker.adopt(TARGET, folder / TARGET, clock.wall_us())
    lines = [
        "# Written by holdfast demo at each start.",
        'state_dir = "state"',
        "",
        "[site]",
        'name = "Demo"',
        "",
        "[volumes.main]",
        'path = "."',
        "",
        "[web]",
        f"port = {_free_port()}",
        "",
        "[defaults]",
        "segment_s = 60",
        "",
        "[defaults.motion]",
        "enabled = true",
        f'masks = "{STILL_MASKS}"',
        "",
        "[defaults.stills]",
        "enabled = true",
        "every_s = 15",
        "keep_days = 1",
        "",
        f"[targets.{TARGET}]",
        'type = "folder"',
        f'path = "{TARGET}"',
        "",
        "[deliveries.copies]",
        f'target = "{TARGET}"',
        'assets = ["segments", "stills", "events", "evidence"]',
    ]
    for name, url in urls.items():
        lines += ["", f"[cameras.{name}]", f"url = {json.dumps(url)}"]
    with storage_errors("writing", path):
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load(path)


def _free_port() -> int:
    """Return the usual port, or any other one where somebody has it."""
    for port in (PORT, 0):
        with socket.socket() as trial, suppress(OSError):
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(("127.0.0.1", port))
            return int(trial.getsockname()[1])
    return PORT


def _let_in(loaded: Loaded, clock: Clock) -> str:
    """Make the demo's own user, with another password at each start; returns the password."""
    password = secrets.token_hex(5)
    with open_catalog(loaded.config.catalog_url) as catalog:
        if accounts.find_user(catalog, USER) is None:
            accounts.add_user(catalog, clock, USER, password, accounts.Role.ADMIN)
        else:
            accounts.change_user(catalog, clock, USER, password=password, enabled=True)
    return password


def _introduce(console: Console, loaded: Loaded, limit_s: float | None, password: str) -> None:
    option = f"-c {shlex.quote(str(loaded.path))}"
    print_ = console.print
    print_(Text.assemble(("Holdfast demo", "bold"), f" · {len(loaded.config.cameras)} cameras over RTSP"))
    print_(Text.assemble("footage  ", (str(loaded.base / "footage"), "bold"), "  plain .mp4 files in dated folders"))
    print_(Text.assemble("copies   ", (str(loaded.base / TARGET), "bold"), "  each finished file, verified there"))
    if password:
        address = f"http://127.0.0.1:{loaded.config.web.port}"
        print_(Text.assemble("pages    ", (address, "bold"), f"  sign in as {USER} with {password}"))
    print_("try, in another terminal:")
    for command, what in (
        ("status --watch", "what every camera is doing"),
        ("coverage", "how complete the footage is, and why it is not"),
        ("queue stats", "what was handed on, and what waits"),
        ("cameras test", "whether cameras send what is expected"),
        ("logs --follow", "what happens"),
    ):
        name, _, rest = command.partition(" ")
        words = f"{_program()} {name} {rest + ' ' if rest else ''}{option}"
        print_(Text.assemble("  ", (words, "cyan"), (f"   {what}", "dim")))
    last = list(loaded.config.cameras)[-1]
    end = f"ends after {duration(limit_s)}" if limit_s is not None else "Ctrl-C stops"
    what = f"{last} loses its network after {FAULT_AT_S:.0f} s, for {FAULT_FOR_S:.0f} s"
    print_(f"once all are recorded: {what} · {end}", style="dim")
    print_("something moves now and then: the page Events shows it", style="dim")
    print_("later cameras turn black, freeze, fall silent and go away: the page Incidents tells\n", style="dim")


def _program() -> str:
    """Return what to type for this program: its name where that is found, else where it lies (as after `make demo`)."""
    if shutil.which("holdfast"):
        return "holdfast"
    path = Path(sys.executable).with_name("holdfast")
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


class _Show:
    """One live line on a terminal, a line a change elsewhere; ends the demo when its time is up.

    Its time counts from when all cameras were recorded, or where one is not, from when starting should have been over.
    """

    def __init__(self, loaded: Loaded, console: Console, names: list[str], clock: Clock, limit_s: float | None) -> None:
        self._loaded, self._console, self._names, self._clock = loaded, console, names, clock
        self._limit_s = limit_s
        self._begins_us = clock.boot_us() + round(READY_S * 1e6)
        self._told = ""
        self._ended = False
        self._live = console.status("") if console.is_terminal else None

    def begin(self) -> None:
        """Show the line."""
        if self._live is not None:
            self._live.start()

    def end(self) -> None:
        """Take it away."""
        if self._live is not None:
            self._live.stop()

    def tell(self) -> None:
        """Look, show, and end when it is time."""
        now = look(self._loaded)
        states = {s.name: s for s in now.streams if s.name in self._names and s.fresh}
        if len(states) == len(self._names) and all(s.status.state is StreamState.RECORDING for s in states.values()):
            self._begins_us = min(self._begins_us, self._clock.boot_us())
        passed_s = max(0.0, (self._clock.boot_us() - self._begins_us) / 1e6)
        if self._limit_s is not None and passed_s >= self._limit_s and not self._ended:
            self._ended = True
            # The same way as Ctrl-C, so that the demo's end is the end that everybody uses.
            os.kill(os.getpid(), signal.SIGTERM)
        marks, total_bps = [], 0
        for name in self._names:
            state = states[name].status.state if name in states else StreamState.STARTING
            total_bps += states[name].status.bitrate_bps if name in states else 0
            mark = "◌ " if state is StreamState.STARTING else "✖ "
            marks.append(f"{name} {'●' if state is StreamState.RECORDING else mark + state.value}")
        text = "  ".join(marks)
        if self._live is not None:
            of = f" of {duration(self._limit_s)}" if self._limit_s is not None else ""
            self._live.update(f"{duration(passed_s)}{of}  {text}  {bitrate(total_bps)}")
        if text != self._told and now.supervisor is not None and now.supervisor.get("state") == "running":
            self._told = text
            self._console.print(f"{duration(passed_s):>6}  {text}")


def _conclude(console: Console, loaded: Loaded, began_us: int, clock: Clock) -> None:
    """Say what was recorded since the start, what was not, and why."""
    roots = {name: volume.path for name, volume in loaded.config.volumes.items()}
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("camera", "recorded", "files", "gaps"):
        table.add_column(column)
    now_us = clock.wall_us()
    here = streams_on(roots)
    for key in [StreamKey(camera, "main") for camera in loaded.config.cameras]:
        if key not in here:
            table.add_row(key.camera, "nothing", "0", "")
            continue
        found = stream_timeline(roots, key, now_us)
        pieces = [s for s in found.segments if s.end_us > began_us]
        recorded_s = sum(s.end_us - max(s.start_us, began_us) for s in pieces) / 1e6
        # What follows the stop is no gap of the demo's, and neither is the time before its first picture.
        first_us = min((s.start_us for s in pieces), default=now_us)
        gaps = [g for g in found.gaps if g.start_us >= first_us and not g.open]
        words = [
            f"{iso(g.start_us)[11:19]}Z {duration((g.end_us - g.start_us) / 1e6)} {g.reason.value}: {MEANING[g.reason]}"
            for g in gaps
        ]
        table.add_row(key.camera, duration(recorded_s), str(len(pieces)), "\n".join(words) or "none")
    console.print(table)
    console.print(f"copies   {_copies(loaded)}")
    console.print(Text.assemble("\nevery second is in a file or in a gap with a reason: ", (str(loaded.base), "bold")))


def _copies(loaded: Loaded) -> str:
    """Say what was handed on in all demos of this folder, and what goes on with the next one."""
    with open_catalog(loaded.config.catalog_url) as catalog, catalog.read() as tx:
        node = nodes.find(tx, nodes.LOCAL)
        counts = {} if node is None else delivery_stats.by_state(tx, node)
    there = counts.get((TARGET, DeliveryState.DELIVERED), delivery_stats.Count())
    words = [f"{there.count} files ({size(there.bytes)}) verified in {loaded.base / TARGET}"]
    for states, what in (
        ({DeliveryState.PENDING, DeliveryState.SENDING}, "go with the next demo"),
        ({DeliveryState.FAILED, DeliveryState.MISSING}, "could not be sent: queue list says why"),
    ):
        count = sum(one.count for (_, state), one in counts.items() if state in states)
        words += [f"{count} {what}"] if count else []
    return ", ".join(words)
