"""Pages for what went wrong. Who is not signed in is asked to, and comes back to where they were going.

An error page needs nothing that may be the reason for it: where nobody can be
asked, it stands without a frame.
"""

from contextlib import suppress
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from holdfast.core.errors import HoldfastError
from holdfast.http.rights import Identity
from holdfast.web.doors import PATH
from holdfast.web.forms import go_to
from holdfast.web.render import bare, page

UNAUTHORIZED, FORBIDDEN, MISSING, INTERNAL = 401, 403, 404, 500

TITLES = {
    400: "That makes no sense", 403: "Not for you", 404: "Nothing here", 405: "Not that way", 409: "That clashes",
    413: "Too large", 421: "Not known by this name", 422: "That will not do", 429: "Too often",
    500: "Something went wrong", 503: "Not now",
}  # fmt: skip


async def error_page(request: Request, status: int, body: dict[str, Any]) -> Response:
    """Make a page of an error; for `holdfast.http.app.build` and the guard, as their `pages`."""
    if status == UNAUTHORIZED:
        where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        going = f"?next={quote(where, safe='')}" if request.method == "GET" and where != "/" else ""
        return go_to(f"{PATH}{going}")
    return await run_in_threadpool(_page, request, status, body["error"])


def _page(request: Request, status: int, error: dict[str, Any]) -> Response:
    facts = {"error": error, "number": status, "heading": TITLES.get(status, TITLES[INTERNAL])}
    identity = None if status == INTERNAL else _who(request)
    if identity is None:
        return bare(request, "error-bare.html", status, **facts)
    request.state.identity = identity
    return page(request, "error.html", status, **facts)


def _who(request: Request) -> Identity | None:
    """Say who asks, where that can be said: at an address that nobody answers, nobody has asked yet."""
    found = getattr(request.state, "identity", None)
    if found is None:
        with suppress(HoldfastError):
            found = request.app.state.identify(request)
    return found if isinstance(found, Identity) else None
