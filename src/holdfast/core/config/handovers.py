"""`[handovers.NAME]`: rules that say who is told of finished files: scripts by marker files, services by HTTP. Pure."""

from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from holdfast.core.config.deliveries import KINDS
from holdfast.core.config.secret import Address, Secret
from holdfast.core.config.table import Table
from holdfast.core.config.targets import Folder
from holdfast.core.delivery import AssetKind
from holdfast.core.handover import wrong_with_marker, wrong_with_marker_ending


def _url(value: Secret) -> Secret:
    # Never the value itself in a message: such addresses often are the key.
    try:
        parts = urlsplit(value.reveal())
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or not value.fits_header():
        raise ValueError("is no address", 'write it as in "https://hooks.example.org/footage"')
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("holds a user, a password or a fragment", "the receiver's key has a setting of its own: token")
    return Address(value.reveal())


def _header(value: Secret) -> Secret:
    if value and not value.fits_header():
        raise ValueError("holds what no header can carry", "write it in one line, without blanks around it")
    return value


def _marker(value: str) -> str:
    if value and (wrong := wrong_with_marker(value) or wrong_with_marker_ending(value)):
        raise ValueError(f"{value!r} {wrong}", "as in {file}.done or {stem}.ready; docs/deliveries.md lists the fields")
    return value


class HandoverCommon(Table):
    """What every kind of `[handovers.NAME]` has."""

    enabled: bool = Field(default=True, description="Whether it is followed; switched off, nothing new is planned.")
    assets: tuple[Literal["segments", "stills", "events", "evidence", "exports"], ...] = Field(
        default=("segments",), min_length=1,
        description="Of what is told: `segments`, `stills`, `events`, `evidence`, `exports`.",
    )  # fmt: skip
    cameras: tuple[str, ...] = Field(default=(), description="Ids of the cameras; none is all of them.")
    streams: tuple[Literal["main", "sub"], ...] = Field(
        default=(), description="Feeds of whose segments is told; none is both."
    )
    after: tuple[str, ...] = Field(
        default=(), max_length=8,
        description="Names of targets that must all hold a verified copy first; none tells as soon as a file is "
        "finished.",
    )  # fmt: skip
    since: Literal["new", "all"] = Field(
        default="new", description="`new`: what comes after the rule is made; `all`: also what is there already."
    )
    parallel: int = Field(default=2, ge=1, le=16, description="Files of which is told at the same time.")

    @property
    def kinds(self) -> frozenset[AssetKind]:
        """Of what is told, as assets have it."""
        return frozenset(KINDS[one] for one in self.assets)


class MarkerConfig(HandoverCommon):
    """`type = "marker"`: a small file beside each finished one, or in a folder of its own, for scripts that look."""

    type: Literal["marker"] = Field(description="`marker`.")
    folder: Folder | None = Field(
        default=None,
        description="Folder that markers are put into; it must be there. Unset puts them beside the files.",
    )
    name: Annotated[str, AfterValidator(_marker)] = Field(
        default="",
        description="Name of a marker, with fields such as {file}, {stem}, {path}; `{key}` is the file's name at the "
        "one target of `after`. Empty is `{file}.done`, in a folder `{path}.done`.",
    )
    content: Literal["json", "empty"] = Field(
        default="json", description="What stands in it: `json` says what is told over HTTP, too."
    )

    @property
    def template(self) -> str:
        """The name's template."""
        return self.name or ("{path}.done" if self.folder else "{file}.done")

    @model_validator(mode="after")
    def _fits(self) -> "MarkerConfig":
        name = self.template
        if "{key}" in name and (len(self.after) != 1 or self.folder is None):
            raise ValueError("{key} needs a folder, and one target in after", "without them, write {path}")
        if self.folder is None and ("/" in name or "{path}" in name):
            raise ValueError("a marker beside its file has no folders in its name", "set folder, or write {file}")
        if self.folder is None and not ("{file}" in name or "{stem}" in name):
            raise ValueError("a marker beside its file needs {file} or {stem} in its name", "as in {file}.done")
        if self.folder is not None and not self._tells_apart(name):
            hint = "write {path}; or {camera} and {file}, for stills, or for segments of one of the streams"
            raise ValueError("markers of different files could have one name there", hint)
        return self

    def _tells_apart(self, name: str) -> bool:
        if "{path}" in name or "{key}" in name:
            return True
        one_kind = self.assets == ("stills",) or (self.assets == ("segments",) and len(set(self.streams)) == 1)
        return one_kind and ("{camera}" in name or "{camera_number}" in name) and ("{file}" in name or "{stem}" in name)


class WebhookConfig(HandoverCommon):
    """`type = "webhook"`: a request for each finished file, signed, and made again until it is answered well."""

    type: Literal["webhook"] = Field(description="`webhook`.")
    url: Annotated[Secret, AfterValidator(_url)] = Field(
        description="Address that is sent to; never shown beyond its host, because many hold a key."
    )
    secret: Secret = Field(
        default_factory=Secret,
        description="What requests are signed with; `whsec_…` is base64, else it is taken as text.",
    )
    token: Annotated[Secret, AfterValidator(_header)] = Field(
        default_factory=Secret, description="Key that the receiver asks for; sent as bearer token."
    )
    timeout_s: float = Field(
        default=10.0, gt=0, le=120, description="Seconds until a request that has no answer counts as unanswered."
    )

    @property
    def shown(self) -> str:
        """The address as people may see it: scheme, host and port."""
        parts = urlsplit(self.url.reveal())
        return f"{parts.scheme}://{parts.netloc}"


HandoverConfig = Annotated[MarkerConfig | WebhookConfig, Field(discriminator="type")]
"""One `[handovers.NAME]`, whichever kind it is of."""

AnyHandover = MarkerConfig | WebhookConfig


def secrets_of(rule: AnyHandover) -> Iterator[str]:
    """Yield every secret value of a rule."""
    if isinstance(rule, WebhookConfig):
        yield from (value.reveal() for value in (rule.url, rule.secret, rule.token) if value)
