"""Footage as Matroska, packet by packet: the same payloads in another box, for archives that want `.mkv` (lab).

Written with fixed identifiers, so that the same segment makes the same file each time. Times are the segment's own,
rounded to Matroska's milliseconds; wall time stands in the tag DATE_UTC and in the name.

Not here: which segments (work.prepare). Any thread; reads and writes files, decodes nothing.
"""

from pathlib import Path

import av
import av.error

from holdfast.core.errors import BadInput, Unsupported
from holdfast.storage.errors import storage_errors

_AGAIN = frozenset({"video", "audio"})


def remux(source: Path, into: Path) -> None:
    """Write the pictures and sound of a segment into a Matroska file, unchanged.

    Raises:
        BadInput: The segment cannot be read.
        Unsupported: Matroska does not take what is in it.
        StorageError: It cannot be read or written.
    """
    with storage_errors("writing", into):
        try:
            _copy(source, into)
        except (av.error.FFmpegError, ValueError) as error:
            if isinstance(error, OSError) and error.errno and error.errno < _OWN_ERRORS:
                raise
            raise BadInput(f"{source} cannot be made Matroska: {error}", hint="holdfast verify finds why") from error


_OWN_ERRORS = 256  # libav's own numbers are far above those of the system


def _copy(source: Path, into: Path) -> None:
    with (
        av.open(str(source), options={"ignore_editlist": "1"}) as found,
        av.open(str(into), "w", format="matroska", options={"fflags": "+bitexact"}) as made,
    ):
        streams = {one.index: one for one in found.streams if one.type in _AGAIN}
        if not streams:
            raise Unsupported(f"{source} holds neither pictures nor sound")
        outs = {index: made.add_stream_from_template(one) for index, one in streams.items()}
        for packet in found.demux(*streams.values()):
            # The flushing packet is known by its size: a real one may lack a dts.
            if packet.size == 0:
                continue
            packet.stream = outs[packet.stream.index]
            made.mux(packet)
