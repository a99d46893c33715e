"""Values that must not be seen: passwords, and addresses with a password in them.

A `Secret` shows itself masked wherever text is made of it: `str`, `repr`, format strings, JSON, error messages. Only
`reveal` gives the value. In the file it is a plain string, `{ env = "NAME" }` or `{ file = "/path" }`. Pure, but for
reading the file that is named.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

MASK = "****"

_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^\s/:@]*)(?P<password>:[^\s/]*)?@")
_TOKENS = re.compile(r"(?i)(?P<name>[?&;](?:password|passwd|pwd|pass|token|secret|key|sig|signature)=)[^&#\s]*")


class Secret:
    """A value that shows itself as `****`, or, where it is an address, with only its password hidden."""

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value. Hand it to what needs it; never to a log, a status, an error or a command line."""
        return self._value

    def fits_header(self) -> bool:
        """Say whether a header of HTTP can carry it; libraries that are given another one show it in their errors."""
        return self._value.isascii() and self._value.isprintable() and self._value == self._value.strip()

    def __str__(self) -> str:
        if not self._value:
            return ""
        return mask_url(self._value) if "://" in self._value else MASK

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Accept a string, a reference or a Secret; write it masked."""
        return core_schema.with_info_plain_validator_function(
            cls._read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def _read(cls, value: object, info: ValidationInfo) -> "Secret":
        if isinstance(value, Secret):
            return value
        if isinstance(value, dict):
            value = resolve(value, info.context or {})
        if not isinstance(value, str):
            raise ValueError('must be a text, { env = "NAME" } or { file = "/path" }')  # noqa: TRY004 - pydantic's way
        return cls(value)


class Address(Secret):
    """An address that often is a key itself: it shows nothing beyond its host."""

    __slots__ = ()

    def __str__(self) -> str:
        parts = urlsplit(self.reveal())
        return f"{parts.scheme}://{parts.netloc}/{MASK}"


def is_reference(value: object) -> bool:
    """Say whether a value of the file points at a secret elsewhere instead of being one."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in {"env", "file"}


def resolve(reference: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """Fetch the value that a reference points at.

    Args:
        reference: `{"env": NAME}` or `{"file": PATH}`.
        context: `environ` (a mapping) and `base` (the folder that relative paths start from).

    Raises:
        ValueError: It names nothing that is there, for pydantic to report in its place. Never holds the value.
    """
    kind, name = next(iter(reference.items()), ("", ""))
    if not is_reference(reference) or not isinstance(name, str) or not name:
        raise ValueError('must be a text, { env = "NAME" } or { file = "/path" }')
    if kind == "env":
        environ: Mapping[str, str] = context.get("environ", os.environ)
        if name not in environ:
            raise ValueError(f"the environment variable {name} is not set")
        return environ[name].rstrip("\r\n")  # as of a file: it is how lines end, not what was meant
    path = secret_path(name, context)
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text") from error


def secret_path(name: str, context: Mapping[str, Any]) -> Path:
    """Return the file that `{ file = name }` means."""
    return anchored(context.get("base", Path()), name)


def anchored(base: Path, name: str) -> Path:
    """Return the path that a text in the file means: relative ones start from `base`, `~` is a home folder.

    Raises:
        ValueError: It cannot be a path.
    """
    try:
        path = base / Path(name).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{name!r} names a user that does not exist", "write the whole path") from error
    if "\0" in name:
        raise ValueError("cannot hold a zero byte", "write the path as ls shows it")
    return path


class Split(NamedTuple):
    """An address, and the credentials that stood in it."""

    url: str
    username: str
    password: str


def split_url(url: str) -> Split:
    """Take the credentials out of an address; `@` and `:` in a password need not be escaped, `/` must."""
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    userinfo, at, host = authority.rpartition("@")
    if not mark or not at:
        return Split(url, "", "")
    username, _, password = userinfo.partition(":")
    return Split(f"{scheme}://{host}{slash}{path}", unquote(username), unquote(password))


def mask_url(text: str) -> str:
    """Hide passwords and tokens of every address in a text; all else stays readable."""
    return _TOKENS.sub(rf"\g<name>{MASK}", _USERINFO.sub(_hide, text))


def _hide(match: re.Match[str]) -> str:
    return f"{match['scheme']}{match['user']}{':' + MASK if match['password'] else ''}@"
