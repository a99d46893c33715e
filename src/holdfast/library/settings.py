"""Settings that people change while Holdfast runs: what holds and why, changing it, setting it back.

They are rows of the catalog that lie over the configuration file; the environment goes before both. The worker and the
server lay them over by themselves, so a change holds within a second or two and nothing is started anew but what it is
about. A password is never in a row: it stands in a file of mode 0600 that the row points at.

Not here: cameras (cameras), targets and rules (saved_tables), which keys there are (core.config.settable), how layers
are merged (core.config.load).
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.catalog import nodes, settings
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.settings import SettingRow
from holdfast.core import config as configuration
from holdfast.core.clock import Clock
from holdfast.core.config import Loaded, Problem
from holdfast.core.config.checks import sealed_though_compressed
from holdfast.core.config.problems import did_you_mean
from holdfast.core.config.secret import is_reference
from holdfast.core.config.settable import TABLES, Settable, is_table, settable
from holdfast.core.errors import BadInput, Conflict, NotFound
from holdfast.library import memory
from holdfast.library.camera_reach import NOT_FROM_ELSEWHERE, OBJECT_FILES, object_files, where_to_name
from holdfast.library.cameras import SECRETS
from holdfast.library.desired import load_or_last_good
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import replace_atomically

MEMORY = "saved-settings.json"  # in the state folder: the catalog's last answer

_KEYS = settable()


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingNow:
    """A setting as people see it.

    Attributes:
        about: Its key, what it takes and means.
        value: What holds; a secret is `****` where there is one.
        origin: Where that comes from: `file:line`, `environment NAME`, `saved settings`, `default`.
        below: What holds where it is set back.
        saved: Whether it was changed while running.
        fixed: Why it cannot be changed here, or empty.
        changed_us: When it was changed last, by whom; None and empty where it never was.
        changed_by: Name of a user or token.
    """

    about: Settable
    value: Any
    origin: str
    below: Any
    saved: bool
    fixed: str = ""
    changed_us: int | None = None
    changed_by: str = ""


def saved(catalog: Catalog, node: str) -> dict[str, Any]:
    """Return what was changed while running on a node, by key; None for what was set back.

    Raises:
        CatalogUnavailable: It did not answer; what was known stands.
    """
    with catalog.read() as tx:
        return {key: row.value for key, row in _rows(tx, node).items()}


def remember(state_dir: Path, found: Mapping[str, Any]) -> None:
    """Keep the answer of `saved` for whoever starts while the catalog is away.

    Raises:
        StorageError: It cannot be written.
    """
    memory.remember(state_dir, MEMORY, dict(found))


def recall(state_dir: Path) -> dict[str, Any]:
    """Return what was remembered last; empty where there is nothing usable."""
    body = memory.recall(state_dir, MEMORY)
    return body if isinstance(body, dict) else {}


def restore_lost(catalog: Catalog, node: str, remembered: Mapping[str, Any], clock: Clock) -> list[str]:
    """Put settings back that a catalog has forgotten: it was deleted, or rebuilt from journals.

    Args:
        catalog: The catalog.
        node: Name of this node.
        remembered: Its last known answer to `saved`.
        clock: Time.

    Returns:
        The keys that were put back.
    """
    if not remembered:
        return []
    with catalog.read() as tx:
        lost = sorted(remembered.keys() - _rows(tx, node).keys())
    if lost:
        now_us = clock.wall_us()
        with catalog.write() as tx:
            number = nodes.ensure(tx, node, now_us)
            for key in lost:
                settings.put(tx, number, SettingRow(key=key, value=remembered[key], changed_us=now_us, changed_by=""))
    return lost


def laid_over(loaded: Loaded, found: Mapping[str, Any]) -> tuple[Loaded, tuple[Problem, ...]]:
    """Return the file's settings with the saved ones over them, and the problems of those that were left out."""
    wanted = _usable(found)
    return configuration.with_settings(loaded, wanted) if wanted or loaded.settings else (loaded, ())


def _usable(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of the saved settings holds in this version, targets before the rules that name them."""
    # A key that this version does not know, or no longer lets people change, is left alone: it may be a newer one's.
    wanted = {key: value for key, value in found.items() if value is not None and (key in _KEYS or is_table(key))}
    sections = {section: place for place, section in enumerate(TABLES)}
    return dict(sorted(wanted.items(), key=lambda one: sections.get(one[0].partition(".")[0], 0)))


def load_in_force(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read the configuration, or its last good copy, with the saved settings over it as the worker took them last.

    Raises:
        ConfigInvalid: It is broken and there is no good copy of it.
    """
    loaded = load_or_last_good(path, environ)
    return laid_over(loaded, recall(loaded.config.state_dir))[0]


def list_settings(catalog: Catalog, node: str, file: Loaded) -> list[SettingNow]:
    """Return every setting that may be changed.

    Args:
        catalog: Where they are kept.
        node: Name of this node.
        file: What the file says alone.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    with catalog.read() as tx:
        rows = _rows(tx, node)
    below, now = _Told(file), _Told(laid_over(file, {key: row.value for key, row in rows.items()})[0])
    return [_now(about, rows.get(key), below, now) for key, about in _KEYS.items()]


def change(
    catalog: Catalog,
    node: str,
    file: Loaded,
    wanted: Mapping[str, Any],
    clock: Clock,
    *,
    by: str = "",
    cameras: Sequence[Mapping[str, Any]] = (),
) -> list[str]:
    """Change settings; all of them, or none where one makes no sense.

    Args:
        catalog: Where they are kept.
        node: Name of this node.
        file: What the file says alone.
        wanted: Values by key; None sets a key back to what the file, or else the default, says.
        clock: Time.
        by: Who changes them.
        cameras: Cameras of the catalog, which must go on making sense.

    Returns:
        The keys whose value is another one now.

    Raises:
        NotFound: There is no such setting.
        Conflict: The environment decides it.
        BadInput: A value makes no sense, or names a file of this machine that the file does not; the message names the
            key.
        CatalogUnavailable: The catalog did not answer.
    """
    _check_all(wanted, file)
    now_us = clock.wall_us()
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, now_us)
        nodes.hold(tx, number)
        before = settings.every(tx, number)
        changed = {key: value for key, value in wanted.items() if _differs(before.get(key), value)}
        after = {key: row.value for key, row in before.items()} | changed
        _must_make_sense(file, after, cameras, set(changed))
        for key, value in changed.items():
            kept = _kept(file.config.state_dir, key, value)
            settings.put(tx, number, SettingRow(key=key, value=kept, changed_us=now_us, changed_by=by))
    return sorted(changed)


def would_be(
    catalog: Catalog, node: str, file: Loaded, wanted: Mapping[str, Any], cameras: Sequence[Mapping[str, Any]] = ()
) -> Loaded:
    """Return everything as it would be after `change`, with the cameras of the catalog; changes nothing.

    Raises:
        NotFound, Conflict, BadInput: As `change`.
        CatalogUnavailable: The catalog did not answer.
    """
    _check_all(wanted, file)
    with catalog.read() as tx:
        after = {key: row.value for key, row in _rows(tx, node).items()} | dict(wanted)
    _must_make_sense(file, after, cameras, set(wanted))
    return configuration.with_cameras(laid_over(file, after)[0], cameras)[0]


class _Told:
    """What a configuration says of each setting, and who says it."""

    def __init__(self, loaded: Loaded) -> None:
        self._values = {**loaded.config.masked(), "defaults": loaded.defaults.model_dump(mode="json")}
        self._origins = [(key, origin) for key, origin in loaded.origins.items() if not key.startswith("cameras.")]

    def value(self, key: str) -> Any:
        """Return a setting's value as the file would have it, secrets hidden."""
        value: Any = self._values
        for part in key.split("."):
            value = value[part]
        return value

    def origin(self, key: str) -> str:
        """Return who says a setting; of a list of tables, who says its first entry."""
        parts = (f"{key}[", f"{key}.")
        return next((said for name, said in self._origins if name == key or name.startswith(parts)), "default")


def _rows(tx: Transaction, node: str) -> dict[str, SettingRow]:
    number = nodes.find(tx, node)
    return {} if number is None else settings.every(tx, number)


def _check_all(wanted: Mapping[str, Any], file: Loaded) -> None:
    said = _Told(file)
    for key, value in wanted.items():
        _check(key, value, said)
        _check_reach(key, value, file)


def _check(key: str, value: Any, file: _Told) -> None:
    about = _KEYS.get(key)
    if about is None:
        hint = did_you_mean(key, _KEYS) or "GET /api/v1/settings lists those that there are"
        raise NotFound(f"there is no setting {key!r} that can be changed here", hint=hint)
    if why := _fixed(key, file):
        raise Conflict(f"{key} cannot be changed here: {why}", hint="change it there, and restart Holdfast")
    if is_reference(value) or (about.kind == "secret" and not isinstance(value, str | None)):
        # Otherwise who may change settings could have any file of this machine sent to a camera as its password.
        raise BadInput(f"{key}: a reference to a file or variable can only stand in the configuration file")


def _check_reach(key: str, value: Any, file: Loaded) -> None:
    # Whoever changes settings asks over the network: see camera_reach (C140).
    table, _, name = key.rpartition(".")
    if table != "defaults.objects" or name not in OBJECT_FILES or not isinstance(value, str):
        return
    if value and value not in object_files(file, name):
        raise BadInput(f"{key}: {NOT_FROM_ELSEWHERE}", hint=where_to_name(file))


def _differs(row: SettingRow | None, value: Any) -> bool:
    if row is None:
        return value is not None
    # A secret is written anew each time: whether it is the same one is nobody's to learn.
    return row.value != value or is_reference(row.value)


def _must_make_sense(
    file: Loaded, after: Mapping[str, Any], cameras: Sequence[Mapping[str, Any]], changed: set[str]
) -> None:
    new, problems = laid_over(file, after)
    # What was left out already, a rule whose target is gone from the file, forbids no other change.
    problems = tuple(problem for problem in problems if problem.key.partition(".")[0] not in TABLES)
    before = {problem.key for problem in configuration.with_cameras(file, cameras)[1]} if cameras else set()
    problems += tuple(p for p in configuration.with_cameras(new, cameras)[1] if p.key not in before) if cameras else ()
    for problem in problems:
        key = problem.key if problem.key in changed else next(iter(sorted(changed)), problem.key)
        where = f"{problem.key}: " if problem.key != key else ""
        raise BadInput(f"{key}: {where}{problem.message}", hint=problem.hint)
    if "defaults.stills.encrypt" in changed:
        for rule, words, hint in sealed_though_compressed(configuration.with_cameras(new, cameras)[0].config):
            raise BadInput(f"defaults.stills.encrypt: the rule {rule} {words}", hint=hint)


def _kept(state_dir: Path, key: str, value: Any) -> Any:
    if _KEYS[key].kind != "secret" or not isinstance(value, str):
        return value
    folder = state_dir / SECRETS
    # A dot is in no camera's id, so this is no camera's file.
    path = folder / f"settings.{key}.txt"
    with storage_errors("making folder", folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_atomically(path, f"{value}{os.linesep}".encode(), durable=True, mode=0o600)
    return {"file": str(path)}


def _now(about: Settable, row: SettingRow | None, file: _Told, now: _Told) -> SettingNow:
    return SettingNow(
        about=about, value=now.value(about.key), origin=now.origin(about.key), below=file.value(about.key),
        saved=row is not None and row.value is not None, fixed=_fixed(about.key, file),
        changed_us=row.changed_us if row else None, changed_by=row.changed_by if row else "",
    )  # fmt: skip


def _fixed(key: str, file: _Told) -> str:
    origin = file.origin(key)
    return f"the {origin} decides it" if origin.startswith("environment ") else ""
