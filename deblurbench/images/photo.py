"""A decoded photograph, and which files are images."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deblurbench.errors import UsageError

WRITTEN = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")
HEIC = (".heic", ".heif")
RAW = (".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".raf", ".rw2", ".srw")
SUFFIXES = (*WRITTEN, *HEIC, *RAW)  # that are read
SUFFIXES_LISTED = 8  # of other files
USUAL_MEGAPIXELS = 12.0  # of a photograph that was not looked at

Pixels = NDArray[Any]  # of uint8 or uint16; numpy's types cannot say which operations keep that


@dataclass(frozen=True)
class Photo:
    """A decoded image, upright: pixels (H, W, 3) RGB uint8 or uint16, and the metadata to write it as it was."""

    pixels: Pixels
    alpha: Pixels | None = None  # (H, W), of the same type as the pixels
    is_grey: bool = False
    icc_profile: bytes | None = None
    exif: bytes | None = None  # without the orientation, which is applied to the pixels
    dpi: tuple[float, float] | None = None  # pixels an inch, across and down
    frames: int = 1  # pages or animation frames of its file; this is the first

    def with_pixels(self, pixels: Pixels) -> Photo:
        """The same with restored `pixels` (H, W, 3), grey if it was: a network may colour it."""
        if self.is_grey:
            pixels = np.repeat(pixels.mean(axis=2, keepdims=True).round().astype(pixels.dtype), 3, axis=2)
        return replace(self, pixels=pixels)


def is_image_name(path: Path) -> bool:
    """Whether the suffix, in any case, is of a format that is read; hidden files are not."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def holds_images(folder: Path) -> bool:
    """Whether an image lies directly in `folder`; not where it is no folder."""
    return folder.is_dir() and any(is_image_name(child) for child in folder.iterdir())


def list_images(folder: Path) -> list[Path]:
    """The images directly in `folder`, sorted by name. Raises UsageError where it is no readable folder."""
    try:
        return sorted(path for path in folder.iterdir() if is_image_name(path) and not path.is_dir())
    except OSError as error:
        known = {FileNotFoundError: "there is no such folder", NotADirectoryError: "is not a folder"}
        reason = known.get(type(error), f"cannot be read ({error.strerror})")
        raise UsageError(f"{folder}: {reason}; give the folder that holds the images") from error


def images_below(folder: Path) -> list[Path]:
    """The images in `folder` and in the folders below it, sorted by path. Raises UsageError where it is no readable folder."""
    directly = list_images(folder)
    deeper = (path for path in folder.glob("*/**/*") if is_image_name(path) and not path.is_dir())
    return sorted([*directly, *deeper])


def other_files(folder: Path, *, below: bool = True, onerror: Callable[[OSError], object] | None = None) -> Counter[str]:
    """Count the files in `folder`, and in those below it, that are not read as images, by suffix; hidden ones are not counted.

    `onerror` is told of each folder that cannot be read.
    """
    found: Counter[str] = Counter()
    for _, folders, names in os.walk(folder, onerror=onerror):
        others = (Path(name) for name in names if not name.startswith(".") and not is_image_name(Path(name)))
        found.update(path.suffix.lower() or "no suffix" for path in others)
        if not below:
            folders.clear()  # which os.walk would visit next
    return found


def left_out_note(folder: Path, *, below: bool = False) -> str | None:
    """What a command that reads the images of `folder` leaves out, as a line; None where that is nothing.

    With `below` it reads the folders in `folder`, too.
    """
    others = other_files(folder, below=below)
    parts = []
    if count := others.total():
        parts.append(f"{count} file{'s' * (count > 1)} ({described(others)}): not images that are read")
    if not below and (count := sum(child.is_dir() and not child.name.startswith(".") for child in folder.iterdir())):
        parts.append(f"{count} folder{'s' * (count > 1)}: only images directly in {folder.name or folder} are read")
    return f"left out of {folder}: {'; '.join(parts)}" if parts else None


def described(others: Counter[str]) -> str:
    """Counts of suffixes, the most frequent first, as in "2 .txt, 1 .mov"; at most eight."""
    return ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(SUFFIXES_LISTED))
