"""The VGG content loss, which needs torchvision's pretrained weights."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deblurbench.download import fetch_weights
from deblurbench.losses.base import Loss
from deblurbench.losses.normalization import normalized
from deblurbench.registry import LOSSES, NonNegativeFloat

CONV3_3 = 15  # layers of torchvision's vgg19.features up to conv3_3, without its activation


@LOSSES.register("vgg")
class VGG(Loss):
    """Mean squared error of VGG19 conv3_3 features (DeblurGAN, Kupyn et al. 2018, after Johnson et al. 2016).

    The input of VGG lies in [-1, 1] (`normalization` "symmetric", as in DeblurGAN) or is normalised as in VGG's training
    ("imagenet", as in DeblurGAN-v2, whose code normalises only the first image of a batch; this normalises all).
    The weights (548 MB, checked by hash) are fetched by torchvision into its cache before training begins.
    """

    def __init__(
        self, *, weight: NonNegativeFloat = 0.006, normalization: Literal["imagenet", "symmetric"] = "imagenet"
    ) -> None:
        super().__init__(weight)
        self.normalization = normalization
        self._pretrained: list[nn.Module] = []  # a plain list, so that VGG is no submodule and not part of the state dict

    def prepare(self) -> None:
        self._features_on(torch.device("cpu"))

    def forward(self, restored: Tensor, sharp: Tensor) -> Tensor:
        features = self._features_on(restored.device)
        with torch.no_grad():
            target = features(normalized(sharp, self.normalization))
        return F.mse_loss(features(normalized(restored, self.normalization)), target)

    def _features_on(self, device: torch.device) -> nn.Module:
        if not self._pretrained:
            self._pretrained.append(_pretrained_features())
        return self._pretrained[0].to(device)  # free where it is on the device already


def _pretrained_features() -> nn.Module:
    from torchvision.models import VGG19_Weights, vgg19

    weights = fetch_weights(VGG19_Weights.IMAGENET1K_V1, "loss 'vgg'", "the loss 'edge', which needs none")
    with torch.device("meta"):  # all of its 144 million parameters are loaded
        model = vgg19(init_weights=False)
    model.load_state_dict(weights, assign=True)
    features: nn.Module = model.features[:CONV3_3]
    return features.eval().requires_grad_(False)
