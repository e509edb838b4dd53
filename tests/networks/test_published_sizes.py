"""Networks have the sizes that their papers print, within 1 %."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from deblurbench.registry import DISCRIMINATORS, NETWORKS
from deblurbench.yaml_files import read_yaml
from tests.conftest import PRESETS

PUBLISHED = [  # spec, parameters in millions, multiply-accumulates at 256x256 in 10^9 where they are printed
    ("nafnet", 17.11, 15.96),
    (read_yaml(PRESETS / "nafnet-64.yaml"), 67.9, 63.05),
    ("restormer", 26.13, 154.9),
    ("mimo-unet", 6.8, None),
    ("multiscale", 11.7, None),
    (read_yaml(PRESETS / "mimo-unet-plus.yaml"), 16.1, 154.4),
    ("deblurgan", 11.38, None),
]


def on_meta(spec: Any, **channels: int) -> nn.Module:
    """The network, without memory for its weights."""
    with torch.device("meta"):
        network: nn.Module = NETWORKS.build(spec, **channels)
    return network


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def macs(network: nn.Module, only: str = "") -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, 256, 256, device="meta"))
    return sum(count for name, count in counter.get_flop_counts()["Global"].items() if only in str(name)) / 2e9


@pytest.mark.parametrize(("spec", "millions", "billions"), PUBLISHED, ids=str)
def test_published_sizes(spec: Any, millions: float, billions: float | None) -> None:
    network = on_meta(spec)
    assert parameters(network) / 1e6 == pytest.approx(millions, rel=0.01)
    if billions is not None:
        # The tool that MIMO-UNet was counted with takes a transposed convolution for four times what it is.
        overcounted = 3 * sum(transposed_macs(module, network) for module in network.modules())
        assert macs(network) + overcounted == pytest.approx(billions, rel=0.01)


def transposed_macs(module: nn.Module, network: nn.Module) -> float:
    """10^9 multiply-accumulates of a transposed convolution of stride 2 that ends at width's share of 256 pixels."""
    if not isinstance(module, nn.ConvTranspose2d):
        return 0.0
    side = 256 * network.get_parameter("stem.0.weight").shape[0] // module.out_channels
    return module.weight.numel() * (side // 2) ** 2 / 1e9


def test_of_restormers_convolutions_and_attention_each_have_their_share() -> None:
    network = on_meta("restormer")
    assert macs(network, "convolution") == pytest.approx(140.99, rel=0.001)
    assert macs(network, "bmm") == pytest.approx(154.9 - 140.99, rel=0.01)


def test_dbcnn_is_the_three_layers_of_srcnn() -> None:
    """SRCNN's 9-1-5 has 8,032 weights on one channel (Dong et al. 2014), and our biases besides."""
    network = on_meta("dbcnn", in_channels=1, out_channels=1)
    weights = sum(value.numel() for name, value in network.named_parameters() if name.endswith("weight"))
    assert weights == 9 * 9 * 64 + 64 * 32 + 32 * 5 * 5 == 8032


def test_deblurgan_v2_is_the_published_one_less_the_layers_that_it_carries_and_never_calls() -> None:
    """3.3 M are printed; 1.2 M of these are MobileNet layers above the last that the pyramid takes."""
    from torchvision.models import mobilenet_v2

    unused = parameters(mobilenet_v2(weights=None).features[16:])
    assert (parameters(on_meta("deblurgan-v2")) + unused) / 1e6 == pytest.approx(3.3, rel=0.02)


def test_discriminators_have_their_published_sizes() -> None:
    for name, millions in (("patchgan", [2.76]), ("double-scale", [2.76, 11.15])):
        with torch.device("meta"):
            discriminator = DISCRIMINATORS.build(name, in_channels=3)
        whole = [discriminator] if name == "patchgan" else list(discriminator.children())
        assert [round(parameters(critic) / 1e6, 2) for critic in whole] == millions


SEEN = [  # discriminator, and how many pixels a side each of its scores depends on
    ({"name": "patchgan"}, [70]),
    ({"name": "double-scale"}, [70, 286]),
    ({"name": "patch", "normalization": "none"}, [38]),
    ({"name": "patch", "normalization": "none", "layers": 5}, [158]),
]


@pytest.mark.parametrize(("spec", "seen"), SEEN, ids=str)
def test_a_score_sees_what_its_discriminator_says(spec: Any, seen: list[int]) -> None:
    """By the gradient of one score, without the normalisation, through which it sees the whole image."""
    discriminator = DISCRIMINATORS.build({**spec, "width": 2}, in_channels=3)
    for module in list(discriminator.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.InstanceNorm2d):
                setattr(module, name, nn.Identity())
    image = torch.rand(1, 3, 512, 512, requires_grad=True)
    for scores, expected in zip(discriminator(image), seen, strict=True):
        middle = scores.shape[-1] // 2
        (gradient,) = torch.autograd.grad(scores[0, 0, middle, middle], image, retain_graph=True)
        rows = gradient.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
        assert int(rows[-1] - rows[0]) + 1 == expected
