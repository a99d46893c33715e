"""A small RTSP client on a bare socket, so that the simulator is judged by something that shares no code with it."""

import hashlib
import re
import socket
import struct
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Reply:
    """An RTSP response; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Packet:
    """An interleaved packet."""

    channel: int
    data: bytes
    at_s: float

    @property
    def sequence(self) -> int:
        return int.from_bytes(self.data[2:4], "big")

    @property
    def timestamp(self) -> int:
        return int.from_bytes(self.data[4:8], "big")

    @property
    def marker(self) -> bool:
        return bool(self.data[1] & 0x80)

    @property
    def payload(self) -> bytes:
        return self.data[12:]


class RawClient:
    """One connection. `play` sets up all tracks; `packets` reads; leaving the `with` only closes the socket."""

    def __init__(self, url: str, timeout_s: float = 60.0) -> None:
        parts = urlsplit(url)
        self.user, self.password = unquote(parts.username or ""), unquote(parts.password or "")
        self.url = f"rtsp://{parts.hostname}:{parts.port}{parts.path}"
        self.session = ""
        self.sdp = ""
        self._buffer = b""
        self._number = 0
        self._authorization = ""
        self._waiting: list[Packet] = []
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, method: str, url: str = "", **headers: str) -> None:
        self._number += 1
        lines = [f"{method} {url or self.url} RTSP/1.0", f"CSeq: {self._number}"]
        if self.session:
            lines.append(f"Session: {self.session}")
        if self._authorization:
            lines.append(f"Authorization: {self._digest(method, url or self.url)}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def ask(self, method: str, url: str = "", **headers: str) -> Reply:
        """Send a request and return its answer; media in between is kept."""
        self.send(method, url, **headers)
        reply = self._reply()
        challenge = reply.headers.get("www-authenticate", "")
        if reply.status == 401 and self.user and not self._authorization and challenge.startswith("Digest"):
            self._authorization = challenge
            return self.ask(method, url, **headers)
        return reply

    def play(self) -> Reply:
        """Describe, set up every track on its usual channels, and play; return the first answer that is not 200."""
        reply = self.ask("DESCRIBE", Accept="application/sdp")
        if reply.status != 200:
            return reply
        self.sdp = reply.body.decode()
        for number in range(self.sdp.count("m=")):
            track = f"{self.url}/trackID={number}"
            reply = self.ask("SETUP", track, Transport=f"RTP/AVP/TCP;unicast;interleaved={2 * number}-{2 * number + 1}")
            if reply.status != 200:
                return reply
            self.session = reply.headers["session"].partition(";")[0]
        return self.ask("PLAY", Range="npt=now-")

    def packets(self, for_s: float) -> list[Packet]:
        """Read what comes within so many seconds; `ConnectionResetError` and `EOFError` tell how it ended."""
        found, self._waiting = self._waiting, []
        end_s = time.monotonic() + for_s
        while (left_s := end_s - time.monotonic()) > 0:
            self.socket.settimeout(left_s)
            try:
                packet = self._packet()
            except TimeoutError:
                break
            found.append(packet)
        self.socket.settimeout(60)
        return found

    def until_end(self, within_s: float = 60.0) -> str:
        """Read until the connection ends; return `reset`, `closed` or `open`."""
        try:
            self.packets(within_s)
        except ConnectionResetError:
            return "reset"
        except EOFError:
            return "closed"
        return "open"

    def _packet(self) -> Packet:
        self._need(4)
        assert self._buffer[:1] == b"$", self._buffer[:40]
        whole = 4 + struct.unpack(">H", self._buffer[2:4])[0]
        self._need(whole)
        packet = Packet(self._buffer[1], self._buffer[4:whole], time.monotonic())
        self._buffer = self._buffer[whole:]
        return packet

    def _reply(self) -> Reply:
        self._need(1)
        while self._buffer[:1] == b"$":
            self._waiting.append(self._packet())
            self._need(1)
        while b"\r\n\r\n" not in self._buffer:
            self._need(len(self._buffer) + 1)
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        self._need(length)
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Reply(int(first.split(" ")[1]), headers, body)

    def _need(self, count: int) -> None:
        while len(self._buffer) < count:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self._buffer += data

    def _digest(self, method: str, url: str) -> str:
        given = dict(re.findall(r'(\w+)="([^"]*)"', self._authorization))
        realm, nonce = given["realm"], given["nonce"]
        one = hashlib.md5(f"{self.user}:{realm}:{self.password}".encode(), usedforsecurity=False).hexdigest()
        two = hashlib.md5(f"{method}:{url}".encode(), usedforsecurity=False).hexdigest()
        answer = hashlib.md5(f"{one}:{nonce}:{two}".encode(), usedforsecurity=False).hexdigest()
        return f'Digest username="{self.user}", realm="{realm}", nonce="{nonce}", uri="{url}", response="{answer}"'


def nal_units(codec: str, packets: list[Packet]) -> list[list[bytes]]:
    """Put NAL units together again, one list for each picture; for judging packets, so written from the RFCs anew."""
    pictures: list[list[bytes]] = []
    current: list[bytes] = []
    partial = b""
    for packet in packets:
        data = packet.payload
        kind = data[0] & 0x1F if codec == "h264" else data[0] >> 1 & 0x3F
        if kind == (24 if codec == "h264" else 48):
            at = 1 if codec == "h264" else 2
            while at < len(data):
                size = int.from_bytes(data[at : at + 2], "big")
                current.append(data[at + 2 : at + 2 + size])
                at += 2 + size
        elif kind == (28 if codec == "h264" else 49):
            flags = data[1] if codec == "h264" else data[2]
            if flags & 0x80:
                partial = (
                    bytes([data[0] & 0xE0 | flags & 0x1F])
                    if codec == "h264"
                    else bytes([data[0] & 0x81 | (flags & 0x3F) << 1, data[1]])
                )
            partial += data[2:] if codec == "h264" else data[3:]
            if flags & 0x40:
                current.append(partial)
        else:
            current.append(data)
        if packet.marker:
            pictures.append(current)
            current = []
    return pictures
