"""What people type for a camera: `KEY=VALUE` as in the file, and passwords, which never stand in an argument.

Not here: commands (cameras).
"""

import os
import sys
import tomllib
from collections.abc import Sequence
from typing import Any

import typer

from holdfast.core.config import split_url
from holdfast.core.config.hours import parse_hours
from holdfast.core.config.settable import Settable, of_camera
from holdfast.core.errors import UsageError

_IN_ARGUMENT = "a password in an argument can be read by every user of this machine"
_WORDS = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}
_ADDRESSES = frozenset({"url", "sub_url"})


def read_pairs(pairs: Sequence[str], reset: Sequence[str] = ()) -> dict[str, Any]:
    """Read what was typed into a camera's table.

    Args:
        pairs: `KEY=VALUE`; a key of a table inside has dots: `capture.mode=window`.
        reset: Keys to take back.

    Returns:
        The table; None for what is taken back.

    Raises:
        UsageError: It is no pair, no value of its kind, or a password.
    """
    known = of_camera()
    found: dict[str, Any] = {}
    for pair in pairs:
        key, mark, text = pair.partition("=")
        if not mark or not key:
            raise UsageError(f"{pair!r} is no KEY=VALUE", hint="write segment_s=300; --reset KEY takes one back")
        if key == "password" or (key in _ADDRESSES and split_url(text).password):
            raise UsageError(_IN_ARGUMENT, hint="name a variable that holds it: --password-env NAME")
        _put(found, key, _value(known.get(key), key, text))
    for key in reset:
        _put(found, key, None)
    return found


def _put(found: dict[str, Any], key: str, value: Any) -> None:
    *tables, last = key.split(".")
    at = found
    for name in tables:
        below = at.setdefault(name, {})
        if not isinstance(below, dict):
            raise UsageError(f"{key}: {name} is said as a whole already")
        at = below
    at[last] = value


def _value(about: Settable | None, key: str, text: str) -> Any:
    kind = about.kind if about else "text"
    if kind == "switch" and text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if kind == "windows" and not text.lstrip().startswith("["):
        try:
            return parse_hours(text)
        except ValueError as error:
            raise UsageError(f"{key}: {error.args[0]}", hint=str(error.args[-1])) from error
    if kind in {"switch", "whole", "number", "list", "windows", "table"}:
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text  # what it must be instead, the configuration says
    return text


def credentials(url: str, username: str, password_env: str) -> tuple[str, str, str]:
    """Return address, user name and password; the password from the environment, or from a person.

    Raises:
        UsageError: The address holds a password, or there is no such variable.
    """
    bare, in_url, password = split_url(url)
    if password:
        raise UsageError(
            _IN_ARGUMENT, hint="leave it out to be asked for it, or name a variable that holds it: --password-env NAME"
        )
    user = username or in_url
    if password_env:
        return bare, user, password_of(password_env)
    if user and sys.stdin.isatty():
        return bare, user, str(typer.prompt(f"password of {user}", hide_input=True, default="", show_default=False))
    return bare, user, ""


def password_of(variable: str) -> str:
    """Return a password from the environment.

    Raises:
        UsageError: There is no such variable.
    """
    if variable not in os.environ:
        raise UsageError(f"the environment variable {variable} is not set")
    return os.environ[variable]
