"""Tiers as their viewers see them: a spool, written by a child process of low priority while somebody watches.

One child serves all live viewers of a stream and tier, and ends some seconds after the last one; each viewer of the
past has one of its own. There are never more at once than the settings say. A child that dies is started again and its
viewers read on in the same spool; a child ends with the server, however that ends.

Runs in the server's event loop; every method is called there. Files are looked at in threads.
Not here: the child process (tier_child) and its work (tiering), addresses (api).
"""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, get_args

from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import HoldfastError, NotFound, SourceEnded, TooMany, UsageError
from holdfast.core.timing import SECOND_US
from holdfast.library import footage
from holdfast.library.tier_child import Maker, Spool
from holdfast.storage.errors import storage_errors

Tier = Literal["hd", "sd", "low", "hls"]
FOLDER = "spool"
LINGER_S = 10.0  # chosen: a viewer who reloads, or a list that is asked for every 2 s, finds it running
START_S = 20.0  # chosen: a slow machine takes 5 s to its first picture; a camera's keyframes may be 10 s apart
MOST_DEATHS = 2  # chosen: a child that died so often without a picture will not bring one
POLL_S = 0.1
LOOK_S = 0.5  # how soon a dead child is noticed
BY_SUB = ("sd", "low")
SUB_AGE_US = 10 * SECOND_US  # chosen: a sub stream this far behind the main one is not recorded now


class Tiers:
    """All tiers of a server. Enter it to live; nothing is left of it afterwards.

    Args:
        runtime_dir: Folder in memory; the spools lie in `spool` in it.
        clock: Time.
        volumes: Says the roots of footage.
        limit: Says how many children there may be.
        config: The configuration's file, for children that look up the past.
    """

    def __init__(
        self,
        runtime_dir: Path,
        clock: Clock,
        *,
        volumes: Callable[[], Mapping[str, Path]],
        limit: Callable[[], int],
        config: Path | None = None,
    ) -> None:
        self._root = runtime_dir / FOLDER
        self._clock = clock
        self._volumes = volumes
        self._limit = limit
        self._config = config
        self._live: dict[tuple[StreamKey, str], Maker] = {}
        self._makers: list[Maker] = []
        self._making = asyncio.Lock()
        self._caring: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin; what a server that was killed left behind goes.

        Raises:
            StorageError: The folder cannot be made.
        """
        await asyncio.to_thread(self._clean)
        self._caring = asyncio.create_task(self._care())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._caring is not None:
            self._caring.cancel()
            with suppress(asyncio.CancelledError):
                await self._caring
        makers, self._makers, self._live = self._makers, [], {}
        await asyncio.gather(*(maker.stop() for maker in makers))
        await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)

    def running(self) -> list[dict[str, Any]]:
        """Describe every child: stream, tier, pid, viewers, and what it says of itself."""
        return [
            {
                "camera": maker.spool.key.camera, "stream": maker.spool.key.stream, "tier": maker.spool.tier,
                "source": str(maker.spool.source), "pid": maker.pid, "viewers": maker.viewers,
                "last_end": maker.last_end, **maker.spool.status(),
            }
            for maker in self._makers
        ]  # fmt: skip

    @asynccontextmanager
    async def live(self, key: StreamKey, tier: str) -> AsyncIterator[Spool]:
        """Watch a stream live in a tier; the spool has a picture when this is entered.

        Raises:
            UsageError: There is no such tier.
            TooMany: As many are being converted as may be.
            NotFound: The stream has no footage.
            SourceEnded: Nothing came out in time; the text says why.
        """
        _known(tier)
        maker = self._live.get((key, tier))
        if maker is None:
            async with self._making:
                maker = self._live.get((key, tier))  # somebody else may have asked meanwhile
                if maker is None:
                    source = await asyncio.to_thread(self._source, key, tier)
                    maker = await self._made(key, tier, source, None)
                    self._live[key, tier] = maker
        async with self._watching(maker):
            yield maker.spool

    @asynccontextmanager
    async def past(self, key: StreamKey, tier: str, from_us: int) -> AsyncIterator[Spool]:
        """Watch a stream in a tier from an instant of the past on; each viewer has a child of its own.

        The spool holds what lies at most 30 s ahead of the viewer: `Spool.reached` tells where that is. It goes on into
        the present. Entered as soon as there is a picture, or footage is known to be missing.

        Raises:
            As `live`.
        """
        _known(tier)
        source = await asyncio.to_thread(self._source, key, tier)
        async with self._making:
            maker = await self._made(key, tier, source, from_us)
        try:
            async with self._watching(maker):
                yield maker.spool
        finally:
            await self._end(maker)

    @asynccontextmanager
    async def _watching(self, maker: Maker) -> AsyncIterator[None]:
        maker.viewers += 1
        maker.idle_us = None
        try:
            await self._until_ready(maker)
            yield
        finally:
            maker.viewers -= 1
            if maker.viewers == 0:
                maker.idle_us = self._clock.boot_us()

    async def _until_ready(self, maker: Maker) -> None:
        deadline_us = self._clock.boot_us() + round(START_S * SECOND_US)
        spool = maker.spool
        while not maker.ready:
            maker.ready = await asyncio.to_thread(_has_picture, spool)
            if maker.ready:
                return
            hopeless = maker.deaths > MOST_DEATHS or maker not in self._makers
            if hopeless or self._clock.boot_us() > deadline_us:
                why = maker.last_end or "no picture came in time"
                raise SourceEnded(f"{spool.source} as {spool.tier}: {why}", hint="the camera's state says more")
            await asyncio.sleep(POLL_S)

    async def _made(self, key: StreamKey, tier: str, source: StreamKey, from_us: int | None) -> Maker:
        await self._make_room()
        name = f"{key.camera}-{key.stream}-{tier}-{secrets.token_hex(4)}"
        root = self._root / name
        spool = Spool(volumes={name: root}, key=key, tier=tier, source=source, root=root)
        order = {
            "volumes": {volume: str(path) for volume, path in self._volumes().items()}, "source": str(source),
            "key": str(key), "tier": tier, "root": str(root), "from_us": from_us,
            "config": str(self._config) if self._config is not None else None,
        }  # fmt: skip
        maker = Maker(spool, order, self._clock)
        self._makers.append(maker)  # before anything is waited for: the limit counts it
        try:
            with storage_errors("making folder", root):
                root.mkdir(mode=0o750, parents=True)
            maker.tick()
        except BaseException:
            self._makers.remove(maker)
            raise
        return maker

    async def _make_room(self) -> None:
        """Let one more begin; one that nobody watches any more goes for it.

        Raises:
            TooMany: All are watched.
        """
        limit = self._limit()
        while len(self._makers) >= limit:
            idle = [maker for maker in self._makers if maker.viewers == 0]
            if not idle:
                what = f"{limit} streams are being converted, the most that are allowed" if limit else "none is allowed"
                raise TooMany(
                    f"this needs a converted stream, and {what}",
                    hint="watch the recorded quality, close another viewer, or raise transcodes in [web]",
                )
            await self._end(idle[0])

    async def _end(self, maker: Maker) -> None:
        # Nobody finds it any more, and it counts until its process is gone.
        self._live = {name: other for name, other in self._live.items() if other is not maker}
        await maker.stop()
        if maker in self._makers:
            self._makers.remove(maker)

    async def _care(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            for maker in list(self._makers):
                since_us = maker.idle_us
                if maker.viewers == 0 and since_us is not None:
                    if self._clock.boot_us() - since_us > LINGER_S * SECOND_US:
                        await self._end(maker)
                    continue
                maker.tick()

    def _source(self, key: StreamKey, tier: str) -> StreamKey:
        """Choose what is read: the sub stream where that is recorded now."""
        volumes = self._volumes()
        main = footage.newest(volumes, key)
        if tier in BY_SUB and key.stream == "main":
            sub = StreamKey(key.camera, "sub")
            there = footage.newest(volumes, sub)
            if there is not None and (main is None or there.end_us > main.end_us - SUB_AGE_US):
                return sub
        if main is None:
            raise NotFound(f"{key} has no footage yet")
        return key

    def _clean(self) -> None:
        with storage_errors("clearing", self._root):
            shutil.rmtree(self._root, ignore_errors=True)
            self._root.mkdir(mode=0o750, parents=True, exist_ok=True)


def _known(tier: str) -> None:
    if tier not in get_args(Tier):
        raise UsageError(f"there is no tier {tier!r}", hint=f"tiers are {', '.join(get_args(Tier))}")


def _has_picture(spool: Spool) -> bool:
    try:
        piece = footage.newest(spool.volumes, spool.key)
    except HoldfastError:
        return False
    return piece is not None and piece.end_us > piece.start_us
