"""Instants as pages show them: in the site's zone, the offset beside it, UTC on hover, and readable by machines.

Pure. Not here: reading what a person typed (core.timing).
"""

from datetime import date, datetime, tzinfo

from markupsafe import Markup

from holdfast.core.errors import BadInput
from holdfast.core.timing import DAY_US, SECOND_US, span_words, to_datetime

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
STYLES = ("clock", "minute", "day", "full", "ago")


def offset_words(moment: datetime) -> str:
    """Say how far a moment's zone is ahead of UTC: `+01:00`; UTC itself is `+00:00`."""
    text = moment.strftime("%z")
    return f"{text[:3]}:{text[3:5]}"


def day_words(moment: datetime) -> str:
    """Say a day as `21 Nov 2026`: no order of numbers that somebody could take for another."""
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def time_words(us: int, zone: tzinfo, style: str = "full", now_us: int | None = None) -> str:
    """Say an instant in the site's time.

    Args:
        us: The instant.
        zone: The site's zone.
        style: `clock` 14:03:27, `minute` 14:03, `day` 21 Nov 2026, `full` 21 Nov 2026 14:03:27 +01:00, or `ago`,
            which is relative for a day and then `full`.
        now_us: Now; `ago` needs it.
    """
    moment = to_datetime(us, zone)
    if style == "ago" and now_us is not None and 0 <= now_us - us < DAY_US:
        return f"{span_words((now_us - us) / SECOND_US)} ago"
    if style == "clock":
        return moment.strftime("%H:%M:%S")
    if style == "minute":
        return moment.strftime("%H:%M")
    if style == "day":
        return day_words(moment)
    return f"{day_words(moment)} {moment.strftime('%H:%M:%S')} {offset_words(moment)}"


def time_tag(us: int | None, zone: tzinfo, style: str = "full", now_us: int | None = None) -> Markup:
    """Return a `<time>` element: the site's time to read, UTC on hover, the instant for machines. None is a dash."""
    if us is None:
        return Markup('<span class="quiet">&ndash;</span>')
    utc = to_datetime(us)
    exact = utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    hover = f"{day_words(utc)} {utc.strftime('%H:%M:%S')} UTC"
    if style == "ago":
        hover = f"{time_words(us, zone)} · {hover}"
    words = time_words(us, zone, style, now_us)
    return Markup('<time datetime="{}" title="{}" data-us="{}" data-style="{}">{}</time>').format(
        exact, hover, us, style, words
    )


def read_date(text: str) -> date | None:
    """Read a day as pages have it in their address, `2026-05-01`; None of nothing.

    Raises:
        BadInput: It is none.
    """
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is no day", hint="write 2026-05-01") from error
