"""What every content loss is, and their weighted sum."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from deblurbench.registry import LOSSES, LossSpec


class Loss(nn.Module):
    """A content loss: `forward(restored, sharp) -> scalar`, unweighted; `weight` is its share of a sum."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def prepare(self) -> None:
        """Fetch what the loss needs; called once before training. Raises UsageError where it cannot be had."""


class ContentLosses(nn.Module):
    """Several losses side by side: `forward(restored, sharp)` gives each one's weighted value by its name."""

    def __init__(self, losses: Sequence[LossSpec]) -> None:
        super().__init__()
        specs = [LOSSES.resolve(loss) for loss in losses]
        if not specs:
            raise ValueError("the list of losses is empty; name at least one")
        if len({spec["name"] for spec in specs}) != len(specs):
            raise ValueError("a loss is named twice; give it once with the sum of the weights")
        self.terms = nn.ModuleDict({spec["name"]: LOSSES.build(spec) for spec in specs})

    def forward(self, restored: Tensor, sharp: Tensor) -> dict[str, Tensor]:
        return {name: term.weight * term(restored, sharp) for name, term in self.terms.items()}
