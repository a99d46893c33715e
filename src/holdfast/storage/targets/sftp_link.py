"""Connections to an SFTP server: made, kept for the next transfer, and their errors in our words.

Any thread; each connection is one thread's at a time. Not here: what goes over them.
"""

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paramiko
from paramiko.sftp import CMD_EXTENDED

from holdfast.core.config.targets import SftpTarget as SftpConfig
from holdfast.core.errors import TargetAway, TargetBarred, TargetError
from holdfast.storage.targets.contract import Going
from holdfast.storage.targets.errors import translate

_KEEPALIVE_S = 15  # chosen: below what firewalls forget connections after
_READ_ONLY = 1  # ST_RDONLY of statvfs, as OpenSSH's PROTOCOL has it
_KNOWN_HOSTS = Path("~/.ssh/known_hosts")


class Link:
    """One connection."""

    def __init__(self, target: str, config: SftpConfig) -> None:
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        known = config.known_hosts or _KNOWN_HOSTS.expanduser()
        if config.known_hosts or known.exists():
            self.client.load_host_keys(str(known))
        quiet_s, password = config.quiet_s, config.password.reveal() or None
        sock = socket.create_connection((config.host, config.port), quiet_s)
        try:
            self.client.connect(
                config.host, config.port, config.user, password, sock=sock, timeout=quiet_s, banner_timeout=quiet_s,
                auth_timeout=quiet_s, channel_timeout=quiet_s, allow_agent=False, look_for_keys=False,
                key_filename=str(config.key) if config.key else None, passphrase=password,
            )  # fmt: skip
            self.sftp = self.client.open_sftp()
        except BaseException:
            self.client.close()
            sock.close()
            raise
        self.target = target
        channel = self.sftp.get_channel()
        if channel is not None:
            channel.settimeout(quiet_s)
            channel.get_transport().set_keepalive(_KEEPALIVE_S)

    def close(self) -> None:
        """End it; whoever waits for an answer gets an error."""
        self.client.close()

    def sync(self, handle: object) -> None:
        """Make an open file durable where the server can; others give no way to ask.

        Raises:
            TimeoutError: It does not answer.
        """
        try:
            self._ask("fsync@openssh.com", handle)
        except TimeoutError:
            raise  # it is not known to be durable
        except OSError:
            return

    def room(self, path: str) -> tuple[int | None, bool]:
        """Return free bytes, None where the server does not say, and whether it may only be read."""
        try:
            answer = self._ask("statvfs@openssh.com", path)
        except OSError:
            return None, False
        facts = [answer.get_int64() for _ in range(11)]
        # As statvfs(3) has them: 1 is f_frsize, 4 is f_bavail, 9 is f_flag.
        return facts[1] * facts[4], bool(facts[9] & _READ_ONLY)

    def _ask(self, extension: str, argument: Any) -> Any:
        sftp: Any = self.sftp
        return sftp._request(CMD_EXTENDED, extension, argument)[1]  # noqa: SLF001 - the library has no public way


class Links:
    """The connections of one target."""

    def __init__(self, target: str, config: SftpConfig) -> None:
        self._target = target
        self._config = config
        self._lock = threading.Lock()
        self._idle: list[Link] = []

    @contextmanager
    def one(self, doing: str, going: Going, used: list[Link]) -> Iterator[Link]:
        """Lend a connection; one that failed is not lent again.

        Args:
            doing: What it is for.
            going: Told of a sign of life once it is there.
            used: Takes the connection, so that somebody else can end it.

        Raises:
            TargetError: It cannot be made, or what it was used for failed.
        """
        with self.errors(doing):
            with self._lock:
                link = self._idle.pop() if self._idle else None
            if link is None:
                link = Link(self._target, self._config)
            used.append(link)
            going.told_to_stop()
            good = False
            try:
                yield link
                good = True
            except OSError as error:
                good = error.errno is not None and not isinstance(error, TimeoutError)
                raise
            except TargetError as error:
                good = not isinstance(error, TargetAway)
                raise
            finally:
                used.remove(link)
                if good:
                    with self._lock:
                        self._idle.append(link)
                else:
                    link.close()

    def close(self) -> None:
        """End those that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for link in idle:
            link.close()

    @contextmanager
    def errors(self, doing: str) -> Iterator[None]:
        """Let none of the library's errors out of the block."""
        try:
            yield
        except paramiko.BadHostKeyException as error:
            hint = "the host has another key than known_hosts says: find out why before you correct it"
            raise TargetBarred(f"{self._target}: {doing}: {error}", hint=hint) from error
        except (paramiko.AuthenticationException, paramiko.PasswordRequiredException) as error:
            hint = "correct user, key or password in its table"
            raise TargetBarred(f"{self._target}: {doing}: {error}", hint=hint) from error
        except (paramiko.SSHException, EOFError) as error:
            if "not found in known_hosts" in str(error):
                hint = "compare the host's key, then put it into known_hosts: ssh-keyscan shows it"
                raise TargetBarred(f"{self._target}: {doing}: {error}", hint=hint) from error
            raise TargetAway(f"{self._target}: {doing}: {error or 'the connection ended'}") from error
        except OSError as error:
            if error.errno == errno.ENOENT and error.filename:
                hint = "correct key or known_hosts in its table"
                raise TargetBarred(f"{self._target}: there is no file {error.filename}", hint=hint) from error
            raise translate(error, self._target, doing) from error
