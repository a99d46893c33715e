"""The overview: a wall of all cameras, the latest picture of each, and what is wrong.

Rendered from status files and settings alone; no camera is asked, pictures come by themselves afterwards.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from holdfast.http.app import context_of
from holdfast.http.rights import Right, needs
from holdfast.library.status import Health, StreamNow, read_now
from holdfast.web.frame import dots_of, health_of
from holdfast.web.render import page

router = APIRouter(include_in_schema=False, dependencies=[needs(Right.VIEWER)])

_BAD = frozenset({Health.LOST, Health.DEGRADED})

STATES = ("recording", "connecting", "stalled", "offline", "incident", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A camera on the wall. `flagged`: it is not what is expected of it, or a person should know something about it."""

    camera: str
    name: str
    site: str
    location: str
    flagged: bool
    health: Health
    state: str
    words: str
    facts: str
    shown: bool


@router.get("/")
def overview(
    request: Request, q: Annotated[str, Query(max_length=100)] = "", site: Annotated[str, Query(max_length=100)] = "",
    state: Annotated[str, Query(max_length=20)] = "", location: Annotated[str, Query(max_length=100)] = "",
    flag: Annotated[bool, Query(description="Only cameras with something to know about.")] = False,
) -> Response:  # fmt: skip
    """Show the wall; the filter works with and without scripts."""
    context = context_of(request)
    config = context.config
    now = read_now(context.plan(), context.runtime_dir, context.clock.wall_us())
    names = {camera: settings.name or camera for camera, settings in config.cameras.items()}
    streams = {stream.status.camera: stream for stream in reversed(now.streams)}
    tiles = []
    for dot in dots_of(now, names):
        settings = config.cameras.get(dot.camera)
        place = (settings.site if settings else "") or config.site_id
        where = settings.location if settings else ""
        flagged = any(_flagged(stream) for stream in now.streams if stream.status.camera == dot.camera)
        fits = site in {"", place} and location in {"", where} and state in {"", dot.state} and (flagged or not flag)
        shown = fits and q.lower() in f"{dot.name} {dot.camera}".lower()
        tiles.append(
            Tile(
                camera=dot.camera, name=dot.name, site=place, location=where, flagged=flagged, health=dot.health, state=dot.state, words=dot.words,
                facts=_facts(streams.get(dot.camera)), shown=shown,
            )
        )  # fmt: skip
    choices: dict[str, Any] = {
        "sites": sorted({tile.site for tile in tiles if tile.site}),
        "locations": sorted({tile.location for tile in tiles if tile.location}),
        "flags": any(tile.flagged for tile in tiles) or flag,
    }
    bad = health_of(now) in _BAD or bool(now.troubles)
    # The sentence speaks of one of them already.
    lost = [tile for tile in tiles if tile.health in _BAD and tile.words not in now.sentence]
    return page(
        request, "overview.html", tiles=tiles, states=STATES, q=q, site=site, state=state, location=location, flag=flag,
        bad=bad, **choices,
        lost=lost, troubles=[trouble for trouble in now.troubles if trouble not in now.sentence],
    )  # fmt: skip


def _flagged(stream: StreamNow) -> bool:
    return bool(stream.status.mismatch or stream.status.notes)


def _facts(stream: StreamNow | None) -> str:
    """Say what a stream sends: `1080p 25 fps`."""
    if stream is None or stream.health not in {Health.WELL, Health.DEGRADED}:
        return ""
    height = next((t.get("height") for t in stream.status.tracks if t.get("kind") == "video"), None)
    size = f"{height}p " if height else ""
    return f"{size}{round(stream.status.fps)} fps" if stream.status.fps else size.strip()
