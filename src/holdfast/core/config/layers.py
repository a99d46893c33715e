"""Who says what: the file, saved settings, `[defaults]`, a camera's own table, the environment; with each one's origin.

Works on plain dictionaries before they are checked, because only there is it still visible what was left out. Pure.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from holdfast.core.config.model import CameraConfig, Config
from holdfast.core.config.positions import Key
from holdfast.core.config.problems import Problem, dotted, known_keys, nearest
from holdfast.core.config.secret import is_reference, split_url

PREFIX = "HOLDFAST_"
OTHERS = frozenset({"HOLDFAST_CONFIG", "HOLDFAST_REQUIRE_ALL"})
"""Variables of ours that are no settings."""

RUN_TIME = "added at run time"
"""Place of what stands in no file: cameras from the catalog."""

SAVED = "saved settings"
"""Place of what people changed while Holdfast ran, kept in the catalog."""

_SCALARS = ("state_dir", "runtime_dir")


@dataclass(slots=True)
class Layers:
    """The document as it was written, where its keys stand, and what was found wrong on the way."""

    document: dict[str, Any]
    lines: dict[Key, int]
    name: str
    environment: dict[Key, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, key: Key) -> str:
        """Return where a key, or the nearest table around it, was said: `file:line` or a variable's name."""
        for end in range(len(key), 0, -1):
            if key[:end] in self.environment:
                return self.environment[key[:end]]
            if key[:end] in self.lines:
                return f"{self.name}:{self.lines[key[:end]]}"
        return self.name

    def said(self, key: Key) -> str:
        """Return where exactly this key was said, or nothing if it was not."""
        while key:
            if key in self.environment:
                place = self.environment[key]
                return place if place in {RUN_TIME, SAVED} else f"environment {place}"
            if key in self.lines:
                return f"{self.name}:{self.lines[key]}"
            # An element of an array has no variable of its own; a list that came whole was said as a whole.
            key = key[:-1] if isinstance(key[-1], int) else ()
        return ""

    def report(self, key: Key, message: str, hint: str = "", *, shown: Key | None = None) -> None:
        """Add a problem with a key; `shown` is how the key is called where it differs from where it stands."""
        self.problems.append(Problem(place=self.place(key), key=dotted(shown or key), message=message, hint=hint))

    def table(self, *key: str) -> dict[str, Any]:
        """Return a table of the document; empty where there is none, or something else in its place."""
        current: Any = self.document
        for part in key:
            current = current.get(part) if isinstance(current, dict) else None
        return current if isinstance(current, dict) else {}


def overlay_settings(layers: Layers, settings: Mapping[str, Any]) -> None:
    """Lay saved settings over the file's: values by dotted key. The environment goes before both."""
    for key, value in settings.items():
        *tables, last = parts = key.split(".")
        target = layers.document
        for part in tables:
            below = target.get(part)
            target[part] = target = dict(below) if isinstance(below, dict) else {}
        if isinstance(value, dict):
            # A table comes whole: what the file says of its keys is covered, and does not show through as their place.
            at = tuple(parts)
            for key_below in [known for known in layers.lines if known[: len(at)] == at]:
                del layers.lines[key_below]
        target[last] = deepcopy(value)  # the environment is written into what stands here
        for inner, _ in leaves(value):
            layers.environment[*parts, *inner] = SAVED
        layers.environment[tuple(parts)] = SAVED


def overlay_environment(layers: Layers, environ: Mapping[str, str]) -> None:
    """Let `HOLDFAST_SECTION__KEY` override settings; unknown ones are reported with the nearest known key."""
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in OTHERS:
            continue
        parts = variable.removeprefix(PREFIX).split("__")
        if len(parts) == 1 and parts[0].lower() not in _SCALARS:
            continue  # not of a setting's form; other programs' variables may begin with the same word
        key, hint = _match(parts, layers.document)
        if key is None:
            layers.problems.append(Problem(place=variable, key="", message="is no setting", hint=hint))
            continue
        target = layers.document
        for part in key[:-1]:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                break
        else:
            target[key[-1]] = environ[variable]
            layers.environment[tuple(key)] = variable


def _match(parts: list[str], document: Mapping[str, Any]) -> tuple[list[str] | None, str]:
    key: list[str] = []
    for part in parts:
        known = _choices(key, document)
        found = next((name for name in known if name.casefold() == part.casefold()), None)
        if found is None:
            near = nearest(part, known)
            return None, f"did you mean {PREFIX}{'__'.join([*key, near]).upper()}?" if near else ""
        key.append(found)
    return key, ""


def _choices(key: list[str], document: Mapping[str, Any]) -> list[str]:
    if not key:
        return [*Config.model_fields, "defaults"]
    if key[0] in {"cameras", "volumes", "targets", "deliveries", "handovers"} and len(key) == 1:
        named = document.get(key[0])
        return list(named) if isinstance(named, dict) else []
    if key[0] == "defaults":
        return known_keys(CameraConfig, key[1:])
    return known_keys(CameraConfig, key[2:]) if key[0] == "cameras" else known_keys(Config, key)


def overlay_cameras(layers: Layers, cameras: Mapping[str, Mapping[str, Any]]) -> None:
    """Lay cameras that were added or changed at run time over those of the file."""
    tables = layers.document.setdefault("cameras", {}) if cameras else {}
    for camera_id, own in cameras.items():
        below = tables.get(camera_id, {})
        tables[camera_id] = camera_over_defaults(below if isinstance(below, dict) else {}, own)
        for key, _ in leaves(own):
            layers.environment["cameras", camera_id, *key] = RUN_TIME
        if not own or below == {}:
            layers.environment["cameras", camera_id] = RUN_TIME


def leaves(value: Any, at: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Yield every leaf with its path; a reference to a secret is a leaf."""
    if isinstance(value, dict) and value and not is_reference(value):
        for name, inner in value.items():
            yield from leaves(inner, (*at, name))
    elif isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value):
        for number, item in enumerate(value):
            yield from leaves(item, (*at, number))
    else:
        yield at, value


def extract_credentials(layers: Layers, table: dict[str, Any], at: Key, note: Callable[[str], None]) -> dict[str, Any]:
    """Move credentials out of a camera's addresses into `username` and `password`.

    Args:
        layers: Takes what is wrong.
        table: A camera's table, or the defaults.
        at: Its path.
        note: Told each password that was found, for the scrubber of the logs.

    Returns:
        A copy of the table with clean addresses.
    """
    clean = dict(table)
    for name in ("url", "sub_url"):
        value = clean.get(name)
        if not isinstance(value, str):
            continue
        url, username, password = split_url(value)
        clean[name] = url
        for key, found in (("username", username), ("password", password)):
            if not found:
                continue
            if key == "password":
                note(found)
            if clean.setdefault(key, found) != found:
                hint = f"take it out of {name}"
                layers.report((*at, name), f"the address holds a {key} that differs from {key}", hint)
            elif (*at, key) not in layers.lines and (*at, name) in layers.lines:
                layers.lines[*at, key] = layers.lines[*at, name]
    return clean


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one table over another: tables are merged key by key, everything else is replaced whole."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = value
        if isinstance(value, dict) and isinstance(below, dict) and not (is_reference(value) or is_reference(below)):
            merged[key] = merge(below, value)
    return merged


def camera_over_defaults(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a camera's table over the defaults; its `url` or `address` displaces the other kind from below."""
    under = dict(defaults)
    if "url" in own and "address" not in own:
        under.pop("address", None)
    if "address" in own and "url" not in own:
        under.pop("url", None)
    return merge(under, own)
