"""Signing in: what to answer to a camera's challenge. Basic (RFC 7617) and Digest (RFC 2617, RFC 7616).

One object a connection, on its thread.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Sequence

_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}
_NONE, _BASIC, _DIGEST = 0, 1, 2


class Login:
    """What is known of how to sign in."""

    def __init__(self, username: str, password: str) -> None:
        self._username, self._password = username, password
        self._kind = _NONE
        self._given: dict[str, str] = {}
        self._algorithm = "MD5"
        self._count = 0
        self.secretive = False

    def challenged(self, challenges: Sequence[str]) -> bool:
        """Take a 401's challenges; say whether trying again can help: there is something new to answer.

        The strongest way is taken. Where `secretive` is set, the password is not sent in the clear.
        """
        if not self._username:
            return False
        best: tuple[int, str, dict[str, str]] = (0, "", {})
        for challenge in challenges:
            scheme, _, rest = challenge.strip().partition(" ")
            given = {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _PARAMETER.finditer(rest)}
            algorithm = given.get("algorithm", "MD5").upper()
            known = algorithm.removesuffix("-SESS")
            if scheme.lower() == "digest" and known in _HASHES and "nonce" in given:
                best = max(best, (2 + (known != "MD5"), algorithm, given), key=lambda one: one[0])
            elif scheme.lower() == "basic" and not self.secretive:
                best = max(best, (1, "", given), key=lambda one: one[0])
        rank, algorithm, given = best
        kind = min(rank, _DIGEST)
        if kind == _NONE:
            return False
        # The same question again means that the answer was wrong; another nonce, that the old one had grown stale.
        news = kind != self._kind or (kind == _DIGEST and given.get("nonce") != self._given.get("nonce"))
        self._kind, self._algorithm, self._given, self._count = kind, algorithm, given, 0
        return news

    def header(self, method: str, url: str) -> str:
        """Return the value of `Authorization` for a request, or nothing."""
        if self._kind == _BASIC:
            return "Basic " + base64.b64encode(f"{self._username}:{self._password}".encode()).decode()
        return self._digest(method, url) if self._kind == _DIGEST else ""

    def _digest(self, method: str, url: str) -> str:
        given, sign = self._given, _HASHES[self._algorithm.removesuffix("-SESS")]
        realm, nonce = given.get("realm", ""), given["nonce"]
        self._count += 1
        count, own = f"{self._count:08x}", secrets.token_hex(8)
        who = sign(f"{self._username}:{realm}:{self._password}".encode())
        if self._algorithm.endswith("-SESS"):
            who = sign(f"{who}:{nonce}:{own}".encode())
        what = sign(f"{method}:{url}".encode())
        together = "auth" in [word.strip() for word in given.get("qop", "").split(",")]
        middle = f"{nonce}:{count}:{own}:auth" if together else nonce
        parts = [
            f'username="{self._username}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{url}"',
            f'response="{sign(f"{who}:{middle}:{what}".encode())}"',
        ]  # fmt: skip
        if "algorithm" in given:
            parts.append(f"algorithm={given['algorithm']}")
        if "opaque" in given:
            parts.append(f'opaque="{given["opaque"]}"')
        if together:
            parts += ["qop=auth", f"nc={count}"]
        if together or self._algorithm.endswith("-SESS"):
            parts.append(f'cnonce="{own}"')
        return "Digest " + ", ".join(parts)
