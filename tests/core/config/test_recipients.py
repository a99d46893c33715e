"""Public keys for whom files are encrypted, by their form."""

import pytest
from pydantic import TypeAdapter, ValidationError

from holdfast.core.config.recipients import Recipient

KEYS = TypeAdapter(Recipient)
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample ann@pier"


@pytest.mark.parametrize("good", ["age1" + "q" * 58, SSH, "ssh-rsa AAAAB3Nza=="])
def test_public_keys_are_taken(good: str) -> None:
    """Keys of age and of SSH are recipients, with a comment or without (C155)."""
    assert KEYS.validate_python(good) == good


@pytest.mark.parametrize(
    ("bad", "words"),
    [("age1x", "no recipient"), ("", "no recipient"), ("AGE-SECRET-KEY-1QQ", "private key"), (f"{SSH}\n", "no rec")],
)
def test_what_is_no_public_key_is_refused(bad: str, words: str) -> None:
    """Anything else is refused, a private key with what to give instead."""
    with pytest.raises(ValidationError, match=words):
        KEYS.validate_python(bad)
