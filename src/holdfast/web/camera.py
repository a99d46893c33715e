"""A camera's page: the player, its timeline, and what is known of the camera.

The facts are there without scripts; pictures of the past then are stills and clips. Read from status files, settings
and the catalog; where the catalog does not answer, the page says so and everything else stands.

The facts are a piece of the page that can be had alone: an open page asks for it again with each change of the node.
Operators write notes here (C012), with scripts or without: the form's own address does what `POST /api/v1/notes` does.

Not here: what player and timeline ask for (api.stream, api.timeline), how they work (static).
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from holdfast.catalog.db import Catalog
from holdfast.catalog.notes import Note
from holdfast.core.camera import CAMERA_ID, StreamKey
from holdfast.core.errors import BadInput, CatalogError, HoldfastError, NotFound
from holdfast.core.footage import stream_folder
from holdfast.core.gap import MEANING, PLANNED, Gap
from holdfast.core.timing import DAY_US, to_datetime
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import footage, notes
from holdfast.library.coverage import Coverage, from_catalog
from holdfast.library.instants import read_instant
from holdfast.library.status import Health, StreamNow, read_now
from holdfast.web.coverage import percent_words
from holdfast.web.forms import Form, go_to
from holdfast.web.frame import state_of, worst
from holdfast.web.measured import limits
from holdfast.web.render import bits_words, page
from holdfast.web.times import offset_words, time_words
from holdfast.web.watched import watched

router = APIRouter(include_in_schema=False, dependencies=[needs(Right.VIEWER)])

GAPS_SHOWN = 8
NOTES_US = 30 * DAY_US
NOTES_SHOWN = 6
LIVE_LIMIT_S = 1800  # C119: live that nobody has touched for so long asks whether somebody still watches
NOTE_LETTERS = 4000  # as the API allows

_CODECS = {"h264": "H.264", "hevc": "H.265", "h265": "H.265", "aac": "AAC", "opus": "Opus"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """A stream as the page tells of it."""

    name: str
    health: Health
    state: str
    words: str
    hint: str
    since_us: int | None
    picture: str
    sends: str
    notes: tuple[str, ...]


@router.get("/cameras/{camera}")
def camera_page(request: Request, camera: str, at: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Show a camera, live or from an instant on."""
    return _show(request, camera, at)


@router.get("/cameras/-/show")
def choose_camera(
    camera: Annotated[str, Query(max_length=50)] = "", at: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """Lead to a camera that was chosen from the list without scripts, at the same instant."""
    if not CAMERA_ID.fullmatch(camera):
        raise NotFound(f"there is no camera {camera[:60]!r}", hint="the overview names every camera of this site")
    return go_to(f"/cameras/{camera}{'?' if at else ''}{urlencode({'at': at}) if at else ''}")


@router.get("/cameras/{camera}/facts")
def camera_facts(request: Request, camera: str) -> Response:
    """Send the piece of the page that says what the camera does and how complete today is."""
    context = context_of(request)
    catalog, away = _catalog(context)
    return page(request, "camera-facts.html", **_facts(context, camera, catalog, away, context.clock.wall_us()))


@router.post("/cameras/{camera}/notes", dependencies=[needs(Right.OPERATOR)])
def write_note(request: Request, camera: str, form: Form) -> Response:
    """Write a note about an instant of the camera or of the whole site, and show the camera again from there."""
    context = context_of(request)
    at = form.get("at", "").strip() or "now"
    settings = context.config.cameras.get(camera)
    if settings is None:
        raise NotFound(f"there is no camera {camera[:60]!r}", hint="the overview names every camera of this site")
    whole_site = form.get("about") == "site"
    shown = "" if at == "now" else at
    try:
        said = form.get("words", "").strip()
        if not said:
            raise BadInput("write what happened: a note needs words")
        if len(said) > NOTE_LETTERS:
            raise BadInput(f"a note has {NOTE_LETTERS} letters at most")
        note = notes.write(
            context.volumes, context.clock, said, camera=None if whole_site else camera,
            site=context.config.site_id if whole_site else settings.site or context.config.site_id,
            at_us=read_instant(at, context.zone, context.clock.wall_us()), author=identity_of(request).name,
        )  # fmt: skip
    except HoldfastError as error:
        return _show(request, camera, shown, error, form)
    with suppress(CatalogError):  # it stands in the file, from which holdfast reindex brings it back
        notes.record(context.catalog(), [note], context.clock, node=context.node)
    return go_to(f"/cameras/{camera}?at={note.at_us}" if shown else f"/cameras/{camera}")


def _show(
    request: Request, camera: str, at: str, wrong: HoldfastError | None = None, typed: dict[str, str] | None = None
) -> Response:
    context = context_of(request)
    now_us = context.clock.wall_us()
    catalog, away = _catalog(context)
    facts = _facts(context, camera, catalog, away, now_us)
    cameras = context.config.cameras
    shown_us = read_instant(at, context.zone, now_us) if at else None
    status = 200 if wrong is None else wrong.http_status
    names = {one: known.name or one for one, known in cameras.items()}
    return page(
        request, "camera.html", status, **facts, choices={**({} if camera in names else {camera: camera}), **names},
        at_us=shown_us, limit_s=LIVE_LIMIT_S, first_us=_first_us(context, camera, catalog, now_us),
        notes=_notes(context, camera, catalog, now_us), wrong=wrong, typed=typed or {},
        at_words=time_words(shown_us, context.zone) if shown_us else "",
        writes=camera in cameras and identity_of(request).right.covers(Right.OPERATOR),
    )  # fmt: skip


def _facts(context: Context, camera: str, catalog: Catalog | None, away: str, now_us: int) -> dict[str, Any]:
    """Return what is known of a camera now.

    Raises:
        NotFound: There neither is such a camera nor was one.
    """
    settings = context.config.cameras.get(camera)
    now = read_now(context.plan(), context.runtime_dir, now_us)
    streams = [stream for stream in now.streams if stream.status.camera == camera]
    footed = _has_footage(context, camera)
    if settings is None and not streams and not footed:
        raise NotFound(f"there is no camera {camera[:60]!r}", hint="the overview names every camera of this site")
    today: Coverage | None = None
    if catalog is not None:
        try:
            day = to_datetime(now_us, context.zone).date()
            found = from_catalog(catalog, [day], context.zone, now_us, camera=camera, node=context.node)
            today = next((one for one in found if one.key.stream == "main"), None)
        except CatalogError as error:
            away = str(error)
    spoken = worst(streams) if streams else None
    return {
        "camera": camera, "name": (settings.name if settings else "") or camera, "gone": settings is None,
        "footed": footed, "streams": [facts_of(stream) for stream in streams], "today": today, "away": away,
        "health": spoken.health if spoken else Health.OFF, "state": state_of(spoken) if spoken else "off",
        "percent": percent_words(today.percent) if today else "", "gaps": _lines(today),
        "offset": lambda us: offset_words(to_datetime(us, context.zone)),
        "watched": watched(context, catalog, camera, settings), "limits": limits(settings),
        "events": settings is not None and settings.motion.enabled,
    }  # fmt: skip


def facts_of(stream: StreamNow) -> StreamFacts:
    """Say what a stream is and does: size, rate, bits a second and codecs."""
    told = stream.status
    video = next((track for track in told.tracks if track.get("kind") == "video"), {})
    size = f"{video['width']}×{video['height']}" if video.get("width") else ""  # noqa: RUF001 - the sign, not a letter
    rate = f"{round(told.fps)} fps" if told.fps and stream.fresh else ""
    codecs = " + ".join(_CODECS.get(str(t.get("codec")), str(t.get("codec", "")).upper()) for t in told.tracks)
    made = f"encoded here by {video['encoder']}" if video.get("encoder") else ""
    bits = bits_words(told.bitrate_bps) if told.bitrate_bps and stream.fresh else ""
    recording = stream.health in {Health.WELL, Health.DEGRADED}
    return StreamFacts(
        name=told.stream, health=stream.health, state=state_of(stream), words=stream.words, hint=stream.hint,
        since_us=told.since_us if recording and told.since_us else None,
        picture=" ".join(part for part in (size, rate) if part),
        sends=" · ".join(part for part in (bits, codecs, made) if part), notes=(*told.mismatch, *told.notes),
    )  # fmt: skip


def _has_footage(context: Context, camera: str) -> bool:
    if not CAMERA_ID.fullmatch(camera):
        return False
    folder = stream_folder(StreamKey(camera, "main")).parent
    return any((root / folder).is_dir() for root in context.volumes.values())


def _catalog(context: Context) -> tuple[Catalog | None, str]:
    try:
        return context.catalog(), ""
    except CatalogError as error:
        return None, str(error)


def _first_us(context: Context, camera: str, catalog: Catalog | None, now_us: int) -> int | None:
    """Return where the footage of the last day begins: a timeline of a day with a minute in it shows nothing."""
    if not CAMERA_ID.fullmatch(camera):
        return None
    key = StreamKey(camera, "main")
    with suppress(HoldfastError):
        found = footage.find(
            context.volumes, key, now_us - DAY_US, now_us, now_us=now_us, catalog=catalog, node=context.node
        )
        return found.pieces[0].start_us if found.pieces else None
    return None


def _notes(context: Context, camera: str, catalog: Catalog | None, now_us: int) -> list[Note]:
    with suppress(HoldfastError):
        found = notes.between(catalog, context.volumes, camera=camera, from_us=now_us - NOTES_US, to_us=now_us + DAY_US)
        return found[::-1][:NOTES_SHOWN]
    return []


def _lines(today: Coverage | None) -> list[tuple[Gap, str, bool]]:
    gaps = list(today.gaps)[::-1][:GAPS_SHOWN] if today else []
    return [(gap, gap.detail or MEANING[gap.reason], gap.reason in PLANNED) for gap in gaps]
