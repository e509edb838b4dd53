"""Cascade: the output of one restorer is the input of the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from deblurbench.batch import Batch
from deblurbench.models.base import LossStep, Model, Restorer
from deblurbench.models.composite import Composite
from deblurbench.models.restoration import RestorationContext
from deblurbench.registry import MODELS, ModelSpec


@MODELS.register("cascade")
class Cascade(Composite, Model):
    """`stages` restore one after another: a trained regressor first, say, and a finisher after it.

    All but the last are given trained; the last learns from their outputs, unless it is given trained or cannot learn.
    """

    part = "stages"

    def __init__(self, *, stages: Sequence[ModelSpec]) -> None:
        super().__init__()
        self._build_parts(stages)
        for stage in self.restorers()[:-1]:
            stage.requires_grad_(False)

    def parameter_groups(self) -> dict[str, nn.Module]:
        last = self.restorers()[-1]
        return last.parameter_groups() if isinstance(last, Model) else {}

    def prepare_training(self) -> None:
        last = self.restorers()[-1]
        if isinstance(last, Model):
            last.prepare_training()

    def losses(self, batch: Batch, step: int) -> Iterator[LossStep]:
        *earlier, last = self.restorers()
        assert isinstance(last, Model)  # where it cannot learn there is no parameter group, and nothing to train
        blurred = _apply_stages(earlier, batch.blurred, RestorationContext(torch.Generator().manual_seed(step)))
        yield from last.losses(Batch(blurred, batch.sharp), step)

    def _restore(self, blurred: Tensor, context: RestorationContext) -> Tensor:
        return _apply_stages(self.restorers(), blurred, context)


def _apply_stages(stages: list[Restorer], image: Tensor, context: RestorationContext) -> Tensor:
    for stage in stages:
        image = stage.restore_in_context(image, context)
    return image
