"""The connections of viewers, as the server holds them: little waits in the kernel, and who is cut off is really gone.

Closing a connection waits until everything was taken. A viewer that takes nothing would keep its connection, and what
waits in it, until it goes by itself: after the end of its session a connection is therefore torn down (F59).

Runs in the event loop. Not here: when a session ends (api.stream).
"""

import asyncio
import socket
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

WAITING_BYTES = 128 * 1024  # chosen: a quarter of a second at 4 Mb/s; with more, a slow viewer is behind unnoticed
CLOSE_S = 2.0  # chosen: who reads has the last words by then
PING_S, PONG_S = 10.0, 15.0  # F59: together below 30 s; a viewer that vanished while nothing was to be sent


class Line(WebSocketsSansIOProtocol):
    """A WebSocket that ends when it ends; for uvicorn's `ws`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection."""
        super().connection_made(cast("asyncio.Transport", transport))
        line = transport.get_extra_info("socket")
        if line is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, WAITING_BYTES)

    async def run_asgi(self) -> None:
        """Serve a session; afterwards nothing is left of it."""
        await super().run_asgi()
        self.loop.call_later(CLOSE_S, self.transport.abort)

    async def send(self, message: "ASGISendEvent") -> None:
        """Send what a session says."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            # A refusal is an answer, too: without this uvicorn complains of each as of a broken application.
            self.handshake_complete = True

    def keepalive_timeout(self) -> None:
        """Give up a viewer that does not answer."""
        super().keepalive_timeout()
        self.loop.call_later(CLOSE_S, self.transport.abort)
