"""A parameter group: parameters, their optimiser, and how a loss updates them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import AdamW

from deblurbench.training.precision import MIN_SCALE, gradient_scaler
from deblurbench.training.settings import TrainingSettings


class ParameterGroup:
    """Parameters with one optimiser and one gradient scaler, which minimise one sum of losses."""

    def __init__(self, parameters: list[nn.Parameter], settings: TrainingSettings, device: torch.device) -> None:
        self._parameters, self._clip_norm = parameters, settings.clip_norm
        self._is_on_cpu = device.type == "cpu"
        # Fused: a single pass over weights, gradients and moments.
        self.optimizer = AdamW(parameters, betas=settings.betas, weight_decay=settings.weight_decay, fused=True)
        self.scaler = gradient_scaler(settings, device)
        self.gradient_norm = torch.zeros(())

    def update(self, loss: Tensor, rate: float, average: Callable[[list[nn.Parameter]], None]) -> None:
        """Backpropagate `loss` to these parameters only, `average` gradients over processes, clip them, and step."""
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward(inputs=self._parameters)
        average(self._parameters)
        self.scaler.unscale_(self.optimizer)
        self._clip()
        self.optimizer.param_groups[0]["lr"] = rate
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def _clip(self) -> None:
        """Clip gradients as `clip_grad_norm_` does, bit for bit."""
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        self.gradient_norm = get_total_norm(gradients)
        # PyTorch multiplies gradients even by one. On a CPU the comparison saves that; on a GPU it would synchronise.
        if self._is_on_cpu and self.gradient_norm + 1e-6 <= self._clip_norm:
            return
        clip_grads_with_norm_(self._parameters, self._clip_norm, self.gradient_norm)

    @property
    def has_diverged(self) -> bool:
        """Whether the gradient is not finite, although the scale of float16 losses cannot be lowered any further."""
        return not torch.isfinite(self.gradient_norm) and self.scaler.get_scale() <= MIN_SCALE
