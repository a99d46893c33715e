"""A camera's stream over RTSP, read by ourselves: connecting, choosing tracks, reading, leaving.

One object is one connection; used on the stream's thread, `interrupt` from any.

Not here: when to try again (recording), what a jump or a silent track means (recording).
"""

import time
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from holdfast.core.camera import Sample, Track
from holdfast.core.clock import Clock
from holdfast.core.errors import NoKeyframe, Refused, SourceEnded, SourceError, Stalled, Unreachable, Unsupported
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import SECOND_US
from holdfast.media.source.address import ENDED, Address, words_of
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.direct.dialogue import BadAnswer, Dialogue, Moved
from holdfast.media.source.direct.flow import Flow, Zero
from holdfast.media.source.direct.frames import Frames
from holdfast.media.source.direct.login import Login
from holdfast.media.source.direct.receipts import Receipts
from holdfast.media.source.direct.sdp import Media, parameter_sets, read_sdp
from holdfast.media.source.direct.setup import choose, control_url, rtp_infos, transport_channels
from holdfast.media.source.direct.sound import AacTrack, PcmTrack, make_sound
from holdfast.media.source.direct.video import H264Track, H265Track, VideoTrack
from holdfast.media.source.direct.wire import NoName, Told, Wire
from holdfast.media.source.sets import ParameterSets

_DEFAULT_FPS = 25.0  # chosen: only sets the length of a picture until its successor comes
_TICK_S = 0.25  # chosen: how long one read waits in silence, and so how late a stall may be noticed (R3: 5 s in all)
_ALIGN_US = 700_000  # chosen: cameras that report their clocks do so with the first pictures
_PAUSE_S = 0.05  # chosen: between reads; a tenth of what a fragment waits anyway, against seventy wake-ups a second
_STEADY_US = 3 * SECOND_US  # chosen: until then each arrival counts for where the run is placed in time
_NO_CAMERA = "this may not be an RTSP camera, or its path is wrong"
_OURS = frozenset({"tls_verify"})

Item = Sample | TracksChanged


class DirectSource:
    """A camera's stream over RTSP with RTP interleaved, over TCP (`rtsp`) or TLS (`rtsps`).

    Args:
        plan: What to connect to. `options` may hold `tls_verify`: `1` to refuse certificates that are not trusted.
        clock: Tells when samples arrive, and how long waits last.

    Attributes:
        notes: What a person should know about the stream, such as sound that is not recorded.
    """

    def __init__(self, plan: StreamPlan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._address = Address(plan)
        self._place = f"{self._address.name}: {self._address.host}:{self._address.port}"
        self._wire = Wire(clock)
        self._login = Login(self._address.username, self._address.password)
        self._frames = Frames(self._wire)
        self._talk = Dialogue(self._wire, self._frames, self._login, self._place)
        self._zero = Zero()
        self._out: list[Item] = []
        self._video: VideoTrack | None = None
        self._sounds: list[AacTrack | PcmTrack] = []
        self._receipts = Receipts(self._wire)
        self._deadline_us = 0
        self._stall_us = int(plan.stall_s * SECOND_US)
        self._came_us = 0
        self._due_us = 0
        self._open = False
        self.notes: tuple[str, ...] = ()

    def open(self) -> tuple[Track, ...]:
        """Connect and learn what is sent; see `contract.Source.open`."""
        self._deadline_us = self._clock.boot_us() + int(self._plan.open_timeout_s * SECOND_US)
        failure: SourceError | None = None
        try:
            url = self._address.plain_url
            try:
                self._enter(url)
            except Moved as moved:
                self._enter_elsewhere(url, str(moved))
            self._await_tracks()
        except SourceError as error:
            failure = error
        except (Told, BadAnswer, Moved, OSError, EOFError) as error:
            failure = self._opening_failed(error)
        if failure is not None:
            self.close()
            raise failure from None
        self._wire.patience(min(_TICK_S, self._plan.stall_s))
        self._open = True
        return self._tracks()

    def samples(self) -> Iterator[Item]:
        """Yield what arrives; see `contract.Source.samples`."""
        if not self._open:
            raise SourceEnded(f"{self._address.name}: not open")
        failure: SourceError | None = None
        out = self._out
        self._came_us = self._clock.boot_us()
        steady_us = self._came_us + _STEADY_US
        align_us: int | None = self._came_us + _ALIGN_US if self._sounds and self._video else None
        while failure is None:
            if out and (align_us is None or self._aligned() or self._wire.arrived_us >= align_us):
                align_us = None
                ready = out[:]
                out.clear()
                yield from ready
                if self._wire.arrived_us >= steady_us:
                    # Most wake-ups are for a frame of sound or the rest of a picture; taken together they cost less.
                    time.sleep(_PAUSE_S)
            failure = self._read()
        for sound in self._sounds:
            sound.flush()
        yield from out
        raise failure

    def close(self) -> None:
        """Send `TEARDOWN` and close; waits a moment for the camera to read it."""
        self._open = False
        words = self._talk.leave()
        self._talk.session = ""
        if words and self._wire.connected:
            self._wire.farewell(words)
        self._wire.drop()

    def interrupt(self) -> None:
        """End the present wait at once, and every later one."""
        self._wire.interrupt()

    # --- opening -----------------------------------------------------------------------------------------------------

    def _enter(self, url: str) -> None:
        """Go from nothing to a session that plays."""
        parts = urlsplit(url)
        tls = parts.scheme == "rtsps"
        port = parts.port or (322 if tls else 554)
        verify = self._plan.options.get("tls_verify") == "1"
        talk = self._talk
        talk.deadline_us = self._deadline_us
        self._wire.connect(parts.hostname or "", port, self._deadline_us, tls=tls, verify=verify)
        talk.options(url)
        described = talk.ask("DESCRIBE", url, {"Accept": "application/sdp"})
        headers = described.headers
        base = headers.get("content-base") or headers.get("content-location") or url
        base = urljoin(url, base.strip())
        control, medias = read_sdp(described.body)
        if not medias:
            raise Refused(
                f"{self._place} gave a bad answer: its description names no media",
                hint=_NO_CAMERA,
            )
        whole = control_url(base, control)
        try:
            video, sound = choose(medias, self._plan.audio)
        except Unsupported as error:
            raise Unsupported(f"{self._address.name}: {error}", hint=error.hint) from None
        if video is not None:
            self._add_video(base, video)
        if sound is not None:
            self._add_sound(base, sound, alone=video is None)
        talk.begin(whole)
        played = talk.ask("PLAY", whole, {"Range": "npt=0.000-"})
        self._anchor(played.headers.get("rtp-info", ""))

    def _enter_elsewhere(self, url: str, location: str) -> None:
        """Follow the camera's word once; the password goes to another host only in a form that does not tell it."""
        if urlsplit(location).scheme not in {"rtsp", "rtsps"}:
            raise Refused(f"{self._place} sends elsewhere, but not to an RTSP address")
        before, after = urlsplit(url), urlsplit(location)
        self._login.secretive = before.hostname != after.hostname or (before.scheme, after.scheme) == ("rtsps", "rtsp")
        place = after.netloc.rpartition("@")[2]
        self._frames.messages.clear()
        self._enter(after._replace(netloc=place).geturl())

    def _add_video(self, base: str, media: Media) -> None:
        sets = ParameterSets(media.codec, media.clock, media.frame_rate)
        sets.learn(parameter_sets(media))
        rate = (sets.track.frame_rate if sets.track else 0.0) or media.frame_rate or _DEFAULT_FPS
        flow = Flow(self._zero, 0, media.clock, round(media.clock / rate))
        make = H265Track if media.codec == "hevc" else H264Track
        track = self._video = make(self._wire, media.payload_type, sets, flow, self._tracks, self._out)
        self._set_up(base, media, track, 0)
        self._frames.holders.append((lambda: track.holds, track.detach))

    def _add_sound(self, base: str, media: Media, *, alone: bool) -> None:
        """Set up the sound; where that fails, pictures are worth more."""
        index = 0 if alone else 1
        try:
            sound = make_sound(self._wire, media, self._zero, index, self._out)
            self._set_up(base, media, sound, 1)
        except (Unsupported, Refused) as error:
            self._zero.flows = self._zero.flows[:index]
            if alone:
                raise type(error)(f"{self._address.name}: {error}", hint=error.hint) from None
            self.notes = (*self.notes, f"video alone is recorded: {error}")
            return
        self._sounds.append(sound)

    def _set_up(self, base: str, media: Media, track: "VideoTrack | AacTrack | PcmTrack", number: int) -> None:
        wanted = f"RTP/AVP/TCP;unicast;interleaved={2 * number}-{2 * number + 1}"
        url = control_url(base, media.control)
        answer = self._talk.ask("SETUP", url, {"Transport": wanted})
        channels = transport_channels(answer.headers.get("transport", ""), 2 * number)
        self._frames.takers[channels[0]] = track.packet
        self._frames.takers[channels[1]] = self._receipts.watch(track, track.flow, channels[1], url)

    def _anchor(self, info: str) -> None:
        """Take `RTP-Info`: which RTP times of the tracks are the same instant."""
        told = rtp_infos(info)
        if len(told) == len(self._receipts.watched) and all(stamp is not None for _, stamp in told):
            for watched, (url, stamp) in zip(self._receipts.watched, told, strict=True):
                # In the order of the tracks, unless the addresses say otherwise.
                match = next((at for where, at in told if where and watched.url.endswith(where)), stamp)
                watched.flow.anchor = match if match is not None or url else stamp

    def _await_tracks(self) -> None:
        """Where the description lacks parameter sets, wait for those in the stream."""
        video, wire = self._video, self._wire
        while video is not None and video.track is None:
            try:
                wire.until(self._deadline_us)
                if wire.read():
                    self._frames.walk()
                self._talk.hear()
            except TimeoutError:
                if video.packets:
                    what = "connected, but no parameter sets (SPS, PPS) within the time to open"
                    raise NoKeyframe(f"{self._address.name}: {what}") from None
                raise Stalled(f"{self._address.name}: connected, but no media came") from None
            except EOFError:
                raise Refused(f"{self._address.name}: the stream ended before it began") from None

    def _tracks(self) -> tuple[Track, ...]:
        video = [self._video.track] if self._video is not None and self._video.track is not None else []
        return (*video, *(sound.track for sound in self._sounds))

    # --- reading -----------------------------------------------------------------------------------------------------

    def _read(self) -> SourceError | None:
        """Read once, take what is whole, do what is due; returns why the stream ends, if it does."""
        wire, frames = self._wire, self._frames
        try:
            if wire.read():
                frames.walk()
            now_us = wire.arrived_us
            if now_us >= self._due_us or frames.messages:
                self._due_us = self._chores(now_us)
        except SourceError as error:
            return error
        except (Told, OSError, EOFError) as error:
            return self._reading_failed(error)
        if self._out:
            self._came_us = now_us
        elif now_us - self._came_us >= self._stall_us:
            return self._stalled(self._came_us)
        if self._talk.left:
            return SourceEnded(f"{self._address.name}: the camera ended the stream")
        return None

    def _chores(self, now_us: int) -> int:
        """Answer the camera, and tell it that we are here; returns when to look again."""
        talk = self._talk
        if self._frames.messages:
            talk.hear()
        return self._receipts.chores(now_us, talk)

    def _aligned(self) -> bool:
        """Say whether the tracks' places against each other are known; move what waits once the reports tell."""
        video = self._video
        if video is None:
            return True
        for sound in self._sounds:
            if sound.flow.aligned:
                continue
            off = sound.flow.off(video.flow)
            if off is None:
                return False
            sound.flow.aligned = True
            sound.move(off)
            for item in self._out:
                if isinstance(item, Sample) and item.track == 1:
                    item.dts_ticks += off
                    item.pts_ticks += off
        return True

    # --- failures ----------------------------------------------------------------------------------------------------

    def _interrupted(self) -> SourceError:
        return SourceEnded(f"{self._address.name}: told to stop", hint="")

    def _stalled(self, came_us: int) -> SourceError:
        if self._receipts.packets_since(came_us):
            return Stalled(f"{self._address.name}: data arrives, but no whole picture or sound in it")
        return Stalled(f"{self._address.name}: nothing arrived for {round(self._plan.stall_s, 1):g} s")

    def _opening_failed(self, error: Exception) -> SourceError:
        if isinstance(error, Told):
            return self._interrupted()
        if isinstance(error, OSError) and not self._wire.connected:
            return self._connecting_failed(error)
        code = getattr(error, "errno", None)
        address, place = self._address, self._place
        if isinstance(error, TimeoutError):
            what = f"but it said nothing for {self._plan.open_timeout_s:g} s"
            return Stalled(f"{address.name}: connected to {address.host}:{address.port}, {what}")
        if isinstance(error, EOFError) or code in ENDED:
            return Refused(f"{place} closed the connection while it was being opened")
        if isinstance(error, Moved):
            return Refused(f"{place} sends elsewhere again and again")
        what = "it does not speak RTSP" if isinstance(error, BadAnswer) else address.scrub(_detail(error))
        return Refused(f"{place} gave a bad answer: {what}", hint=_NO_CAMERA)

    def _connecting_failed(self, error: OSError) -> SourceError:
        address, code = self._address, error.errno
        if isinstance(error, TimeoutError) and not code:
            seconds = self._plan.open_timeout_s
            return Unreachable(f"{address.name}: no answer from {address.host}:{address.port} within {seconds:g} s")
        if isinstance(error, NoName):
            return Unreachable(
                f"{address.name}: the name {address.host} cannot be resolved", hint="check the host name"
            )
        return Unreachable(f"{self._place} cannot be reached: {words_of(code)}")

    def _reading_failed(self, error: Exception) -> SourceError:
        if isinstance(error, Told):
            return self._interrupted()
        if isinstance(error, TimeoutError):
            return Stalled(f"{self._place} does not read what is sent to it")
        code = getattr(error, "errno", None)
        return SourceEnded(f"{self._place} closed the connection ({words_of(code)})")


def speaks(plan: StreamPlan) -> bool:
    """Say whether a plan asks for nothing that this reader cannot do."""
    return plan.transport == "tcp" and _OURS.issuperset(plan.options)


def _detail(error: BaseException) -> str:
    """Say what a broken connection told: TLS gives its reason in a name of its own."""
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None)
    return str(reason or type(error).__name__)
