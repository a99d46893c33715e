"""Requests that tell of files: signed, never redirected, and every answer means one thing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from holdfast.core.config.handovers import WebhookConfig
from holdfast.core.config.secret import Secret
from holdfast.core.errors import TargetAway, TargetRefused
from holdfast.core.handover import signature
from holdfast.storage.webhook import LONGEST_WAIT_S, SHUT_S, HoldOff, Webhook
from support.receiver import receiver
from support.rtsp_peer import free_port

NOW_US = 1_777_658_400_000_000


@contextmanager
def webhook(url: str, **more: object) -> Iterator[Webhook]:
    """Make one for an address."""
    table = WebhookConfig.model_validate({"type": "webhook", "url": url, **more})
    made = Webhook("hook", table)
    try:
        yield made
    finally:
        made.close()


def test_a_request_is_signed_and_named() -> None:
    """Body, id, second, signature and token arrive; the same id is the key of idempotency."""
    with receiver() as service, webhook(service.url, secret="whsec_c2VjcmV0", token="t0ken") as hook:
        assert hook.send("ho_1", b'{"a":1}', NOW_US) == "204 No Content"
    (asked,) = service.asked
    second = NOW_US // 1_000_000
    wanted = {
        "content-type": "application/json", "webhook-id": "ho_1", "idempotency-key": "ho_1",
        "webhook-timestamp": str(second), "authorization": "Bearer t0ken",
        "webhook-signature": signature("whsec_c2VjcmV0", "ho_1", second, b'{"a":1}'),
    }  # fmt: skip
    assert asked.headers | wanted == asked.headers
    assert asked.body == b'{"a":1}'


@pytest.mark.parametrize("code", [400, 404, 409, 410, 413, 422])
def test_a_refusal_is_of_one_file(code: int) -> None:
    """What is wrong with one request is permanent, and says so."""
    with receiver() as service, webhook(service.url) as hook:
        service.code = code
        with pytest.raises(TargetRefused, match=str(code)):
            hook.send("ho_1", b"{}", NOW_US)


@pytest.mark.parametrize("code", [301, 302, 307, 308, 401, 403, 407])
def test_who_does_not_let_us_in_is_left_alone(code: int) -> None:
    """Rights and redirects hold everything for ten minutes; a redirect is not followed, and nobody gets our secrets."""
    with receiver() as elsewhere, receiver() as service, webhook(service.url, token="t0ken") as hook:
        service.code, service.headers = code, {"Location": elsewhere.url}
        with pytest.raises(HoldOff) as shut:
            hook.send("ho_1", b"{}", NOW_US)
        assert elsewhere.asked == []
    assert (shut.value.wait_s, shut.value.transient, "7f3a9c" in str(shut.value)) == (SHUT_S, True, False)


@pytest.mark.parametrize(
    ("code", "after", "wait_s"),
    [
        (500, "", None), (502, "", None), (408, "", None), (429, "", None), (503, "120", 120.0), (429, "7", 7.0),
        (503, "Fri, 01 May 2026 18:05:00 GMT", 300.0), (503, "999999999", LONGEST_WAIT_S), (503, "soon", None),
    ],
)  # fmt: skip
def test_what_may_pass_is_tried_again(code: int, after: str, wait_s: float | None) -> None:
    """Errors of the server are transient; a receiver that says when it is back is not asked before."""
    with receiver() as service, webhook(service.url) as hook:
        service.code, service.headers = code, {"Retry-After": after} if after else {}
        with pytest.raises(TargetAway) as away:
            hook.send("ho_1", b"{}", NOW_US)
    assert getattr(away.value, "wait_s", None) == wait_s


def test_nobody_there_shows_no_secret() -> None:
    """No answer is transient; what is said of it names the host, never the rest of the address."""
    with webhook(f"http://127.0.0.1:{free_port()}/told/7f3a9c") as hook, pytest.raises(TargetAway) as away:
        hook.send("ho_1", b"{}", NOW_US)
    assert "http://127.0.0.1" in str(away.value)
    assert "7f3a9c" not in f"{away.value!r}{away.value}"


@pytest.mark.best_of_three
@pytest.mark.parametrize("how", ["silent", "trickling"])
def test_every_wait_ends(how: str) -> None:
    """A receiver that says nothing, or a letter now and then, is given up after the time that is set (F20)."""
    with receiver() as service, webhook(service.url, timeout_s=0.3) as hook:
        service.trickle = how == "trickling"
        if how == "silent":
            service.held.clear()
        began_s = time.monotonic()
        with pytest.raises(TargetAway):
            hook.send("ho_1", b"{}", NOW_US)
        assert time.monotonic() - began_s < 10


def test_knocking_tells_nothing() -> None:
    """Whether anybody answers is found out without a body; an answer that means no rights or a redirect is an error."""
    with receiver() as service, webhook(service.url) as hook:
        service.code = 405
        assert hook.knock().startswith("405")
        assert [(one.method, one.body, one.uid) for one in service.asked] == [("HEAD", b"", "")]
        service.code = 302
        with pytest.raises(TargetAway):
            hook.knock()


def test_a_secret_stays_one() -> None:
    """What shows a rule shows neither its address nor its secrets."""
    table = WebhookConfig(type="webhook", url=Secret("https://host.example.org/a?key=7f3a9c"), secret=Secret("s3cret"))
    assert not {"7f3a9c", "s3cret"} & set(table.model_dump_json().replace("=", '"').split('"'))
