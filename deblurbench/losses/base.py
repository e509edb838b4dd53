"""The base class of content losses, and their weighted sum."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from deblurbench.images.tensors import Reduction, at_scale
from deblurbench.registry import LOSSES, LossSpec


class Loss(nn.Module):
    """A content loss: `forward(restored, sharp) -> scalar`, unweighted; `weight` is its weight in a sum."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def prepare(self) -> None:
        """Fetch pretrained weights, if any; called once before training. Raises UsageError where they cannot be fetched."""


class ContentLosses(nn.Module):
    """Several content losses: `forward(scales, sharp, by)` returns their weighted values by name.

    `scales` are restored images, finest first; each is compared with the sharp image at its scale, which `at_scale` reduces
    `by` the given method, and the values are averaged over scales.
    """

    def __init__(self, losses: Sequence[LossSpec]) -> None:
        super().__init__()
        specs = [LOSSES.resolve(loss) for loss in losses]
        if not specs:
            raise ValueError("the list of losses is empty; give at least one")
        if len({spec["name"] for spec in specs}) != len(specs):
            raise ValueError("a loss is named twice; name it once with the sum of the weights")
        self.terms = nn.ModuleDict({spec["name"]: LOSSES.build(spec) for spec in specs})

    def forward(self, scales: Sequence[Tensor], sharp: Tensor, by: Reduction = "area") -> dict[str, Tensor]:
        pairs = [(restored, at_scale(sharp, scale, by)) for scale, restored in enumerate(scales)]
        return {name: _weighted(term, pairs) for name, term in self.terms.items()}


def _weighted(term: nn.Module, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    assert isinstance(term, Loss)  # by its registry
    return term.weight * torch.stack([term(*pair) for pair in pairs]).mean()
