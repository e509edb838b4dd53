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

PART_OF_FREE_DISK = 4  # by default the cache takes at most one part in so many of what is free without it
COUNTED_EVERY = 10.0  # seconds between countings of what the cache takes


class Room:
    """The bytes left to the caches in `folder`, of `limit`; by default of a quarter of what is free without them."""

    def __init__(self, folder: Path, limit: int | None) -> None:
        self._folder, self._limit = folder, limit
        self._left, self._counted = 0, -math.inf  # and when that was found out: others may be writing, too
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """For workers that are started afresh: all but the lock."""
        return {key: value for key, value in self.__dict__.items() if key != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def take(self, size: int, *, only_look: bool = False) -> bool:
        """Whether there is room for `size` more bytes, which are then taken. Raises OSError."""
        with self._lock:
            if time.monotonic() - self._counted > COUNTED_EVERY:
                used = sum(folder_size(folder) for folder in our_folders(self._folder))
                limit = self._limit
                if limit is None:
                    limit = (shutil.disk_usage(_existing(self._folder)).free + used) // PART_OF_FREE_DISK
                self._left, self._counted = limit - used, time.monotonic()
            if size > self._left:
                return False
            if not only_look:
                self._left -= size
            return True


def our_folders(folder: Path) -> list[Path]:
    """The caches in `folder`, which may hold anything else: known by their names and by what is in them."""
    found = [child for child in folder.glob("v*") if child.name[1:].isdigit()]
    return [
        child
        for child in found
        if (child / "index").is_dir() and {path.name for path in child.iterdir()} <= {"index", "pixels"}
    ]


def folder_size(folder: Path) -> int:
    """Bytes in the files below `folder`; 0 where there is none. Files may come and go meanwhile."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.stat(os.path.join(path, name)).st_size
    return total


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
