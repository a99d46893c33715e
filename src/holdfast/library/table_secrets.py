"""Secrets of targets, rules and hand-overs that people save while Holdfast runs.

A secret is never in a row: it stands in a file of mode 0600 that the row points at. One that is not said anew stays
what it was, but only as long as it goes to the same place: who may change a target must not have its key sent to a host
of theirs (C140).

Not here: saving tables (saved_tables), passwords of cameras (camera_rows).
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from holdfast.core.config.deliveries import DeliveryConfig
from holdfast.core.config.handovers import AnyHandover, WebhookConfig
from holdfast.core.config.layers import leaves
from holdfast.core.config.problems import dotted
from holdfast.core.config.secret import MASK, is_reference
from holdfast.core.config.settable import HANDOVER_KINDS, Settable, of_handover, of_rule, of_target
from holdfast.core.config.targets import TARGET_KINDS, AnyTarget, RsyncTarget, S3Target, SftpTarget, SupabaseTarget
from holdfast.core.errors import Wrong
from holdfast.library.camera_rows import SECRETS, keep_secret
from holdfast.storage.errors import storage_errors

Section = Literal["targets", "deliveries", "handovers"]

_DEEPEST = 3  # levels below a key: the days of a window are the deepest that there is
_COLUMNS = "row.columns"  # names of somebody else's columns, of which one may be called `file`
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def keys_of(section: Section, kind: str = "") -> dict[str, Settable]:
    """Return the keys that a table takes; `kind` is its `type`, and one that there is not has none."""
    if section == "deliveries":
        return of_rule()
    if section == "handovers":
        return of_handover(kind) if kind in HANDOVER_KINDS else {}
    return of_target(kind) if kind in TARGET_KINDS else {}


def hidden(section: Section, table: Mapping[str, Any]) -> dict[str, Any]:
    """Hide what may be secret in a table that nobody could check."""
    among: Section = "handovers" if section == "handovers" else "targets"
    kinds = HANDOVER_KINDS if section == "handovers" else TARGET_KINDS
    names = {key for kind in kinds for key, about in keys_of(among, kind).items() if about.kind == "secret"}
    found: dict[str, Any] = {}
    for key, value in table.items():
        if value and (is_reference(value) or key in names):
            found[key] = MASK
        else:
            found[key] = hidden(section, value) if isinstance(value, dict) else value
    return found


def out_of_reach(section: Section, own: Mapping[str, Any]) -> list[Wrong]:
    """Return what whoever asks over the network may not say in a table; see camera_reach (C140)."""
    if odd := [key for key, value in own.items() if _deeper(value, _DEEPEST)]:
        return [
            Wrong(key, "is nested too deeply", "write it as the reference of the configuration has it") for key in odd
        ]
    secrets = set(_secret_keys(section, own))
    wrong = []
    for path, value in leaves(dict(own)):
        key = dotted(path)
        texts = [one for one in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(one, str)]
        if is_reference(value) and key != _COLUMNS:
            words = "a reference to a file or variable can only stand in the configuration file"
            wrong.append(Wrong(key, words, "write the value itself; it is kept where nobody is shown it again"))
        elif key not in secrets and any(MASK in text for text in texts):
            wrong.append(Wrong(key, f"{MASK} stands for what is hidden", "write it whole"))
        elif any(_CONTROL.search(text) for text in texts):
            wrong.append(Wrong(key, "holds a control character", "type it anew"))
    return wrong


def _deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(levels == 0 or _deeper(one, levels - 1) for one in inner)


def fill(section: Section, own: dict[str, Any], before: Mapping[str, Any]) -> list[str]:
    """Put secrets that were not said anew into a table, and leave out those that are to be none.

    Args:
        section: Which kind of table.
        own: The table; changed in place.
        before: What it was, with its secrets or references to them; empty for a new one.

    Returns:
        The keys that stay what they were.
    """
    kept = []
    for key, at, last in _places(section, own):
        if at.get(last, MASK) == MASK:
            at.pop(last, None)
            under: Any = before
            for part in key.split("."):
                under = under.get(part) if isinstance(under, Mapping) else None
            if under:
                at[last] = under
                kept.append(key)
        elif at[last] == "":
            del at[last]
    return kept


def goes_to(config: AnyTarget | DeliveryConfig | AnyHandover) -> tuple[object, ...]:
    """Return where a table's secrets are sent."""
    if isinstance(config, WebhookConfig):
        return config.type, config.url.reveal()
    if isinstance(config, DeliveryConfig):
        return (config.row.url,) if config.row else ()
    if isinstance(config, RsyncTarget):
        return config.type, urlsplit(config.path).netloc.rpartition("@")[2] if config.way == "daemon" else ""
    if isinstance(config, SftpTarget):
        return config.type, config.host, config.port
    if isinstance(config, S3Target):
        return config.type, config.endpoint
    return (config.type, config.url) if isinstance(config, SupabaseTarget) else (config.type,)


def in_files(state_dir: Path, section: Section, name: str, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with references in place of its secrets, each of which is in a file of its own now.

    Raises:
        StorageError: One cannot be written.
    """
    found = _copied(own)
    for key, at, last in _places(section, found):
        if isinstance(at.get(last), str):
            at[last] = {"file": str(keep_secret(state_dir, f"{section}.{name}.{key}", at[last]))}
    return found


def drop(state_dir: Path, section: Section, name: str, *but: Mapping[str, Any] | None) -> None:
    """Remove a table's files of secrets, all but those that these tables point at.

    Raises:
        StorageError: One cannot be removed.
    """
    found = [value for table in but if table for _, value in leaves(dict(table)) if is_reference(value)]
    wanted = {str(value.get("file")) for value in found}
    folder = state_dir / SECRETS
    with storage_errors("removing secret", folder):
        for path in folder.glob(f"{section}.{name}.*.txt"):
            if str(path) not in wanted:
                path.unlink(missing_ok=True)


def _secret_keys(section: Section, own: Mapping[str, Any]) -> Iterator[str]:
    for key, about in keys_of(section, str(own.get("type", ""))).items():
        if about.kind == "secret":
            yield key


def _places(section: Section, own: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield each secret's key with the table that it stands in and its name there, where there is that table."""
    for key in _secret_keys(section, own):
        *tables, last = key.split(".")
        at: Any = own
        for part in tables:
            at = at.get(part) if isinstance(at, dict) else None
        if isinstance(at, dict):
            yield key, at, last


def _copied(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in table.items()}
