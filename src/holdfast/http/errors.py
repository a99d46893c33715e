"""One shape for every error: `{"error": {"code", "message", "hint", "fields"?}, "detail": message}`.

`detail` is what older clients read. An error of ours keeps its code, words and hint; anything else is `internal`, its
facts go to the log and not to the caller. Who asks for a page gets one: `pages` of `install` makes it.

Any thread.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from holdfast.core.config.problems import dotted, plain_words
from holdfast.core.errors import BadInput, CatalogUnavailable, HoldfastError, TooMany

RETRY_AFTER_S = 5  # chosen: what a client waits before it asks again

_log = structlog.get_logger("holdfast.web")

_OTHER_WORDS = {
    400: (BadInput.http_status, BadInput.code, "the body cannot be read: send JSON, in UTF-8"),
    404: (404, "not-found", "there is nothing at this address"),
    405: (405, "method", "this address does not take that"),
}
"""What the framework raises itself, by its status: our status, code and words."""

_MEANS = {
    400: "makes no sense", 401: "nobody is signed in, or wrongly", 403: "signed in, without the right",
    404: "there is no such thing", 409: "clashes with what is there", 422: "does not hold what it must",
    429: "too often", 503: "cannot be answered now",
}  # fmt: skip

_SHORT = 40  # letters; chosen: what a person typed, not what a program sends

_PART = re.compile(r"bytes=(\d{1,18})-")

PageFor = Callable[[Request, int, dict[str, Any]], Awaitable[Response]]
"""Makes a page of an error for a person: the request, the status, and the body of `body_of`."""


class Field(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str


class Error(BaseModel):
    """What went wrong, for a program (`code`) and for a person."""

    code: str = "not-found"
    message: str = "there is no camera gate"
    hint: str = ""
    fields: list[Field] = []


class Problem(BaseModel):
    """The body of every error. `detail` is the message again, where older clients look for it."""

    error: Error
    detail: str = "there is no camera gate"


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a route answers when it cannot, for its `responses`: the statuses, all with the same body."""
    return {status: {"model": Problem, "description": _MEANS.get(status, "error")} for status in statuses}


def one_shape(schema: dict[str, Any]) -> dict[str, Any]:
    """Let a schema say of requests that make no sense what `install` answers, instead of what the framework would."""
    schemas = schema.get("components", {}).get("schemas", {})
    if "HTTPValidationError" in schemas:
        _, found = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
        schemas.update({name: model for name, model in found["$defs"].items() if name not in schemas})
        del schemas["HTTPValidationError"]
        schemas.pop("ValidationError", None)
    for path in schema.get("paths", {}).values():
        for operation in path.values():
            refused = operation["responses"].get("422", {})
            if "HTTPValidationError" in str(refused):
                refused["description"] = _MEANS[BadInput.http_status]
                refused["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return schema


def body_of(code: str, message: str, hint: str = "", fields: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Return the body of an error. `fields` names what was wrong where: `[{"field", "message"}]`."""
    error: dict[str, Any] = {"code": code, "message": message, "hint": hint}
    return {"error": {**error, "fields": fields} if fields else error, "detail": message}


def wants_page(request: Request) -> bool:
    """Say whether a person asks: a browser that opens a page, not a script, a stream or the API."""
    if request.url.path.startswith("/api/"):
        return False
    return "text/html" in request.headers.get("accept", "")


def _wrong(found: ErrorDetails) -> dict[str, str]:
    """Say which field is wrong, and how; what was sent is repeated where it is a short value of the address."""
    place, kind, sent = found["loc"], found["type"], found.get("input")
    if kind == "json_invalid":
        return {"field": "", "message": f"the body {plain_words(found)}"}
    field = dotted(place[1:])
    words = plain_words(found)
    if place[0] in {"query", "path"} and isinstance(sent, str) and 0 < len(sent) <= _SHORT and sent.isprintable():
        words += f", not {sent!r}" if words.startswith("must be") else f": {sent!r}"
    return {"field": field, "message": words if field else f"the body {words}"}


def _place(request: Request) -> dict[str, str]:
    """Repeat where the part begins that was asked for, in a refusal that asks for a token.

    It means nothing there (RFC 9110, section 14.4), but ffmpeg comes back with its token only where it stands, and
    otherwise gives up each part of a file but the first.
    """
    found = _PART.match(request.headers.get("range", ""))
    return {"Content-Range": f"bytes {found[1]}-{found[1]}/*"} if found else {}


def install(app: FastAPI, pages: PageFor | None = None) -> None:
    """Answer every error of an application in this shape."""

    async def answer(request: Request, status: int, body: dict[str, Any], headers: dict[str, str]) -> Response:
        if pages is not None and wants_page(request):
            return await pages(request, status, body)
        return JSONResponse(body, status, headers)

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, HoldfastError)  # noqa: S101 - registered for this class alone
        if error.http_status == 500:  # noqa: PLR2004 - the status of what should not have happened
            _log.error("request.failed", path=request.url.path, code=error.code, reason=str(error))
        headers = {}
        if isinstance(error, (TooMany, CatalogUnavailable)):
            headers["Retry-After"] = str(getattr(error, "retry_after_s", RETRY_AFTER_S))
        if error.http_status == 401:  # noqa: PLR2004 - RFC 9110 asks for the scheme
            headers["WWW-Authenticate"] = "Bearer"
            headers.update(_place(request))
        fields = [{"field": one.field, "message": one.message} for one in getattr(error, "fields", ())]
        return await answer(request, error.http_status, body_of(error.code, str(error), error.hint, fields), headers)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
        fields = [_wrong(found) for found in error.errors()]
        message = "; ".join(f"{f['field']}: {f['message']}" if f["field"] else f["message"] for f in fields)
        return await answer(request, 422, body_of("bad-input", message, fields=fields), {})

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
        status, code, message = _OTHER_WORDS.get(error.status_code, (error.status_code, "http", str(error.detail)))
        return await answer(request, status, body_of(code, message), dict(error.headers or {}))

    async def unknown(request: Request, error: Exception) -> Response:
        _log.error("request.failed", path=request.url.path, exc_info=error)
        body = body_of("internal", "something went wrong inside Holdfast", "holdfast logs server says what")
        return await answer(request, 500, body, {})

    app.add_exception_handler(HoldfastError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unknown)
