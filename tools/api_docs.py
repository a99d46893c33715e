"""docs/api.md from the application's own OpenAPI: every address with its right, what it takes and what it answers.

Used by tools/docs.py; the schema itself is served at /api/v1/openapi.json.
"""

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute, APIWebSocketRoute

from holdfast.api.routes import ROUTERS
from holdfast.http.app import Application
from holdfast.http.rights import Needs

_HEAD = """\
# API

{note}
Everything that the pages do, programs can do too. The OpenAPI schema, with examples, is at `/api/v1/openapi.json`.

* **Who asks**: a browser's session cookie, or `Authorization: Bearer hf_…` with a token from `holdfast tokens add`.
  Each address names the right that it needs; `operator` contains `viewer`, `admin` contains both.
* **Times** are integer microseconds since the epoch, UTC, in names that end with `_us`. Where an address takes an
  instant, `2026-05-01T18:00`, `today`, `13:41`, `yesterday 13:41` and `2h` (ago) are understood as well, in the site's
  time zone.
* **Lists** are `{{"items": […], "cursor": "…"}}`; hand the cursor back for the next page, `null` ends it.
* **Errors** have one shape: `{{"error": {{"code", "message", "hint", "fields"?}}, "detail": message}}`.
"""


def api(note: str) -> str:
    """Return docs/api.md; `note` says that it is generated."""
    app = Application()
    for router in ROUTERS:
        app.include_router(router)
    schema = app.openapi()
    lines = [_HEAD.format(note=note), "| address | needs | does |", "|---|---|---|"]
    routes = list(_routes(ROUTERS))
    for method, path, right, summary in sorted(routes, key=lambda route: (route[1], route[0])):
        lines.append(f"| `{method} {path}` | {right} | {_cell(summary)} |")
    for path, methods in sorted(schema["paths"].items()):
        for method, operation in methods.items():
            lines += _operation(method.upper(), path, operation, schema)
    return "\n".join(lines) + "\n"


def _routes(routers: tuple[APIRouter, ...]) -> Iterator[tuple[str, str, str, str]]:
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                for method in sorted((route.methods or set()) - {"HEAD"}):
                    yield method, route.path, _right(route), route.summary or ""
            elif isinstance(route, APIWebSocketRoute):
                words = " ".join((route.endpoint.__doc__ or "").split("\n\n")[0].split())
                yield "WS", route.path, _right(route), words


def _right(route: APIRoute | APIWebSocketRoute) -> str:
    rights = [d.call.right.value for d in route.dependant.dependencies if isinstance(d.call, Needs)]
    return ", ".join(rights) or "?"


def _operation(method: str, path: str, operation: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    parameters = [p for p in operation.get("parameters", []) if p["in"] != "path"]
    bodies = list(operation.get("requestBody", {}).get("content", {}).values())
    fields = list(_fields(bodies[0]["schema"], schema)) if bodies else []
    words = str(operation.get("description", "")).split("\n\n")[0]
    if not (parameters or fields or words):
        return
    yield from ("", f"## {method} {path}", "")
    if words:
        yield " ".join(words.split())
    if parameters:
        yield from ("", "| parameter | type | means |", "|---|---|---|")
        for parameter in parameters:
            kind = _kind(parameter["schema"], schema)
            yield f"| `{parameter['name']}` | {kind} | {_cell(parameter.get('description', ''))} |"
    if fields:
        yield from ("", "| field of the body | type | means |", "|---|---|---|", *fields)


def _fields(schema: dict[str, Any], whole: dict[str, Any]) -> Iterator[str]:
    found = _resolved(schema, whole)
    needed = set(found.get("required", []))
    for name, field in found.get("properties", {}).items():
        words = _cell(str(field.get("description", "")))
        kind = _kind(field, whole) + (", needed" if name in needed else "")
        yield f"| `{name}` | {kind} | {words} |"


def _resolved(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _kind(schema: dict[str, Any], whole: dict[str, Any]) -> str:
    found = _resolved(schema, whole)
    if "enum" in found:
        return ", ".join(f"`{value}`" for value in found["enum"])
    if "anyOf" in found:
        return " or ".join(dict.fromkeys(_kind(part, whole) for part in found["anyOf"]))
    if found.get("type") == "array":
        return f"list of {_kind(found.get('items', {}), whole)}"
    return str(found.get("type", "any"))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
