"""An RTSP server made of GStreamer, as a program of its own; run with the interpreter that has PyGObject.

Usage: gst_rtsp.py '{"mounts": {"/cam": "( videotestsrc ! … name=pay0 )"}, "username": "", "password": ""}'

Prints the port it chose as one line and serves until its standard input closes, so that it never outlives its parent.
"""

import json
import sys
from importlib import import_module
from typing import Any

gi: Any = import_module("gi")
gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
Gst: Any = import_module("gi.repository.Gst")
GLib: Any = import_module("gi.repository.GLib")
GstRtsp: Any = import_module("gi.repository.GstRtsp")
GstRtspServer: Any = import_module("gi.repository.GstRtspServer")


def serve(spec: dict[str, Any]) -> None:
    """Serve the mounts of `spec` until standard input closes."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    username = spec.get("username", "")
    if username:
        server.set_auth(_digest(username, spec["password"]))
    mounts = server.get_mount_points()
    for path, launch in spec["mounts"].items():
        mounts.add_factory(path, _factory(launch, username))
    if server.attach(None) == 0:
        sys.exit("no port could be opened")
    print(server.get_bound_port(), flush=True)  # noqa: T201 - how the parent learns the port
    loop = GLib.MainLoop()
    GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT, GLib.IO_HUP | GLib.IO_IN, lambda *_: loop.quit())
    loop.run()


def _digest(username: str, password: str) -> Any:
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", username)
    auth.add_digest(username, password, token)
    return auth


def _factory(launch: str, username: str) -> Any:
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(launch)
    factory.set_shared(True)
    if username:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role(username, "media.factory.access", True)  # noqa: FBT003 - the library's signature
        permissions.add_permission_for_role(username, "media.factory.construct", True)  # noqa: FBT003 - the library's signature
        factory.set_permissions(permissions)
    return factory


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
