"""The page of settings: what holds for all cameras, the site and the server, each value with who says it.

A form a section; only fields that somebody changed are saved. The same verb as the API's settings (C128). Works without
scripts. Not here: cameras' own settings (cameras), users and tokens (people).
"""

from collections.abc import Mapping
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from holdfast.core.errors import BadInput, CatalogError, HoldfastError, NotFound
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import cameras, settings
from holdfast.library.settings import SettingNow
from holdfast.web.fields import UNTOUCHED, Field, field, read
from holdfast.web.foreseen import Foreseen, foreseen
from holdfast.web.forms import Form, go_to
from holdfast.web.render import page

router = APIRouter(prefix="/settings", include_in_schema=False, dependencies=[needs(Right.ADMIN)])

Node = Annotated[Context, Depends(context_of)]

SECTIONS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "place": ("Place", "Days and hours are meant in its time zone.", {
        "site.name": "Name",
        "site.time_zone": "Time zone",
    }),
    "recording": ("Recording", "For every camera that says nothing else itself.", {
        "defaults.capture.mode": "When",
        "defaults.capture.windows": "Hours",
        "defaults.capture.burst_s": "Seconds between pictures",
        "defaults.audio": "Sound",
        "defaults.sub": "Sub stream, too",
        "defaults.segment_s": "Length of a file, in seconds",
        "defaults.volume": "Volume",
        "defaults.enabled": "Switched on",
        "defaults.site": "Site id",
    }),
    "connection": ("Connecting", "For every camera that says nothing else itself.", {
        "defaults.username": "User name",
        "defaults.password": "Password",
        "defaults.port": "Port",
        "defaults.path": "Path, or the make",
        "defaults.sub_path": "Path of the sub stream",
        "defaults.transport": "Transport",
        "defaults.source": "Kind of source",
    }),
    "trouble": ("When a camera fails", "How long to wait, and how often to try again; in seconds.", {
        "defaults.stall_s": "Stalled after",
        "defaults.open_timeout_s": "To connect",
        "defaults.keyframe_s": "To the first keyframe",
        "defaults.probe_s": "Between tries to reach it",
        "defaults.backoff_first_s": "First wait after a refusal",
        "defaults.backoff_cap_s": "Longest wait",
        "defaults.healthy_s": "Well again after",
    }),
    "expected": ("What streams should be", "A stream that differs is recorded, and said to be a mismatch.", {
        "defaults.expected.video.codec": "Codec",
        "defaults.expected.video.profile": "Profile",
        "defaults.expected.video.width": "Width",
        "defaults.expected.video.height": "Height",
        "defaults.expected.video.frame_rate": "Pictures per second",
        "defaults.expected.audio.codec": "Codec of sound",
        "defaults.expected.audio.sample_rate": "Samples per second",
        "defaults.expected.audio.channels": "Channels",
    }),
    "watching": ("Watching", "What is looked for at every camera that says nothing else itself.", {
        "defaults.watch.enabled": "Watch it",
        "defaults.watch.every_s": "Seconds between two looks",
        "defaults.watch.black": "Tell of black pictures",
        "defaults.watch.freeze": "Tell of frozen pictures",
        "defaults.watch.silence": "Tell of missing sound",
        "defaults.watch.lost": "Tell of missing pictures",
        "defaults.watch.errors": "Tell of damaged pictures",
        "defaults.watch.macroblocks": "Tell of pictures in blocks",
        "defaults.watch.loudness": "Measure loudness",
        "defaults.watch.open_after_s": "An incident after, in seconds",
        "defaults.watch.close_after_s": "Over after, in seconds",
        "defaults.watch.lost_after_s": "Lost after, in seconds",
        "defaults.watch.region": "Part of the picture",
        "defaults.watch.black_level": "Black at or below, of 255",
        "defaults.watch.black_percent": "A black picture has more, in percent",
        "defaults.watch.freeze_difference": "Frozen below a difference of",
        "defaults.watch.sound_percent": "Sound is above, in percent",
        "defaults.watch.sound_age_s": "Sound counts for, in seconds",
        "defaults.watch.blocks": "In blocks above",
    }),
    "motion": ("Motion", "Events of what moves, at every camera that says nothing else itself.", {
        "defaults.motion.enabled": "Make events of what moves",
        "defaults.motion.sensitivity": "Sensitivity, 1 to 100",
        "defaults.motion.min_area": "Smallest part that moves, in percent",
        "defaults.motion.cool_down_s": "Over after rest, in seconds",
        "defaults.motion.pre_roll_s": "Footage before, in seconds",
        "defaults.motion.post_roll_s": "Footage after, in seconds",
        "defaults.motion.second_s": "Second picture after, in seconds",
        "defaults.motion.masks": "Parts that are left out",
        "defaults.motion.zones": "Parts that alone are looked at",
    }),
    "objects": ("Objects", "What is recognised in motion events, at every camera that says nothing else itself.", {
        "defaults.objects.model": "ONNX model, a path",
        "defaults.objects.labels": "Labels of its classes",
        "defaults.objects.labels_file": "Or a file with them",
        "defaults.objects.confidence": "Sure from, 0 to 1",
        "defaults.objects.wanted": "Labels that count",
        "defaults.objects.only_recognised": "Delete events without any of them",
    }),
    "stills": ("Stills", "Pictures that are kept, of every camera that says nothing else itself.", {
        "defaults.stills.enabled": "Take stills",
        "defaults.stills.every_s": "Seconds from one to the next",
        "defaults.stills.windows": "Hours",
        "defaults.stills.width": "Pixels across at most",
        "defaults.stills.form": "Kind of file",
        "defaults.stills.quality": "Quality, 1 to 100",
        "defaults.stills.thumbnail": "Size of thumbnails",
        "defaults.stills.name": "Names of files",
        "defaults.stills.sidecar": "A JSON file beside each of them",
        "defaults.stills.encrypt": "Encrypted for these public keys",
        "defaults.stills.keep_days": "Days that they are kept",
    }),
    "keeping": ("Keeping", "What stays of the footage of every camera that says nothing else itself.", {
        "defaults.retention.keep_days": "Days that footage stays",
        "defaults.retention.keep_bytes": "Bytes that it may take",
        "defaults.retention.copies": "Copies elsewhere before it goes",
        "defaults.retention.only": "What stays beyond the loose hours",
        "defaults.retention.loose_hours": "Loose hours, in which all stays",
        "defaults.retention.holds": "What holds its footage",
        "defaults.retention.hold_days": "Days that they hold it",
    }),
    "deleting": ("Deleting", "What goes when time is over or a disk is full.", {
        "retention.enabled": "Delete what is over",
        "retention.disk_full": "What a full disk may cost",
        "retention.newest_minutes": "Minutes that are never deleted",
        "retention.headroom": "Kept free beyond the reserve",
        "retention.warn_percent": "Used space worth a word, in percent",
        "retention.alert_percent": "An alert from, in percent",
        "retention.critical_percent": "Critical from, in percent",
        "retention.least_free": "Critical below this much free",
        "retention.events_days": "Days that events stay",
        "retention.incidents_days": "Days that incidents stay",
        "retention.cache_days": "Days that derived files stay",
        "retention.temp_days": "Days that unfinished files stay",
        "retention.files_per_pass": "Files deleted at once",
    }),
    "machine": ("Disk and processor", "For every camera that says nothing else itself.", {
        "defaults.sync_s": "Seconds that a power cut may cost",
        "defaults.queue": "May wait for a slow disk",
        "defaults.cpu": "Core",
    }),
    "pages": ("Pages and API", "Where they are listened for stands in the file alone.", {
        "web.session_hours": "Hours that a sign-in lasts",
        "web.viewers": "Viewers at the same time",
        "web.transcodes": "Conversions at the same time",
        "web.hosts": "Names that it is reached by",
        "web.cors_origins": "Sites whose pages may use the API",
    }),
    "logs": ("Logs", "", {
        "log.level": "Least severity",
        "log.max_bytes": "Size of a file",
        "log.keep": "Files that are kept",
        "log.keep_days": "Days that they are kept",
    }),
}  # fmt: skip
"""Sections: title, what it is about, and its settings with what people call them."""

_log = structlog.get_logger("holdfast.web")


@router.get("")
def show(request: Request, context: Node, saved: str = "") -> Response:
    """Show every setting."""
    return _show(request, context, saved=saved if saved in SECTIONS else "")


@router.post("/{section}")
def save(section: str, request: Request, context: Node, form: Form) -> Response:
    """Save what was changed in a section, or set one setting back."""
    if section not in SECTIONS:
        raise NotFound("there is no such section of the settings")
    keys = SECTIONS[section][2]
    wrong: dict[str, BadInput] = {}
    preview: Foreseen | None = None
    try:
        catalog = context.catalog()
        now = {found.about.key: found for found in settings.list_settings(catalog, context.node, context.toml)}
        wanted, wrong = _wanted(keys, now, form)
        if not wrong and form.get("what") == "preview":
            others = cameras.runtime_settings(catalog, context.node)
            preview = foreseen(context, settings.would_be(catalog, context.node, context.toml, wanted, others).config)
        elif not wrong:
            changed = settings.change(
                catalog, context.node, context.toml, wanted, context.clock, by=identity_of(request).name,
                cameras=cameras.runtime_settings(catalog, context.node),
            )  # fmt: skip
            _log.info("settings.changed", keys=changed, by=identity_of(request).name)
            context.changed()
            return go_to(f"/settings?saved={section}#{section}" if changed else f"/settings#{section}")
    except BadInput as error:
        wrong = {str(error).partition(":")[0]: error}
    except HoldfastError as error:
        return _show(request, context, error)
    typed = {key: form[key] for key in keys if key in form}
    return _show(request, context, typed=typed, wrong=wrong, preview=(section, preview))


def _wanted(
    keys: Mapping[str, str], now: Mapping[str, SettingNow], form: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, BadInput]]:
    if "reset" in form:
        return {form["reset"]: None}, {}
    wanted: dict[str, Any] = {}
    wrong: dict[str, BadInput] = {}
    for key in keys:
        try:
            value = read(now[key], form)
        except BadInput as error:
            wrong[key] = error
        else:
            if value is not UNTOUCHED:
                wanted[key] = value
    return wanted, wrong


def _show(
    request: Request,
    context: Context,
    error: HoldfastError | None = None,
    *,
    saved: str = "",
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, BadInput] | None = None,
    preview: tuple[str, Foreseen | None] = ("", None),
) -> Response:
    typed, wrong = typed or {}, wrong or {}
    try:
        now = {
            found.about.key: found for found in settings.list_settings(context.catalog(), context.node, context.toml)
        }
    except CatalogError as away:
        return page(
            request, "settings.html", 503, error=error or away, sections=None, saved="", file="", preview=preview
        )
    sections = [(name, *parts, _fields(labels, now, typed, wrong)) for name, (*parts, labels) in SECTIONS.items()]
    first = next(iter(wrong.values()), None)
    status = error.http_status if error else first.http_status if first else 200
    # What was refused of a field that is not in the form is said above all.
    left = None if error or not wrong or wrong.keys() & now.keys() else first
    return page(
        request, "settings.html", status, error=error or left, sections=sections, saved=saved,
        file=str(context.toml.path), preview=preview,
    )  # fmt: skip


def _fields(
    labels: Mapping[str, str], now: Mapping[str, SettingNow], typed: Mapping[str, str], wrong: Mapping[str, BadInput]
) -> list[Field]:
    return [field(now[key], label, typed.get(key), wrong.get(key)) for key, label in labels.items()]
