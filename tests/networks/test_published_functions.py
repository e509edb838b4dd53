"""Networks compute what their published code computes, with random weights, to 1e-5 of the output's standard deviation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from deblurbench.batch import Batch
from deblurbench.models.cnn import CNN
from deblurbench.networks.pooling import pooling_within
from deblurbench.registry import NETWORKS
from deblurbench.yaml_files import read_yaml
from tests.conftest import PRESETS
from tests.networks.published.deepdeblur import deepdeblur, pyramid
from tests.networks.published.mimo_unet import loss as mimo_loss
from tests.networks.published.mimo_unet import mimo_unet
from tests.networks.published.nafnet import nafnet, within
from tests.networks.published.restormer import restormer
from tests.networks.published.weights import randomised

SIZES = pytest.mark.parametrize("size", [(64, 48), (32, 80)], ids=str)


def photo_of(size: tuple[int, int]) -> Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def require_equal(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() < 1e-5 * theirs.std()


@SIZES
def test_deepdeblur_at_all_scales(size: tuple[int, int]) -> None:
    model = CNN(network={"name": "multiscale", "width": 10, "blocks": 2})
    weights, image = randomised(model.network), photo_of(size)
    with torch.no_grad():
        restored = model.predict_scales(image)
    for ours, theirs in zip(restored, deepdeblur(image, weights, blocks=2, scales=3), strict=True):
        require_equal(ours, theirs)
    alone = model.float().restore(image.float())
    assert torch.allclose(alone.double(), restored[0].clamp(0, 1), atol=1e-5)


@SIZES
def test_deepdeblur_is_compared_with_its_pyramid_of_the_sharp_image(size: tuple[int, int]) -> None:
    model = CNN(network={"name": "multiscale", "width": 10, "blocks": 2}, losses=["l1"])
    sharp = photo_of(size)
    targets = pyramid(sharp, scales=3)
    model.predict_scales = lambda _: targets  # type: ignore[method-assign]
    (step,) = model.losses(Batch(sharp, sharp), 0)
    assert step.losses["l1"] < 1e-6


@SIZES
def test_nafnet(size: tuple[int, int]) -> None:
    blocks = {"encoder_blocks": [1, 1, 3], "middle_blocks": 2, "decoder_blocks": [1, 2, 1]}
    model = CNN(network={"name": "nafnet", "width": 12, **blocks})
    weights, image = randomised(model.network), photo_of(size)
    with torch.no_grad():
        (ours,) = model.predict_scales(image)
    require_equal(ours, nafnet(image, weights, *blocks.values()))


@SIZES
@pytest.mark.parametrize("window", [24, 40, 48, 64, 100])
def test_nafnet_with_tlc(size: tuple[int, int], window: int) -> None:
    blocks = {"encoder_blocks": [1, 1, 3], "middle_blocks": 2, "decoder_blocks": [1, 2, 1]}
    model = CNN(network={"name": "nafnet", "width": 12, **blocks}, pooling_window=window)
    weights, image = randomised(model.network), photo_of(size)
    with torch.no_grad(), pooling_within([model.network], window):
        (ours,) = model.predict_scales(image)
    require_equal(ours, nafnet(image, weights, *blocks.values(), pool=within(window)))


@SIZES
def test_mimo_unet_at_all_scales(size: tuple[int, int]) -> None:
    model = CNN(network={"name": "mimo-unet", "width": 12, "blocks": 2})
    weights, image = randomised(model.network), photo_of(size)
    with torch.no_grad():
        restored = model.predict_scales(image)
    for ours, theirs in zip(restored, mimo_unet(image, weights, blocks=2), strict=True):
        require_equal(ours, theirs)


def test_mimo_unet_plus_drops_fused_channels_in_training_alone() -> None:
    plus = read_yaml(PRESETS / "mimo-unet-plus.yaml")
    assert (plus["blocks"], plus["dropout"]) == (20, 0.1)
    torch.manual_seed(0)
    network = NETWORKS.build({**plus, "width": 64, "blocks": 1})
    seen: list[Tensor] = []
    for join in network.joins:
        join.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        network(photo_of((8, 8)).float())
        network.eval()(photo_of((8, 8)).float())
    dropped = [(features.chunk(2, dim=1)[1].abs().amax(dim=(2, 3)) == 0).float().mean().item() for features in seen]
    assert 0.02 < min(dropped[:2]) <= max(dropped[:2]) < 0.3
    assert dropped[2:] == [0, 0]


@SIZES
def test_the_loss_of_mimo_unet_is_its_own_at_any_crop(size: tuple[int, int]) -> None:
    """Theirs is the sum over the three scales, ours their mean."""
    losses = read_yaml(PRESETS.parent / "models" / "cnn-mimo-unet.yaml")["losses"]
    model = CNN(network={"name": "mimo-unet", "width": 12, "blocks": 2}, losses=losses)
    weights, image = randomised(model.network), photo_of(size)
    sharp = image.flip(3).square()
    (step,) = model.losses(Batch(image, sharp), 0)
    theirs = mimo_loss(mimo_unet(image, weights, blocks=2), sharp)
    assert 3 * sum(value.item() for value in step.losses.values()) == pytest.approx(theirs.item(), rel=1e-5)


@SIZES
def test_restormer(size: tuple[int, int]) -> None:
    blocks, heads = (1, 2, 1, 2), (1, 2, 2, 4)
    model = CNN(network={"name": "restormer", "width": 8, "blocks": blocks, "refinement_blocks": 2, "heads": heads})
    weights, image = randomised(model.network), photo_of(size)
    with torch.no_grad():
        (ours,) = model.predict_scales(image)
    require_equal(ours, restormer(image, weights, blocks, 2, heads))
