"""Checks of this machine's devices that cameras name: may this user open them?

Only rights are looked at, and nothing is opened: what else is wrong the check of cameras finds by trying them.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.patient import Patient
from holdfast.media.source.access import no_permission

_CARD = re.compile(r"(?:plug)?hw:(?:CARD=)?(\w+)(?:,(?:DEV=)?(\d+))?")


def check_devices(patient: Patient, root: Path = Path("/")) -> Iterator[Finding]:
    """May this user open the capture cards and sound cards that cameras name?"""
    for plan in patient.streams:
        if plan.source != "v4l2":
            continue
        wanted = [root / unquote(urlsplit(plan.url).path).lstrip("/")]
        sound = _sound_node(root, plan.options.get("sound", ""))
        if sound is not None and plan.audio != "off":
            wanted.append(sound)
        for node in wanted:
            if node.exists() and not os.access(node, os.R_OK | os.W_OK, effective_ids=True):
                words, fix = no_permission(str(node))
                yield FAULTS["device-rights"].found(str(plan.key), words, hint=fix)


def _sound_node(root: Path, device: str) -> Path | None:
    """Return the node of an ALSA device that is named by its card; None for names that only ALSA understands."""
    found = _CARD.fullmatch(device)
    if found is None:
        return None
    card = found[1]
    if not card.isdigit():
        link = root / "proc/asound" / card
        if not link.is_symlink():
            return None
        card = link.readlink().name.removeprefix("card")
    return root / f"dev/snd/pcmC{card}D{found[2] or 0}c"
