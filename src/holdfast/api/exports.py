"""Exports: footage handed on as one signed file: asked for, followed while it is made, fetched in parts, given up.

Not here: making them (work.export), the file itself (library.export_write).
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from holdfast.api.files import Node
from holdfast.catalog.exports import ExportRow
from holdfast.catalog.rows import Id
from holdfast.core.timing import iso
from holdfast.http.errors import problems
from holdfast.http.ranges import RESPONSES, Body, ranged
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import exports
from holdfast.library.export_plan import Asked
from holdfast.library.exporting import streams_named
from holdfast.library.instants import read_instant
from holdfast.storage.keys import node_key

router = APIRouter(prefix="/api/v1", tags=["exports"])

Which = Annotated[str, Path(pattern=r"^\d{1,10}-\d{1,18}$", description="Id of the export.", examples=["1-7"])]
_TYPES = {"zip": "application/zip", "tar": "application/x-tar", "mp4": "video/mp4"}


class ExportWanted(BaseModel):
    """What to hand on."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"cameras": ["gate", "yard/sub"], "from": "2026-05-01T18:00", "to": "2026-05-01T19:30"}
        },
    )

    cameras: list[Annotated[str, Field(max_length=60)]] = Field(
        min_length=1, max_length=200, description="Cameras, or streams of them such as `gate/sub`."
    )
    begin: str = Field(alias="from", max_length=40, description="Begin of the span; site's time without an offset.")
    end: str = Field(alias="to", max_length=40, description="End of the span; `now` is one, too.")
    streams: Literal["main", "sub", "all"] = Field(default="main", description="Which streams of a camera.")
    format: Literal["zip", "tar", "mp4"] = Field(default="zip", description="One MP4 holds one stream, up to 24 hours.")
    cut: bool = Field(default=False, description="Exactly the span, instead of the whole files that touch it.")
    purpose: str = Field(default="", max_length=500, description="What for; it stands in the export.")


class MissingOut(BaseModel):
    """A part of the span that is not in it."""

    stream: str = Field(examples=["gate/main"])
    begin: str = Field(alias="from", examples=["2026-05-01T18:10:00.000Z"])
    end: str = Field(alias="to", examples=["2026-05-01T18:12:00.000Z"])
    why: str = Field(description="Reason of the gap, or what became of the footage.", examples=["unreachable"])


class ExportOut(BaseModel):
    """How an export stands."""

    id: str = Field(examples=["1-7"])
    state: Literal["pending", "working", "done", "failed", "expired"]
    streams: list[str] = Field(examples=[["gate/main"]])
    begin: str = Field(alias="from", examples=["2026-05-01T16:00:00.000Z"])
    end: str = Field(alias="to", examples=["2026-05-01T17:30:00.000Z"])
    format: str = Field(examples=["zip"])
    cut: bool
    asked_by: str = Field(examples=["ann"])
    purpose: str = Field(examples=["case 12"])
    created: str = Field(examples=["2026-05-01T18:00:00.000Z"])
    written_bytes: int = Field(description="Written so far.", examples=[442_800_000])
    bytes: int = Field(description="Size; what is expected until it is done, 0 while that is not known.")
    sha256: str = Field(description="SHA-256 of the file; empty until it is done.", examples=["9c1e" * 16])
    complete: bool = Field(description="All of the span is in it; false until it is done.")
    missing: list[MissingOut] = Field(description="What of the span is not in it, once it is done.")
    problem: str = Field(description="Why it failed, or waits for another attempt.", examples=[""])
    hint: str
    expires: str | None = Field(description="When its file goes.", examples=["2026-05-08T18:00:00.000Z"])
    url: str | None = Field(description="Where the file is, once it is done.", examples=["/api/v1/exports/1-7/file"])


class ExportsOut(BaseModel):
    """Exports, newest first."""

    items: list[ExportOut]
    cursor: str | None = Field(description="Asks for the next ones; null where there are no more.")


class KeyOut(BaseModel):
    """The public half of the key that signs what leaves this node."""

    algorithm: Literal["Ed25519"]
    fingerprint: str = Field(description="SHA-256 of the key.", examples=["3f5a" * 16])
    public_key: str = Field(description="PEM.", examples=["-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n"])


@router.get("/node/key", summary="Get the key that exports are signed with", dependencies=[needs(Right.VIEWER)],
            responses=problems(401, 403, 422, 507))  # fmt: skip
def get_key(context: Node) -> KeyOut:
    """Return the public half; the private one never leaves the node."""
    public = node_key(context.state_dir).public
    return KeyOut(algorithm="Ed25519", fingerprint=public.fingerprint, public_key=public.pem.decode())


@router.post("/exports", summary="Ask for an export", status_code=202, dependencies=[needs(Right.OPERATOR)],
             responses=problems(400, 401, 403, 404, 422, 429, 503))  # fmt: skip
def make_export(request: Request, context: Node, body: ExportWanted) -> ExportOut:
    """Ask for one signed file of cameras and span; the worker makes it. What is missing is named when it is done."""
    now_us = context.clock.wall_us()
    asked = Asked(
        streams=streams_named(context.volumes, body.cameras, body.streams),
        from_us=read_instant(body.begin, context.zone, now_us), to_us=read_instant(body.end, context.zone, now_us),
        format=body.format, cut=body.cut, by=identity_of(request).name, purpose=body.purpose,
    )  # fmt: skip
    return _out(exports.ask(context.catalog(), asked, now_us, node=context.node))


@router.get("/exports", summary="List exports", dependencies=[needs(Right.VIEWER)],
            responses=problems(400, 401, 403, 422, 503))  # fmt: skip
def list_exports(
    context: Node, limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    cursor: Annotated[str | None, Query(max_length=120, description="Of the page before.")] = None,
) -> ExportsOut:  # fmt: skip
    """Return the exports of this node, newest first."""
    page = exports.listed(context.catalog(), limit=limit, cursor=cursor or None, node=context.node)
    return ExportsOut(items=[_out(row) for row in page.rows], cursor=page.cursor)


@router.get("/exports/{export}", summary="Get how an export stands", dependencies=[needs(Right.VIEWER)],
            responses=problems(401, 403, 404, 422, 503))  # fmt: skip
def get_export(context: Node, export: Which) -> ExportOut:
    """Return how far it is, and what is missing in it when it is done."""
    return _out(exports.get(context.catalog(), Id.read(export, "export")))


@router.get(
    "/exports/{export}/file", summary="Fetch an export", dependencies=[needs(Right.VIEWER)], response_class=Response,
    responses={200: {"content": {kind: {} for kind in _TYPES.values()}, "description": "The file."}, **RESPONSES,
               **problems(401, 403, 404, 409, 422, 503)},
)  # fmt: skip
@router.head("/exports/{export}/file", include_in_schema=False, dependencies=[needs(Right.VIEWER)])
def fetch_export(request: Request, context: Node, export: Which) -> Response:
    """Return the file, or the part that is asked for: a download that broke off goes on where it was."""
    row = exports.get(context.catalog(), Id.read(export, "export"))
    path = exports.path_of(context.volumes, row)

    def read(offset: int, count: int) -> bytes:
        return exports.read_part(path, offset, count)

    headers = {"Content-Disposition": f'attachment; filename="{row.name}"'}
    return ranged(
        request, Body(size=row.bytes, etag=row.manifest, media_type=_TYPES[row.format], read=read, headers=headers)
    )


@router.delete("/exports/{export}", summary="Give an export up", status_code=204,
               dependencies=[needs(Right.OPERATOR)], responses=problems(401, 403, 404, 422, 503, 507))  # fmt: skip
def delete_export(context: Node, export: Which) -> None:
    """Stop making it, or delete its file. The footage that it is made of stays as it is."""
    exports.remove(context.catalog(), context.volumes, Id.read(export, "export"))


def _out(row: ExportRow) -> ExportOut:
    fields: dict[str, Any] = {
        "id": str(row.id), "state": row.state, "streams": row.streams.split(), "from": iso(row.from_us),
        "to": iso(row.to_us), "format": row.format, "cut": row.cut, "asked_by": row.asked_by, "purpose": row.purpose,
        "created": iso(row.created_us), "written_bytes": row.written_bytes, "bytes": row.bytes,
        "sha256": row.sha256, "complete": row.complete, "problem": row.error, "hint": row.hint,
        "missing": [
            {"stream": one["stream"], "from": iso(one["from_us"]), "to": iso(one["to_us"]), "why": one["why"]}
            for one in exports.missing_of(row)
        ],
        "expires": None if row.expires_us is None else iso(row.expires_us),
        "url": f"/api/v1/exports/{row.id}/file" if row.state == "done" else None,
    }  # fmt: skip
    return ExportOut.model_validate(fields)
