"""Settings as fields of a form: what stands in a field, and what somebody meant who typed into it.

Not here: which settings there are (core.config.settable), saving them (settings).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.core.config.hours import format_hours, parse_hours
from holdfast.core.config.settable import Settable
from holdfast.core.errors import BadInput
from holdfast.library.settings import SettingNow

UNTOUCHED = object()
"""Somebody left a field as it was."""

_YES, _NO = "yes", "no"
_BETWEEN = {"list": ", ", "lines": "\n"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A setting in a form.

    Attributes:
        now: The setting.
        label: What people call it.
        text: What stands in the field.
        options: What a list of choices offers: value and word.
        below: What would stand there if it were set back.
        wrong: What was wrong with what was typed, or empty.
        hint: What to write instead.
    """

    now: SettingNow
    label: str
    text: str
    options: tuple[tuple[str, str], ...] = ()
    below: str = ""
    wrong: str = ""
    hint: str = ""

    @property
    def key(self) -> str:
        """The setting's key, which is the field's name."""
        return self.now.about.key

    @property
    def kind(self) -> str:
        """What it takes."""
        return self.now.about.kind


def field(now: SettingNow, label: str, typed: str | None = None, wrong: BadInput | None = None) -> Field:
    """Make a field of a setting; with what was typed where that was refused."""
    about = now.about
    text = written(about, now.value) if typed is None else typed
    return Field(
        now=now, label=label, text="" if about.kind == "secret" else text, options=tuple(_options(about)),
        below=written(about, now.below) or "nothing", wrong=str(wrong).partition(": ")[2] if wrong else "",
        hint=wrong.hint if wrong else "",
    )  # fmt: skip


def written(about: Settable, value: Any) -> str:
    """Write a setting's value as its field has it."""
    if value is None:
        return ""
    if about.kind == "switch":
        return _YES if value else _NO
    if about.kind in _BETWEEN:
        return _BETWEEN[about.kind].join(value)
    if about.kind == "table":
        return "\n".join(f"{name} = {text}" for name, text in value.items())
    if about.kind == "windows":
        return format_hours(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def read(now: SettingNow, form: Mapping[str, str]) -> Any:
    """Return the value that a form asks for: None to set it back, `UNTOUCHED` where nothing was changed.

    Raises:
        BadInput: It is no value of this kind; the message begins with the key.
    """
    about = now.about
    typed = form.get(about.key)
    if typed is None or now.fixed:
        return UNTOUCHED
    text = typed if about.kind == "secret" else typed.strip()
    if text == ("" if about.kind == "secret" else written(about, now.value)):
        return UNTOUCHED
    empty = about.kind in {"text", "list", "lines", "windows"} or about.default == ""
    if not text and not (empty and now.below):
        return None
    return meant(about, text)


def meant(about: Settable, text: str) -> Any:
    """Return the value that a text in a field stands for.

    Raises:
        BadInput: It is no value of this kind; the message begins with the key.
    """
    if about.kind == "switch":
        return text == _YES
    if about.kind in {"list", "lines"}:
        parts = text.split(",") if about.kind == "list" else text.splitlines()
        return [part.strip() for part in parts if part.strip()]
    if about.kind == "table":
        return _pairs(about, text)
    if about.kind != "windows":
        return text
    try:
        return parse_hours(text)
    except ValueError as error:
        raise BadInput(f"{about.key}: {error.args[0]}", hint=str(error.args[1])) from error


def _pairs(about: Settable, text: str) -> dict[str, str]:
    found = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        name, mark, value = line.partition("=")
        if not mark or not name.strip():
            raise BadInput(f"{about.key}: {line!r} has no name before a =", hint="write a line each, name = text")
        found[name.strip()] = value.strip()
    return found


def _options(about: Settable) -> list[tuple[str, str]]:
    word = "any" if "expected." in about.key else "as scheduled" if about.key == "capture.override" else "by itself"
    unset = [("", word)] if about.open else []
    if about.kind == "switch":
        return [*unset, (_YES, "yes"), (_NO, "no")]
    return [*unset, *((choice, choice) for choice in about.choices)] if about.kind == "choice" else []
