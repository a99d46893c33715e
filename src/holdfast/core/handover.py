"""Hand-over: what scripts and services are told of a finished file, under which id, signed how. Pure.

The id follows from rule and file instance alone: whoever is told twice, after a kill or a lost answer, or after the
catalog was lost, is told under the same one. Requests are signed as Standard Webhooks has it, so that receivers find a
library for it (https://www.standardwebhooks.com).

Not here: files and requests (storage.markers, storage.webhook), rows (catalog.handovers), when (work.hand_over).
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from holdfast.core.delivery import Asset
from holdfast.core.naming import FIELDS, Naming, asset_words, filled, template_fits, unknown_fields
from holdfast.core.timing import iso

VERSION = 1
"""Raised when a field of what is told changes its meaning; further fields may come without."""

_PREFIX = "whsec_"
_ID_LETTERS = 32
_OURS = frozenset({".mp4", ".part", ".journal", ".heads", ".jpg", ".webp", ".new", ".age"})
"""Endings of what this program itself writes and reads: a marker must not be taken for any of it."""


class HandoverState(StrEnum):
    """How a hand-over stands."""

    PENDING = "pending"  # waits for its turn, or for a retry
    HANDING = "handing"  # somebody has claimed it
    DONE = "done"  # the marker is there, or the receiver took it
    FAILED = "failed"  # only a person can help
    MISSING = "missing"  # the file was gone before its marker was made


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A verified copy: the target, where it lies there for people, and its name there."""

    target: str
    address: str
    key: str


def id_of(rule: str, asset: Asset) -> str:
    """Return the id of a hand-over: letters and digits, the same for the same rule and file instance, ever."""
    said = f"{rule}\n{asset.volume}\n{asset.file}\n{asset.sha256}"
    return f"ho_{hashlib.sha256(said.encode()).hexdigest()[:_ID_LETTERS]}"


def told(
    rule: str, asset: Asset, *, node: str, path: str, here: bool, copies: Sequence[Copy], zone: str
) -> dict[str, Any]:  # fmt: skip
    """Return what is told of a file.

    Args:
        rule: Name of the rule.
        asset: The file.
        node: Name of the node that has it.
        path: Where it lies on that node.
        here: Whether it still does.
        copies: Verified copies elsewhere.
        zone: IANA name of the site's time zone.
    """
    place = ZoneInfo(zone)
    return {
        "version": VERSION, "id": id_of(rule, asset), "rule": rule, "node": node, "kind": asset.kind.value,
        "camera": asset.camera, "stream": asset.stream, "site": asset.site, "location": asset.location,
        "label": asset.label, "volume": asset.volume, "file": asset.file, "path": path, "here": here,
        "bytes": asset.bytes, "sha256": asset.sha256, "width": asset.width, "height": asset.height,
        "start": iso(asset.start_us, place), "end": iso(asset.end_us, place), "start_us": asset.start_us,
        "end_us": asset.end_us,
        "copies": [{"target": one.target, "address": one.address, "key": one.key} for one in copies],
    }  # fmt: skip


def body_of(facts: Mapping[str, Any]) -> bytes:
    """Return what is told as JSON, in one line."""
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def signature(secret: str, uid: str, at_s: int, body: bytes) -> str:
    """Return how a request is signed: `v1,` and HMAC-SHA-256 over id, second and body, in base64.

    Args:
        secret: As it is configured.
        uid: The id.
        at_s: When it is sent, seconds since the epoch.
        body: Every byte of it.

    Source: Standard Webhooks, "Webhook signatures": `{id}.{timestamp}.{payload}`.
    """
    said = f"{uid}.{at_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), said, hashlib.sha256).digest()).decode()


def marker_name(template: str, asset: Asset, naming: Naming, key: str = "") -> str:
    """Return a marker's name: with slashes below its folder.

    Args:
        template: A text with the fields of names at targets, and `{key}`.
        asset: The file.
        naming: For local times.
        key: The file's name at the target.
    """
    return filled(template, asset_words(asset, naming, asset.start_us) | {"key": key})


def wrong_with_marker(template: str) -> str:
    """Say what is wrong with a template of markers' names; empty where nothing is."""
    if not template_fits(template):
        return "is no name of a file"
    return unknown_fields(template, (*FIELDS, "key"))


def wrong_with_marker_ending(template: str) -> str:
    """Say what is wrong with how a marker's name ends; empty where nothing is."""
    ending = PurePosixPath(template).suffix
    if len(ending) < 2 or set("{}") & set(ending):  # noqa: PLR2004 - a dot and a letter
        return "has no ending of its own"
    return f"ends as footage and pictures do: {ending}" if ending in _OURS else ""


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            return secret.encode()
    return secret.encode()
