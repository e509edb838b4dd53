"""Whether a photograph is blurred already, judged by its own detail."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deblurbench.images.photo import Pixels

LONGEST = 1280  # pixels: larger photographs are reduced, for a camera's full size is soft and still sharp on a screen
TILE = 64  # pixels a side
FEWEST_TILES = 3
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))  # down and right: motion leaves one of them sharp
STEPS = (2, 4, 8)  # pixels
FLAT_EDGES, FLAT_ENERGY = 0.02, 4e-4  # of differences over 8 pixels; tiles below hold no detail to judge
SHARPEST, SHARP = 97, 75  # percentiles of the tiles, because backgrounds may be soft
# A step edge is as high over 4 pixels as over 8, and detail has a good part of its energy within 2: less than these is blurred.
# So are 10 of 182 sharp photographs (5.5 %; 7.7 % of their middle 256 pixels); of every third of these once blurred by us, with
# noise and JPEG: 66, 89 and 95 % at a Gaussian of 1.5, 2 and 3 pixels, 75 % at a disk of radius 3, 59 % at shakes of 10 and of
# 20 pixels, some of which hardly blur; and all of three that were photographed blurred. A folder is therefore judged by many:
# at these rates a quarter of 24 are below in 0.2 % of folders of sharp photographs, and in 99.9 % of folders of shaken ones.
# But of 15 wallpapers, which are clouds and leaves before soft backgrounds, 6 are below.
LEAST_EDGE_RATIO, LEAST_ENERGY_RATIO = 0.76, 0.35


def looks_blurred(pixels: Pixels) -> bool | None:
    """Whether the photograph (H, W, 3), uint8 or uint16, has no sharp part in some direction; None where it is too small.

    In tiles that have detail, differences over 4 pixels are compared with those over 8 (the highest edges), and the
    energy of those over 2 with that of those over 4; of each direction, for motion blurs only one.
    """
    luma = _luma(pixels)
    if (luma.shape[0] // TILE) * (luma.shape[1] // TILE) < FEWEST_TILES:
        return None
    differences = [[_tiles(_difference(luma, step * rows, step * columns)) for step in STEPS] for rows, columns in DIRECTIONS]
    energies = np.array([[np.square(tiles).mean(axis=1) for tiles in steps] for steps in differences])  # (4, 3, tiles)
    edges = np.array([[np.percentile(tiles, 98, axis=1) for tiles in steps[1:]] for steps in differences])  # (4, 2, tiles)
    edge_ratio = _least_ratio(edges[:, 0], edges[:, 1], edges[:, 1] >= FLAT_EDGES, SHARPEST)
    energy_ratio = _least_ratio(energies[:, 0], energies[:, 1], energies[:, 2] >= FLAT_ENERGY, SHARP)
    return edge_ratio < LEAST_EDGE_RATIO or energy_ratio < LEAST_ENERGY_RATIO


def _luma(pixels: Pixels) -> NDArray[np.float32]:
    """(H, W, 3) -> (H, W) float32 in [0, 1], reduced to at most LONGEST pixels a side."""
    shrink = LONGEST / max(pixels.shape[:2])
    if shrink < 1:
        pixels = cv2.resize(pixels, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    luma = cv2.cvtColor(pixels.astype(np.float32) / np.iinfo(pixels.dtype).max, cv2.COLOR_RGB2GRAY)
    return np.asarray(luma, np.float32)


def _difference(luma: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """(H, W) -> (H, W): the magnitude of the difference to the pixel so far away; 0 where that lies outside."""
    height, width = luma.shape
    found = np.zeros_like(luma)
    left, right = max(-columns, 0), width - max(columns, 0)
    found[: height - rows, left:right] = np.abs(
        luma[rows:, left + columns : right + columns] - luma[: height - rows, left:right]
    )
    return found


def _tiles(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W) -> (tiles, TILE * TILE), without what is left over at the right and below."""
    rows, columns = (side // TILE for side in values.shape)
    whole = values[: rows * TILE, : columns * TILE].reshape(rows, TILE, columns, TILE)
    return whole.swapaxes(1, 2).reshape(-1, TILE * TILE)


def _least_ratio(fine: NDArray[Any], coarse: NDArray[Any], has_detail: NDArray[np.bool_], percentile: float) -> float:
    """The ratio of (directions, tiles) in its least direction, at a percentile of the tiles with detail in any direction."""
    usable = np.flatnonzero(has_detail.any(axis=0))
    if len(usable) < FEWEST_TILES:  # a foggy photograph: its most detailed tiles
        usable = np.argsort(coarse.max(axis=0))[::-1][:FEWEST_TILES]
    ratio = (fine / (coarse + 1e-6)).min(axis=0)
    return float(np.percentile(ratio[usable], percentile))
