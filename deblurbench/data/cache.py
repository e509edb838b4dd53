"""Decoded pixels on disk: every image is decoded once, then read as a memory map."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from deblurbench.data.cache_index import Index
from deblurbench.data.cache_quota import DiskQuota, cache_folders, folder_size
from deblurbench.data.npy_files import as_npy, bytes_needed, mapped, opened
from deblurbench.data.table import ImageSource, PairEntry
from deblurbench.errors import DeblurbenchError, UnreadableImage
from deblurbench.files import digest, write_whole
from deblurbench.images.photo import Pixels
from deblurbench.images.reading import FileIdentity, decode_photo, file_identity, read_file

DATA_VERSION = 3  # raised whenever the same files would give other pixels
DECODED_IN_MEMORY = 2  # images held in memory where the disk has none: the two sides of a pair
FILE_DIGEST, PIXEL_DIGEST = "content", "look"  # their keys in the index


@dataclass(frozen=True, slots=True)
class CachedImage:
    """A decoded image: the digests of its file and of its pixels, its shape (H, W, 3), and where its pixels are.

    One that is not `on_disk` is decoded from `source` on demand. One that `is_derived` from `source` (registered, say) was
    kept under the digest of all that it depends on, which stands for the file digest; it cannot be decoded from `source`.
    """

    source: ImageSource
    file_digest: str
    pixel_digest: str
    shape: tuple[int, int, int]
    dtype: str
    on_disk: bool
    is_derived: bool = False

    @property
    def size(self) -> str:
        """WIDTHxHEIGHT."""
        return f"{self.shape[1]}x{self.shape[0]}"


def unequal_sides(entry: PairEntry, sides: Sequence[CachedImage]) -> str | None:
    """The problem with the decoded sides of `entry`, blurred before sharp, if they differ in size."""
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
    """Open the user's cache, of at most so many gigabytes; 0 turns it off, None allows a quarter of the free disk."""
    return PixelCache(default_cache_folder(), limit=None if gigabytes is None else int(gigabytes * 1e9))


class PixelCache:
    """Uncompressed pixels of image files, found by digest: a changed file is decoded again, copies use the same pixels.

    `index/` holds, for a path, the identity of its file to the system and the digests of its bytes and of its pixels;
    `pixels/` the arrays by the digest of the bytes. Every array is compared with the digest of its pixels before it is used.
    Several processes may fill it at once: each file is written whole, and all would write the same. It takes at most `limit`
    bytes (by default a quarter of the disk that would be free without it; with 0 it is off and writes nothing); images
    beyond that are decoded on demand. Images of an idx file, and drawn ones, stay in memory and out of the cache.
    """

    def __init__(self, folder: Path, *, limit: int | None = None) -> None:
        self.folder = folder / f"v{DATA_VERSION}"
        self.write_error: str | None = None  # the message to the user once writing has failed; nothing is written after it
        self._limit = limit
        self._index, self._quota = Index(self.folder / "index"), DiskQuota(folder, limit)

    @property
    def writable_folder(self) -> Path | None:
        """Where further files may be kept; None where the cache is off."""
        return None if self._limit == 0 or self.write_error else self.folder

    def add(self, source: ImageSource) -> CachedImage:
        """Decode `source` unless it is in the cache. Raises UnreadableImage."""
        if not isinstance(source, Path):
            return CachedImage(source, source.file_digest, "", (*source.size, 3), "uint8", on_disk=True)
        identity = file_identity(source)
        name = digest(str(source.resolve()), length=32)
        known = None if self._limit == 0 else self._index.read(name)
        if known is None or known["identity"] != list(identity):
            data = read_file(source)  # once: the digest and the pixels must be of the same bytes
            if known is None or known[FILE_DIGEST] != digest(data, length=32):
                return self._decode(source, data, name, identity)
            self._write_index(name, {**known, "identity": identity})
        image = _cached_image(source, known[FILE_DIGEST], known)
        if self._is_intact(image):
            return image
        if self._may_write(image, check_only=True):
            return self._decode(source, read_file(source), name, identity)
        return replace(image, on_disk=False)

    def pixels(self, image: CachedImage) -> Pixels:
        """The pixels (H, W, 3) of `image`, read-only. Raises UnreadableImage where its file has changed since."""
        if not isinstance(image.source, Path):
            if image.source.file_digest != image.file_digest:
                raise UnreadableImage(f"{image.source}: was changed since the run began; run again")
            return image.source.pixels()
        if image.on_disk:
            try:
                return mapped(self._file(image), image.shape, image.dtype)
            except (OSError, ValueError) as error:  # the cache was cleared meanwhile
                if image.is_derived:
                    raise DeblurbenchError(f"{self.folder}: was cleared during the run; run again to go on") from error
        return _decode_on_demand(image.source, image.file_digest)

    def keep(self, key: str, source: ImageSource, pixels: Pixels, metadata: dict[str, Any]) -> CachedImage | None:
        """Keep `pixels` that were derived from `source`, and `metadata` about them; None where they cannot be written.

        `key` is the digest of everything that they depend on.
        """
        about = _pixel_metadata(pixels)
        image = replace(_cached_image(source, key, about), is_derived=True)
        if not self._write(image, pixels, metadata_size=len(json.dumps(metadata))):
            return None
        self._write_index(key, {**about, **metadata})
        return image

    def kept(self, key: str, source: ImageSource) -> CachedImage | None:
        """The image kept under `key` (see `keep`), derived from `source`; None where it is missing or damaged."""
        metadata = self.metadata(key)
        image = metadata and replace(_cached_image(source, key, metadata), is_derived=True)
        return image if image and self._is_intact(image) else None

    def kept_pixels(self, key: str, source: ImageSource) -> tuple[Pixels, dict[str, Any]] | None:
        """The read-only pixels kept under `key`, derived from `source`, and their metadata.

        None where they are missing or damaged, or the cache is off.
        """
        metadata = None if self._limit == 0 else self.metadata(key)
        if metadata is None:
            return None
        pixels = self._intact_pixels(_cached_image(source, key, metadata))
        return None if pixels is None else (pixels, metadata)

    def metadata(self, key: str) -> dict[str, Any] | None:
        """The metadata of the image kept under `key`."""
        return self._index.read(key)

    def _decode(self, source: Path, data: bytes, name: str, identity: FileIdentity) -> CachedImage:
        pixels = decode_photo(data, source).pixels
        file_digest = digest(data, length=32)
        metadata = {"path": str(source), "identity": identity, FILE_DIGEST: file_digest, **_pixel_metadata(pixels)}
        image = _cached_image(source, file_digest, metadata)
        if not self._write(image, pixels):
            image = replace(image, on_disk=False)
        self._write_index(name, metadata)
        return image

    def _is_intact(self, image: CachedImage) -> bool:
        return self._intact_pixels(image) is not None

    def _intact_pixels(self, image: CachedImage) -> Pixels | None:
        """The pixels of `image` on the disk; None where they are missing, damaged or exchanged for others."""
        try:
            pixels = opened(self._file(image), image.shape, image.dtype)
        except (OSError, ValueError):
            return None
        return pixels if _pixel_digest(pixels) == image.pixel_digest else None

    def _write(self, image: CachedImage, pixels: Pixels, *, metadata_size: int = 0) -> bool:
        """Write the pixels of `image` unless the disk has them. Returns whether it has them now."""
        if self._limit != 0 and self._is_intact(image):
            return True  # written for a copy of the file, or by another process
        if not self._may_write(image, metadata_size=metadata_size):
            return False
        try:
            write_whole(self._file(image), as_npy(pixels))
        except OSError as error:
            self._stop_writing(error)
            return False
        mapped.cache_clear()  # it may hold a map of the file that was replaced
        return True

    def _may_write(self, image: CachedImage, *, metadata_size: int = 0, check_only: bool = False) -> bool:
        """Reserve space for the pixels of `image` and its metadata, less that of the file to be replaced."""
        if self._limit == 0 or self.write_error:
            return False
        try:
            more = metadata_size + bytes_needed(image.shape, image.dtype) - _file_size(self._file(image))
            return self._quota.reserve(more, check_only=check_only)
        except OSError as error:
            self._stop_writing(error)
            return False

    def _write_index(self, name: str, metadata: dict[str, Any]) -> None:
        if self._limit == 0 or self.write_error:
            return
        try:
            self._index.write(name, metadata)
        except OSError as error:
            self._stop_writing(error)

    def _stop_writing(self, error: OSError) -> None:
        """Write nothing from now on: the next write would fail, too, or take the last of the disk from the results."""
        self.write_error = (
            f"{self.folder}: the cache cannot be written ({error.strerror or error}) and is turned off; "
            "make room for it, or choose another folder by $DEBLURBENCH_CACHE"
        )

    def _file(self, image: CachedImage) -> Path:
        return self.folder / "pixels" / image.file_digest[:2] / f"{image.file_digest}.npy"


def clear(folder: Path) -> int:
    """Remove all caches in `folder`, of older versions too, and nothing else. Returns the bytes that were removed."""
    removed = 0
    for cache_folder in cache_folders(folder):
        removed += folder_size(cache_folder)
        shutil.rmtree(cache_folder, ignore_errors=True)  # a file that another process is writing there stays until next time
    return removed


def _pixel_metadata(pixels: Pixels) -> dict[str, Any]:
    return {PIXEL_DIGEST: _pixel_digest(pixels), "shape": list(pixels.shape), "dtype": pixels.dtype.name}


def _cached_image(source: ImageSource, file_digest: str, metadata: dict[str, Any]) -> CachedImage:
    height, width = metadata["shape"][:2]
    return CachedImage(source, file_digest, metadata[PIXEL_DIGEST], (height, width, 3), metadata["dtype"], on_disk=True)


def _pixel_digest(pixels: Pixels) -> str:
    """The digest of the decoded pixels, which does not depend on the format of the file."""
    values = hashlib.blake2b(np.ascontiguousarray(pixels).data).hexdigest()  # releases the interpreter for other threads
    return digest([list(pixels.shape), pixels.dtype.name, values], length=32)


def _file_size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


@lru_cache(maxsize=DECODED_IN_MEMORY)
def _decode_on_demand(path: Path, file_digest: str) -> Pixels:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"{path}: cannot be read any more ({error.strerror}); put it back and run again") from error
    if digest(data, length=32) != file_digest:
        raise UnreadableImage(f"{path}: was changed since the run began; run again")
    pixels = decode_photo(data, path).pixels
    pixels.flags.writeable = False
    return pixels
