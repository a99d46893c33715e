"""Changing a camera wherever it stands: keys are laid over the file, or taken back.

Two changes at once do not lose one another's keys: each is read, made and written in one transaction that holds the
node's cameras. The worker lays rows over the file and publishes the result; no other camera is touched.

Not here: adding and removing (cameras), what may be named from elsewhere (camera_reach).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from holdfast.catalog.db import Catalog
from holdfast.core.clock import Clock
from holdfast.core.config import CameraConfig, Loaded
from holdfast.core.config.checks import sealed_though_compressed
from holdfast.core.config.problems import did_you_mean, dotted, known_keys
from holdfast.core.config.secret import is_reference
from holdfast.core.errors import UsageError
from holdfast.library import camera_reach, camera_rows

_IDENTITY = ("url", "sub_url", "username", "password")


def change_camera(
    catalog: Catalog,
    node: str,
    loaded: Loaded,
    camera_id: str,
    wanted: Mapping[str, Any],
    clock: Clock,
    *,
    remote: bool = False,
) -> bool:
    """Change a camera of the file, or one that was added while running.

    Args:
        catalog: Where changes are kept.
        node: Name of the node that records it.
        loaded: The file's settings, without cameras of the catalog.
        camera_id: Its id, in any case.
        wanted: Keys of a camera table and their new values. Tables are merged key by key; None takes a key back to
            what the file, else the default, says. A password is kept in a file of its own and never handed out.
        clock: Time.
        remote: It was asked for over the network: see `camera_reach`.

    Returns:
        Whether anything is another way now.

    Raises:
        NotFound: There is none of that id.
        UsageError: The result makes no sense; nothing was changed.
        CatalogUnavailable: The catalog did not answer.
    """
    now_us = clock.wall_us()
    with catalog.write() as tx:
        number = camera_rows.held(tx, node, now_us)
        runtime = camera_rows.tables(tx, number)
        name = camera_rows.own_letters(camera_id, [*loaded.config.cameras, *(str(row["id"]) for row in runtime)])
        before = own_table(runtime, name)
        others = [row for row in runtime if row["id"] != name]
        own, password, whole = changed(loaded, others, name, before, wanted, remote=remote)
        if own == before and not password:
            return False
        if password:
            own["password"] = {"file": str(camera_rows.keep_secret(loaded.config.state_dir, name, password))}
        if own or name not in loaded.config.cameras:
            camera_rows.put(tx, number, name, own, now_us, whole=whole, site=loaded.config.site_id)
        else:
            camera_rows.put_back(tx, number, loaded, name, now_us)
        # While nobody else may change it: later on this could be the file of a newer password.
        camera_rows.drop_secrets(loaded.config.state_dir, name, before, own)
    return True


def own_table(runtime: Sequence[Mapping[str, Any]], camera_id: str) -> dict[str, Any]:
    """Return what was said at run time of one camera; empty where nothing was."""
    found = next((row for row in runtime if row["id"] == camera_id), {})
    return {key: value for key, value in found.items() if key != "id"}


def changed(
    loaded: Loaded,
    others: Sequence[Mapping[str, Any]],
    camera_id: str,
    before: Mapping[str, Any],
    wanted: Mapping[str, Any],
    *,
    remote: bool = False,
) -> tuple[dict[str, Any], str, CameraConfig]:
    """Work out what a camera's row would be after a change, without making it.

    Args:
        loaded: The file's settings.
        others: The rows of all other cameras.
        camera_id: The camera, in its own letters.
        before: Its row, empty for none.
        wanted: As for `change_camera`.
        remote: It was asked for over the network.

    Returns:
        The row's keys, only those that differ from the file, without a new password; the new password, empty for none;
        and the whole camera.

    Raises:
        UsageError: The result makes no sense.
    """
    wanted = _about(camera_id, wanted)
    if remote:
        camera_reach.check_settings(wanted)
    base = loaded.config.cameras.get(camera_id)
    clean, password = camera_rows.split_secrets(wanted)
    own = _laid_over(before, clean)
    for one, other in (("url", "address"), ("address", "url")):
        if clean.get(one) and other not in clean:
            own.pop(other, None)
    own, password, whole = _whole(loaded, others, camera_id, own, password, base)
    if "stills" in clean:
        _check_rules(loaded, camera_id, whole)
    if remote:
        known = camera_rows.must_make_sense(loaded, others, camera_id, before) if before else base
        camera_reach.check_sources(loaded, camera_id, whole, known)
    if base is not None:
        own = _lean(loaded, others, camera_id, own, password, whole)
    return own, password, whole


def _about(camera_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a change without the id, if they are about this camera and known, taken back ones too."""
    _check_keys(camera_id, {key: value for key, value in wanted.items() if key != "id"})
    if str(wanted.get("id", camera_id)).lower() != camera_id.lower():
        raise UsageError(
            f"camera {camera_id}: an id cannot be changed", hint="its footage is kept under it; its name can be changed"
        )
    return {key: value for key, value in wanted.items() if key != "id"}


def _check_keys(camera_id: str, wanted: Mapping[str, Any], at: tuple[str, ...] = ()) -> None:
    known = known_keys(CameraConfig, at)
    for key, value in wanted.items():
        if known and key not in known:
            raise UsageError(f"camera {camera_id}: {dotted((*at, key))}: unknown key", hint=did_you_mean(key, known))
        if isinstance(value, Mapping) and not is_reference(value):
            _check_keys(camera_id, value, (*at, key))


def _check_rules(loaded: Loaded, camera_id: str, camera: CameraConfig) -> None:
    alone = loaded.config.model_copy(update={"cameras": {camera_id: camera}})
    for rule, words, hint in sealed_though_compressed(alone):
        raise UsageError(f"camera {camera_id}: stills.encrypt: the rule {rule} {words}", hint=hint)


def _laid_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    laid = dict(under)
    for key, value in over.items():
        if value is None:
            laid.pop(key, None)
        elif isinstance(value, Mapping) and not is_reference(value):
            below = laid.get(key)
            inner = _laid_over(below if isinstance(below, Mapping) and not is_reference(below) else {}, value)
            laid[key] = inner
            if not inner:
                del laid[key]
        else:
            laid[key] = value
    return laid


def _whole(
    loaded: Loaded,
    others: Sequence[Mapping[str, Any]],
    camera_id: str,
    own: dict[str, Any],
    password: str,
    base: CameraConfig | None,
) -> tuple[dict[str, Any], str, CameraConfig]:
    """Build the camera, where its credentials stand in the address in the file, too."""

    def build(table: dict[str, Any], secret: str) -> CameraConfig:
        tried = {**table, "password": secret} if secret else table
        return camera_rows.must_make_sense(loaded, others, camera_id, tried)

    try:
        whole = build(own, password)
    except UsageError:
        if base is None or not base.url or "url" in own or not (password or {"username", "password"} & own.keys()):
            raise
        # Other credentials than those in the file's address: an address without any has to go before that one.
        own = {**{key: getattr(base, key) for key in camera_rows.ADDRESSES if getattr(base, key)}, **own}
        whole = build(own, password)
    if base is not None and "url" in own:
        # Credentials that stood in the file's address went with it; who moves a camera means the same camera.
        if base.username and not whole.username and "username" not in own:
            own = {**own, "username": base.username}
        if base.password and not whole.password and not password and "password" not in own:
            password = base.password.reveal()
        whole = build(own, password)
    return own, password, whole


def _lean(
    loaded: Loaded,
    others: Sequence[Mapping[str, Any]],
    camera_id: str,
    own: dict[str, Any],
    password: str,
    whole: CameraConfig,
) -> dict[str, Any]:
    """Leave out what the file says already, as long as the camera stays what it is."""
    lean = _differing(own, whole, loaded.config.cameras[camera_id])
    kept = {key: own[key] for key in _IDENTITY if key in own}
    for row in (lean, {**lean, **kept}):
        tried = {**row, "password": password} if password else row
        try:
            if camera_rows.must_make_sense(loaded, others, camera_id, tried) == whole:
                return row
        except UsageError:
            continue
    return own


def _differing(own: Mapping[str, Any], whole: BaseModel, base: BaseModel) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in own.items():
        now, below = getattr(whole, key), getattr(base, key)
        if isinstance(value, Mapping) and isinstance(now, BaseModel) and isinstance(below, BaseModel):
            if inner := _differing(value, now, below):
                found[key] = inner
        elif isinstance(value, Mapping) and isinstance(now, Mapping) and isinstance(below, Mapping):
            if pairs := {name: text for name, text in value.items() if below.get(name) != text}:
                found[key] = pairs
        elif now != below:
            found[key] = value
    return found
