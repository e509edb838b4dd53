"""DBCNN: three layers, and the same with back-projection."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deblurbench.networks.layers import output_convolution
from deblurbench.registry import NETWORKS, PositiveInt


@NETWORKS.register("dbcnn")
class DBCNN(nn.Module):
    """Three layers with ReLU between, SRCNN's 9-1-5 (Dong et al. 2014) by default, but that here a family adds the image.

    Patch extraction by `filters[0]` x `filters[0]` to `widths[0]` channels, a non-linear mapping to `widths[1]`, and
    reconstruction.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        out_channels: int = 3,
        filters: tuple[PositiveInt, PositiveInt, PositiveInt] = (9, 1, 5),
        widths: tuple[PositiveInt, PositiveInt] = (64, 32),
    ) -> None:
        super().__init__()
        if any(size % 2 == 0 for size in filters):
            raise ValueError(f"filters {list(filters)}: sizes must be odd, so that the image keeps its place")
        first, second, third = filters
        self.extract = nn.Conv2d(in_channels, widths[0], first, padding=first // 2)
        self.map = nn.Conv2d(widths[0], widths[1], second, padding=second // 2)
        self.reconstruct = output_convolution(widths[1], out_channels, size=third)

    def forward(self, image: Tensor) -> Tensor:
        result: Tensor = self.reconstruct(torch.relu(self.map(torch.relu(self.extract(image)))))
        return result


class BackProjection(nn.Module):
    """A back-projection unit (Haris et al. 2018): features go to the other size, back again, and what was lost is added.

    With `up` from (B, C, H, W) to (B, C, 2 H, 2 W), else to half the size.
    """

    def __init__(self, channels: int, *, up: bool) -> None:
        super().__init__()

        def enlarge() -> nn.Module:
            return nn.Sequential(nn.ConvTranspose2d(channels, channels, 6, stride=2, padding=2), nn.PReLU(channels))

        def reduce() -> nn.Module:
            return nn.Sequential(nn.Conv2d(channels, channels, 6, stride=2, padding=2), nn.PReLU(channels))

        there, back = (enlarge, reduce) if up else (reduce, enlarge)
        self.project, self.back, self.correct = there(), back(), there()

    def forward(self, features: Tensor) -> Tensor:
        projected: Tensor = self.project(features)
        return projected + self.correct(self.back(projected) - features)


@NETWORKS.register("dbcnn-backprojection")
class BackProjectionDBCNN(nn.Module):
    """DBCNN whose mapping is `units` pairs of down- and up-projection, and whose last layer combines input and prediction."""

    multiple = 2

    def __init__(
        self,
        *,
        in_channels: int = 3,
        out_channels: int = 3,
        filter_size: PositiveInt = 9,
        width: PositiveInt = 32,
        units: PositiveInt = 2,
    ) -> None:
        super().__init__()
        if filter_size % 2 == 0:
            raise ValueError(f"filter_size {filter_size} must be odd, so that the image keeps its place")
        self.extract = nn.Sequential(nn.Conv2d(in_channels, width, filter_size, padding=filter_size // 2), nn.ReLU())
        self.units = nn.ModuleList(
            nn.Sequential(BackProjection(width, up=False), BackProjection(width, up=True)) for _ in range(units)
        )
        self.predict = nn.Conv2d((units + 1) * width, out_channels, 3, padding=1)
        self.combine = output_convolution(in_channels + out_channels, out_channels, size=5)

    def forward(self, image: Tensor) -> Tensor:
        stages = [self.extract(image)]  # (B, width, H, W)
        for unit in self.units:
            stages.append(unit(stages[-1]))  # to half the size and back
        result: Tensor = self.combine(torch.cat([image, self.predict(torch.cat(stages, dim=1))], dim=1))
        return result
