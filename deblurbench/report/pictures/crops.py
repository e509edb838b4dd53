"""Parts of pictures: where to look, and what to cut out."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deblurbench.images.reading import read_photo
from deblurbench.images.whole import whole_size
from deblurbench.records.paths import RESTORED, SHARP, picture_path
from deblurbench.report.results import Result

Picture = NDArray[np.uint8]  # (H, W, 3)
SEARCH_STEP = 8


class Box(NamedTuple):
    """A part of a picture, in its pixels."""

    left: int
    top: int
    width: int
    height: int


def restored_picture(result: Result, key: str) -> Picture:
    """The image `key` as the first seed of `result` restored it."""
    return _read(picture_path(_folder(result), key))


def sharp_picture(untouched: Result, key: str) -> Picture:
    """The truth of the image `key` of a data set; `untouched` is the result of its blurred input."""
    return _read(_truth(untouched, key))


def has_picture(result: Result, key: str) -> bool:
    """Whether the restored picture of the image `key` is there, whole, and of the size of its truth, if there is one."""
    size = whole_size(picture_path(_folder(result), key))
    return size is not None and whole_size(_truth(result, key)) in (None, size)


def has_truth(untouched: Result, key: str) -> bool:
    """Whether the sharp picture of the image `key` is there and whole."""
    return whole_size(_truth(untouched, key)) is not None


def picture_name(result: Result, key: str) -> str:
    """DATASET/MODEL/..., where the restored picture of the image `key` should lie."""
    return picture_path(_folder(result), key).relative_to(result.folder.parent.parent).as_posix()


def truth_name(untouched: Result, key: str) -> str:
    """DATASET/..., where the sharp picture of the image `key` should lie."""
    return _truth(untouched, key).relative_to(untouched.folder.parent.parent).as_posix()


def shown_keys(untouched: Result) -> list[str]:
    """The really blurred photographs that were restored, and have no truth."""
    return sorted({row.image for row in untouched.shown})


def most_changed(sharp: Picture, blurred: Picture, size: int) -> Box:
    """The square of `size` pixels a side, or what fits, in which blurring changed most."""
    return strongest(np.square(sharp.astype(np.float64) - blurred).mean(axis=2), size)


def most_detailed(picture: Picture, size: int) -> Box:
    """The square of `size` pixels a side, or what fits, with the strongest gradients."""
    return strongest(np.hypot(*np.gradient(picture.astype(np.float64).mean(axis=2))), size)


def strongest(energy: NDArray[np.float64], size: int) -> Box:
    """The square of `size` pixels a side, or what fits, with the largest sum, searched in steps of 8."""
    sums = np.pad(energy.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    height, width = (min(size, side) for side in energy.shape)
    windows = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    coarse = windows[::SEARCH_STEP, ::SEARCH_STEP]
    top, left = np.unravel_index(int(coarse.argmax()), coarse.shape)
    return Box(int(left) * SEARCH_STEP, int(top) * SEARCH_STEP, width, height)


def around(picture: Picture, box: Box, size: int) -> Box:
    """The part of `picture`, `size` pixels a side or what fits, with `box` in its middle if possible."""
    height, width = (min(size, side) for side in picture.shape[:2])
    left = min(max(box.left + box.width // 2 - width // 2, 0), picture.shape[1] - width)
    top = min(max(box.top + box.height // 2 - height // 2, 0), picture.shape[0] - height)
    return Box(left, top, width, height)


def cut(picture: Picture, box: Box) -> Picture:
    """The part of `picture` in `box`."""
    return picture[box.top : box.top + box.height, box.left : box.left + box.width]


def error_map(restored: Picture, sharp: Picture, brightest: float) -> Picture:
    """How far each pixel is off, the mean over channels: black for nothing, white for `brightest` (of 255) and more."""
    import matplotlib

    error = np.abs(restored.astype(np.float64) - sharp).mean(axis=2) / brightest
    colors = matplotlib.colormaps["magma"](np.clip(error, 0, 1), bytes=True)
    return np.ascontiguousarray(colors[..., :3])


def scale_of_errors(blurred: Picture, sharp: Picture) -> float:
    """The error, of 255, that error maps of an image show as white: the 99th percentile of its blurred input's, 8 at least."""
    return max(8.0, float(np.percentile(np.abs(blurred.astype(np.float64) - sharp).mean(axis=2), 99)))


def _read(path: Path) -> Picture:
    return np.asarray(read_photo(path).pixels, np.uint8)


def _truth(result: Result, key: str) -> Path:
    return picture_path(result.folder.parent / SHARP, key)


def _folder(result: Result) -> Path:
    return result.folder / f"seed-{result.seeds[0]}" / RESTORED
