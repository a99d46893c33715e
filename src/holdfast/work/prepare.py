"""What is sent instead of a file: part of one that grows, footage in another form, pictures compressed anew, sealed.

It is written into a folder of the state, and removed when the attempt ends; where the disk of the state is full, into
memory, so that a backlog drains with nothing free (F18). What goes unchanged is sent from where it lies.

Not here: sending (deliver), Matroska and pictures themselves (media).
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from posixpath import splitext

from holdfast.catalog.deliveries import DeliveryRow
from holdfast.core.config.deliveries import DeliveryConfig
from holdfast.core.delivery import SEALED, AssetKind
from holdfast.core.errors import BadInput, DiskFull, NotFound
from holdfast.core.timing import DAY_US
from holdfast.media import matroska, repicture
from holdfast.storage.errors import storage_errors
from holdfast.storage.targets.contract import Content

FOLDER = "sending"
LEFT_US = DAY_US  # chosen: no attempt lasts as long, and whatever it left is small beside a volume
PICTURES = frozenset({AssetKind.STILL, AssetKind.EVENT, AssetKind.EVIDENCE})

_BLOCK = 1 << 20
_FORMS = {".jpg": "jpeg", ".webp": "webp"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is sent: a file, and what it holds."""

    path: Path
    content: Content

    def is_own(self, row: DeliveryRow) -> bool:
        """Say whether it is what the row's file holds, in the same form."""
        return self.content == Content(row.asset.bytes, row.asset.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a later attempt needs to know of an earlier one, and whoever verifies a copy anew.

    Attributes:
        content: What was sent then, where it was not the file itself.
        upload: What the target goes on from.
        told: Whether the row at the target is there from a copy before this one.
    """

    content: Content | None = None
    upload: str = ""
    told: bool = False

    def text(self) -> str:
        """Write it for the row."""
        content = None if self.content is None else {"bytes": self.content.bytes, "sha256": self.content.sha256}
        said = {
            **(content or {}),
            **({"upload": self.upload} if self.upload else {}),
            **({"told": 1} if self.told else {}),
        }
        return json.dumps(said) if said else ""

    @classmethod
    def read(cls, text: str) -> "Memory":
        """Read what was written so; nothing where it makes no sense."""
        try:
            found = json.loads(text) if text else {}
            content = Content(int(found["bytes"]), str(found["sha256"])) if "sha256" in found else None
            return cls(content=content, upload=str(found.get("upload", "")), told=bool(found.get("told")))
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()


def clear(folders: Iterable[Path], now_us: int) -> None:
    """Remove what attempts that were killed have left; what is younger than a day may be on its way just now."""
    for folder in folders:
        with suppress(OSError):
            for path in list(folder.iterdir()):
                with suppress(OSError):
                    if now_us - path.lstat().st_mtime_ns // 1000 > LEFT_US:
                        path.unlink()


def unchanged(
    row: DeliveryRow, source: Path, rule: DeliveryConfig | None, recipients: tuple[str, ...]
) -> Prepared | None:  # fmt: skip
    """Return what is sent where that is the file itself; None where something is to be made of it.

    Raises:
        BadInput: It cannot be made.
    """
    if _steps(row, rule, recipients):
        return None
    return Prepared(source, Content(row.asset.bytes, row.asset.sha256))


@contextmanager
def prepared(
    row: DeliveryRow, source: Path, rule: DeliveryConfig | None, recipients: tuple[str, ...], folders: tuple[Path, ...]
) -> Iterator[Prepared]:  # fmt: skip
    """Make what is sent of a file; the file itself where it goes as it is.

    Args:
        row: The delivery.
        source: Its file.
        rule: Its rule; None where that is gone, and the file goes as it is.
        recipients: For whom it is sealed.
        folders: Where to write, the first one that has room.

    Raises:
        NotFound: The file is gone.
        BadInput: It does not hold what it did.
        StorageError: It cannot be read, or nothing can be written.
    """
    if (own := unchanged(row, source, rule, recipients)) is not None:
        yield own
        return
    steps = _steps(row, rule, recipients)
    if not source.is_file():
        raise NotFound(f"{source} is not there any more")
    for number, folder in enumerate(folders):
        made: list[Path] = []
        try:
            try:
                path = _made(row, source, steps, folder, made)
            except DiskFull:
                if number == len(folders) - 1:
                    raise
                continue
            with path.open("rb") as file:
                content = Content(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
            yield Prepared(path, content)
            return
        finally:
            for one in made:
                with suppress(OSError):
                    one.unlink(missing_ok=True)


Step = Callable[[Path, Path], None]


def _steps(row: DeliveryRow, rule: DeliveryConfig | None, recipients: tuple[str, ...]) -> list[tuple[str, Step]]:
    asset, steps = row.asset, list[tuple[str, Step]]()
    if asset.is_sealed:
        return steps  # nobody here can read it, and whoever may has a key: it is not sealed again for others
    # The name was made when it was planned; what lies under it is of that form, whatever the rule says by now.
    ending = splitext(row.key.removesuffix(SEALED))[1]
    form = "" if ending == splitext(asset.file)[1] else _FORMS.get(ending, "")
    if asset.kind is AssetKind.JOURNAL:
        steps.append(("part", lambda source, into: _first_bytes(source, into, asset.bytes, asset.sha256)))
    elif asset.kind is AssetKind.SEGMENT and ending == ".mkv":
        steps.append(("mkv", matroska.remux))
    elif asset.kind in PICTURES and (form or (rule is not None and rule.recompresses)):
        quality = None if rule is None else rule.quality
        steps.append(("picture", lambda source, into: repicture.recompress(source, into, form, quality)))
    if row.key.endswith(SEALED) and not recipients:
        raise BadInput(
            f"{row.key} was to be sealed, and {row.target} has nobody any more for whom",
            hint="set encrypt of the target again, and retry",
        )
    if recipients:
        from holdfast.storage.sealed import seal  # noqa: PLC0415 - its library only where something is sealed

        def sealed(source: Path, into: Path) -> None:
            seal(source, into, recipients)

        steps.append(("age", sealed))
    return steps


def _made(row: DeliveryRow, source: Path, steps: list[tuple[str, Step]], folder: Path, made: list[Path]) -> Path:
    with storage_errors("making folder", folder):
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    if row.asset.kind is not AssetKind.JOURNAL:
        _verify(source, row.asset.bytes, row.asset.sha256)
    for name, step in steps:
        into = folder / f"{row.id}.{name}"
        made.append(into)
        # Whoever was killed while it sent left its copy, and steps write only where nothing lies.
        with storage_errors("removing", into):
            into.unlink(missing_ok=True)
        step(source, into)
        source = into
    return source


def _verify(source: Path, count: int, sha256: str) -> None:
    """Make sure that what another form is made of is what was queued (F21)."""
    with storage_errors("reading", source), source.open("rb") as file:
        size = source.stat().st_size
        if size != count or hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise BadInput(f"{source} does not hold what it did when it was queued", hint="holdfast verify finds why")


def _first_bytes(source: Path, into: Path, count: int, sha256: str) -> None:
    sha, left = hashlib.sha256(), count
    with storage_errors("copying", source), source.open("rb") as file, into.open("wb") as out:
        while left and (block := file.read(min(_BLOCK, left))):
            sha.update(block)
            out.write(block)
            left -= len(block)
    if left or sha.hexdigest() != sha256:
        raise BadInput(f"{source} does not begin with what it did when it was queued", hint="journals only grow")
