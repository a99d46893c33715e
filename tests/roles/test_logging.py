import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from holdfast.core.config import load
from holdfast.core.plan import Plan, StreamPlan
from holdfast.library.desired import publish_plan
from holdfast.roles.log_line import ALLOWED, Repeats, Scrubber, console_line
from holdfast.roles.logging import Logs, set_up_logging
from support.clock import PushedClock

log = structlog.get_logger()
Start = Callable[..., Logs]


@pytest.fixture(name="start")
def _start(tmp_path: Path) -> Iterator[Start]:
    started: list[Logs] = []

    def start(role: str = "worker", **more: Any) -> Logs:
        started.append(set_up_logging(role, tmp_path, console=False, **more))
        return started[-1]

    yield start
    for logs in started:
        logs.close()


def _lines(logs: Logs) -> list[dict[str, Any]]:
    logs.close()
    assert logs.path is not None
    return [json.loads(line) for line in logs.path.read_text().splitlines()]


def test_a_line_carries_event_and_facts(start: Start) -> None:
    """One JSON object a line: when, how bad, who, what, which camera and stream, and the facts (C152)."""
    logs = start("recorder-0", clock=PushedClock())
    log.warning("stream.lost", camera="gate", stream="main", after_s=41.2, reason="read timeout")
    [line] = _lines(logs)
    assert list(line) == ["at", "level", "role", "event", "camera", "stream", "after_s", "reason"]
    assert (line["at"], line["level"], line["role"]) == ("2026-09-21T14:13:20.000Z", "warning", "recorder-0")


def test_the_level_changes_at_run_time(start: Start) -> None:
    """A level holds from the next line on, without a restart (C027, F32)."""
    logs = start()
    log.debug("one")
    logs.set_level("debug")
    log.debug("two")
    logs.set_level("error")
    log.warning("three")
    logs.set_level("nonsense")
    log.error("four")
    assert [line["event"] for line in _lines(logs)] == ["two", "four"]


def test_level_sizes_and_secrets_follow_the_plan(start: Start, tmp_path: Path) -> None:
    """A role that reads no configuration logs as the plan says, and goes on to do so when the plan changes (F32)."""
    stream = StreamPlan(camera="gate", stream="main", url="rtsp://h", volume="/v", password="first-pass")
    publish_plan(tmp_path, Plan(streams=(stream,), log_dir=str(tmp_path / "elsewhere"), log_level="warning"))
    logs = start("recorder-1")
    log.info("hidden")
    log.warning("shown", text="first-pass")
    publish_plan(tmp_path, Plan(streams=(), log_level="debug", log_max_bytes=123_456))
    logs._tick()
    log.debug("now", text="still no first-pass")
    lines = _lines(logs)
    assert logs.path == tmp_path / "elsewhere" / "recorder-1.log"
    assert [(line["event"], line["text"]) for line in lines] == [("shown", "****"), ("now", "still no ****")]
    assert logs._file is not None
    assert logs._file.max_bytes == 123_456


def test_the_configuration_serves_before_there_is_a_plan(start: Start, tmp_path: Path) -> None:
    """Roles that read the configuration take folder, level and secrets from it."""
    text = f'state_dir = "{tmp_path}"\n[log]\nlevel = "error"\ndir = "here"\n[volumes.main]\npath = "v"\n'
    text += '[cameras.a]\nurl = "rtsp://u:geheim@h"\n'
    logs = start(loaded=load(tmp_path / "holdfast.toml", {}, text=text))
    log.warning("hidden")
    log.error("shown", why="geheim")
    assert [line["why"] for line in _lines(logs)] == ["****"]
    assert logs.path == tmp_path / "here" / "worker.log"


def test_no_secret_reaches_the_file(start: Start) -> None:
    """Secrets are scrubbed from facts, nested facts, objects, tracebacks and what other libraries say (F61)."""
    logs = start()
    logs.add_secrets(["hunter22", "x"])

    class Thing:
        def __str__(self) -> str:
            return "Thing(hunter22)"

    log.error("nested", url="rtsp://u:other@h/x", deep={"a": ["hunter22", Thing()]}, number=5)
    logging.getLogger("someone").error("they say %s", "hunter22")
    try:
        int("hunter22")
    except ValueError:
        log.exception("failed")
    thread = threading.Thread(target=lambda: int("hunter22"), name="t")
    thread.start()
    thread.join()
    logs.close()
    assert logs.path is not None
    text = logs.path.read_text()
    assert "hunter22" not in text
    assert "other" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["event"] for line in lines] == ["nested", "they say ****", "failed", "crashed"]
    assert "Traceback" in lines[2]["exception"]
    assert lines[3]["thread"] == "t"


def test_repetitions_are_collapsed_and_counted() -> None:
    """A message that repeats is written ten times a minute, the rest is one line with their number (F31)."""
    clock = PushedClock()
    repeats = Repeats(clock)
    line = {"level": "warning", "event": "read.failed", "camera": "gate"}
    written = sum(repeats.admit({**line, "number": number}) for number in range(1000))
    assert written == ALLOWED
    assert repeats.admit({**line, "camera": "door"})
    assert repeats.due() == []
    clock.advance(61)
    assert repeats.due() == [{**line, "repeated": 1000 - ALLOWED, "in_s": 60.0}]
    assert repeats.admit(line)


def test_a_day_at_debug_stays_below_the_cap(start: Start, tmp_path: Path) -> None:
    """A day of one line a frame from 16 cameras takes less than the configured space (F31)."""
    text = f'state_dir = "{tmp_path}"\n[log]\nlevel = "debug"\nmax_bytes = 20000\nkeep = 2\n'
    clock = PushedClock()
    logs = start(loaded=load(tmp_path / "holdfast.toml", {}, text=text), clock=clock)
    for _minute in range(24 * 6):
        for camera in range(16):
            for frame in range(25):
                log.debug("frame", camera=f"c{camera}", frame=frame)
        clock.advance(600)
    logs.close()
    sizes = [path.stat().st_size for path in (tmp_path / "log").iterdir()]
    assert 0 < sum(sizes) <= 3 * 20_000


def test_processes_of_one_name_have_files_of_their_own(start: Start) -> None:
    """Two processes that call themselves the same do not write into one file."""
    first, second = start("record"), start("record")
    assert first.path != second.path
    assert second.path is not None
    assert second.path.name == "record_2.log"


def test_a_log_folder_that_cannot_be_written_raises_nothing(start: Start, tmp_path: Path) -> None:
    """With a file in the place of the folder, logging goes on without a file."""
    (tmp_path / "log").write_text("in the way")
    logs = start()
    log.error("nobody hears this")
    logs.close()
    assert (tmp_path / "log").read_text() == "in the way"


def test_facts_that_cannot_be_written_do_not_raise(start: Start) -> None:
    """A fact that contains itself costs the facts, not the line."""
    logs = start()
    loop: list[Any] = []
    loop.append(loop)
    log.info("odd", loop=loop, camera="gate")
    [line] = _lines(logs)
    assert (line["event"], line["unprintable"]) == ("odd", "RecursionError")


def test_warnings_of_libraries_are_logged(start: Start) -> None:
    """What Python warns about lands in the log, too."""
    logs = start()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old habits", DeprecationWarning, stacklevel=1)
    assert "old habits" in _lines(logs)[0]["event"]


def test_closing_gives_everything_back(no_leaks: None, start: Start) -> None:
    """After many starts and ends no thread, handler or descriptor is left."""
    start().close()
    handlers = len(logging.getLogger().handlers)
    for _ in range(50):
        start().close()
    assert len(logging.getLogger().handlers) == handlers


def test_lines_of_the_last_moment_are_there(tmp_path: Path) -> None:
    """A process that ends at once, or by an error nobody caught, leaves its last lines, and no bare traceback."""
    program = (
        "import structlog\nfrom pathlib import Path\nfrom holdfast.roles.logging import set_up_logging\n"
        f"logs = set_up_logging('x', Path({str(tmp_path)!r}), console=False)\nlogs.add_secrets(['hunter22'])\n"
        "structlog.get_logger().info('last')\nraise ValueError('hunter22')\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1
    assert "hunter22" not in result.stderr
    events = [json.loads(line)["event"] for line in (tmp_path / "log" / "x.log").read_text().splitlines()]
    assert events == ["last", "crashed"]


LINE = {"at": "2026-09-21T14:13:20.000Z", "level": "warning", "role": "worker", "event": "e", "camera": "a b", "n": 1}


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("plain", '2026-09-21T14:13:20.000Z warning  worker e camera="a b" n=1'),
        ("journal", '<4>e camera="a b" n=1'),
    ],
)
def test_lines_suit_who_reads_them(style: str, text: str) -> None:
    """The journal gets a priority and no time of ours; a pipe gets everything (C152)."""
    assert console_line(LINE, style) == text
    below = console_line({**LINE, "exception": "one\ntwo"}, style).splitlines()
    assert len(below) == 3
    assert style != "journal" or all(line.startswith("<4>") for line in below)


def test_a_pipe_is_written_to_and_a_closed_one_does_no_harm(tmp_path: Path) -> None:
    """In a container lines go to standard error; when that is closed, the file still has them."""
    program = (
        "import sys, structlog\nfrom pathlib import Path\nfrom holdfast.roles.logging import set_up_logging\n"
        f"logs = set_up_logging('x', Path({str(tmp_path)!r}))\n"
        "structlog.get_logger().info('seen')\nsys.stdin.readline()\nstructlog.get_logger().info('unseen')\nlogs.close()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stderr is not None
        assert child.stdin is not None
        assert b" info " in child.stderr.readline()
        child.stderr.close()
        child.stdin.write(b"\n")
        child.stdin.close()
        child.wait(60)
    assert "unseen" in (tmp_path / "log" / "x.log").read_text()


def test_short_words_are_not_secrets() -> None:
    """A password of one or two letters does not blacken the whole log."""
    scrubber = Scrubber(["a", "abc", "abcd"])
    assert scrubber.clean("a abc abcd") == "a abc ****"
