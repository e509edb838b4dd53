"""The residual U-Net's own arguments."""

from __future__ import annotations

import pytest
from torch import nn

from deblurbench.registry import NETWORKS


@pytest.mark.parametrize(("name", "layer"), [("relu", nn.ReLU), ("silu", nn.SiLU)])
def test_the_activation_is_that_which_was_asked_for(name: str, layer: type[nn.Module]) -> None:
    network = NETWORKS.build({"name": "unet", "widths": [4, 8], "blocks": 1, "activation": name})
    assert sum(isinstance(module, layer) for module in network.modules()) == 3
