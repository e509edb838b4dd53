"""Tiles: the parts of an image that a network sees one after another, so that memory stays bounded."""

from __future__ import annotations

from typing import NamedTuple

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

    Their cores cover the image once. A network sees at most `tile` pixels a side: a core and `CONTEXT` around it, which covers
    nearly all of the receptive field. Raises ValueError for too small a tile.
    """
    if tile is None or max(height, width) <= tile + multiple - 1:  # before it was padded to the multiple
        return [Tile(slice(0, height), slice(0, width), slice(0, height), slice(0, width))]
    margin = -(-CONTEXT // multiple) * multiple
    core = (tile - 2 * margin) // multiple * multiple
    if core <= 0:
        raise ValueError(f"a tile of {tile} pixels is too small: give at least {2 * margin + multiple}")
    return [
        Tile(rows, columns, _around(rows, margin, height), _around(columns, margin, width))
        for rows in _cores(height, core)
        for columns in _cores(width, core)
    ]


def _cores(length: int, core: int) -> list[slice]:
    return [slice(start, min(start + core, length)) for start in range(0, length, core)]


def _around(core: slice, margin: int, length: int) -> slice:
    return slice(max(core.start - margin, 0), min(core.stop + margin, length))
