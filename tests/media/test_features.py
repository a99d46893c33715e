from holdfast.media import features


def test_unknown_names_are_missing() -> None:
    """A codec or format that the library does not know is named with what it is (F47)."""
    lacking = features.missing(decoders=("h264", "none-such"), encoders=("aac", "nor-this"), formats=("rtsp", "vhs"))
    assert lacking == ["decoder none-such", "encoder nor-this", "format vhs"]


def test_version_names_the_libraries() -> None:
    """The version that people report holds PyAV's and that of the libraries inside."""
    assert "PyAV " in features.version()
    assert "libavformat " in features.version()
