"""`holdfast run`: everything that this node does, in one foreground process that stops in order.

On a terminal it tells in calm lines what changes; anywhere else it writes its log. Exit codes: 0 stopped in order,
75 it runs already, 78 the configuration cannot be used and no good copy of it is known.
"""

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated, Protocol
from zoneinfo import ZoneInfo

import structlog
import typer
from rich.console import Console
from rich.text import Text

from holdfast import __version__
from holdfast.cli.common import ConfigOption
from holdfast.cli.greeting import Greeter
from holdfast.cli.status import MARKS, look, size_words
from holdfast.core.clock import SystemClock
from holdfast.core.config import Loaded
from holdfast.core.status import StreamState
from holdfast.core.timing import iso
from holdfast.library.desired import load_or_last_good
from holdfast.library.status import Health, NodeNow, StreamNow
from holdfast.roles.dependencies import degraded, versions
from holdfast.roles.logging import set_up_logging
from holdfast.roles.notify import Notifier
from holdfast.roles.supervisor import Supervisor
from holdfast.storage.errors import storage_errors

app = typer.Typer()


@app.command()
def run(
    config: ConfigOption = None,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on the terminal but the log.")] = False,
) -> int:
    """Record every configured camera until Ctrl-C or SIGTERM. SIGHUP reads the configuration again."""
    os.umask(0o027)
    loaded = load_or_last_good(config)
    console = Console(highlight=False, soft_wrap=True)
    story = Story(loaded, console) if console.is_terminal and not quiet else None
    supervise(loaded, story)
    return 0


class View(Protocol):
    """Something that shows on a terminal what goes on."""

    def begin(self) -> None:
        """Everything is about to start."""

    def tell(self) -> None:
        """A second has passed, or stopping has begun."""

    def end(self) -> None:
        """Everything has ended."""


def supervise(loaded: Loaded, story: View | None, *, greet: bool = True) -> None:
    """Run the supervisor of a configuration, with its log and its service manager.

    Args:
        loaded: The configuration.
        story: What shows on a terminal what goes on, or None.
        greet: Say the address of the pages as soon as they are served.

    Raises:
        AlreadyRunning: Another one has this state folder.
        MissingDependency: A library is not installed.
    """
    state_dir = loaded.config.state_dir
    with storage_errors("making folder", state_dir):
        state_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
    notifier = Notifier.from_environment(os.environ)
    holdfast = (sys.executable, "-m", "holdfast")
    console = False if story else None
    greeter = Greeter(loaded)

    def observe() -> None:
        if greet:
            greeter.tell()
        if story:
            story.tell()

    with closing(set_up_logging("supervisor", state_dir, loaded=loaded, console=console)):
        supervisor = Supervisor(
            state_dir=state_dir,
            runtime_dir=loaded.config.runtime_dir,
            worker=(*holdfast, "work", "--config", str(loaded.path)),
            recorder=lambda number: (*holdfast, "record", "--shard", str(number), "--state-dir", str(state_dir)),
            clock=SystemClock(),
            notifier=notifier,
            observe=observe,
        )
        if loaded.config.web.enabled:
            supervisor.with_server((*holdfast, "serve", "--wait", "--config", str(loaded.path)))
        if loaded.config.watcher.enabled:
            supervisor.with_watcher((*holdfast, "watch", "--config", str(loaded.path)))
        log = structlog.stdlib.get_logger("holdfast.supervisor")
        log.info("dependencies", holdfast=__version__, **versions())
        for sentence in degraded(loaded.config.runtime_dir):
            log.warning("dependencies.degraded", reason=sentence)
        if loaded.stale is not None:
            log.error("config.refused", path=str(loaded.path), reason=str(loaded.stale))
        if story:
            story.begin()
        supervisor.run()
        if story:
            story.end()
    notifier.close()


class Story:
    """Tells on a terminal what changes: one line a change, none while nothing does."""

    def __init__(self, loaded: Loaded, console: Console) -> None:
        self._loaded = loaded
        self._console = console
        self._zone = ZoneInfo(loaded.config.site.time_zone)
        self._clock = SystemClock()
        self._told: dict[str, tuple[StreamState, str, Health]] = {}
        self._sentence = ""
        self._stopping = False

    def begin(self) -> None:
        """Say what is about to happen, and where the footage goes."""
        config = self._loaded.config
        print_ = self._console.print
        count = len(config.cameras)
        print_(Text.assemble(("Holdfast", "bold"), f" {__version__} · {count} camera{'' if count == 1 else 's'}"))
        if self._loaded.stale is not None:
            print_(Text(f"the configuration is refused, its last good copy is used:\n  {self._loaded.stale}", "red"))
        for name, volume in config.volumes.items():
            print_(Text.assemble("footage  ", (str(volume.path / "footage"), "bold"), f"  (volume {name})"))
        if not count:
            print_(f"no cameras yet: add them to {self._loaded.path}, or: holdfast cameras add rtsp://… --id NAME")
        print_(Text(f"logs     {config.log_dir}\nanother terminal: holdfast status --watch · Ctrl-C stops\n", "dim"))

    def tell(self) -> None:
        """Look, and print what is new."""
        now = look(self._loaded)
        if now.supervisor is not None and now.supervisor.get("state") == "stopping":
            if not self._stopping:
                self._stopping = True
                self._line(Text("stopping: finishing files …"))
            return
        if self._stopping or now.supervisor is None:
            return
        for stream in now.streams:
            self._tell_stream(stream)
        self._tell_sentence(now)

    def end(self) -> None:
        """Say that all is finished."""
        self._line(Text("stopped; every file is finished"))

    def _tell_stream(self, stream: StreamNow) -> None:
        given = stream.status
        fact = (given.state, given.reason, stream.health)
        if self._told.get(stream.name) == fact:
            return
        # A recorder that is about to write its first status is no news, and no loss yet.
        if not stream.fresh and stream.name not in self._told:
            return
        if given.state is StreamState.RECORDING and not given.fps:
            return  # the rate is known a moment later, and then the line says more
        self._told[stream.name] = fact
        mark, colour = MARKS[stream.health]
        self._line(Text.assemble((f"{mark} ", colour), (f"{stream.name}  ", "bold"), _words(stream)))

    def _tell_sentence(self, now: NodeNow) -> None:
        # Durations in it change each second; what stays the same is news only once.
        worst = now.troubles[0] if now.troubles else ""
        settled = bool(self._told) and all(s.health is not Health.SETTLING for s in now.streams)
        text = now.sentence if now.well and settled else worst
        if text and text != self._sentence:
            self._line(Text(text, "green" if now.well else "red"))
        if text or not now.well:
            self._sentence = text

    def _line(self, text: Text) -> None:
        at = iso(self._clock.wall_us(), self._zone)[11:19]
        self._console.print(Text.assemble((f"{at}  ", "dim"), text))


def _words(stream: StreamNow) -> str:
    if stream.status.state is StreamState.RECORDING:
        return f"{stream.words}  {size_words(stream.status)}  → {Path(stream.status.segment).name}"
    return stream.words + (f"  (try: {stream.hint})" if stream.hint else "")
