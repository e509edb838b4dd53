"""RegisteredImages pairs in the cache: each is registered once."""

from __future__ import annotations

from typing import NamedTuple

from deblurbench.data.alignment.registration import REGISTRATION_VERSION, register
from deblurbench.data.cache import CachedImage, PixelCache
from deblurbench.errors import DeblurbenchError, UnreadableImage
from deblurbench.files import digest


class RegisteredPair(NamedTuple):
    """Both sides in the cache, and their displacement before registration, in pixels."""

    blurred: CachedImage
    sharp: CachedImage
    displacement: float


def registered_pair(cache: PixelCache, blurred: CachedImage, sharp: CachedImage) -> RegisteredPair:
    """Register the pair, or read it from `cache`, where it is kept.

    Raises UnreadableImage where no match is found, DeblurbenchError where it cannot be kept.
    """
    keys = [
        digest([REGISTRATION_VERSION, side, blurred.file_digest, sharp.file_digest], length=32) for side in ("blurred", "sharp")
    ]
    metadata = cache.metadata(keys[0])
    sides = [cache.kept(key, side.source) for key, side in zip(keys, (blurred, sharp), strict=True)]
    if metadata and sides[0] and sides[1]:
        return RegisteredPair(sides[0], sides[1], metadata["displacement"])
    found = register(cache.pixels(blurred), cache.pixels(sharp))
    if found is None:
        raise UnreadableImage(f"{blurred.source}: could not be registered with {sharp.source}; no match was found")
    kept = []
    metadata = {"displacement": found.alignment.displacement, "scale": found.alignment.scale, "gain": found.gain}
    for key, side, pixels in zip(keys, (blurred, sharp), (found.blurred, found.sharp), strict=True):
        image = cache.keep(key, side.source, pixels, metadata)
        if image is None:
            why = cache.write_error or f"{cache.folder}: has no room for registered pairs; allow it more with --cache-gigabytes"
            raise DeblurbenchError(f"{why} (registered pairs cannot be registered again at every step)")
        kept.append(image)
    return RegisteredPair(kept[0], kept[1], found.alignment.displacement)
