"""What stands around every page: where one can go, who is here, how the node is, what time it is at the site.

Read from the same verbs as the API. It opens a handful of small files in memory and asks no camera and no database:
whatever is down, a page has its frame within milliseconds.

Not here: how it looks (templates/base.html, static/app.css).
"""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request

from holdfast.core.timing import to_datetime
from holdfast.http.app import context_of
from holdfast.http.rights import Identity, Right
from holdfast.library.status import Health, NodeNow, StreamNow, read_now
from holdfast.web.times import offset_words

THEME_COOKIE = "holdfast_theme"
THEMES = ("dark", "light")

_ORDER = list(Health)
_SEEN = 3  # what a phone's bar has room for, besides "More"


@dataclass(frozen=True, slots=True)
class Place:
    """A page in the rail: its address, name and icon, and who sees it there."""

    path: str
    label: str
    icon: str
    right: Right = Right.VIEWER


PLACES: tuple[Place, ...] = (
    Place("/", "Overview", "wall"),
    Place("/cameras", "Cameras", "camera"),
    Place("/incidents", "Incidents", "incident"),
    Place("/events", "Events", "event"),
    Place("/day", "24 hours", "time"),
    Place("/stills", "Stills", "still"),
    Place("/coverage", "Coverage", "calendar"),
    Place("/reports", "Reports", "check"),
    Place("/exports", "Exports", "download"),
    Place("/delivery", "Delivery", "send"),
    Place("/storage", "Storage", "disk"),
    Place("/machine", "System", "system"),
    Place("/people", "People", "user", Right.ADMIN),
    Place("/settings", "Settings", "settings", Right.ADMIN),
)
"""The rail, from the top; whoever writes a page that stands in it names it here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A camera in the strip: its worst stream speaks."""

    camera: str
    name: str
    health: Health
    state: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """All of it.

    Attributes:
        site: Name of the place.
        zone: Its time zone.
        now_us: Wall time as the page was made.
        who: Who asks.
        path: The page's address, for the rail.
        places: Where they may go.
        theme: `dark`, `light`, or empty for what the system says.
        now: The node as it stands.
        health: The worst of it, for the sentence's colour.
        dots: A dot a camera.
    """

    site: str
    zone: ZoneInfo
    now_us: int
    who: Identity
    path: str
    places: tuple[Place, ...]
    theme: str
    now: NodeNow
    health: Health
    dots: tuple[Dot, ...]

    @property
    def offset(self) -> str:
        """How far the site's time is ahead of UTC now."""
        return offset_words(to_datetime(self.now_us, self.zone))

    def may(self, right: str) -> bool:
        """Say whether who asks has a right: `frame.may("admin")`."""
        return self.who.right.covers(Right(right))

    def here(self, place: Place) -> bool:
        """Say whether the page belongs to an entry of the rail."""
        return self.path == place.path or (place.path != "/" and self.path.startswith(f"{place.path}/"))

    @property
    def more(self) -> tuple[Place, ...]:
        """What of the rail does not fit on a phone's bar."""
        return self.places[_SEEN:]

    def count(self, *healths: str) -> int:
        """Count cameras in these states."""
        return sum(dot.health in healths for dot in self.dots)

    def facts(self) -> dict[str, Any]:
        """Return what the scripts of the frame begin with; the changes that they hear of have the same shape."""
        return {
            "now_us": self.now_us, "zone": self.zone.key, "sentence": self.now.sentence, "hint": self.now.hint,
            "well": self.now.well, "troubles": list(self.now.troubles), "right": str(self.who.right),
            "streams": [stream.to_dict() for stream in self.now.streams],
            "names": {dot.camera: dot.name for dot in self.dots},
        }  # fmt: skip


def frame_of(request: Request, who: Identity) -> Frame:
    """Look at the node for a page. Reads files: not on the event loop."""
    context = context_of(request)
    config, now_us = context.config, context.clock.wall_us()
    now = read_now(context.plan(), context.runtime_dir, now_us)
    names = {camera: settings.name or camera for camera, settings in config.cameras.items()}
    return Frame(
        site=config.site.name or "Holdfast", zone=context.zone, now_us=now_us, who=who, path=request.url.path,
        places=tuple(place for place in PLACES if who.right.covers(place.right)), theme=theme_of(request), now=now,
        health=health_of(now), dots=dots_of(now, names),
    )  # fmt: skip


def theme_of(request: Request) -> str:
    """Return what was chosen in this browser: `dark`, `light`, or empty."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def health_of(now: NodeNow) -> Health:
    """Return how the node is: what the state sentence is about."""
    if now.well:
        settling = any(stream.health is Health.SETTLING for stream in now.streams)
        return Health.SETTLING if settling else Health.WELL
    if not now.streams and not now.troubles:
        return Health.OFF
    worst = max((stream.health for stream in now.streams), key=_ORDER.index, default=Health.OFF)
    return Health.LOST if worst is Health.LOST else Health.DEGRADED


def state_of(stream: StreamNow) -> str:
    """Return the one word for a stream's badge."""
    state = stream.status.state
    if stream.health is Health.WELL:
        return "recording"
    if stream.health is Health.DEGRADED:
        return "incident"
    if stream.health is Health.SETTLING:
        return "connecting"
    if stream.health is Health.OFF:
        return "off"
    return "stalled" if state.value == "stalled" else "offline"


def worst(streams: list[StreamNow]) -> StreamNow:
    """Return the stream that a camera's badge speaks of; of equals the first."""
    return max(streams, key=lambda stream: _ORDER.index(stream.health))


def dots_of(now: NodeNow, names: dict[str, str]) -> tuple[Dot, ...]:
    """Return a dot for each camera of the plan and of the settings, in their order."""
    by_camera: dict[str, list[StreamNow]] = {}
    for stream in now.streams:
        by_camera.setdefault(stream.status.camera, []).append(stream)
    dots = []
    for camera in dict.fromkeys([*by_camera, *names]):
        found = by_camera.get(camera)
        if found is None:
            dots.append(
                Dot(
                    camera=camera,
                    name=names[camera],
                    health=Health.SETTLING,
                    state="connecting",
                    words="was just added",
                )
            )
            continue
        stream = worst(found)
        dots.append(
            Dot(
                camera=camera, name=names.get(camera, camera), health=stream.health, state=state_of(stream),
                words=stream.words,
            )
        )  # fmt: skip
    return tuple(dots)
