"""Encoded clips kept between runs, in the user's cache folder: encoding 1080p takes seconds, reading it back none.

A clip is a list of byte strings and a JSON header. A damaged or missing file only costs the time to encode again.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

VERSION = 6  # goes up whenever the same parameters would give another clip

Blobs = list[bytes]


def folder() -> Path:
    """Return where clips are kept: `$XDG_CACHE_HOME/holdfast/clips`, by default under `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "holdfast" / "clips"


def path_of(parameters: str) -> Path:
    """Return the file for a clip with these parameters."""
    digest = hashlib.sha256(f"{VERSION} {parameters}".encode()).hexdigest()
    return folder() / f"{digest[:32]}.clip"


def load(parameters: str) -> tuple[dict[str, Any], Blobs] | None:
    """Return a clip's header and blobs, or None where there is no whole file of it."""
    try:
        data = path_of(parameters).read_bytes()
        head, _, body = data.partition(b"\n")
        header = json.loads(head)
        if hashlib.sha256(body).hexdigest() != header["sha256"]:
            return None
        blobs, at = [], 0
        for length in header["lengths"]:
            blobs.append(body[at : at + length])
            at += length
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return header["facts"], blobs


def store(parameters: str, facts: dict[str, Any], blobs: Blobs) -> None:
    """Keep a clip; other processes see it whole or not at all."""
    body = b"".join(blobs)
    header = {"facts": facts, "lengths": [len(blob) for blob in blobs], "sha256": hashlib.sha256(body).hexdigest()}
    target = path_of(parameters)
    # Without a cache (read-only home, full disk) everything works, only slower: nothing to tell anyone.
    with contextlib.suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, suffix=".new")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(json.dumps(header).encode() + b"\n" + body)
            Path(name).replace(target)
        finally:
            Path(name).unlink(missing_ok=True)
