import pytest

from holdfast.core.errors import TooMany
from holdfast.http import limits
from holdfast.http.limits import Attempts, Buckets, address_key
from support.clock import PushedClock


def wait_s(attempts: Attempts, address: str, name: str) -> int:
    """Fail once more; returns the wait that was asked for instead, 0 where the try was looked at."""
    try:
        attempts.begin(address, name)
    except TooMany as refused:
        return refused.retry_after_s
    return 0


def test_addresses_count_as_sites() -> None:
    """An IPv6 network of one site counts as one address, a mapped IPv4 address as itself."""
    assert address_key("2001:db8::1") == address_key("2001:db8::ffff:1") != address_key("2001:db8:0:1::1")
    assert address_key("::ffff:192.0.2.1") == address_key("192.0.2.1") != address_key("192.0.2.2")
    assert address_key("testclient") == "testclient"


def test_requests_are_bounded() -> None:
    """An address has its burst, then its rate; another address has its own (C140)."""
    clock = PushedClock()
    buckets = Buckets(clock, each_s=2, burst=3)
    assert [buckets.take("192.0.2.1") for _ in range(5)] == [True, True, True, False, False]
    assert buckets.take("192.0.2.2")
    clock.advance(1)
    assert [buckets.take("192.0.2.1") for _ in range(3)] == [True, True, False]


def test_addresses_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: the address that was quiet longest is forgotten first."""
    monkeypatch.setattr(limits, "MOST", 2)
    buckets = Buckets(PushedClock(), each_s=1, burst=1)
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        assert buckets.take(address)
    assert buckets.take("192.0.2.1")
    assert not buckets.take("192.0.2.3")


def test_waits_double_up_to_a_cap() -> None:
    """After five free tries each failure doubles the wait, for an address up to fifteen minutes (C103)."""
    clock = PushedClock()
    attempts = Attempts(clock)
    assert [wait_s(attempts, "192.0.2.1", f"name{n}") for n in range(5)] == [0] * 5
    waits = []
    for n in range(12):
        wait = wait_s(attempts, "192.0.2.1", f"other{n}")
        waits.append(wait)
        clock.advance(wait)
        assert wait_s(attempts, "192.0.2.1", f"other{n}") == 0
    assert waits[:4] == [2, 3, 5, 9]
    assert max(waits) == limits.ADDRESS_CAP_S + 1
    clock.advance(3600)
    assert wait_s(attempts, "192.0.2.1", "again") == 0


def test_a_name_is_slowed_from_everywhere_but_home() -> None:
    """A name that many addresses try is slowed for all, at most for 30 s, but not where its owner signed in."""
    clock = PushedClock()
    attempts = Attempts(clock)
    attempts.begin("198.51.100.7", "Ann")
    attempts.succeeded("198.51.100.7", "Ann")
    for n in range(40):
        clock.advance(wait_s(attempts, f"192.0.2.{n}", "ann"))
        wait_s(attempts, f"192.0.2.{n}", "ann")
    assert 0 < wait_s(attempts, "192.0.2.99", "ann") <= limits.NAME_CAP_S + 1
    assert wait_s(attempts, "198.51.100.7", "ann") == 0
    assert wait_s(attempts, "192.0.2.98", "bob") == 0


def test_success_forgives() -> None:
    """Who signs in begins anew; a try that nobody looked at does not count."""
    attempts = Attempts(PushedClock())
    for _ in range(20):
        assert wait_s(attempts, "192.0.2.1", "ann") == 0
        attempts.withdrawn("192.0.2.1", "ann")
    for _ in range(4):
        assert wait_s(attempts, "192.0.2.1", "ann") == 0
    attempts.succeeded("192.0.2.1", "ann")
    assert [wait_s(attempts, "192.0.2.1", "ann") for _ in range(5)] == [0] * 5
    assert wait_s(attempts, "192.0.2.1", "ann") > 0


def test_refusals_are_told_once() -> None:
    """Of many refusals in a row only the first is worth a line, until a try is looked at again."""
    clock = PushedClock()
    attempts = Attempts(clock)
    for _ in range(5):
        attempts.begin("192.0.2.1", "ann")
    told = [attempts.first_refusal("192.0.2.1", "ann") for _ in range(3)]
    clock.advance(60)
    attempts.begin("192.0.2.1", "ann")
    assert [*told, attempts.first_refusal("192.0.2.1", "ann")] == [True, False, False, True]
