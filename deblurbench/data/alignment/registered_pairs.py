"""Registered pairs in the cache: each is registered once."""

from __future__ import annotations

from typing import NamedTuple

from deblurbench.data.alignment.registration import REGISTRATION_VERSION, register
from deblurbench.data.cache import PixelCache, Stored
from deblurbench.errors import DeblurbenchError, UnreadableImage
from deblurbench.files import digest


class RegisteredPair(NamedTuple):
    """Both sides in the cache, and by how many pixels they were apart."""

    blurred: Stored
    sharp: Stored
    displacement: float


def registered_pair(cache: PixelCache, blurred: Stored, sharp: Stored) -> RegisteredPair:
    """The pair, registered now or before. Raises UnreadableImage where no match is found, DeblurbenchError without room."""
    contents = [
        digest([REGISTRATION_VERSION, side, blurred.file_digest, sharp.file_digest], length=32) for side in ("blurred", "sharp")
    ]
    known = cache.facts(contents[0])
    sides = [cache.kept(content, side.source) for content, side in zip(contents, (blurred, sharp), strict=True)]
    if known and sides[0] and sides[1]:
        return RegisteredPair(sides[0], sides[1], known["displacement"])
    found = register(cache.pixels(blurred), cache.pixels(sharp))
    if found is None:
        raise UnreadableImage(f"{blurred.source}: could not be registered with {sharp.source}; no match was found")
    kept = []
    for content, side, pixels in zip(contents, (blurred, sharp), (found.blurred, found.sharp), strict=True):
        facts = {"displacement": found.alignment.displacement, "scale": found.alignment.scale, "gain": found.gain}
        stored = cache.keep(content, side.source, pixels, facts)
        if stored is None:
            why = cache.trouble or f"{cache.folder}: has no room for registered pairs; allow it more with --cache-gigabytes"
            raise DeblurbenchError(f"{why} (registered pairs cannot be made anew at every step)")
        kept.append(stored)
    return RegisteredPair(kept[0], kept[1], found.alignment.displacement)
