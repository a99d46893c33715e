"""A shell at the far side of SSH, for what rsync does not tell: hashes and free space.

Where there is none (a key that may only run rsync), nothing is lost but the stronger hash. Any thread.
"""

import math
import os
import re
import shlex
from collections.abc import Sequence

from holdfast.core.config.targets import RsyncTarget as RsyncConfig
from holdfast.storage.targets import child, rsync_words
from holdfast.storage.targets.contract import Going, silence_s
from holdfast.storage.targets.ssh_kept import Kept

_ALIVE = 3  # chosen: signs of life that may fail to come within the limit of silence
_SUM = re.compile(r"(\\?)([0-9a-f]{64}) [ *](.*)")
_SYNC = "(sync -f . || sync || :) >/dev/null 2>&1 && "  # that disk alone, where its sync knows how
_MARK = "holdfast-exit-"
# Names are lines, for no key holds a line's end. A loop of the shell, because not every xargs knows -0, and one that
# does not ends as one does whose files are not there. So many at once: a command line has 128 kB on old kernels.
_SUMS = (
    'c=0; set --; while IFS= read -r n; do set -- "$@" "$n"; [ $# -lt 64 ] || { sha256sum -b "$@" || c=$?; set --; }; '
    'done; [ $# = 0 ] || sha256sum -b "$@" || c=$?; '
)
_SSH_FAILED = 255
_SOME_FAILED = frozenset({"0", "1"})  # of sha256sum: files that are not there


class Shell:
    """Commands at one host.

    Attributes:
        kept: The connection that short ones go through.
    """

    def __init__(self, target: str, config: RsyncConfig) -> None:
        self._target = target
        self._config = config
        host, _, path = re.sub(r"^(\S*?@)?\[([^\]]*)\]:", r"\1\2\0", config.path).partition("\0")
        if not path:
            host, _, path = config.path.partition(":")
        self._host, self._path = host, path
        self._works: bool | None = None
        self.kept = Kept(target, self.argv, host, config.quiet_s)

    @property
    def argv(self) -> list[str]:
        """The command that rsync starts SSH with; it never asks anything."""
        config, quiet_s = self._config, math.ceil(self._config.quiet_s)
        options = [
            "BatchMode=yes", f"ConnectTimeout={quiet_s}", f"ServerAliveInterval={max(1, quiet_s // (_ALIVE + 1))}",
            f"ServerAliveCountMax={_ALIVE}",
        ]  # fmt: skip
        if config.known_hosts:
            options += [f'UserKnownHostsFile="{config.known_hosts}"', "StrictHostKeyChecking=yes"]
        if config.key:
            options.append("IdentitiesOnly=yes")
        argv = ["ssh", *(part for option in options for part in ("-o", option))]
        argv += ["-i", str(config.key)] if config.key else []
        return [*argv, "-p", str(config.port)] if config.port else argv

    def works(self) -> bool:
        """Say whether there is a shell with sha256sum; asked once.

        Raises:
            TargetError: The host cannot be reached.
        """
        if self._works is None:
            self._summed("sha256sum -b </dev/null; c=$?; ", Going())
        return bool(self._works)

    def sha256(
        self, keys: Sequence[str], going: Going, *, count: int = 0, durable: bool = False
    ) -> dict[str, str]:  # fmt: skip
        """Return the hashes of those files that are there; none where there is no shell (`works`).

        Args:
            keys: Their names below the folder.
            going: As for the contract.
            count: Bytes that they should have, all together.
            durable: Have that host write to its disk first what rsync gave it.

        Raises:
            TargetError: The host cannot be reached.
        """
        # Names go by its input, in one go: a command line has 128 kB at most, 9 kB with Dropbear.
        names = b"".join(os.fsencode(f"./{key}\n") for key in keys)
        there = f"cd {self._folder} || {{ echo {_MARK}1; exit; }}; {_SYNC if durable else ''}"
        found: dict[str, str] = {}
        for line in self._summed(f"{there}{{ {_SUMS}}}; ", going, names, count):
            if match := _SUM.fullmatch(line):
                name = match[3].replace("\\\\", "\\") if match[1] else match[3]
                found[name.removeprefix("./")] = match[2]
        return found

    def _summed(self, command: str, going: Going, names: bytes = b"", count: int = 0) -> tuple[str, ...]:
        # Its own exit code is said in words: a program in the shell's place ends with codes of its own.
        # In a shell that POSIX describes: whoever signs in there may have another one.
        done = self._run(f"exec sh -c {shlex.quote(f'{command}echo {_MARK}$c')}", going, names, count)
        if done.code == _SSH_FAILED:
            said = done.errors or "the connection ended"  # of one that is kept nobody tells why
            raise rsync_words.problem(self._target, "verifying", done.code, said)
        code = done.lines[-1].removeprefix(_MARK) if done.lines and done.lines[-1].startswith(_MARK) else ""
        self._works = code in _SOME_FAILED
        return done.lines if self._works else ()

    def free_bytes(self) -> int | None:
        """Return the room that is left there; None where nobody says."""
        done = self._run(f"df -Pk {self._folder}", Going())
        cells = done.lines[-1].split() if done.code == 0 and done.lines else []
        return int(cells[3]) * 1024 if len(cells) > 5 and cells[3].isdigit() else None  # noqa: PLR2004 - columns of POSIX

    @property
    def _folder(self) -> str:
        home = re.match(r"~[\w.-]*/?", self._path)
        return (home[0] if home else "") + (
            shlex.quote(rest) if (rest := self._path[home.end() if home else 0 :]) else ""
        )

    def _run(self, command: str, going: Going, given: bytes = b"", count: int = 0) -> child.Done:
        quiet_s = self._config.quiet_s + 1
        # A host that is gone while it hashes is noticed by SSH, which asks it all the while (`argv`).
        silence = child.Silence(quiet_s, silence_s(quiet_s, count))
        with self.kept.used(going) as options:
            argv = [*self.argv, *options, self._host, command]
            done = child.run(argv, going, target=self._target, silence=silence, given=given)
        self.kept.heard(good=done.code != _SSH_FAILED)
        return done
