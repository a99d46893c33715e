"""A folder behind the SFTP of a real SSH server."""

from contextlib import ExitStack
from pathlib import Path

from holdfast.core.config.targets import SftpTarget as SftpConfig
from holdfast.storage.targets.contract import Target
from holdfast.storage.targets.sftp import SftpTarget
from support.target_places import Place
from support.target_proxy import FaultProxy
from support.target_rsync import SshPlace
from support.target_ssh import ssh_server


class SftpPlace(SshPlace):
    """A folder of a host, reached by SFTP."""

    def make(self, quiet_s: float = 60.0, bandwidth: int = 0) -> Target:
        return SftpTarget(
            "t",
            SftpConfig(
                type="sftp", host="127.0.0.1", port=self.proxy.port, user=self.server.user, key=self.server.key,
                known_hosts=self.known_hosts, path=str(self.root), quiet_s=quiet_s, bandwidth=bandwidth,
            ),
        )  # fmt: skip


def sftp(tmp: Path, stack: ExitStack) -> Place:
    """Return a folder of a host."""
    server = stack.enter_context(ssh_server(tmp / "ssh"))
    proxy = stack.enter_context(FaultProxy(server.port))
    return SftpPlace(tmp / "target", proxy, server)
