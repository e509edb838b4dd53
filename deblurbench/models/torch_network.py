"""The network of a regression as a function of a photograph's planes, in the number format that a device is fastest at."""

from __future__ import annotations

from typing import TypeGuard

import torch

from deblurbench.models.base import Restorer
from deblurbench.models.regression import Regression
from deblurbench.models.windows import gives_image
from deblurbench.networks.layers import ImageConvolution
from deblurbench.runtimes.pixels import Planes


def is_local(model: Restorer) -> TypeGuard[Regression]:
    """Whether one call of a network restores, and a pixel depends only on what is near it: tiles then change nothing."""
    return isinstance(model, Regression) and not (model.self_ensemble or model.pooling_window or model.sees_whole_image)


class TorchNetwork:
    """The network of `model` on `device`, called as a `PixelNetwork`.

    With `bfloat16` a network computes in it whose first convolution keeps the image in float32, which others would round to
    8 bits; the sum with the image is float32 always.
    """

    def __init__(self, model: Regression, device: torch.device, *, bfloat16: bool) -> None:
        keeps_image = isinstance(getattr(model.network, "stem", None), ImageConvolution) and not gives_image(model.network)
        self._device, self._bfloat16 = device, bfloat16 and keeps_image
        self._network = model.network.to(device).to(memory_format=torch.channels_last).eval()
        self.multiple: int = getattr(model.network, "multiple", 1)
        self.is_residual = not gives_image(model.network)
        self.way = f"torch on {device.type}, {'bfloat16' if self._bfloat16 else 'float32'}"

    @torch.inference_mode()
    def __call__(self, image: Planes) -> Planes:
        planes = torch.from_numpy(image).to(self._device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bfloat16):
            output = self._network(planes)
        finest = output[0] if isinstance(output, list | tuple) else output
        result: Planes = finest.float().cpu().contiguous().numpy()
        return result
