"""`[targets.NAME]`: places that finished files are sent to, one table for each kind of place.

`type` says which kind, and with it which keys there are. Pure.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationInfo, model_validator

from holdfast.core.config.recipients import Recipient
from holdfast.core.config.secret import Secret, anchored, split_url
from holdfast.core.config.table import Table
from holdfast.core.config.units import format_bytes, parse_bytes
from holdfast.core.config.windows import WindowConfig

_MODE = re.compile(r"0?[0-7]{3,4}")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_REMOTE = re.compile(
    r"(?:(?P<user>[A-Za-z0-9_][\w.-]*)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][\w.-]*):(?P<path>.+)"
)
_DAEMON = re.compile(r"rsync://(?:[^@/:]+@)?(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][\w.-]*)(?::\d{1,5})?/[^/]+(?:/.*)?")
_SWITCHES = frozenset(
    {
        "--acls", "--checksum-choice", "--chmod", "--chown", "--compress", "--compress-choice", "--compress-level",
        "--executability", "--fake-super", "--fsync", "--group", "--ipv4", "--ipv6", "--no-group", "--no-owner",
        "--no-perms", "--no-times", "--omit-dir-times", "--owner", "--perms", "--protect-args", "--sockopts", "--times",
        "--whole-file", "--xattrs",
    }
)  # fmt: skip
"""Options of rsync that change neither what is sent, nor where to, nor whether a name is whole once it is there."""


def _path(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, (str, Path)):
        raise ValueError("must be a path in quotes")  # noqa: TRY004 - pydantic collects ValueError only
    return anchored((info.context or {}).get("base", Path.cwd()), str(value))


def _mode(value: str) -> str:
    if not _MODE.fullmatch(value):
        raise ValueError(f"{value!r} is no mode", 'write it as chmod has it, "640"')
    return value


def _template(value: str) -> str:
    if value and "{key}" not in value:
        raise ValueError("does not say where the key goes", 'write it as in "https://cdn.example.org/{key}"')
    if strange := [name for name in re.findall(r"\{([^}]*)\}", value) if name not in {"key", "target"}]:
        raise ValueError(f"{{{strange[0]}}} is not known here", "known: {key}, {target}")
    if split_url(value).password:
        raise ValueError("holds a password", "addresses are shown to people and stored in rows")
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if value and not good:
        raise ValueError("is no address", 'write it as in "https://storage.example.org"')
    if value and ("@" in parts.netloc or parts.query or parts.fragment):
        raise ValueError("holds more than scheme, host, port and path", "keys have settings of their own")
    return value.rstrip("/")


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError(f"{value!r} is no host", "write a name or an address, without user, port and path")
    return value


def _bucket(value: str) -> str:
    if not _BUCKET.fullmatch(value):
        raise ValueError(f"{value!r} is no bucket's name", "3 to 63 letters, digits, dots, dashes")
    return value


def _prefix(value: str) -> str:
    parts = value.strip("/").split("/")
    if value.strip("/") and any(part in {"", ".", ".."} for part in parts):
        raise ValueError(f"{value!r} is no prefix", 'write folders with slashes between, "site/cameras"')
    return value.strip("/")


def _rsync_address(value: str) -> str:
    if "://" in value:
        if split_url(value).password:
            raise ValueError("holds a password", "write it as password")
        if not _DAEMON.fullmatch(value):
            raise ValueError("is no address of an rsync daemon", 'write it as in "rsync://nas/module/folder"')
    elif not value.startswith(("/", "~")) and not _REMOTE.fullmatch(value):
        raise ValueError(
            "is no place that rsync can send to", 'write "/folder", "user@host:/folder" or "rsync://host/module"'
        )
    return value


def _rsync_option(value: str) -> str:
    if value.partition("=")[0] not in _SWITCHES or any(character in value for character in "\0\n\r"):
        raise ValueError(f"{value!r} is not an option that is passed on", f"known: {', '.join(sorted(_SWITCHES))}")
    return value


Folder = Annotated[Path, BeforeValidator(_path), PlainSerializer(str)]
Size = Annotated[int, BeforeValidator(parse_bytes), PlainSerializer(format_bytes)]
Mode = Annotated[str, AfterValidator(_mode)]


class TargetCommon(Table):
    """What every kind of `[targets.NAME]` has."""

    quiet_s: float = Field(
        default=60.0, gt=0, le=86_400, description="Seconds without anything moving until it counts as away."
    )
    bandwidth: Size = Field(default=0, description="Bytes a second that may be sent; 0 is no limit.")
    hours: tuple[WindowConfig, ...] = Field(
        default=(), description="Hours in which to send, in the site's zone; empty is always."
    )
    parallel: int = Field(default=2, ge=1, le=64, description="Files that are sent at the same time.")
    address: Annotated[str, AfterValidator(_template)] = Field(
        default="",
        description="Public address of what lies there, such as https://cdn.example.org/{key}; `{target}` is its name.",
    )
    verify_days: float = Field(
        default=30.0, ge=0, le=3650,
        description="Each copy is read and verified anew once in so many days; 0 is never, and so it is for `s3` and "
        "`supabase`, where reading costs money, unless it is set.",
    )  # fmt: skip
    encrypt: tuple[Recipient, ...] = Field(
        default=(), description="Public keys of age; what is sent can be read only with one of their private keys."
    )


class FolderTarget(TargetCommon):
    """`type = "folder"`: a folder on another disk, or mounted from another machine."""

    type: Literal["folder"] = Field(description="`folder`.")
    path: Folder = Field(description="The folder; `holdfast targets adopt` puts a marker into it.")
    marker: str = Field(default="", description="Id that its marker must hold; empty takes any.")
    mode: Mode = Field(default="640", description="Rights of files there.")
    folder_mode: Mode = Field(default="750", description="Rights of folders there.")
    owner: str = Field(default="", description="User that files belong to; only root may give files away.")
    group: str = Field(default="", description="Group that files belong to.")


class RsyncTarget(TargetCommon):
    """`type = "rsync"`: a local folder, a host over SSH, or an rsync daemon."""

    type: Literal["rsync"] = Field(description="`rsync`.")
    path: Annotated[str, AfterValidator(_rsync_address)] = Field(
        description="`/folder`, `user@host:/folder` or `rsync://host/module/folder`."
    )
    port: int | None = Field(default=None, ge=1, le=65_535, description="Port of SSH; unset is SSH's own choice.")
    key: Folder | None = Field(default=None, description="Private key for SSH; unset is SSH's own choice.")
    known_hosts: Folder | None = Field(
        default=None, description="Host keys that are believed; unset is SSH's own file."
    )
    user: str = Field(default="", description="User at the daemon; unset is the one in `path`.")
    password: Secret = Field(default_factory=Secret, description="Password at the daemon.")
    options: tuple[Annotated[str, AfterValidator(_rsync_option)], ...] = Field(
        default=(), description="Further options of rsync, from those that do no harm: `--chmod=F640`, `--compress`."
    )

    @property
    def way(self) -> Literal["local", "ssh", "daemon"]:
        """How it is reached."""
        if "://" in self.path:
            return "daemon"
        return "local" if self.path.startswith(("/", "~")) else "ssh"

    @property
    def folder(self) -> Path | None:
        """The folder, where it is one of this machine."""
        return Path(self.path).expanduser() if self.way == "local" else None

    @model_validator(mode="after")
    def _fits(self) -> "RsyncTarget":
        if self.way != "ssh" and (self.port or self.key or self.known_hosts):
            raise ValueError("port, key and known_hosts are for SSH", 'write path as "user@host:/folder"')
        if self.way != "daemon" and (self.user or self.password):
            raise ValueError("user and password are for a daemon", 'write path as "rsync://host/module"')
        return self


class SftpTarget(TargetCommon):
    """`type = "sftp"`: a folder on a host that speaks SFTP."""

    type: Literal["sftp"] = Field(description="`sftp`.")
    host: Annotated[str, AfterValidator(_host)] = Field(description="Host name or address.")
    port: int = Field(default=22, ge=1, le=65_535, description="Port.")
    user: str = Field(min_length=1, description="User there.")
    password: Secret = Field(default_factory=Secret, description="The user's password, or that of the key.")
    key: Folder | None = Field(default=None, description="Private key; unset signs in with the password.")
    known_hosts: Folder | None = Field(
        default=None, description="Host keys that are believed; unset is ~/.ssh/known_hosts."
    )
    path: str = Field(default="", description="Folder there; a relative one starts where sign-in leads.")

    @model_validator(mode="after")
    def _fits(self) -> "SftpTarget":
        if not self.key and not self.password:
            raise ValueError("neither key nor password is given", "one of them signs in")
        return self


class S3Target(TargetCommon):
    """`type = "s3"`: a bucket of AWS, R2, MinIO or whatever else speaks S3."""

    type: Literal["s3"] = Field(description="`s3`.")
    bucket: Annotated[str, AfterValidator(_bucket)] = Field(description="The bucket.")
    prefix: Annotated[str, AfterValidator(_prefix)] = Field(default="", description="Put before every key.")
    endpoint: Annotated[str, AfterValidator(_url)] = Field(
        default="", description="Address of the service, such as https://minio.example.org:9000; empty is AWS."
    )
    region: str = Field(default="us-east-1", pattern=r"^[A-Za-z0-9-]+$", description="Region; R2 calls it auto.")
    access_key: Secret = Field(default_factory=Secret, description="Access key id.")
    secret_key: Secret = Field(default_factory=Secret, description="Secret access key.")
    path_style: bool = Field(default=True, description="Bucket in the path of addresses instead of in the host's name.")
    storage_class: str = Field(
        default="", pattern=r"^[A-Z_0-9]*$", description="Storage class, such as STANDARD_IA; empty is the bucket's."
    )

    verify_days: float = Field(
        default=0.0, ge=0, le=3650, description="Each copy is read and verified anew once in so many days; 0 is never."
    )

    @model_validator(mode="after")
    def _fits(self) -> "S3Target":
        if not self.access_key or not self.secret_key:
            raise ValueError("access_key and secret_key are both needed", 'write them as { env = "NAME" }')
        return self


class SupabaseTarget(TargetCommon):
    """`type = "supabase"`: a bucket of Supabase Storage, over its REST interface."""

    type: Literal["supabase"] = Field(description="`supabase`.")
    url: Annotated[str, AfterValidator(_url)] = Field(
        min_length=1, description="Address of the project, such as https://abc.supabase.co."
    )
    key: Secret = Field(description="Key of the project: the service role's, or one that may write to the bucket.")
    bucket: Annotated[str, AfterValidator(_bucket)] = Field(description="The bucket.")
    prefix: Annotated[str, AfterValidator(_prefix)] = Field(default="", description="Put before every key.")
    verify_days: float = Field(
        default=0.0, ge=0, le=3650, description="Each copy is read and verified anew once in so many days; 0 is never."
    )


TargetConfig = Annotated[
    FolderTarget | RsyncTarget | SftpTarget | S3Target | SupabaseTarget, Field(discriminator="type")
]
"""One `[targets.NAME]`, whichever kind it is of."""

AnyTarget = FolderTarget | RsyncTarget | SftpTarget | S3Target | SupabaseTarget

TARGET_KINDS: dict[str, type[TargetCommon]] = {
    "folder": FolderTarget, "rsync": RsyncTarget, "sftp": SftpTarget, "s3": S3Target, "supabase": SupabaseTarget,
}  # fmt: skip
"""The table of each kind, by its `type`."""


def secrets_of(target: AnyTarget) -> Iterator[str]:
    """Yield every secret value in a target's table."""
    values: dict[str, Any] = dict(target)
    yield from (value.reveal() for value in values.values() if isinstance(value, Secret) and value)
