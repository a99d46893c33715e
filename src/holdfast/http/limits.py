"""How often somebody may ask: requests an address, and tries to sign in an address and a name.

Kept in memory alone: a restart forgives, and costs whoever guesses more than it gives. Any thread.
"""

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

from holdfast.core.clock import Clock
from holdfast.core.errors import TooMany
from holdfast.core.timing import HOUR_US, SECOND_US

REQUESTS_S = 200  # chosen: a wall of 32 tiles with a still a second each, times several people behind one address
BURST = 1000  # chosen: a page with a day of thumbnails opens at once
FREE_TRIES = 5  # chosen: a person mistypes; after that each try costs twice the wait of the one before
ADDRESS_CAP_S = 900  # chosen: 100 guesses a day and address, and a person who waits it out is back for lunch
NAME_CAP_S = 30  # chosen: 2,900 guesses a day from any number of addresses; longer would lock people out on purpose
FORGET_US = HOUR_US  # chosen: who has not failed for this long begins anew
MOST = 10_000  # chosen: addresses remembered, about a megabyte; the one that was quiet longest goes first

_V6_PREFIX = 64  # RFC 6177: the least that a site is given, so that one host can take any address in it


def address_key(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, _V6_PREFIX), strict=False))
    return str(found)


class Buckets:
    """Requests an address: `burst` at once, then `each_s` a second."""

    def __init__(self, clock: Clock, *, each_s: float = REQUESTS_S, burst: int = BURST) -> None:
        self._clock = clock
        self._each_s = each_s
        self._burst = burst
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, address: str) -> bool:
        """Count a request; False where it is one too many."""
        key = address_key(address)
        now_us = self._clock.boot_us()
        with self._lock:
            left, at_us = self._left.pop(key, (float(self._burst), now_us))
            left = min(self._burst, left + (now_us - at_us) * self._each_s / SECOND_US)
            allowed = left >= 1
            self._left[key] = (left - 1 if allowed else left, now_us)
            if len(self._left) > MOST:
                self._left.popitem(last=False)
        return allowed


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last_us: int
    told: bool = False


class Attempts:
    """Tries to sign in. A try counts as failed until `succeeded` says otherwise: trying in parallel wins nothing.

    A name is slowed down from everywhere but the addresses that it signed in from: else anybody could keep its owner
    out.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(self, address: str, name: str) -> None:
        """Count a try.

        Raises:
            TooMany: There were too many; this one must not be looked at.
        """
        keys = self._keys(address, name)
        now_us = self._clock.boot_us()
        with self._lock:
            wait_s = max(self._wait_s(key, cap_s, now_us) for key, cap_s in keys.items())
            if wait_s > 0:
                seconds = int(wait_s) + 1
                raise TooMany("too many tries to sign in", hint=f"try again in {seconds} s", retry_after_s=seconds)
            for key in keys:
                before = self._failures.pop(key, None)
                count = before.count if before and now_us - before.last_us < FORGET_US else 0
                self._failures[key] = _Failures(count + 1, now_us)
            while len(self._failures) > MOST:
                self._failures.popitem(last=False)

    def first_refusal(self, address: str, name: str) -> bool:
        """Say whether the refusal that `begin` just raised is the first one since the last try that was looked at."""
        with self._lock:
            first = False
            for key in self._keys(address, name):
                failures = self._failures.get(key)
                if failures is not None and not failures.told:
                    self._failures[key] = replace(failures, told=True)
                    first = first or failures.count >= FREE_TRIES
            return first

    def withdrawn(self, address: str, name: str) -> None:
        """Take back a try that nobody could look at."""
        with self._lock:
            for key in self._keys(address, name):
                failures = self._failures.get(key)
                if failures is not None:
                    self._failures[key] = replace(failures, count=max(0, failures.count - 1))

    def succeeded(self, address: str, name: str) -> None:
        """Forget the failures of this address and name, and know them together."""
        pair = (address_key(address), name.lower())
        with self._lock:
            for key in (f"address {pair[0]}", f"name {pair[1]}"):
                self._failures.pop(key, None)
            self._known.pop(pair, None)
            self._known[pair] = None
            if len(self._known) > MOST:
                self._known.popitem(last=False)

    def _keys(self, address: str, name: str) -> dict[str, int]:
        pair = (address_key(address), name.lower())
        keys = {f"address {pair[0]}": ADDRESS_CAP_S}
        return keys if pair in self._known else {**keys, f"name {pair[1]}": NAME_CAP_S}

    def _wait_s(self, key: str, cap_s: int, now_us: int) -> float:
        failures = self._failures.get(key)
        if failures is None or failures.count < FREE_TRIES or now_us - failures.last_us >= FORGET_US:
            return 0.0
        wait_s: int = min(cap_s, 2 ** min(failures.count - FREE_TRIES, 20))
        return wait_s - (now_us - failures.last_us) / SECOND_US
