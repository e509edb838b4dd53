"""Restoration of one decoded photograph: by a network on the fastest runtime, or by any restorer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from deblurbench.images.cropping import center_crop
from deblurbench.images.photo import Photo, Pixels
from deblurbench.images.tiles import CONTEXT, fits
from deblurbench.runtimes.pixels import PixelNetwork, restore_pixels

if TYPE_CHECKING:
    import torch

    from deblurbench.models.base import Restorer

Report = Callable[[float], None]  # is told the fraction done


@dataclass(frozen=True, kw_only=True)
class Restoring:
    """How photographs are restored: the device, tiles of so many pixels, the strength, and the seed of samplers."""

    device: str = "auto"
    tile: int = 1024
    strength: float = 1.0
    seed: int = 0


class PhotoRestorer(Protocol):
    """Restores photographs as `how` says; another `how` may replace it, but for its device."""

    @property
    def how(self) -> Restoring: ...

    def restoring(self, how: Restoring) -> PhotoRestorer:
        """The same with another tile, strength or seed."""

    @property
    def way(self) -> str:
        """How it computes, for people."""

    @property
    def tile_context(self) -> int:
        """The pixels around the core of a tile that it sees."""

    def restore(self, pixels: Pixels, report: Report | None = None) -> Pixels:
        """Restore `pixels` (H, W, 3) of uint8 or uint16; the same size and type comes out."""

    def tiling_difference(self, pixels: Pixels) -> float | None:
        """The largest change of the center crop of a photograph by tiles; None where tiles change nothing."""


@dataclass(frozen=True)
class NetworkRestorer:
    """A network, tile by tile in memory that does not grow; `is_local` where a pixel depends only on what is near it."""

    network: PixelNetwork
    way: str
    how: Restoring
    is_local: bool = True

    def restoring(self, how: Restoring) -> NetworkRestorer:
        return replace(self, how=how)

    @property
    def tile_context(self) -> int:
        """What its network says."""
        return self.network.tile_context

    def restore(self, pixels: Pixels, report: Report | None = None) -> Pixels:
        how = self.how
        return restore_pixels(self.network, pixels, tile=how.tile, strength=how.strength, on_progress=report)

    def tiling_difference(self, pixels: Pixels) -> float | None:
        if self.is_local:
            return None
        return _tiling_difference(lambda part, tile: restore_pixels(self.network, part, tile=tile), pixels, self.how.tile)


@dataclass(frozen=True)
class ModelRestorer:
    """Any restorer on `device`: samplers, cascades, networks that see the whole image."""

    model: Restorer
    device: torch.device
    how: Restoring

    def restoring(self, how: Restoring) -> ModelRestorer:
        return replace(self, how=how)

    @property
    def way(self) -> str:
        """The device."""
        return f"torch on {self.device.type}"

    @property
    def tile_context(self) -> int:
        """The most that one of its networks sees."""
        from deblurbench.models.windows import tile_context

        return max(map(tile_context, self.model.networks()), default=CONTEXT)

    def restore(self, pixels: Pixels, report: Report | None = None) -> Pixels:
        return self._restore(pixels, self.how.tile, report)

    def _restore(self, pixels: Pixels, tile: int | None, report: Report | None = None) -> Pixels:
        from deblurbench.images.tensors import to_pixels, to_tensor
        from deblurbench.models.restoration import RestoreOptions

        blurred = to_tensor(pixels).to(self.device)
        restored = self.model.restore(blurred, RestoreOptions(seed=self.how.seed, tile=tile, on_progress=report))
        if self.how.strength != 1:
            restored = (blurred + self.how.strength * (restored - blurred)).clamp(0, 1)
        return to_pixels(restored, pixels.dtype)

    def tiling_difference(self, pixels: Pixels) -> float | None:
        return _tiling_difference(self._restore, pixels, self.how.tile) if self.model.sees_whole_image else None


def _tiling_difference(restore: Callable[[Pixels, int | None], Pixels], pixels: Pixels, tile: int) -> float | None:
    """The largest change by tiles, in [0, 1], of the middle of `pixels`; None where all fits in one tile."""
    if fits(*pixels.shape[:2], tile=tile):
        return None
    side = tile + 2 * CONTEXT  # of a crop that needs several tiles
    longer = max(side, side**2 // min(pixels.shape[:2]))  # so that even a narrow part does not fit in one
    rows, columns = (center_crop(length, longer if length == max(pixels.shape[:2]) else side) for length in pixels.shape[:2])
    tiled, whole = (restore(pixels[rows, columns], size) for size in (tile, None))
    return float(np.abs(tiled.astype(np.int32) - whole).max()) / np.iinfo(pixels.dtype).max


def restore_photo(restorer: PhotoRestorer, photo: Photo, report: Report | None = None) -> Photo:
    """The restored `photo`: in its bit depth, grey if it was, with its transparency and metadata."""
    return photo.with_pixels(restorer.restore(photo.pixels, report))
