"""Pairs in folders whose names do not tell the blurred side: both would be taken for sharp photographs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deblurbench.data.layouts.directory_tree import HIDDEN, subfolders
from deblurbench.data.layouts.side_names import ACCEPTED, ANY_SPLIT, split_folders
from deblurbench.data.table import evenly_spaced
from deblurbench.errors import UnreadableImage, UsageError
from deblurbench.images.photo import list_images
from deblurbench.images.reading import read_photo

FOLDERS_COMPARED = 16  # of one folder
PICTURES_COMPARED = 3  # of two folders
THUMBNAIL, COARSE = 64, 8.0  # pixels: its side, and the standard deviation of the shading that is subtracted
# Of 91 photographs no two correlate by more than 0.31; one and its blurred copy (by 1 % of its side) by 0.82 at the least, and
# where the copy is moved by 2 % and enlarged by 2 %, too, by 0.53 in the median.
MIN_CORRELATION = 0.4

Thumbnail = NDArray[np.float32] | None  # None where the file cannot be read


def require_no_unnamed_pairs(folder: Path) -> None:
    """Raise UsageError where two folders in `folder` hold the same pictures by the same names.

    Scenes whose frames are numbered alike are not: a few pictures of the same name are decoded, and have to look alike.
    """
    others = [child for child in subfolders(folder, f"(?!{ANY_SPLIT}$).*") if not child.name.startswith(HIDDEN)]
    images = {child: _by_name(child) for child in others[:FOLDERS_COMPARED]}
    thumbnail = cache(_thumbnail)
    for first, second in combinations(images, 2):
        shared = sorted(images[first].keys() & images[second].keys())
        if 2 * len(shared) <= min(len(images[first]), len(images[second])):
            continue
        chosen = [(images[first][name], images[second][name]) for name in evenly_spaced(shared, PICTURES_COMPARED)]
        if _look_alike(chosen, thumbnail):
            raise UsageError(
                f"{folder}: {first.name}/ and {second.name}/ hold the same pictures by name, and nothing tells which are "
                f"blurred; rename the folders (accepted are {ACCEPTED}), or give one of them alone"
            )


def _by_name(folder: Path) -> dict[str, Path]:
    """The images in `folder` and in its splits, by their path in it without the suffix; none where it may not be read."""
    try:
        paths = [path for each in (folder, *split_folders(folder).values()) for path in list_images(each)]
    except (OSError, UsageError):
        return {}
    return {str(path.relative_to(folder).with_suffix("")): path for path in paths}


def _look_alike(pairs: list[tuple[Path, Path]], thumbnail: Callable[[Path], Thumbnail]) -> bool:
    """Whether most of the `pairs` that can be read show the same."""
    alike = []
    for first, second in pairs:
        one, other = thumbnail(first), thumbnail(second)
        if one is not None and other is not None:
            alike.append(float((one * other).mean()) >= MIN_CORRELATION)
    return 2 * sum(alike) > len(alike)


def _thumbnail(path: Path) -> Thumbnail:
    """(64, 64): the luma without its shading, of mean 0 and standard deviation 1; constant images are all zero."""
    try:
        pixels = read_photo(path).pixels
    except UnreadableImage:
        return None
    small = cv2.resize(pixels, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.float32)
    luma = cv2.cvtColor(small / np.iinfo(pixels.dtype).max, cv2.COLOR_RGB2GRAY)
    detail = luma - cv2.GaussianBlur(luma, (0, 0), COARSE)
    detail -= detail.mean()
    return np.asarray(detail / max(detail.std(), 1e-3), np.float32)
