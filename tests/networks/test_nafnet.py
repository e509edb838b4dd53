"""NAFNet's own arguments, besides those that its paper has."""

from __future__ import annotations

import torch

from deblurbench.models.windows import sees_whole_image
from deblurbench.networks.nafnet import NAFBlock
from deblurbench.registry import NETWORKS
from deblurbench.scoring.costs import count_macs

SMALL = {"name": "nafnet", "width": 8, "encoder_blocks": [1, 1], "middle_blocks": 1, "decoder_blocks": [1, 1]}


def test_without_attention_no_layer_sees_the_whole_image() -> None:
    with_attention, without = NETWORKS.build(SMALL), NETWORKS.build({**SMALL, "attention": False})
    assert sees_whole_image(with_attention)
    assert not sees_whole_image(without)
    lacking = with_attention.state_dict().keys() - without.state_dict().keys()
    assert {name.split(".")[-2] for name in lacking} == {"attention"}


def test_at_half_resolution_all_layers_cost_about_a_quarter() -> None:
    whole, half = NETWORKS.build(SMALL), NETWORKS.build({**SMALL, "stem_factor": 2})
    assert (whole.multiple, half.multiple) == (4, 8)
    assert half(torch.rand(1, 3, 24, 40)).shape == (1, 3, 24, 40)
    macs = [count_macs(network.to("meta"), torch.device("meta")) for network in (whole, half)]
    assert 0.2 < macs[1] / macs[0] < 0.4


def test_folded_scales_compute_the_same() -> None:
    block, image = NAFBlock(8, stride=1), torch.rand(1, 8, 16, 16)
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(parameter.numel()))
    before, count = block(image), sum(parameter.numel() for parameter in block.parameters())
    block.fold_scales()
    assert torch.allclose(block(image), before, rtol=1e-4, atol=1e-4 * float(before.detach().std()))
    assert sum(parameter.numel() for parameter in block.parameters()) == count - 16
