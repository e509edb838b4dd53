"""Tiles: the parts of an image that a network sees one after another, so that memory stays bounded."""

from __future__ import annotations

import math
from typing import NamedTuple

Parts = list[tuple[slice, slice]]
CONTEXT = 64  # pixels around the core of a tile that the network sees and that are cropped afterwards


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


def plan_tiles(height: int, width: int, *, tile: int | None, multiple: int) -> list[Tile]:
    """The tiles of an image whose sides are multiples of `multiple`, as are the sides of all that is seen.

    Their cores, nearly equal, cover the image once. A network sees at most `tile`^2 pixels at once (None: all): a core and
    `CONTEXT` around it, which covers nearly all of the receptive field. Of all ways to cut, the one in which it sees the fewest
    pixels. Raises ValueError for too small a tile.
    """
    if tile is None or fits(height, width, tile=tile):
        return [Tile(slice(0, height), slice(0, width), slice(0, height), slice(0, width))]
    margin = -(-CONTEXT // multiple) * multiple
    if tile < 2 * margin + multiple:
        raise ValueError(f"a tile of {tile} pixels is too small: give at least {2 * margin + multiple}")
    best: tuple[float, list[Parts]] = math.inf, []
    for columns in range(1, width // multiple + 1):
        across = _parts(width, columns, margin, multiple)
        if _seen(across) * height >= best[0]:  # and more so the more columns there are
            break
        rows = -(-height * _longest(across) // tile**2)  # at least
        while not fits(_longest(down := _parts(height, rows, margin, multiple)), _longest(across), tile=tile):
            if (rows := rows + 1) > height // multiple:
                break
        else:
            best = min(best, (_seen(across) * _seen(down), [down, across]), key=lambda cut: cut[0])
    down, across = best[1]
    return [Tile(rows, core, seen_rows, seen) for rows, seen_rows in down for core, seen in across]


def fits(height: int, width: int, *, tile: int) -> bool:
    """Whether so many pixels may be seen at once."""
    return height * width <= tile**2


def _parts(length: int, count: int, margin: int, multiple: int) -> Parts:
    """`length` in at most `count` parts, all but the last equal: each core, and what is seen for it."""
    core = -(-length // (count * multiple)) * multiple
    return [
        (slice(start, min(start + core, length)), slice(max(start - margin, 0), min(start + core + margin, length)))
        for start in range(0, length, core)
    ]


def _seen(parts: Parts) -> int:
    """The pixels of a side that are seen, in all parts together."""
    return sum(seen.stop - seen.start for _, seen in parts)


def _longest(parts: Parts) -> int:
    return max(seen.stop - seen.start for _, seen in parts)
