"""Our own RTSP reader: RTP interleaved over TCP or TLS, in Python alone (docs/design/0005).

One socket, one thread, no libav: bytes are read in large pieces, packets are taken apart where they lie, and a picture
is put together once. What it does not speak (UDP, odd codecs) is left to the reader that libav drives (`source.rtsp`).
"""
