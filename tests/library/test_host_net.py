import ipaddress
import socket
from pathlib import Path

from holdfast.library.host_net import interfaces

DEV = """\
Inter-|   Receive                         |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo: 99 1 0 0 0 0 0 0 99 1 0 0 0 0 0 0
  eth7:3048368544  111686    3    4    0     0   0   0  7569571   84812    5    0    0     0  0   0
  wl:1: 1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0
  short: 1 2
"""


def test_interfaces_are_counted(tmp_path: Path) -> None:
    """Bytes, errors and drops of each interface are told, loopback left out; what is not known is None (C108)."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net/dev").write_text(DEV, encoding="ascii")
    folder = tmp_path / "class/net/eth7"
    folder.mkdir(parents=True)
    (folder / "operstate").write_text("up\n", encoding="ascii")
    (folder / "speed").write_text("1000\n", encoding="ascii")
    first, second = interfaces(tmp_path, tmp_path)
    assert (first.name, first.up, first.speed_mbps) == ("eth7", True, 1000)
    assert (first.received_bytes, first.sent_bytes) == (3_048_368_544, 7_569_571)
    assert (first.receive_errors, first.dropped, first.send_errors) == (3, 4, 5)
    assert (second.name, second.up, second.speed_mbps, second.addresses) == ("wl:1", None, None, ())
    assert interfaces(tmp_path / "nowhere", tmp_path) == ()


def test_addresses_are_the_kernels() -> None:
    """The addresses of this host are those that it would send from, each with its prefix."""
    found = interfaces(Path("/proc"), Path("/sys"))
    addresses = [ipaddress.ip_interface(text) for one in found for text in one.addresses]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: only asks which of our addresses would be used
            own = ipaddress.ip_address(probe.getsockname()[0])
        except OSError:
            own = None  # a host without a way out
    assert own is None or own.is_loopback or own in {address.ip for address in addresses}
    assert not any(address.ip.is_loopback for address in addresses)
