"""Hand-overs over HTTP: how every rule stands that tells scripts or services of finished files, and another try.

Single rows are under `/api/v1/jobs/handover`. Not here: what the figures mean (library.handing_over).
"""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from holdfast.api.files import Node
from holdfast.core.handover import HandoverState
from holdfast.http.errors import problems
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import handing_over
from holdfast.library.handing_over import Health, RuleNow

router = APIRouter(prefix="/api/v1/handovers", tags=["footage"])

_AT_US = 1_777_658_400_000_000  # 2026-05-01T18:00:00Z, as in all examples


class HandoverRuleOut(BaseModel):
    """How a rule of hand-over stands. Times in microseconds since the epoch, UTC."""

    name: str = Field(examples=["site"])
    type: Literal["", "marker", "webhook"] = Field(description="Empty where it is not configured any more.")
    receiver: str = Field(
        description="Host of the service, or folder of the markers; empty where they lie beside their files.",
        examples=["https://hooks.example.org"],
    )
    health: Health
    sentence: str = Field(examples=["12 to be told of"])
    states: dict[HandoverState, int] = Field(examples=[{"done": 120, "pending": 12}])
    oldest_us: int | None = Field(description="Start of the oldest file that waits.", examples=[_AT_US])
    last_us: int | None = Field(description="When anybody was told last.", examples=[_AT_US])
    error: str = Field(description="What went wrong last; empty where nothing did.", examples=[""])
    hint: str


class HandoverRules(BaseModel):
    """Every rule of hand-over."""

    items: list[HandoverRuleOut]


class HandoverRetryWanted(BaseModel):
    """Of which rule to try all again that failed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"rule": "site"}})

    rule: str = Field(min_length=1, max_length=50, description="Name of the rule.")


class HandoversRetried(BaseModel):
    """How many will be tried again."""

    count: int = Field(examples=[3])


@router.get("", summary="See how every rule of hand-over stands", dependencies=[needs(Right.VIEWER)],
            responses=problems(401, 403, 503))  # fmt: skip
def list_handovers(context: Node) -> HandoverRules:
    """Return what was told, what waits and what was refused, by rule, in the order of the configuration."""
    found = handing_over.stand(context.catalog(), context.config, context.node)
    return HandoverRules(items=[rule_out(one) for one in found])


@router.post("/retry", summary="Try failed hand-overs of a rule again", dependencies=[needs(Right.OPERATOR)],
             responses=problems(400, 401, 403, 404, 422, 503))  # fmt: skip
def retry(request: Request, context: Node, body: HandoverRetryWanted) -> HandoversRetried:
    """Have all that failed of a rule tried again at once, as if for the first time."""
    count = handing_over.retry(
        context.catalog(), context.node, body.rule, by=identity_of(request).name, clock=context.clock
    )
    return HandoversRetried(count=count)


def rule_out(one: RuleNow) -> HandoverRuleOut:
    """Return a rule as the API tells it."""
    standing = one.standing
    return HandoverRuleOut(
        name=one.name, type="" if one.config is None else one.config.type, receiver=one.receiver, health=one.health,
        sentence=one.sentence, states=dict(standing.counts), oldest_us=standing.oldest_us, last_us=standing.last_us,
        error=standing.error, hint=standing.hint,
    )  # fmt: skip
