"""DeblurGAN-v2 on a MobileNet (Kupyn et al. 2019): content loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.networks.published.deblurgan import conv3_3, in_order


def content_losses(restored: Tensor, sharp: Tensor, vgg: nn.Module) -> tuple[Tensor, Tensor]:
    """Of images in [-1, 1], normalised as those of ImageNet: of VGG features and of the same tensors themselves.

    Their code normalises the first image of a batch, which is all that it trains with; here every image is.
    """
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]).double(), torch.tensor([0.229, 0.224, 0.225]).double()
    restored, sharp = (((images + 1) / 2 - mean[:, None, None]) / deviation[:, None, None] for images in (restored, sharp))
    features = conv3_3(restored, in_order(vgg)) - conv3_3(sharp, in_order(vgg))
    return (features**2).mean(), ((restored - sharp) ** 2).mean()
