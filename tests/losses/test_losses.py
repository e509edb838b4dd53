from __future__ import annotations

import math
import urllib.error

import pytest
import torch
from torch import Tensor

from deblurbench.errors import UsageError
from deblurbench.losses.adversarial import (
    Hinge,
    LeastSquares,
    RelativisticLeastSquares,
    WassersteinGradientPenalty,
)
from deblurbench.losses.base import ContentLosses
from deblurbench.losses.vgg import VGG
from deblurbench.models.cnn import CNN
from deblurbench.registry import LOSSES
from tests.conftest import TINY_UNET

WITHOUT_DOWNLOAD = [name for name in LOSSES.names() if name != "vgg"]


@pytest.fixture(scope="module")
def vgg_state() -> dict[str, Tensor]:
    """The real VGG19 with random weights: its own are half a gigabyte."""
    from torchvision.models import vgg19

    torch.manual_seed(0)
    return vgg19().state_dict()


@pytest.fixture(autouse=True)
def _untrained_vgg(monkeypatch: pytest.MonkeyPatch, vgg_state: dict[str, Tensor]) -> None:
    from torchvision.models import VGG19_Weights

    monkeypatch.setattr(VGG19_Weights, "get_state_dict", lambda *_, **__: vgg_state)


@pytest.mark.parametrize("name", LOSSES.names())
def test_every_loss_is_least_for_equal_images_and_grows_with_the_difference(name: str, photo: Tensor) -> None:
    from deblurbench.images.tensors import to_tensor

    loss = LOSSES.build(name)
    sharp = to_tensor(photo[100:164, 100:164])
    noise = torch.randn(sharp.shape, generator=torch.Generator().manual_seed(0))
    values = [float(loss(sharp + amount * noise, sharp)) for amount in (0, 0.02, 0.1)]
    least = -80 if name == "psnr" else 0
    assert least <= values[0] < values[1] < values[2]
    assert values[0] < least + 2e-3


@pytest.mark.parametrize("name", LOSSES.names())
def test_every_loss_gives_gradients_to_the_restored_image(name: str) -> None:
    restored = torch.rand(1, 3, 32, 32, requires_grad=True)
    LOSSES.build(name)(restored, torch.rand(1, 3, 32, 32)).backward()
    assert restored.grad is not None
    assert torch.isfinite(restored.grad).all()
    assert restored.grad.abs().max() > 0


def test_exact_values() -> None:
    restored, sharp = torch.full((1, 3, 8, 8), 0.7), torch.full((1, 3, 8, 8), 0.4)
    assert float(LOSSES.build("l1")(restored, sharp)) == pytest.approx(0.3)
    assert float(LOSSES.build("mse")(restored, sharp)) == pytest.approx(0.09)
    assert float(LOSSES.build("charbonnier")(restored, sharp)) == pytest.approx((0.09 + 1e-6) ** 0.5)
    assert float(LOSSES.build("psnr")(restored, sharp)) == pytest.approx(10 * math.log10(0.09), rel=1e-5)
    assert float(LOSSES.build("fft")(restored, sharp)) == pytest.approx(0.3 * 8 / (8 * 8 * 2), rel=1e-5)  # one coefficient
    assert float(LOSSES.build({"name": "multi-scale", "of": {"name": "l1", "weight": 2}})(restored, sharp)) == pytest.approx(
        0.6
    )


def test_psnr_is_averaged_in_decibels_image_by_image() -> None:
    sharp = torch.zeros(2, 3, 8, 8)
    restored = torch.stack([torch.full((3, 8, 8), 0.1), torch.full((3, 8, 8), 0.01)])
    assert float(LOSSES.build("psnr")(restored, sharp)) == pytest.approx(-30, abs=1e-3)
    assert float(LOSSES.build("psnr")(sharp, sharp)) == pytest.approx(-80)


def test_the_multi_scale_loss_sees_what_is_alike_only_from_afar() -> None:
    """A checkerboard and its mean differ at full size alone."""
    board = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * torch.ones(1, 3, 16, 16)
    loss = LOSSES.build({"name": "multi-scale", "of": "l1", "scales": 4})
    assert float(loss(board, torch.full_like(board, 0.5))) == pytest.approx(0.5 / 4)
    with pytest.raises(ValueError, match="scales are too many"):
        LOSSES.build({"name": "multi-scale", "scales": 7})(board, board)


def test_losses_take_the_mean_over_the_scales_of_a_network() -> None:
    content = ContentLosses([{"name": "l1", "weight": 3}])
    sharp = torch.rand(1, 3, 16, 16)
    halved = torch.nn.functional.avg_pool2d(sharp, 2)
    assert float(content([sharp, halved], sharp)["l1"]) == 0
    assert float(content([sharp + 0.2, halved + 0.4], sharp)["l1"]) == pytest.approx(3 * 0.3)


@pytest.mark.parametrize("size", [(12, 16), (9, 7), (6, 1), (5, 2)], ids=str)
def test_spectra_are_compared_at_all_frequencies(size: tuple[int, int]) -> None:
    restored, sharp = torch.rand(2, 3, *size), torch.rand(2, 3, *size)
    for norm in ("ortho", "backward"):
        spectra = [torch.view_as_real(torch.fft.fft2(image, norm=norm)) for image in (restored, sharp)]
        loss = LOSSES.build({"name": "fft", "norm": norm})
        assert float(loss(restored, sharp)) == pytest.approx(float((spectra[0] - spectra[1]).abs().mean()), rel=1e-5)


def pyramid_difference(plane: list[list[float]]) -> list[list[float]]:
    """A plane less its next level in a Gaussian pyramid, enlarged again, as MPRNet's code takes it; pixel by pixel."""
    taps, height, width = (0.05, 0.25, 0.4, 0.25, 0.05), len(plane), len(plane[0])

    def smoothed(values: list[list[float]], y: int, x: int) -> float:
        return sum(
            taps[i + 2] * taps[j + 2] * values[min(max(y + i, 0), height - 1)][min(max(x + j, 0), width - 1)]
            for i in range(-2, 3)
            for j in range(-2, 3)
        )

    kept = [[0.0 if y % 2 or x % 2 else 4 * smoothed(plane, y, x) for x in range(width)] for y in range(height)]
    return [[plane[y][x] - smoothed(kept, y, x) for x in range(width)] for y in range(height)]


@pytest.mark.parametrize("size", [(8, 12), (11, 7)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_edge_loss_is_mprnets(size: tuple[int, int], dtype: torch.dtype) -> None:
    restored, sharp = torch.rand(1, 3, *size), torch.rand(1, 3, *size)
    restored_edges, sharp_edges = (
        torch.tensor([pyramid_difference(plane) for plane in image[0].tolist()]) for image in (restored, sharp)
    )
    expected = ((restored_edges - sharp_edges).square() + 1e-3**2).sqrt().mean()
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        assert float(LOSSES.build("edge")(restored, sharp)) == pytest.approx(float(expected), rel=1e-5)


def test_adversarial_losses_have_their_published_values() -> None:
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-2.0, 0.5])
    assert float(Hinge().discriminator(real, fake)) == pytest.approx((0 + 0.5) / 2 + (0 + 1.5) / 2)
    assert float(Hinge().generator(real, fake)) == pytest.approx(0.75)
    assert float(LeastSquares().discriminator(real, fake)) == pytest.approx(0.5 * ((1 + 0.25) / 2 + (4 + 0.25) / 2))
    assert float(LeastSquares().generator(real, fake)) == pytest.approx(0.5 * (9 + 0.25) / 2)
    assert float(WassersteinGradientPenalty().discriminator(real, fake)) == pytest.approx(-0.75 - 1.25)
    assert float(WassersteinGradientPenalty().generator(real, fake)) == pytest.approx(0.75)


def test_the_relativistic_loss_compares_with_the_mean_of_the_others() -> None:
    """Sharp images score 2 and 0, on average 1; restored ones -1 and 1, on average 0."""
    real, fake = torch.tensor([2.0, 0.0]), torch.tensor([-1.0, 1.0])
    loss = RelativisticLeastSquares()
    sharp_one_above = ((2 - 0 - 1) ** 2 + (0 - 0 - 1) ** 2) / 2
    restored_one_below = ((-1 - 1 + 1) ** 2 + (1 - 1 + 1) ** 2) / 2
    assert float(loss.discriminator(real, fake)) == pytest.approx(0.5 * (sharp_one_above + restored_one_below))
    restored_one_above = ((-1 - 1 - 1) ** 2 + (1 - 1 - 1) ** 2) / 2
    sharp_one_below = ((2 - 0 + 1) ** 2 + (0 - 0 + 1) ** 2) / 2
    assert float(loss.generator(real, fake)) == pytest.approx(0.5 * (restored_one_above + sharp_one_below))


def test_vgg_is_cut_after_conv3_3_and_is_no_part_of_the_model() -> None:
    loss = VGG()
    loss.prepare()
    features = loss._pretrained[0]
    convolutions = [module for module in features.modules() if isinstance(module, torch.nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [64, 64, 128, 128, 256, 256, 256]
    assert features(torch.rand(1, 3, 32, 32)).shape == (1, 256, 8, 8)
    assert loss.state_dict() == {}
    assert list(loss.parameters()) == []


def test_vgg_weights_that_cannot_be_had_are_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import VGG19_Weights

    def unreachable(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(VGG19_Weights, "get_state_dict", unreachable)
    model = CNN(network=TINY_UNET, losses=["l1", "vgg"])  # building and restoring need no weights
    model.restore(torch.rand(1, 3, 16, 16))
    with pytest.raises(UsageError, match=r"loss 'vgg': its weights could not be fetched.*no route.*use the loss 'edge'"):
        model.prepare_training()
