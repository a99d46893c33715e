"""The delivery page: how every target stands, what waits for it, how fast it goes, and what failed and why (C124).

The API tells the same (`/api/v1/deliveries`). Not here: what the figures mean (library.deliveries).
"""

from asyncio import to_thread
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from holdfast.catalog.deliveries import DeliveryRow, Wanted
from holdfast.catalog.delivery_stats import Count
from holdfast.catalog.rows import Id
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import CatalogError, HoldfastError
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import deliveries, handing_over
from holdfast.library.deliveries import TargetNow
from holdfast.library.forecast import filled_us
from holdfast.library.handing_over import RuleNow
from holdfast.web.forms import Form, go_to
from holdfast.web.render import page

router = APIRouter(prefix="/delivery", include_in_schema=False)

Node = Annotated[Context, Depends(context_of)]

ROWS = 50  # chosen: a screen or two
HEALTH = {
    "well": "well", "busy": "well", "waiting": "off", "paused": "off", "failing": "degraded", "stalled": "lost",
}  # fmt: skip
WORDS = {
    "well": "delivered", "busy": "sending", "waiting": "waits for its hours", "paused": "paused",
    "failing": "needs you", "stalled": "stalled",
}  # fmt: skip

TOLD_WORDS = {"well": "told", "busy": "telling", "failing": "needs you", "stalled": "stalled"}

_log = structlog.get_logger("holdfast.web")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a target's bar: a state, how many, and where it begins and how wide it is, in percent."""

    state: DeliveryState
    count: Count
    left: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A target as the page shows it. `bar` is of bytes, in the order of a delivery's life.

    `full_us` is when a disk is full of what waits, where the target takes nothing.
    """

    target: TargetNow
    full_us: int | None
    health: str
    state: str
    bar: tuple[Part, ...]

    @property
    def failed(self) -> int:
        """Deliveries that need somebody."""
        return self.target.counts.get(DeliveryState.FAILED, Count()).count


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which deliveries the list shows."""

    target: str = ""
    state: str = ""
    cursor: str = ""

    def query(self, **more: str) -> str:
        """Return the address of the same list with something else."""
        found = {"target": self.target, "state": self.state, **more}
        return "/delivery?" + urlencode({name: value for name, value in found.items() if value}) + "#files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the catalog says."""

    cards: tuple[Card, ...]
    rows: tuple[DeliveryRow, ...]
    cursor: str | None
    told: tuple[RuleNow, ...]


@router.get("", dependencies=[needs(Right.VIEWER)])
async def show(
    request: Request, context: Node,
    target: Annotated[str, Query(max_length=50)] = "",
    state: Annotated[str, Query(max_length=12)] = "",
    cursor: Annotated[str, Query(max_length=120)] = "",
) -> Response:  # fmt: skip
    """Show every target, and a list of deliveries, the newest footage first."""
    chosen = Chosen(target=target, state=state if state in set(DeliveryState) else "", cursor=cursor)
    return await to_thread(_show, request, context, chosen)


@router.post("/retry", dependencies=[needs(Right.OPERATOR)])
def retry(request: Request, context: Node, form: Form) -> Response:
    """Try one failed delivery again, or all of a target."""
    target, one = form.get("target", "")[:50], form.get("id", "")[:40]
    try:
        ids = [Id.read(one, "delivery")] if one else []
        deliveries.retry(
            context.catalog(), context.node, identity_of(request).name, context.clock, target=target, ids=ids
        )
    except HoldfastError as error:
        return _show(request, context, Chosen(target=target), error)
    return go_to("/delivery")


@router.post("/told/retry", dependencies=[needs(Right.OPERATOR)])
def retry_told(request: Request, context: Node, form: Form) -> Response:
    """Try all again of which a receiver did not want to be told."""
    rule = form.get("rule", "")[:50]
    try:
        handing_over.retry(
            context.catalog(), context.node, rule, by=identity_of(request).name, clock=context.clock
        )  # fmt: skip
    except HoldfastError as error:
        return _show(request, context, Chosen(), error)
    return go_to("/delivery#told")


@router.post("/pause", dependencies=[needs(Right.OPERATOR)])
def pause(request: Request, context: Node, form: Form) -> Response:
    """Hold a target, or let it go on."""
    target = form.get("target", "")[:50]
    try:
        deliveries.pause(
            context.catalog(), context.config, context.node, target, identity_of(request).name,
            context.clock.wall_us(), on=form.get("what") == "pause",
        )  # fmt: skip
    except HoldfastError as error:
        return _show(request, context, Chosen(), error)
    return go_to("/delivery")


def _show(request: Request, context: Context, chosen: Chosen, error: HoldfastError | None = None) -> Response:
    found = None
    try:
        found = _find(context, chosen)
    except CatalogError as problem:
        _log.warning("deliveries.unreadable", reason=str(problem))
        error = error or problem
    except HoldfastError as problem:
        error = error or problem
    status = 200 if error is None else error.http_status
    return page(
        request, "delivery.html", status, found=found, chosen=chosen, error=error, states=list(DeliveryState),
        told_words=TOLD_WORDS,
    )  # fmt: skip


def _find(context: Context, chosen: Chosen) -> Found:
    catalog, now_us = context.catalog(), context.clock.wall_us()
    targets = deliveries.targets(catalog, context.config, context.node, now_us)
    full = filled_us(catalog, context.config, context.clock, targets, node=context.node)
    cards = tuple(_card(one, full.get(one.name)) for one in targets)
    wanted = Wanted(target=chosen.target or None, state=DeliveryState(chosen.state) if chosen.state else None)
    rows = deliveries.listed(catalog, wanted, limit=ROWS, cursor=chosen.cursor or None)
    told = tuple(handing_over.stand(catalog, context.config, context.node))
    return Found(cards=cards, rows=rows.rows, cursor=rows.cursor, told=told)


def _card(target: TargetNow, full_us: int | None) -> Card:
    total = sum(count.bytes for count in target.counts.values())
    order = (DeliveryState.DELIVERED, DeliveryState.SENDING, DeliveryState.PENDING, DeliveryState.FAILED,
             DeliveryState.MISSING)  # fmt: skip
    parts, left = [], 0.0
    for state in order:
        count = target.counts.get(state)
        if count is not None and total:
            width = 100 * count.bytes / total
            parts.append(Part(state, count, left, width))
            left += width
    health, word = state_of(target)
    return Card(target=target, full_us=full_us, health=health, state=word, bar=tuple(parts))


def state_of(target: TargetNow) -> tuple[str, str]:
    """Return how a target stands: the health of its dot, and the word beside it."""
    word = WORDS[target.health] if target.counts or target.health != "well" else "ready"
    return HEALTH[target.health], word
