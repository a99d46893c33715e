"""What a page shows of a try: the verdicts and the picture, or why it was not even tried, in the words of the form.

Not here: trying (library.camera_trial), how it looks (templates/trial.html).
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from holdfast.core.errors import HoldfastError
from holdfast.http.context import Context
from holdfast.http.rights import identity_of
from holdfast.http.trying import trials_of
from holdfast.library.camera_trial import Tried, try_camera
from holdfast.web.cameras import runtime_of

_ABOUT = re.compile(r"camera [\w-]+: (?:(?P<key>[a-z_.]+): )?(?P<words>.+)", re.DOTALL)
_LABELS = {
    "url": "Address", "sub_url": "Address of the sub stream", "username": "User name", "password": "Password",
    "transport": "Transport", "name": "Name",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why something was refused, as the form that was filled in names things."""

    words: str
    hint: str
    http_status: int

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of it. `picture` is a data URL, or empty; `refused` says why it made no sense."""

    tried: Tried | None = None
    refused: Refused | None = None

    @property
    def picture(self) -> str:
        """The picture, for the page itself: it is nowhere else."""
        body = self.tried.picture if self.tried else b""
        return f"data:image/jpeg;base64,{b64encode(body).decode()}" if body else ""

    @property
    def status(self) -> int:
        """The HTTP status of a page that shows it."""
        return self.refused.http_status if self.refused else 200


def attempt(request: Request, context: Context, camera_id: str, settings: Mapping[str, Any]) -> Attempt:
    """Try an address for whoever asks, as `library.camera_trial` does."""
    who = identity_of(request)
    try:
        with trials_of(request).turn(f"{who.via} {who.name}"):
            return Attempt(tried=try_camera(context.file, runtime_of(context), camera_id, settings, context.clock))
    except HoldfastError as error:
        return Attempt(refused=in_form_words(error))


def in_form_words(error: HoldfastError) -> Refused:
    """Say what is wrong with a camera as its form names things: `camera yard: url: names no host` is about Address."""
    found = _ABOUT.fullmatch(str(error))
    if found is None:
        return Refused(words=str(error), hint=error.hint, http_status=error.http_status)
    key, words = found["key"] or "", found["words"]
    label = _LABELS.get(key, key)
    return Refused(words=f"{label}: {words}" if label else words, hint=error.hint, http_status=error.http_status)
