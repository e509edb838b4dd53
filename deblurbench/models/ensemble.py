"""Ensemble: the mean of what several restorers give."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from deblurbench.models.composite import Composite
from deblurbench.models.restoration import RestorationContext
from deblurbench.registry import MODELS, ModelSpec


@MODELS.register("ensemble")
class Ensemble(Composite):
    """The mean of `members`, which are given trained: an ensemble has nothing to train."""

    part = "members"

    def __init__(self, *, members: Sequence[ModelSpec]) -> None:
        super().__init__()
        self._build_parts(members)
        self.requires_grad_(False)

    def _restore(self, blurred: Tensor, context: RestorationContext) -> Tensor:
        restored = torch.stack([member.restore_in_context(blurred, context) for member in self.restorers()])  # (M, B, 3, H, W)
        return restored.mean(dim=0)  # (B, 3, H, W)
