"""What a reverse proxy says about a request: believed from trusted proxies alone.

Without any, the connection's own address and scheme count, and X-Forwarded headers are noise. Pure.
"""

import ipaddress
from collections.abc import Iterable
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Scope = dict[str, Any]


def networks(entries: Iterable[str]) -> tuple[Network, ...]:
    """Read addresses and networks (`10.0.0.0/8`); what is neither is passed over, so that it is never trusted."""
    found = []
    for entry in entries:
        try:
            found.append(ipaddress.ip_network(entry.strip(), strict=False))
        except ValueError:
            continue
    return tuple(found)


def is_trusted(address: str, trusted: Iterable[Network]) -> bool:
    """Say whether an address belongs to a trusted proxy."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    plain = mapped if mapped is not None else found
    return any(plain.version == network.version and plain in network for network in trusted)


def believed(scope: Scope, trusted: tuple[Network, ...]) -> Scope:
    """Return a request as the outermost trusted proxy saw it: its client, scheme and host.

    The client is the last address in X-Forwarded-For that is not a trusted proxy itself: whatever stands before it was
    written by somebody whom nobody vouches for.
    """
    client = scope.get("client")
    if not trusted or client is None or not is_trusted(client[0], trusted):
        return scope
    said = {
        name: [value.strip() for _, raw in _named(scope, name) for value in raw.decode("latin-1").split(",")]
        for name in (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host")
    }
    changed = dict(scope)
    address = next((a for a in reversed(said[b"x-forwarded-for"]) if not is_trusted(a, trusted)), None)
    if address:
        changed["client"] = (address, 0)
    if said[b"x-forwarded-proto"]:
        secure = said[b"x-forwarded-proto"][-1].lower() in {"https", "wss"}
        plain = "ws" if scope["type"] == "websocket" else "http"
        changed["scheme"] = plain + "s" if secure else plain
    if said[b"x-forwarded-host"]:
        host = said[b"x-forwarded-host"][-1].encode("latin-1")
        changed["headers"] = [*((n, v) for n, v in scope["headers"] if n != b"host"), (b"host", host)]
    return changed


def _named(scope: Scope, name: bytes) -> list[tuple[bytes, bytes]]:
    return [(found, value) for found, value in scope["headers"] if found == name]
