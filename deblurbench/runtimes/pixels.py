"""Restoration of a photograph's pixels tile by tile, in memory that does not grow with its size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deblurbench.errors import DeblurbenchError
from deblurbench.images.cropping import window
from deblurbench.images.photo import Pixels
from deblurbench.images.tiles import plan_tiles

Planes = NDArray[np.float32]  # (1, 3, H, W)


class PixelNetwork(Protocol):
    """A network on any runtime, image in, image out: (1, 3, H, W) float32 in [0, 1], sides that are multiples of `multiple`.

    It returns the restored image, or what is to be added to the blurred one where `is_residual`. Of tiles it sees
    `tile_context` pixels around their cores.
    """

    @property
    def multiple(self) -> int: ...

    @property
    def is_residual(self) -> bool: ...

    @property
    def tile_context(self) -> int: ...

    def __call__(self, image: Planes) -> Planes: ...


def restore_pixels(
    network: PixelNetwork,
    pixels: Pixels,
    *,
    tile: int | None,
    strength: float = 1.0,
    on_progress: Callable[[float], None] | None = None,
) -> Pixels:
    """Restore `pixels` (H, W, 3) of uint8 or uint16, at most `tile`^2 at once (None: all); the same size and type comes out.

    Of what the network changes, `strength` is applied: 0 changes nothing, 1 restores, more than 1 exaggerates.
    `on_progress` is called with the fraction done, in (0, 1], after every tile.
    """
    height, width = pixels.shape[:2]
    multiple, largest = network.multiple, np.float32(np.iinfo(pixels.dtype).max)
    padded = height + -height % multiple, width + -width % multiple
    tiles = plan_tiles(*padded, tile=tile, multiple=multiple, context=network.tile_context)
    result = np.empty_like(pixels)
    for number, one in enumerate(tiles, 1):
        rows, columns = one.seen_rows, one.seen_columns
        seen = window(pixels, rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start)
        blurred = np.ascontiguousarray(seen.transpose(2, 0, 1)[None], np.float32) / largest  # (1, 3, h, w)
        output = network(blurred)
        if output.shape != blurred.shape:
            raise DeblurbenchError(f"the network makes {_text(output)} of {_text(blurred)}; give one that keeps the size")
        if not np.isfinite(output).all():
            raise DeblurbenchError("the model restores to values that are not finite: its training diverged")
        target = result[one.rows, one.columns]  # without what was padded below and to the right
        top, left = (part.start for part in one.core_in_seen)
        core, found = (image[0, :, top : top + target.shape[0], left : left + target.shape[1]] for image in (blurred, output))
        restored = np.clip(core + found if network.is_residual else found, 0, 1)
        if strength != 1:
            restored = np.clip(core + np.float32(strength) * (restored - core), 0, 1)
        target[...] = np.rint(restored * largest).transpose(1, 2, 0)
        if on_progress is not None:
            on_progress(number / len(tiles))
    return result


def _text(planes: Planes) -> str:
    return "x".join(map(str, planes.shape))
