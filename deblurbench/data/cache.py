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
from deblurbench.data.cache_room import Room, folder_size, our_folders
from deblurbench.data.npy_files import as_npy, bytes_needed, mapped, opened
from deblurbench.data.table import Entry, ImageSource
from deblurbench.errors import DeblurbenchError, UnreadableImage
from deblurbench.files import digest, write_whole
from deblurbench.images.photo import Pixels
from deblurbench.images.reading import FileIdentity, decode_photo, file_identity, read_file

DATA_VERSION = 3  # raised whenever the same files would give other pixels
DECODED = 2  # images that are kept in memory where the disk holds none: the two sides of a pair


@dataclass(frozen=True, slots=True)
class Stored:
    """An image that could be decoded: the digests of its file and of its pixels, its shape (H, W, 3), and where its pixels are.

    What is not `on_disk` is decoded from `source` when it is asked for; what was `made` from it cannot be had so.
    """

    source: ImageSource
    file_digest: str
    pixel_digest: str
    shape: tuple[int, int, int]
    dtype: str
    on_disk: bool
    made: bool = False

    @property
    def size(self) -> str:
        """Width and height, as people write them."""
        return f"{self.shape[1]}x{self.shape[0]}"


def unequal_sides(entry: Entry, sides: Sequence[Stored]) -> str | None:
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
    """The user's cache, of at most so many gigabytes; 0 turns it off, None allows a quarter of the free disk."""
    return PixelCache(default_cache_folder(), limit=None if gigabytes is None else int(gigabytes * 1e9))


class PixelCache:
    """Uncompressed pixels of image files, found by content: a changed file is decoded anew, copies share their pixels.

    `index/` holds, for a path, how the system knew its file, and the digests of its bytes and of its pixels; `pixels/` the
    arrays by the former digest. No array is used that is not as it was written: `add` and `kept` look at each. Two processes
    may fill it at once: each file is written whole, and both would write the same. It takes at most `limit` bytes (by default
    a quarter of the disk that would be free without it; with 0 it is off and writes nothing); images beyond that are decoded
    whenever they are asked for. Images of an idx file, and drawn ones, are read from memory and not from here.
    """

    def __init__(self, folder: Path, *, limit: int | None = None) -> None:
        self.folder = folder / f"v{DATA_VERSION}"
        self.trouble: str | None = None  # why no more is written, for a person to read
        self._limit = limit
        self._index, self._room = Index(self.folder / "index"), Room(folder, limit)

    def add(self, source: ImageSource) -> Stored:
        """Decode `source` unless that is done. Raises UnreadableImage."""
        if not isinstance(source, Path):
            height, width = source.pixels().shape[:2]
            return Stored(source, source.file_digest, "", (height, width, 3), "uint8", on_disk=True)
        identity = file_identity(source)
        name = digest(str(source.resolve()), length=32)
        known = None if self._limit == 0 else self._index.read(name)
        if known is None or known["identity"] != list(identity):
            data = read_file(source)  # once: the digest and the pixels must be of the same bytes
            if known is None or known["content"] != digest(data, length=32):
                return self._decode(source, data, name, identity)
            self._note(name, {**known, "identity": identity})
        stored = _from_facts(source, known["content"], known)
        if self._is_as_written(stored):
            return stored
        if self._may_write(stored, only_look=True):
            return self._decode(source, read_file(source), name, identity)
        return replace(stored, on_disk=False)

    def pixels(self, stored: Stored) -> Pixels:
        """The pixels (H, W, 3) of `stored`, read-only. Raises UnreadableImage where its file has changed since."""
        if not isinstance(stored.source, Path):
            if stored.source.file_digest != stored.file_digest:
                raise UnreadableImage(f"{stored.source}: was changed since the run began; run again")
            return stored.source.pixels()
        if stored.on_disk:
            try:
                return mapped(self._file(stored.file_digest), stored.shape, stored.dtype)
            except (OSError, ValueError) as error:  # the cache was cleared meanwhile
                if stored.made:
                    raise DeblurbenchError(f"{self.folder}: was cleared during the run; run again to go on") from error
        return _decoded_now(stored.source, stored.file_digest)

    def kept(self, content: str, source: ImageSource) -> Stored | None:
        """The array kept under `content` (see `keep`), made from `source`; None where it is missing or damaged."""
        facts = self.facts(content)
        stored = facts and replace(_from_facts(source, content, facts), made=True)
        return stored if stored and self._is_as_written(stored) else None

    def kept_pixels(self, content: str, source: ImageSource) -> tuple[Pixels, dict[str, Any]] | None:
        """The read-only pixels kept under `content`, made from `source`, and their facts.

        None where they are not there as they were written, or the cache is off.
        """
        facts = None if self._limit == 0 else self.facts(content)
        if facts is None:
            return None
        pixels = self._verified(_from_facts(source, content, facts))
        return None if pixels is None else (pixels, facts)

    def keep(self, content: str, source: ImageSource, pixels: Pixels, facts: dict[str, Any]) -> Stored | None:
        """Keep `pixels` that were made from `source`, and `facts` about them; None where they cannot be written.

        `content` is the digest of everything that they depend on.
        """
        about = _facts_of(pixels)
        stored = replace(_from_facts(source, content, about), made=True)
        if not self._write(stored, pixels, size_of_facts=len(json.dumps(facts))):
            return None
        self._note(content, {**about, **facts})
        return stored

    def facts(self, content: str) -> dict[str, Any] | None:
        """The facts noted with the array kept under `content`."""
        return self._index.read(content)

    def _decode(self, source: Path, data: bytes, name: str, identity: FileIdentity) -> Stored:
        pixels = decode_photo(data, source).pixels
        about = {"path": str(source), "identity": identity, "content": digest(data, length=32), **_facts_of(pixels)}
        stored = _from_facts(source, about["content"], about)
        if not self._write(stored, pixels):
            stored = replace(stored, on_disk=False)
        self._note(name, about)
        return stored

    def _is_as_written(self, stored: Stored) -> bool:
        return self._verified(stored) is not None

    def _verified(self, stored: Stored) -> Pixels | None:
        """The pixels of `stored` on the disk; None where it holds others or none: files rot, and are exchanged."""
        try:
            pixels = opened(self._file(stored.file_digest), stored.shape, stored.dtype)
        except (OSError, ValueError):
            return None
        return pixels if _pixel_digest(pixels) == stored.pixel_digest else None

    def _write(self, stored: Stored, pixels: Pixels, *, size_of_facts: int = 0) -> bool:
        """Whether the disk holds the pixels of `stored`, which are written unless it does."""
        if self._limit != 0 and self._is_as_written(stored):
            return True  # a copy of the file has put them there, or another process
        if not self._may_write(stored, size_of_facts=size_of_facts):
            return False
        try:
            write_whole(self._file(stored.file_digest), as_npy(pixels))
        except OSError as error:
            self._give_up(error)
            return False
        mapped.cache_clear()  # what was there before may be among these
        return True

    def _may_write(self, stored: Stored, *, size_of_facts: int = 0, only_look: bool = False) -> bool:
        """Whether there is room for the pixels of `stored` and its facts, which is then taken; what it replaces counts."""
        if self._limit == 0 or self.trouble:
            return False
        try:
            more = size_of_facts + bytes_needed(stored.shape, stored.dtype) - _size(self._file(stored.file_digest))
            return self._room.take(more, only_look=only_look)
        except OSError as error:
            self._give_up(error)
            return False

    def _note(self, name: str, facts: dict[str, Any]) -> None:
        if self._limit == 0 or self.trouble:
            return
        try:
            self._index.write(name, facts)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Write no more: the next write would fail, too, or take the last of the disk from the results."""
        self.trouble = (
            f"{self.folder}: the cache cannot be written ({error.strerror or error}) and is turned off; "
            "make room for it, or choose another folder by $DEBLURBENCH_CACHE"
        )

    def _file(self, content: str) -> Path:
        return self.folder / "pixels" / content[:2] / f"{content}.npy"


def clear(folder: Path) -> int:
    """Remove all caches in `folder`, of older versions too, and nothing else. Returns how many bytes that were."""
    removed = 0
    for ours in our_folders(folder):
        removed += folder_size(ours)
        shutil.rmtree(ours, ignore_errors=True)  # what another process is writing there goes the next time
    return removed


def _facts_of(pixels: Pixels) -> dict[str, Any]:
    return {"look": _pixel_digest(pixels), "shape": list(pixels.shape), "dtype": pixels.dtype.name}


def _from_facts(source: ImageSource, content: str, facts: dict[str, Any]) -> Stored:
    height, width = facts["shape"][:2]
    return Stored(source, content, facts["look"], (height, width, 3), facts["dtype"], on_disk=True)


def _pixel_digest(pixels: Pixels) -> str:
    """The digest of pixels, whatever they were packed as."""
    inside = hashlib.blake2b(np.ascontiguousarray(pixels).data).hexdigest()  # other threads go on meanwhile
    return digest([list(pixels.shape), pixels.dtype.name, inside], length=32)


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


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
