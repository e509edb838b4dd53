"""DeblurGAN's generator, as published."""

from __future__ import annotations

from torch import Tensor, nn

from deblurbench.networks.layers import clamped_residual, initialize_normal, require_image_to_image
from deblurbench.registry import NETWORKS, PositiveInt


@NETWORKS.register("deblurgan")
class DeblurGAN(nn.Module):
    """DeblurGAN's generator (Kupyn et al. 2018, after Johnson et al. 2016), except that dropout is off at test time.

    A 7x7 convolution, two strided convolutions, `blocks` residual blocks, two transposed convolutions, a 7x7 convolution,
    tanh; the sum with the image is clamped. Every convolution but the last is followed by instance normalisation without
    affine parameters, with the statistics of the image at test time too, as in the published test script, which also keeps
    dropout on. `forward` returns the residual that the family adds to an image in [0, 1].
    """

    multiple = 8  # 4 for the two strides; reflection padding and normalisation need two features per side

    def __init__(
        self, *, in_channels: int = 3, out_channels: int = 3, width: PositiveInt = 64, blocks: PositiveInt = 9
    ) -> None:
        super().__init__()
        require_image_to_image(in_channels, out_channels)
        self.head = _normalized(nn.Conv2d(in_channels, width, 7, padding=3, padding_mode="reflect"), nn.ReLU())
        self.down = nn.Sequential(
            _normalized(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU()),
            _normalized(nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1), nn.ReLU()),
        )
        self.blocks = nn.Sequential(*(_Block(4 * width) for _ in range(blocks)))
        self.up = nn.Sequential(
            _normalized(nn.ConvTranspose2d(4 * width, 2 * width, 3, stride=2, padding=1, output_padding=1), nn.ReLU()),
            _normalized(nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1), nn.ReLU()),
        )
        self.output = nn.Conv2d(width, out_channels, 7, padding=3, padding_mode="reflect")
        initialize_normal(self)

    def forward(self, image: Tensor) -> Tensor:
        features = self.down(self.head(2 * image - 1))  # (B, width, H, W) -> (B, 4 width, H / 4, W / 4)
        features = self.up(self.blocks(features))  # (B, width, H, W)
        return clamped_residual(image, self.output(features))


class _Block(nn.Module):
    """Two 3x3 convolutions with dropout between them and a residual connection, (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect") for _ in range(2))
        self.layers = nn.Sequential(_normalized(first, nn.ReLU(), nn.Dropout(0.5)), _normalized(second))

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = features + self.layers(features)
        return result


def _normalized(convolution: nn.Conv2d | nn.ConvTranspose2d, *following: nn.Module) -> nn.Sequential:
    return nn.Sequential(convolution, nn.InstanceNorm2d(convolution.out_channels), *following)
