"""Public keys for whom files are encrypted, as targets and stills name them. Pure.

A mistyped key of age is found here, by the checksum in it: found only where it is used, nothing would be sent or taken
until somebody looks. Encrypting itself is in storage.sealed.
"""

import re
from typing import Annotated

from pydantic import AfterValidator

_AGE = re.compile(r"age1[02-9ac-hj-np-z]{58}")
_SSH = re.compile(r"ssh-(?:ed25519|rsa) [A-Za-z0-9+/=]+( .*)?")
_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_STEPS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)  # specified: BIP 173, the generator of Bech32


def _recipient(value: str) -> str:
    if value.upper().startswith("AGE-SECRET-KEY"):
        raise ValueError("is a private key, which opens files", "give the public one, age1…; keep this one elsewhere")
    if _AGE.fullmatch(value):
        if not _adds_up(value):
            raise ValueError("is mistyped: its checksum does not fit", "copy the public key once more, whole")
    elif not _SSH.fullmatch(value):
        raise ValueError("is no recipient of age", "write a public key, age1… or ssh-ed25519 …")
    return value


def _adds_up(key: str) -> bool:
    """Say whether the checksum of a key fits (BIP 173: Bech32, whose name before the `1` is part of it)."""
    name, _, data = key.rpartition("1")
    parts = [*(ord(letter) >> 5 for letter in name), 0, *(ord(letter) & 31 for letter in name)]
    found = 1
    for part in [*parts, *map(_LETTERS.index, data)]:
        top = found >> 25
        found = (found & 0x1FFFFFF) << 5 ^ part
        for bit, step in enumerate(_STEPS):
            found ^= step if top >> bit & 1 else 0
    return found == 1


Recipient = Annotated[str, AfterValidator(_recipient)]
"""A public key of age, or one of SSH."""
