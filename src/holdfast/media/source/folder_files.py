"""Reading one file of somebody else's folder while that somebody may write, replace or remove it.

A file is opened once and looked at as what was opened: another one that takes its name meanwhile is another file. What
changed while it was read is not believed (F13). Nothing is ever written there. Any thread.

Not here: noticing files (folder_watch), what is made of them (folder_pictures, folder_segments).
"""

import errno
import os
import stat
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast.media.source.folder_names import HEAD_BYTES, MOST_PICTURE_BYTES, PICTURES, Form, form_of, whole
from holdfast.media.source.picture_size import MOST_PIXELS, size_of

_TICK_NS = 10_000_000  # the longest tick that Linux is built with (HZ=100); modification times are no finer
_REMEMBERED = 2000  # chosen: names of seven minutes at five a second; a picture is renamed sooner

Mark = tuple[int, int, int, int]
"""Device, inode, modification time in ns and size: the same file with the same content, whatever it is called."""


@dataclass(frozen=True, slots=True)
class Found:
    """An open file that is one to take, until the block around it ends.

    Attributes:
        fd: Its descriptor.
        form: What it is.
        mark: Which file it is.
        modified_us: When it was last written, microseconds since the epoch, UTC.
        body: The whole of a picture; empty for a segment.
    """

    fd: int
    form: Form
    mark: Mark
    modified_us: int
    body: bytes

    @property
    def same(self) -> bool:
        """Whether nobody has written to it since it was opened."""
        return _mark(os.fstat(self.fd)) == self.mark


class NotTaken(Exception):
    """A file is passed over; the text says why. `unfinished` ones may be whole when they are written to again."""

    def __init__(self, why: str, *, unfinished: bool = False) -> None:
        super().__init__(why)
        self.unfinished = unfinished


class Taken:
    """Remembers which files were taken, so that one that is renamed afterwards is not taken again."""

    def __init__(self) -> None:
        self._marks: OrderedDict[Mark, None] = OrderedDict()

    def add(self, mark: Mark) -> None:
        """Note one."""
        self._marks[mark] = None
        if len(self._marks) > _REMEMBERED:
            self._marks.popitem(last=False)

    def __contains__(self, mark: Mark) -> bool:
        return mark in self._marks


@contextmanager
def opened(path: Path) -> Iterator[Found]:
    """Open a file and see what it is; a picture is read whole. Links lead out of the folder and are not followed.

    Raises:
        NotTaken: It is nothing to take, now or ever.
    """
    fd = _open(path)
    try:
        facts = _rested(fd)
        if not stat.S_ISREG(facts.st_mode):
            raise NotTaken("not a file")
        try:
            head = os.pread(fd, HEAD_BYTES, 0)
            form = form_of(head)
            if form is None:
                words = "neither a picture nor a segment" if head else "empty"
                raise NotTaken(words, unfinished=len(head) < HEAD_BYTES)
            body = _picture(fd, facts, form) if form in PICTURES else b""
        except OSError as error:
            raise NotTaken(f"cannot be read: {(error.strerror or 'error').lower()}") from None
        found = Found(fd, form, _mark(facts), facts.st_mtime_ns // 1000, body)
        if body and not found.same:
            raise NotTaken("it is being written", unfinished=True)
        yield found
    finally:
        os.close(fd)


def _rested(fd: int) -> os.stat_result:
    """Look at a file once its time tells whether anybody writes from now on: kernels count it in ticks."""
    facts = os.fstat(fd)
    young_ns = time.time_ns() - facts.st_mtime_ns
    if 0 <= young_ns < _TICK_NS:
        time.sleep((_TICK_NS - young_ns) / 1e9)
        return os.fstat(fd)
    return facts


def _open(path: Path) -> int:
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return _open_in(folder, path.name)
        finally:
            os.close(folder)
    except FileNotFoundError:
        raise NotTaken("it was removed, or given another name") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotTaken("a link") from None
        raise NotTaken(f"cannot be opened: {(error.strerror or 'error').lower()}") from None


def _open_in(folder: int, name: str) -> int:
    # A pipe must not hold us. With a link whoever writes here would choose what of all that we may read viewers see.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        # Somebody may go by when a file was last read; only its owner may leave that as it is (open(2)).
        return os.open(name, flags | getattr(os, "O_NOATIME", 0), dir_fd=folder)
    except PermissionError:
        return os.open(name, flags, dir_fd=folder)


def _picture(fd: int, facts: os.stat_result, form: Form) -> bytes:
    if facts.st_size > MOST_PICTURE_BYTES:
        raise NotTaken(f"a picture of more than {MOST_PICTURE_BYTES >> 20} MiB")
    body = bytearray()
    while more := os.pread(fd, MOST_PICTURE_BYTES + 1 - len(body), len(body)):
        body += more
    if len(body) > MOST_PICTURE_BYTES or not whole(bytes(body), form):
        raise NotTaken("not whole yet, or broken off", unfinished=True)
    size = size_of(bytes(body), form)
    if size is not None and size[0] * size[1] > MOST_PIXELS:
        raise NotTaken(f"a picture of more than {MOST_PIXELS // 1_000_000} megapixels")
    return bytes(body)


def _mark(facts: os.stat_result) -> Mark:
    return (facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size)
