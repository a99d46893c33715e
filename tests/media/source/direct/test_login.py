import hashlib
import re

import pytest

from holdfast.media.source.direct.login import Login

URL = "rtsp://192.0.2.7/live"


def md5(text: str) -> str:
    """Hash as RFC 2617 does."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def test_digest_without_qop_is_that_of_rfc_2069() -> None:
    """Most cameras ask for it so."""
    login = Login("admin", "p:w")
    assert login.challenged(['Digest realm="cam", nonce="abc", stale="FALSE"'])
    wanted = md5(f"{md5('admin:cam:p:w')}:abc:{md5(f'DESCRIBE:{URL}')}")
    assert f'response="{wanted}"' in login.header("DESCRIBE", URL)


def test_digest_with_qop_counts_and_signs_its_own_nonce() -> None:
    """RFC 7616: the count rises, and the answer covers it."""
    login = Login("Mufasa", "Circle of Life")
    assert login.challenged(['Digest realm="r", qop="auth,auth-int", algorithm=SHA-256, nonce="n", opaque="o"'])
    first, second = login.header("PLAY", URL), login.header("PLAY", URL)
    assert "nc=00000001" in first
    assert "nc=00000002" in second
    assert 'opaque="o"' in first
    own = re.search(r'cnonce="(\w+)"', first)
    assert own is not None
    who = hashlib.sha256(b"Mufasa:r:Circle of Life").hexdigest()
    what = hashlib.sha256(f"PLAY:{URL}".encode()).hexdigest()
    wanted = hashlib.sha256(f"{who}:n:00000001:{own[1]}:auth:{what}".encode()).hexdigest()
    assert f'response="{wanted}"' in first


def test_the_strongest_way_is_taken() -> None:
    """A camera that offers Basic, too, is not told the password."""
    login = Login("a", "b")
    assert login.challenged(
        ['Basic realm="r"', 'Digest realm="r", nonce="n"', 'Digest realm="r", nonce="m", algorithm="SHA-256"']
    )
    assert 'nonce="m"' in login.header("PLAY", URL)


@pytest.mark.parametrize("challenge", ['Basic realm="r"', 'Digest realm="r", nonce="n"'])
def test_the_same_question_again_means_a_wrong_password(challenge: str) -> None:
    """No camera is asked twice with the same answer; many lock out after a few."""
    login = Login("a", "b")
    assert login.challenged([challenge])
    assert not login.challenged([challenge])


def test_a_stale_nonce_is_replaced() -> None:
    """Another nonce means that the old one had run out."""
    login = Login("a", "b")
    assert login.challenged(['Digest realm="r", nonce="n"'])
    assert login.challenged(['Digest realm="r", nonce="m", stale=true'])


def test_a_stranger_is_not_told_the_password() -> None:
    """After a redirect to another host, Basic is not answered; without a name nothing is."""
    login = Login("a", "b")
    login.secretive = True
    assert not login.challenged(['Basic realm="r"'])
    assert not Login("", "").challenged(['Digest realm="r", nonce="n"'])
