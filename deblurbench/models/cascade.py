"""Cascade: one model's output is the next one's input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from deblurbench.batch import Batch
from deblurbench.models.base import Model, Restoring, Turn
from deblurbench.models.composite import Composite
from deblurbench.registry import MODELS, ModelSpec


@MODELS.register("cascade")
class Cascade(Composite):
    """`stages` restore one after another: a trained regressor first, say, and a finisher after it.

    All but the last are used as they are; the last is trained on what they give, unless it is given trained.
    """

    part = "stages"

    def __init__(self, *, stages: Sequence[ModelSpec]) -> None:
        super().__init__()
        self._take(stages)
        for stage in self.models()[:-1]:
            stage.requires_grad_(False)

    def players(self) -> dict[str, nn.Module]:
        return self.models()[-1].players()

    def prepare_training(self) -> None:
        self.models()[-1].prepare_training()

    def losses(self, batch: Batch, step: int) -> Iterator[Turn]:
        *before, last = self.models()
        blurred = _through(before, batch.blurred, Restoring(torch.Generator().manual_seed(step)))
        yield from last.losses(Batch(blurred, batch.sharp), step)

    def _restore(self, blurred: Tensor, how: Restoring) -> Tensor:
        return _through(self.models(), blurred, how)


def _through(stages: list[Model], image: Tensor, how: Restoring) -> Tensor:
    for stage in stages:
        image = stage.restored(image, how)
    return image
