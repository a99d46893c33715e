"""Targets, rules of delivery and hand-overs that people add, change and take away while Holdfast runs, table by table.

A table is a row of the saved settings, `targets.nas`, and lies over the file's table of that name; checked by whatever
checks the file. A target's folder may be named from elsewhere, because nothing is written into one without its marker,
and that is put there on this machine alone; a hand-over's must lie in such a target or in a volume.

Not here: secrets of tables (table_secrets), single settings (settings), what a key means (core.config.targets,
core.config.deliveries), who names a target (table_links), trying a target (storage.targets.trial).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from holdfast.catalog import nodes, settings
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.settings import SettingRow
from holdfast.core.camera import CAMERA_ID
from holdfast.core.clock import Clock
from holdfast.core.config import Config, Loaded, Problem, with_cameras
from holdfast.core.config.checks import sealed_though_compressed
from holdfast.core.config.deliveries import DeliveryConfig
from holdfast.core.config.handovers import AnyHandover, MarkerConfig, WebhookConfig
from holdfast.core.config.layers import SAVED
from holdfast.core.config.problems import did_you_mean
from holdfast.core.config.secret import MASK
from holdfast.core.config.settable import Settable
from holdfast.core.config.targets import AnyTarget
from holdfast.core.errors import BadInput, Conflict, NotFound, Wrong
from holdfast.library import cameras, table_secrets
from holdfast.library.settings import SettingNow, laid_over
from holdfast.library.table_links import may_hold_markers, users_of
from holdfast.library.table_secrets import Section, keys_of


class Which(NamedTuple):
    """A table: its section, and its name in that."""

    section: Section
    name: str

    @property
    def key(self) -> str:
        """Its key in the configuration, and in the saved settings."""
        return f"{self.section}.{self.name}"

    def __str__(self) -> str:
        return f"{NOUNS[self.section]} {self.name}"


NOUNS: Mapping[Section, str] = {"targets": "target", "deliveries": "rule", "handovers": "hand-over"}

AnyTable = AnyTarget | DeliveryConfig | AnyHandover


@dataclass(frozen=True, slots=True, kw_only=True)
class TableNow:
    """A target, rule or hand-over as people see it.

    Attributes:
        which: Its section and its name.
        config: What holds; None where what was saved makes no sense any more, and is left out.
        table: The same as plain values, secrets hidden; of what is left out, what was saved.
        place: Where the file has it, `file:line`; empty where it was added while running.
        saved: Whether it was added or changed while running.
        problems: Why it is left out.
        keys: Every key of it with who says it, in the order of the reference.
        changed_us: When it was last changed while running; None where it never was.
        changed_by: Who did that.
    """

    which: Which
    config: AnyTable | None
    table: Mapping[str, Any]
    place: str
    saved: bool
    problems: tuple[Problem, ...] = ()
    keys: tuple[SettingNow, ...] = ()
    changed_us: int | None = None
    changed_by: str = ""


@dataclass(frozen=True, slots=True)
class _State:
    """The file, what lies over it, and both together."""

    file: Loaded
    rows: Mapping[str, SettingRow]
    now: Loaded
    problems: tuple[Problem, ...] = field(default=())

    @property
    def values(self) -> dict[str, Any]:
        return {key: row.value for key, row in self.rows.items()}

    def said(self, which: Which) -> dict[str, Any] | None:
        """Return a table as it was written, secrets too; None where there is none."""
        row = self.rows.get(which.key)
        found = row.value if row is not None and row.value is not None else self.in_file(which.section).get(which.name)
        return found if isinstance(found, dict) else None

    def in_file(self, section: Section) -> dict[str, Any]:
        # Made of the text anew: what was read has secrets in place of the references to them.
        found = tomllib.loads(self.file.text).get(section, {})
        return found if isinstance(found, dict) else {}


def list_tables(catalog: Catalog, node: str, file: Loaded, section: Section) -> list[TableNow]:
    """Return every target, rule or hand-over: those of the file in its order, then those that were added.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    state = _read(catalog, node, file)
    return [_now(state, Which(section, name)) for name in _every(state, section)]


def find_table(catalog: Catalog, node: str, file: Loaded, which: Which) -> TableNow:
    """Return one of them.

    Raises:
        NotFound: There is none of that name.
        CatalogUnavailable: The catalog did not answer.
    """
    state = _read(catalog, node, file)
    _must_be(state, which)
    return _now(state, which)


def would_be(
    catalog: Catalog, node: str, file: Loaded, which: Which, table: Mapping[str, Any]
) -> Config:  # fmt: skip
    """Return the settings as they would be with a table, which is not saved: to try it, or to look at what it does.

    Args:
        catalog: Where saved tables are kept.
        node: Name of this node.
        file: What the file says alone.
        which: The table; one that is there is replaced.
        table: As for `put_table`.

    Raises:
        BadInput: It makes no sense; `fields` says why.
        CatalogUnavailable: The catalog did not answer.
    """
    state = _read(catalog, node, file)
    return _checked(state, which, table)[1]


def put_table(
    catalog: Catalog, node: str, file: Loaded, which: Which, table: Mapping[str, Any], clock: Clock, *,
    by: str = "", new: bool = False,
) -> bool:  # fmt: skip
    """Save a whole table, in place of what holds under its name.

    Args:
        catalog: Where it is kept.
        node: Name of this node.
        file: What the file says alone.
        which: The table.
        table: Keys as in the file; null leaves a key out. A secret that is left out, or `****`, stays what it was; an
            empty one is none.
        clock: Time.
        by: Who saves it.
        new: There must be none of that name yet.

    Returns:
        Whether anything is another way now.

    Raises:
        BadInput: It makes no sense; `fields` says what of it and why. Nothing was changed.
        Conflict: There is one already, and a new one was meant.
        CatalogUnavailable: The catalog did not answer.
    """
    now_us = clock.wall_us()
    with catalog.write() as tx:
        number, state = _held(tx, node, file, now_us)
        before = state.said(which)
        if new and before is not None:
            raise Conflict(f"there is a {which} already", hint="take another name, or change that one")
        own = _checked(state, which, table)[0]
        if own == before:
            return False
        own = table_secrets.in_files(file.config.state_dir, *which, own)
        _put(tx, number, which, own, now_us, by)
        table_secrets.drop(file.config.state_dir, *which, before, own)
    return True


def remove_table(catalog: Catalog, node: str, file: Loaded, which: Which, clock: Clock, *, by: str = ""
) -> bool:  # fmt: skip
    """Take away what was added while running, or set what was changed back to the file.

    Returns:
        Whether it is gone; False where the file's table holds again.

    Raises:
        NotFound: There is none of that name.
        Conflict: It stands in the file and nothing lies over it, or rules send to this target.
        CatalogUnavailable: The catalog did not answer.
    """
    now_us = clock.wall_us()
    with catalog.write() as tx:
        number, state = _held(tx, node, file, now_us)
        _must_be(state, which)
        in_file = which.name in state.in_file(which.section)
        if in_file and not state.values.get(which.key):
            raise Conflict(f"{which} stands in the configuration ({_place(file, which)})", hint="take it out there")
        users = "" if in_file or which.section != "targets" else users_of(state.now.config, which.name)
        if users:
            raise Conflict(
                f"{which} cannot be removed: {users}",
                hint="let what names it name another, or remove it first",
            )
        _put(tx, number, which, None, now_us, by)
    # Only once it is gone for good: whoever still works with the row of before finds what it points at.
    with catalog.write() as tx:
        _, state = _held(tx, node, file, now_us)
        table_secrets.drop(file.config.state_dir, *which, state.said(which))
    return not in_file


def _read(catalog: Catalog, node: str, file: Loaded) -> _State:
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        return _state(file, {} if number is None else settings.every(tx, number))


def _held(tx: Transaction, node: str, file: Loaded, now_us: int) -> tuple[int, _State]:
    number = nodes.ensure(tx, node, now_us)
    nodes.hold(tx, number)
    return number, _state(file, settings.every(tx, number))


def _put(
    tx: Transaction, node: int, which: Which, value: dict[str, Any] | None, now_us: int, by: str
) -> None:  # fmt: skip
    settings.put(tx, node, SettingRow(key=which.key, value=value, changed_us=now_us, changed_by=by))


def _state(file: Loaded, rows: Mapping[str, SettingRow]) -> _State:
    now, problems = laid_over(file, {key: row.value for key, row in rows.items()})
    return _State(file, rows, now, problems)


def _must_be(state: _State, which: Which) -> None:
    names = _every(state, which.section)
    if which.name not in names:
        noun = NOUNS[which.section]
        raise NotFound(f"there is no {noun} {which.name!r}", hint=did_you_mean(which.name, names) or f"add a {noun}")


def _every(state: _State, section: Section) -> list[str]:
    prefix = f"{section}."
    saved = [key.removeprefix(prefix) for key, value in state.values.items() if key.startswith(prefix) and value]
    return list(dict.fromkeys([*state.in_file(section), *saved]))


def _of(config: Config, which: Which) -> AnyTable | None:
    found: Mapping[str, AnyTable] = getattr(config, which.section)
    return found.get(which.name)


def _place(file: Loaded, which: Which) -> str:
    """Return where the file says anything of a table first."""
    prefix = f"{which.key}."
    said = [one for key, one in file.origins.items() if key.startswith(prefix) and one.startswith(file.path.name)]
    return min(said, key=lambda one: int(one.rpartition(":")[2]), default=file.path.name)


def _now(state: _State, which: Which) -> TableNow:
    key = which.key
    row = state.rows.get(key)
    saved = row is not None and bool(row.value)
    problems = tuple(one for one in state.problems if one.key == key or one.key.startswith(f"{key}."))
    # What is left out is not in force, though the file's own table under it may be.
    config = None if problems else _of(state.now.config, which)
    below = _of(state.file.config, which)
    table = _plain(config) if config is not None else table_secrets.hidden(which.section, state.said(which) or {})
    return TableNow(
        which=which, config=config, table=table, saved=saved, problems=problems,
        place="" if below is None else _place(state.file, which),
        keys=tuple(_keys(state, which, table, None if below is None else _plain(below))),
        changed_us=row.changed_us if saved and row else None, changed_by=row.changed_by if saved and row else "",
    )  # fmt: skip


def _plain(config: AnyTable) -> dict[str, Any]:
    plain = config.model_dump(mode="json")
    # Of other addresses only the password is hidden; those of services often are the key.
    return plain | {"url": MASK} if isinstance(config, WebhookConfig) else plain


def _keys(
    state: _State, which: Which, table: Mapping[str, Any], below: Mapping[str, Any] | None
) -> list[SettingNow]:  # fmt: skip
    origins = state.now.origins
    found = []
    for key, about in keys_of(which.section, str(table.get("type", ""))).items():
        full = f"{which.key}.{key}"
        said = (one for at, one in origins.items() if at == full or at.startswith((f"{full}[", f"{full}.")))
        origin = next((one for one in said if one != "default"), "default")
        fixed = f"the {origin} decides it" if origin.startswith("environment ") else ""
        under = None if below is None else _at(below, key, about)
        found.append(
            SettingNow(about=about, value=_at(table, key, about), origin=origin, below=under,
                       saved=origin == SAVED, fixed=fixed)
        )  # fmt: skip
    return found


def _at(table: Mapping[str, Any], key: str, about: Settable) -> Any:
    value: Any = table
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if value is not None else about.default


def _checked(
    state: _State, which: Which, table: Mapping[str, Any]
) -> tuple[dict[str, Any], Config]:  # fmt: skip
    """Return a table with its secrets, as it would be saved, and the settings that it would make."""
    if not CAMERA_ID.fullmatch(which.name):
        words = f"{which.name!r} is no name for a {NOUNS[which.section]}"
        _refuse(which, [Wrong("id", words, "use 1 to 50 of A-Z a-z 0-9 _ -; - not first")])
    own = _said(table)
    if wrong := table_secrets.out_of_reach(which.section, own):
        _refuse(which, wrong)
    kept = table_secrets.fill(which.section, own, state.said(which) or {})
    key = which.key
    now, problems = laid_over(state.file, state.values | {key: own})
    known = {(one.key, one.message) for one in state.problems}
    mine = [one for one in problems if one.key == key or one.key.startswith(f"{key}.")]
    if found := mine or [one for one in problems if (one.key, one.message) not in known]:
        _refuse(which, [Wrong(_below(one.key, key), one.message, one.hint) for one in found])
    config = _of(now.config, which)
    before = _of(state.now.config, which)
    moved = before is None or config is None or table_secrets.goes_to(before) != table_secrets.goes_to(config)
    if kept and moved:
        words, hint = "must be given anew: until now it goes elsewhere", "what is kept is sent only where it was sent"
        _refuse(which, [Wrong(one, words, hint) for one in kept])
    folder = config.folder if isinstance(config, MarkerConfig) else None
    if folder is not None and not may_hold_markers(state.file.config, state.now.config, folder):
        words, hint = "lies in no volume and no adopted target", "name one that does, or write it into the file"
        _refuse(which, [Wrong("folder", words, hint)])
    whole = with_cameras(now, cameras.recall(now.config.state_dir))[0].config
    for rule, words, hint in sealed_though_compressed(whole):
        if which == ("deliveries", rule):
            _refuse(which, [Wrong("quality" if "quality" in own else "form", words, hint)])
    return own, now.config


def _below(key: str, at: str) -> str:
    return key.removeprefix(at).removeprefix(".") if key == at or key.startswith(f"{at}.") else key


def _refuse(which: Which, wrong: list[Wrong]) -> None:
    told = "; ".join(f"{one.field}: {one.message}" if one.field else one.message for one in wrong)
    raise BadInput(f"{which}: {told}", hint=wrong[0].hint, fields=wrong)


def _said(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a table says: null says nothing, and a table within that says nothing is none."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping) and key == "row":
            if inner := _said(value):
                found[key] = inner
        elif value is not None:
            found[key] = value
    return found
