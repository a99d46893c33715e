"""Numbers for Prometheus, where Prometheus looks for them: `/metrics`. A viewer's token is enough.

Not here: what they are (library.metrics).
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse

from holdfast.api.files import Node
from holdfast.api.status import disks_of
from holdfast.api.streams import look
from holdfast.core.errors import HoldfastError
from holdfast.http.errors import problems
from holdfast.http.host import holdings_of, host_of
from holdfast.http.rights import Right, needs
from holdfast.library.holdings import Holdings
from holdfast.library.host import Host
from holdfast.library.metrics import Facts, expose

router = APIRouter(tags=["node"], dependencies=[needs(Right.VIEWER)])


@router.get(
    "/metrics", summary="Numbers for Prometheus", response_class=PlainTextResponse, responses=problems(401, 403)
)
def metrics(
    request: Request,
    context: Node,
    host: Annotated[Host, Depends(host_of)],
    holdings: Annotated[Holdings, Depends(holdings_of)],
) -> Response:
    """Return what is known of this node in Prometheus's text format, or OpenMetrics where accepted.

    Host, volumes, roles, catalog, streams, deliveries and retention.
    """
    disks = disks_of(context)
    facts = Facts(
        now_us=context.clock.wall_us(), node=look(context), host=host.now(), machine=host.machine(),
        disks=() if isinstance(disks, HoldfastError) else disks, catalog=holdings.catalog_now(), lost=holdings.lost(),
        targets=tuple(context.config.targets), deliveries=holdings.deliveries(),
    )  # fmt: skip
    text, kind = expose(facts, request.headers.get("accept", ""))
    # Made here and not by a Response that would add a character set of its own.
    return Response(text, headers={"Content-Type": kind, "Cache-Control": "no-store"})
