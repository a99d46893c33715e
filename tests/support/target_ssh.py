"""An SSH server of the tests: OpenSSH's, on a free port of loopback, with keys of its own."""

import contextlib
import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.needs import sshd
from support.rtsp_peer import free_port

_START_S = 60.0  # chosen: a busy machine


@dataclass(frozen=True, slots=True)
class SshServer:
    """A server that runs.

    Attributes:
        port: Where it listens.
        key: Private key that it accepts.
        user: Whom it lets in.
        host_key: Its public key, as `ssh-ed25519 …`.
    """

    port: int
    key: Path
    user: str
    host_key: str

    def known_hosts(self, folder: Path, port: int) -> Path:
        """Write a file that believes the server behind a port."""
        path = folder / f"known_hosts-{port}"
        path.write_text(f"[127.0.0.1]:{port} {self.host_key}\n")
        return path


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    until = time.monotonic() + _START_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert time.monotonic() < until, f"nothing listens on {port}"
        time.sleep(0.02)


@contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """Run a server whose files are in a folder."""
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    (folder / "authorized").write_bytes((folder / "user.pub").read_bytes())
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = free_port()
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nAuthorizedKeysFile {folder / 'authorized'}\n"
        "PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n"
        "Subsystem sftp internal-sftp\nMaxStartups 100\nMaxSessions 100\nPrintMotd no\nPrintLastLog no\n"
    )
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [str(sshd()), "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        ) as child,
    ):
        try:
            wait_for(port)
            host_key = " ".join((folder / "host.pub").read_text().split()[:2])
            yield SshServer(port, folder / "user", getpass.getuser(), host_key)
        finally:
            child.terminate()
            child.wait(60)
