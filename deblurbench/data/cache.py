"""Decoded pixels on disk: every image is decoded once, then read as a memory map."""

from __future__ import annotations

import math
import mmap
import os
import shutil
import struct
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from deblurbench.data.table import ImageSource
from deblurbench.errors import UnreadableImage
from deblurbench.files import digest, read_json, write_json, write_whole
from deblurbench.images.idx import IdxImage, read_idx
from deblurbench.images.photo import Pixels
from deblurbench.images.reading import decode_photo

DATA_VERSION = 2  # raised whenever the same files would give other pixels
PART_OF_FREE_DISK = 4  # by default the cache takes at most one part in so many of what is free without it
OPEN_MAPS = 256  # opening one takes as long as cutting a patch from it
DECODED = 2  # images that are kept in memory where the disk holds none: the two sides of a pair
NPY_VERSION = b"\x93NUMPY\x01\x00"
NPY_HEADER = 128  # bytes, padded: shapes of images are short


@dataclass(frozen=True, slots=True)
class Stored:
    """An image that could be decoded: the digest of its content, its shape (H, W, 3), and whether its pixels lie on disk."""

    source: ImageSource
    content: str
    shape: tuple[int, int, int]
    dtype: str
    on_disk: bool


def default_cache_folder() -> Path:
    """`$DEBLURBENCH_CACHE`, else `deblurbench` in the user's cache folder (`$XDG_CACHE_HOME`, `~/.cache`)."""
    if "DEBLURBENCH_CACHE" in os.environ:
        return Path(os.environ["DEBLURBENCH_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deblurbench"


def open_cache(gigabytes: float | None = None) -> PixelCache:
    """The user's cache, of at most so many gigabytes; 0 turns it off, None allows a quarter of the free disk."""
    return PixelCache(default_cache_folder(), limit=None if gigabytes is None else int(gigabytes * 1e9))


class PixelCache:
    """Uncompressed pixels of image files, found by content: a changed file is decoded anew, a copied one is not.

    `index/` holds, for a path with its size and time of change, the digest of its bytes; `pixels/` the arrays by digest.
    Two processes may fill it at once: each file is written whole, and both would write the same. It takes at most `limit`
    bytes (by default a quarter of the disk that would be free without it; with 0 it is off and writes nothing); images
    beyond that are decoded whenever they are asked for. Images of an idx file are small and read from memory, not from here.
    """

    def __init__(self, folder: Path, *, limit: int | None = None) -> None:
        self.folder = folder / f"v{DATA_VERSION}"
        self._limit = limit
        self._room: int | None = None  # bytes left; unknown until something is to be written
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """For workers that are started afresh: all but the lock."""
        return {key: value for key, value in self.__dict__.items() if key != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    @property
    def is_off(self) -> bool:
        """Whether nothing is written."""
        return self._limit == 0

    def add(self, source: ImageSource) -> Stored:
        """Decode `source` unless that is done. Raises UnreadableImage."""
        if isinstance(source, IdxImage):
            content, images = _idx_images(source.path, _status(source.path).st_mtime_ns)
            return Stored(source, f"{content}[{source.index}]", (*images.shape[1:], 3), "uint8", on_disk=True)
        status = _status(source)
        index = self._index(digest([str(source.resolve()), status.st_size, status.st_mtime_ns], length=32))
        known = None if self.is_off else self._known(source, index)
        return known or self._decode(source, index)

    def pixels(self, stored: Stored) -> Pixels:
        """The pixels (H, W, 3) of `stored`, read-only. Raises UnreadableImage where its file has changed since."""
        if isinstance(stored.source, IdxImage):
            images = _idx_images(stored.source.path, _status(stored.source.path).st_mtime_ns)[1]
            return np.broadcast_to(images[stored.source.index][..., None], stored.shape)
        if stored.on_disk:
            try:
                return _mapped(self._file(stored.content), stored)
            except FileNotFoundError:
                pass  # the cache was cleared meanwhile
        return _decoded_now(stored.source, stored.content)

    def kept(self, content: str, source: ImageSource) -> Stored | None:
        """What was kept under `content` (see `keep`), made from `source`; None where it is not there, or not whole."""
        facts = self.facts(content)
        if not facts:
            return None
        height, width = facts["shape"][:2]
        stored = Stored(source, content, (height, width, 3), facts["dtype"], on_disk=True)
        return stored if _size(self._file(content)) == _bytes_needed(stored.shape, np.dtype(stored.dtype)) else None

    def keep(self, origin: Stored, pixels: Pixels, facts: dict[str, Any]) -> Stored | None:
        """Keep `pixels` that were made from an image, under the content of `origin`; None where there is no room."""
        if self.is_off or not self._take(_bytes_needed(pixels.shape, pixels.dtype)):
            return None
        height, width = pixels.shape[:2]
        stored = Stored(origin.source, origin.content, (height, width, 3), pixels.dtype.name, on_disk=True)
        write_whole(self._file(stored.content), _npy_header(pixels) + pixels.tobytes())
        write_json(self._index(stored.content), {"shape": list(stored.shape), "dtype": stored.dtype, **facts})
        return stored

    def facts(self, content: str) -> dict[str, Any] | None:
        """What was noted with what is kept under `content`."""
        try:
            facts: dict[str, Any] = read_json(self._index(content))
            return facts if {"shape", "dtype"} <= facts.keys() else None
        except (FileNotFoundError, ValueError, AttributeError):
            return None  # not there yet, or not ours: made anew

    def _index(self, name: str) -> Path:
        return self.folder / "index" / f"{name}.json"

    def _known(self, source: Path, index: Path) -> Stored | None:
        """What the index says of `source`; None where it does not know, or its pixels are not whole and may be written."""
        try:
            known = read_json(index)
            height, width = known["shape"][:2]
            stored = Stored(source, known["digest"], (height, width, 3), known["dtype"], on_disk=True)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None  # not there yet, or not ours: made anew
        needed = _bytes_needed(stored.shape, np.dtype(stored.dtype))
        if _size(self._file(stored.content)) == needed:
            return stored
        return None if self._take(needed, only_look=True) else _off_disk(stored)

    def _decode(self, source: Path, index: Path) -> Stored:
        data = source.read_bytes()  # once: the digest and the pixels must be of the same bytes
        pixels = decode_photo(data, source).pixels
        height, width = pixels.shape[:2]
        stored = Stored(source, digest(data, length=32), (height, width, 3), pixels.dtype.name, on_disk=True)
        if self.is_off:
            return _off_disk(stored)
        file, needed = self._file(stored.content), _bytes_needed(pixels.shape, pixels.dtype)
        if _size(file) != needed:
            if self._take(needed):
                write_whole(file, _npy_header(pixels) + pixels.tobytes())
            else:
                stored = _off_disk(stored)
        facts = {"path": str(source), "digest": stored.content, "shape": list(stored.shape), "dtype": stored.dtype}
        write_json(index, facts)
        return stored

    def _take(self, size: int, *, only_look: bool = False) -> bool:
        """Whether there is room for `size` more bytes, which are then taken."""
        with self._lock:
            if self._room is None:
                used = folder_size(self.folder)
                limit = self._limit
                if limit is None:
                    limit = (shutil.disk_usage(_existing(self.folder)).free + used) // PART_OF_FREE_DISK
                self._room = limit - used
            if size > self._room:
                return False
            if not only_look:
                self._room -= size
            return True

    def _file(self, content: str) -> Path:
        return self.folder / "pixels" / content[:2] / f"{content}.npy"


def folder_size(folder: Path) -> int:
    """Bytes in the files below `folder`; 0 where there is none."""
    return sum(entry.stat().st_size for entry in folder.rglob("*") if entry.is_file())


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise UnreadableImage(f"{path}: cannot be read ({error.strerror}); replace or remove it") from error


def _off_disk(stored: Stored) -> Stored:
    return Stored(stored.source, stored.content, stored.shape, stored.dtype, on_disk=False)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _bytes_needed(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> int:
    return NPY_HEADER + math.prod(shape) * dtype.itemsize


def _npy_header(pixels: Pixels) -> bytes:
    """The header of a .npy file (format 1.0), always of NPY_HEADER bytes, so that readers need not look at it."""
    facts = f"{{'descr': '{pixels.dtype.str}', 'fortran_order': False, 'shape': {pixels.shape}, }}"
    length = NPY_HEADER - len(NPY_VERSION) - 2
    return NPY_VERSION + struct.pack("<H", length) + facts.ljust(length - 1).encode() + b"\n"


@lru_cache(maxsize=OPEN_MAPS)
def _mapped(file: Path, stored: Stored) -> Pixels:
    """The array in a .npy file as a read-only memory map; numpy's own takes several times as long to open."""
    with file.open("rb") as opened:
        memory = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(memory, stored.dtype, math.prod(stored.shape), NPY_HEADER).reshape(stored.shape)


@lru_cache(maxsize=DECODED)
def _decoded_now(path: Path, content: str) -> Pixels:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"{path}: cannot be read any more ({error.strerror}); put it back and run again") from error
    if digest(data, length=32) != content:
        raise UnreadableImage(f"{path}: was changed since the run began; run again")
    pixels = decode_photo(data, path).pixels
    pixels.flags.writeable = False
    return pixels


@lru_cache(maxsize=8)
def _idx_images(path: Path, _changed: int) -> tuple[str, Pixels]:
    """Digest and images (N, H, W) of an idx file; it is read anew when it has changed."""
    images = read_idx(path)
    return digest(images.tobytes(), length=32), images
