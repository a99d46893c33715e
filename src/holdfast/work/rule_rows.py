"""Rows about what a rule sent, each written once; a table that is away, or refuses all of them, holds the rule's rows.

A refusal may be the asset's fault, and then its row alone fails, and is listed. An answer that speaks of the key, its
rights or the table may be, too: a policy of the table forbids this row, say; and so may a server error, or none at all:
a trigger fails at this row. So the next row is tried; several in a row that are refused speak against the rule: its
rows wait then, one of them asks again ever more rarely, and all go on once one is taken (C075). One that is refused
again and again while others are taken is what is wrong: it waits alone, holds none of them, and fails in the end (F24);
but where no answer came at all, which is tried for as long as it takes.

Any thread. Not here: requests (storage.rest_rows), the incident (deliver).
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from holdfast.catalog.deliveries import DeliveryRow
from holdfast.catalog.rows import Id
from holdfast.core.clock import Clock
from holdfast.core.config.deliveries import DeliveryConfig, RowConfig
from holdfast.core.errors import HoldfastError, TargetAway, TargetError, TargetRefused
from holdfast.core.naming import FIELD, Naming, column_of, row_words
from holdfast.core.timing import SECOND_US
from holdfast.storage.rest_rows import RestRows, RowsRefused, ServerError
from holdfast.work.hold import AWAY_CAP_US, REFUSED_CAP_US, Held

WAIT_US = 30 * SECOND_US  # chosen: a database that is away is asked twice a minute at most, not once a row
REFUSALS = 3  # chosen: as with a target; so many rows in a row speak against the table, not against files
TRIES = 5  # chosen: over 7 min; a service that fails at one row of five by chance fails one of 3,000 wrongly
_AGAIN = 2  # chosen: a row that nobody answers for half a minute is told of, though it may be the only one
_OTHER_US = 5 * SECOND_US  # chosen: time for another row to ask in place of those that were refused
_SUSPECTS = 1000  # chosen: rows that are remembered as refused; one that is forgotten is asked for a few times more

_CHANGING = frozenset({"now"})


@dataclass(slots=True)
class _Suspect:
    """A row that was refused.

    Attributes:
        taken: How many rows had been taken by its last time.
        alone: Times that it was refused while others were taken in between.
        times: Times in a row without that.
        ask_us: When it may ask again, boot time.
    """

    taken: int = -1
    alone: int = 0
    times: int = 0
    ask_us: int = 0


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
        self._wait_us = self._ask_us = self._yields_us = self._refused = self._taken = 0
        self._doubted: set[Id] = set()
        self._asker: Id | None = None
        self._others = False
        self._suspects: OrderedDict[Id, _Suspect] = OrderedDict()
        self._held: Held | None = None
        self.problem = ""
        """Why all rows are refused; empty where they are taken, or nobody answers."""

    @property
    def held(self) -> Held | None:
        """Since when and why no row is taken; None where they are."""
        return self._held

    def waits_us(self, row: Id) -> int:
        """Return for how long a row still waits, microseconds; 0 where it may be written now."""
        with self._lock:
            now_us = self._clock.boot_us()
            suspect = self._suspects.get(row)
            own_us = max(0, suspect.ask_us - now_us) if suspect is not None else 0
            left_us = self._ask_us - now_us if self._wait_us else 0
            if not self._wait_us or own_us:
                return max(own_us, left_us)
            if suspect is None and row != self._asker:
                self._others = self._others or left_us > 0
            elif self._others and left_us <= 0:
                # What was refused may be refused for ever; whether all are is found out by another one.
                self._yields_us = self._yields_us or now_us + _OTHER_US
                left_us = self._yields_us - now_us
            if left_us <= 0:
                # Whoever asks now asks for all of them: the others wait until it knows.
                self._ask_us = now_us + self._wait_us
                self._asker, self._others, self._yields_us = row, False, 0
            return max(0, left_us)

    def write(self, row: DeliveryRow, *, again: bool) -> None:
        """Write the row about an object, unless it is there.

        Args:
            row: The delivery; its object is at its target.
            again: Whether it may have been written before.

        Raises:
            TargetAway: Nobody answers, or with an error of the server.
            RowsRefused: None may be written, or so it says. As for `TargetAway` it is not known yet whether that is
                about this row or about the rule: `waits_us` says for how long each waits.
            TargetError: This row may not be written so.
        """
        words = row_words(row.asset, self._naming, key=row.key, address=row.address, now_us=self._clock.wall_us())
        columns = {name: column_of(text, words) for name, text in self._texts.items()}
        try:
            self._table.write(columns, again=again, changing=self._changing)
        except TargetAway as error:
            if self._is_at_fault(row.id, error):
                hint = "others are taken: the table's own log says what is wrong with this one; then retry it"
                raise TargetRefused(str(error), hint=hint) from error
            raise
        except RowsRefused as error:
            if self._is_at_fault(row.id, error):
                raise TargetRefused(str(error), hint=error.hint) from error
            raise
        except TargetRefused as error:
            with self._lock:
                self._refused += 1
                every = self._refused > REFUSALS or bool(self.problem)
                if every:
                    self._hold(REFUSED_CAP_US, error, row.id)
            if every:
                raise RowsRefused(str(error), hint=error.hint) from error
            raise
        except TargetError:
            self._well(row.id)  # it answers, and speaks about this row
            raise
        self._well(row.id)

    def close(self) -> None:
        """Let go of connections."""
        self._table.close()

    def _is_at_fault(self, row: Id, error: TargetAway | RowsRefused) -> bool:
        """Take note that a row was refused as all might be; say whether it alone is, because others are taken."""
        away = isinstance(error, TargetAway)
        most = REFUSALS if not away else TRIES if isinstance(error, ServerError) else None
        with self._lock:
            one = self._suspects.pop(row, None) or _Suspect()
            others = one.taken != self._taken
            one.alone, one.times, one.taken = one.alone + others, 1 if others else one.times + 1, self._taken
            if most is not None and one.alone >= most:
                return True
            cap_us = AWAY_CAP_US if away else REFUSED_CAP_US
            own_cap_us = cap_us if one.alone == 1 else REFUSED_CAP_US
            one.ask_us = self._clock.boot_us() + min(own_cap_us, WAIT_US << min(one.alone + one.times - 2, 30))
            self._suspects[row] = one
            if len(self._suspects) > _SUSPECTS:
                self._suspects.popitem(last=False)
            if self._wait_us and not (away or self.problem):
                self._wait_us = 0  # nobody answered before, somebody does now
                self._doubted.clear()
            if one.alone == 1:
                # One row that is refused again after others were taken says nothing about them, and holds none of them.
                self._doubted.add(row)
            if self._wait_us or len(self._doubted) >= REFUSALS:
                self._hold(cap_us, error, row)
            elif one.times >= (_AGAIN if away else REFUSALS):
                self._note(error)
            elif not (away or self.problem):
                self._held = None
            return False

    def _well(self, row: Id) -> None:
        with self._lock:
            self._wait_us = self._refused = 0
            self._taken += 1
            self._suspects.pop(row, None)
            self._doubted.clear()
            self._others, self._yields_us, self._held, self.problem = False, 0, None, ""

    def _hold(self, cap_us: int, error: HoldfastError, row: Id) -> None:
        # What was on its way when the others began to wait says no more than they did: only who asks for them does.
        if not self._wait_us or row == self._asker:
            self._wait_us = min(cap_us, 2 * self._wait_us) if self._wait_us else WAIT_US
            self._ask_us = self._clock.boot_us() + self._wait_us
            self._asker = row
        self._note(error)

    def _note(self, error: HoldfastError) -> None:
        self.problem = "" if isinstance(error, TargetAway) else str(error)
        since_us = self._held.since_us if self._held is not None else self._clock.wall_us()
        self._held = Held(since_us, str(error), error.hint)
