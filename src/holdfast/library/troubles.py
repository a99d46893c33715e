"""What is wrong with a node besides its cameras, and what is worth a word: from what its roles say of themselves.

Pure: the status files of roles in, sentences out. Not here: cameras, and the one sentence above all (status).
"""

from typing import Any

from holdfast.core.status import FRESH_S, SETTLING_S
from holdfast.core.timing import SECOND_US, span_words

DOUBT_S = 3600.0  # chosen: six passes; a clock that is synchronised at all is so by then
CONFIRM_HINT = "it waits for a synchronised clock that makes sense, or for holdfast clean --confirm"


def troubles_of(
    supervisor: dict[str, Any] | None, worker: dict[str, Any] | None, server: dict[str, Any] | None,
    watcher: dict[str, Any] | None,
) -> list[str]:  # fmt: skip
    """Return what is wrong besides cameras: what needs a person. Each is what a role says of itself, or None."""
    children = (supervisor or {}).get("children", [])
    found = [
        f"{child['name']} keeps ending ({child['last_end']}, {child['restarts']} restarts)"
        for child in children
        if child.get("crash_loop")
    ]
    said = [
        (supervisor or {}).get("plan_problem"),
        *((worker or {}).get(f"{k}_problem") for k in ("config", "catalog")),
    ]
    found.extend(str(problem) for problem in said if problem)
    if _waits_long(worker):
        found += _waiting(worker)
    keeping = (worker or {}).get("retention") or {}
    if keeping.get("problem"):
        found.append(f"what is over may not be deleted: {keeping['problem']}")
    found += [*_away(worker), *_failed(worker)]
    if server and server.get("problem"):
        what_to_do = f"; {server['hint']}" if server.get("hint") else ""
        found.append(f"pages are not served: {server['problem']}{what_to_do}")
    if supervisor and supervisor.get("state") == "running":
        if worker is None and _is_overdue(supervisor, "worker", wanted=True):
            found.append("the worker does not answer: recording goes on, the catalog does not follow")
        if server is None and _is_overdue(supervisor, "server", wanted=False):
            found.append("the server does not answer: recording goes on, pages are not served")
        if watcher is None and _is_overdue(supervisor, "watcher", wanted=False):
            found.append("the watcher does not answer: recording goes on, nothing is looked at")
    if watcher and watcher.get("problem"):
        found.append(f"pictures are not watched: {watcher['problem']}")
    objects = (watcher or {}).get("objects") or {}
    if objects.get("problem"):
        what_to_do = f"; {objects['hint']}" if objects.get("hint") else ""
        found.append(f"objects are not recognised: {objects['problem']}{what_to_do}")
    return found


def notices(worker: dict[str, Any] | None) -> list[str]:
    """Say which disks fill, and what memory does. A recorder fills its disk by design, so this is nothing wrong."""
    disks = ((worker or {}).get("retention") or {}).get("disks") or ()
    found = [] if _waits_long(worker) else _waiting(worker)
    found += [str(disk["words"]) for disk in disks if disk["level"] != "normal"]
    memory = (worker or {}).get("memory") or {}
    if memory.get("problem"):
        found.append(f"footage that should lie in memory goes to its disk: {memory['problem']}")
    if memory.get("dropped"):
        size = memory["dropped_bytes"] / 1e6
        found.append(f"memory dropped {memory['dropped']} files ({size:.0f} MB) that nothing held, since the start")
    return found


def _away(worker: dict[str, Any] | None) -> list[str]:
    """Say which targets, and tables of rules, take nothing (F20); what was asked again and answered concerns nobody."""
    away = ((worker or {}).get("work") or {}).get("away") or ()
    return [
        f"{_held(one)} for {span_words(lasts_s)}: {one['why']}"
        for one in away
        if worker is not None and (lasts_s := (worker["at_us"] - one["since_us"]) / SECOND_US) >= SETTLING_S
    ]


def _held(one: dict[str, Any]) -> str:
    rows = f"the table of rule {one.get('rule')} has taken no row"
    return rows if "rule" in one else f"target {one['target']} has taken nothing"


def _failed(worker: dict[str, Any] | None) -> list[str]:
    """Say which files nobody tries again by itself: they are not where they were promised."""
    failed = ((worker or {}).get("work") or {}).get("failed") or ()
    found = []
    for one in failed:
        lane, single = one["lane"], one["count"] == 1
        files, wait = ("1 file was", "waits") if single else (f"{one['count']} files were", "wait")
        what = f"not sent to target {lane}" if one["job"] == "deliver" else f"not handed over by rule {lane}"
        look = f"jobs show {one['job']} --lane {lane} --state failed"
        look = f"queue list --target {lane} --state failed" if one["job"] == "deliver" else look
        found.append(f"{files} {what} and {wait} for somebody; holdfast {look}")
    return found


def _waiting(worker: dict[str, Any] | None) -> list[str]:
    """Say that deleting waits, and why; nothing where it does not."""
    why = ((worker or {}).get("retention") or {}).get("off")
    return [f"nothing is deleted for now: {why}; {CONFIRM_HINT}"] if why else []


def _waits_long(worker: dict[str, Any] | None) -> bool:
    """Say whether that needs a person: after a start it ends by itself, and meanwhile no disk fills."""
    said = (worker or {}).get("retention") or {}
    since_us = said.get("off_us")
    return worker is not None and since_us is not None and worker["at_us"] - since_us > DOUBT_S * SECOND_US


def _is_overdue(supervisor: dict[str, Any], name: str, *, wanted: bool) -> bool:
    """Say whether a role should have spoken by now: one that was started a moment ago is still loading its libraries.

    Where the supervisor knows none of that name, `wanted` decides; one that it has not begun is not late.
    """
    found = [child for child in supervisor.get("children", []) if child.get("name") == name]
    if not found:
        return wanted
    since_us: int = found[0]["since_us"]
    at_us: int = supervisor["at_us"]
    return found[0].get("state") != "stopped" and at_us - since_us > FRESH_S * SECOND_US
