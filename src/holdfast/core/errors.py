"""Every error that Holdfast raises on purpose, in one tree.

    HoldfastError
    ├── UsageError            what was typed makes no sense                      exit 64
    ├── BadInput              a file or message does not hold what it must       exit 65
    ├── NotFound              no such camera, stream, file or row                exit 66
    ├── Conflict              it is there already, or in another state now       exit 65
    ├── AccessError           who asks may not                                   exit 77
    │   ├── SignInNeeded          nobody is signed in, or wrongly
    │   ├── NotAllowed            signed in, without the right
    │   ├── TooMany               too often, or too many at once       transient
    │   ├── TooLarge              a request longer than any that is taken
    │   ├── TooSlow               a request that did not come in time  transient
    │   └── WrongHost             asked for under a name that is not ours
    ├── ConfigError           the configuration is wrong                         exit 78
    ├── SourceError           a camera or file does not give media               exit 69
    │   ├── Unreachable           no connection                    transient
    │   ├── Refused               answered, but no stream          transient
    │   ├── AuthFailed            user name or password            transient
    │   ├── Stalled               no media on a track              transient
    │   ├── NoKeyframe            media without keyframes          transient
    │   ├── Unsupported           a codec or layout we cannot record
    │   ├── SourceEnded           the other side closed            transient
    │   └── TimestampJump         the stream's clock jumped        transient
    ├── StorageError          a local file could not be made durable             exit 74
    │   ├── DiskFull                                               transient
    │   ├── DiskError                                              transient
    │   ├── VolumeMissing         marker absent: not mounted?      transient
    │   └── FileDeleted           deleted while it was written     transient
    ├── TargetError           a place that assets are sent to did not take one   exit 69
    │   ├── TargetAway            no answer, or not the right one  transient
    │   ├── TargetFull            it has no room                   transient
    │   ├── ContentDiffers        not what was sent arrived        transient
    │   ├── TargetBarred          it lets us not in: key, host key  transient
    │   ├── TargetRefused         it may not: rights, name, size
    │   └── NameTaken             something else lies there
    ├── AlreadyRunning        somebody else holds the lock                       exit 75
    ├── CatalogError          the database said no                               exit 74
    │   └── CatalogUnavailable    it did not answer                transient
    └── MissingDependency     a tool or library is not there                     exit 72

Each class says whether trying again can help (`transient`), what a person should do (`hint`), and how it leaves the
program (`exit_code`, `http_status`). No libav error leaves `media/`, no SQLAlchemy error leaves `catalog/`, no
`OSError` leaves `storage/`. A message names camera, stream and position, and never a credential.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from holdfast.core.gap import GapReason


class Wrong(NamedTuple):
    """What is wrong with one field of a message; `field` is its dotted key, empty where it is the whole."""

    field: str
    message: str
    hint: str = ""


class HoldfastError(Exception):
    """Base of all errors that are ours. Carries what happened (`str`) and what to do (`hint`)."""

    code: ClassVar[str] = "error"
    transient: ClassVar[bool] = False
    exit_code: ClassVar[int] = 70
    http_status: ClassVar[int] = 500
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = self.default_hint if hint is None else hint


class UsageError(HoldfastError):
    """What was typed makes no sense."""

    code = "usage"
    exit_code = 64
    http_status = 400


class BadInput(HoldfastError):
    """A file or message does not hold what it must."""

    code = "bad-input"
    exit_code = 65
    http_status = 422

    def __init__(self, message: str, *, hint: str | None = None, fields: Sequence[Wrong] = ()) -> None:
        """Say it. `fields` names what of a message with several fields is wrong, each in words of its own."""
        super().__init__(message, hint=hint)
        self.fields = tuple(fields)


class NotFound(HoldfastError):
    """No such camera, stream, file or row."""

    code = "not-found"
    exit_code = 66
    http_status = 404


class Conflict(HoldfastError):
    """What was asked for clashes with what is there: a name that is taken, a state that has changed meanwhile."""

    code = "conflict"
    exit_code = 65
    http_status = 409


class AccessError(HoldfastError):
    """Who asks may not have it."""

    code = "access"
    exit_code = 77
    http_status = 403


class SignInNeeded(AccessError):
    """Nobody is signed in, or name, password or token are wrong; which of them is not said."""

    code = "sign-in-needed"
    http_status = 401
    default_hint = "sign in, or send an API token as Authorization: Bearer …"


class NotAllowed(AccessError):
    """Signed in, but without the right to do this."""

    code = "not-allowed"
    default_hint = "ask an administrator of this recorder for the right"


class TooMany(AccessError):
    """Too many requests in too short a time, or too many streams at once."""

    code = "too-many"
    transient = True
    http_status = 429
    default_hint = "wait a little and try again"

    def __init__(self, message: str, *, hint: str | None = None, retry_after_s: int = 5) -> None:
        """Say it. `retry_after_s` is when asking again makes sense; five seconds are chosen."""
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class TooLarge(AccessError):
    """A request is longer than any that is taken."""

    code = "too-large"
    http_status = 413


class TooSlow(AccessError):
    """A request did not come whole in time."""

    code = "too-slow"
    transient = True
    http_status = 408


class WrongHost(AccessError):
    """A request names a host that this server is not: a forgotten setting, or another site that poses as this one."""

    code = "wrong-host"
    http_status = 421


class ConfigError(HoldfastError):
    """The configuration is wrong; the message names file, line and key."""

    code = "config"
    exit_code = 78
    http_status = 422
    default_hint = "holdfast config check shows every problem with its place"


class SourceError(HoldfastError):
    """A source gives no media. `reason` is what the gap that follows will say."""

    code = "source"
    transient = True
    exit_code = 69
    http_status = 503
    reason: ClassVar[GapReason] = GapReason.UNKNOWN


class Unreachable(SourceError):
    """No connection to the camera could be made."""

    code = "unreachable"
    reason = GapReason.UNREACHABLE
    default_hint = "check power, cable and address; holdfast cameras test shows what answers"


class Refused(SourceError):
    """The camera answered, but would not give the stream."""

    code = "refused"
    reason = GapReason.REFUSED
    default_hint = "the camera may have reached its session limit, or the path of the URL is wrong"


class AuthFailed(SourceError):
    """The camera rejected the credentials."""

    code = "auth"
    reason = GapReason.AUTH
    default_hint = "check user name and password; some cameras lock out for minutes after wrong tries"


class Stalled(SourceError):
    """Connected, but a track's media time stands still."""

    code = "stalled"
    reason = GapReason.STALLED
    default_hint = "the camera is connected but sends nothing; restart it if this goes on"


class NoKeyframe(SourceError):
    """Media arrives, but nothing that can be decoded alone."""

    code = "no-keyframe"
    reason = GapReason.NO_KEYFRAME
    default_hint = "set the camera's keyframe interval (I-frame interval, GOV) to 1 to 4 seconds"


class Unsupported(SourceError):
    """The source sends something that cannot be recorded."""

    code = "unsupported"
    transient = False
    reason = GapReason.UNSUPPORTED
    default_hint = "set the camera to H.264 or H.265 with AAC, G.711 or no audio"


class SourceEnded(SourceError):
    """The other side closed the stream, or a file came to its end."""

    code = "ended"
    reason = GapReason.ENDED


class TimestampJump(SourceError):
    """The stream's clock moved against ours by more than is believable."""

    code = "timestamp-jump"
    reason = GapReason.CLOCK


class StorageError(HoldfastError):
    """A local file could not be made durable. `reason` is what the gap that follows will say."""

    code = "storage"
    transient = True
    exit_code = 74
    http_status = 507
    reason: ClassVar[GapReason] = GapReason.DISK_ERROR


class DiskFull(StorageError):
    """There is no room left to write."""

    code = "disk-full"
    reason = GapReason.DISK_FULL
    default_hint = "free space on the volume or add one; recording goes on by itself as soon as there is room"


class DiskError(StorageError):
    """The volume answered a write with an error, or is read-only."""

    code = "disk-error"
    default_hint = "look at the kernel's messages (dmesg) for this disk; a read-only remount means it is failing"


class VolumeMissing(StorageError):
    """The volume's marker file is not where it should be: most likely the disk is not mounted."""

    code = "volume-missing"
    default_hint = "mount the disk; recording starts by itself"


class FileDeleted(StorageError):
    """Somebody deleted a file while it was being written."""

    code = "file-deleted"
    default_hint = "another program or a person deletes footage there; let retention do it, which knows what may go"


class TargetError(HoldfastError):
    """A place that assets are sent to did not take one. Names target and key, never a credential."""

    code = "target"
    exit_code = 69
    http_status = 502


class TargetAway(TargetError):
    """It did not answer, broke off, was silent for too long, or is not the place that was meant (its marker)."""

    code = "target-away"
    transient = True
    http_status = 503
    default_hint = "what is waiting goes on by itself when the target is back"


class TargetFull(TargetError):
    """It has no room for this."""

    code = "target-full"
    transient = True
    http_status = 507
    default_hint = "make room at the target; what is waiting goes on by itself"


class ContentDiffers(TargetError):
    """What lies at the target after sending is not what was sent. Sending again may help once."""

    code = "content-differs"
    transient = True
    default_hint = "the target or the way to it changes what is sent: check its disk, its network and its program"


class TargetBarred(TargetError):
    """It lets nobody of ours in, whatever is to be sent: a wrong key or host key, no such bucket or module.

    No file is at fault, so none fails: all wait for a person to mend it, and go on by themselves.
    """

    code = "target-barred"
    transient = True
    default_hint = "holdfast targets test NAME says what it wants"


class TargetRefused(TargetError):
    """It answered that this file must not be: no right to write there, a name or size that it does not take."""

    code = "target-refused"
    default_hint = "holdfast targets test NAME says what it refuses"


class NameTaken(TargetError):
    """Something else lies at the target under this name; it was left as it was."""

    code = "name-taken"
    default_hint = "look at what lies there, and remove it, or give the rule a name template that tells instances apart"


class AlreadyRunning(HoldfastError):
    """Somebody else holds the lock. The message names the holder's process id."""

    code = "already-running"
    exit_code = 75
    http_status = 409


class CatalogError(HoldfastError):
    """The catalog refused a request."""

    code = "catalog"
    exit_code = 74


class CatalogUnavailable(CatalogError):
    """The catalog did not answer, is locked, or is damaged. Recording does not need it."""

    code = "catalog-unavailable"
    transient = True
    http_status = 503
    default_hint = "recording goes on without it; holdfast reindex rebuilds it from the journals"


class MissingDependency(HoldfastError):
    """A tool or library that this needs is not there."""

    code = "missing-dependency"
    exit_code = 72
    http_status = 501
