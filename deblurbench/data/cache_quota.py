"""How much of the disk the cache may take."""

from __future__ import annotations

import math
import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

FREE_DISK_DIVISOR = 4  # the default quota is the disk space that is free without the cache, divided by this
COUNT_INTERVAL = 10.0  # seconds after which the size of the cache is counted again


class DiskQuota:
    """The bytes left to the caches in `folder`, of `limit`; by default of a quarter of the space that is free without them."""

    def __init__(self, folder: Path, limit: int | None) -> None:
        self._folder, self._limit = folder, limit
        self._left, self._counted = 0, -math.inf  # bytes, and the time of that count: other processes may write, too
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """The state without the lock, which cannot be pickled for spawned workers."""
        return {key: value for key, value in self.__dict__.items() if key != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def reserve(self, size: int, *, check_only: bool = False) -> bool:
        """Reserve `size` more bytes, unless this is `check_only`. Returns whether they are left. Raises OSError."""
        with self._lock:
            if time.monotonic() - self._counted > COUNT_INTERVAL:
                used = sum(folder_size(folder) for folder in cache_folders(self._folder))
                limit = self._limit
                if limit is None:
                    limit = (shutil.disk_usage(_nearest_existing(self._folder)).free + used) // FREE_DISK_DIVISOR
                self._left, self._counted = limit - used, time.monotonic()
            if size > self._left:
                return False
            if not check_only:
                self._left -= size
            return True


def cache_folders(folder: Path) -> list[Path]:
    """The caches of all versions in `folder`, which may hold anything else: recognised by their names and contents."""
    found = [child for child in folder.glob("v*") if child.name[1:].isdigit()]
    return [
        child
        for child in found
        if (child / "index").is_dir() and {path.name for path in child.iterdir()} <= {"index", "pixels"}
    ]


def folder_size(folder: Path) -> int:
    """The bytes in the files below `folder`; 0 where there is none. Files may come and go meanwhile."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.stat(os.path.join(path, name)).st_size
    return total


def _nearest_existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
