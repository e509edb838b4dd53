"""Pooling over the whole image, and over windows of it (TLC)."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from deblurbench.models.cnn import CNN
from deblurbench.networks.pooling import GlobalAverage, pooling_within
from deblurbench.registry import NETWORKS
from tests.conftest import TINY_UNET, tiny_network
from tests.networks.published.nafnet import within


def test_without_a_window_it_is_the_mean() -> None:
    features = torch.rand(2, 3, 5, 7)
    assert torch.allclose(GlobalAverage()(features), features.mean(dim=(2, 3), keepdim=True))


def test_the_mean_of_half_precision_is_summed_in_float32() -> None:
    features = torch.full((1, 1, 512, 512), 100.0, dtype=torch.float16)
    assert float(GlobalAverage()(features)) == 100


def test_a_window_is_a_moving_average_that_stays_inside_the_image() -> None:
    features, layer = torch.rand(1, 2, 12, 15), GlobalAverage(stride=2)
    with pooling_within([layer], 10):  # five features
        pooled = layer(features)
    inner = F.avg_pool2d(features, 5, stride=1)
    assert pooled.shape == features.shape
    assert torch.allclose(pooled[..., 2:-2, 2:-2], inner, atol=1e-6)
    assert torch.allclose(pooled[..., 0, 0], inner[..., 0, 0], atol=1e-6)  # the corner sees what the first inner one sees
    assert layer.window is None


@pytest.mark.parametrize("size", [(24, 17), (9, 40)], ids=str)
@pytest.mark.parametrize("window", [1, 2, 7, 8, 16, 23, 64])
@pytest.mark.parametrize("stride", [1, 4])
def test_windows_lie_as_published(size: tuple[int, int], window: int, stride: int) -> None:
    """Odd and even ones, and larger ones than the image on either side or both."""
    features, layer = torch.rand(2, 3, *size), GlobalAverage(stride)
    with pooling_within([layer], window * stride):
        pooled = layer(features)
    assert torch.allclose(pooled, within(window * stride)(features, stride), atol=1e-6)


def test_sums_stay_exact_on_large_images() -> None:
    features, layer = 1000 + torch.rand(1, 1, 2000, 300), GlobalAverage()
    with pooling_within([layer], 64):
        pooled = layer(features)
    assert torch.allclose(pooled[0, 0, 1000, 150], features[0, 0, 969:1033, 119:183].mean(), atol=1e-3)


def test_a_window_as_large_as_the_image_changes_nothing() -> None:
    network = NETWORKS.build(tiny_network("nafnet"))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    image = torch.rand(1, 3, 64, 48)
    with torch.no_grad():
        whole = network(image)
        with pooling_within([network], 64):
            windowed = network(image)
        with pooling_within([network], 24):
            smaller = network(image)
    assert (windowed - whole).abs().mean() < 1e-4 * whole.abs().mean()
    assert (smaller - whole).abs().mean() > 1e-2 * whole.abs().mean()


def test_a_network_that_pools_nothing_is_told_so() -> None:
    with pytest.raises(ValueError, match="pooling_window: this network has no layer that pools"):
        CNN(network=TINY_UNET, pooling_window=64)
    assert CNN(network=tiny_network("nafnet"), pooling_window=64, self_ensemble=True).inference == "x8 self-ensemble; TLC 64"
