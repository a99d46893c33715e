"""What every camera is doing now, and the one sentence that says whether all is well.

Read from the status files of the runtime folder and from the last plan, so it works while anything is down: a stream of
the plan without a fresh file is a stream that nobody records, and that is said, not guessed around.

Pure but for reading those files. Not here: how it looks on a terminal (cli.status).
"""

import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from holdfast.core.errors import BadInput
from holdfast.core.gap import MEANING, GapReason
from holdfast.core.plan import Plan, StreamPlan
from holdfast.core.status import FRESH_S, SETTLING_S, StreamState, StreamStatus, status_name
from holdfast.core.timing import iso, span_words
from holdfast.library.troubles import notices, troubles_of

GONE_HINT = "holdfast run starts recording; holdfast logs says why it ended"


class Health(StrEnum):
    """How a thing is, in the order in which it worries: the worst one speaks in the state sentence."""

    WELL = "well"
    OFF = "off"
    SETTLING = "settling"
    DEGRADED = "degraded"
    LOST = "lost"


_ORDER = list(Health)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamNow:
    """One stream as it stands.

    Attributes:
        status: The last word of its recorder, or a blank one where there never was any.
        fresh: The recorder is there: its word is not older than a few seconds.
        health: What to think of it.
        words: The same in words, without the camera's name.
        hint: What to do, where there is something to do.
        gap_since_us: Since when there is no footage, or None while there is.
        frame_age_s: Seconds since its newest sample, or None.
    """

    status: StreamStatus
    fresh: bool
    health: Health
    words: str
    hint: str = ""
    gap_since_us: int | None = None
    frame_age_s: float | None = None

    @property
    def name(self) -> str:
        """`gate`, or `gate/sub`."""
        return self.status.camera if self.status.stream == "main" else f"{self.status.camera}/{self.status.stream}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for `--json`."""
        derived = {
            "fresh": self.fresh, "health": self.health.value, "words": self.words,
            "gap_since_us": self.gap_since_us, "frame_age_s": self.frame_age_s,
        }  # fmt: skip
        return {**asdict(self.status), "state": self.status.state.value, "hint": self.hint, **derived}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeNow:
    """Everything on this node as it stands.

    Attributes:
        sentence: The one thing to read.
        hint: What to do about it.
        well: Nothing needs a person.
        streams: Every stream of the plan, in its order, then recorded ones that it does not name.
        supervisor: Content of `supervisor.json` while it is fresh, else None.
        worker: Content of `worker.json` while it is fresh, else None.
        server: Content of `server.json` while it is fresh, else None.
        watcher: Content of `watcher.json` while it is fresh, else None.
        troubles: What is wrong besides cameras.
        notices: What is worth a word and nothing is wrong with yet: disks that fill.
    """

    sentence: str
    hint: str
    well: bool
    streams: tuple[StreamNow, ...] = ()
    supervisor: dict[str, Any] | None = None
    worker: dict[str, Any] | None = None
    server: dict[str, Any] | None = None
    watcher: dict[str, Any] | None = None
    troubles: tuple[str, ...] = field(default=())
    notices: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for `--json`."""
        return {
            "sentence": self.sentence,
            "hint": self.hint,
            "well": self.well,
            "troubles": list(self.troubles),
            "notices": list(self.notices),
            "streams": [stream.to_dict() for stream in self.streams],
            "supervisor": self.supervisor,
            "worker": self.worker,
            "server": self.server,
            "watcher": self.watcher,
        }


def read_now(plan: Plan | None, runtime_dir: Path, now_us: int) -> NodeNow:
    """Look at the node.

    Args:
        plan: What is to be recorded, as last published, or None where nothing ever was.
        runtime_dir: Folder of the status files; need not exist.
        now_us: Wall time.

    Returns:
        What every stream is doing. Missing, stale and damaged files are part of the answer, not errors.
    """
    wanted = () if plan is None else plan.streams
    streams = [_stream_now(item, _read_status(runtime_dir, item.camera, item.stream), now_us) for item in wanted]
    known = {(item.camera, item.stream) for item in wanted}
    others = [s for s in _other_statuses(runtime_dir, known) if _is_fresh(s.at_us, now_us)]
    streams.extend(_judge(status, now_us) for status in others if status.state is not StreamState.OFF)
    supervisor = _read_role(runtime_dir / "supervisor.json", now_us)
    worker = _read_role(runtime_dir / "worker.json", now_us)
    server = _read_role(runtime_dir / "server.json", now_us)
    watcher = _read_role(runtime_dir / "watcher.json", now_us)
    troubles = tuple(troubles_of(supervisor, worker, server, watcher))
    sentence, hint, well = _sentence(streams, troubles, running=supervisor is not None)
    return NodeNow(
        sentence=sentence, hint=hint, well=well, streams=tuple(streams),
        supervisor=supervisor, worker=worker, server=server, watcher=watcher,
        troubles=troubles, notices=tuple(notices(worker)),
    )  # fmt: skip


def spilling(plan: Plan | None, runtime_dir: Path, now_us: int) -> str:
    """Say why a stream's files go to their volume although they should lie in memory first; empty where none does."""
    for item in () if plan is None else plan.streams:
        status = _read_status(runtime_dir, item.camera, item.stream) if item.memory else None
        if status is not None and status.memory and _is_fresh(status.at_us, now_us):
            return f"{item.key}: {status.memory}"
    return ""


def _is_fresh(at_us: int, now_us: int) -> bool:
    # A file from the future is one from before the clock was set back; its writer rewrites it within a second.
    return abs(now_us - at_us) <= FRESH_S * 1e6


def _read_status(runtime_dir: Path, camera: str, stream: str) -> StreamStatus | None:
    try:
        return StreamStatus.from_json((runtime_dir / status_name(camera, stream)).read_bytes())
    except (OSError, BadInput):
        return None


def _other_statuses(runtime_dir: Path, known: set[tuple[str, str]]) -> list[StreamStatus]:
    """Recordings by hand, and cameras that left the plan a moment ago."""
    found = []
    for path in sorted(runtime_dir.glob("*.*.json")) if runtime_dir.is_dir() else ():
        camera, _, stream = path.name.removesuffix(".json").rpartition(".")
        status = None if (camera, stream) in known else _read_status(runtime_dir, camera, stream)
        if status is not None:
            found.append(status)
    return found


def _read_role(path: Path, now_us: int) -> dict[str, Any] | None:
    try:
        body = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    usable = isinstance(body, dict) and isinstance(body.get("at_us"), int) and _is_fresh(body["at_us"], now_us)
    return body if usable and body.get("state") != "stopped" else None


def _stream_now(plan: StreamPlan, status: StreamStatus | None, now_us: int) -> StreamNow:
    if status is not None and _is_fresh(status.at_us, now_us):
        return _judge(status, now_us)
    if plan.capture.mode == "off":
        blank = StreamStatus(camera=plan.camera, stream=plan.stream, state=StreamState.DISABLED)
        return StreamNow(status=blank, fresh=False, health=Health.OFF, words="switched off in the configuration")
    if status is None:
        blank = StreamStatus(camera=plan.camera, stream=plan.stream, state=StreamState.OFF)
        return StreamNow(status=blank, fresh=False, health=Health.LOST, words="no recorder is running", hint=GONE_HINT)
    gone = replace(
        status, state=StreamState.OFF, reason=GapReason.RECORDER_DOWN.value, fps=0.0, bitrate_bps=0, retry_in_s=None
    )
    return StreamNow(
        status=gone, fresh=False, health=Health.LOST,
        words=f"its recorder has been gone for {span_words((now_us - status.at_us) / 1e6)}",
        hint=GONE_HINT, gap_since_us=status.media_end_us or status.at_us,
        frame_age_s=_age_s(status, now_us),
    )  # fmt: skip


def _judge(status: StreamStatus, now_us: int) -> StreamNow:
    """Turn a fresh word of a recorder into a verdict."""
    lasts_s = max(0.0, (now_us - status.since_us) / 1e6)
    state, health, words, hint = status.state, Health.WELL, "recording", status.hint
    gap_since_us: int | None = None
    if state is StreamState.RECORDING:
        if status.mismatch:
            health, words = Health.DEGRADED, f"recording, but not what is expected: {'; '.join(status.mismatch)}"
            hint = hint or "holdfast cameras test compares each camera with the configuration"
        elif status.notes:
            words = f"recording; {'; '.join(status.notes)}"
        elif status.dropped_samples:
            words = f"recording; {status.dropped_samples} samples were dropped because the disk was slow"
    elif state in {StreamState.DISABLED, StreamState.OFF_SCHEDULE}:
        health = Health.OFF
        words = "switched off" if state is StreamState.DISABLED else "outside its hours"
    elif state is StreamState.STARTING and lasts_s < SETTLING_S and not status.reason:
        health, words, gap_since_us = Health.SETTLING, "connecting", status.since_us
    else:
        health, words = Health.LOST, f"not recording for {span_words(lasts_s)}: {_why(status)}"
        gap_since_us = status.since_us
    return StreamNow(
        status=status, fresh=True, health=health, words=words, hint=hint,
        gap_since_us=gap_since_us, frame_age_s=_age_s(status, now_us),
    )  # fmt: skip


def _age_s(status: StreamStatus, now_us: int) -> float | None:
    return None if status.last_sample_us is None else round(max(0.0, (now_us - status.last_sample_us) / 1e6), 1)


def _why(status: StreamStatus) -> str:
    if status.detail:
        # Errors name their stream first; whoever reads this knows already which one it is about.
        return status.detail.removeprefix(f"{status.camera}/{status.stream}: ")
    try:
        return MEANING[GapReason(status.reason)]
    except ValueError:
        return status.reason or status.state.value


def _nothing(running: bool, troubles: tuple[str, ...]) -> tuple[str, str, bool]:  # noqa: FBT001 - a private pair of facts
    if not running:
        return ("Nothing is recording: no recorder is running", "holdfast run starts it", False)
    if troubles:
        return (f"Nothing is recording: {troubles[0]}", "holdfast logs shows more", False)
    return ("Nothing is recording yet: recorders are starting", "", False)


def _sentence(streams: list[StreamNow], troubles: tuple[str, ...], *, running: bool) -> tuple[str, str, bool]:
    """Return the state sentence, what to do, and whether all is well: the worst thing speaks."""
    if not streams:
        hint = "holdfast run starts recording; holdfast init writes a configuration, holdfast demo shows it all"
        return (troubles[0] if troubles else "Nothing is being recorded here", hint, False)
    worst = max(streams, key=lambda s: _ORDER.index(s.health))
    wanted = [s for s in streams if s.health is not Health.OFF]
    if wanted and not any(s.fresh for s in wanted):
        said = _nothing(running, troubles)
    elif worst.health in {Health.LOST, Health.DEGRADED}:
        more = sum(s.health is worst.health for s in streams) - 1
        also = f" ({more} more like this)" if more else ""
        text = f"{worst.name} is {worst.words}" if worst.fresh else f"{worst.name}: {worst.words}"
        said = (text + also, worst.hint, False)
    elif troubles:
        said = (f"{_good_news(streams)}, but {troubles[0]}", "holdfast doctor explains it", False)
    else:
        said = (_good_news(streams), "", True)
    return said


def _good_news(streams: list[StreamNow]) -> str:
    recording = sum(s.status.state is StreamState.RECORDING for s in streams)
    connecting = [s for s in streams if s.health is Health.SETTLING]
    off = sum(s.health is Health.OFF for s in streams)
    if connecting:
        return f"{connecting[0].name} is connecting; {recording} of {len(streams) - off} recording"
    if recording == 0:
        return "Nothing is to be recorded now: every camera is off or outside its hours"
    return (f"all {recording} recording" if recording > 1 else "recording") + (f", {off} off" if off else "")


def gap_words(stream: StreamNow) -> str:
    """Say since when a stream has no footage, with the instant; empty while it has."""
    return "" if stream.gap_since_us is None else f"gap since {iso(stream.gap_since_us)}"
