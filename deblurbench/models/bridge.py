"""Bridge: iterative restoration from the blurred image to the sharp one (InDI)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from deblurbench.batch import Batch
from deblurbench.images.tensors import at_scale
from deblurbench.losses.base import ContentLosses
from deblurbench.models.base import LossStep, Model
from deblurbench.models.restoration import RestorationContext
from deblurbench.models.samplers import sample_indi
from deblurbench.models.time import build_timed_network, call_at_time, call_at_time_at_scales
from deblurbench.models.windows import gives_image
from deblurbench.registry import MODELS, LossSpec, NetworkSpec, PositiveInt


@MODELS.register("bridge")
class Bridge(Model):
    """Inversion by direct iteration (InDI, Delbracio & Milanfar 2023): small steps without noise.

    x_t = (1 - t) sharp + t blurred interpolates between the sharp and the blurred image. The network learns to predict
    the sharp image from it, as x_t + t network(x_t, t), and restoring integrates from t = 1 to 0 in `sampling_steps`
    steps: one is plain regression, more give texture. A network that outputs an image predicts
    x_t + t (network(x_t, t) - x_t).
    """

    restoring_parameters: ClassVar[tuple[str, ...]] = ("sampling_steps", "self_ensemble", "pooling_window")

    def __init__(
        self,
        *,
        network: NetworkSpec,
        losses: Sequence[LossSpec] = ("l1",),
        sampling_steps: PositiveInt = 4,
        self_ensemble: bool = False,
        pooling_window: PositiveInt | None = None,
    ) -> None:
        super().__init__(self_ensemble=self_ensemble, pooling_window=pooling_window)
        self.network = build_timed_network(network, in_channels=3)
        self.content = ContentLosses(losses)
        self.sampling_steps = sampling_steps
        self._require_pooling()

    def losses(self, batch: Batch, step: int) -> Iterator[LossStep]:
        t = 1 - torch.rand(batch.sharp.shape[0], device=batch.sharp.device)  # in (0, 1]
        time = t[:, None, None, None]  # (B,) -> (B, 1, 1, 1)
        x = torch.lerp(batch.sharp, batch.blurred, time)  # (B, 3, H, W)
        scales = call_at_time_at_scales(self.network, x, t)
        predicted = [self._add_to_input(at_scale(x, scale), time, output) for scale, output in enumerate(scales)]
        yield LossStep("network", self.content(predicted, batch.sharp))

    def predict(self, x: Tensor, t: Tensor, context: RestorationContext | None = None) -> Tensor:
        """Predict the sharp image (B, 3, H, W) from `x` (B, 3, H, W) at times `t` (B,)."""
        return self._add_to_input(x, t[:, None, None, None], call_at_time(self.network, x, t, context))

    def _add_to_input(self, x: Tensor, time: Tensor, output: Tensor) -> Tensor:
        """The sharp image that `output` of the network predicts: its input plus `time` times a residual."""
        return x + time * (output - x if gives_image(self.network) else output)

    def _restore(self, blurred: Tensor, context: RestorationContext) -> Tensor:
        return sample_indi(lambda x, t: self.predict(x, t, context), blurred, self.sampling_steps)

    @property
    def _evaluations_per_pass(self) -> int:
        return self.sampling_steps

    @property
    def inference(self) -> str:
        steps = f"{self.sampling_steps} step{'s' if self.sampling_steps > 1 else ''}"
        return "; ".join(filter(None, (steps, super().inference)))
