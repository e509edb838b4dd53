"""Tiles: the parts of an image that a network sees one after another, so that memory stays bounded."""

from __future__ import annotations

import itertools
from typing import NamedTuple

CONTEXT = 64  # pixels around the core of a tile that the network sees and that are cropped afterwards, usually


class Tile(NamedTuple):
    """Rows and columns of a tile's core, and of all that the network sees of the image for it."""

    rows: slice
    columns: slice
    seen_rows: slice
    seen_columns: slice

    @property
    def core_in_seen(self) -> tuple[slice, slice]:
        """The rows and columns of the core within what is seen."""
        top, left = self.rows.start - self.seen_rows.start, self.columns.start - self.seen_columns.start
        height, width = self.rows.stop - self.rows.start, self.columns.stop - self.columns.start
        return slice(top, top + height), slice(left, left + width)


class Cut(NamedTuple):
    """A side of an image in parts, each a core and what is seen for it; the pixels seen in all, and in the longest part."""

    parts: list[tuple[slice, slice]]
    seen: int
    longest: int


def plan_tiles(height: int, width: int, *, tile: int | None, multiple: int, context: int = CONTEXT) -> list[Tile]:
    """The tiles of an image whose sides are multiples of `multiple`, as are the sides of all that is seen.

    Their cores, nearly equal, cover the image once. A network sees at most `tile`^2 pixels at once (None: all): a core and
    `context` around it, which covers nearly all of the receptive field. Of all ways to cut, the one in which it sees the fewest
    pixels. Raises ValueError for too small a tile.
    """
    if tile is None or fits(height, width, tile=tile):
        return [Tile(slice(0, height), slice(0, width), slice(0, height), slice(0, width))]
    margin = -(-context // multiple) * multiple
    if tile < 2 * margin + multiple:
        raise ValueError(f"a tile of {tile} pixels is too small: give at least {2 * margin + multiple}")
    cuts = itertools.product(_cuts(height, margin, multiple), _cuts(width, margin, multiple))
    fitting = (cut for cut in cuts if fits(cut[0].longest, cut[1].longest, tile=tile))
    down, across = min(fitting, key=lambda cut: cut[0].seen * cut[1].seen)
    return [Tile(rows, core, seen_rows, seen_columns) for rows, seen_rows in down.parts for core, seen_columns in across.parts]


def fits(height: int, width: int, *, tile: int) -> bool:
    """Whether so many pixels may be seen at once."""
    return height * width <= tile**2


def _cuts(length: int, margin: int, multiple: int) -> list[Cut]:
    """All ways to cut a side into parts whose cores are equal, but for the last."""
    cores = dict.fromkeys(-(-length // (count * multiple)) * multiple for count in range(1, length // multiple + 1))
    return [_cut(length, core, margin) for core in cores]


def _cut(length: int, core: int, margin: int) -> Cut:
    parts = [
        (slice(start, min(start + core, length)), slice(max(start - margin, 0), min(start + core + margin, length)))
        for start in range(0, length, core)
    ]
    sizes = [seen.stop - seen.start for _, seen in parts]
    return Cut(parts, sum(sizes), max(sizes))
