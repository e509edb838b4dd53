"""DBCNN: three convolutions, optionally with back-projection."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deblurbench.networks.layers import output_convolution
from deblurbench.registry import NETWORKS, PositiveInt


@NETWORKS.register("dbcnn")
class DBCNN(nn.Module):
    """Three convolutions with ReLU between them, by default SRCNN's 9-1-5 (Dong et al. 2014) plus the family's global skip.

    Patch extraction (`filters[0]` x `filters[0]`, `widths[0]` channels), non-linear mapping (`widths[1]` channels) and
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
            raise ValueError(f"filters {list(filters)}: kernel sizes must be odd, so that the output is not shifted")
        first, second, third = filters
        self.extract = nn.Conv2d(in_channels, widths[0], first, padding=first // 2)
        self.map = nn.Conv2d(widths[0], widths[1], second, padding=second // 2)
        self.reconstruct = output_convolution(widths[1], out_channels, size=third)

    def forward(self, image: Tensor) -> Tensor:
        features = torch.relu(self.extract(image))  # (B, in_channels, H, W) -> (B, widths[0], H, W)
        features = torch.relu(self.map(features))  # (B, widths[1], H, W)
        result: Tensor = self.reconstruct(features)  # (B, out_channels, H, W)
        return result


class BackProjection(nn.Module):
    """A back-projection unit (Haris et al. 2018): resample, project back, resample the residual and add it.

    (B, C, H, W) -> (B, C, 2 H, 2 W) with `up`, else (B, C, H / 2, W / 2).
    """

    def __init__(self, channels: int, *, up: bool) -> None:
        super().__init__()

        def upsample() -> nn.Module:
            return nn.Sequential(nn.ConvTranspose2d(channels, channels, 6, stride=2, padding=2), nn.PReLU(channels))

        def downsample() -> nn.Module:
            return nn.Sequential(nn.Conv2d(channels, channels, 6, stride=2, padding=2), nn.PReLU(channels))

        forth, back = (upsample, downsample) if up else (downsample, upsample)
        self.project, self.back, self.correct = forth(), back(), forth()

    def forward(self, features: Tensor) -> Tensor:
        projected: Tensor = self.project(features)  # (B, C, H, W) -> (B, C, 2 H, 2 W) or (B, C, H / 2, W / 2)
        return projected + self.correct(self.back(projected) - features)


@NETWORKS.register("dbcnn-backprojection")
class BackProjectionDBCNN(nn.Module):
    """DBCNN with `units` pairs of down- and up-projection as its mapping; the last layer combines input and prediction."""

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
            raise ValueError(f"filter_size {filter_size} must be odd, so that the output is not shifted")
        self.extract = nn.Sequential(nn.Conv2d(in_channels, width, filter_size, padding=filter_size // 2), nn.ReLU())
        self.units = nn.ModuleList(
            nn.Sequential(BackProjection(width, up=False), BackProjection(width, up=True)) for _ in range(units)
        )
        self.predict = nn.Conv2d((units + 1) * width, out_channels, 3, padding=1)
        self.combine = output_convolution(in_channels + out_channels, out_channels, size=5)

    def forward(self, image: Tensor) -> Tensor:
        stages = [self.extract(image)]  # (B, width, H, W)
        for unit in self.units:
            stages.append(unit(stages[-1]))  # (B, width, H / 2, W / 2) inside, (B, width, H, W) again
        prediction = self.predict(torch.cat(stages, dim=1))  # (B, (units + 1) width, H, W) -> (B, out_channels, H, W)
        result: Tensor = self.combine(torch.cat([image, prediction], dim=1))  # (B, out_channels, H, W)
        return result
