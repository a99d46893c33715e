import pytest

from holdfast.media.source.folder_names import Form
from holdfast.media.source.picture_size import size_of
from support.folders import picture


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_a_picture_says_how_large_it_is(form: str) -> None:
    """Width and height stand in the first bytes of each kind; what breaks off before says nothing."""
    body = picture(90, form, (326, 240))
    assert size_of(body, Form(form)) == (326, 240)
    assert size_of(body[:12], Form(form)) in {None, (0, 0)}
    assert size_of(body, Form.TS) is None


def test_a_thumbnail_inside_is_not_the_picture() -> None:
    """What a picture carries about itself is passed by; the frame that counts is its own."""
    inside = picture(90, size=(64, 48))
    about = b"\xff\xe1" + (len(inside) + 2).to_bytes(2) + inside
    body = picture(70)
    assert size_of(b"\xff\xd8\xff\xff" + about[1:] + body[2:], Form.JPEG) == (320, 240)


@pytest.mark.parametrize(
    ("facts", "size"),
    [
        (b"VP8X\x0a\0\0\0\0\0\0\0\x3f\x1f\0\xff\x0f\0", (8000, 4096)),
        (b"VP8L\x0a\0\0\0\x2f\x3f\xdf\x3b\x00\0\0\0\0\0", (8000, 240)),
    ],
)
def test_each_kind_of_webp_says_it(facts: bytes, size: tuple[int, int]) -> None:
    """Lossless and extended pictures say their size in places of their own."""
    assert size_of(b"RIFF\0\0\0\0WEBP" + facts, Form.WEBP) == size
