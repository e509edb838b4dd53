"""Searching the folders that users give."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from deblurbench.errors import UsageError

MAX_DEPTH = 6  # kagglehub puts datasets/OWNER/SLUG/versions/N above what was downloaded
HIDDEN = (".", "__MACOSX")  # the latter is added to archives on macOS
RESULTS = ("experiment.yaml", "environment.json")  # lie in a results folder, whose restored pictures are no data set
MAX_FOLDERS = 200  # in one folder: more are scenes or persons, which are not searched


def require_folder(path: Path) -> Path:
    """Return `path`. Raises UsageError where it is no folder."""
    if not path.is_dir():
        problem = "is not a folder" if path.exists() else "there is no such folder"
        raise UsageError(f"{path}: {problem}; give the one that the download was unpacked to")
    return path


def folders_below(path: Path) -> Iterator[Path]:
    """Yield `path` and the folders below it breadth-first, as deep as downloads are nested; each once, links or not.

    Results folders of ours are passed by.
    """
    queue, seen = deque([(path, 0)]), set()
    while queue:
        folder, depth = queue.popleft()
        try:
            real = folder.resolve()
            if real in seen:
                continue
            seen.add(real)
            if folder != path and all((folder / name).is_file() for name in RESULTS):
                continue
            below = [child for child in _folders_in(folder) if not child.name.startswith(HIDDEN)]
        except OSError:  # no permission to read it (lost+found, say), or a loop of links
            continue
        yield folder
        if depth < MAX_DEPTH and len(below) <= MAX_FOLDERS:
            queue.extend((child, depth + 1) for child in below)


def find_folder(path: Path, fits: Callable[[Path], bool], wanted: str) -> Path:
    """Find the nearest folder, `path` or below it, that `fits`. Raises UsageError, which names what was `wanted`."""
    for folder in folders_below(require_folder(path)):
        if fits(folder):
            return folder
    raise UsageError(f"{path}: holds no {wanted}; give the folder that the download was unpacked to")


def subfolders(folder: Path, name: str = ".*") -> list[Path]:
    """The folders in `folder` whose whole name matches the pattern `name`, sorted; none where it is no folder."""
    if not folder.is_dir():
        return []
    return [child for child in _folders_in(folder) if re.fullmatch(name, child.name)]


def _folders_in(folder: Path) -> list[Path]:
    """The folders in `folder`, sorted; without a system call for each of 200,000 images."""
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if _is_folder(entry))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False
