"""Public keys for whom files are encrypted, by their form."""

import pytest
from pydantic import TypeAdapter, ValidationError
from pyrage.x25519 import Identity  # type: ignore[import-untyped] # it comes without types

from holdfast.core.config.recipients import Recipient

KEYS = TypeAdapter(Recipient)
KEY = "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample ann@pier"


@pytest.mark.parametrize("good", [KEY, SSH, "ssh-rsa AAAAB3Nza=="])
def test_public_keys_are_taken(good: str) -> None:
    """Keys of age and of SSH are recipients, with a comment or without (C155)."""
    assert KEYS.validate_python(good) == good


def test_a_mistyped_key_is_found() -> None:
    """Whichever letter is another one, and whichever two neighbours change places, the checksum tells (BIP 173)."""
    for at in range(4, len(KEY)):
        wrong = [f"{KEY[:at]}{'p' if KEY[at] != 'p' else 'z'}{KEY[at + 1 :]}"]
        wrong += [f"{KEY[:at]}{KEY[at + 1]}{KEY[at]}{KEY[at + 2 :]}"] if KEY[at] != KEY[at + 1 : at + 2] != "" else []
        for one in wrong:
            with pytest.raises(ValidationError, match="mistyped"):
                KEYS.validate_python(one)
    for _ in range(20):
        assert KEYS.validate_python(str(Identity.generate().to_public()))


@pytest.mark.parametrize(
    ("bad", "words"),
    [("age1x", "no recipient"), ("", "no recipient"), ("AGE-SECRET-KEY-1QQ", "private key"), (f"{SSH}\n", "no rec")],
)
def test_what_is_no_public_key_is_refused(bad: str, words: str) -> None:
    """Anything else is refused, a private key with what to give instead."""
    with pytest.raises(ValidationError, match=words):
        KEYS.validate_python(bad)
