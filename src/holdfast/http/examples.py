"""Examples for the API's description, one story for all of it: a camera called gate, on 1 May 2026 at 18:00 UTC.

A field of the same name means the same in every answer, so its example is said once, here; what means something else in
one model has the model's name before it. A model that brings its own examples keeps them. Pure.

Not here: the description's errors (errors), what fields mean (the models).
"""

from typing import Any

AT_US = 1_777_658_400_000_000  # 2026-05-01T18:00:00Z
_MINUTE_US, _DAY_US = 60_000_000, 86_400_000_000

_FIELDS: dict[str, Any] = {
    # cameras
    "id": "gate", "camera": "gate", "stream": "main", "streams": ["main", "sub"], "name": "North gate",
    "site": "harbour", "site_id": "harbour", "location": "north pier", "address": "rtsp://192.0.2.10/stream1",
    "origin": "file", "volume": "main", "health": "well", "words": "recording", "hint": "", "codecs": ["h264", "aac"],
    "fps": 25.0, "bitrate_bps": 4_100_000, "width": 1920, "height": 1080, "frame_age_s": 0.3, "gap_since_us": None,
    "restarts": 2, "outcome": "OK", "fields": [], "cause": "", "fix": "", "took_s": 2.4, "warnings": [], "cameras": 8,
    "tracks": [{"kind": "video", "codec": "h264", "width": 1920, "height": 1080, "frame_rate": 25.0}],
    "burst_s": 300, "override_until": "2026-05-01T20:00",
    # instants and lengths
    "at_us": AT_US, "now_us": AT_US, "from_us": AT_US - _DAY_US, "to_us": AT_US, "start_us": AT_US - 10 * _MINUTE_US,
    "end_us": AT_US, "since_us": AT_US - _DAY_US, "created_us": AT_US - 30 * _DAY_US, "changed_us": AT_US - _DAY_US,
    "used_us": AT_US - _MINUTE_US, "expires_us": AT_US + 30 * _DAY_US, "signed_in_us": AT_US - _DAY_US,
    "shown_us": AT_US - 40_000, "usage_at_us": AT_US - _MINUTE_US, "indexed_us": AT_US - 800_000,
    "known_us": AT_US - 30 * _DAY_US, "bucket_us": _MINUTE_US, "timestamp": "2026-05-01T18:00:00Z",
    "at": "2026-05-01T18:00:00.123Z", "day": "2026-05-01", "zone": "Europe/Berlin", "time_zone": "Europe/Berlin",
    # coverage
    "recorded_s": 64_779.0, "planned_s": 0.0, "lost_s": 21.0, "available_s": 64_779.0, "removed_s": 0.0,
    "missing_s": 0.0, "recorded_us": 39_000_000, "planned_us": 0, "lost_us": 21_000_000, "worst_reason": "unreachable",
    "detail": "no answer from the camera", "source": "catalog", "percent": 99.97,
    # lists
    "cursor": None, "total": 8,
    # node and host
    "state": "running", "pid": 1204, "last_end": None, "roles": ["recorder-0", "server", "worker"], "troubles": [],
    "supervisor": {"state": "running", "pid": 1201}, "worker": {"state": "running", "pid": 1203},
    "server": {"state": "running", "port": 8080}, "database": "connected", "version": "0.1.0", "holdfast": "0.1.0",
    "components": {"catalog": {"status": "ok", "message": ""}}, "message": "", "uptime_s": 86_400, "kind": "SQLite",
    "host": "recorder1", "system": "Debian GNU/Linux 12 (bookworm)", "kernel": "6.1.0", "architecture": "aarch64",
    "python": "3.11.2", "host_s": 1_209_600.0, "holdfast_s": 86_400.0, "server_s": 86_395.0, "celsius": 51.5,
    "count": 4, "cores": [31.0, 12.5, 9.0, 14.0], "over_s": 5.0, "load_1m": 0.62, "load_5m": 0.58, "load_15m": 0.55,
    "speed_mbps": 1000, "received_bytes": 51_400_000_000, "sent_bytes": 2_100_000_000, "receive_errors": 0,
    "send_errors": 0, "dropped": 0, "total_bytes": 1_000_000_000_000, "free_bytes": 412_000_000_000,
    "available_bytes": 2_900_000_000, "used_bytes": 1_100_000_000, "swap_total_bytes": 0, "swap_used_bytes": 0,
    "reserve_bytes": 10_000_000_000, "problem": None, "path": "/srv/footage", "files": 1440, "bytes": 442_800_000_000,
    "file": "footage/gate/main/2026-05-01/gate_20260501T175000Z.mp4",
    # notes, people, tokens, settings
    "uid": "5f0c9a4e7d214b86", "author": "ann", "created_by": "ann", "token": "hf_example", "value": 600, "below": 600,
    "choices": ["tcp", "udp"], "field": "limit", "key": "cpu", "segment": "gate_20260501T175000Z",
    # pictures
    "x": 0, "y": 0, "behind_s": 0.2, "viewers": 2, "left_out": 0,
}  # fmt: skip

_OF_MODELS: dict[str, Any] = {
    "Converted.last_end": "", "CpuOut.percent": 16.6, "DiskOut.percent": 58.8, "ErrorOut.message": "stream.lost",
    "ErrorOut.hint": "check power, cable and address", "ErrorOut.source": "recorder-0", "Field.message": "is missing",
    "InterfaceOut.name": "eth0", "MemoryOut.percent": 27.5, "MemoryOut.total_bytes": 4_000_000_000,
    "NodeOut.name": "local", "NoteItem.words": "lens cleaned", "NoteOut.words": "lens cleaned", "NodeOut.streams": [],
    "Setting.words": "Length of a file.", "StorageOut.percent": 58.8, "Stretch.state": "recorded",
    "Try.address": "192.0.2.77", "Try.name": "ann", "VolumeOut.id": "b1946ac92492d234", "VolumeOut.percent": 58.8,
    "VolumeOut.state": "ready", "User.name": "ann", "SheetFacts.width": 1600, "SheetFacts.height": 900,
}  # fmt: skip

_PARAMETERS: dict[str, Any] = {"name": "ann", "token": "1-7", "key": "capture.burst_s", "width": 640, "cursor": "gate"}
_OF_PATHS: dict[str, Any] = {"/api/v1/status/{key}.key": "cpu", "/api/v1/settings/{key}.key": "defaults.segment_s"}

_SAYS_ITSELF = ("example", "examples", "enum", "const", "default", "$ref")


def says_itself(schema: dict[str, Any]) -> bool:
    """Say whether a field shows by itself what stands in it: an example, few choices, another model, yes or no."""
    if any(word in schema for word in _SAYS_ITSELF) or schema.get("type") in {"boolean", "null"}:
        return True
    if schema.get("type") == "array":
        return says_itself(schema.get("items") or {})
    parts = schema.get("anyOf") or schema.get("allOf") or []
    return bool(parts) and all(says_itself(part) for part in parts)


def add_examples(schema: dict[str, Any]) -> dict[str, Any]:
    """Give each field and parameter of a description an example where it has none and there is one here."""
    for model, found in schema.get("components", {}).get("schemas", {}).items():
        if "example" in found or "examples" in found:
            continue
        for name, field in found.get("properties", {}).items():
            own = f"{model.rpartition('__')[2]}.{name}"  # models of one name are told apart by their module before it
            if not says_itself(field) and (own in _OF_MODELS or name in _FIELDS):
                field["examples"] = [_OF_MODELS.get(own, _FIELDS.get(name))]
    for path, operations in schema.get("paths", {}).items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                _add_to_parameter(path, parameter)
    return schema


def _add_to_parameter(path: str, parameter: dict[str, Any]) -> None:
    name, field = parameter["name"], parameter["schema"]
    if says_itself(field) or "example" in parameter or "examples" in parameter:
        return
    found = _OF_PATHS.get(f"{path}.{name}", _PARAMETERS.get(name, _FIELDS.get(name)))
    if found is not None:
        field["examples"] = [found]
