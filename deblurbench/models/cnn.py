"""CNN: regression of the sharp image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deblurbench.batch import Batch
from deblurbench.losses.base import ContentLosses
from deblurbench.models.base import LossStep
from deblurbench.models.regression import Regression
from deblurbench.registry import MODELS, LossSpec, NetworkSpec, PositiveInt


@MODELS.register("cnn")
class CNN(Regression):
    """Regression of the residual by any network: restored = blurred + network(blurred).

    A network that outputs an image is trained to output the sharp one. Of a network with several scales each is trained
    (Nah et al. 2017), and the finest restores.
    """

    def __init__(
        self,
        *,
        network: NetworkSpec,
        losses: Sequence[LossSpec] = ("charbonnier",),
        self_ensemble: bool = False,
        pooling_window: PositiveInt | None = None,
    ) -> None:
        super().__init__(network, self_ensemble=self_ensemble, pooling_window=pooling_window)
        self.content = ContentLosses(losses)

    def losses(self, batch: Batch, step: int) -> Iterator[LossStep]:
        yield LossStep("network", self.content(self.predict_scales(batch.blurred), batch.sharp, self.coarser_targets))
