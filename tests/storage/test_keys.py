import stat
import subprocess
import threading
from pathlib import Path

import pytest

from holdfast.core.errors import BadInput, UsageError
from holdfast.storage.keys import KEY_FILE, PublicKey, expected_fingerprint, node_key


def test_a_key_is_made_once_and_for_nobody_else(tmp_path: Path) -> None:
    """The first need makes the key, readable by its owner alone; every later one finds the same."""
    state = tmp_path / "state"
    first = node_key(state).public
    assert stat.S_IMODE((state / KEY_FILE).stat().st_mode) == 0o600
    assert node_key(state).public == first
    assert [path.name for path in state.iterdir()] == [KEY_FILE]
    assert node_key(tmp_path / "other").public != first


def test_processes_that_need_it_at_once_agree(tmp_path: Path) -> None:
    """Whoever makes the key a moment too late takes the one that is there."""
    found: list[PublicKey] = []
    ready = threading.Barrier(8)

    def look() -> None:
        ready.wait()
        found.append(node_key(tmp_path).public)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_a_signature_is_of_these_bytes_and_this_key(tmp_path: Path) -> None:
    """Other bytes, another signature and another key are told from what was signed."""
    key, other = node_key(tmp_path / "a"), node_key(tmp_path / "b")
    signature = key.sign(b"footage")
    assert key.public.verifies(signature, b"footage")
    assert not key.public.verifies(signature, b"fuutage")
    assert not key.public.verifies(signature[:-1], b"footage")
    assert not other.public.verifies(signature, b"footage")
    assert PublicKey.from_pem(key.public.pem) == key.public


@pytest.mark.needs("openssl")
def test_other_tools_check_a_signature(tmp_path: Path) -> None:
    """What the README of an export says works: openssl checks a signature with the public key's file."""
    key = node_key(tmp_path)
    (tmp_path / "data").write_bytes(b"footage")
    (tmp_path / "data.sig").write_bytes(key.sign(b"footage"))
    (tmp_path / "pub.pem").write_bytes(key.public.pem)
    words = ["-verify", "-pubin", "-inkey", "pub.pem", "-rawin", "-in", "data", "-sigfile", "data.sig"]
    shown = subprocess.run(["openssl", "pkeyutl", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stdout + shown.stderr


def test_a_damaged_key_is_not_written_over(tmp_path: Path) -> None:
    """A file that is no key is an error with a way out, and stays as it is."""
    (tmp_path / KEY_FILE).write_text("garbage")
    with pytest.raises(BadInput, match="no Ed25519 key"):
        node_key(tmp_path)
    assert (tmp_path / KEY_FILE).read_text() == "garbage"


def test_a_fingerprint_is_named_in_several_ways(tmp_path: Path) -> None:
    """Digits with spaces or colons, and the file of a public key, name the same key; nonsense names none."""
    public = node_key(tmp_path).public
    digits = public.fingerprint
    assert expected_fingerprint(f"{digits[:32].upper()} {digits[32:]}\n") == digits
    assert expected_fingerprint(":".join(digits[n : n + 2] for n in range(0, 64, 2))) == digits
    (tmp_path / "pub.pem").write_bytes(public.pem)
    assert expected_fingerprint(str(tmp_path / "pub.pem")) == digits
    with pytest.raises(UsageError):
        expected_fingerprint("abc")
    with pytest.raises(BadInput):
        expected_fingerprint(str(tmp_path / KEY_FILE))
