"""The pictures that a run has stored: restored test images, and the sharp ones that they are scored against."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deblurbench.images.reading import read_photo
from deblurbench.images.whole import whole_size
from deblurbench.records.paths import RESTORED, RUNS, SHARP, picture_path
from deblurbench.report.pictures.crops import Picture
from deblurbench.report.results import Result


def read_restored(result: Result, image: str) -> Picture:
    """Read a test image as restored by the first seed of `result`."""
    return _read(_restored_path(result, image))


def read_sharp(blurred_input: Result, image: str) -> Picture:
    """Read the sharp side of a test image."""
    return _read(_sharp_path(blurred_input, image))


def has_restored(result: Result, image: str) -> bool:
    """Return whether a restored image is stored, whole, and of the size of the sharp one, if there is one."""
    size = whole_size(_restored_path(result, image))
    return size is not None and whole_size(_sharp_path(result, image)) in (None, size)


def has_sharp(blurred_input: Result, image: str) -> bool:
    """Return whether the sharp side of a test image is stored and whole."""
    return whole_size(_sharp_path(blurred_input, image)) is not None


def restored_name(result: Result, image: str) -> str:
    """Return DATASET/MODEL/..., where a restored image should be stored."""
    return _name(_restored_path(result, image), result)


def sharp_name(blurred_input: Result, image: str) -> str:
    """Return DATASET/..., where the sharp side of a test image should be stored."""
    return _name(_sharp_path(blurred_input, image), blurred_input)


def _read(path: Path) -> Picture:
    return np.asarray(read_photo(path).pixels, np.uint8)


def _restored_path(result: Result, image: str) -> Path:
    return picture_path(result.first_seed_folder / RESTORED, image)


def _sharp_path(result: Result, image: str) -> Path:
    return picture_path(result.folder.parent / SHARP, image)


def _name(path: Path, result: Result) -> str:
    return path.relative_to(result.results_folder / RUNS).as_posix()
