"""A feature pyramid network with a MobileNet encoder."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deblurbench.download import fetch_weights
from deblurbench.networks.layers import convolution3x3, output_convolution
from deblurbench.registry import NETWORKS, PositiveInt

STAGES = ((0, 2, 16), (2, 4, 24), (4, 7, 32), (7, 11, 64), (11, 16, 160))  # of torchvision's features: start, stop, channels


@NETWORKS.register("fpn")
class FeaturePyramid(nn.Module):
    """DeblurGAN-v2's feature pyramid (Kupyn et al. 2019) on torchvision's MobileNetV2, without the final tanh.

    `deblurgan-v2` is the whole generator. `normalization` "instance" is the published one, without affine parameters.

    With `weights` "imagenet" training starts from torchvision's pretrained encoder (14 MB, fetched by torchvision), by
    default from random weights. The receptive field exceeds the context of a tile.
    """

    multiple = 32
    sees_whole_image = True

    def __init__(
        self,
        *,
        in_channels: int = 3,
        out_channels: int = 3,
        width: PositiveInt = 128,
        weights: Literal["none", "imagenet"] = "none",
        normalization: Literal["none", "instance"] = "none",
    ) -> None:
        super().__init__()
        if weights == "imagenet" and in_channels < 3:
            raise ValueError("weights 'imagenet' need colour images; this network has fewer than 3 input channels")
        from torchvision.models import mobilenet_v2  # imported here: slow, and only this network needs it

        self.weights = weights
        half, quarter = max(width // 2, 1), max(width // 4, 1)
        features = mobilenet_v2(weights=None).features
        features[0][0] = nn.Conv2d(in_channels, 32, 3, stride=2, padding=1, bias=False)
        self.encoder = nn.ModuleList(features[start:stop] for start, stop, _ in STAGES)
        self.laterals = nn.ModuleList(
            nn.Conv2d(channels, half if level == 0 else width, 1, bias=False) for level, (_, _, channels) in enumerate(STAGES)
        )
        self.merges = nn.ModuleList(_convolution(width, width, normalization) for _ in range(3))
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, half, 3, padding=1, bias=False), nn.ReLU(),
                nn.Conv2d(half, half, 3, padding=1, bias=False), nn.ReLU(),
            )
            for _ in range(4)
        )  # fmt: skip
        self.smooth = _convolution(4 * half, half, normalization)
        self.smooth_again = _convolution(half, quarter, normalization)
        self.output = output_convolution(quarter, out_channels)

    def forward(self, image: Tensor) -> Tensor:
        encoded: list[Tensor] = []
        features = image
        for stage, lateral in zip(self.encoder, self.laterals, strict=True):
            features = stage(features)
            encoded.append(lateral(features))  # (B, half, H / 2, W / 2), (B, width, H / 4, W / 4), ... H / 32, W / 32
        pyramid = [encoded[4]]
        for level in (3, 2, 1):
            pyramid.insert(0, self.merges[level - 1](encoded[level] + F.interpolate(pyramid[0], scale_factor=2.0)))
        heads = [head(level) for head, level in zip(self.heads, pyramid, strict=True)]
        heads = [F.interpolate(head, size=heads[0].shape[-2:]) for head in heads]  # each (B, half, H / 4, W / 4)
        joined = torch.cat(heads, dim=1)  # (B, 4 half, H / 4, W / 4)
        smoothed = F.interpolate(self.smooth(joined), scale_factor=2.0) + encoded[0]  # (B, half, H / 2, W / 2)
        smoothed = F.interpolate(self.smooth_again(smoothed), scale_factor=2.0)  # (B, quarter, H, W)
        result: Tensor = self.output(smoothed)
        return result

    @torch.no_grad()
    def prepare(self) -> None:
        """Load the encoder's pretrained weights if `weights` says so. Raises UsageError where they cannot be fetched."""
        if self.weights == "none":
            return
        from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

        pretrained = fetch_weights(MobileNet_V2_Weights.IMAGENET1K_V2, f"network '{NETWORKS.name_of(self)}'", "weights: none")
        features = mobilenet_v2(weights=None)
        features.load_state_dict(pretrained)
        for stage, (start, stop, _) in zip(self.encoder, STAGES, strict=True):
            states = features.features[start:stop].state_dict()
            if start == 0:  # input channels beyond the image's three colours have no pretrained weights: zeros
                colours = states["0.0.weight"]
                states["0.0.weight"] = torch.zeros_like(stage.state_dict()["0.0.weight"])
                states["0.0.weight"][:, :3] = colours
            stage.load_state_dict(states)


def _convolution(in_channels: int, out_channels: int, normalization: str) -> nn.Module:
    normalize = nn.InstanceNorm2d(out_channels) if normalization == "instance" else nn.Identity()
    return nn.Sequential(convolution3x3(in_channels, out_channels), normalize, nn.ReLU())
