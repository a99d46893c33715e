"""Supabase Storage as a target, over its REST interface (C153).

An object appears whole or not at all, and is never replaced (`x-upsert: false`). What arrived is read back. A file
goes in one request, so an interrupted one begins anew: for large files there is the service's S3 endpoint.

Any thread; one client for all of them, made with the first request.
"""

import hashlib
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from holdfast.core.config.targets import SupabaseTarget as SupabaseConfig
from holdfast.core.errors import (
    ContentDiffers,
    NameTaken,
    TargetAway,
    TargetBarred,
    TargetError,
    TargetFull,
    TargetRefused,
)
from holdfast.storage.targets.address import public_address
from holdfast.storage.targets.contract import Content, Going, Receipt, TargetFacts
from holdfast.storage.targets.sources import BLOCK_BYTES, blocks, checked_key, stop_if_told

_PROBE = b"holdfast\n"
_UNKNOWN = -1  # it is there; older services say its size in other words
_LONGEST_ANSWER = 100_000  # chosen: an error is a few lines
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_BARRED = re.compile(r"bucket not found|signature|jwt", re.IGNORECASE)  # the key or the bucket, not what is sent
_HINTS = {
    HTTPStatus.UNAUTHORIZED: "correct key in its table",
    HTTPStatus.FORBIDDEN: "the key needs the right to insert, select and delete objects of this bucket",
    HTTPStatus.NOT_FOUND: "make the bucket, or correct `bucket` and `url` in its table",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "raise the project's limit of file sizes, or use its S3 endpoint",
}


class _Taken(TargetError):
    """There is something under the key. Stays within this module."""


class SupabaseTarget:
    """Objects of one bucket, below a prefix."""

    def __init__(self, name: str, config: SupabaseConfig) -> None:
        self.name = name
        self._config = config
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None

    def check(self) -> None:
        """Make sure that the bucket takes, gives and removes objects."""
        key = f"holdfast-probe-{os.urandom(6).hex()}"
        content = Content(len(_PROBE), hashlib.sha256(_PROBE).hexdigest())
        self._upload(key, content, iter([_PROBE]))
        try:
            if not self._reads_back(key, content, Going()):
                raise ContentDiffers(f"{self.name}: what the bucket gives back is not what it was given")
        finally:
            self.remove(key)

    def facts(self) -> TargetFacts:
        """Return how files are verified; nobody says how much room a bucket has."""
        return TargetFacts("sha256, by reading back")

    def put(self, source: Path, key: str, content: Content, going: Going) -> Receipt:
        """Send a file; see the contract."""
        checked_key(self.name, key)
        stop_if_told(going, self.name)
        if (found := self._already(key, content, going)) is not None:
            return found
        try:
            self._upload(key, content, blocks(source, content, going, target=self.name))
        except _Taken as error:
            # Somebody else was first; with the same content that is as good (F23).
            found = self._already(key, content, going)
            if found is None:
                raise TargetAway(f"{self.name}: {key} came and went while it was sent") from error
            return found
        if not self._reads_back(key, content, going):
            self.remove(key)
            raise ContentDiffers(f"{self.name}: {key} did not arrive as it was sent; it was removed there")
        return Receipt(self._address(key), "sha256")

    def look(self, key: str, content: Content) -> Receipt | None:
        """Verify what lies under a key; see the contract."""
        checked_key(self.name, key)
        size = self._size(key)
        if size is None:
            return None
        if size not in {content.bytes, _UNKNOWN} or not self._reads_back(key, content, Going()):
            raise ContentDiffers(f"{self.name}: {key} does not hold what was sent there")
        return Receipt(self._address(key), "sha256")

    def remove(self, key: str) -> None:
        """Remove what lies under a key; see the contract."""
        checked_key(self.name, key)
        with self._answer("DELETE", f"object/{self._at(key)}") as answer:
            if answer.status_code != HTTPStatus.OK and self._status(answer) != HTTPStatus.NOT_FOUND:
                raise self._error(answer, f"removing {key}")

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            http, self._http = self._http, None
        if http is not None:
            http.close()

    def _already(self, key: str, content: Content, going: Going) -> Receipt | None:
        size = self._size(key)
        if size is None:
            return None
        if size not in {content.bytes, _UNKNOWN} or not self._reads_back(key, content, going):
            raise NameTaken(f"{self.name}: something else lies under {key}")
        return Receipt(self._address(key), "sha256", already=True)

    def _upload(self, key: str, content: Content, body: Iterator[bytes]) -> None:
        headers = {"x-upsert": "false", "content-type": _kind(key), "content-length": str(content.bytes)}
        # Without a body the library sends none of the lengths that it is given.
        data: Any = body if content.bytes else b"".join(body)
        with self._answer("POST", f"object/{self._at(key)}", headers=headers, content=data) as answer:
            if answer.status_code == HTTPStatus.OK:
                return
            if self._status(answer) == HTTPStatus.CONFLICT:
                raise _Taken(f"{self.name}: {key} is there already")
            raise self._error(answer, f"sending {key}")

    def _size(self, key: str) -> int | None:
        with self._answer("GET", f"object/info/authenticated/{self._at(key)}") as answer:
            if answer.status_code == HTTPStatus.OK:
                size = self._body(answer).get("size")
                return size if isinstance(size, int) else _UNKNOWN
            if self._status(answer) == HTTPStatus.NOT_FOUND and "bucket" not in answer.text.lower():
                return None
            raise self._error(answer, f"asking for {key}")

    def _reads_back(self, key: str, content: Content, going: Going) -> bool:
        sha, count = hashlib.sha256(), 0
        with self._answer("GET", f"object/authenticated/{self._at(key)}") as answer:
            if answer.status_code != HTTPStatus.OK:
                if self._status(answer) == HTTPStatus.NOT_FOUND:
                    return False
                raise self._error(answer, f"reading {key}")
            for block in answer.iter_bytes(BLOCK_BYTES):
                stop_if_told(going, self.name)
                sha.update(block)
                count += len(block)
        return count == content.bytes and sha.hexdigest() == content.sha256

    @contextmanager
    def _answer(self, method: str, path: str, **asked: Any) -> Iterator[httpx.Response]:
        """Ask; errors of the way there are ours, answers of the service are for the caller."""
        try:
            with self._client().stream(method, f"/storage/v1/{path}", **asked) as answer:
                if answer.status_code != HTTPStatus.OK:
                    answer.read()
                yield answer
        except httpx.TransportError as error:
            raise TargetAway(f"{self.name}: {error or type(error).__name__}") from error
        except (httpx.InvalidURL, httpx.StreamError) as error:
            raise TargetRefused(f"{self.name}: {error}") from error

    @staticmethod
    def _body(answer: httpx.Response) -> Mapping[str, Any]:
        answer.read()
        try:
            found = answer.json() if len(answer.content) < _LONGEST_ANSWER else {}
        except ValueError:
            found = {}
        return found if isinstance(found, dict) else {}

    def _status(self, answer: httpx.Response) -> int:
        """Return what is meant: the service puts its status into the body, and answers most things with 400."""
        try:
            return int(self._body(answer).get("statusCode", answer.status_code))
        except (TypeError, ValueError):
            return answer.status_code

    def _error(self, answer: httpx.Response, doing: str) -> TargetError:
        status, body = self._status(answer), self._body(answer)
        said = " ".join(str(body[name]) for name in ("error", "message") if body.get(name)) or answer.reason_phrase
        message = f"{self.name}: {doing}: {status} {said}"
        if status == HTTPStatus.INSUFFICIENT_STORAGE:
            return TargetFull(message)
        if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return TargetAway(message)
        known = next((hint for code, hint in _HINTS.items() if code == status), None)
        if "InvalidKey" in said or "Invalid key" in said:
            known = "the service takes only plain letters, digits and a few signs: change the name template of the rule"
        if status == HTTPStatus.UNAUTHORIZED or _BARRED.search(said):
            return TargetBarred(message, hint=known)
        return TargetRefused(message, hint=known)

    def _client(self) -> httpx.Client:
        with self._lock:
            if self._http is None:
                if not self._config.key.fits_header():
                    raise TargetBarred(
                        f"{self.name}: its key holds what no header can carry",
                        hint="write it in one line, without blanks around it",
                    )
                key = self._config.key.reveal()
                self._http = httpx.Client(
                    base_url=self._config.url, headers={"apikey": key, "authorization": f"Bearer {key}"},
                    timeout=httpx.Timeout(self._config.quiet_s), limits=httpx.Limits(max_connections=64),
                )  # fmt: skip
            return self._http

    def _at(self, key: str) -> str:
        path = f"{self._config.prefix}/{key}" if self._config.prefix else key
        return f"{self._config.bucket}/{quote(path, safe='/')}"

    def _address(self, key: str) -> str:
        shown = public_address(self._config.address, self.name, key)
        return shown or f"{self._config.url}/storage/v1/object/public/{self._at(key)}"


def _kind(key: str) -> str:
    """Return the media type that browsers are to be told."""
    ending = key.rpartition(".")[2].lower()
    known = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "png": "image/png", "mp4": "video/mp4"}
    return known.get(ending, "application/octet-stream")
