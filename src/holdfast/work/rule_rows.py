"""Rows about what a rule sent, each written once; a table that is away, or refuses all of them, holds the rule's rows.

A refusal may be the asset's fault: its row alone fails then, and is listed. A key that has expired, or a table that is
not there, is the rule's: nothing that is wrong with a file makes the interface answer so, nor three rows in a row that
are refused. The rule's rows wait then, one of them asks again ever more rarely, and all go on once one is taken (C075).

Any thread. Not here: requests (storage.rest_rows), the incident (deliver).
"""

import threading

from holdfast.catalog.deliveries import DeliveryRow
from holdfast.core.clock import Clock
from holdfast.core.config.deliveries import DeliveryConfig, RowConfig
from holdfast.core.errors import TargetAway, TargetError, TargetRefused
from holdfast.core.naming import FIELD, Naming, column_of, row_words
from holdfast.core.timing import MINUTE_US, SECOND_US
from holdfast.storage.rest_rows import RestRows, RowsRefused

WAIT_US = 30 * SECOND_US  # chosen: a database that is away is asked twice a minute, not once a row
REFUSED_CAP_US = 10 * MINUTE_US  # chosen: as with a target that refuses (way)
REFUSALS = 3  # chosen: as with a target; so many rows in a row speak against the table's settings, not against files

_CHANGING = frozenset({"now"})


class RuleRows:
    """The rows of one rule.

    Args:
        name: Name of the rule.
        rule: The rule.
        row: Its `row`.
        zone: IANA name of the site's time zone.
        clock: Time.
    """

    def __init__(self, name: str, rule: DeliveryConfig, row: RowConfig, zone: str, clock: Clock) -> None:
        self._naming = Naming(template=rule.name, zone=zone, user=rule.user)
        self._clock = clock
        self._table = RestRows(name, row)
        self._texts = row.texts
        self._changing = frozenset(name for name, text in row.texts.items() if _CHANGING & set(FIELD.findall(text)))
        self._lock = threading.Lock()
        self._wait_us = self._ask_us = self._refused = 0
        self.problem = ""
        """Why all rows are refused; empty where they are taken, or nobody answers."""

    def waits_us(self) -> int:
        """Return for how long rows still wait, microseconds; 0 where one may be written now."""
        with self._lock:
            left_us = self._ask_us - self._clock.boot_us() if self._wait_us else 0
            if self._wait_us and left_us <= 0:
                # Whoever asks now asks for all of them: the others wait until it knows.
                self._ask_us = self._clock.boot_us() + self._wait_us
            return max(0, left_us)

    def write(self, row: DeliveryRow, *, again: bool) -> None:
        """Write the row about an object, unless it is there.

        Args:
            row: The delivery; its object is at its target.
            again: Whether it may have been written before.

        Raises:
            TargetAway: Nobody answers; all rows of the rule wait.
            RowsRefused: Every row is refused; they wait, and nothing is wrong with this one.
            TargetError: This row may not be written so.
        """
        words = row_words(row.asset, self._naming, key=row.key, address=row.address, now_us=self._clock.wall_us())
        columns = {name: column_of(text, words) for name, text in self._texts.items()}
        try:
            self._table.write(columns, again=again, changing=self._changing)
        except TargetAway:
            self._hold(WAIT_US)
            raise
        except RowsRefused as error:
            self._hold(REFUSED_CAP_US, str(error))
            raise
        except TargetRefused as error:
            with self._lock:
                self._refused += 1
                every = self._refused > REFUSALS or bool(self.problem)
            if every:
                self._hold(REFUSED_CAP_US, str(error))
                raise RowsRefused(str(error), hint=error.hint) from error
            raise
        except TargetError:
            self._well()  # it answers, and speaks about this row
            raise
        self._well()

    def close(self) -> None:
        """Let go of connections."""
        self._table.close()

    def _well(self) -> None:
        with self._lock:
            self._wait_us = self._refused = 0
            self.problem = ""

    def _hold(self, cap_us: int, problem: str = "") -> None:
        with self._lock:
            self._wait_us = min(cap_us, 2 * self._wait_us) if self._wait_us else WAIT_US
            self._ask_us = self._clock.boot_us() + self._wait_us
            self.problem = problem
