"""Static files: stylesheet, scripts, pictures, and what the build brought from npm; each address carries their hash.

The hash is one over all of them and stands in front of the path, so that a script's `import "./other.js"` finds the
other file of the same version. Under its own hash a file never changes and is kept for a year; under any other (a page
from before an update) the file of now is given, and asked about again each time.

Files are known by name from a list that is made by looking into the folder: a path that is not in the list, such as one
with `..`, leads nowhere. Any thread.
"""

import gzip
import mimetypes
import threading
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response

from holdfast.core.errors import NotFound
from holdfast.http.rights import Right, needs

ROOT = Path(__file__).parent / "static"
SMALLEST = 1024  # bytes; chosen: less fits into one packet, packed or not
YEAR_S = 365 * 86_400

_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".svg": "image/svg+xml", ".css": "text/css"}
_PACKED = frozenset({".js", ".mjs", ".svg", ".css", ".json", ".txt", ".map"})

router = APIRouter(include_in_schema=False)

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent: its bytes, the same packed with gzip (None where that is not worth it), and its type."""

    body: bytes
    packed: bytes | None
    media_type: str
    etag: str


class Assets:
    """The files of a folder and the hash over them. Changed files are noticed, so that work on them shows at once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._stamp: Stamp | None = None
        self._version = ""
        self._names: frozenset[str] = frozenset()
        self._read: dict[str, Asset] = {}

    def version(self) -> str:
        """Return the hash over all files."""
        self._look()
        return self._version

    def address(self, name: str) -> str:
        """Return where a browser finds a file."""
        return f"/static/{self.version()}/{name}"

    def has(self, name: str) -> bool:
        """Say whether there is a file of this name, such as one that only a built package has."""
        self._look()
        return name in self._names

    def get(self, name: str) -> Asset:
        """Return a file.

        Raises:
            NotFound: There is none of this name.
        """
        self._look()
        with self._lock:
            asset = self._read.get(name)
            if asset is None:
                if name not in self._names:
                    raise NotFound("there is no such file")
                asset = self._read[name] = _load(self._root / name)
            return asset

    def _look(self) -> None:
        stamp = _stamp(self._root)
        if stamp == self._stamp:
            return
        digest = sha256()
        for name, _, _ in stamp:
            digest.update(name.encode() + b"\0" + sha256((self._root / name).read_bytes()).digest())
        with self._lock:
            self._version = digest.hexdigest()[:12]
            self._names = frozenset(name for name, _, _ in stamp)
            self._read.clear()
            self._stamp = stamp


ASSETS = Assets(ROOT)


@router.get("/static/{version}/{name:path}", dependencies=[needs(Right.PUBLIC)])
def static_file(
    version: str,
    name: str,
    accept_encoding: Annotated[str, Header()] = "",
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    """Send a static file."""
    asset = ASSETS.get(name)
    current = version == ASSETS.version()
    headers = {
        "Cache-Control": f"public, max-age={YEAR_S}, immutable" if current else "no-cache",
        "ETag": asset.etag, "Vary": "Accept-Encoding",
    }  # fmt: skip
    if asset.etag in if_none_match:
        return Response(status_code=304, headers=headers)
    if asset.packed is not None and "gzip" in accept_encoding:
        return Response(asset.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.body, headers=headers, media_type=asset.media_type)


def _stamp(root: Path) -> Stamp:
    found = []
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            facts = path.stat()
            found.append((path.relative_to(root).as_posix(), facts.st_mtime_ns, facts.st_size))
    return tuple(found)


def _load(path: Path) -> Asset:
    body = path.read_bytes()
    packed = gzip.compress(body, 6, mtime=0) if path.suffix in _PACKED and len(body) >= SMALLEST else None
    guessed = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(body, packed, guessed, f'"{sha256(body).hexdigest()[:16]}"')
