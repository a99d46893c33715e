"""Simulated cameras that show a film, over and over: H.264 and AAC as they are in the file.

    python benchmarks/film_cameras.py FILM COUNT

Prints one JSON line, a list of addresses, and serves until it is ended with SIGTERM. The film must be without
B-pictures, and its sound AAC in one channel. As all simulated pictures, each of them also carries a mark of some
hundred bytes.
"""

import json
import signal
import sys
import threading
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext

from holdfast.media.synthetic import Frame, VideoClip, VideoSpec, split_annex_b
from holdfast.media.synthetic_sound import AudioClip, AudioSpec
from holdfast.sim.camera import CameraSpec, Studio
from holdfast.sim.packets import AudioReel, VideoReel, pack_audio, pack_video
from holdfast.sim.server import SimServer
from holdfast.sim.thread import SimThread

_SETS, _SLICES = {7, 8}, {1, 5}  # NAL unit types of H.264: parameter sets; slices


class FilmStudio(Studio):
    """Gives a film for whatever is asked."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        clip, sound = read(path)
        self._film, self._sound = pack_video(clip), pack_audio(sound)

    @property
    def specs(self) -> tuple[VideoSpec, AudioSpec]:
        """What the film is."""
        return self._film.clip.spec, self._sound.clip.spec

    def video(self, spec: VideoSpec) -> VideoReel:  # noqa: ARG002 - the film, whatever was asked for
        """Return the film's pictures."""
        return self._film

    def audio(self, spec: AudioSpec) -> AudioReel:  # noqa: ARG002 - as above
        """Return its sound."""
        return self._sound


def read(path: Path) -> tuple[VideoClip, AudioClip]:
    """Read a film's coded pictures and sound."""
    with av.open(path) as film:
        stream, voice = film.streams.video[0], film.streams.audio[0]
        context = voice.codec_context
        annexb = BitStreamFilterContext("h264_mp4toannexb", stream)
        sets: dict[bytes, None] = {}
        frames: list[Frame] = []
        blocks: list[bytes] = []
        for packet in film.demux(stream, voice):
            if packet.stream is voice:
                blocks += [bytes(packet)] if packet.size else []
                continue
            for whole in annexb.filter(packet):
                nals = split_annex_b(bytes(whole))
                sets |= dict.fromkeys(nal for nal in nals if nal[0] & 0x1F in _SETS)
                slices = tuple(nal for nal in nals if nal[0] & 0x1F in _SLICES)
                frames += [Frame(slices, bool(whole.is_keyframe), len(frames), joint=True)] if slices else []
        spec = VideoSpec(width=stream.width, height=stream.height, fps=float(stream.average_rate or 25))
        config = bytes(context.extradata or b"")
        assert context.channels == 1, f"{path}: its sound has {context.channels} channels"
        assert config, f"{path}: its sound is no AAC"
        return VideoClip(spec, tuple(sets), tuple(frames)), AudioClip(
            AudioSpec(sample_rate=context.sample_rate), config, tuple(blocks)
        )


def main() -> int:
    """Serve."""
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    studio = FilmStudio(Path(sys.argv[1]))
    video, audio = studio.specs
    cameras = [
        CameraSpec(name=f"cam{number}", video=video, audio=audio, seed=number) for number in range(int(sys.argv[2]))
    ]
    server = SimServer(cameras)
    server.studio = studio
    with SimThread(server) as sim:
        print(json.dumps([sim.url(camera.name) for camera in cameras]), flush=True)
        done.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
