"""HLS from somebody else's server: read by libav, recorded without encoding again.

Whole files of some seconds arrive at once, so samples are handed out at the pace at which they were made: each comes
when it is its turn, counted from the first, and the count begins later where the server was late. Reading begins three
files before the newest, so that a late one is no gap (RFC 8216, 6.3.3); where the list says how long those last,
samples are said to have arrived that much earlier, which is when they were made but for a file's length. One variant of
several is read: the best for a main stream, the least for a sub stream.

In the source's own process; a thread reads ahead.

Not here: fetching the list for the first time (http), tracks and samples (assembly).
"""

import queue
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import av
import av.error
import av.logging

from holdfast import __version__
from holdfast.core.camera import Sample, Track
from holdfast.core.clock import Clock
from holdfast.core.errors import AuthFailed, Refused, SourceEnded, SourceError, Stalled
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import SECOND_US, ticks_to_us
from holdfast.media.source.address import Address
from holdfast.media.source.assembly import Assembly
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.failures import listen_to_libav
from holdfast.media.source.patience import Patience

LISTS = frozenset({"application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl"})
"""Content types of lists (RFC 8216, section 4)."""

_BANDWIDTH = re.compile(r"(?:^|[:,])BANDWIDTH=(\d+)")
_LENGTH = re.compile(r"#EXTINF:(\d+(?:\.\d+)?)")
_BEHIND = 3  # files
_TARGET = re.compile(r"#EXT-X-TARGETDURATION:(\d+)")
_SOUND_APART = re.compile(r"#EXT-X-MEDIA:.*TYPE=AUDIO.*URI=")
_USUAL_TARGET_S = 6.0  # what most servers take; a list of lists does not say it
_QUIET_TARGETS = 3.0  # RFC 8216, 6.2.2: a new file comes within one and a half target durations; lists may be late
_ROOM = 4000  # chosen: packets read ahead, half a minute of pictures and sound; more waits at the server
_LEAVE_S = 0.3  # chosen: libav looks up ten times a second
_TICK_S = 0.1  # how late an interruption is noticed while a sample waits for its time
_FORGIVEN_US = 20_000  # chosen: a server that is later than this moves everything that follows
_FAR_US = 60 * SECOND_US  # chosen: no list is this far ahead of its time; a clock that jumped begins anew
_PROTOCOLS = "http,https,tcp,tls,crypto"  # a list must not lead to files of this machine

Item = Sample | TracksChanged


class HlsSource:
    """One list, followed until it ends.

    Args:
        plan: Who we are there.
        clock: Paces the samples and tells when they arrive.
        url: Where the list was found, without credentials.
        text: What stood in it.

    Attributes:
        notes: What a person should know about the stream.
        quiet_s: For how long it may be silent: files come whole.
    """

    def __init__(self, plan: StreamPlan, clock: Clock, url: str, text: str) -> None:
        self._plan = plan
        self._clock = clock
        self._address = Address(plan)
        self._name = str(plan.key)
        self._url, self._whole = chosen(url, text, best=plan.stream == "main")
        target = _TARGET.search(text)
        self.quiet_s = _QUIET_TARGETS * (float(target[1]) if target else _USUAL_TARGET_S)
        lengths = [float(length) for length in _LENGTH.findall(text)]
        self._lead_us = 0 if self._whole else round(sum(lengths[-_BEHIND:]) * SECOND_US)
        self._apart = _SOUND_APART.search(text) is not None
        self._patience = Patience()
        self._container: Any = None
        self._assembly: Assembly | None = None
        self._packets: Iterator[Any] = iter(())
        self._early: list[Item] = []
        self._tracks: tuple[Track, ...] = ()
        self._fetched: queue.Queue[list[Item] | SourceError] = queue.Queue(_ROOM)
        self._thread = threading.Thread(name="list")
        self._start: tuple[int, int] | None = None
        self.notes: tuple[str, ...] = ()
        listen_to_libav()

    def open(self, within_s: float) -> tuple[Track, ...]:
        """Open the list and learn what is in it.

        Raises:
            SourceError: It cannot be had, or what is in it cannot be recorded.
        """
        self._patience.allow(within_s)
        failure: SourceError | None = None
        with av.logging.Capture() as logs:
            try:
                with self._patience:
                    self._container = av.open(
                        self._secret(), "r", format="hls", options=self._options(), timeout=(within_s, None)
                    )
            except (av.error.FFmpegError, OSError, ValueError) as error:
                failure = self._refusal(error, within_s, logs)
        if failure is None:
            failure = self._learn(within_s)
        if failure is not None:
            self.close()
            raise failure
        self._patience.deadline_s = None
        assembly = self._assembly
        self._tracks = () if assembly is None else assembly.tracks()
        self._thread = threading.Thread(target=self._fetch, args=(assembly,), name="list", daemon=True)
        return self._tracks

    def samples(self) -> Iterator[Item]:
        """Yield what is in the list's files, each at its time; see `contract.Source.samples`."""
        if self._assembly is None:
            raise SourceEnded(f"{self._name}: not open")
        for item in self._early:
            yield self._paced(item)
        self._thread.start()
        while True:
            try:
                came = self._fetched.get(timeout=_TICK_S)
            except queue.Empty:
                if self._patience.told:
                    raise SourceEnded(f"{self._name}: told to stop", hint="") from None
                continue
            if isinstance(came, SourceError):
                raise came
            for item in came:
                yield self._paced(item)

    def _fetch(self, assembly: Assembly) -> None:
        """Read ahead: a list forgets its files, whether or not it was their turn. The thread of the connection."""
        failure: SourceError | None = None
        while failure is None:
            packet, failure = self._next()
            if packet is None:
                break
            items = assembly.feed(packet, self._clock.boot_us())
            if items:
                self._put(items)
        self._put(list(assembly.flush()))
        self._put(failure or SourceEnded(f"{self._name}: the list has come to its end"))

    def _put(self, what: list[Item] | SourceError) -> None:
        while not self._patience.told:
            try:
                self._fetched.put(what, timeout=_TICK_S)
            except queue.Full:
                continue
            return

    def close(self) -> None:
        """Hang up."""
        self._patience.interrupt()
        if self._thread.is_alive():
            self._thread.join(_LEAVE_S)
        container, self._container = self._container, None
        self._assembly = None
        # Where libav does not let go of the thread, container and thread end with the process.
        if container is not None and not self._thread.is_alive():
            self._patience.allow(1.0)
            with self._patience, suppress(av.error.FFmpegError):
                container.close()

    def interrupt(self) -> None:
        """End the present wait within a tenth of a second."""
        self._patience.interrupt()

    def _options(self) -> dict[str, str]:
        return {
            # A list that has its end is played from its beginning.
            "live_start_index": "0" if self._whole else f"-{_BEHIND}",
            "protocol_whitelist": _PROTOCOLS,
            # Anything may be the name of a segment; what is in it is looked at, and nothing of this machine is opened.
            "extension_picky": "0",
            "http_persistent": "1",
            "user_agent": f"holdfast/{__version__}",
            "rw_timeout": str(int(max(self._plan.stall_s, self.quiet_s) * SECOND_US)),
            "tls_verify": self._plan.options.get("tls_verify", "0"),
        }

    def _secret(self) -> str:
        """Return the list's address with credentials, where it is the host that they are for."""
        parts, address = urlsplit(self._url), self._address
        if not address.username or parts.hostname != address.host:
            return self._url
        user = f"{quote(address.username, safe='')}:{quote(address.password, safe='')}"
        return parts._replace(netloc=f"{user}@{parts.netloc}").geturl()

    def _learn(self, within_s: float) -> SourceError | None:
        """Build the tracks; MPEG-TS brings its parameters in the stream."""
        try:
            assembly = self._assembly = Assembly(self._container, self._plan.audio, live=False)
        except SourceError as error:
            return type(error)(f"{self._name}: {error}", hint=error.hint)
        self._packets = self._container.demux(assembly.streams)
        while not assembly.ready:
            packet, failure = self._next()
            if self._patience.over:
                return Stalled(f"{self._name}: no {assembly.waits_for} within {within_s:.1f} s")
            if packet is None:
                return failure or Refused(f"{self._name}: the list ended before it began")
            self._early += assembly.feed(packet, self._clock.boot_us())
        self.notes = tuple(assembly.notes)
        if self._apart and len(assembly.tracks()) == 1 and self._plan.audio != "off":
            self.notes = (*self.notes, "video alone is recorded: the sound is in a list of its own")
        return None

    def _paced(self, item: Item) -> Item:
        """Wait until it is this item's turn; it arrives then. The first track waits, the other one goes along."""
        if isinstance(item, TracksChanged):
            self._tracks = item.tracks
            return item
        at_us = ticks_to_us(item.dts_ticks, self._tracks[item.track].timescale)
        now_us = self._clock.boot_us()
        if self._start is None or abs(at_us - self._start[0] - (now_us - self._start[1])) > _FAR_US:
            self._start = (at_us, now_us)
        due_us = self._start[1] + at_us - self._start[0]
        if item.track == 0:
            if now_us - due_us > _FORGIVEN_US:
                self._start, due_us = (at_us, now_us), now_us
            while (left_us := due_us - self._clock.boot_us()) > 0 and not self._patience.told:
                self._clock.sleep(min(left_us / SECOND_US, _TICK_S))
        item.arrived_us = min(due_us, self._clock.boot_us()) - self._lead_us
        return item

    def _next(self) -> tuple[Any, SourceError | None]:
        if self._patience.told:
            return None, SourceEnded(f"{self._name}: told to stop", hint="")
        try:
            with self._patience:
                packet = next(self._packets, None)
        except (av.error.FFmpegError, OSError) as error:
            return None, self._broken(error)
        return (None, None) if packet is None or not packet.size else (packet, None)

    def _broken(self, error: av.error.FFmpegError | OSError) -> SourceError:
        """Say what an error means in mid-flow."""
        if self._patience.told:
            return SourceEnded(f"{self._name}: told to stop", hint="")
        if isinstance(error, av.error.ExitError | av.error.TimeoutError):
            return Stalled(f"{self._name}: no new file in the list")
        words = self._address.scrub((error.strerror or type(error).__name__).lower())
        return SourceEnded(f"{self._name}: the list broke off: {words}")

    def _refusal(self, error: Exception, within_s: float, logs: list[Any]) -> SourceError:
        """Say what it means that libav cannot open a list that we could read."""
        if self._patience.told:
            return SourceEnded(f"{self._name}: told to stop", hint="")
        if self._patience.over or isinstance(error, av.error.ExitError):
            return Stalled(f"{self._name}: the list is there, but nothing that it names came within {within_s:.1f} s")
        said = " ".join(str(entry[2]) for entry in logs)
        if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError) or " 401" in said:
            return AuthFailed(f"{self._name}: {self._address.host} gives the list, but not its files")
        words = self._address.scrub((getattr(error, "strerror", None) or type(error).__name__).lower())
        return Refused(
            f"{self._name}: the list of {self._address.host} cannot be played: {words}",
            hint="open it in another player; its files may be gone, or encrypted",
        )


def chosen(url: str, text: str, *, best: bool) -> tuple[str, bool]:
    """Choose one variant of a list of lists.

    Args:
        url: Where the list was found.
        text: The list.
        best: Take the one with the most bits, else the one with the fewest.

    Returns:
        Where to read on, and whether the list is known to be whole already.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    variants: list[tuple[int, str]] = []
    for line, following in pairwise(lines):
        if line.startswith("#EXT-X-STREAM-INF:") and not following.startswith("#"):
            found = _BANDWIDTH.search(line)
            variants.append((int(found[1]) if found else 0, following))
    if not variants:
        return url, "#EXT-X-ENDLIST" in lines
    pick = max if best else min
    return urljoin(url, pick(variants, key=lambda one: one[0])[1]), False
