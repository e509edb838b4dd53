"""Ensemble: the mean of what several models restore."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from deblurbench.batch import Batch
from deblurbench.models.base import Restoring, Turn
from deblurbench.models.composite import Composite
from deblurbench.registry import MODELS, ModelSpec


@MODELS.register("ensemble")
class Ensemble(Composite):
    """The mean of `members`, which are used as they are: give them trained."""

    part = "members"

    def __init__(self, *, members: Sequence[ModelSpec]) -> None:
        super().__init__()
        self._take(members)
        self.requires_grad_(False)

    def players(self) -> dict[str, nn.Module]:
        return {}

    def losses(self, batch: Batch, step: int) -> Iterator[Turn]:
        yield from ()

    def _restore(self, blurred: Tensor, how: Restoring) -> Tensor:
        return torch.stack([member.restored(blurred, how) for member in self.models()]).mean(dim=0)
