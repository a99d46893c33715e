"""The host's network interfaces: their addresses, and what has gone through them.

Counters are the kernel's, since the interface came up; addresses are asked for over netlink, as `ip addr` does.
What is not told is None or absent, never an error. Loopback is left out: nothing of a camera's goes there.
"""

import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_GET_ADDRESSES, _DUMP, _DONE, _ERROR, _NEW_ADDRESS = 22, 0x301, 3, 2, 20  # <linux/rtnetlink.h>, <linux/netlink.h>
_ADDRESS, _LOCAL = 1, 2  # <linux/if_addr.h>: for IPv4 the second is ours, the first may be the other end's
_HEAD = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ABOUT = struct.Struct("=BBBBI")  # family, length of the prefix, flags, scope, interface
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_ANSWER_S = 0.5  # chosen: the kernel answers at once or not at all
_BUFFER = 65_536
_RECEIVED, _RECEIVE_ERRORS, _RECEIVE_DROPS, _SENT, _SEND_ERRORS = 0, 2, 3, 8, 10  # columns of proc_pid_net(5), dev
_COLUMNS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A network interface. Counters are since it came up; `up` is None where the kernel does not know."""

    name: str
    up: bool | None
    addresses: tuple[str, ...]
    speed_mbps: int | None
    received_bytes: int
    sent_bytes: int
    receive_errors: int
    send_errors: int
    dropped: int


def interfaces(proc: Path, sys: Path) -> tuple[Interface, ...]:
    """Return every interface but loopback, in the order of their names."""
    try:
        lines = (proc / "net" / "dev").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    counted = {}
    for line in lines:
        name, _, numbers = line.rpartition(":")
        fields = numbers.split()
        if name and len(fields) >= _COLUMNS and all(field.isdigit() for field in fields):
            counted[name.strip()] = [int(field) for field in fields]
    counted.pop("lo", None)
    known = _addresses() if counted else {}
    return tuple(_interface(name, counted[name], known.get(name, ()), sys) for name in sorted(counted))


def _interface(name: str, numbers: list[int], addresses: tuple[str, ...], sys: Path) -> Interface:
    folder = sys / "class" / "net" / name
    state = _said(folder / "operstate")
    speed = _said(folder / "speed")
    return Interface(
        name=name, up={"up": True, "down": False}.get(state), addresses=addresses,
        speed_mbps=int(speed) if speed.isdigit() else None,  # -1, or an error, while there is no cable
        received_bytes=numbers[_RECEIVED], sent_bytes=numbers[_SENT], receive_errors=numbers[_RECEIVE_ERRORS],
        send_errors=numbers[_SEND_ERRORS], dropped=numbers[_RECEIVE_DROPS],
    )  # fmt: skip


def _said(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _addresses() -> dict[str, tuple[str, ...]]:
    """Return the addresses of this host with their prefixes, by interface; empty where the kernel cannot be asked."""
    found: dict[str, list[str]] = {}
    try:
        for index, address in _asked():
            found.setdefault(socket.if_indextoname(index), []).append(address)
    except (OSError, AttributeError, struct.error):
        return {}  # another system, or a sandbox without netlink
    return {name: tuple(addresses) for name, addresses in found.items()}


def _asked() -> Iterator[tuple[int, str]]:
    with closing(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)) as kernel:
        kernel.settimeout(_ANSWER_S)
        body = _ABOUT.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        kernel.send(_HEAD.pack(_HEAD.size + len(body), _GET_ADDRESSES, _DUMP, os.getpid() & 0xFFFF, 0) + body)
        while True:
            data = kernel.recv(_BUFFER)
            at = 0
            while at + _HEAD.size <= len(data):
                length, kind, _, _, _ = _HEAD.unpack_from(data, at)
                if kind in {_DONE, _ERROR} or length < _HEAD.size:
                    return
                if kind == _NEW_ADDRESS:
                    yield from _told(data[at + _HEAD.size : at + length])
                at += _aligned(length)


def _told(message: bytes) -> Iterator[tuple[int, str]]:
    family, prefix, _, _, index = _ABOUT.unpack_from(message)
    said: dict[int, bytes] = {}
    at = _ABOUT.size
    while at + _ATTRIBUTE.size <= len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, at)
        if length < _ATTRIBUTE.size:
            break
        said[kind] = message[at + _ATTRIBUTE.size : at + length]
        at += _aligned(length)
    raw = said.get(_LOCAL) or said.get(_ADDRESS)
    if raw and family in {socket.AF_INET, socket.AF_INET6}:
        yield index, f"{ipaddress.ip_address(raw)}/{prefix}"


def _aligned(length: int) -> int:
    return (length + 3) & ~3  # <linux/netlink.h>: messages and attributes begin at multiples of four
