"""How files of stills are named: by the planned instant, which no other still of the camera has. Pure.

The picture's own instant, some milliseconds away, is in its row and in the file (EXIF). Names in local time carry a
`-2` within the hour that clocks repeat: neither may overwrite the other.
"""

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from holdfast.core.timing import SECOND_US, to_datetime

FOLDER = "stills"
PRESETS = {
    "utc": "{camera}_{utc}",
    "shop": "{date}_{time}_{width}_{height}",
    "bench": "capture_{date}{time}",
}
THUMBNAIL = "_thumbnail.jpg"
SIDECAR = ".json"

_FIELDS = ("camera", "location", "utc", "date", "time", "width", "height")
_TEMPLATE = re.compile(r"[A-Za-z0-9_{][A-Za-z0-9_.{}-]{0,99}")
_FIELD = re.compile(r"\{(\w*)\}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_MOST_LOCATION = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What names are made of.

    Attributes:
        template: A preset or a text with fields.
        zone: IANA name of the site's time zone, for local times.
        camera: The camera's id.
        location: Its location's id.
        parts: Whether instants lie between whole seconds.
    """

    template: str
    zone: str
    camera: str
    location: str = ""
    parts: bool = False


def wrong_with(template: str) -> str:
    """Say what is wrong with a template; empty where nothing is."""
    if template in PRESETS:
        return ""
    fields = set(_FIELD.findall(template))
    if not _TEMPLATE.fullmatch(template) or set("{}") & set(_FIELD.sub("", template)):
        return "is no name of a file"
    unknown = sorted(fields - set(_FIELDS))
    if unknown:
        return f"has a field {{{unknown[0]}}} that there is not"
    if "utc" not in fields and not {"date", "time"} <= fields:
        return "lacks {utc}, or {date} and {time}: pictures would overwrite each other"
    return ""


def file_of(naming: Naming, slot_us: int, size: tuple[int, int], ending: str) -> str:
    """Return the path of a still under the root of a volume.

    Args:
        naming: What its name is made of.
        slot_us: The planned instant.
        size: Pixels of the file, across and down.
        ending: Such as `.jpg`.
    """
    template = PRESETS.get(naming.template, naming.template)
    local = "{date}" in template or "{time}" in template
    moment = to_datetime(slot_us, ZoneInfo(naming.zone))
    day = (moment if local else to_datetime(slot_us)).strftime("%Y-%m-%d")
    part = f"_{slot_us % SECOND_US // 1000:03}" if naming.parts else ""
    words = {
        "camera": naming.camera,
        "location": _UNSAFE.sub("-", naming.location)[:_MOST_LOCATION],
        "utc": f"{to_datetime(slot_us):%Y%m%dT%H%M%S}.{slot_us % SECOND_US // 1000:03}Z",
        "date": f"{moment:%Y%m%d}",
        "time": f"{moment:%H%M%S}{part}",
        "width": str(size[0]),
        "height": str(size[1]),
    }
    stem = _FIELD.sub(lambda found: words[found[1]], template)
    again = "-2" if local and moment.fold else ""
    return f"{FOLDER}/{naming.camera}/{day}/{stem}{again}{ending}"


def beside(file: str, ending: str) -> str:
    """Return the path of what belongs to a still: its thumbnail or its sidecar."""
    return file.rpartition(".")[0] + ending
