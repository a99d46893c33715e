"""Requests to S3: a few tries against a service that is busy, and its errors in our words.

Any thread. Not here: what is asked for, and in which order.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from urllib3.exceptions import HTTPError

from holdfast.core.errors import ContentDiffers, TargetAway, TargetBarred, TargetError, TargetFull, TargetRefused
from holdfast.storage.targets.s3_parts import Body

_TRIES = 3  # chosen: a service that is busy for longer is away, and the file waits in the queue
_WAIT_S = 0.5  # chosen: doubled after each try
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.NOT_IMPLEMENTED})
_BUSY = frozenset({500, 502, 503, 504, 429})
_FULL = frozenset({"XMinioStorageFull", "QuotaExceeded", "InsufficientStorage", "XMinioAdminBucketQuotaExceeded"})
_BAD = frozenset({"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"})
_BARRED = frozenset({
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed",
    "NoSuchBucket", "PermanentRedirect", "AuthorizationHeaderMalformed",
})  # fmt: skip
_HINTS = {
    "AccessDenied": "the key needs the right to get, put, list and delete objects of this bucket",
    "InvalidAccessKeyId": "correct access_key in its table",
    "SignatureDoesNotMatch": "correct secret_key (and region) in its table",
    "RequestTimeTooSkewed": "this machine's clock is wrong: let it be synchronised",
    "NoSuchBucket": "make the bucket, or correct `bucket` in its table",
    "PermanentRedirect": "correct region or endpoint in its table",
    "AuthorizationHeaderMalformed": "correct region in its table",
    "KeyTooLongError": "shorten the name template of the rule",
}


class Unknown(TargetError):
    """There is no such object. Stays within this kind of target."""


class Gone(TargetError):
    """There is no such upload. Stays within this kind of target."""


class Precondition(TargetError):
    """Something lies there already. Stays within this kind of target."""


class Calls:
    """One client of botocore, with errors of ours."""

    def __init__(self, target: str, client: Any) -> None:
        self._target = target
        self._client = client
        self._conditions = True
        self._heeds: bool | None = None

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def heeds_conditions(self, at: Mapping[str, str]) -> bool:
        """Say whether the service refuses to replace an object when asked to; tried once, with an object of a byte.

        Args:
            at: Bucket and key of that object.

        Raises:
            TargetError: It takes none.
        """
        if self._heeds is None:
            refused = 0
            for _ in range(2):
                try:
                    self.call("put_object", {**at, "Body": b"1", "IfNoneMatch": "*"})
                except Precondition:
                    refused += 1
            self.call("delete_object", at)
            self._heeds = refused > 0 and self._conditions
        return self._heeds

    def call(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make a request.

        Raises:
            Unknown: No such object.
            Gone: No such upload.
            Precondition: `IfNoneMatch` was asked for, and something is there.
            TargetError: All else.
        """
        body, tries = arguments.get("Body"), 0
        while True:
            asked = dict(arguments)
            conditional = asked.pop("IfNoneMatch", None) if not self._conditions else asked.get("IfNoneMatch")
            if isinstance(body, Body):
                body.seek(0)
            try:
                with self.errors(f"{method} {arguments.get('Key', '')}", body):
                    answer: Mapping[str, Any] = getattr(self._client, method)(**asked)
                    return answer
            except TargetAway as error:
                status = _status(error.__cause__)
                tries += 1
                if status == HTTPStatus.NOT_IMPLEMENTED and conditional and self._conditions:
                    self._conditions = False  # a service that knows no conditions was asked what lies there before
                elif tries >= _TRIES or status not in _BUSY:
                    raise
                else:
                    time.sleep(_WAIT_S * 2 ** (tries - 1))

    @contextmanager
    def errors(self, doing: str, body: object = None) -> Iterator[None]:
        """Let none of the library's errors out of the block."""
        try:
            yield
        except ClientError as error:
            raise self._translate(error, doing) from error
        except ParamValidationError as error:
            raise TargetRefused(f"{self._target}: {doing}: {error}") from error
        except (BotoCoreError, HTTPError, OSError) as error:
            if isinstance(body, Body) and body.failure is not None:
                raise body.failure from None
            raise TargetAway(f"{self._target}: {doing}: {error}") from error

    def _translate(self, error: ClientError, doing: str) -> TargetError:
        facts, status = error.response.get("Error", {}), _status(error)
        code = str(facts.get("Code", ""))
        message = f"{self._target}: {doing}: {code} {facts.get('Message', '')}".rstrip()
        kinds: tuple[tuple[bool, type[TargetError]], ...] = (
            (code == "NoSuchUpload", Gone),
            (code == "NoSuchKey" or (status == HTTPStatus.NOT_FOUND and code != "NoSuchBucket"), Unknown),
            (status == HTTPStatus.PRECONDITION_FAILED, Precondition),
            (status == HTTPStatus.INSUFFICIENT_STORAGE or code in _FULL, TargetFull),
            (code in _BAD, ContentDiffers),
            (code in _BARRED, TargetBarred),
            (status in _BUSY or status in _LATER or code in {"RequestTimeout", "IncompleteBody"}, TargetAway),
        )
        kind = next((kind for fits, kind in kinds if fits), TargetRefused)
        return kind(message, hint=_HINTS.get(code))


def _status(error: BaseException | None) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"]) if isinstance(error, ClientError) else 0
