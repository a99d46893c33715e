"""Checks of deliveries: does every target take files, does every table take rows, and did anything fail for good?

What the worker lived through says it, and the rows that wait; nothing is sent. Not here: trying a target
(`holdfast targets test`), work of other kinds (labour).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.catalog import deliveries as rows
from holdfast.catalog import delivery_stats, nodes
from holdfast.catalog.db import Catalog, open_catalog, sqlite_path
from holdfast.catalog.deliveries import DeliveryRow, Wanted
from holdfast.catalog.delivery_stats import Count
from holdfast.catalog.nodes import LOCAL
from holdfast.core.config.model import Config
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import CatalogError
from holdfast.core.status import SETTLING_S
from holdfast.core.timing import SECOND_US, span_words
from holdfast.library import deliveries
from holdfast.library.deliveries import LATE_US, TargetNow
from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.patient import Patient
from holdfast.library.doctor.running import read_role
from holdfast.library.doctor.volumes import size


@dataclass(frozen=True, slots=True)
class _Stand:
    """A target, what waits for it longest, what failed last, and how many rows wait for the tables of its rules."""

    now: TargetNow
    oldest: DeliveryRow | None
    failed: DeliveryRow | None
    tables: Mapping[str, Count]


def check_targets(patient: Patient) -> Iterator[Finding]:
    """Does all that is to be handed on arrive, or does it wait, and for whom?"""
    url = patient.catalog_url
    path = sqlite_path(url) if url else None
    if patient.config is None or not url or (path is not None and not path.exists()):
        return
    now_us = patient.clock.wall_us()
    body = read_role(patient, "worker.json")
    said = [
        one
        for one in ((body or {}).get("work") or {}).get("away") or ()
        if now_us - int(one["since_us"]) >= SETTLING_S * SECOND_US
    ]
    try:
        with open_catalog(url) as catalog:
            stands = _stands(catalog, patient.config, said, now_us)
    except CatalogError:
        return  # `catalog` says what is wrong with it
    for stand in stands:
        yield from _target(stand, said, now_us)


def _stands(catalog: Catalog, config: Config, said: Sequence[Mapping[str, Any]], now_us: int) -> list[_Stand]:
    found = deliveries.targets(catalog, config, LOCAL, now_us)
    with catalog.read() as tx:
        node = nodes.find(tx, LOCAL) or 0

        def first(target: str, state: DeliveryState, *, oldest_first: bool) -> DeliveryRow | None:
            wanted = Wanted(node=node, target=target, state=state)
            return next(iter(rows.page(tx, wanted, limit=1, oldest_first=oldest_first).rows), None)

        return [
            _Stand(
                now=one,
                oldest=first(one.name, DeliveryState.PENDING, oldest_first=True) if one.waiting.count else None,
                failed=first(one.name, DeliveryState.FAILED, oldest_first=False) if _failed(one) else None,
                tables={
                    who["rule"]: delivery_stats.rows_waiting(tx, node, one.name, who["rule"])
                    for who in said if "rule" in who and who["target"] == one.name
                },
            )
            for one in found
        ]  # fmt: skip


def _target(stand: _Stand, said: Sequence[Mapping[str, Any]], now_us: int) -> Iterator[Finding]:
    now = stand.now
    for who in said:
        if who.get("target") != now.name:
            continue
        since = f"for {span_words((now_us - who['since_us']) / SECOND_US)}: {who['why']}"
        if "rule" in who:
            evidence = f"no row was taken {since}; {_backlog(stand.tables[who['rule']], now_us, 'row')}"
            hint = who.get("hint") or "look at table, columns and key of the row"
            yield FAULTS["rows-refused"].found(f"rule {who['rule']}", evidence, hint=hint)
        else:
            evidence = f"nothing was taken {since}; {_backlog(now.waiting, now_us)}"
            yield FAULTS["target-stalled"].found(now.name, evidence, hint=_what_to_do(now.name, who.get("hint")))
    if not now.kind and now.waiting.count:
        yield FAULTS["target-unknown"].found(now.name, _backlog(now.waiting, now_us), name=now.name)
    elif not any(who.get("target") == now.name for who in said) and _is_late(stand, now_us):
        evidence = f"nothing arrived in the last five minutes; {_backlog(now.waiting, now_us)}"
        if stand.oldest is not None and stand.oldest.error:
            evidence += f"; the oldest: {stand.oldest.error}"
        hint = _what_to_do(now.name, stand.oldest.hint if stand.oldest is not None else "")
        yield FAULTS["target-stalled"].found(now.name, evidence, hint=hint)
    if stand.failed is not None:
        row, count = stand.failed, _failed(now)
        evidence = f"{count} failed, such as {row.asset.file}: {row.error}"
        evidence += f" ({row.hint})" if row.hint else ""
        yield FAULTS["deliveries-failed"].found(now.name, evidence, name=now.name)


def _is_late(stand: _Stand, now_us: int) -> bool:
    """Whether files wait that should have gone: not for hours, a person, a table, or one that is on its way."""
    now, oldest = stand.now, stand.oldest
    if oldest is None or oldest.object_us is not None or now.opens_us is not None or now.health == "paused":
        return False
    sending = now.counts.get(DeliveryState.SENDING, Count()).count
    return not sending and not now.pace.files and now_us - oldest.created_us > LATE_US


def _what_to_do(name: str, hint: str | None) -> str:
    return f"{hint or 'what waits goes on by itself'}; holdfast targets test {name} tries it"


def _failed(now: TargetNow) -> int:
    return now.counts.get(DeliveryState.FAILED, Count()).count


def _backlog(waiting: Count, now_us: int, noun: str = "file") -> str:
    if not waiting.count:
        return "nothing waits for it just now"
    what = f"{waiting.count} {noun}{'s wait' if waiting.count > 1 else ' waits'}"
    much = f" ({size(waiting.bytes)})" if noun == "file" else ""
    oldest_us = waiting.oldest_us or now_us
    return f"{what}{much}, the oldest from {span_words(max(0, now_us - oldest_us) / SECOND_US)} ago"
