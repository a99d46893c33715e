"""Places that rsync sends to: a folder, a host behind a real SSH server, a real rsync daemon."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from holdfast.core.config.secret import Secret
from holdfast.core.config.targets import RsyncTarget as RsyncConfig
from holdfast.storage.targets.contract import Target
from holdfast.storage.targets.rsync import RsyncTarget
from support.rtsp_peer import free_port
from support.target_places import FilePlace, Place
from support.target_proxy import FaultProxy, Proxied
from support.target_ssh import SshServer, ssh_server, wait_for

PASSWORD = "swordfish-of-the-daemon"


class LocalPlace(FilePlace):
    """A folder that rsync writes to."""

    def make(self, quiet_s: float = 60.0, bandwidth: int = 0) -> Target:
        return RsyncTarget("t", RsyncConfig(type="rsync", path=str(self.root), quiet_s=quiet_s, bandwidth=bandwidth))


class ProxiedPlace(Proxied, FilePlace):
    """A folder behind a server and a proxy."""

    def __init__(self, root: Path, proxy: FaultProxy) -> None:
        super().__init__(root)
        self.proxy = proxy


class SshPlace(ProxiedPlace):
    """A folder of a host."""

    def __init__(self, root: Path, proxy: FaultProxy, server: SshServer) -> None:
        super().__init__(root, proxy)
        self.server = server
        self.known_hosts = server.known_hosts(server.key.parent, proxy.port)

    def make(self, quiet_s: float = 60.0, bandwidth: int = 0) -> Target:
        return RsyncTarget("t", self.config(quiet_s, bandwidth))

    def config(self, quiet_s: float = 60.0, bandwidth: int = 0, path: str = "") -> RsyncConfig:
        return RsyncConfig(
            type="rsync", path=path or f"{self.server.user}@127.0.0.1:{self.root}", port=self.proxy.port,
            key=self.server.key, known_hosts=self.known_hosts, quiet_s=quiet_s, bandwidth=bandwidth,
        )  # fmt: skip

    def instead(self, **programs: str) -> Path:
        """Give whoever signs in shell scripts in place of the host's own programs.

        Returns:
            Where each command that is asked for is written down; a script writes there by `$ASKED`.
        """
        folder = self.root.parent / "instead"
        folder.mkdir()
        asked, told = folder / "asked", folder / "told"
        programs["told"] = 'echo "$SSH_ORIGINAL_COMMAND" >> "$ASKED"; exec sh -c "$SSH_ORIGINAL_COMMAND"'
        for name, script in programs.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        authorized = self.root.parent / "ssh" / "authorized"
        known = f"PATH={folder}:$PATH ASKED={asked} {told}"
        authorized.write_text(f'command="{known}" {authorized.read_text()}')
        return asked


class DaemonPlace(ProxiedPlace):
    """A module of a daemon."""

    secrets: tuple[str, ...] = (PASSWORD,)

    def make(self, quiet_s: float = 60.0, bandwidth: int = 0) -> Target:
        return RsyncTarget(
            "t",
            RsyncConfig(
                type="rsync", path=f"rsync://127.0.0.1:{self.proxy.port}/kept/site", user="keeper",
                password=Secret(PASSWORD), quiet_s=quiet_s, bandwidth=bandwidth,
            ),
        )  # fmt: skip


@contextmanager
def rsync_server(folder: Path, root: Path) -> Iterator[int]:
    """Run a daemon with one module, `kept`, for one user; yield its port."""
    folder.mkdir(mode=0o700)
    secrets = folder / "secrets"
    secrets.write_text(f"keeper:{PASSWORD}\n")
    secrets.chmod(0o600)
    port = free_port()
    config = folder / "rsyncd.conf"
    config.write_text(
        f"port = {port}\naddress = 127.0.0.1\nuse chroot = no\nuid = {os.geteuid()}\ngid = {os.getegid()}\n"
        f"pid file = {folder / 'pid'}\nlog file = {folder / 'log'}\n"
        f"[kept]\npath = {root}\nread only = no\nauth users = keeper\nsecrets file = {secrets}\n"
    )
    with subprocess.Popen(
        ["rsync", "--daemon", "--no-detach", f"--config={config}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:  # fmt: skip
        try:
            wait_for(port)
            yield port
        finally:
            child.terminate()
            child.wait(60)


def rsync_local(tmp: Path, _stack: ExitStack) -> Place:
    """Return a folder."""
    return LocalPlace(tmp / "target")


def rsync_ssh(tmp: Path, stack: ExitStack) -> SshPlace:
    """Return a folder of a host."""
    server = stack.enter_context(ssh_server(tmp / "ssh"))
    proxy = stack.enter_context(FaultProxy(server.port))
    return SshPlace(tmp / "target", proxy, server)


def rsync_daemon(tmp: Path, stack: ExitStack) -> Place:
    """Return a folder of a module."""
    port = stack.enter_context(rsync_server(tmp / "rsyncd", tmp / "target"))
    proxy = stack.enter_context(FaultProxy(port))
    return DaemonPlace(tmp / "target" / "site", proxy)
