"""What a person filled in, and where to go afterwards: for pages that work without scripts.

Not here: limits of bodies and the same-site check (http.guard).
"""

from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse

from holdfast.core.errors import BadInput

FIELDS_MAX = 100  # chosen: the longest form has a few dozen
SEE_OTHER = 303


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if body and kind != "application/x-www-form-urlencoded":
        raise BadInput("a form is sent as application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError as error:
        raise BadInput("this is no form") from error
    # Browsers end the lines of a text area with both; nobody meant the first.
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


Form = Annotated[dict[str, str], Depends(_form)]
"""The fields of the form that was sent; of fields of the same name, the last."""


def here_only(path: str | None, otherwise: str = "/") -> str:
    r"""Return an address of this site as it is, and `otherwise` for what could lead to another one.

    Browsers read `//host`, `/\host` and addresses with line breaks or tabs in them as another site.
    """
    if not path or not path.startswith("/") or path.startswith("//") or "\\" in path:
        return otherwise
    if any(ord(letter) <= 0x20 or ord(letter) == 0x7F for letter in path):  # noqa: PLR2004 - control characters and blanks
        return otherwise
    return path


def came_from(request: Request) -> str:
    """Return the page that a form stood on, where it was one of ours."""
    parts = urlsplit(request.headers.get("referer", ""))
    if parts.netloc != request.headers.get("host", ""):
        return "/"
    return here_only(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def go_to(path: str) -> RedirectResponse:
    """Send a browser on to another page, after a form too."""
    return RedirectResponse(here_only(path), SEE_OTHER, {"Cache-Control": "no-store"})
