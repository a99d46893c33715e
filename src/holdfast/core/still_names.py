"""How files of stills are named: by the planned instant, which no other still of the camera has. Pure.

The picture's own instant, some milliseconds away, is in its row and in the file (EXIF). Names in local time carry a
`-2` within the hour that clocks repeat: neither may overwrite the other.
"""

import re
from dataclasses import dataclass

from holdfast.core.delivery import SEALED
from holdfast.core.naming import FIELD, filled, moment_words, plain, repeated, unknown_fields
from holdfast.core.timing import day_of

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
    fields = set(FIELD.findall(template))
    if not _TEMPLATE.fullmatch(template) or set("{}") & set(FIELD.sub("", template)):
        return "is no name of a file"
    if wrong := unknown_fields(template, _FIELDS):
        return wrong
    if "utc" not in fields and not {"date", "time"} <= fields:
        return "lacks {utc}, or {date} and {time}: pictures would overwrite each other"
    return ""


def file_of(naming: Naming, slot_us: int, size: tuple[int, int], ending: str) -> str:
    """Return the path of a still under the root of a volume.

    Args:
        naming: What its name is made of.
        slot_us: The planned instant.
        size: Pixels of the file, across and down.
        ending: Such as `.jpg`, or `.jpg.age`.
    """
    template = PRESETS.get(naming.template, naming.template)
    words = {
        "camera": naming.camera,
        "location": plain(naming.location),
        "width": str(size[0]),
        "height": str(size[1]),
        **moment_words(slot_us, naming.zone, parts=naming.parts),
    }
    local = "{date}" in template or "{time}" in template
    day = words["day"] if local else day_of(slot_us)
    again = "-2" if repeated(template, slot_us, naming.zone) else ""
    return f"{FOLDER}/{naming.camera}/{day}/{filled(template, words)}{again}{ending}"


def beside(file: str, ending: str) -> str:
    """Return the path of what belongs to a still: its thumbnail or its sidecar."""
    return file.removesuffix(SEALED).rpartition(".")[0] + ending
