"""DeblurGAN and DeblurGAN-v2 compute what their published code computes: against plain implementations, with random weights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from deblurbench.losses import vgg as vgg_loss
from deblurbench.losses.base import ContentLosses
from deblurbench.models.cnn import CNN
from deblurbench.registry import DISCRIMINATORS, NETWORKS
from tests.networks.published import deblurgan, deblurgan_v2
from tests.networks.published.deblurgan import in_order, to_symmetric

SIZES = pytest.mark.parametrize("size", [(64, 96), (128, 32)], ids=str)


def images(size: tuple[int, int], seed: int = 0) -> Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def randomize(module: nn.Module) -> None:
    """Random numbers in the place of every weight and statistic, those that start at zero or one included; float64."""
    torch.manual_seed(0)
    for tensor in (*module.double().parameters(), *module.buffers()):
        if tensor.ndim == 4:
            nn.init.normal_(tensor, std=tensor[0].numel() ** -0.5)
        elif tensor.ndim == 1:
            nn.init.uniform_(tensor, 0.2, 1.8)  # variances are positive


def require_equal(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() < 1e-5 * theirs.std()


def restored(model: CNN, blurred: Tensor) -> Tensor:
    """In [-1, 1], as theirs."""
    with torch.no_grad():
        return to_symmetric(model.predict_scales(blurred)[0])


def require_some_clamped(theirs: Tensor) -> None:
    assert 0.02 < (theirs.abs() == 1).double().mean() < 0.5


@SIZES
def test_the_generator_of_deblurgan(size: tuple[int, int]) -> None:
    model = CNN(network={"name": "deblurgan", "width": 16, "blocks": 9}).eval()
    randomize(model)
    theirs = deblurgan.generator(to_symmetric(images(size)), in_order(model.network), blocks=9)
    require_some_clamped(theirs)
    require_equal(restored(model, images(size)), theirs)


def test_it_drops_half_of_what_is_between_the_convolutions_of_a_block_while_it_is_trained() -> None:
    model = CNN(network={"name": "deblurgan", "width": 8, "blocks": 2})
    randomize(model)
    dropped: list[float] = []
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.register_forward_hook(
                lambda _, given, output: dropped.append(float((output[given[0] != 0] == 0).float().mean()))
            )
    trained, again = (restored(model, images((64, 64))) for _ in range(2))
    assert dropped == pytest.approx([0.5] * 4, abs=0.05)
    assert (trained - again).abs().max() > 0.01
    model.eval()
    assert torch.equal(restored(model, images((64, 64))), restored(model, images((64, 64))))


@SIZES
@pytest.mark.parametrize("training", [True, False])
def test_the_generator_of_deblurgan_v2(size: tuple[int, int], training: bool) -> None:
    model = CNN(network={"name": "deblurgan-v2", "width": 32}).train(training)
    randomize(model)
    theirs = deblurgan_v2.generator(to_symmetric(images(size)), model.network.state_dict(), training)
    require_some_clamped(theirs)
    require_equal(restored(model, images(size)), theirs)


@SIZES
@pytest.mark.parametrize("layers", [3, 5])
def test_the_critics(size: tuple[int, int], layers: int) -> None:
    critic = DISCRIMINATORS.build({"name": "patchgan", "width": 16, "layers": layers}, in_channels=3)
    randomize(critic)
    (scores,) = critic(images(size))
    require_equal(scores, deblurgan.critic(to_symmetric(images(size)), in_order(critic), layers))


def test_the_critics_of_deblurgan_v2_are_two_of_them() -> None:
    critics = DISCRIMINATORS.build({"name": "double-scale", "width": 16}, in_channels=3)
    randomize(critics)
    for scores, critic, layers in zip(critics(images((64, 96))), (critics.patch, critics.whole), (3, 5), strict=True):
        require_equal(scores, deblurgan.critic(to_symmetric(images((64, 96))), in_order(critic), layers))


def test_weights_start_as_published() -> None:
    for module in (NETWORKS.build("deblurgan"), DISCRIMINATORS.build("patchgan", in_channels=3)):
        for weight, bias in in_order(module):
            assert float(weight.std()) == pytest.approx(0.02, rel=0.1)
            assert bias.abs().max() == 0
    last = NETWORKS.build("deblurgan-v2").output.weight
    assert float(last.detach().std()) == pytest.approx((3 * last[0].numel()) ** -0.5, rel=0.1)  # as PyTorch has it


@pytest.fixture
def vgg(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """The layers of VGG19 that the loss takes, with random weights."""
    from torchvision.models import vgg19

    with torch.device("meta"):
        features: nn.Module = vgg19(weights=None).features[: vgg_loss.CONV3_3]
    features.to_empty(device="cpu")
    randomize(features.requires_grad_(False))
    monkeypatch.setattr(vgg_loss, "_pretrained_features", lambda: features)
    return features


@SIZES
def test_the_content_loss_of_deblurgan(size: tuple[int, int], vgg: nn.Module) -> None:
    ours = ContentLosses([{"name": "vgg", "weight": 100, "normalization": "symmetric"}])([images(size)], images(size, 1))
    theirs = deblurgan.perceptual_loss(to_symmetric(images(size)), to_symmetric(images(size, 1)), vgg)
    assert float(ours["vgg"]) == pytest.approx(100 * float(theirs), rel=1e-5)


@SIZES
def test_the_content_loss_of_deblurgan_v2(size: tuple[int, int], vgg: nn.Module) -> None:
    losses = [{"name": "mse", "weight": 0.5, "normalization": "imagenet"}, {"name": "vgg", "weight": 0.006}]
    ours = ContentLosses(losses)([images(size)], images(size, 1))
    features, pixels = deblurgan_v2.content_losses(to_symmetric(images(size)), to_symmetric(images(size, 1)), vgg)
    assert float(ours["vgg"]) == pytest.approx(0.006 * float(features), rel=1e-5)
    assert float(ours["mse"]) == pytest.approx(0.5 * float(pixels), rel=1e-5)
