"""How files are named at targets: templates, the presets of layouts that people know, and what their fields hold. Pure.

A name is made once for each asset and target, and kept in the delivery's row: a retry never uses another one. Names in
local time carry a `-2` within the hour that clocks repeat, and a name that another asset has already is told apart by
`numbered`: nothing is overwritten (F14).

The fields of texts for rows (C075) are the same ones, and some more that are known only after sending.

Not here: names of stills on our own disks (still_names), which asset goes where (library.handing_on).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.timing import SECOND_US, iso, to_datetime

OWN = "own"
PRESETS = {
    OWN: "{path}",
    "lab": "{camera}/{day}/{camera}_{local}{ending}",
    "shop": "{camera_number}/{date}_{time}_{width}_{height}{ending}",
    "pitch": "{user}/{day}/{file}",
    "bench": "alerts/{type}/{camera}/{digits}/{frame}{ending}",
}
FIELDS = (
    "camera", "camera_number", "stream", "kind", "site", "location", "user", "label", "type", "number", "frame",
    "path", "file", "stem", "ending", "utc", "date", "time", "day", "local", "digits", "width", "height",
)  # fmt: skip
PART = "-until-"
"""Stands in the name of what is not the whole of a file yet: a journal whose day lasts."""

ROW_FIELDS = (
    *FIELDS, "address", "key", "resolution", "size_kb", "bytes", "sha256", "start", "end", "duration_s", "now",
)  # fmt: skip
ROW_PRESETS: Mapping[str, Mapping[str, str]] = {
    "shop": {
        "image_url": "{address}", "camera_name": "{camera_number}", "capture_timestamp": "{start}",
        "resolution": "{resolution}", "file_size_kb": "{size_kb}", "restaurant_id": "{location}",
    },
    "pitch": {
        "user_id": "{user}", "video_url": "{address}", "date": "{day}", "recording_id": "{stem}",
        "duration_seconds": "{duration_s}", "uploaded_at": "{now}", "filename": "{file}", "storage_path": "{key}",
        "booking_id": "{label}",
    },
}  # fmt: skip

FIELD = re.compile(r"\{(\w*)\}")
_TEMPLATE = re.compile(r"[A-Za-z0-9_{][A-Za-z0-9_.@{}/-]{0,199}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_NUMBER = re.compile(r"(?a:\d+(?:\.\d+)?)")
_NUMBERS = frozenset({"width", "height", "size_kb", "bytes", "duration_s"})
_ENDING = re.compile(r"(?:\.kept)?\.[A-Za-z][A-Za-z0-9]{0,7}(?:\.age)?$")
_MOST_WORD = 60
_TELLING = ({"path"}, {"file"}, {"stem"}, {"utc"}, {"date", "time"}, {"local"}, {"digits"})
_OF_CAMERA = frozenset({"camera", "camera_number", "path", "file", "stem"})
_PICTURES = frozenset({AssetKind.STILL, AssetKind.EVENT, AssetKind.EVIDENCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What names are made of, beside the asset.

    Attributes:
        template: A preset or a text with fields.
        zone: IANA name of the site's time zone, for local times.
        user: Who `{user}` is; empty takes the asset's location, else its site.
        ending: Of the file as it is sent, such as `.mkv`; empty keeps the file's own.
        sealed: What encryption appends, such as `.age`; empty where nothing is encrypted. What is so already keeps the
            ending that it has.
    """

    template: str = OWN
    zone: str = "UTC"
    user: str = ""
    ending: str = ""
    sealed: str = ""


def unknown_fields(template: str, known: Collection[str]) -> str:
    """Say which field of a template there is not, or that its braces are none; empty where all is well."""
    if set("{}") & set(FIELD.sub("", template)):
        return "has a brace without a partner"
    unknown = sorted(set(FIELD.findall(template)) - set(known))
    return f"has a field {{{unknown[0]}}} that there is not" if unknown else ""


def filled(template: str, words: Mapping[str, str]) -> str:
    """Put words in the place of a template's fields."""
    return FIELD.sub(lambda found: words[found[1]], template)


def moment_words(us: int, zone: str, *, parts: bool = False) -> dict[str, str]:
    """Return what can be said of an instant: `utc`, and in local time `date`, `time`, `day`, `local` and `digits`.

    Args:
        us: The instant.
        zone: IANA name of the time zone.
        parts: Whether `time` says milliseconds.
    """
    moment, part = to_datetime(us, ZoneInfo(zone)), f"_{us % SECOND_US // 1000:03}" if parts else ""
    return {
        "utc": f"{to_datetime(us):%Y%m%dT%H%M%S}.{us % SECOND_US // 1000:03}Z",
        "date": f"{moment:%Y%m%d}",
        "time": f"{moment:%H%M%S}{part}",
        "day": f"{moment:%Y-%m-%d}",
        "local": f"{moment:%Y%m%dT%H%M%S}",
        "digits": f"{moment:%Y%m%d%H%M%S}",
    }


def repeated(template: str, us: int, zone: str) -> bool:
    """Say whether a name in local time needs telling apart: its hour is the second of two that clocks show alike."""
    local = {"date", "time", "day", "local", "digits"} & set(FIELD.findall(template))
    return bool(local) and to_datetime(us, ZoneInfo(zone)).fold == 1


def plain(word: str) -> str:
    """Return a word as it may stand in a name."""
    return _UNSAFE.sub("-", word)[:_MOST_WORD]


def template_fits(template: str) -> bool:
    """Say whether a template may become a relative name of a file, with slashes."""
    return bool(_TEMPLATE.fullmatch(template)) and not any(part in {"", ".", ".."} for part in template.split("/"))


def wrong_with(template: str) -> str:
    """Say what is wrong with a template of names; empty where nothing is."""
    if template in PRESETS:
        return ""
    if not template_fits(template):
        return "is no name of a file"
    if wrong := unknown_fields(template, FIELDS):
        return wrong
    fields = set(FIELD.findall(template))
    if not any(needed <= fields for needed in _TELLING):
        return "lacks what tells assets apart: {path}, {file}, {utc}, {local}, {digits}, or {date} and {time}"
    if not fields & _OF_CAMERA:
        return "lacks {camera}: assets of one second at two cameras would have one name"
    return ""


def wrong_with_text(text: str) -> str:
    """Say what is wrong with the text of a row's column; empty where nothing is."""
    return unknown_fields(text, ROW_FIELDS)


def key_of(asset: Asset, naming: Naming, begun_us: int | None = None) -> str:
    """Return the name of an asset at a target: relative, with slashes.

    Args:
        asset: The asset.
        naming: What the name is made of.
        begun_us: When that began which it shows, where it is one of several pictures of the same; names in local
            time say this, so that all of them lie together. None takes the asset's own start.
    """
    words = asset_words(asset, naming, asset.start_us if begun_us is None else begun_us)
    template = PRESETS.get(naming.template, naming.template)
    key = filled(template, words)
    if not key.endswith(words["ending"]):
        key += words["ending"]  # whatever a template says, a name tells what the file is
    if repeated(template, asset.start_us if begun_us is None else begun_us, naming.zone):
        key = numbered(key, 2)
    return key if asset.is_sealed else key + naming.sealed


def numbered(key: str, mark: int | str) -> str:
    """Return another name for what comes after something of this name: `a/b.mp4` becomes `a/b-2.mp4`."""
    ending = _ending(key)
    return f"{key.removesuffix(ending)}-{mark}{ending}"


def row_words(asset: Asset, naming: Naming, *, key: str, address: str, now_us: int) -> dict[str, str]:
    """Return what the columns of a row may say about an asset that was sent.

    Args:
        asset: The asset.
        naming: As for its name.
        key: Its name at the target.
        address: Where it lies.
        now_us: Wall time.
    """
    zone = ZoneInfo(naming.zone)
    words = asset_words(asset, naming, asset.start_us)
    # In a column an id stands as its owner writes it; only names of files must be tame.
    words |= {name: getattr(asset, name) for name in ("camera", "site", "location", "label")}
    return words | {
        "user": naming.user or asset.location or asset.site,
        "file": PurePosixPath(key).name,
        "stem": PurePosixPath(key).name.removesuffix(_ending(key)),
        "address": address,
        "key": key,
        "resolution": f"{asset.width}x{asset.height}" if asset.width else "",
        "size_kb": f"{asset.bytes / 1024:.2f}",
        "bytes": str(asset.bytes),
        "sha256": asset.sha256,
        "start": iso(asset.start_us, zone),
        "end": iso(asset.end_us, zone),
        "duration_s": f"{(asset.end_us - asset.start_us) / SECOND_US:.3f}",
        "now": iso(now_us, zone),
    }


def column_of(text: str, words: Mapping[str, str]) -> str | float | None:
    """Return what a column holds: a number where its text is one field that counts something, null for nothing."""
    found = filled(text, words)
    if not found:
        return None
    fields = FIELD.findall(text)
    if len(fields) == 1 and text == f"{{{fields[0]}}}" and fields[0] in _NUMBERS and _NUMBER.fullmatch(found):
        return float(found) if "." in found else int(found)
    return found


def asset_words(asset: Asset, naming: Naming, begun_us: int) -> dict[str, str]:
    """Return what names may say of an asset; `begun_us` as for `key_of`."""
    path = PurePosixPath(asset.file)
    own = not naming.ending or asset.kind is AssetKind.JOURNAL or asset.is_sealed
    ending = _ending(path.name) if own else naming.ending
    stem = path.name.removesuffix(_ending(path.name))
    kind, _, number = asset.label.partition("/")
    return {
        "camera": plain(asset.camera),
        "camera_number": plain(asset.camera) if asset.camera.startswith("camera_") else f"camera_{plain(asset.camera)}",
        "stream": asset.stream or "none",
        "kind": asset.kind.value,
        "site": plain(asset.site) or "site",
        "location": plain(asset.location) or "none",
        "user": plain(naming.user or asset.location or asset.site) or "user",
        "label": plain(asset.label) or "none",
        "type": plain(kind) or asset.kind.value,
        "number": plain(number) or "0",
        "frame": f"frame_{plain(number)}" if number and asset.kind in _PICTURES else stem,
        "path": asset.file.removesuffix(_ending(path.name)) + ending,
        "file": stem + ending,
        "stem": stem,
        "ending": ending,
        "width": str(asset.width),
        "height": str(asset.height),
        **moment_words(begun_us, naming.zone),
    }


def _ending(name: str) -> str:
    """Return the ending of a file's name with its dots: `.mp4`, `.kept.journal`, `.mp4.age`."""
    found = _ENDING.search(name)
    return found[0] if found else ""
