"""What commands share: the option for the configuration, JSON, and how sizes, lengths and times are written.

Small on purpose: what one command alone needs stays with it. Pure but for `echo_json`.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from holdfast.core.config import parse_bytes
from holdfast.core.errors import NotFound, UsageError
from holdfast.core.timing import to_datetime

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The configuration; without it $HOLDFAST_CONFIG or the usual places.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON, for scripts.")]


def camera_of(typed: str, configured: Iterable[str], left: Callable[[str], bool] = lambda _id: False) -> str:
    """Return the camera that somebody typed, in its own capitals.

    Args:
        typed: Its id, in any.
        configured: Ids of the cameras that there are.
        left: Whether something is still known of one that is not among them any more.

    Raises:
        NotFound: It is none of either.
    """
    names = list(configured)
    name = next((one for one in names if one.lower() == typed.lower()), typed)
    if name not in names and not left(name):
        raise NotFound(f"there is no camera {typed}", hint="holdfast cameras list shows all")
    return name


def echo_json(value: Any) -> None:
    """Write a value as JSON to standard output; what JSON does not know is written as text."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def size(count: float) -> str:
    """Write bytes for people: `1.4 GB`; a thousand to the next unit, as disks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 999.5:  # noqa: PLR2004 - what rounds to a thousand belongs to the next unit
            return f"{count:.0f} {unit}" if unit == "B" or abs(count) >= 100 else f"{count:.1f} {unit}"  # noqa: PLR2004 - three digits at most
        count /= 1000
    return f"{count:.1f} TB"


def bitrate(bits_per_s: float) -> str:
    """Write a bit rate for people: `2.1 Mb/s`."""
    if bits_per_s < 999_500:  # noqa: PLR2004 - what rounds to a million is written as 1.0 Mb/s
        return f"{bits_per_s / 1000:.0f} kb/s"
    return f"{bits_per_s / 1e6:.1f} Mb/s"


def duration(seconds: float) -> str:
    """Write a length of time in its two largest units: `40ms`, `4.2s`, `1m05s`, `2h07m`."""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if 0 < seconds < 0.095:  # noqa: PLR2004 - what rounds to a tenth of a second is written as 0.1s
        return f"{seconds * 1000:.0f}ms"
    if seconds < 9.95:  # noqa: PLR2004 - below ten, tenths still say something
        return f"{seconds:.1f}s"
    whole = round(seconds)
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}d{hours:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{whole % 60:02}s" if minutes else f"{whole}s"


def read_size(text: str) -> int:
    """Read a size in bytes: `256MB`, `1.5GiB`.

    Raises:
        UsageError: It is none.
    """
    try:
        return parse_bytes(text if not text.strip().isdigit() else int(text))
    except ValueError as error:
        raise UsageError(str(error.args[0]), hint=str(error.args[-1])) from error


def local_time(us: int, zone: str, *, seconds: bool = True) -> str:
    """Write an instant for people, in the site's time: `2026-05-01 18:00:05`.

    Within the hour that comes twice where clocks go back, its distance to UTC follows.
    """
    moment = to_datetime(us, ZoneInfo(zone))
    twice = moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()
    return moment.strftime(("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M") + (" %z" if twice else ""))
