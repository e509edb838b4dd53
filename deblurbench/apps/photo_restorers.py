"""Restoration of one decoded photograph: by a network on the fastest runtime, or by any restorer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from deblurbench.images.cropping import center_crop
from deblurbench.images.photo import Photo, Pixels
from deblurbench.images.tiles import CONTEXT
from deblurbench.runtimes.pixels import PixelNetwork, restore_pixels

if TYPE_CHECKING:
    import torch

    from deblurbench.models.base import Restorer

Report = Callable[[float], None]  # is told the fraction done


class PhotoRestorer(Protocol):
    """Restores photographs."""

    @property
    def way(self) -> str:
        """How it computes, for people."""

    def restore(self, pixels: Pixels, report: Report | None = None) -> Pixels:
        """Restore `pixels` (H, W, 3) of uint8 or uint16; the same size and type comes out."""

    def tiling_difference(self, pixels: Pixels) -> float | None:
        """The largest change of the center crop of a photograph by tiles; None where tiles change nothing."""


@dataclass(frozen=True)
class NetworkRestorer:
    """A network, tile by tile in memory that does not grow; `is_local` where a pixel depends only on what is near it."""

    network: PixelNetwork
    way: str
    tile: int
    strength: float
    is_local: bool = True

    def restore(self, pixels: Pixels, report: Report | None = None) -> Pixels:
        return restore_pixels(self.network, pixels, tile=self.tile, strength=self.strength, on_progress=report)

    def tiling_difference(self, pixels: Pixels) -> float | None:
        if self.is_local or max(pixels.shape[:2]) <= self.tile:
            return None
        rows, columns = (center_crop(side, self.tile + 2 * CONTEXT) for side in pixels.shape[:2])  # two tiles a side
        part = pixels[rows, columns]
        tiled, whole = (restore_pixels(self.network, part, tile=size) for size in (self.tile, max(part.shape)))
        return float(np.abs(tiled.astype(np.int32) - whole).max()) / np.iinfo(pixels.dtype).max


@dataclass(frozen=True)
class ModelRestorer:
    """Any restorer on `device`: samplers, cascades, networks that see the whole image."""

    model: Restorer
    device: torch.device
    tile: int
    strength: float
    seed: int

    @property
    def way(self) -> str:
        """The device."""
        return f"torch on {self.device.type}"

    def restore(self, pixels: Pixels, report: Report | None = None) -> Pixels:
        from deblurbench.images.tensors import to_pixels, to_tensor
        from deblurbench.models.restoration import RestoreOptions

        blurred = to_tensor(pixels).to(self.device)
        restored = self.model.restore(blurred, RestoreOptions(seed=self.seed, tile=self.tile, on_progress=report))
        if self.strength != 1:
            restored = (blurred + self.strength * (restored - blurred)).clamp(0, 1)
        return to_pixels(restored, pixels.dtype)

    def tiling_difference(self, pixels: Pixels) -> float | None:
        if not self.model.sees_whole_image or max(pixels.shape[:2]) <= self.tile:
            return None
        from deblurbench.images.tensors import to_tensor
        from deblurbench.models.restoration import RestoreOptions

        rows, columns = (center_crop(side, self.tile + 2 * CONTEXT) for side in pixels.shape[:2])  # two tiles a side
        part = to_tensor(pixels[rows, columns]).to(self.device)
        tiled, whole = (self.model.restore(part, RestoreOptions(seed=self.seed, tile=size)) for size in (self.tile, None))
        return float((tiled - whole).abs().max())


def restore_photo(restorer: PhotoRestorer, photo: Photo, report: Report | None = None) -> Photo:
    """The restored `photo`: in its bit depth, grey if it was, with its transparency and metadata."""
    pixels = restorer.restore(photo.pixels, report)
    if photo.is_grey:
        pixels = np.repeat(pixels.mean(axis=2, keepdims=True).round().astype(pixels.dtype), 3, axis=2)
    return replace(photo, pixels=pixels)
