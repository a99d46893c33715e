"""Tiers of a camera that is being recorded: real child processes, their spools, and what becomes of both."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.errors import NotFound, SourceEnded, TooMany, UsageError
from holdfast.core.timing import SECOND_US
from holdfast.library import footage
from holdfast.library import tiers as module
from holdfast.library.following import Tail
from holdfast.library.tier_child import Spool
from holdfast.library.tiers import Tiers
from support.clips import write_run
from support.media import GATE, WALL_US, encode
from support.pictures import Recorded, being_recorded, numbers_in, tell, walls_of
from support.recording import ledger_of, play, until

KEY = StreamKey("cam1", "main")
pytestmark = pytest.mark.needs("ffprobe")


@pytest.fixture(scope="module", name="tree")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with being_recorded(tmp_path_factory.mktemp("tiers"), "h265", segment_s=2) as tree:
        yield tree


@asynccontextmanager
async def _serving(root: Path, volumes: dict[str, Path], limit: int = 2) -> AsyncIterator[Tiers]:
    async with Tiers(root / "run", SystemClock(), volumes=lambda: volumes, limit=lambda: limit) as tiers:
        yield tiers
    assert not (root / "run" / "spool").exists(), "something was left in the spool"


async def _until(condition: Callable[[], object], limit_s: float = 60) -> None:
    await asyncio.to_thread(until, condition, limit_s)


def _long(spool: Spool, seconds: float) -> bool:
    piece = footage.newest(spool.volumes, spool.key)
    return piece is not None and piece.end_us - piece.start_us > seconds * SECOND_US


@pytest.mark.best_of_three
def test_tier_plays_and_follows_its_source(tree: Recorded, tmp_path: Path) -> None:
    """C022: a live tier of an H.265 camera is H.264 of the right size that ffprobe reads, number for number."""
    copy = tmp_path / "copy.mp4"

    async def watch() -> None:
        async with _serving(tmp_path, tree.volumes) as tiers, tiers.live(KEY, "low") as spool:
            await _until(partial(_long, spool, 3))
            piece = footage.newest(spool.volumes, spool.key)
            assert piece is not None
            shutil.copy(footage.path_of(spool.volumes, piece), copy)
            assert spool.status()["keeps_up"]
            now_us = SystemClock().wall_us()
            found = footage.find(spool.volumes, KEY, now_us - 10**7, now_us, now_us=now_us, catalog=None)
            assert [found_piece.file for found_piece in found.pieces] == [piece.file]

    asyncio.run(watch())
    shown = play(copy)
    assert (shown["video"]["codec_name"], shown["video"]["width"], shown["video"]["height"]) == ("h264", 240, 180)
    assert shown["audio"]["codec_name"] == "aac"
    until(lambda: tree.plan and _recorded_until(tree) > max(walls_of(copy)))
    source = Recorded(tree.plan)
    pairs = list(zip(sorted(walls_of(copy)), numbers_in(copy), strict=True))
    assert len(pairs) > 30
    assert all(number == source.number_at(at_us + 1000) for at_us, number in pairs)


def _recorded_until(tree: Recorded) -> int:
    pieces = [path for path in Path(tree.plan.volume).rglob("*.mp4") if path.stat().st_size]
    return max((max(walls_of(path)) for path in sorted(pieces)[-1:]), default=0)


@pytest.mark.best_of_three
def test_viewers_share_one_child(tree: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C022, C024: five viewers of a tier are one child, which outlives the last of them for a moment alone."""
    monkeypatch.setattr(module, "LINGER_S", 0.6)

    async def watch() -> None:
        async with _serving(tmp_path, tree.volumes) as tiers:
            async with AsyncExitStack() as stack:
                spools = await asyncio.gather(*(stack.enter_async_context(tiers.live(KEY, "sd")) for _ in range(5)))
                assert len({spool.root for spool in spools}) == 1
                (child,) = tiers.running()
                assert child["viewers"] == 5
                assert os.getpriority(os.PRIO_PROCESS, child["pid"]) == 10
            async with tiers.live(KEY, "sd") as again:
                assert again.root == spools[0].root
                assert tiers.running()[0]["pid"] == child["pid"]
            await _until(lambda: not tiers.running())
            assert not again.root.exists()
            assert not _alive(child["pid"])

    asyncio.run(watch())


def test_no_more_children_than_allowed(tree: Recorded, tmp_path: Path) -> None:
    """A tier beyond the limit is refused with what to do; one that nobody watches any more makes room."""

    async def watch() -> None:
        async with _serving(tmp_path, tree.volumes, limit=1) as tiers:
            async with tiers.live(KEY, "sd"):
                with pytest.raises(TooMany, match="1 streams are being converted"):
                    async with tiers.live(KEY, "low"):
                        pass
            async with tiers.live(KEY, "low"):
                assert [child["tier"] for child in tiers.running()] == ["low"]
        async with _serving(tmp_path, tree.volumes, limit=0) as tiers:
            with pytest.raises(TooMany, match="none is allowed"):
                async with tiers.live(KEY, "sd"):
                    pass
            with pytest.raises(UsageError, match="there is no tier 'uhd'"):
                async with tiers.live(KEY, "uhd"):
                    pass
            with pytest.raises(NotFound):
                async with tiers.live(StreamKey("nobody", "main"), "sd"):
                    pass

    asyncio.run(watch())


def test_killed_child_is_replaced_under_its_viewers(tree: Recorded, tmp_path: Path) -> None:
    """A child that is killed is started again into the same spool; who reads it goes on with newer pictures."""

    async def watch() -> None:
        async with _serving(tmp_path, tree.volumes) as tiers, tiers.live(KEY, "sd") as spool:
            tail = Tail(spool.volumes, spool.key, SystemClock())
            seen = [chunk for chunk in tail.take() if chunk.fragment.keyframe]
            before = int(tiers.running()[0]["pid"])
            os.kill(before, signal.SIGKILL)
            killed_us = SystemClock().wall_us()

            def goes_on() -> bool:
                seen.extend(tail.take())
                return seen[-1].fragment.wall_us > killed_us

            await _until(goes_on)
            assert tiers.running()[0]["pid"] not in {0, before}
            first_new = next(chunk for chunk in seen if chunk.piece.file != seen[0].piece.file)
            assert first_new.fragment.keyframe
            assert "killed by signal 9" in tiers.running()[0]["last_end"]

    asyncio.run(watch())


@pytest.mark.best_of_three
def test_recording_never_notices(tree: Recorded, tmp_path: Path) -> None:
    """C024: tiers, killed children and viewers that do not read leave the recorder's journal without a gap."""

    async def watch() -> None:
        async with _serving(tmp_path, tree.volumes) as tiers, tiers.live(KEY, "hd") as spool, tiers.live(KEY, "low"):
            os.kill(tiers.running()[0]["pid"], signal.SIGKILL)
            await _until(partial(_long, spool, 2))

    began_us = SystemClock().wall_us()
    asyncio.run(watch())
    ledger = ledger_of(tree.plan, alive=True)
    assert [gap for gap in ledger.gaps if not gap.open and gap.end_us > began_us] == []


def test_children_die_with_a_killed_server(tree: Recorded, tmp_path: Path) -> None:
    """A server that is killed takes its children along, and the next one clears away what they left."""
    program = (
        "import asyncio, sys; from pathlib import Path; from holdfast.core.camera import StreamKey;"
        "from holdfast.core.clock import SystemClock; from holdfast.library.tiers import Tiers\n"
        "async def main():\n"
        "    volumes = {'main': Path(sys.argv[1])}\n"
        "    async with Tiers(Path(sys.argv[2]), SystemClock(), volumes=lambda: volumes, limit=lambda: 1) as tiers:\n"
        "        async with tiers.live(StreamKey('cam1', 'main'), 'sd'):\n"
        "            print(tiers.running()[0]['pid'], flush=True)\n"
        "            await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    argv = [sys.executable, "-c", program, tree.plan.volume, str(tmp_path / "run")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        child = int(server.stdout.readline())
        server.kill()
    until(lambda: not _alive(child))
    assert list((tmp_path / "run" / "spool").iterdir())

    async def again() -> None:
        async with _serving(tmp_path, tree.volumes) as tiers:
            assert tiers.running() == []
            assert list((tmp_path / "run" / "spool").iterdir()) == []

    asyncio.run(again())


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_sub_stream_is_read_for_small_tiers(tmp_path: Path) -> None:
    """C022: where the sub stream is recorded now, sd and low are made of it; hd, and an old sub stream, are not."""
    now_us = SystemClock().wall_us()
    footage_of = encode(seconds=2, audio=False)
    volumes = {"main": tmp_path / "vol"}
    volumes["main"].mkdir()
    write_run(volumes["main"], footage_of, start_us=now_us)
    small = tmp_path / "small"
    small.mkdir()
    write_run(small, encode(seconds=2, audio=False, size=(96, 64)), start_us=now_us)
    shutil.copytree(small / "footage/gate/main", volumes["main"] / "footage/gate/sub")

    async def sources() -> list[str]:
        async with _serving(tmp_path, volumes, limit=3) as tiers, AsyncExitStack() as stack:
            made = [await stack.enter_async_context(tiers.live(GATE, tier)) for tier in ("sd", "low", "hd")]
            assert {str(spool.key) for spool in made} == {"gate/main"}
            return [str(spool.source) for spool in made]

    assert asyncio.run(sources()) == ["gate/sub", "gate/sub", "gate/main"]
    shutil.rmtree(volumes["main"] / "footage/gate/main")
    write_run(volumes["main"], footage_of, start_us=now_us + 60 * SECOND_US)
    assert asyncio.run(sources())[0] == "gate/main"


@pytest.mark.best_of_three
def test_past_stays_a_little_ahead_of_its_viewer(tmp_path: Path) -> None:
    """A viewer of the past gets what follows its instant, thirty seconds ahead of where it says it is and no more."""
    volumes = {"main": tmp_path / "vol"}
    volumes["main"].mkdir()
    files = write_run(volumes["main"], encode(seconds=150, fps=5, gop=10, audio=False), per_file=10)
    tell(volumes["main"], files, SystemClock())
    begin_us = WALL_US + 11 * SECOND_US

    async def watch() -> None:
        async with _serving(tmp_path, volumes) as tiers, tiers.past(GATE, "sd", begin_us) as spool:
            await _until(lambda: any(spool.root.rglob("gate_*")))
            # The first piece, not the newest: the child is faster than the wait for it.
            first = min(path.name for path in spool.root.rglob("gate_*"))
            began = datetime.strptime(first[:21], "gate_%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            assert begin_us - 2 * SECOND_US < int(began.timestamp()) * SECOND_US <= begin_us
            spool.reached(begin_us)
            await _until(lambda: spool.status().get("end_us", 0) > begin_us + 29 * SECOND_US)
            pictures = spool.status()["pictures"]
            await asyncio.sleep(1.2)  # longer than the child's own word is old
            assert spool.status()["pictures"] <= pictures + 40
            held_us = spool.status()["end_us"]
            assert held_us < begin_us + 36 * SECOND_US
            spool.reached(begin_us + 60 * SECOND_US)
            await _until(lambda: spool.status().get("end_us", 0) > begin_us + 89 * SECOND_US)
            pieces = sorted(path.name for path in spool.root.rglob("gate_*"))
            assert 2 <= len(pieces) <= 4, "what the viewer has seen was not removed"
            assert tiers.running()[0]["viewers"] == 1

    asyncio.run(watch())


@pytest.mark.best_of_three
def test_stream_that_cannot_be_converted_says_why(tmp_path: Path) -> None:
    """A stream of sound alone has no tier: its viewer hears why after a moment, not after the longest patience."""
    volumes = {"main": tmp_path / "vol"}
    volumes["main"].mkdir()
    write_run(volumes["main"], encode("", seconds=2), start_us=SystemClock().wall_us())

    async def watch() -> None:
        async with _serving(tmp_path, volumes) as tiers:
            with pytest.raises(SourceEnded, match="unsupported: there are no pictures"):
                async with tiers.live(GATE, "sd"):
                    pass

    began_us = SystemClock().boot_us()
    asyncio.run(watch())
    assert SystemClock().boot_us() - began_us < 15 * SECOND_US
