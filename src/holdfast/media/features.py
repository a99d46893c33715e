"""What the media library must be able to do, asked before it is needed (C136, F47).

PyAV's own wheels have all of it; a PyAV built against a distribution's FFmpeg may not. Any thread.
"""

import av

DECODERS = ("h264", "hevc", "aac", "pcm_alaw", "pcm_mulaw", "pcm_s16be")
ENCODERS = ("aac",)
FORMATS = ("rtsp", "sdp", "mov", "mp4", "matroska")


def missing(
    decoders: tuple[str, ...] = DECODERS, encoders: tuple[str, ...] = ENCODERS, formats: tuple[str, ...] = FORMATS
) -> list[str]:
    """Return what the media library lacks, in words; nothing where all is there."""
    lacking = []
    for mode, names in (("r", decoders), ("w", encoders)):
        for name in names:
            try:
                av.Codec(name, mode)  # type: ignore[arg-type]  # the stub wants a literal, which a loop is not
            except av.codec.codec.UnknownCodecError:
                lacking.append(f"{'decoder' if mode == 'r' else 'encoder'} {name}")
    return lacking + [f"format {name}" for name in formats if name not in av.formats_available]


def version() -> str:
    """Return the version of PyAV and of the libraries in it, for people who report a fault."""
    parts = ", ".join(f"{name} {'.'.join(map(str, number))}" for name, number in sorted(av.library_versions.items()))
    return f"PyAV {av.__version__} ({parts})"
