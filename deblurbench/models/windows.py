"""Calling a network on an image of any size: padding to the multiple it needs, and tiles that bound its memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from deblurbench.images.cropping import reflect
from deblurbench.models.restoration import Progress, RestorationContext

CONTEXT = 64  # pixels around a tile that the network sees and that are then cut away
GLOBAL_LAYERS = (nn.InstanceNorm2d, nn.GroupNorm, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.MultiheadAttention)


def call_network(
    network: nn.Module, image: Tensor, condition: Tensor | None = None, context: RestorationContext | None = None
) -> Tensor:
    """`network(image, condition)` at the size of `image` (B, C, H, W), whatever multiple the network needs.

    With the `tile` of `context` the network sees at most so many pixels a side (a core and `CONTEXT` around it) at once:
    that covers nearly all that a pixel depends on. Where no layer sees the whole image, tests measure a change of less
    than an 8-bit step. Every tile is counted in the progress of `context`. Raises ValueError for too small a tile.
    """
    tile, progress = (context.tile, context.progress) if context is not None else (None, Progress())
    height, width = image.shape[-2:]
    multiple = getattr(network, "multiple", 1)
    padded = reflect_pad(image, -height % multiple, -width % multiple)
    if tile is None or max(height, width) <= tile:
        output = _called(network, padded, condition)[0]
        progress.finish_tile(1)
        return output if padded is image else output[..., :height, :width]  # a needless slice costs its backward pass
    margin = -(-CONTEXT // multiple) * multiple
    core = (tile - 2 * margin) // multiple * multiple
    if core <= 0:
        raise ValueError(f"a tile of {tile} pixels is too small: give at least {2 * margin + multiple}")
    result = None
    cores = list(_cores(padded.shape[-2], padded.shape[-1], core))
    for rows, columns in cores:
        top, left = max(rows.start - margin, 0), max(columns.start - margin, 0)
        seen = padded[..., top : rows.stop + margin, left : columns.stop + margin]
        restored = _called(network, seen, condition)[0]
        if result is None:
            result = restored.new_empty(*restored.shape[:2], *padded.shape[-2:])
        result[..., rows, columns] = restored[
            ..., rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
        ]
        progress.finish_tile(len(cores))
    assert result is not None
    return result[..., :height, :width]


def call_network_at_scales(network: nn.Module, image: Tensor, condition: Tensor | None = None) -> list[Tensor]:
    """All that `network` gives for `image`, as training needs it: finest first, each cropped to what `image` covers.

    Of a very small image the coarsest may cover nothing; they are left out.
    """
    height, width = image.shape[-2:]
    multiple = getattr(network, "multiple", 1)
    padded = reflect_pad(image, -height % multiple, -width % multiple)
    scales = _called(network, padded, condition)
    if padded is image:
        return scales  # a needless slice costs its backward pass
    covered = [scale[..., : height >> place, : width >> place] for place, scale in enumerate(scales)]
    return [scale for scale in covered if scale.numel()]


def sees_whole_image(network: nn.Module) -> bool:
    """Whether some layer pools or normalises over the whole image, so that tiles change the result.

    A network that does so by other means than a layer says it with an attribute `sees_whole_image = True`.
    """
    return any(isinstance(module, GLOBAL_LAYERS) or getattr(module, "sees_whole_image", False) for module in network.modules())


def gives_image(network: nn.Module) -> bool:
    """Whether what the network gives is an image, to which nothing is added: it says so with `gives_image = True`."""
    return getattr(network, "gives_image", False)


def reflect_pad(image: Tensor, bottom: int, right: int) -> Tensor:
    """Mirror `image` at its lower and right border; it may be smaller than what is added."""
    if bottom == 0 and right == 0:
        return image
    rows, columns = (
        torch.from_numpy(reflect(0, side + added, side)).to(image.device)
        for side, added in zip(image.shape[-2:], (bottom, right), strict=True)
    )
    return image[..., rows, :][..., columns]


def _called(network: nn.Module, image: Tensor, condition: Tensor | None) -> list[Tensor]:
    output = network(image) if condition is None else network(image, condition)
    return list(output) if isinstance(output, list | tuple) else [output]


def _cores(height: int, width: int, core: int) -> Iterator[tuple[slice, slice]]:
    for top in range(0, height, core):
        for left in range(0, width, core):
            yield slice(top, min(top + core, height)), slice(left, min(left + core, width))
