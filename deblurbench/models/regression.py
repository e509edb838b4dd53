"""Regression of the sharp image in one network evaluation: common to CNN and GAN."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from deblurbench.images.tensors import Reduction, at_scale
from deblurbench.models.base import Model
from deblurbench.models.restoration import RestorationContext
from deblurbench.models.windows import call_network, call_network_at_scales, gives_image
from deblurbench.registry import NETWORKS, NetworkSpec


class Regression(Model):
    """Restored = blurred + network(blurred), or network(blurred) alone where the network outputs an image."""

    restoring_parameters: ClassVar[tuple[str, ...]] = ("self_ensemble", "pooling_window")

    def __init__(self, network: NetworkSpec, *, self_ensemble: bool, pooling_window: int | None) -> None:
        super().__init__(self_ensemble=self_ensemble, pooling_window=pooling_window)
        self.network = NETWORKS.build(network, in_channels=3, out_channels=3)
        self._require_pooling()

    def predict_scales(self, blurred: Tensor) -> list[Tensor]:
        """Restore `blurred` (B, 3, H, W) at every scale of the network: (B, 3, H / 2^s, W / 2^s), finest first."""
        scales = call_network_at_scales(self.network, blurred)
        if gives_image(self.network):
            return scales
        by: Reduction = getattr(self.network, "coarser_inputs", "area")
        return [at_scale(blurred, scale, by) + residual for scale, residual in enumerate(scales)]

    @property
    def coarser_targets(self) -> Reduction:
        """How sharp images are downsampled to the coarser scales of the network."""
        by: Reduction = getattr(self.network, "coarser_targets", "area")
        return by

    def _restore(self, blurred: Tensor, context: RestorationContext) -> Tensor:
        output = call_network(self.network, blurred, context=context)
        return output if gives_image(self.network) else blurred + output
