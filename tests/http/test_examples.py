"""Examples in the API's description."""

import re
from collections.abc import Iterator
from typing import Any

from holdfast.http.examples import add_examples, says_itself
from support.accounts import House

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "array": (list,),
    "object": (dict,), "null": (type(None),),
}  # fmt: skip


def _fits(value: Any, field: dict[str, Any]) -> bool:
    """Say whether a value is one of a field, as far as kinds, limits and forms go."""
    parts = field.get("anyOf") or field.get("allOf")
    if parts:
        return any(_fits(value, part) for part in parts)
    kind = field.get("type")
    if kind is None:
        return True
    fits = isinstance(value, _KINDS[kind]) and not (kind != "boolean" and isinstance(value, bool))
    if fits and kind == "string":
        fits = len(value) <= field.get("maxLength", 10_000) and bool(re.search(field.get("pattern", ""), value))
    if fits and kind in {"integer", "number"}:
        fits = field.get("minimum", value) <= value <= field.get("maximum", value)
    return fits


def _used(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every model that an address of the API takes or answers with, those within them too."""
    models: dict[str, dict[str, Any]] = schema["components"]["schemas"]
    found: dict[str, dict[str, Any]] = {}

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found[name] = models[name]
                walk(models[name])
        for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            walk(one)

    walk([{**one, "parameters": []} for path in schema["paths"].values() for one in path.values()])
    return found


def _parameters(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", []):
                yield f"{method} {path} {parameter['name']}", parameter


def test_every_model_has_an_example(home: House) -> None:
    """Each model that the API takes or answers with has an example, or each of its fields shows what stands in it."""
    schema = home.app.openapi()
    models = _used(schema)
    assert len(models) > 60
    bare = [
        f"{name}.{field}"
        for name, model in models.items() if not ("example" in model or "examples" in model)
        for field, about in model.get("properties", {}).items() if not says_itself(about)
    ]  # fmt: skip
    assert not bare
    assert not [name for name, found in _parameters(schema) if not says_itself({**found["schema"], **found})]


def test_examples_are_what_they_are_examples_of(home: House) -> None:
    """Each example has the kind, the limits and the form of its field."""
    schema = home.app.openapi()
    fields = [
        (f"{name}.{field}", about)
        for name, model in _used(schema).items() for field, about in model.get("properties", {}).items()
    ]  # fmt: skip
    fields += [(name, found["schema"]) for name, found in _parameters(schema)]
    odd = [f"{name}: {one!r}" for name, about in fields for one in about.get("examples", []) if not _fits(one, about)]
    assert not odd


def test_what_a_model_says_itself_stands() -> None:
    """An example of a model's or a field's own is kept, and a field that nobody knows stays as it is."""
    fields = {
        "camera": {"type": "string", "examples": ["yard"]},
        "stream": {"type": "string"},
        "odd": {"type": "string"},
    }
    models = {
        "A": {"properties": fields},
        "B": {"example": {"camera": "x"}, "properties": {"camera": {"type": "string"}}},
    }
    made = add_examples({"components": {"schemas": models}})["components"]["schemas"]
    assert made["A"]["properties"]["camera"]["examples"] == ["yard"]
    assert made["A"]["properties"]["stream"]["examples"] == ["main"]
    assert made["A"]["properties"]["odd"] == {"type": "string"}
    assert made["B"]["properties"]["camera"] == {"type": "string"}
