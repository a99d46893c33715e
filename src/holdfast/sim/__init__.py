"""Simulated cameras: an RTSP server that follows a fault script."""
