"""Logs of a role: structlog into one capped file of JSON lines, and onto the console in a form that suits it.

An event with its facts beside it; secrets are scrubbed, repetitions collapsed, the level may change at any time.
Logging never waits and never raises into the caller: lines go through a queue (log_file).

One `Logs` a process, made by the role's composition root. Other libraries' `logging` records come along.
"""

import atexit
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import structlog

from holdfast.core.clock import Clock, SystemClock
from holdfast.core.config import Loaded
from holdfast.core.errors import AlreadyRunning, BadInput, StorageError
from holdfast.core.plan import Plan
from holdfast.core.timing import iso
from holdfast.roles.log_file import LogWriter, RotatingFile
from holdfast.roles.log_line import EventDict, Repeats, Scrubber, console_line, console_style
from holdfast.storage.lock import FileLock

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
PLAN = "streams.json"
_MOST_NAMESAKES = 100  # chosen: more processes of one name than a host has memory for
_FIRST = ("at", "level", "role", "event", "camera", "stream")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a role's logs begin with; from then on they follow the plan."""

    folder: Path | None = None
    level: str = "info"
    max_bytes: int = Plan().log_max_bytes
    keep: int = Plan().log_keep
    secrets: frozenset[str] = frozenset()


def set_up_logging(
    role: str, state_dir: Path | None = None, *, loaded: Loaded | None = None, console: bool | None = None,
    clock: Clock | None = None,
) -> "Logs":  # fmt: skip
    """Begin to log: the first thing that a role does.

    Args:
        role: Name of the file: `supervisor`, `worker`, `recorder-0`.
        state_dir: Where the plan is, whose level, sizes and secrets the logs follow from now on; None for no file.
        loaded: The configuration, for roles that read it: it is there before the first plan.
        console: Whether to write to standard error, too; None for where somebody would read it (a terminal, the
            journal, a container's pipe).
        clock: Time.

    Returns:
        The logs; they end by themselves with the process, or with `close`.
    """
    if loaded:
        log = loaded.config.log
        settings = Settings(
            folder=loaded.config.log_dir, level=log.level, max_bytes=log.max_bytes, keep=log.keep,
            secrets=loaded.secrets,
        )  # fmt: skip
        state_dir = state_dir or loaded.config.state_dir
    else:
        settings = _planned(state_dir) if state_dir else Settings()
    style = "" if console is False else console_style(os.environ) or ("plain" if console else "")
    plan_file = state_dir / PLAN if state_dir else None
    return Logs(role, settings, plan_file=plan_file, clock=clock or SystemClock(), style=style).__enter__()


def plan_secrets(plan: Plan) -> set[str]:
    """Return the passwords in a plan, also as they look inside an address."""
    passwords = {stream.password for stream in plan.streams if stream.password}
    return passwords | {quote(password, safe="") for password in passwords}


def _planned(state_dir: Path) -> Settings:
    try:
        plan = Plan.from_json((state_dir / PLAN).read_bytes())
    except (OSError, BadInput):
        return Settings(folder=state_dir / "log")
    return Settings(
        folder=Path(plan.log_dir) if plan.log_dir else state_dir / "log", level=plan.log_level,
        max_bytes=plan.log_max_bytes, keep=plan.log_keep, secrets=frozenset(plan_secrets(plan)),
    )  # fmt: skip


class Logs:
    """The logs of this process, from `__enter__` (or `set_up_logging`) to `close`."""

    def __init__(self, role: str, settings: "Settings", *, plan_file: Path | None, clock: Clock, style: str) -> None:
        self.role = role
        self._clock = clock
        self._plan_file = plan_file
        self._seen: tuple[int, int] | None = None
        self._style = style
        self._scrubber = Scrubber(settings.secrets)
        self._repeats = Repeats(clock)
        self._level = LEVELS["info"]
        self._lock: FileLock | None = None
        self._file: RotatingFile | None = None
        if settings.folder:
            self._file = RotatingFile(self._claim(settings.folder), settings.max_bytes, settings.keep)
        self._writer = LogWriter(self._file, clock, self._lost, self._tick)
        self._hooks = (sys.excepthook, threading.excepthook)
        self._bridge = _Bridge(self)
        self.set_level(settings.level)

    @property
    def path(self) -> Path | None:
        """The log file."""
        return self._file.path if self._file else None

    def set_level(self, level: str) -> None:
        """Change what is logged, from the next line on (F32). An unknown level changes nothing."""
        self._level = LEVELS.get(level, self._level)
        # Other libraries have much to say about themselves; at info only their warnings are about us.
        logging.getLogger().setLevel(logging.INFO if self._level <= LEVELS["debug"] else logging.WARNING)

    def add_secrets(self, secrets: Iterable[str]) -> None:
        """Hide these, too, from now on."""
        self._scrubber.add(secrets)

    def __enter__(self) -> Self:
        """Take over structlog, `logging`, warnings and uncaught exceptions."""
        self._writer.start()
        structlog.configure(
            processors=[
                self._gate,
                structlog.contextvars.merge_contextvars,
                structlog.processors.format_exc_info,
                self._emit,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(0),
            logger_factory=structlog.ReturnLoggerFactory(),
            cache_logger_on_first_use=False,
        )
        logging.getLogger().addHandler(self._bridge)
        logging.captureWarnings(capture=True)
        sys.excepthook = self._crashed
        threading.excepthook = lambda args: self._crashed(
            args.exc_type, args.exc_value, args.exc_traceback, thread=args.thread.name if args.thread else ""
        )
        atexit.register(self.close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is left and give everything back. Safe to call twice."""
        atexit.unregister(self.close)
        if self._bridge not in logging.getLogger().handlers:
            return
        logging.getLogger().removeHandler(self._bridge)
        logging.captureWarnings(capture=False)
        sys.excepthook, threading.excepthook = self._hooks
        structlog.reset_defaults()
        self._writer.close()
        if self._lock:
            self._lock.__exit__(None, None, None)

    def line(self, level: str, event: str, facts: Mapping[str, Any]) -> None:
        """Write a line that came from elsewhere."""
        with suppress(structlog.DropEvent):
            self._emit(None, level, {"event": event, **facts})

    # --- processors --------------------------------------------------------------------------------------------------

    def _gate(self, _logger: Any, method: str, line: EventDict) -> EventDict:
        if LEVELS.get(method, 40) < self._level:
            raise structlog.DropEvent
        return line

    def _emit(self, _logger: Any, method: str, line: EventDict) -> EventDict:
        """Put the line into the queue; the end of every line's way."""
        line["level"] = method if method in LEVELS else "error"
        if self._repeats.admit(line):
            self._writer.put(*self._render(line))
        raise structlog.DropEvent

    def _render(self, line: Mapping[str, Any]) -> tuple[bytes, str]:
        try:
            facts = self._scrubber.clean(dict(line))
        except (RecursionError, ValueError, TypeError) as error:
            facts = {"event": str(line.get("event", "")), "level": line["level"], "unprintable": type(error).__name__}
        body = {"at": iso(self._clock.wall_us()), "role": self.role, **facts}
        ordered = {name: body[name] for name in (*_FIRST, *body) if name in body}
        text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))
        return text.encode(errors="replace") + b"\n", console_line(ordered, self._style) if self._style else ""

    def _lost(self, count: int) -> bytes:
        return self._render({"level": "warning", "event": "log.lost", "lines": count})[0]

    # --- once a second, on the writer's thread -----------------------------------------------------------------------

    def _tick(self) -> list[tuple[bytes, str]]:
        plan = self._changed_plan()
        if plan:
            self._follow(plan)
        return [self._render(summary) for summary in self._repeats.due()]

    def _changed_plan(self) -> Plan | None:
        if not self._plan_file:
            return None
        try:
            facts = self._plan_file.stat()
            seen = (facts.st_ino, facts.st_mtime_ns)
            if seen == self._seen:
                return None
            self._seen = seen
            return Plan.from_json(self._plan_file.read_bytes())
        except (OSError, BadInput):
            return None  # whoever works by the plan reports it; the logs keep the settings that they have

    def _follow(self, plan: Plan) -> None:
        self.set_level(plan.log_level)
        self.add_secrets(plan_secrets(plan))
        if self._file:
            self._file.max_bytes, self._file.keep = plan.log_max_bytes, plan.log_keep
            self._file.keep_days = plan.log_keep_days

    def _claim(self, folder: Path) -> Path:
        """Return the file of this role; where another process of the same name has it, one with a number."""
        for number in range(1, _MOST_NAMESAKES):
            name = self.role if number == 1 else f"{self.role}_{number}"
            lock = FileLock(folder / f".{name}.lock")
            try:
                folder.mkdir(mode=0o750, parents=True, exist_ok=True)
                lock.__enter__()
            except AlreadyRunning:
                continue
            except (OSError, StorageError):
                break  # the folder cannot be written now; lines are counted, and the file tried again later
            self._lock = lock
            return folder / f"{name}.log"
        return folder / f"{self.role}.log"

    def _crashed(
        self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None, *, thread: str = ""
    ) -> None:
        """Log an exception that nobody caught, without its secrets; the default hook would print them."""
        if kind in {SystemExit, KeyboardInterrupt} or error is None:
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        self.line("critical", "crashed", {**({"thread": thread} if thread else {}), "exception": text})


class _Bridge(logging.Handler):
    """Takes what other libraries say through `logging`."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, Any] = {"logger": record.name}
        if record.exc_info:
            facts["exception"] = "".join(traceback.format_exception(*record.exc_info))
        self._logs.line(record.levelname.lower(), record.getMessage(), facts)
