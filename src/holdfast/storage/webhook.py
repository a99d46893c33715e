"""Requests that tell a service of finished files, and what its answers mean.

| answer | means |
|---|---|
| 2xx | told |
| none, 408, 425, 5xx | again, after ever longer waits |
| 429, or 503 with `Retry-After` | again, not before that |
| 401, 403, 407 | it does not let us in: nobody is told until it does |
| 3xx | the same: a redirect could carry secrets to somebody else, and is not followed |
| any other | it refuses this one: it fails alone |

A request runs on a thread of its own and is given up after `timeout_s`, however slowly an answer trickles in.

Any thread; one client for all of them. Not here: what is told, signatures (core.handover), waits (work.hold).
"""

import threading
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from holdfast import __version__
from holdfast.core.config.handovers import WebhookConfig
from holdfast.core.errors import TargetAway, TargetRefused
from holdfast.core.handover import signature
from holdfast.core.timing import SECOND_US, from_datetime
from holdfast.storage.targets.apart import Apart
from holdfast.storage.targets.contract import Going

SHUT_S = 600.0  # C069: whoever does not let us in is asked as rarely as the longest wait says
LONGEST_WAIT_S = 3600.0  # chosen: a receiver that names next year has a wrong clock

_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
_SHUT = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED})
_MOST_WORDS = 200
_LONGEST_ANSWER = 16 * 1024  # chosen: an acknowledgement is a few words


class HoldOff(TargetAway):
    """It answers, and takes nothing for now; `wait_s` says for how long at least."""

    def __init__(self, message: str, wait_s: float, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.wait_s = wait_s


class Webhook:
    """A receiver.

    Args:
        rule: Name of the rule, for errors.
        config: Its table.
    """

    def __init__(self, rule: str, config: WebhookConfig) -> None:
        self._rule = rule
        self._config = config
        self._apart = Apart(rule, config.timeout_s)
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None

    def send(self, uid: str, body: bytes, now_us: int, stop: Callable[[], bool] = lambda: False) -> str:
        """Tell of a file; return what was answered, as in "204 No Content".

        Args:
            uid: The id of the hand-over, the same each time that it is tried.
            body: What is told.
            now_us: Wall time, for the signature.
            stop: Says that nobody waits for the answer any more.

        Raises:
            TargetAway: Not taken now.
            TargetRefused: This one is not wanted.
        """
        at_s = now_us // SECOND_US
        headers = {
            "content-type": "application/json", "webhook-id": uid, "webhook-timestamp": str(at_s),
            "idempotency-key": uid,
        }  # fmt: skip
        if self._config.secret:
            headers["webhook-signature"] = signature(self._config.secret.reveal(), uid, at_s, body)
        answer = self._ask("POST", headers, body, stop)
        if answer.is_success:
            return _said(answer)
        raise self._error(answer, now_us)

    def knock(self) -> str:
        """Look whether anybody answers, without telling anything; return what was answered.

        Raises:
            TargetAway: Nobody does, or it is a redirect.
        """
        answer = self._ask("HEAD", {}, b"", lambda: False)
        if answer.is_redirect or answer.status_code in _SHUT:
            raise self._error(answer, 0)
        return _said(answer)

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            http, self._http = self._http, None
        if http is not None:
            http.close()

    def _ask(self, method: str, headers: dict[str, str], body: bytes, stop: Callable[[], bool]) -> httpx.Response:
        def ask() -> httpx.Response:
            with self._client().stream(method, self._config.url.reveal(), headers=headers, content=body) as answer:
                # Nobody reads the answer's body; a short one is taken so that the connection can be used again.
                left = _LONGEST_ANSWER
                for block in answer.iter_raw():
                    left -= len(block)
                    if left < 0:
                        break
                return answer

        try:
            return self._apart.run("waiting for an answer", lambda _going: ask(), Going(told_to_stop=stop))
        except httpx.InvalidURL as error:
            raise HoldOff(f"{self._rule}: its address cannot be asked", SHUT_S, hint="correct url") from error
        except httpx.HTTPError as error:
            # Never the library's words alone: some hold the whole address.
            what = str(error).replace(self._config.url.reveal(), self._config.shown) or type(error).__name__
            raise TargetAway(f"{self._rule}: no answer from {self._config.shown}: {what}") from error

    def _error(self, answer: httpx.Response, now_us: int) -> TargetAway | TargetRefused:
        code, said = answer.status_code, f"{self._rule}: {self._config.shown} answers {_said(answer)}"
        if answer.is_redirect or code < HTTPStatus.BAD_REQUEST:
            return HoldOff(said, SHUT_S, hint="redirects are not followed: write the address that is meant as url")
        if code in _SHUT:
            return HoldOff(said, SHUT_S, hint="correct token or secret of the rule; what waits goes on by itself")
        if code in _AGAIN or code == HTTPStatus.TOO_MANY_REQUESTS or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            wait_s = _retry_after_s(answer.headers.get("retry-after", ""), now_us)
            return HoldOff(said, wait_s) if wait_s else TargetAway(said)
        return TargetRefused(said, hint="look at the receiver's log; holdfast jobs retry handover tries it again")

    def _client(self) -> httpx.Client:
        with self._lock:
            if self._http is None:
                headers = {"user-agent": f"Holdfast/{__version__}", "accept": "*/*"}
                if self._config.token:
                    headers["authorization"] = f"Bearer {self._config.token.reveal()}"
                self._http = httpx.Client(
                    headers=headers, timeout=self._config.timeout_s, follow_redirects=False, trust_env=False
                )
            return self._http


def _said(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.reason_phrase}"[:_MOST_WORDS].strip()


def _retry_after_s(text: str, now_us: int) -> float:
    """Return how long a receiver wants to be left alone, in seconds; 0 where it does not say."""
    try:
        wait_s = float(text) if text.isdigit() else (from_datetime(parsedate_to_datetime(text)) - now_us) / SECOND_US
    except (ValueError, TypeError, IndexError):
        return 0.0
    return min(max(wait_s, 0.0), LONGEST_WAIT_S)
