"""Decoded pixels on disk: every image is decoded once, then read as a memory map."""

from __future__ import annotations

import io
import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from deblurbench.errors import UnreadableImage
from deblurbench.files import digest, read_json, write_json, write_whole
from deblurbench.images.photo import Pixels
from deblurbench.images.reading import decode_photo

OPEN_MAPS = 512
DATA_VERSION = 1  # raised whenever the same files would give other pixels


def default_cache_folder() -> Path:
    """`$DEBLURBENCH_CACHE`, else `deblurbench` in the user's cache folder (`$XDG_CACHE_HOME`, `~/.cache`)."""
    if "DEBLURBENCH_CACHE" in os.environ:
        return Path(os.environ["DEBLURBENCH_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deblurbench"


class PixelCache:
    """Uncompressed pixels of image files, found by content: a changed file is decoded anew, a copied one is not.

    `index/` holds, for a path with its size and time of change, the digest of its bytes; `pixels/` the arrays by digest.
    Two processes may fill it at once: each file is written whole, and both would write the same.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / f"v{DATA_VERSION}"

    def add(self, path: Path) -> tuple[str, tuple[int, ...]]:
        """Decode `path` unless that is done. Returns its content's digest and the shape (H, W, 3). Raises UnreadableImage."""
        try:
            status = path.stat()
        except OSError as error:
            raise UnreadableImage(f"{path}: cannot be read ({error.strerror}); replace or remove it") from error
        index = self.folder / "index" / f"{digest([str(path.resolve()), status.st_size, status.st_mtime_ns], length=32)}.json"
        try:
            known = read_json(index)
            if self._file(known["digest"]).is_file():
                return known["digest"], tuple(known["shape"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass  # not there yet, or not ours: made anew below
        return self._decode(path, index)

    def pixels(self, content: str) -> Pixels:
        """The pixels (H, W, 3) of the file whose content has this digest, as a read-only memory map."""
        return _open_map(self._file(content))

    def _decode(self, path: Path, index: Path) -> tuple[str, tuple[int, ...]]:
        data = path.read_bytes()  # once: the digest and the pixels must be of the same bytes
        pixels = decode_photo(data, path).pixels
        content = digest(data, length=32)
        if not self._file(content).is_file():
            write_whole(self._file(content), _as_npy(pixels))
        write_json(index, {"path": str(path), "digest": content, "shape": list(pixels.shape)})
        return content, pixels.shape

    def _file(self, content: str) -> Path:
        return self.folder / "pixels" / content[:2] / f"{content}.npy"


def _as_npy(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, pixels, allow_pickle=False)
    return buffer.getvalue()


@lru_cache(maxsize=OPEN_MAPS)
def _open_map(path: Path) -> Pixels:
    pixels: Pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    return pixels
