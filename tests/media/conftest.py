"""Encoded once a run: libx265 takes its time."""

import pytest

from support.media import Footage, encode


@pytest.fixture(scope="session")
def h264() -> Footage:
    """Return 4 s of H.264 with B-frames, and AAC."""
    return encode("h264")


@pytest.fixture(scope="session")
def hevc() -> Footage:
    """Return 4 s of H.265 with B-frames, and AAC."""
    return encode("hevc")


@pytest.fixture(scope="session")
def sound() -> Footage:
    """Return 4 s of AAC alone."""
    return encode("")
