"""Windows as a person types them in one line: `mon-fri 08:00-18:00; sat 09:00-13:00`.

The file has them as tables; forms and the command line have them so. Pure.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.core.config.windows import WEEKDAYS

_WINDOW = re.compile(
    r"(?:(?P<days>[a-z]+(?:\s*-\s*[a-z]+)?(?:\s*,\s*[a-z]+(?:\s*-\s*[a-z]+)?)*)\s+)?"
    r"(?P<start>\d{1,2}:\d{2})\s*(?:-|–|to)\s*(?P<end>\d{1,2}:\d{2})",  # noqa: RUF001 - the dash that keyboards of phones make
    re.IGNORECASE,
)
_HINT = "write mon-fri 08:00-18:00; sat 09:00-13:00"


def parse_hours(text: str) -> list[dict[str, Any]]:
    """Read windows; none where there is nothing but blanks.

    Returns:
        Entries of `capture.windows`; `days` is left out where every day is meant.

    Raises:
        ValueError: It is none; its arguments are the message and a hint.
    """
    windows = []
    for part in filter(None, (piece.strip() for piece in re.split(r"[;\n]", text))):
        match = _WINDOW.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is no time to record at", _HINT)
        window: dict[str, Any] = {"start": match["start"].zfill(5), "end": match["end"].zfill(5)}
        if match["days"] and match["days"].lower() not in {"daily", "every day"}:
            window["days"] = [day for piece in match["days"].split(",") for day in _days(piece)]
        windows.append(window)
    return windows


def format_hours(windows: Sequence[Mapping[str, Any]]) -> str:
    """Write windows so that `parse_hours` reads them again."""
    return "; ".join(_written(window) for window in windows)


def _days(text: str) -> list[str]:
    first, _, last = (part.strip().lower()[:3] for part in text.partition("-"))
    for day in filter(None, (first, last)):
        if day not in WEEKDAYS:
            raise ValueError(f"{text.strip()!r} are no days of the week", _HINT)
    begin = WEEKDAYS.index(first)
    end = WEEKDAYS.index(last) if last else begin
    return [WEEKDAYS[number % 7] for number in range(begin, end + (7 if end < begin else 0) + 1)]


def _written(window: Mapping[str, Any]) -> str:
    hours = f"{window['start']}-{window['end']}"
    given = set(window.get("days", WEEKDAYS))
    if len(given) == len(WEEKDAYS):
        return hours
    names: list[str] = []
    numbers = sorted(WEEKDAYS.index(day) for day in given)
    while numbers:
        run = 1
        while run < len(numbers) and numbers[run] == numbers[0] + run:
            run += 1
        first, last = WEEKDAYS[numbers[0]], WEEKDAYS[numbers[run - 1]]
        names += [first] if run == 1 else [first, last] if run == 2 else [f"{first}-{last}"]  # noqa: PLR2004 - two days are not a span
        numbers = numbers[run:]
    return f"{','.join(names)} {hours}"
