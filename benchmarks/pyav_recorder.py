"""A recorder as people write it with PyAV: a thread a camera, demux, mux to Matroska. The benchmark's second peer.

python benchmarks/pyav_recorder.py FOLDER URL...
"""

import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

import av

_stop = threading.Event()


def record(url: str, path: Path) -> None:
    """Copy one camera's packets into one file until told to stop."""
    options = {"rtsp_transport": "tcp", "analyzeduration": "200000"}
    with av.open(url, options=options, timeout=10.0) as source, av.open(str(path), "w", format="matroska") as sink:
        pairs = {s.index: sink.add_stream_from_template(s) for s in source.streams if s.type in {"video", "audio"}}
        for packet in source.demux(*[source.streams[index] for index in pairs]):
            if _stop.is_set():
                break
            if packet.dts is None:
                continue
            packet.stream = pairs[packet.stream.index]
            with suppress(av.error.ArgumentError):  # times that step back at the start: the muxer drops that packet
                sink.mux(packet)


def main(folder: Path, urls: list[str]) -> None:
    """Record every camera until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: _stop.set())
    threads = [
        threading.Thread(target=record, args=(url, folder / f"cam{number}.mkv")) for number, url in enumerate(urls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
