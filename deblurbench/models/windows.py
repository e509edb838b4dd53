"""Evaluation of a network on an image of any size: padding to its multiple, and tiles that bound its memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from deblurbench.images.cropping import reflect
from deblurbench.images.tiles import CONTEXT, plan_tiles
from deblurbench.models.restoration import Progress, RestorationContext

GLOBAL_LAYERS = (nn.InstanceNorm2d, nn.GroupNorm, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.MultiheadAttention)


def call_network(
    network: nn.Module, image: Tensor, condition: Tensor | None = None, context: RestorationContext | None = None
) -> Tensor:
    """Evaluate `network(image, condition)` on `image` (B, C, H, W) of any size; returns the finest scale (B, C', H, W).

    The `tile` of `context` bounds what the network sees at once. Where no layer sees the whole image, tests measure a
    change of less than an 8-bit step by tiles. Every tile is counted in the progress of `context`. Raises ValueError for too
    small a tile.
    """
    tile, progress = (context.tile, context.progress) if context is not None else (None, Progress())
    height, width = image.shape[-2:]
    multiple = getattr(network, "multiple", 1)
    padded = reflect_pad(image, -height % multiple, -width % multiple)
    tiles = plan_tiles(padded.shape[-2], padded.shape[-1], tile=tile, multiple=multiple, context=tile_context(network))
    if len(tiles) == 1:
        output = _forward(network, padded, condition)[0]
        progress.finish_tile(1)
        return output if padded is image else output[..., :height, :width]  # slicing would cost a backward pass
    result = None
    for one in tiles:
        restored = _forward(network, padded[..., one.seen_rows, one.seen_columns], condition)[0]  # (B, C', h, w)
        if result is None:
            result = restored.new_empty(*restored.shape[:2], *padded.shape[-2:])
        result[..., one.rows, one.columns] = restored[(..., *one.core_in_seen)]
        progress.finish_tile(len(tiles))
    assert result is not None
    return result[..., :height, :width]


def tile_context(network: nn.Module) -> int:
    """The pixels around the core of a tile that `network` is to see."""
    return int(getattr(network, "tile_context", CONTEXT))


def call_network_at_scales(network: nn.Module, image: Tensor, condition: Tensor | None = None) -> list[Tensor]:
    """Evaluate `network` on `image` (B, C, H, W) for training; returns all scales (B, C', H / 2^s, W / 2^s), finest first.

    Scales of which a very small image covers no pixel are left out.
    """
    height, width = image.shape[-2:]
    multiple = getattr(network, "multiple", 1)
    padded = reflect_pad(image, -height % multiple, -width % multiple)
    scales = _forward(network, padded, condition)
    if padded is image:
        return scales  # slicing would cost a backward pass
    covered = [output[..., : height >> scale, : width >> scale] for scale, output in enumerate(scales)]
    return [output for output in covered if output.numel()]


def scales_of(output: Tensor | Sequence[Tensor]) -> list[Tensor]:
    """All scales of what a network returned, finest first; most return a single one."""
    return [output] if isinstance(output, Tensor) else list(output)


def sees_whole_image(network: nn.Module) -> bool:
    """Whether some layer pools or normalises over the whole image, so that tiles change the result.

    A network that does so by other means than these layers has an attribute `sees_whole_image = True`.
    """
    return any(isinstance(module, GLOBAL_LAYERS) or getattr(module, "sees_whole_image", False) for module in network.modules())


def gives_image(network: nn.Module) -> bool:
    """Whether the output of `network` is an image and no residual: it has an attribute `gives_image = True`."""
    return getattr(network, "gives_image", False)


def reflect_pad(image: Tensor, bottom: int, right: int) -> Tensor:
    """Pad `image` (B, C, H, W) by reflection at its lower and right border, by more than its own size if need be."""
    if bottom == 0 and right == 0:
        return image
    rows, columns = (
        torch.from_numpy(reflect(0, side + added, side)).to(image.device)
        for side, added in zip(image.shape[-2:], (bottom, right), strict=True)
    )
    return image[..., rows, :][..., columns]  # (B, C, H + bottom, W + right)


def _forward(network: nn.Module, image: Tensor, condition: Tensor | None) -> list[Tensor]:
    return scales_of(network(image) if condition is None else network(image, condition))
