"""The overview: a wall of all cameras, the latest picture of each, and what is wrong.

Rendered from status files and settings alone; no camera is asked, pictures come by themselves afterwards.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from holdfast.core.config import CameraConfig, Config
from holdfast.http.app import context_of
from holdfast.http.rights import Right, needs
from holdfast.library.status import Health, NodeNow, StreamNow, read_now
from holdfast.web.frame import Dot, dots_of, health_of
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


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the wall is to be seen; each part empty for everything."""

    q: Annotated[str, Query(max_length=100)] = ""
    site: Annotated[str, Query(max_length=100)] = ""
    location: Annotated[str, Query(max_length=100)] = ""
    state: Annotated[str, Query(max_length=20)] = ""
    flag: Annotated[bool, Query(description="Only cameras with something to know about.")] = False

    def fits(self, dot: Dot, site: str, location: str, *, flagged: bool) -> bool:
        """Say whether a camera is to be seen."""
        place = self.site in {"", site} and self.location in {"", location}
        how = self.state in {"", dot.state} and (flagged or not self.flag)
        return place and how and self.q.lower() in f"{dot.name} {dot.camera}".lower()


@router.get("/")
def overview(request: Request, wanted: Annotated[Filter, Depends()]) -> Response:
    """Show the wall; the filter works with and without scripts."""
    context = context_of(request)
    now = read_now(context.plan(), context.runtime_dir, context.clock.wall_us())
    names = {camera: settings.name or camera for camera, settings in context.config.cameras.items()}
    tiles = [_tile(context.config, now, dot, wanted) for dot in dots_of(now, names)]
    choices: dict[str, Any] = {
        "states": STATES,
        "sites": sorted({tile.site for tile in tiles if tile.site}),
        "locations": sorted({tile.location for tile in tiles if tile.location}),
        "flags": wanted.flag or any(tile.flagged for tile in tiles),
    }
    bad = health_of(now) in _BAD or bool(now.troubles)
    # The sentence speaks of one of them already.
    lost = [tile for tile in tiles if tile.health in _BAD and tile.words not in now.sentence]
    troubles = [trouble for trouble in now.troubles if trouble not in now.sentence]
    return page(
        request, "overview.html", tiles=tiles, wanted=wanted, bad=bad, lost=lost, troubles=troubles, **choices
    )  # fmt: skip


def _tile(config: Config, now: NodeNow, dot: Dot, wanted: Filter) -> Tile:
    settings = config.cameras.get(dot.camera, CameraConfig())
    site, location = settings.site or config.site_id, settings.location
    streams = [stream for stream in now.streams if stream.status.camera == dot.camera]
    flagged = any(_flagged(stream) for stream in streams)
    return Tile(
        camera=dot.camera, name=dot.name, site=site, location=location, flagged=flagged, health=dot.health,
        state=dot.state, words=dot.words, facts=_facts(streams[0] if streams else None),
        shown=wanted.fits(dot, site, location, flagged=flagged),
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
