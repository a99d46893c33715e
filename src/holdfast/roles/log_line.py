"""What a log line says: without secrets, without endless repetition, and readable where it is shown.

Not here: where lines go (log_file), who hands them over (logging). Any thread.
"""

import json
import os
import re
import stat
import sys
import threading
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import datetime
from typing import Any

from holdfast.core.clock import Clock
from holdfast.core.config import mask_url
from holdfast.core.config.secret import MASK
from holdfast.core.timing import SECOND_US

_PRIORITY = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}  # <sys/syslog.h>, as journald reads them
_COLOUR = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "31;1"}

ALLOWED = 10  # chosen: what one message of one camera may say in a window; what comes after is counted (F31)
WINDOW_S = 60.0
_MOST_KEYS = 5000  # chosen: a hundred cameras with fifty messages each
_SHORTEST_SECRET = 4  # chosen: hiding every "1" would hide the log instead

EventDict = MutableMapping[str, Any]
_PLAIN = re.compile(r"[^\s\"=\\]+")


class Scrubber:
    """Hides known secret values, and credentials in addresses, wherever they stand in a log line."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Learn further secrets; none is ever forgotten, because an old one may still be in use somewhere."""
        known = self._known | {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        if known == self._known:
            return
        longest_first = sorted(known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        self._known = known

    def clean(self, value: Any) -> Any:
        """Return a value without secrets, as something that JSON can hold."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, Mapping):
            return {str(key): self.clean(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.clean(inner) for inner in value]
        text = value if isinstance(value, str) else str(value)
        text = self._pattern.sub(MASK, text) if self._pattern else text
        return mask_url(text)


class Repeats:
    """Lets a message through ten times a minute; counts the rest and says so when the minute is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, ...], tuple[int, int]] = {}
        self._lock = threading.Lock()

    def admit(self, line: EventDict) -> bool:
        """Say whether a line is to be written."""
        key = tuple(str(line.get(name, "")) for name in ("level", "event", "camera", "stream", "reason"))
        with self._lock:
            if key not in self._seen:
                if len(self._seen) >= _MOST_KEYS:
                    return True
                self._seen[key] = (self._clock.boot_us(), 0)
            since_us, count = self._seen[key]
            self._seen[key] = (since_us, count + 1)
            return count < ALLOWED

    def due(self) -> list[dict[str, Any]]:
        """Return a summary of each message whose minute is over and that said more than was let through."""
        over_us = self._clock.boot_us() - round(WINDOW_S * SECOND_US)
        with self._lock:
            over = {key: count for key, (since_us, count) in self._seen.items() if since_us <= over_us}
            for key in over:
                del self._seen[key]
        names = ("level", "event", "camera", "stream", "reason")
        return [
            {**{n: v for n, v in zip(names, key, strict=True) if v}, "repeated": count - ALLOWED, "in_s": WINDOW_S}
            for key, count in over.items()
            if count > ALLOWED
        ]


def console_style(environ: Mapping[str, str]) -> str:
    """Tell how standard error is read: `colour` (a terminal), `journal` (systemd), `plain` (a pipe), or not at all.

    A plain file is where the supervisor catches what falls out of its children; their lines are in their own files.
    """
    try:
        facts = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return ""
    # systemd.exec(5): set to device and inode of the stream that leads to the journal; children inherit it, so compare.
    if environ.get("JOURNAL_STREAM") == f"{facts.st_dev}:{facts.st_ino}":
        return "journal"
    if sys.stderr.isatty():
        return "plain" if environ.get("NO_COLOR") else "colour"
    return "plain" if stat.S_ISFIFO(facts.st_mode) or stat.S_ISSOCK(facts.st_mode) else ""


def console_line(line: Mapping[str, Any], style: str) -> str:
    """Write a line for people: `event key=value …`, a traceback below it."""
    level, event = str(line.get("level", "info")), str(line.get("event", ""))
    facts = " ".join(
        f"{name}={_value(value)}"
        for name, value in line.items()
        if name not in {"at", "level", "role", "event", "exception"}
    )
    below = f"\n{line['exception']}" if line.get("exception") else ""
    if style == "journal":
        # The journal has its own time; a multi-line text is one entry a line, each with its priority.
        return "\n".join(f"<{_PRIORITY.get(level, 6)}>{part}" for part in f"{event} {facts}{below}".split("\n"))
    at, role = str(line.get("at", "")), str(line.get("role", ""))
    if style == "colour":
        clock = datetime.fromisoformat(at).astimezone().strftime("%H:%M:%S") if at else ""
        colour = f"\x1b[{_COLOUR.get(level, '0')}m"
        return f"\x1b[2m{clock}\x1b[0m {colour}{level:8}\x1b[0m \x1b[1m{event}\x1b[0m {facts}{below}"
    return f"{at} {level:8} {role} {event} {facts}{below}"


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
