"""What is wrong with a configuration: each problem with its place, and all of them in one error.

Also turns pydantic's findings into sentences for a person, naming the nearest known key or value. Pure.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from holdfast.core.config.positions import Key
from holdfast.core.config.secret import mask_url
from holdfast.core.errors import ConfigError

_WHOLE, _NUMBER, _SWITCH = "must be a whole number", "must be a number", "must be true or false"
_DATE = "must be a date such as 2026-05-01"
_WORDS = {
    "int_parsing": _WHOLE, "int_type": _WHOLE, "int_from_float": _WHOLE, "int_parsing_size": "is too large a number",
    "float_parsing": _NUMBER, "float_type": _NUMBER, "finite_number": "must be a number that ends",
    "bool_parsing": _SWITCH, "bool_type": _SWITCH, "string_type": "must be text", "bytes_type": "must be text",
    "string_too_long": "is longer than {max_length} letters",
    "string_too_short": "is shorter than {min_length} letters",
    "string_pattern_mismatch": "has letters or a form that are not allowed here", "missing": "is missing",
    "greater_than": "must be more than {gt}", "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}", "less_than_equal": "must be {le} or less",
    "extra_forbidden": "is not known here", "list_type": "must be a list", "tuple_type": "must be a list",
    "dict_type": "must be a table of keys",
    "model_attributes_type": "must be an object with keys", "model_type": "must be an object with keys",
    "too_long": "has more than {max_length} entries", "json_invalid": "is not JSON: {error}",
    "date_from_datetime_parsing": _DATE, "date_parsing": _DATE,
}  # fmt: skip
"""pydantic's findings in our words, by their type; the braces are its facts."""

_NEAR = 0.6  # chosen: difflib's own default; "transprot" still finds transport, "foo" finds nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, or worth a warning.

    Attributes:
        place: `file:line`, `file:line:column`, or the name of an environment variable.
        key: Dotted key, or empty.
        message: What is wrong; never a secret.
        hint: What to do, or empty.
    """

    place: str
    key: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        head = f"{self.place}: {self.key}: " if self.key else f"{self.place}: "
        return f"{head}{self.message}" + (f" ({self.hint})" if self.hint else "")


class ConfigInvalid(ConfigError):
    """The configuration cannot be used; `problems` lists everything that was found at once."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        lines = [str(problem) for problem in problems]
        head = [] if len(lines) == 1 else [f"{len(lines)} problems in {path}"]
        super().__init__("\n  ".join([*head, *lines]))


def dotted(key: Iterable[str | int]) -> str:
    """Write a path as people read it: `cameras.gate.capture.windows[0].start`."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that looks most like `word`, or nothing."""
    by_case = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), by_case, n=1, cutoff=_NEAR)
    return by_case[found[0]] if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known word, or all of them where they are few."""
    names = sorted(known)
    found = nearest(word, names)
    if found:
        return f"did you mean {found}?"
    return f"known: {', '.join(names)}" if 0 < len(names) <= 12 else ""  # noqa: PLR2004 - more is a wall of words


def known_keys(model: type[BaseModel], at: Sequence[str | int]) -> list[str]:
    """Return the keys that a table of a model may have, by the path of the table."""
    current: Any = model
    for part in at:
        current = _step(current, part)
    current = _bare(current)
    models = [current] if _is_model(current) else list(_variants(current).values())
    return list(dict.fromkeys(name for found in models for name in found.model_fields))


def untagged(model: type[BaseModel], at: Key) -> Key:
    """Return a path as it stands in the file: pydantic puts the kind of a table that has several into it."""
    current: Any = model
    clean: list[str | int] = []
    for part in at:
        if part not in _variants(_bare(current)):
            clean.append(part)
        current = _step(current, part)
    return tuple(clean)


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _variants(kind: Any) -> dict[str, type[BaseModel]]:
    """Return the tables that one may be, by their `type`; empty where there is no choice of tables."""
    models = [found for found in get_args(kind) if _is_model(found)] if _is_union(kind) else []
    known = {found: get_args(field.annotation) for found in models if (field := found.model_fields.get("type"))}
    return {
        str(tags[0]): found
        for found, tags in known.items()
        if tags and get_origin(found.model_fields["type"].annotation) is Literal
    }


def _step(kind: Any, part: str | int) -> Any:
    kind = _bare(kind)
    if variants := _variants(kind):
        return variants.get(str(part))
    if _is_model(kind):
        field = kind.model_fields.get(str(part))
        kind = field.annotation if field else None
        # An optional table is the table; a dictionary or list stays one, its next part is a name or an index.
        return next((found for found in get_args(kind) if _is_model(found)), kind) if _is_union(kind) else kind
    return next((found for found in get_args(kind) if _is_model(found) or _variants(_bare(found))), None)


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in {Union, UnionType}


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def plain_words(error: ErrorDetails) -> str:
    """Say what is wrong with one value, as people do: `must be a whole number`. Never repeats the value."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _WORDS:
        shown = {name: f"{fact:g}" if isinstance(fact, float) else fact for name, fact in context.items()}
        return _WORDS[kind].format(**shown)
    if kind == "value_error" and context.get("error") is not None:
        return str(context["error"].args[0] if context["error"].args else context["error"])
    if kind in {"literal_error", "enum"}:
        return f"must be {str(context.get('expected', '')).replace(chr(39), '')}"
    message = error["msg"].replace("Input should be", "must be").partition(", unable to")[0]
    return message[:1].lower() + message[1:]


def explain(error: ErrorDetails, model: type[BaseModel]) -> tuple[Key, str, str]:
    """Turn one finding of pydantic into (path, what is wrong, hint)."""
    path: Key = untagged(model, error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        known = known_keys(model, error["loc"][:-1])
        if "cameras" in known:
            known.append("defaults")  # the file's other table of cameras; it is merged away before the model sees it
        return path, "unknown key", did_you_mean(str(path[-1]), known)
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        options = [option.strip("' ") for option in str(context.get("expected_tags", "")).split(",")]
        tag = str(context.get("tag", ""))
        message = f"{tag!r} is not known" if tag else "is missing"
        return (*path, "type"), message, did_you_mean(tag, filter(None, options)) or "folder, rsync, sftp, s3, supabase"
    if kind == "missing":
        return path, "is missing", ""
    if kind == "value_error":
        cause = context.get("error")
        message, hint = (*(cause.args if cause else ()), "", "")[:2]
        return path, str(message), str(hint)
    message = plain_words(error)
    value = error.get("input")
    if kind == "literal_error" and isinstance(value, str):
        options = [option.strip("' ") for option in str(context.get("expected", "")).replace(" or ", ",").split(",")]
        found = nearest(value, options)
        return path, f"{message}, not {mask_url(value)!r}", f"did you mean {found}?" if found else ""
    if isinstance(value, (int, float, bool)):
        message += f", not {value!r}"
    return path, message, ""
