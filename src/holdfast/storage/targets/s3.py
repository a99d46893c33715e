"""A bucket as a target: AWS, R2, MinIO and whatever else speaks S3.

An object appears whole or not at all, so there is no temporary name. Large files go in parts, and go on where they
were, in another process too: the upload's id is what is remembered. A copy counts as verified when the checksum that
the service keeps, and its digest of each request, are those of what was sent; where anything is missing or in doubt it
is read back (docs/design/0014).

Any thread; one client for all of them, made with the first request.
"""

import base64
import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from holdfast.core.config.targets import S3Target as S3Config
from holdfast.core.errors import BadInput, ContentDiffers, NameTaken, NotFound, TargetAway, TargetError
from holdfast.storage.targets.address import public_address
from holdfast.storage.targets.apart import Apart
from holdfast.storage.targets.contract import Content, Going, Receipt, TargetFacts, silence_s
from holdfast.storage.targets.s3_calls import Calls, Gone, Precondition, Unknown
from holdfast.storage.targets.s3_parts import Body, Part, Sending, Sent, composite, of_parts, parts_of
from holdfast.storage.targets.sources import BLOCK_BYTES, blocks, checked_key, stop_if_told

LARGE_BYTES = 20 * 10**6  # specified (C074): from here on in parts
_POOL = 64  # the most that `parallel` allows
_LONGEST_S = 86_400.0  # chosen: whoever waits for an answer that takes long ends that by itself, long before
_PROBE = b"holdfast\n"
_TWICE = ".holdfast-conditions"  # put twice to see whether the second time is refused


class S3Target:
    """Objects of one bucket, below a prefix."""

    def __init__(self, name: str, config: S3Config) -> None:
        self.name = name
        self._config = config
        self._lock = threading.Lock()
        self._calls: Calls | None = None
        self._patient: Calls | None = None
        self._apart = Apart(name, config.quiet_s)

    def check(self) -> None:
        """Make sure that the bucket takes, gives and removes objects."""
        key, content = (
            f".holdfast-probe-{os.urandom(6).hex()}",
            Content(len(_PROBE), hashlib.sha256(_PROBE).hexdigest()),
        )
        at = self._at(key)
        self._call("put_object", **at, Body=_PROBE)
        try:
            if not self._reads_back(key, content, Going()):
                raise ContentDiffers(f"{self.name}: what the bucket gives back is not what it was given")
        finally:
            self._call("delete_object", **at)

    def facts(self) -> TargetFacts:
        """Return how files are verified; nobody says how much room a bucket has."""
        return TargetFacts("the checksum that the service keeps, else by reading back")

    def put(self, source: Path, key: str, content: Content, going: Going) -> Receipt:
        """Send a file; see the contract."""
        checked_key(self.name, key)
        stop_if_told(going, self.name)
        small = content.bytes < LARGE_BYTES
        # A small file is quicker sent than asked for, where the service is known to heed conditions.
        if not (small and self._client().heeds_conditions(self._at(_TWICE))) and (
            found := self._already(source, key, content, going)
        ):
            return found
        try:
            sure = (self._put_whole if small else self._put_parts)(source, key, content, going)
        except Precondition as error:
            # Somebody else was first; with the same content that is as good.
            found = self._already(source, key, content, going)
            if found is None:
                raise TargetAway(f"{self.name}: {key} came and went while it was sent") from error
            return found
        if sure:
            return Receipt(self._address(key), "sha256 kept by the service")
        if not self._reads_back(key, content, going):
            self.remove(key)
            raise ContentDiffers(f"{self.name}: {key} did not arrive as it was sent; it was removed there")
        return Receipt(self._address(key), "sha256")

    def look(self, key: str, content: Content) -> Receipt | None:
        """Verify what lies under a key by reading it: a checksum that is kept says what was, not what is."""
        checked_key(self.name, key)
        head = self._head(key)
        if head is None:
            return None
        if head["ContentLength"] != content.bytes or not self._reads_back(key, content, Going()):
            raise ContentDiffers(f"{self.name}: {key} does not hold what was sent there")
        return Receipt(self._address(key), "sha256")

    def remove(self, key: str) -> None:
        """Remove what lies under a key; see the contract."""
        checked_key(self.name, key)
        self._call("delete_object", **self._at(key))

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            both = self._calls, self._patient
            self._calls = self._patient = None
        for calls in filter(None, both):
            calls.close()

    def _put_whole(self, source: Path, key: str, content: Content, going: Going) -> bool:
        """Send in one request; return whether the service's digest and the checksum that it keeps are ours."""
        data = b"".join(blocks(source, content, Going(told_to_stop=going.told_to_stop), target=self.name))
        part = Part.of(1, data)
        sent = self._call(
            "put_object", **self._at(key), **self._new(content), IfNoneMatch="*", ChecksumAlgorithm="SHA256",
            ChecksumSHA256=part.sha256, Body=Body(data, going, self.name),
        )  # fmt: skip
        return part.arrived(sent) and (sent.get("ChecksumSHA256") or self._kept(key)) == part.sha256

    def _put_parts(self, source: Path, key: str, content: Content, going: Going) -> bool:
        upload, there = self._resumed(key, content, going.memory)
        if not upload:
            made = self._call(
                "create_multipart_upload", **self._at(key), **self._new(content), ChecksumAlgorithm="SHA256"
            )
            upload = made["UploadId"]
            going.remember(json.dumps({"upload": upload, "sha256": content.sha256}))
        kept = ""
        try:
            sent = self._send_parts(source, key, content, upload, there, going)
            done = [part.named for part in sent]
            answer = self._completed(key, content, upload, done, going)
            kept = str(answer.get("ChecksumSHA256") or self._kept(key))
        except Gone:
            # The upload was completed or aborted meanwhile, by somebody else or by an answer that never came.
            going.remember("")
            if self._head(key) is None:
                raise TargetAway(f"{self.name}: the upload of {key} is gone; it begins anew") from None
        except (BadInput, NotFound, ContentDiffers, Precondition):
            self._abort(key, upload, going)
            raise
        except TargetError as error:
            if not error.transient:
                self._abort(key, upload, going)
            raise
        going.remember("")
        ours = of_parts([part["ChecksumSHA256"] for part in done])
        sure = all(part.sure for part in sent)
        return sure and kept in {ours, ours.partition("-")[0]}  # not every service says the number of parts

    def _completed(
        self, key: str, content: Content, upload: str, parts: Sequence[Mapping[str, Any]], going: Going
    ) -> Mapping[str, Any]:  # fmt: skip
        """Have the service make one object of the parts; one that copies them says nothing until that is done."""
        at = self._at(key)

        def complete(_apart: Going) -> Mapping[str, Any]:
            named = {"MultipartUpload": {"Parts": parts}, "UploadId": upload, "IfNoneMatch": "*"}
            return self._client(patient=True).call("complete_multipart_upload", {**at, **named})

        def alive() -> None:
            try:
                self._head(key)
            except TargetError as error:
                if not isinstance(error.__cause__, ClientError):
                    raise  # any answer is one

        longest_s = silence_s(self._config.quiet_s, content.bytes)
        return self._apart.run(f"completing {key}", complete, going, longest_s=longest_s, alive=alive)

    def _send_parts(
        self, source: Path, key: str, content: Content, upload: str, there: Mapping[int, Mapping[str, Any]],
        going: Going,
    ) -> list[Sent]:  # fmt: skip
        """Send the parts that an upload lacks; return all that are there, in their order."""

        def put(part: Part, body: Body) -> Sent:
            answer = self._call(
                "upload_part", **self._at(key), UploadId=upload, PartNumber=part.number, ChecksumAlgorithm="SHA256",
                ChecksumSHA256=part.sha256, Body=body,
            )  # fmt: skip
            return Sent(part.named(answer), part.arrived(answer))

        reading = Going(told_to_stop=going.told_to_stop)
        with closing(parts_of(source, content, reading, self.name)) as parts, Sending(going, self.name, put) as sending:
            for part in parts:
                known = there.get(part.number)
                if known is not None and part.is_as(known):
                    sending.sent[part.number] = Sent(part.named(known), sure=True)
                else:
                    sending.send(part)
        return [sent for _, sent in sorted(sending.sent.items())]

    def _resumed(self, key: str, content: Content, memory: str) -> tuple[str, Mapping[int, Mapping[str, Any]]]:
        """Return the upload to go on with, and its parts that are there; nothing where there is none."""
        try:
            kept = json.loads(memory) if memory else {}
        except ValueError:
            kept = {}
        upload, after = str(kept.get("upload", "")) if isinstance(kept, dict) else "", 0
        if not upload:
            return "", {}
        if kept.get("sha256") != content.sha256:
            self._forsake(key, upload)
            return "", {}
        parts: dict[int, Mapping[str, Any]] = {}
        try:
            while True:
                page = self._call("list_parts", **self._at(key), UploadId=upload, PartNumberMarker=after)
                parts |= {part["PartNumber"]: part for part in page.get("Parts", ())}
                if not page.get("IsTruncated"):
                    return upload, parts
                after = page["NextPartNumberMarker"]
        except Gone:
            return "", {}

    def _forsake(self, key: str, upload: str) -> None:
        """End an upload of what the file was before, such as one that was sealed anew; it is forgotten after this."""
        try:
            self._call("abort_multipart_upload", **self._at(key), UploadId=upload)
        except TargetError as error:
            if error.transient:
                raise  # it is remembered still, and ended by the next attempt

    def _abort(self, key: str, upload: str, going: Going) -> None:
        """Give an upload up: its parts would be paid for until somebody finds them."""
        going.remember("")
        try:
            self._call("abort_multipart_upload", **self._at(key), UploadId=upload)
        except TargetError:
            return  # what led here is what matters, and the bucket's own rule for old uploads removes it

    def _already(self, source: Path, key: str, content: Content, going: Going) -> Receipt | None:
        head = self._head(key)
        if head is None:
            return None
        same = head["ContentLength"] == content.bytes and (
            _keeps(head, source, content) or self._reads_back(key, content, going)
        )
        if not same:
            raise NameTaken(f"{self.name}: something else lies under {key}")
        return Receipt(self._address(key), "sha256", already=True)

    def _kept(self, key: str) -> str:
        """Return the checksum that the service keeps of an object; empty where it keeps none."""
        head = self._head(key)
        return str(head.get("ChecksumSHA256", "")) if head is not None else ""

    def _reads_back(self, key: str, content: Content, going: Going) -> bool:
        sha, count = hashlib.sha256(), 0
        try:
            body = self._call("get_object", **self._at(key))["Body"]
        except Unknown:
            return False
        with body, self._client().errors(f"reading {key}"):
            while block := body.read(BLOCK_BYTES):
                stop_if_told(going, self.name)
                sha.update(block)
                count += len(block)
        return count == content.bytes and sha.hexdigest() == content.sha256

    def _head(self, key: str) -> Mapping[str, Any] | None:
        try:
            return self._call("head_object", **self._at(key), ChecksumMode="ENABLED")
        except Unknown:
            return None

    def _new(self, content: Content) -> dict[str, Any]:
        """Return what a new object is given."""
        kind = {"StorageClass": self._config.storage_class} if self._config.storage_class else {}
        return {**kind, "Metadata": {"sha256": content.sha256}}

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._config.bucket, "Key": f"{self._config.prefix}/{key}" if self._config.prefix else key}

    def _call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        return self._client().call(method, arguments)

    def _client(self, *, patient: bool = False) -> Calls:
        with self._lock:
            if patient:
                self._patient = self._patient or Calls(self.name, _connect(self._config, _LONGEST_S))
                return self._patient
            self._calls = self._calls or Calls(self.name, _connect(self._config, self._config.quiet_s))
            return self._calls

    def _address(self, key: str) -> str:
        config, path = self._config, quote(self._at(key)["Key"], safe="/")
        host = f"https://s3.{config.region}.amazonaws.com"
        return public_address(config.address, self.name, key) or f"{config.endpoint or host}/{config.bucket}/{path}"


def _connect(config: S3Config, quiet_s: float) -> Any:
    # Profiles and files of the AWS tools are left alone: what holds stands in the configuration.
    session = Session(session_vars={"profile": (None, None, None, None)})
    session.set_config_variable("config_file", os.devnull)
    session.set_config_variable("credentials_file", os.devnull)
    return session.create_client(
        "s3", region_name=config.region, endpoint_url=config.endpoint or None,
        aws_access_key_id=config.access_key.reveal(), aws_secret_access_key=config.secret_key.reveal(),
        config=Config(
            signature_version="s3v4", max_pool_connections=_POOL, retries={"total_max_attempts": 1},
            # urllib3 sends under the limit for connecting: both are the limit of silence.
            connect_timeout=config.quiet_s, read_timeout=quiet_s, tcp_keepalive=True,
            request_checksum_calculation="when_required", response_checksum_validation="when_required",
            # Our checksum is in a signed header; hashing each body once more for the signature is a tenth of the time.
            s3={"addressing_style": "path" if config.path_style else "virtual", "payload_signing_enabled": False},
        ),
    )  # fmt: skip


def _keeps(head: Mapping[str, Any], source: Path, content: Content) -> bool:
    """Say whether the checksum that a service keeps is that of the content."""
    kept = str(head.get("ChecksumSHA256", ""))
    if "-" not in kept:
        return kept == base64.b64encode(bytes.fromhex(content.sha256)).decode()
    try:
        return kept == composite(source, content)
    except (BadInput, OSError):
        return False
