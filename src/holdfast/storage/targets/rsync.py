"""rsync as a target: to a local folder, to a host over SSH, or to a daemon.

rsync writes under a name of its own and renames what is whole; what was interrupted stays in a folder of its own and
is gone on from. One run carries many files, under any names: their names are links in a folder that is made for the
run. What arrived is verified by a second look: over SSH by sha256sum there, else by rsync's own checksums over both
sides; locally by reading back from the disk.

Any thread; each run is a child process. With a limit of bandwidth one run goes at a time, so that the limit is one.
"""

import functools
import math
import os
import re
import shlex
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from holdfast.core.config.targets import FolderTarget as FolderConfig
from holdfast.core.config.targets import RsyncTarget as RsyncConfig
from holdfast.core.errors import BadInput, ContentDiffers, HoldfastError, NameTaken, TargetError
from holdfast.storage.targets import child, rsync_words
from holdfast.storage.targets.address import public_address
from holdfast.storage.targets.contract import Content, Going, Receipt, TargetFacts, silence_s
from holdfast.storage.targets.folder import FolderTarget
from holdfast.storage.targets.many import Item, Outcome
from holdfast.storage.targets.rsync_daemon import greet
from holdfast.storage.targets.rsync_ssh import Shell
from holdfast.storage.targets.sources import checked_key, meant, sha256_of, stop_if_told
from holdfast.storage.targets.stage import staged

_PART_FOLDER = ".holdfast-part"
_MARGIN_S = 3.0  # chosen: rsync's own limit of silence is asked first, because it says on which side
# Measured: four files of 2 MB at a time use 86 percent of 10 Mb/s where all share a connection with what verifies them,
# 93 to 97 where only that does, 90 to 94 where nothing does. Small files take less than it does to sign in.
_THROUGH_BYTES = 1 << 20
_PROBE = b"holdfast\n"
_FOUND_BY_RSYNC = "rsync checksum"


class RsyncTarget:
    """Files below one folder, wherever rsync leads to."""

    def __init__(self, name: str, config: RsyncConfig) -> None:
        self.name = name
        self._config = config
        self._one = threading.BoundedSemaphore(1 if config.bandwidth else config.parallel * 2)
        self._shell = Shell(name, config) if config.way == "ssh" else None
        self._folder: FolderTarget | None = None
        if (path := config.folder) is not None:
            here = FolderConfig(type="folder", path=path, quiet_s=config.quiet_s, address=config.address)
            self._folder = FolderTarget(name, here)

    def check(self) -> None:
        """Make sure that it takes, shows and removes a file."""
        if self._folder is not None:
            self._folder.check()
        with tempfile.TemporaryDirectory(prefix="holdfast-") as made:
            source, key = Path(made, "probe"), f".holdfast-probe-{os.urandom(6).hex()}"
            source.write_bytes(_PROBE)
            self.put(source, key, _content(source), Going())
            self.remove(key)

    def facts(self) -> TargetFacts:
        """Return how files are verified, and free space where somebody says."""
        if self._folder is not None:
            return self._folder.facts()
        if self._shell is not None and self._shell.works():
            return TargetFacts("sha256, by sha256sum there", self._shell.free_bytes())
        return TargetFacts("rsync's checksums of both sides")

    def put(self, source: Path, key: str, content: Content, going: Going) -> Receipt:
        """Send a file; see the contract."""
        ((_, outcome),) = self.put_many([Item(source, key, content)], going)
        if isinstance(outcome, HoldfastError):
            raise outcome
        return outcome

    def put_many(self, items: Sequence[Item], going: Going) -> Iterator[Outcome]:
        """Send many in one run, and yield each with its outcome (F19)."""
        try:
            if self._folder is not None:
                self._folder.ready()
        except TargetError as error:
            yield from ((item, error) for item in items)
            return
        good: dict[str, Item] = {}
        for item in items:
            try:
                checked_key(self.name, item.key)
                # rsync reads what is there; that it is what was meant is known before, or nothing goes.
                meant(item.source, item.content, going, target=self.name)
                good[item.key] = item
            except HoldfastError as error:
                yield item, error
        if good:
            try:
                outcomes = self._carry(good, going)
            except HoldfastError as error:
                outcomes = dict.fromkeys(good, error)
            yield from ((item, outcomes[key]) for key, item in good.items())

    def look(self, key: str, content: Content) -> Receipt | None:
        """Verify what lies under a key; see the contract."""
        checked_key(self.name, key)
        if self._folder is not None:
            return self._folder.look(key, content)
        if self._shell is not None and self._shell.works():
            found = self._shell.sha256([key], Going(), count=content.bytes).get(key)
        else:
            found = self._fetched(key)
        if found is None:
            return None
        if found != content.sha256:
            raise ContentDiffers(f"{self.name}: {key} does not hold what was sent there")
        return Receipt(self._address(key), "sha256")

    def remove(self, key: str) -> None:
        """Remove what lies under a key; see the contract."""
        checked_key(self.name, key)
        if self._folder is not None:
            self._folder.remove(key)
            return
        # A daemon has no other way: it is made like a folder that has all folders on the way, and not the file.
        with tempfile.TemporaryDirectory(prefix="holdfast-") as stage:
            parents = [parent.as_posix() for parent in Path(key).parents][-2::-1]
            Path(stage, *Path(key).parent.parts).mkdir(parents=True, exist_ok=True)
            chosen = [f"--include=/{_plain(name)}" for name in (*(f"{parent}/" for parent in parents), key)]
            # What lies in the place of a folder is not ours: neither a file nor a link gives way to the folder here.
            kept = ("--existing", "--ignore-existing", "--keep-dirlinks")
            wanted = ["--recursive", *kept, "--delete", *chosen, "--exclude=*"]
            done = self._run([*wanted, f"{stage}/", self._to], Going())
        if done.code and "No such file or directory" not in done.errors:
            raise rsync_words.problem(self.name, f"removing {key}", done.code, done.errors)

    def close(self) -> None:
        """Let go of the connection."""
        if self._shell is not None:
            self._shell.kept.close()

    def _carry(self, items: Mapping[str, Item], going: Going) -> dict[str, Receipt | HoldfastError]:
        with staged({key: item.source for key, item in items.items()}) as stage:
            sent, done = self._send(stage, items, going)
            stop_if_told(going, self.name)
            fate = self._verified(stage, items, going)
        outcomes: dict[str, Receipt | HoldfastError] = {}
        for key, item in items.items():
            same = fate.get(key)
            if same:
                how = _FOUND_BY_RSYNC if same == _FOUND_BY_RSYNC else "sha256"
                outcomes[key] = self._unchanged(item) or Receipt(self._address(key), how, already=key not in sent)
            elif same is None:
                own = "\n".join(line for line in done.errors.splitlines() if key.rpartition("/")[2] in line)
                outcomes[key] = rsync_words.problem(self.name, f"sending {key}", done.code, own or done.errors)
            elif key in sent:
                outcomes[key] = self._unchanged(item) or ContentDiffers(
                    f"{self.name}: {key} did not arrive as it was sent; it was removed there"
                )
                self.remove(key)
            else:
                outcomes[key] = NameTaken(f"{self.name}: something else lies under {key}")
        return outcomes

    def _send(self, stage: Path, items: Mapping[str, Item], going: Going) -> tuple[set[str], child.Done]:
        counted = 0

        def line(text: str) -> None:
            nonlocal counted
            if (match := rsync_words.PROGRESS.match(text)) and int(match[1]) > counted:
                going.moved(int(match[1]) - counted)
                counted = int(match[1])

        limit = [f"--bwlimit={max(1, self._config.bandwidth / 1024):.2f}"] if self._config.bandwidth else []
        done = self._run(
            [
                "--recursive", "--copy-links", "--times", "--omit-dir-times", "--ignore-existing", "--no-whole-file",
                f"--partial-dir={_PART_FOLDER}", "--info=progress2", "--no-human-readable", *limit,
                *self._config.options, *self._words, f"{stage}/", self._to,
            ],
            going, line, count=_bytes(items), alone=max(item.content.bytes for item in items.values()) > _THROUGH_BYTES,
        )  # fmt: skip
        seen = {found.name for text in done.lines if (found := rsync_words.item(text)) and not found.same}
        if done.code not in {0, 23, 24}:
            raise rsync_words.problem(self.name, "sending", done.code, done.errors)
        rest = sum(items[key].content.bytes for key in seen & items.keys()) - counted
        if rest > 0 and not done.code:
            going.moved(rest)
        return seen, done

    def _verified(self, stage: Path, items: Mapping[str, Item], going: Going) -> dict[str, str | bool]:
        """Return for each key that is there how it is known to be whole, or False where it is not."""
        if self._folder is not None:
            held = self._folder.held(list(items.values()), going)
            return {key: "sha256" if right else False for key, right in held.items()}
        if self._shell is not None and (hashes := self._hashed(self._shell, items, going)) is not None:
            return {key: "sha256" if found == items[key].content.sha256 else False for key, found in hashes.items()}
        # Both sides hash, one after the other, and none says anything to the other meanwhile.
        count = _bytes(items) * 2
        done = self._run(
            [
                "--recursive", "--copy-links", "--checksum", "--dry-run", "--itemize-changes", *self._words,
                f"--timeout={math.ceil(silence_s(self._config.quiet_s, count))}", f"{stage}/", self._to,
            ],
            going, count=count,
        )  # fmt: skip
        if done.code:
            raise rsync_words.problem(self.name, "verifying", done.code, done.errors)
        seen = [found for text in done.lines if (found := rsync_words.item(text))]
        return {found.name: _FOUND_BY_RSYNC if found.same else False for found in seen if not found.absent}

    @staticmethod
    def _hashed(shell: Shell, items: Mapping[str, Item], going: Going) -> dict[str, str] | None:
        """Return the hashes of what is there; None where nobody there can say them."""
        hashes = shell.sha256(list(items), going, count=_bytes(items), durable=True)
        return hashes if shell.works() else None

    def _unchanged(self, item: Item) -> HoldfastError | None:
        """Say what is wrong where the source changed while rsync read it; None where it did not."""
        if self._folder is not None or (self._shell is not None and self._shell.works()):
            return None  # what lies there was held against the hash itself
        try:
            meant(item.source, item.content, Going(), target=self.name)
        except HoldfastError as error:
            if isinstance(error, BadInput):
                self.remove(item.key)
            return error
        return None

    def _fetched(self, key: str) -> str | None:
        """Return the hash of what lies under a key by fetching it."""
        with tempfile.TemporaryDirectory(prefix="holdfast-") as made:
            # It says how far it is: else a large file would be silence.
            done = self._run(["--info=progress2", self._to + key, f"{made}/found"], Going(), alone=True)
            found = Path(made, "found")
            if found.is_file() and not done.code:
                with found.open("rb") as file:
                    return sha256_of(file, Going(), self.name)
        if "No such file or directory" in done.errors:
            return None
        raise rsync_words.problem(self.name, f"reading {key}", done.code, done.errors)

    @property
    def _words(self) -> tuple[str, ...]:
        """Say every file, those that need nothing too, and its name as it is."""
        return ("-ii", "--out-format=%i %n", "--8-bit-output")

    @functools.cached_property
    def _to(self) -> str:
        path = self._config.path
        if self._folder is not None:
            path = str(self._config.folder)
        if self._config.way == "daemon" and self._config.user:
            path = re.sub(r"^rsync://(?:[^@/]*@)?", f"rsync://{self._config.user}@", path)
        return path.rstrip("/") + "/"

    def _run(
        self, arguments: Sequence[str], going: Going, line: object = None, *, count: int = 0, alone: bool = False
    ) -> child.Done:  # fmt: skip
        """Run rsync; over SSH through the connection that is kept, unless it is to have one alone.

        Args:
            arguments: What is asked of it.
            going: Asked whether to stop.
            line: Told each line.
            count: Bytes that either side may read before it says how far it is, as those of an interrupted transfer.
            alone: It is to have a connection alone.
        """
        quiet_s = self._config.quiet_s
        argv = ["rsync", f"--timeout={math.ceil(quiet_s)}"]
        if self._shell is not None and re.search(r"[^\w@:/.~,+-]", self._config.path):
            argv.append("--protect-args")
        if self._config.way == "daemon":
            argv.append(f"--contimeout={math.ceil(quiet_s)}")
        secret = self._config.password.reveal()
        with ExitStack() as stack:
            while not self._one.acquire(timeout=0.25):
                stop_if_told(going, self.name)
            stack.callback(self._one.release)
            if self._shell is not None:
                options = () if alone else stack.enter_context(self._shell.kept.used(going))
                argv += ["-e", shlex.join([*self._shell.argv, *options])]
            done = child.run(
                [*argv, *arguments], going, target=self.name,
                silence=child.Silence(quiet_s + _MARGIN_S, silence_s(quiet_s, count) + _MARGIN_S, self._alive),
                environ={"RSYNC_PASSWORD": secret} if secret else None,
                line=line if callable(line) else lambda _line: None,
            )  # fmt: skip
        if self._shell is not None and done.code in rsync_words.LATER:
            self._shell.kept.heard(good=False)
        return done

    def _alive(self) -> None:
        """Ask for a sign of life while a run says nothing.

        Raises:
            TargetAway: There is none.
        """
        if self._folder is not None:
            self._folder.ready()
        elif self._shell is None:
            greet(self.name, self._config.path, self._config.quiet_s)
        # SSH asks its host by itself.

    def _address(self, key: str) -> str:
        shown = public_address(self._config.address, self.name, key)
        return shown or self._to + (quote(key, safe="/") if self._config.way == "daemon" else key)


def _plain(name: str) -> str:
    """Return a name as a pattern of rsync that means only itself."""
    return re.sub(r"([\\*?\[])", r"\\\1", name) if re.search(r"[*?\[]", name) else name


def _bytes(items: Mapping[str, Item]) -> int:
    return sum(item.content.bytes for item in items.values())


def _content(source: Path) -> Content:
    with source.open("rb") as file:
        return Content(source.stat().st_size, sha256_of(file, Going(), ""))
