"""An S3 server of the tests: moto's, over HTTP, in a process of its own, with a proxy before it that breaks things."""

import contextlib
import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from holdfast.core.config.secret import Secret
from holdfast.core.config.targets import S3Target as S3Config
from holdfast.storage.targets.contract import Target
from holdfast.storage.targets.s3 import S3Target
from support.target_places import Place
from support.target_proxy import FaultProxy, Proxied

_PROGRAM = """
import logging, os, sys
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
os._exit(0)
"""
_numbers = itertools.count(1)
ACCESS, SECRET = "AKIAINVENTED00000000", "an/invented+secret-that-nobody-may-see"


@contextmanager
def s3_server() -> Iterator[int]:
    """Run moto's server; yield its port."""
    with subprocess.Popen([sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        try:
            yield int(child.stdout.readline())
        finally:
            child.stdin.close()
            child.wait(60)


def answer(status: int, code: str) -> bytes:
    """Return an error as S3 gives it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>so it is</Message></Error>".encode()
    head = f"HTTP/1.1 {status} No\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\nConnection: close"
    return head.encode() + b"\r\n\r\n" + body


class S3Place(Proxied):
    """A bucket of a running server."""

    resumes = True
    secrets: tuple[str, ...] = (SECRET,)

    def __init__(self, port: int, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self.bucket = f"bucket-{next(_numbers)}"
        client: Any = Session().create_client(
            "s3", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{port}", aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET, config=Config(s3={"addressing_style": "path"}),
        )  # fmt: skip
        self._client = client
        client.create_bucket(Bucket=self.bucket)

    def close(self) -> None:
        self._client.close()

    def make(self, quiet_s: float = 60.0, bandwidth: int = 0) -> Target:  # noqa: ARG002 - it paces where it is told to
        return S3Target("t", self.config(quiet_s=quiet_s))

    def config(self, **changes: Any) -> S3Config:
        known: dict[str, Any] = {
            "type": "s3", "bucket": self.bucket, "prefix": "kept/here", "endpoint": f"http://127.0.0.1:{self.proxy.port}",
            "access_key": Secret(ACCESS), "secret_key": Secret(SECRET),
        }  # fmt: skip
        return S3Config(**(known | changes))

    def takes(self, key: str) -> bool:  # noqa: ARG002 - any name is fine
        return True

    def read(self, key: str) -> bytes | None:
        try:
            with self._client.get_object(Bucket=self.bucket, Key=f"kept/here/{key}")["Body"] as body:
                data: bytes = body.read()
                return data
        except ClientError:
            return None

    def size(self, key: str) -> int | None:
        try:
            return int(self._client.head_object(Bucket=self.bucket, Key=f"kept/here/{key}")["ContentLength"])
        except ClientError:
            return None

    def plant(self, key: str, data: bytes) -> None:
        self._client.put_object(Bucket=self.bucket, Key=f"kept/here/{key}", Body=data)

    def names(self) -> set[str]:
        found = self._client.list_objects_v2(Bucket=self.bucket).get("Contents", ())
        return {one["Key"].removeprefix("kept/here/") for one in found}

    def parts(self, key: str) -> int:
        """Return in how many parts an object was sent; 0 for in one request."""
        tag = str(self._client.head_object(Bucket=self.bucket, Key=f"kept/here/{key}")["ETag"]).strip('"')
        return int(tag.partition("-")[2] or 0)

    def uploads(self) -> int:
        """Return how many uploads in parts are open."""
        return len(self._client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", ()))

    @contextmanager
    def refusing(self) -> Iterator[None]:
        with self._answering(answer(403, "AccessDenied")):
            yield

    @contextmanager
    def full(self) -> Iterator[None]:
        with self._answering(answer(507, "XMinioStorageFull")):
            yield

    @contextmanager
    def _answering(self, reply: bytes) -> Iterator[None]:
        self.proxy.answer = reply
        try:
            yield
        finally:
            self.proxy.answer = b""


class _Kept:
    """The server that one test process keeps, because it takes seconds to start."""

    stack = ExitStack()
    port = 0


def kept_server() -> int:
    """Return the port of the server of this process; it ends with the process."""
    if not _Kept.port:
        _Kept.port = _Kept.stack.enter_context(s3_server())
    return _Kept.port


def end_server() -> None:
    """End it."""
    _Kept.stack.close()
    _Kept.port = 0


def s3(_tmp: Path, stack: ExitStack) -> Place:
    """Return a bucket behind a proxy."""
    port = kept_server()
    place = S3Place(port, stack.enter_context(FaultProxy(port)))
    stack.enter_context(contextlib.closing(place))
    return place
