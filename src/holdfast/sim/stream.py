"""One live stream of a simulated camera: what is due now, packed, numbered, and handed to everybody who watches.

A stream costs nothing while nobody watches, and goes on counting all the same. Runs on the simulator's event loop.
Not here: what RTSP says (`connection`), which faults are on (`camera`).
"""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Protocol

from holdfast.core.clock import Clock
from holdfast.sim.ledger import Ledger
from holdfast.sim.mark import mark_text
from holdfast.sim.packets import AUDIO_CHANNEL, VIDEO_CHANNEL, AudioReel, Template, VideoReel, sender_report
from holdfast.sim.rate import CameraClock

VIDEO_RATE = 90_000
BURST_US = 200_000  # chosen: what a camera with a small network buffer does; five pictures at 25 a second
_REPORT_US = 5_000_000  # RFC 3550: five seconds between reports
_LATE_US = 2_000_000  # a process stopped for longer has lost pictures, as a camera would; it does not send them all
_WORD = 0xFFFFFFFF


@dataclass(slots=True)
class Burst:
    """What goes out in one write. `entry` is where a session may begin; `frames`: (end, counter, keyframe)."""

    sent_us: int
    data: bytearray = field(default_factory=bytearray)
    entry: int = -1
    frames: list[tuple[int, int, bool]] = field(default_factory=list)


class Viewer(Protocol):
    """Somebody who is sent a stream."""

    def deliver(self, burst: Burst) -> None:
        """Take it, now: whoever cannot is dropped."""


class Track:
    """Where one track's RTP numbering stands."""

    def __init__(self, channel: int, rate: int, chooser: random.Random) -> None:
        self.channel, self.rate = channel, rate
        self.source = chooser.getrandbits(32)
        self.sequence = chooser.getrandbits(16)
        self.base = chooser.getrandbits(32)
        self.packets = 0
        self.octets = 0
        self.next = 0

    def timestamp(self, ticks: int) -> int:
        """Return the RTP time of a media time, both counted in this track's rate."""
        return (self.base + ticks) & _WORD

    def count(self, template: Template) -> int:
        """Take the sequence numbers for a frame; return the first of them."""
        first = self.sequence
        self.sequence = (first + len(template.patches)) & 0xFFFF
        self.packets += len(template.patches)
        self.octets += template.payload_bytes
        return first


@dataclass(slots=True)
class Mood:
    """What faults make of a stream at the moment."""

    video: VideoReel
    audio: AudioReel | None
    send_video: bool = True
    send_audio: bool = True
    keyframes: bool = True


class LiveStream:
    """Sends one stream of a camera. Call `start`, add and remove viewers, change `mood` through `turn`."""

    def __init__(self, key: str, mood: Mood, pace: CameraClock, clock: Clock, ledger: Ledger, seed: int) -> None:
        self.key = key
        self.mood = mood
        self.pace = pace
        self.bursts = False
        self.on_demand = True
        self._clock, self._ledger = clock, ledger
        chooser = random.Random(seed)  # noqa: S311 - the same seed must give the same stream
        self.video = Track(VIDEO_CHANNEL, VIDEO_RATE, chooser)
        self.audio = Track(AUDIO_CHANNEL, mood.audio.clip.spec.rate if mood.audio else VIDEO_RATE, chooser)
        self._reel = mood.video
        self._index = 0
        self._wants_key = False
        self._skipped = True
        self._report_us = 0
        self._viewers: dict[Viewer, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    # Who watches.

    def add(self, viewer: Viewer) -> None:
        """Begin to send to a viewer, from the next keyframe on."""
        self._viewers[viewer] = None
        self._report_us = 0
        self._wants_key = self._wants_key or self.on_demand
        if self._timer is None:
            self.catch_up()
            self._wait()

    def remove(self, viewer: Viewer) -> None:
        """Send nothing more to a viewer."""
        self._viewers.pop(viewer, None)
        if not self._viewers:
            self.stop()

    def stop(self) -> None:
        """Stop the timer; viewers are the connections' business."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def turn(self, mood: Mood) -> None:
        """Take up another mood; other content begins with a keyframe at the next place where it can."""
        self._wants_key = self._wants_key or mood.keyframes
        self.mood = mood

    def jump(self, seconds: float) -> None:
        """Make RTP time jump; counters and media time go on."""
        for track in (self.video, self.audio):
            track.base = (track.base + round(seconds * track.rate)) & _WORD

    def next_packet(self, track: Track) -> tuple[int, int]:
        """Return sequence number and RTP time of the next packet of a track: for a new session, that of a keyframe."""
        ticks = (
            self._sound_ticks(track.next) if track is self.audio else self._picture_ticks(track.next, self._key_lead)
        )
        return track.sequence, track.timestamp(ticks)

    # What is due.

    def video_due_us(self, counter: int) -> int:
        """Return the media time of a picture."""
        rate = self.mood.video.clip.spec.rate
        return counter * 1_000_000 * rate.denominator // rate.numerator

    def audio_due_us(self, counter: int) -> int:
        """Return the media time of a block of sound."""
        if self.mood.audio is None:
            return 1 << 62
        spec = self.mood.audio.clip.spec
        return counter * spec.frame_samples * 1_000_000 // spec.rate

    def catch_up(self) -> None:
        """Pass over what was due while nobody watched."""
        now_us = max(0, self.pace.media_us())
        rate = self.mood.video.clip.spec.rate
        self.video.next = max(self.video.next, now_us * rate.numerator // (rate.denominator * 1_000_000) + 1)
        self._skipped = True
        if self.mood.audio is not None:
            spec = self.mood.audio.clip.spec
            self.audio.next = max(self.audio.next, now_us * spec.rate // (spec.frame_samples * 1_000_000) + 1)

    def _wait(self) -> None:
        due_us = self.video_due_us(self.video.next)
        if self.bursts:
            due_us = (self.pace.media_us() // BURST_US + 1) * BURST_US
        self._timer = asyncio.get_running_loop().call_later(self.pace.delay_s(due_us), self._tick)

    def _tick(self) -> None:
        now_us = self.pace.media_us()
        if now_us - self.video_due_us(self.video.next) > _LATE_US:
            self._ledger.write("late", stream=self.key, counter=self.video.next)
            self.catch_up()
        burst = self._collect(now_us)
        for viewer in list(self._viewers):
            viewer.deliver(burst)
        if self._viewers:
            self._wait()
        else:
            self._timer = None

    def _collect(self, now_us: int) -> Burst:
        burst = Burst(self._clock.wall_us())
        picture_us, sound_us = self.video_due_us(self.video.next), self.audio_due_us(self.audio.next)
        while min(picture_us, sound_us) <= now_us:
            if picture_us <= sound_us:
                self._add_video(burst, self.video.next)
                self.video.next += 1
                picture_us = self.video_due_us(self.video.next)
            else:
                self._add_audio(burst, self.audio.next)
                self.audio.next += 1
                sound_us = self.audio_due_us(self.audio.next)
        if now_us >= self._report_us:
            self._report_us = now_us + _REPORT_US
            self._add_reports(burst, now_us)
        return burst

    def _add_video(self, burst: Burst, counter: int) -> None:
        if not self.mood.send_video:
            self._skipped = True
            return
        template = self._choose()
        mark = mark_text(self.key, counter, burst.sent_us)
        if burst.entry < 0 and (template.keyframe or not self.mood.keyframes):
            burst.entry = len(burst.data)
        template.append_to(
            burst.data,
            sequence=self.video.count(template),
            timestamp=self.video.timestamp(self._picture_ticks(counter, template.lead)),
            source=self.video.source,
            mark=mark,
        )
        burst.frames.append((len(burst.data), counter, template.keyframe))
        if self._ledger.hashes:
            size, digest = template.size_bytes, template.sha256(mark)
            self._ledger.write("picture", stream=self.key, counter=counter, bytes=size, sha256=digest)

    # In ticks and from the counter, not from rounded microseconds: blocks of 1024 samples are 1024 apart.

    def _picture_ticks(self, counter: int, lead: int) -> int:
        rate = self.mood.video.clip.spec.rate
        return (counter + lead) * VIDEO_RATE * rate.denominator // rate.numerator

    def _sound_ticks(self, counter: int) -> int:
        return counter * self.mood.audio.clip.spec.frame_samples if self.mood.audio else 0

    @property
    def _key_lead(self) -> int:
        return self.mood.video.frames[0].lead

    def _choose(self) -> Template:
        """Return the next picture of the clip, or of another group where faults or new viewers ask for one."""
        frames = self._reel.frames
        # After a pause nothing refers to what was left out, so a group may be left anywhere.
        if frames[self._index].joint or self._skipped:
            if not self.mood.keyframes:
                if frames[self._index].keyframe:
                    self._index = (self._reel.group_start(self._index) + 1) % len(frames)
            elif self._reel is not self.mood.video:
                self._reel, self._index, self._wants_key = self.mood.video, 0, False
                frames = self._reel.frames
            elif self._wants_key:
                self._index, self._wants_key = self._reel.next_key(self._index), False
            self._skipped = False
        template = frames[self._index]
        self._index = (self._index + 1) % len(frames)
        return template

    def _add_audio(self, burst: Burst, counter: int) -> None:
        if not self.mood.send_audio or self.mood.audio is None:
            return
        frames = self.mood.audio.frames
        template = frames[counter % len(frames)]
        if burst.entry < 0 and not self.mood.send_video:
            burst.entry = len(burst.data)  # nothing but sound to begin with
        template.append_to(
            burst.data,
            sequence=self.audio.count(template),
            timestamp=self.audio.timestamp(self._sound_ticks(counter)),
            source=self.audio.source,
        )
        if self._ledger.hashes:
            size, digest = template.size_bytes, template.sha256()
            self._ledger.write("sound", stream=self.key, counter=counter, bytes=size, sha256=digest)

    def _add_reports(self, burst: Burst, now_us: int) -> None:
        wall_us = self.pace.wall_us(now_us)
        sending = (
            (self.video, self.mood.send_video),
            (self.audio, self.mood.send_audio and self.mood.audio is not None),
        )
        for track, sends in sending:
            if sends:
                burst.data += sender_report(
                    track.channel,
                    track.source,
                    wall_us=wall_us,
                    timestamp=track.timestamp(now_us * track.rate // 1_000_000),
                    packets=track.packets,
                    octets=track.octets,
                )
