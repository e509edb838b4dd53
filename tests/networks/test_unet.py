"""The residual U-Net's own arguments."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from deblurbench.errors import UsageError
from deblurbench.networks.layers import ResidualBlock
from deblurbench.registry import NETWORKS


def test_each_level_may_have_its_own_number_of_blocks() -> None:
    network = NETWORKS.build({"name": "unet", "widths": [4, 8, 16], "blocks": [1, 3, 2]})
    widths = [block.first.out_channels for block in network.modules() if isinstance(block, ResidualBlock)]
    assert sorted(widths) == [4] * 2 + [8] * 6 + [16] * 2  # encoder and decoder; the coarsest level is there once
    assert network(torch.rand(1, 3, 24, 40)).shape == (1, 3, 24, 40)
    with pytest.raises(UsageError, match="blocks: give one number, or one for each of the 2 levels, not 3"):
        NETWORKS.build({"name": "unet", "widths": [4, 8], "blocks": [1, 1, 1]})


@pytest.mark.parametrize(("name", "layer"), [("relu", nn.ReLU), ("silu", nn.SiLU)])
def test_the_activation_is_that_which_was_asked_for(name: str, layer: type[nn.Module]) -> None:
    network = NETWORKS.build({"name": "unet", "widths": [4, 8], "blocks": 1, "activation": name})
    assert sum(isinstance(module, layer) for module in network.modules()) == 3
