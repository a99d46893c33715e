"""Turns a template and facts into an answer: the one way in which pages are made.

Everything that a template prints is escaped. There is no inline script and no inline style, because the policy in every
answer's headers forbids both. Any thread; not on the event loop.
"""

import re
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from holdfast import __version__
from holdfast.core.timing import SECOND_US, span_words
from holdfast.http.rights import identity_of
from holdfast.web.assets import ASSETS
from holdfast.web.frame import frame_of, theme_of
from holdfast.web.times import time_tag

_TYPED = re.compile(r"(?:holdfast|chmod|chown|pip|systemctl)\b|[a-z_]+(?:://| = )|[^\s:]*[._/=`]\w|--")
TEMPLATES = Path(__file__).parent / "templates"


def size_words(size: float) -> str:
    """Say a number of bytes: `4.1 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004 - units of a thousand, as disks are sold
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def capitalize_first(text: str) -> str:
    """Begin a sentence with a capital, unless it begins with what is typed as it stands: a command, a key, a path.

    The same as `capital` of static/app.js.
    """
    return text if _TYPED.match(text) else text[:1].upper() + text[1:]


def length_words(us: int) -> str:
    """Say how long a gap is; one that is too short to count in seconds is not nothing."""
    return "under 1 s" if 0 < us < SECOND_US else span_words(us / SECOND_US)


def coded(text: str) -> Markup:
    """Set what stands between backticks, as the reference of settings has it, as code."""
    parts = text.split("`")
    return Markup().join(
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts)
    )


def bits_words(bps: float) -> str:
    """Say a bit rate: `4.1 Mb/s`."""
    return f"{bps / 1e6:.1f} Mb/s" if bps >= 1e6 else f"{bps / 1e3:.0f} kb/s"  # noqa: PLR2004 - a million


_environment = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_environment.globals |= {"static": ASSETS.address, "has_static": ASSETS.has, "version": __version__}
_environment.filters |= {
    "span": span_words,
    "size": size_words,
    "bits": bits_words,
    "capitalize_first": capitalize_first,
    "coded": coded,
    "length_words": length_words,
}


def page(request: Request, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """Answer with a page in its frame, on a route that needs more than `PUBLIC`.

    Args:
        request: Who asks, and for what.
        template: File name in templates/; it extends `base.html`.
        status: HTTP status.
        facts: What the template prints. `frame`, `time` (`time(us, "clock")`, see `times.time_tag`), `static` and the
            filters `span` (seconds), `size` (bytes) and `bits` (bits per second) are always there.
    """
    frame = frame_of(request, identity_of(request))

    def time(us: int | None, style: str = "full") -> str:
        return time_tag(us, frame.zone, style, frame.now_us)

    text = _environment.get_template(template).render(frame=frame, time=time, theme=frame.theme, **facts)
    return _answer(text, status)


def bare(request: Request, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """Answer with a page without a frame, for nobody in particular; its template extends `bare.html`."""
    return _answer(_environment.get_template(template).render(theme=theme_of(request), **facts), status)


def _answer(text: str, status: int) -> HTMLResponse:
    # What is on a page is for whoever is signed in now: no shared cache, no going back after signing out.
    return HTMLResponse(text, status, {"Cache-Control": "no-store"})
