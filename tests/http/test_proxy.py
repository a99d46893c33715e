from typing import Any

import pytest

from holdfast.http.proxy import believed, is_trusted, networks

TRUSTED = networks(["127.0.0.1", "10.0.0.0/8", "::1", "nonsense"])


def scope(client: str | None, **headers: str) -> dict[str, Any]:
    """Make a request's scope."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http", "scheme": "http", "client": None if client is None else (client, 9),
        "headers": [(b"host", b"inner:8080"), *raw],
    }  # fmt: skip


def test_trust_is_by_network() -> None:
    """Addresses and networks are trusted, IPv4 also as a mapped address; what is neither never is."""
    assert is_trusted("10.1.2.3", TRUSTED)
    assert is_trusted("::ffff:10.1.2.3", TRUSTED)
    assert is_trusted("::1", TRUSTED)
    assert not is_trusted("192.0.2.1", TRUSTED)
    assert not is_trusted("nonsense", TRUSTED)


@pytest.mark.parametrize("client", ["192.0.2.1", None])
def test_strangers_are_not_believed(client: str | None) -> None:
    """X-Forwarded headers of somebody who is no trusted proxy change nothing (C139)."""
    asked = scope(client, x_forwarded_for="10.0.0.1", x_forwarded_proto="https", x_forwarded_host="evil.example")
    assert believed(asked, TRUSTED) == asked
    assert believed(scope("127.0.0.1", x_forwarded_proto="https"), ())["scheme"] == "http"


def test_a_trusted_proxy_is_believed() -> None:
    """A trusted proxy says who asks, how, and for which host; what stood before the last stranger is not believed."""
    asked = scope(
        "127.0.0.1", x_forwarded_for="1.1.1.1, 192.0.2.7, 10.0.0.9", x_forwarded_proto="https",
        x_forwarded_host="cams.example.org",
    )  # fmt: skip
    seen = believed(asked, TRUSTED)
    assert (seen["client"], seen["scheme"]) == (("192.0.2.7", 0), "https")
    assert [value for name, value in seen["headers"] if name == b"host"] == [b"cams.example.org"]
    assert believed({**scope("::1", x_forwarded_proto="https"), "type": "websocket"}, TRUSTED)["scheme"] == "wss"


def test_a_silent_proxy_changes_nothing() -> None:
    """A trusted proxy that says nothing leaves address, scheme and host as they are."""
    asked = scope("127.0.0.1")
    assert believed(asked, TRUSTED) == asked
