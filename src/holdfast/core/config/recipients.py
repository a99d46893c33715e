"""Public keys for whom files are encrypted, as targets and stills name them. Pure.

Only their form is looked at here; whether a key is a point of the curve is known to whoever encrypts (storage.sealed).
"""

import re
from typing import Annotated

from pydantic import AfterValidator

_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}|ssh-(?:ed25519|rsa) [A-Za-z0-9+/=]+( .*)?")


def _recipient(value: str) -> str:
    if value.upper().startswith("AGE-SECRET-KEY"):
        raise ValueError("is a private key, which opens files", "give the public one, age1…; keep this one elsewhere")
    if not _RECIPIENT.fullmatch(value):
        raise ValueError("is no recipient of age", "write a public key, age1… or ssh-ed25519 …")
    return value


Recipient = Annotated[str, AfterValidator(_recipient)]
"""A public key of age, or one of SSH."""
