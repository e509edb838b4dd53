"""CNN: a network that regresses the sharp image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from deblurbench.data.batch import Batch
from deblurbench.losses.base import ContentLosses
from deblurbench.models.base import Model, Turn
from deblurbench.models.windows import call_network
from deblurbench.registry import MODELS, NETWORKS, LossSpec, NetworkSpec


@MODELS.register("cnn")
class CNN(Model):
    """Any network, trained to predict what the blurred image lacks: restored = blurred + network(blurred)."""

    def __init__(self, *, network: NetworkSpec, losses: Sequence[LossSpec] = ("charbonnier",)) -> None:
        super().__init__()
        self.network = NETWORKS.build(network, in_channels=3, out_channels=3)
        self.content = ContentLosses(losses)

    def losses(self, batch: Batch, step: int) -> Iterator[Turn]:
        restored = batch.blurred + call_network(self.network, batch.blurred)
        yield "network", self.content(restored, batch.sharp)

    def _restore(self, blurred: Tensor, generator: torch.Generator, tile: int | None) -> Tensor:
        return blurred + call_network(self.network, blurred, tile=tile)
