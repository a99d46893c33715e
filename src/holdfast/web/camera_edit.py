"""Changing a camera: every setting with who says it, changed over the file and set back to it.

Only fields that somebody changed are saved. The password's field is always empty, and empty means unchanged. Works
without scripts. Not here: the verb (library.camera_change), fields (fields), trying (trying).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from holdfast.core.errors import BadInput, HoldfastError, UsageError
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library.camera_change import change_camera
from holdfast.library.camera_rows import own_letters
from holdfast.library.camera_settings import settings_of
from holdfast.library.retention_preview import with_camera
from holdfast.library.settings import SettingNow
from holdfast.web import fields
from holdfast.web.cameras import runtime_of
from holdfast.web.foreseen import Foreseen, foreseen
from holdfast.web.forms import Form, go_to
from holdfast.web.render import page
from holdfast.web.trying import Attempt, attempt

router = APIRouter(prefix="/cameras/{camera}/edit", include_in_schema=False, dependencies=[needs(Right.ADMIN)])

Node = Annotated[Context, Depends(context_of)]

SECTIONS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "where": ("Where it is", "", {
        "name": "Name",
        "url": "Address",
        "username": "User name",
        "password": "Password",
        "sub_url": "Address of the sub stream",
        "transport": "Transport",
    }),
    "recording": ("Recording", "", {
        "enabled": "Switched on",
        "capture.mode": "When",
        "capture.windows": "Hours",
        "capture.burst_s": "Seconds between pictures",
        "segment_s": "Length of a file, in seconds",
        "audio": "Sound",
        "volume": "Volume",
        "capture.override": "For now",
        "capture.override_until": "Until",
    }),
    "watching": ("Watching", "What is looked for in its pictures and its sound.", {
        "watch.enabled": "Watch it",
        "watch.every_s": "Seconds between two looks",
        "watch.black": "Tell of black pictures",
        "watch.freeze": "Tell of frozen pictures",
        "watch.silence": "Tell of missing sound",
        "watch.lost": "Tell of missing pictures",
        "watch.errors": "Tell of damaged pictures",
        "watch.macroblocks": "Tell of pictures in blocks",
        "watch.loudness": "Measure loudness",
        "watch.open_after_s": "An incident after, in seconds",
        "watch.close_after_s": "Over after, in seconds",
        "watch.lost_after_s": "Lost after, in seconds",
        "watch.region": "Part of the picture",
        "watch.black_level": "Black at or below, of 255",
        "watch.black_percent": "A black picture has more, in percent",
        "watch.freeze_difference": "Frozen below a difference of",
        "watch.sound_percent": "Sound is above, in percent",
        "watch.sound_age_s": "Sound counts for, in seconds",
        "watch.blocks": "In blocks above",
    }),
    "motion": ("Motion", "Events of what moves before it. Parts of the picture are polygons: 0,0 40,0 40,10 0,10.", {
        "motion.enabled": "Make events of what moves",
        "motion.sensitivity": "Sensitivity, 1 to 100",
        "motion.min_area": "Smallest part that moves, in percent",
        "motion.cool_down_s": "Over after rest, in seconds",
        "motion.pre_roll_s": "Footage before, in seconds",
        "motion.post_roll_s": "Footage after, in seconds",
        "motion.second_s": "Second picture after, in seconds",
        "motion.masks": "Parts that are left out",
        "motion.zones": "Parts that alone are looked at",
    }),
    "objects": ("Objects", "What is recognised in its motion events, by a model of your own.", {
        "objects.model": "ONNX model, a path",
        "objects.labels": "Labels of its classes",
        "objects.labels_file": "Or a file with them",
        "objects.confidence": "Sure from, 0 to 1",
        "objects.wanted": "Labels that count",
        "objects.only_recognised": "Delete events without any of them",
    }),
    "stills": ("Stills", "Pictures of it that are kept, one for each instant of a grid.", {
        "stills.enabled": "Take stills",
        "stills.every_s": "Seconds from one to the next",
        "stills.windows": "Hours",
        "stills.width": "Pixels across at most",
        "stills.form": "Kind of file",
        "stills.quality": "Quality, 1 to 100",
        "stills.thumbnail": "Size of thumbnails",
        "stills.name": "Names of files",
        "stills.sidecar": "A JSON file beside each of them",
        "stills.encrypt": "Encrypted for these public keys",
        "stills.keep_days": "Days that they are kept",
    }),
    "retention": ("Keeping", "What stays of its footage, and for how long.", {
        "retention.keep_days": "Days that footage stays",
        "retention.keep_bytes": "Bytes that it may take",
        "retention.copies": "Copies elsewhere before it goes",
        "retention.only": "What stays beyond the loose hours",
        "retention.loose_hours": "Loose hours, in which all stays",
        "retention.holds": "What holds its footage",
        "retention.hold_days": "Days that they hold it",
    }),
    "more": ("More", "What most cameras never need.", {
        "address": "Host, instead of an address",
        "port": "Port",
        "path": "Path, or the make",
        "sub_path": "Path of the sub stream",
        "sub": "Sub stream, too",
        "site": "Site id",
        "location": "Location id",
        "side": "Side, such as left",
        "open_timeout_s": "To connect, in seconds",
        "stall_s": "Stalled after, in seconds",
        "keyframe_s": "To the first keyframe, in seconds",
        "probe_s": "Between tries to reach it, in seconds",
        "backoff_first_s": "First wait after a refusal, in seconds",
        "backoff_cap_s": "Longest wait, in seconds",
        "healthy_s": "Well again after, in seconds",
        "sync_s": "Seconds that a power cut may cost",
        "queue": "May wait for a slow disk",
        "cpu": "Core",
        "expected.video.codec": "Expected codec",
        "expected.video.width": "Expected width",
        "expected.video.height": "Expected height",
        "expected.video.frame_rate": "Expected pictures per second",
        "expected.audio.codec": "Expected codec of sound",
    }),
}  # fmt: skip
"""Sections: title, what it is about, and its settings with what people call them."""

_LABELS = {key: label for _, _, labels in SECTIONS.values() for key, label in labels.items()}
_NUMBERS = {"whole": int, "number": float}
_log = structlog.get_logger("holdfast.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What a page says besides the settings."""

    typed: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, BadInput] = field(default_factory=dict)
    error: HoldfastError | None = None
    tried: Attempt = field(default_factory=Attempt)
    retype: bool = False
    words: str = ""
    preview: Foreseen | None = None


@router.get("")
def show(request: Request, camera: str, context: Node, saved: str = "") -> Response:
    """Show every setting of a camera."""
    return _show(request, context, camera, _Said(words="Saved. It holds within seconds." if saved else ""))


@router.post("")
def save(request: Request, camera: str, context: Node, form: Form) -> Response:
    """Save what was changed, set one setting back, or try the camera as it would be."""
    name = _name(context, camera)
    now = {one.about.key: one for one in settings_of(context.file, runtime_of(context), name)}
    typed = {key: form[key] for key in _LABELS if key in form and key != "password"}
    if form.get("reset") in now:
        return _set_back(request, context, name, form["reset"], typed, now)
    wanted, wrong = _wanted(now, form)
    if wrong:
        return _show(request, context, name, _Said(typed=typed, wrong=wrong))
    if form.get("what") == "try":
        tried = attempt(request, context, name, _nested(wanted))
        return _show(request, context, name, _Said(typed=typed, tried=tried, retype="password" in wanted))
    try:
        if form.get("what") == "preview":
            config = with_camera(context.file, runtime_of(context), name, _nested(wanted))
            return _show(request, context, name, _Said(typed=typed, preview=foreseen(context, config)))
        _change(request, context, name, wanted)
    except HoldfastError as error:
        return _show(request, context, name, _refused(error, typed, now))
    return go_to(f"/cameras/{name}/edit?saved=yes" if wanted else f"/cameras/{name}/edit")


def _set_back(
    request: Request, context: Context, name: str, key: str, typed: dict[str, str], now: Mapping[str, SettingNow]
) -> Response:
    left = {
        one
        for one, text in typed.items()
        if one != key and text.strip() != fields.written(now[one].about, now[one].value)
    }
    try:
        _change(request, context, name, {key: None})
    except HoldfastError as error:
        return _show(request, context, name, _refused(error, typed, now))
    words = f"{_LABELS.get(key, key)} is what it was before."
    # What else was typed is neither saved unasked nor lost.
    words += " What else you changed is not saved yet." if left else ""
    return _show(request, context, name, _Said(typed={one: typed[one] for one in left}, words=words))


def _change(request: Request, context: Context, name: str, wanted: Mapping[str, Any]) -> None:
    if change_camera(
        context.catalog(), context.node, context.file, name, _nested(wanted), context.clock, remote=True
    ):  # fmt: skip
        context.changed()
        _log.info("camera.changed", camera=name, keys=sorted(wanted), by=identity_of(request).name)


def _wanted(now: Mapping[str, SettingNow], form: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, BadInput]]:
    wanted: dict[str, Any] = {}
    wrong: dict[str, BadInput] = {}
    for key in _LABELS.keys() & now.keys():
        try:
            value = fields.read(now[key], form)
        except BadInput as error:
            wrong[key] = error
            continue
        if value is not fields.UNTOUCHED:
            wanted[key] = _number(now[key].about.kind, value)
    return wanted, wrong


def _number(kind: str, value: Any) -> Any:
    try:
        return _NUMBERS[kind](value) if kind in _NUMBERS and value is not None else value
    except ValueError:
        return value  # what it must be instead, the configuration says


def _nested(wanted: Mapping[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in wanted.items():
        *tables, last = key.split(".")
        at = table
        for part in tables:
            at = at.setdefault(part, {})
        at[last] = value
    return table


def _refused(error: HoldfastError, typed: Mapping[str, str], now: Mapping[str, SettingNow]) -> _Said:
    """Say what was refused at the field that it is about, where there is one."""
    if isinstance(error, UsageError):
        _, _, rest = str(error).partition(": ")
        key, mark, what = rest.partition(": ")
        key = key.partition("[")[0]
        if mark and key in _LABELS and key in now:
            return _Said(typed=typed, wrong={key: BadInput(f"{key}: {what}", hint=error.hint)})
    return _Said(typed=typed, error=error)


def _name(context: Context, camera: str) -> str:
    return own_letters(camera, [*context.file.config.cameras, *(str(row["id"]) for row in runtime_of(context))])


def _show(request: Request, context: Context, camera: str, said: _Said) -> Response:
    name = _name(context, camera)
    now = {one.about.key: one for one in settings_of(context.file, runtime_of(context), name)}
    first = next(iter(said.wrong.values()), None)
    sections = [
        (section, title, about, [
            fields.field(now[key], label, said.typed.get(key), said.wrong.get(key)) for key, label in labels.items()
        ])
        for section, (title, about, labels) in SECTIONS.items()
    ] if now else []  # fmt: skip
    status = said.error.http_status if said.error else first.http_status if first else said.tried.status
    return page(
        request, "camera-edit.html", status, camera=name, name=(now["name"].value if now else "") or name,
        sections=sections, in_file=name in context.file.config.cameras, file=str(context.file.path),
        enabled=bool(now and now["enabled"].value), username=now["username"].value if now else "", error=said.error,
        said=said.words, tried=said.tried.tried, picture=said.tried.picture, refused=said.tried.refused,
        retype=said.retype, preview=said.preview,
    )  # fmt: skip
