"""Forms of targets, rules and hand-overs: a field for each key of a table, and the table that somebody meant by them.

A field that holds the default says nothing, so a table is saved as short as a person would write it. A secret's field
is always empty, and empty means that it stays. Not here: single fields (fields), saving (library.saved_tables).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.core.config.model import Config
from holdfast.core.config.settable import Settable
from holdfast.core.errors import BadInput, HoldfastError, Wrong
from holdfast.library.saved_tables import TableNow
from holdfast.library.settings import SettingNow
from holdfast.web import fields
from holdfast.web.fields import Field

BOXES_MOST = 60  # chosen: cameras beyond it are typed, or a form would have more fields than are taken
FORGET = "forget."  # before a secret's key: whether it is to be none

Sections = Mapping[str, tuple[str, str, Mapping[str, str]]]
"""Sections of a form: title, what it is about, and its keys with what people call them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody typed, and what is wrong with it: by key, and as a whole."""

    typed: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, BadInput] = field(default_factory=dict)
    error: HoldfastError | None = None

    @property
    def status(self) -> int:
        """The HTTP status of a page that shows it."""
        first = next(iter(self.wrong.values()), None)
        return self.error.http_status if self.error else first.http_status if first else 200


def read_table(keys: Mapping[str, Settable], form: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, BadInput]]:
    """Return the table that a form asks for, and what of it cannot even be read, by key."""
    table: dict[str, Any] = {}
    wrong: dict[str, BadInput] = {}
    for key, about in keys.items():
        text = form.get(key, "")
        if about.kind == "secret":
            value = text or ("" if form.get(FORGET + key) else None)
        else:
            try:
                value = _value(about, text.strip())
            except BadInput as error:
                wrong[key] = error
                continue
        if value is not None:
            *tables, last = key.split(".")
            at = table
            for part in tables:
                at = at.setdefault(part, {})
            at[last] = value
    return table, wrong


def _value(about: Settable, text: str) -> Any:
    if not text or text == fields.written(about, about.default):
        return None
    value = fields.meant(about, text)
    kind = {"whole": int, "number": float}.get(about.kind)
    try:
        return value if kind is None else kind(value)
    except ValueError:
        return value  # what it must be instead, the configuration says


def typed_of(keys: Mapping[str, Settable], form: Mapping[str, str], *, new: bool) -> dict[str, str]:
    """Return what a form shows again: what was typed, never a secret; of a `new` table also its `id`."""
    typed = {key: form[key] for key, about in keys.items() if key in form and about.kind != "secret"}
    return {**typed, "id": form.get("id", "").strip()} if new else typed


def refused(error: HoldfastError, keys: Iterable[str]) -> Said:
    """Say what was refused at the fields that it is about; what is about none of them stands above all."""
    known = {*keys, "id"}
    wrong: dict[str, BadInput] = {}
    left: list[Wrong] = []
    told = getattr(error, "fields", ())
    for one in told:
        key = one.field.partition("[")[0]
        while key and key not in known:
            key = key.rpartition(".")[0]
        if key:
            wrong.setdefault(key, BadInput(f"{key}: {one.message}", hint=one.hint))
        else:
            left.append(one)
    if not told:
        return Said(error=error)
    words = "; ".join(f"{one.field}: {one.message}" if one.field else one.message for one in left)
    return Said(wrong=wrong, error=BadInput(words, hint=left[0].hint) if left else None)


def empty_keys(keys: Mapping[str, Settable], given: Mapping[str, Any] | None = None) -> list[SettingNow]:
    """Return the keys of a table that is not there yet, with their defaults, or with what is `given`."""
    given = given or {}
    return [
        SettingNow(about=about, value=given.get(key, about.default), origin="", below=about.default, saved=False)
        for key, about in keys.items()
    ]


def form_of(sections: Sections, keys: Iterable[SettingNow], said: Said) -> list[tuple[str, str, str, list[Field]]]:
    """Return the sections of a form with their fields: id, title, what it is about, fields."""
    now = {one.about.key: one for one in keys}
    return [
        (
            name, title, about,
            [
                fields.field(now[key], label, said.typed.get(key), said.wrong.get(key))
                for key, label in labels.items() if key in now
            ],
        )
        for name, (title, about, labels) in sections.items()
        if labels.keys() & now.keys()
    ]  # fmt: skip


def ticked(form: Mapping[str, str], boxes: Iterable[str]) -> dict[str, str]:
    """Return a form with what was ticked of each list as the text that stands for it."""
    found = dict(form)
    for key in boxes:
        if f"{key}.boxes" in form:
            names = [name.removeprefix(f"{key}.is.") for name in form if name.startswith(f"{key}.is.")]
            found[key] = ", ".join(names)
    return found


def chosen_of(sections: Iterable[tuple[str, str, str, list[Field]]], boxes: Iterable[str]) -> dict[str, list[str]]:
    """Return what is ticked of each list, as a form shows it."""
    wanted = set(boxes)
    return {
        one.key: [part.strip() for part in one.text.split(",") if part.strip()]
        for *_, some in sections for one in some if one.key in wanted
    }  # fmt: skip


def camera_boxes(config: Config, chosen: Iterable[str]) -> dict[str, str]:
    """Return the cameras that may be ticked, by id, with their names; those that are chosen and not there too."""
    cameras = {camera: one.name or camera for camera, one in config.cameras.items()}
    return {**cameras, **{name: name for name in chosen if name not in cameras}}


def why_left_out(found: TableNow) -> HoldfastError | None:
    """Return why what was saved is left out, for a page; None where it holds."""
    if not found.problems:
        return None
    words = "; ".join(f"{one.key}: {one.message}" for one in found.problems)
    return BadInput(f"what was saved is left out: {words}", hint=found.problems[0].hint)
