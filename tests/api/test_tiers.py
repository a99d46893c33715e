"""The list of streams that are being converted."""

import asyncio
from pathlib import Path

import httpx

from holdfast.api import tiers
from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.http.watching import lifespan
from support.clips import write_run
from support.media import encode
from support.web import application, context_for


def test_converted_streams_are_listed_while_they_are_watched(tmp_path: Path) -> None:
    """C022: what is converted is listed with its viewers, its size and whether the machine keeps up."""
    config = tmp_path / "holdfast.toml"
    config.write_text('state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "vol"\n', encoding="utf-8")
    (tmp_path / "vol").mkdir()
    write_run(tmp_path / "vol", encode(seconds=2), start_us=SystemClock().wall_us())
    context = context_for(config, SystemClock())
    app = application(context, [tiers.router], alive=[lifespan])

    async def ask() -> None:
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
        ):
            assert (await client.get("/api/v1/tiers")).json() == {"items": [], "cursor": None}
            async with app.state.tiers.live(StreamKey("gate", "main"), "sd"):
                (item,) = (await client.get("/api/v1/tiers")).json()["items"]
                assert (item["camera"], item["tier"], item["source"]) == ("gate", "sd", "gate/main")
                assert item["viewers"] == 1
                assert item["keeps_up"]
                assert item["pid"] > 0

    try:
        asyncio.run(ask())
    finally:
        context.close()
