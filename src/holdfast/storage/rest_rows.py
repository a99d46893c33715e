"""Rows about what was sent, written over PostgREST: the interface of Supabase, and of PostgreSQL behind it (C075).

Writing one again is harmless: a row that tells the same of the same thing is success, whether the table refuses a
second one (409) or would take it. Any thread. Not here: what the columns say (core.naming).
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from holdfast.core.config.deliveries import RowConfig
from holdfast.core.errors import NameTaken, TargetAway, TargetError, TargetRefused

TIMEOUT_S = 15.0  # chosen: a database that takes longer for one row is not well
_CONFLICT, _LOST = 409, 408
_EVERY = frozenset({401, 403, 404})  # the key, its rights, the table: nothing that one row says is answered so
_BUSY = 429
_SERVER = 500
_MOST_WORDS = 200

Value = str | float | int | None


class RowsRefused(TargetRefused):
    """No row of the rule may be written, whatever it says: its key, the key's rights, or its table are wrong."""


class ServerError(TargetAway):
    """It answered that something went wrong there: with all rows, or with what this one sets off (a trigger)."""


class RestRows:
    """Writes the rows of one rule.

    Args:
        rule: Name of the rule, for errors.
        config: Where, and into which table.
    """

    def __init__(self, rule: str, config: RowConfig) -> None:
        self._rule = rule
        self._config = config
        headers = {"Accept": "application/json"}
        if config.key and config.key.fits_header():
            headers |= {"apikey": config.key.reveal(), "Authorization": f"Bearer {config.key.reveal()}"}
        if config.profile:
            headers |= {"Accept-Profile": config.profile, "Content-Profile": config.profile}
        self._client = httpx.Client(headers=headers, timeout=TIMEOUT_S, trust_env=False)
        self._address = f"{config.url}/{config.table}"

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def write(self, columns: Mapping[str, Value], *, again: bool, changing: frozenset[str] = frozenset()) -> None:
        """Write a row, unless it is there.

        Args:
            columns: What it says.
            again: Whether it may have been written before: then it is looked for first.
            changing: Columns that differ from one attempt to the next, such as the time of sending.

        Raises:
            TargetAway: No answer, or one that says: later.
            ServerError: An error of the server.
            RowsRefused: None may be written.
            TargetRefused: It may not be written so.
            NameTaken: Another row says something else about the same thing.
        """
        if again and self._is_there(columns, changing):
            return
        answer = self._ask("POST", headers={"Prefer": "return=minimal"}, json=dict(columns))
        if answer.status_code == _CONFLICT:
            if not self._is_there(columns, changing):
                raise NameTaken(
                    f"{self._rule}: the table {self._config.table} refuses the row: {_words(answer)}",
                    hint="another row has what must be unique; look at it",
                )
            return
        self._check(answer)

    def _is_there(self, columns: Mapping[str, Value], changing: frozenset[str]) -> bool:
        name = self._config.telling
        query = {name: f"eq.{columns[name]}", "select": ",".join(columns), "limit": "2"}
        answer = self._ask("GET", params=query)
        self._check(answer)
        try:
            found = answer.json()
        except json.JSONDecodeError as error:
            raise TargetAway(f"{self._rule}: {self._config.url} answers something else than rows") from error
        if not isinstance(found, list):
            raise TargetAway(f"{self._rule}: {self._config.url} answers something else than rows")
        for row in found:
            if all(_same(row.get(column), value) for column, value in columns.items() if column not in changing):
                return True
        if found:
            raise NameTaken(
                f"{self._rule}: a row of {self._config.table} says something else about {columns[name]}",
                hint="look at it, and remove it or the difference",
            )
        return False

    def _ask(self, method: str, **more: Any) -> httpx.Response:
        if not self._config.key.fits_header():
            raise RowsRefused(
                f"{self._rule}: the key of its row holds what no header can carry",
                hint="write it in one line, without blanks around it",
            )
        try:
            return self._client.request(method, self._address, **more)
        except httpx.HTTPError as error:
            what = str(error) or type(error).__name__
            raise TargetAway(f"{self._rule}: no answer from {self._config.url}: {what}") from error

    def _check(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        code = answer.status_code
        said = f"{self._rule}: {self._config.table} answers {code}: {_words(answer)}"
        kind: type[TargetError] = TargetAway if code in {_LOST, _BUSY} else TargetRefused
        if code in _EVERY or code >= _SERVER:
            kind = RowsRefused if code in _EVERY else ServerError
        hint = (
            "what is waiting goes on by itself"
            if issubclass(kind, TargetAway)
            else "look at table, columns and key of the row"
        )
        raise kind(said, hint=hint)


def _words(answer: httpx.Response) -> str:
    try:
        body = answer.json()
        found = body.get("message") or body.get("error") or "" if isinstance(body, dict) else ""
    except (json.JSONDecodeError, UnicodeDecodeError):
        found = answer.reason_phrase
    return str(found)[:_MOST_WORDS] or answer.reason_phrase


def _same(found: object, wanted: Value) -> bool:
    """Say whether a database means by a value what we wrote: it writes times and numbers in its own way."""
    if found == wanted:
        return True
    if isinstance(found, str) and isinstance(wanted, str):
        try:
            return datetime.fromisoformat(found) == datetime.fromisoformat(wanted)
        except (ValueError, TypeError):
            return False
    try:
        return found is not None and wanted is not None and float(str(found)) == float(wanted)
    except ValueError:
        return False
