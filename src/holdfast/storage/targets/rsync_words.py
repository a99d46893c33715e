"""What rsync says, and what we make of it. Pure.

Not here: running it.
"""

import re
from dataclasses import dataclass

from holdfast.core.errors import NameTaken, TargetAway, TargetBarred, TargetError, TargetFull, TargetRefused

PROGRESS = re.compile(r"\s*(\d+)\s+\d+%")
_ITEM = re.compile(r"([<>ch.][fdLDS](?:\S{9}| {9})) (.*)")
_ESCAPED = re.compile(r"\\#([0-7]{3})")

_FULL = re.compile(r"No space left on device|Disk quota exceeded|\(28\)|\(122\)")
_KINDS: tuple[tuple[re.Pattern[str], type[TargetError], str | None], ...] = (
    (
        # Before the rest: rsync says on the way that it may not look into what is no folder
        # (", falling back"). Of a `change_dir` it is the whole target that is not there.
        re.compile(r"^(?!.*change_dir).*(?:Not a directory|Is a directory|Too many levels of symbolic links)(?!,)"),
        NameTaken, "something else lies where a folder is needed there: move it",
    ),
    (_FULL, TargetFull, None),
    (
        re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed"), TargetBarred,
        "its host key is not known or has changed: compare it, then put it into known_hosts",
    ),
    (
        re.compile(r"Permission denied \((?:publickey|password|keyboard)|Too many authentication failures"),
        TargetBarred, "it does not accept the key: correct `key` or the user, or add the public key there",
    ),
    (re.compile(r"auth failed on module"), TargetBarred, "correct user and password in its table"),
    (re.compile(r"Unknown module"), TargetBarred, "correct the module in `path`"),
    (re.compile(r"module is read only|Read-only file system|\(30\)$"), TargetRefused, "it may only be read there"),
    (re.compile(r"Permission denied|Operation not permitted"), TargetRefused, "give it the right to write there"),
    (re.compile(r"File name too long|Invalid argument"), TargetRefused, "shorten the name template of the rule"),
    (re.compile(r"Failed to exec ssh"), TargetBarred, "install SSH on this machine: apt install openssh-client"),
    (re.compile(r"command not found|not found"), TargetBarred, "install rsync at the target"),
    (re.compile(r"unknown option|syntax or usage"), TargetBarred, "an option is not known there: look at `options`"),
)  # fmt: skip
LATER = frozenset({10, 12, 20, 30, 35, 255})  # rsync(1): sockets, the stream, signals, time, and SSH's own failure


@dataclass(frozen=True, slots=True)
class Seen:
    """One line about one file: what would be or was done, and its name."""

    what: str
    name: str

    @property
    def same(self) -> bool:
        """Its content needs nothing."""
        return self.what.startswith(".")

    @property
    def absent(self) -> bool:
        """It is not there."""
        return self.what.endswith("+")


def item(line: str) -> Seen | None:
    """Read a line in the format `%i %n`; None where it is about something else."""
    match = _ITEM.fullmatch(line)
    if match is None or match[1][1] != "f":
        return None
    raw = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), match[2])
    return Seen(match[1].rstrip(), raw)


def problem(target: str, doing: str, code: int, errors: str) -> TargetError:
    """Say in our words why rsync or SSH ended with an error."""
    lines = [line for line in errors.splitlines() if line.strip()]
    # The last lines say that something failed, the first ones what.
    told = next((line for line in lines if not line.startswith("rsync error")), lines[0] if lines else f"exit {code}")
    for pattern, kind, hint in _KINDS:
        found = next((line for line in lines if pattern.search(line)), None)
        if found is not None and not (code in LATER and kind is TargetBarred and "not found" in found):
            # SSH frames its warning of a changed host with a line of signs.
            return kind(f"{target}: {doing}: {found.strip('@ ').rstrip('.')}", hint=hint)
    return TargetAway(f"{target}: {doing}: {told.strip()}")
