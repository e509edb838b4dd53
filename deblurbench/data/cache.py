"""Decoded pixels on disk: every image is decoded once, then read as a memory map."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from deblurbench.data.npy_files import as_npy, bytes_needed, mapped
from deblurbench.data.table import Entry, ImageSource
from deblurbench.errors import DeblurbenchError, UnreadableImage
from deblurbench.files import digest, read_json, write_json, write_whole
from deblurbench.images.dead_leaves import DeadLeaves
from deblurbench.images.idx import IdxImage, read_idx
from deblurbench.images.photo import Pixels
from deblurbench.images.reading import decode_photo

DATA_VERSION = 2  # raised whenever the same files would give other pixels
PART_OF_FREE_DISK = 4  # by default the cache takes at most one part in so many of what is free without it
COUNTED_EVERY = 10.0  # seconds between countings of what the cache takes
DECODED = 2  # images that are kept in memory where the disk holds none: the two sides of a pair


@dataclass(frozen=True, slots=True)
class Stored:
    """An image that could be decoded: the digests of its file and of its pixels, its shape (H, W, 3), and where its pixels are.

    What is not `on_disk` is decoded from `source` when it is asked for; what was `made` from it cannot be had so.
    """

    source: ImageSource
    content: str
    look: str
    shape: tuple[int, int, int]
    dtype: str
    on_disk: bool
    made: bool = False

    @property
    def size(self) -> str:
        """Width and height, as people write them."""
        return f"{self.shape[1]}x{self.shape[0]}"


def unequal_sides(entry: Entry, sides: Sequence[Stored]) -> str | None:
    """What is wrong with the decoded sides of `entry`, blurred before sharp, if they differ in size."""
    if len({side.shape for side in sides}) <= 1:
        return None
    sizes = " and ".join(side.size for side in sides)
    return f"{entry.blurred}: the sides of this pair differ in size ({sizes}); make them equal"


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
    beyond that are decoded whenever they are asked for. Images of an idx file and drawn ones are few or small: they stay in
    memory, and never come here.
    """

    def __init__(self, folder: Path, *, limit: int | None = None) -> None:
        self.folder = folder / f"v{DATA_VERSION}"
        self._limit = limit
        self._room, self._counted = 0, -math.inf  # bytes left, and when that was found out: others may be writing, too
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
            return Stored(source, f"{content}[{source.index}]", "", (*images.shape[1:], 3), "uint8", on_disk=True)
        if isinstance(source, DeadLeaves):
            return Stored(source, source.content, "", source.pixels().shape, "uint8", on_disk=True)
        status = _status(source)
        index = self._index(digest([str(source.resolve()), status.st_size, status.st_mtime_ns], length=32))
        known = None if self.is_off else self._known(source, index)
        return known or self._decode(source, index)

    def pixels(self, stored: Stored) -> Pixels:
        """The pixels (H, W, 3) of `stored`, read-only. Raises UnreadableImage where its file has changed since."""
        if isinstance(stored.source, IdxImage):
            images = _idx_images(stored.source.path, _status(stored.source.path).st_mtime_ns)[1]
            return np.broadcast_to(images[stored.source.index][..., None], stored.shape)
        if isinstance(stored.source, DeadLeaves):
            return stored.source.pixels()
        if stored.on_disk:
            try:
                return mapped(self._file(stored.content), stored.shape, stored.dtype)
            except FileNotFoundError as error:  # the cache was cleared meanwhile
                if stored.made:
                    raise DeblurbenchError(f"{self.folder}: was cleared during the run; run again to go on") from error
        return _decoded_now(stored.source, stored.content)

    def kept(self, content: str, source: ImageSource) -> Stored | None:
        """What was kept under `content` (see `keep`), made from `source`; None where it is not there, or not whole."""
        facts = self.facts(content)
        if not facts:
            return None
        height, width = facts["shape"][:2]
        stored = Stored(source, content, content, (height, width, 3), facts["dtype"], on_disk=True, made=True)
        return stored if _size(self._file(content)) == bytes_needed(stored.shape, np.dtype(stored.dtype)) else None

    def keep(self, origin: Stored, pixels: Pixels, facts: dict[str, Any]) -> Stored | None:
        """Keep `pixels` that were made from an image, under the content of `origin`; None where there is no room."""
        if self.is_off or not self._take(bytes_needed(pixels.shape, pixels.dtype)):
            return None
        height, width = pixels.shape[:2]
        stored = replace(
            origin, look=origin.content, shape=(height, width, 3), dtype=pixels.dtype.name, on_disk=True, made=True
        )
        write_whole(self._file(stored.content), as_npy(pixels))
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
            stored = Stored(source, known["digest"], known["look"], (height, width, 3), known["dtype"], on_disk=True)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None  # not there yet, or not ours: made anew
        needed = bytes_needed(stored.shape, np.dtype(stored.dtype))
        if _size(self._file(stored.content)) == needed:
            return stored
        return None if self._take(needed, only_look=True) else replace(stored, on_disk=False)

    def _decode(self, source: Path, index: Path) -> Stored:
        try:
            data = source.read_bytes()  # once: the digest and the pixels must be of the same bytes
        except OSError as error:
            raise _unreadable(source, error) from error
        pixels = decode_photo(data, source).pixels
        height, width = pixels.shape[:2]
        look = digest([list(pixels.shape), pixels.dtype.name, hashlib.blake2b(pixels.tobytes()).hexdigest()], length=32)
        stored = Stored(source, digest(data, length=32), look, (height, width, 3), pixels.dtype.name, on_disk=True)
        if self.is_off:
            return replace(stored, on_disk=False)
        file, needed = self._file(stored.content), bytes_needed(pixels.shape, pixels.dtype)
        if _size(file) != needed:
            if self._take(needed):
                write_whole(file, as_npy(pixels))
            else:
                stored = replace(stored, on_disk=False)
        facts = {
            "path": str(source), "digest": stored.content, "look": look, "shape": list(stored.shape), "dtype": stored.dtype,
        }  # fmt: skip
        write_json(index, facts)
        return stored

    def _take(self, size: int, *, only_look: bool = False) -> bool:
        """Whether there is room for `size` more bytes, which are then taken."""
        with self._lock:
            if time.monotonic() - self._counted > COUNTED_EVERY:
                used = sum(folder_size(folder) for folder in _our_folders(self.folder.parent))
                limit = self._limit
                if limit is None:
                    limit = (shutil.disk_usage(_existing(self.folder)).free + used) // PART_OF_FREE_DISK
                self._room, self._counted = limit - used, time.monotonic()
            if size > self._room:
                return False
            if not only_look:
                self._room -= size
            return True

    def _file(self, content: str) -> Path:
        return self.folder / "pixels" / content[:2] / f"{content}.npy"


def clear(folder: Path) -> int:
    """Remove all caches in `folder`, of older versions too, and nothing else. Returns how many bytes that were."""
    removed = 0
    for ours in _our_folders(folder):
        removed += folder_size(ours)
        shutil.rmtree(ours, ignore_errors=True)  # what another process is writing there goes the next time
    return removed


def folder_size(folder: Path) -> int:
    """Bytes in the files below `folder`; 0 where there is none. Files may come and go meanwhile."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.stat(os.path.join(path, name)).st_size
    return total


def _our_folders(folder: Path) -> list[Path]:
    """The caches in `folder`, which may hold anything else: known by their names and by what is in them."""
    found = [child for child in folder.glob("v*") if child.name[1:].isdigit()]
    return [
        child
        for child in found
        if (child / "index").is_dir() and {path.name for path in child.iterdir()} <= {"index", "pixels"}
    ]


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> UnreadableImage:
    return UnreadableImage(f"{path}: cannot be read ({error.strerror}); replace or remove it")


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


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
