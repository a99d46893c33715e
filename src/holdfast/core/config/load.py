"""Reading the configuration: find the file, merge what it says with defaults and environment, check all of it at once.

Everything that is wrong is found in one go and named with file, line and key. Reads files, writes none.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from holdfast.core.config import checks
from holdfast.core.config.deliveries import secrets_of as secrets_of_rule
from holdfast.core.config.handovers import secrets_of as secrets_of_handover
from holdfast.core.config.layers import (
    Layers,
    camera_over_defaults,
    extract_credentials,
    leaves,
    overlay_cameras,
    overlay_environment,
    overlay_settings,
)
from holdfast.core.config.model import CameraConfig, Config
from holdfast.core.config.places import default_path, default_runtime_dir, default_state_dir
from holdfast.core.config.positions import Key, scan
from holdfast.core.config.problems import ConfigInvalid, Problem, dotted, explain
from holdfast.core.config.secret import split_url
from holdfast.core.config.targets import secrets_of

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

_TOML_PLACE = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration that can be used.

    Attributes:
        config: The settings, complete.
        path: The file.
        origins: Where each setting comes from, by dotted key: `file:line`, `[defaults] file:line`,
            `saved settings`, `environment NAME`, `default`.
        warnings: What is allowed, but not wise.
        secrets: Every secret value in use, for the scrubber of the logs.
        text: The file's content.
        stale: Why the file itself could not be used, where these are its last good settings.
        environ: The environment that it was read in.
        defaults: What `[defaults]` comes to, for cameras that say nothing themselves; its origins are there, too.
        settings: What was saved while running and lies over the file, by dotted key.
    """

    config: Config
    path: Path
    origins: Mapping[str, str]
    warnings: tuple[Problem, ...] = ()
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    text: str = field(default="", repr=False)
    stale: ConfigInvalid | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    defaults: CameraConfig = field(default_factory=CameraConfig)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def base(self) -> Path:
        """Folder that relative paths start from."""
        return self.path.parent


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ, *, text: str | None = None) -> Loaded:
    """Read the configuration.

    Args:
        path: The file; None looks for it in the usual places.
        environ: Environment: overrides, secrets, folders.
        text: Use this instead of the file's content; `path` then only names it and anchors relative paths.

    Raises:
        ConfigInvalid: It cannot be used; every problem is named.
    """
    path = (path or default_path(environ)).absolute()
    text = _read(path) if text is None else text
    return _build(path, text, _parse(path, text), environ, {}, {})


def with_settings(loaded: Loaded, settings: Mapping[str, Any]) -> tuple[Loaded, tuple[Problem, ...]]:
    """Lay saved settings over the file's.

    Args:
        loaded: The file's settings, without cameras of the catalog.
        settings: Values by dotted key, as the file would have them: `{"defaults.segment_s": 300}`.

    Returns:
        All settings, and the problems of those that had to be left out.
    """
    return _one_by_one(settings, lambda found: _again(replace(loaded, settings=found), {}))


def with_cameras(loaded: Loaded, cameras: Iterable[Mapping[str, Any]]) -> tuple[Loaded, tuple[Problem, ...]]:
    """Lay cameras that were added or changed at run time over the file's.

    Args:
        loaded: The file's settings.
        cameras: Tables as in `[cameras.ID]`, with their id as `id`; they go before the file's camera of that id.

    Returns:
        All settings, and the problems of those cameras that had to be left as they are in the file, or left out.
    """
    wanted = {str(camera.get("id", "")): {k: v for k, v in camera.items() if k != "id"} for camera in cameras}
    return _one_by_one(wanted, lambda found: _again(loaded, found))


def _one_by_one(wanted: Mapping[str, T], build: Callable[[dict[str, T]], Loaded]) -> tuple[Loaded, tuple[Problem, ...]]:
    """Build with all that is wanted, or with all of it that makes sense."""
    try:
        return build(dict(wanted)), ()
    except ConfigInvalid:
        # One camera or setting that makes no sense must not keep the others out: take them one by one.
        accepted: dict[str, T] = {}
        problems: list[Problem] = []
        for name, value in wanted.items():
            try:
                build({**accepted, name: value})
            except ConfigInvalid as error:
                problems += error.problems
            else:
                accepted[name] = value
        return build(accepted), tuple(problems)


def _again(loaded: Loaded, cameras: Mapping[str, dict[str, Any]]) -> Loaded:
    layers = _parse(loaded.path, loaded.text)
    built = _build(loaded.path, loaded.text, layers, loaded.environ, loaded.settings, cameras)
    return replace(built, stale=loaded.stale)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        hint = "holdfast init writes one; -c or $HOLDFAST_CONFIG names another place"
        raise ConfigInvalid(path, [Problem(place=str(path), key="", message="no such file", hint=hint)]) from None
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise ConfigInvalid(path, [Problem(place=str(path), key="", message=message)]) from error
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text (byte {error.start})"
        raise ConfigInvalid(path, [Problem(place=str(path), key="", message=message)]) from error


def _parse(path: Path, text: str) -> Layers:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _TOML_PLACE.fullmatch(str(error))
        line, column = (match["line"], match["column"]) if match else (None, None)
        where = f"{line}:{column}" if line else f"{text.count(chr(10)) + 1}"
        message = f"is not TOML: {match['what'] if match else error}"
        raise ConfigInvalid(path, [Problem(place=f"{path.name}:{where}", key="", message=message)]) from error
    return Layers(document, scan(text), name=path.name)


def _build(
    path: Path, text: str, layers: Layers, environ: Mapping[str, str], settings: Mapping[str, Any],
    cameras: Mapping[str, dict[str, Any]],
) -> Loaded:  # fmt: skip
    context = {"environ": environ, "base": path.parent}
    warnings = checks.find_warnings(layers, layers.document, path, context)
    overlay_settings(layers, settings)
    overlay_environment(layers, environ)
    overlay_cameras(layers, cameras)
    secrets: set[str] = set()
    config = _general(layers, environ, context)
    checks.check_targets(layers, config)
    defaults, merged = _cameras(layers, context, secrets)
    volumes = list(layers.table("volumes"))
    for camera_id, camera in merged.items():
        checks.check_camera(layers, camera_id, camera, volumes, path.parent)
    checks.check_deliveries(layers, config)
    checks.check_handovers(layers, config)
    if config is not None and not settings and not cameras:
        # Of what was saved while running, the camera or the setting would be left out; who saves it is told instead.
        checks.check_sealed(layers, config.model_copy(update={"cameras": merged}))
    if layers.problems or config is None:
        raise ConfigInvalid(path, sorted(layers.problems, key=_by_line))
    config = config.model_copy(update={"cameras": merged})
    warnings += checks.find_copies_that_never_come(layers, config)
    secrets |= set(_secrets(config))
    return Loaded(
        config=config, path=path, origins=_origins(config, defaults, layers), warnings=tuple(warnings),
        secrets=frozenset(secrets), text=text, environ=environ, defaults=defaults, settings=settings,
    )  # fmt: skip


def _general(layers: Layers, environ: Mapping[str, str], context: Mapping[str, Any]) -> Config | None:
    document = {key: value for key, value in layers.document.items() if key not in {"cameras", "defaults"}}
    document.setdefault("state_dir", default_state_dir(environ))
    if "runtime_dir" not in document:
        document["runtime_dir"] = "/"  # replaced below: it depends on the checked state folder
    config = _validate(Config, document, layers, (), context)
    if config is None or "runtime_dir" in layers.document:
        return config
    return config.model_copy(update={"runtime_dir": default_runtime_dir(config.state_dir, environ)})


def _cameras(
    layers: Layers, context: Mapping[str, Any], secrets: set[str]
) -> tuple[CameraConfig, dict[str, CameraConfig]]:
    for name in ("defaults", "cameras"):
        if not isinstance(layers.document.get(name, {}), dict):
            layers.report((name,), "must be a table", f"write [{name}{'.ID' if name == 'cameras' else ''}]")
    tables = layers.table("cameras")
    checks.check_ids(layers, list(tables))
    defaults = extract_credentials(layers, layers.table("defaults"), ("defaults",), secrets.add)
    shared = _validate(CameraConfig, defaults, layers, ("defaults",), context)
    merged: dict[str, CameraConfig] = {}
    for camera_id, table in tables.items():
        at = ("cameras", camera_id)
        if not isinstance(table, dict):
            layers.report(at, "must be a table", f"write [cameras.{camera_id}]")
            continue
        own = extract_credentials(layers, table, at, secrets.add)
        camera = _validate(CameraConfig, camera_over_defaults(defaults, own), layers, at, context)
        if camera is not None:
            merged[camera_id] = camera
    return shared or CameraConfig(), merged


def _validate(
    model: type[M], document: Mapping[str, Any], layers: Layers, at: Key, context: Mapping[str, Any]
) -> M | None:
    try:
        return model.model_validate(document, context=context)
    except ValidationError as error:
        bad = {found["loc"][0] for found in error.errors() if found["loc"]}
        places = [found["loc"] for found in error.errors()]
        for found in error.errors(include_url=False):
            if any(place[: len(found["loc"])] == found["loc"] != place for place in places):
                continue  # a list is called too short because its one entry was refused: that entry says why
            key, message, hint = explain(found, model)
            # What the defaults said wrongly was reported there, once; cameras need not repeat it.
            inherited = bool(at) and not layers.said((*at, *key)) and bool(layers.said(("defaults", *key)))
            if at[:1] == ("defaults",) or not inherited:
                layers.report((*at, *key), message, hint)
    # Go on without what was wrong, so that what else is wrong is found in the same go.
    try:
        return model.model_validate({k: v for k, v in document.items() if k not in bad}, context=context)
    except ValidationError:
        return None


def _by_line(problem: Problem) -> tuple[int, str]:
    number = problem.place.rpartition(":")[2]
    return (int(number) if number.isdigit() else 0, problem.key)


def _secrets(config: Config) -> Iterator[str]:
    for camera in config.cameras.values():
        yield from filter(None, (camera.password.reveal(), quote(camera.password.reveal(), safe="")))
    for target in config.targets.values():
        yield from secrets_of(target)
    for rule in config.deliveries.values():
        yield from secrets_of_rule(rule)
    for handover in config.handovers.values():
        yield from secrets_of_handover(handover)
    password = split_url(config.catalog.url.reveal()).password
    yield from filter(None, (password, quote(password, safe="")))


def _origins(config: Config, defaults: CameraConfig, layers: Layers) -> dict[str, str]:
    origins: dict[str, str] = {}
    for key, _ in leaves({**config.masked(), "defaults": defaults.model_dump(mode="json")}):
        origin = layers.said(key)
        if not origin and key[:1] == ("cameras",) and (inherited := layers.said(("defaults", *key[2:]))):
            origin = f"[defaults] {inherited}"
        origins[dotted(key)] = origin or "default"
    return origins
