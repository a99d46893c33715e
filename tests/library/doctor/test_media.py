from pathlib import Path

import pytest

from holdfast.library.doctor.media import check_codecs
from holdfast.media import features
from support.patients import healthy


def test_media_library_is_complete(tmp_path: Path) -> None:
    """The media library that is installed here has everything that recording needs (C136)."""
    assert not list(check_codecs(healthy(tmp_path)))


def test_missing_codec_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the media library lacks is named with its version, before it is needed (C136, F47)."""
    monkeypatch.setattr(features.missing, "__defaults__", (("h264", "unobtainium"), ("aac",), ("rtsp", "vhs")))
    (found,) = check_codecs(healthy(tmp_path))
    assert found.fault == "codec-missing"
    assert found.evidence.startswith("decoder unobtainium, format vhs not in PyAV ")
