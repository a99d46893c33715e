"""What every request needs: settings, catalog, clock and folders of this node, held once for the whole server.

Settings follow the file and the catalog's cameras by themselves, at most once a second. A broken file, or a catalog
that is away, leaves the last good answer in force. Any thread.

Not here: who asks (identity), what they may do (rights), answers (api, web).
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from holdfast.catalog.db import Catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.core import config as configuration
from holdfast.core.clock import Clock
from holdfast.core.config import ConfigInvalid, Loaded
from holdfast.core.errors import CatalogUnavailable, HoldfastError, NotFound
from holdfast.core.plan import Plan
from holdfast.library import cameras, settings
from holdfast.library.desired import read_plan

AGAIN_US = 1_000_000  # chosen: a change is seen within a second, and a page of tiles reads the file once
RETRY_US = 5_000_000  # chosen: a catalog that is away costs one request in five seconds its time-out


class Context:
    """The node, as requests see it.

    Args:
        loaded: The file's settings, as read at the start.
        clock: Time.
        open_catalog: Opens the catalog of a URL.
        node: Name of this node in the catalog.
    """

    def __init__(
        self, loaded: Loaded, clock: Clock, *, open_catalog: Callable[[str], Catalog], node: str = LOCAL
    ) -> None:
        self.clock = clock
        self.node = node
        self.began_us = clock.wall_us()
        self._open = open_catalog
        self._lock = threading.Lock()
        self._toml = loaded
        self._file = loaded
        self._merged = loaded
        self._looked_us: int | None = None
        self._stamp = self._file_stamp()
        self._catalog: Catalog | None = None
        self._catalog_url = ""
        self._failed_us: int | None = None
        self._failure: CatalogUnavailable | None = None

    @property
    def toml(self) -> Loaded:
        """What the configuration file alone says, or said last when it made sense."""
        self._look()
        return self._toml

    @property
    def file(self) -> Loaded:
        """The file with saved settings laid over it, without the cameras of the catalog: what those are laid over."""
        self._look()
        return self._file

    @property
    def loaded(self) -> Loaded:
        """What is in force: the file, with all that was changed at run time laid over it."""
        self._look()
        return self._merged

    @property
    def config(self) -> configuration.Config:
        """The settings in force."""
        return self.loaded.config

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.config.site.time_zone)

    @property
    def volumes(self) -> Mapping[str, Path]:
        """Roots of the volumes by name."""
        return {name: volume.path for name, volume in self.config.volumes.items()}

    @property
    def state_dir(self) -> Path:
        """Folder of what must survive."""
        return self._toml.config.state_dir

    @property
    def runtime_dir(self) -> Path:
        """Folder of status files, in memory."""
        return self._toml.config.runtime_dir

    def spelled(self, camera: str) -> str:
        """Return a camera's id as it is written, and as it is typed where there is none; ids are told ignoring case."""
        return {name.lower(): name for name in self.config.cameras}.get(camera.lower(), camera)

    def camera_id(self, camera: str) -> str:
        """Return a camera's id as it is written.

        Raises:
            NotFound: There is no such camera.
        """
        name = self.spelled(camera)
        if name not in self.config.cameras:
            raise NotFound(f"there is no camera {camera}")
        return name

    def plan(self) -> Plan | None:
        """Return what is to be recorded, as last published; None before there is any, or where it is damaged."""
        try:
            return read_plan(self.state_dir)
        except HoldfastError:
            return None

    def catalog(self) -> Catalog:
        """Return the open catalog.

        Raises:
            CatalogUnavailable: It does not answer, or did not a moment ago.
        """
        with self._lock:
            now_us = self.clock.boot_us()
            if self._catalog is not None and (self._catalog_url != self._url() or self._catalog.replaced()):
                self._catalog.close()
                self._catalog = None
            if self._catalog is None:
                if self._failure is not None and now_us - (self._failed_us or 0) < RETRY_US:
                    raise self._failure
                try:
                    self._catalog, self._catalog_url = self._open(self._url()), self._url()
                except CatalogUnavailable as error:
                    self._failure, self._failed_us = error, now_us
                    raise
                self._failure = None
            return self._catalog

    def changed(self) -> None:
        """Say that settings were changed just now, so that the next request sees them."""
        self._looked_us = None

    def close(self) -> None:
        """Close the catalog. Safe to call twice."""
        with self._lock:
            if self._catalog is not None:
                self._catalog.close()
                self._catalog = None

    def _url(self) -> str:
        return self._toml.config.catalog_url

    def _look(self) -> None:
        now_us = self.clock.boot_us()
        if self._looked_us is not None and now_us - self._looked_us < AGAIN_US:
            return
        self._looked_us = now_us
        stamp = self._file_stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            with suppress(ConfigInvalid):  # the worker says so, once, in its log and in the state sentence
                self._toml = configuration.load(self._toml.path, self._toml.environ)
        saved, runtime = self._runtime()
        self._file = settings.laid_over(self._toml, saved)[0]
        self._merged = cameras.merged(self._file, runtime)

    def _runtime(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        try:
            catalog = self.catalog()
            return settings.saved(catalog, self.node), cameras.runtime_settings(catalog, self.node)
        except HoldfastError:
            return settings.recall(self.state_dir), cameras.recall(self.state_dir)

    def _file_stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self._toml.path.stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino)
