"""The idx files of MNIST: many small grey images in one file (LeCun & Cortes; magic number, sizes, then bytes)."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deblurbench.errors import UnreadableImage
from deblurbench.files import digest
from deblurbench.images.photo import Pixels
from deblurbench.images.reading import FileIdentity, file_identity

IMAGES, LABELS = 2051, 2049  # magic numbers
HEADER = struct.Struct(">4I")
MAX_PIXELS = 1 << 30  # that are read; MNIST's own largest file has 47 million
FILES_IN_MEMORY = 8


@dataclass(frozen=True, slots=True)
class IdxImage:
    """One image of an idx file, which stays in memory once it is read, and is read again when it has changed."""

    path: Path
    index: int

    def __str__(self) -> str:
        return f"{self.path}[{self.index}]"

    @property
    def file_digest(self) -> str:
        """A digest that identifies the image: of all images of its file, and of its index."""
        return f"{_images(self.path, file_identity(self.path))[0]}[{self.index}]"

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        height, width = _images(self.path, file_identity(self.path))[1].shape[1:]
        return height, width

    def pixels(self) -> Pixels:
        """(H, W, 3) uint8, read-only."""
        image = _images(self.path, file_identity(self.path))[1][self.index]
        return np.broadcast_to(image[..., None], (*image.shape, 3))


@lru_cache(maxsize=FILES_IN_MEMORY)
def _images(path: Path, _identity: FileIdentity) -> tuple[str, NDArray[np.uint8]]:
    """The digest of the images in an idx file, and the images (N, H, W)."""
    images = read_idx(path)
    return digest(images.tobytes(), length=32), images


def read_idx(path: Path) -> NDArray[np.uint8]:
    """All images (N, H, W) of the idx file `path` (perhaps .gz). Raises UnreadableImage where it is damaged."""
    try:
        with _opened(path) as file:
            count, height, width = _sizes(file.read(HEADER.size), path)
            data = file.read(count * height * width + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableImage(f"{path}: cannot be read ({error}); download it again") from error
    if len(data) != count * height * width:
        raise UnreadableImage(f"{path}: does not hold the {count} images that it announces; download it again")
    return np.frombuffer(data, np.uint8).reshape(count, height, width)


def _opened(path: Path) -> io.BufferedIOBase:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _sizes(header: bytes, path: Path) -> tuple[int, int, int]:
    if len(header) < HEADER.size:
        raise UnreadableImage(f"{path}: is too short for an idx file; download it again")
    magic, count, height, width = HEADER.unpack(header)
    if magic != IMAGES:
        found = "labels, not images" if magic == LABELS else f"no idx images (magic number {magic}, not {IMAGES})"
        raise UnreadableImage(f"{path}: holds {found}; give the file of images")
    if not 0 < count * height * width <= MAX_PIXELS:
        raise UnreadableImage(f"{path}: announces {count} images of {width}x{height}, which cannot be; download it again")
    return count, height, width
