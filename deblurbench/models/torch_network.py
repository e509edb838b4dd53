"""The network of a regression as a function of a photograph's planes, in the number format that a device is fastest at."""

from __future__ import annotations

import copy
from typing import Any, TypeGuard

import cv2
import numpy as np
import torch
from torch import nn

from deblurbench.images.photo import Pixels
from deblurbench.models.base import Restorer
from deblurbench.models.regression import Regression
from deblurbench.models.windows import gives_image, scales_of, tile_context
from deblurbench.randomness import generator
from deblurbench.runtimes.pixels import PixelNetwork, Planes, restore_pixels


def is_local(model: Restorer) -> TypeGuard[Regression]:
    """Whether one call of a network restores, and a pixel depends only on what is near it: tiles then change nothing."""
    return isinstance(model, Regression) and not (model.self_ensemble or model.pooling_window or model.sees_whole_image)


class TorchNetwork:
    """The network of `model` on `device`, called as a `PixelNetwork`.

    It computes with a copy, whose scales are folded where it can do that. With `bfloat16`, networks that tell their
    `first_level` compute all other levels in it; the sum with the image is float32.
    """

    def __init__(self, model: Regression, device: torch.device, *, bfloat16: bool) -> None:
        self.network = copy.deepcopy(model.network).to(device).to(memory_format=torch.channels_last).eval()
        self._device = device
        self.multiple: int = getattr(model.network, "multiple", 1)
        self.tile_context = tile_context(model.network)
        self.is_residual = not gives_image(model.network)
        if hasattr(self.network, "fold_scales"):
            self.network.fold_scales()
        self.in_bfloat16 = bfloat16 and self.is_residual and hasattr(self.network, "first_level")
        if self.in_bfloat16:
            _compute_in_bfloat16(self.network)
        self.way = f"torch on {device.type}, {'bfloat16' if self.in_bfloat16 else 'float32'}"

    @torch.inference_mode()
    def __call__(self, image: Planes) -> Planes:
        planes = torch.from_numpy(image).to(self._device).contiguous(memory_format=torch.channels_last)
        result: Planes = scales_of(self.network(planes))[0].float().cpu().contiguous().numpy()
        return result


def restores_alike(network: PixelNetwork, exact: PixelNetwork) -> bool:
    """Whether `network` restores a drawn image as `exact` does: 99.99 % of its values within 1 of 255, and all within 2."""
    restored, expected = (restore_pixels(each, _drawn_image(), tile=None).astype(int) for each in (network, exact))
    difference = np.abs(restored - expected)
    return bool(difference.max() <= 2 and (difference <= 1).mean() >= 0.9999)


def _drawn_image() -> Pixels:
    """Rectangles (256, 256, 3) of many sizes and colours, a little out of focus, with a little noise."""
    random = generator("rectangles", 0)
    image = np.full((256, 256, 3), 128, np.float32)
    for side in np.geomspace(128, 6, 80):
        top, left = random.integers(0, 256, 2)
        image[top : top + int(side), left : left + int(side)] = random.uniform(0, 255, 3)
    soft = cv2.GaussianBlur(image, (0, 0), 1.2) + random.normal(0, 1, image.shape)
    return np.clip(np.rint(soft), 0, 255).astype(np.uint8)


def _compute_in_bfloat16(network: nn.Module) -> None:
    """Convert `network` to bfloat16 from its second level on: what the first one rounds, all others amplify.

    Of `photo`, whole networks in bfloat16, or under autocast, change values by up to 4 and 3 of 255, and this by up to 2.
    """
    first_level: Any = network.first_level  # a list of modules, of networks that have it
    kept = {parameter for layer in first_level for parameter in layer.parameters()}
    for parameter in network.parameters():
        if parameter not in kept:
            parameter.data = parameter.data.to(torch.bfloat16)
    first_level[-1].register_forward_hook(lambda _layer, _inputs, output: output.to(torch.bfloat16))
