"""`[deliveries.NAME]`: rules that say which finished files go to which target, under which names. Pure."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from holdfast.core.config.problems import nearest
from holdfast.core.config.secret import Secret, split_url
from holdfast.core.config.table import Table
from holdfast.core.delivery import AssetKind
from holdfast.core.naming import PRESETS, ROW_PRESETS, wrong_with, wrong_with_text

Assets = Literal["segments", "journals", "stills", "events", "evidence", "exports"]
KINDS: dict[Assets, AssetKind] = {
    "segments": AssetKind.SEGMENT, "journals": AssetKind.JOURNAL, "stills": AssetKind.STILL,
    "events": AssetKind.EVENT, "evidence": AssetKind.EVIDENCE, "exports": AssetKind.EXPORT,
}  # fmt: skip


def _name(value: str) -> str:
    if wrong := wrong_with(value):
        near = nearest(value, PRESETS)
        hint = f"did you mean {near}?" if near else f"one of {', '.join(PRESETS)}, or as in {{camera}}/{{day}}/{{file}}"
        raise ValueError(f"{value!r} {wrong}", hint)
    return value


def _text(value: str) -> str:
    if wrong := wrong_with_text(value):
        raise ValueError(f"{value!r} {wrong}", "docs/deliveries.md lists the fields")
    return value


def _url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("is no address", 'write it as in "https://abc.supabase.co/rest/v1"')
    if split_url(value).username or "?" in value:
        raise ValueError("holds more than host and path", "the key has a setting of its own")
    return value.rstrip("/")


class RowConfig(Table):
    """`[deliveries.NAME.row]`: a row that is written once the file is at its target, over PostgREST."""

    url: Annotated[str, AfterValidator(_url)] = Field(
        description="Address of the interface, such as https://abc.supabase.co/rest/v1."
    )
    table: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$", description="The table, in its own capitals.")
    profile: str = Field(default="", pattern=r"^\w{0,63}$", description="Schema of the table; empty is the default.")
    key: Secret = Field(default_factory=Secret, description="Key that may insert; sent as apikey and as bearer token.")
    preset: Literal["", "shop", "pitch"] = Field(default="", description="Columns to begin with: `shop` or `pitch`.")
    columns: dict[Annotated[str, Field(pattern=r"^\w{1,63}$")], Annotated[str, AfterValidator(_text)]] = Field(
        default={}, description="Column and its text, with fields such as {address}; goes before the preset."
    )
    same: str = Field(
        default="", pattern=r"^\w{0,63}$",
        description="Column that tells rows apart; empty is the first one whose text is {address} or {key}.",
    )  # fmt: skip

    @property
    def texts(self) -> dict[str, str]:
        """All columns; those with an empty text are left out."""
        return {name: text for name, text in {**ROW_PRESETS.get(self.preset, {}), **self.columns}.items() if text}

    @property
    def telling(self) -> str:
        """The column that tells rows apart; empty where there is none."""
        return self.same or next((name for name, text in self.texts.items() if text in {"{address}", "{key}"}), "")

    @model_validator(mode="after")
    def _fits(self) -> "RowConfig":
        if not self.texts:
            raise ValueError("has no columns", 'give a preset, or columns as { image_url = "{address}" }')
        if self.telling not in self.texts:
            raise ValueError(
                "has no column that tells rows apart", "one column must be {address} or {key}, or set same"
            )
        return self


class DeliveryConfig(Table):
    """`[deliveries.NAME]`: a rule; what it names is sent to its target."""

    enabled: bool = Field(default=True, description="Whether it is followed; switched off, nothing new is planned.")
    target: str = Field(min_length=1, description="Name of the target.")
    assets: tuple[Assets, ...] = Field(
        default=("segments", "journals"), min_length=1,
        description="What is sent: `segments`, `journals`, `stills`, `events`, `evidence`, `exports`.",
    )  # fmt: skip
    cameras: tuple[str, ...] = Field(default=(), description="Ids of the cameras; none is all of them.")
    streams: tuple[Literal["main", "sub"], ...] = Field(
        default=(), description="Feeds whose segments and journals are sent; none is both."
    )
    name: Annotated[str, AfterValidator(_name)] = Field(
        default="own",
        description="Names at the target: `own`, `lab`, `shop`, `pitch`, `bench`, or a text with fields such as "
        "{camera}/{day}/{file}.",
    )
    user: str = Field(default="", description="What {user} stands for; empty is the camera's location, else its site.")
    since: Literal["all", "new"] = Field(
        default="all", description="`all`: also what is there already; `new`: what comes after the rule is made."
    )
    format: Literal["", "mp4", "mkv"] = Field(
        default="",
        description="Form of segments: `mp4`, or `mkv` without re-encoding; empty is mkv for `lab`, else mp4.",
    )
    form: Literal["", "jpeg", "webp"] = Field(default="", description="Form of pictures; empty is their own.")
    quality: int | None = Field(
        default=None, ge=1, le=100, description="Quality to which pictures are compressed again; unset leaves them."
    )
    row: RowConfig | None = Field(default=None, description="A row that is written after each file.")

    @property
    def kinds(self) -> frozenset[AssetKind]:
        """What is sent, as assets have it."""
        return frozenset(KINDS[one] for one in self.assets)

    @property
    def segment_ending(self) -> str:
        """Ending of segments at the target; empty where they go as they are."""
        wanted = self.format or ("mkv" if self.name == "lab" else "mp4")
        return ".mkv" if wanted == "mkv" else ""

    @property
    def picture_ending(self) -> str:
        """Ending of pictures at the target; empty where it is their own."""
        return {"": "", "jpeg": ".jpg", "webp": ".webp"}[self.form]

    @property
    def recompresses(self) -> bool:
        """Whether pictures are written anew before they are sent."""
        return bool(self.form) or self.quality is not None


def secrets_of(rule: DeliveryConfig) -> Iterator[str]:
    """Yield every secret value of a rule."""
    if rule.row is not None and rule.row.key:
        yield rule.row.key.reveal()
