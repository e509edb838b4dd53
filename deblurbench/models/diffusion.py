"""Diffusion: sampling of the sharp image by a denoiser that is conditioned on the blurred one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deblurbench.batch import Batch
from deblurbench.images.tensors import at_scale
from deblurbench.models.base import LossStep, Model, Restorer
from deblurbench.models.restoration import RestorationContext
from deblurbench.models.samplers import cosine_schedule, ddim, ddpm, dpm_solver, linear_schedule, spaced_times
from deblurbench.models.time import build_timed_network, call_at_time, call_at_time_at_scales
from deblurbench.registry import MODELS, ModelSpec, NetworkSpec, PositiveFloat, PositiveInt

MIN_ALPHA = 0.02  # below which the clean x is not computed from a predicted noise
SCHEDULES = {"cosine": cosine_schedule, "linear": linear_schedule}


@MODELS.register("diffusion")
class Diffusion(Model):
    """Conditional diffusion (SR3, Saharia et al. 2021): the network sees the blurred image beside the noisy one.

    `target` "residual" diffuses `residual_scale` * (sharp - blurred), of about unit variance, so that an untrained
    model returns the blurred image; "image" diffuses the sharp image in [-1, 1], as SR3 and Palette. With a trained `regressor`
    the residual is that of its prediction, which the network sees too: predict and refine (DvSR, Whang et al. 2022).
    `prediction`: the network predicts v = alpha noise - sigma x (Salimans & Ho 2022), the noise (eps) or the clean x (x0).
    Sampling takes `sampling_steps` network evaluations; the mean of several `samples` trades texture for PSNR.
    """

    restoring_parameters: ClassVar[tuple[str, ...]] = (
        "sampler", "sampling_steps", "samples", "self_ensemble", "pooling_window",
    )  # fmt: skip

    def __init__(
        self,
        *,
        network: NetworkSpec,
        regressor: ModelSpec | None = None,
        target: Literal["residual", "image"] = "residual",
        residual_scale: PositiveFloat = 10.0,
        prediction: Literal["v", "eps", "x0"] = "v",
        schedule: Literal["cosine", "linear"] = "cosine",
        timesteps: PositiveInt = 1000,
        sampler: Literal["ddim", "ddpm", "dpm-solver"] = "ddim",
        sampling_steps: PositiveInt = 4,
        samples: PositiveInt = 1,
        self_ensemble: bool = False,
        pooling_window: PositiveInt | None = None,
    ) -> None:
        super().__init__(self_ensemble=self_ensemble, pooling_window=pooling_window)
        if sampling_steps > timesteps:
            raise ValueError(f"sampling_steps ({sampling_steps}) may not exceed timesteps ({timesteps})")
        if regressor is not None and target == "image":
            raise ValueError("target 'image' has no use for a regressor: leave one of them out")
        self.network = build_timed_network(network, in_channels=6 if regressor is None else 9)
        self.regressor: Restorer | None = None
        if regressor is not None:
            self.regressor = MODELS.build(regressor, "regressor").requires_grad_(False)
            assert self.regressor is not None
            self.restoring_modules = ("network", *(f"regressor.{name}" for name in self.regressor.restoring_modules))
        self.target, self.prediction, self.timesteps = target, prediction, timesteps
        self.schedule = SCHEDULES[schedule]
        self.scale = residual_scale if target == "residual" else 2.0
        self.bound = residual_scale if target == "residual" else 1.0  # of the absolute value of the clean x
        self.sampler, self.sampling_steps, self.samples = sampler, sampling_steps, samples
        self._require_pooling()

    def parameter_groups(self) -> dict[str, nn.Module]:
        return {"network": self.network}

    def losses(self, batch: Batch, step: int) -> Iterator[LossStep]:
        base, condition = self._base_and_condition(batch.blurred, RestorationContext(torch.Generator().manual_seed(step)))
        clean = self.scale * (batch.sharp - base)
        t = torch.randint(1, self.timesteps + 1, (clean.shape[0],), device=clean.device) / self.timesteps
        alpha, sigma = (level[:, None, None, None] for level in self.schedule(t))  # (B,) -> (B, 1, 1, 1)
        noise = torch.randn_like(clean)
        z = alpha * clean + sigma * noise
        target = {"v": alpha * noise - sigma * clean, "eps": noise, "x0": clean}[self.prediction]
        scales = call_at_time_at_scales(self.network, torch.cat([z, condition], dim=1), t)  # of (B, 6 or 9, H, W)
        errors = [F.mse_loss(output.float(), at_scale(target, scale)) for scale, output in enumerate(scales)]
        yield LossStep("network", {self.prediction: torch.stack(errors).mean()})

    def clean(self, z: Tensor, condition: Tensor, t: Tensor, context: RestorationContext | None = None) -> Tensor:
        """Predict the clean x (B, 3, H, W) from `z` at times `t` (B,), given `condition` (B, 3 or 6, H, W)."""
        alpha, sigma = (level[:, None, None, None] for level in self.schedule(t))
        output = call_at_time(self.network, torch.cat([z, condition], dim=1), t, context)
        if self.prediction == "v":
            output = alpha * z - sigma * output
        elif self.prediction == "eps":
            # Near t = 1 the noise carries no information on x, and dividing by alpha amplifies its error: x is 0, its mean.
            output = torch.where(alpha > MIN_ALPHA, (z - sigma * output) / alpha.clamp(min=MIN_ALPHA), 0.0)
        return output.clamp(-self.bound, self.bound)

    def _base_and_condition(self, blurred: Tensor, context: RestorationContext) -> tuple[Tensor, Tensor]:
        """The base (B, 3, H, W), to which x is the residual, and the condition (B, 3 or 6, H, W), concatenated to z."""
        if self.target == "image":
            return torch.full_like(blurred, 0.5), blurred
        if self.regressor is None:
            return blurred, blurred
        predicted = self.regressor.restore_in_context(blurred, context)
        return predicted, torch.cat([blurred, predicted], dim=1)  # (B, 6, H, W)

    def _restore(self, blurred: Tensor, context: RestorationContext) -> Tensor:
        base, condition = self._base_and_condition(blurred, context)

        def denoise(z: Tensor, t: Tensor) -> Tensor:
            return self.clean(z, condition, t, context)

        times = spaced_times(self.sampling_steps, self.timesteps)
        total = torch.zeros_like(blurred)
        for _ in range(self.samples):
            noise = torch.randn(blurred.shape, generator=context.generator).to(blurred)  # for the whole image, tiled or not
            if self.sampler == "ddpm":
                total += ddpm(denoise, noise, times, self.schedule, context.generator)
            else:
                total += (ddim if self.sampler == "ddim" else dpm_solver)(denoise, noise, times, self.schedule)
        return base + total / (self.samples * self.scale)

    @property
    def _evaluations_per_pass(self) -> int:
        return self.samples * self.sampling_steps + (self.regressor.evaluations if self.regressor is not None else 0)

    def weight_files(self) -> tuple[Path, ...]:
        return self.regressor.weight_files() if self.regressor is not None else ()

    @property
    def is_oracle(self) -> bool:
        return self.regressor is not None and self.regressor.is_oracle

    @property
    def inference(self) -> str:
        steps = f"{self.sampler} {self.sampling_steps} step{'s' if self.sampling_steps > 1 else ''}"
        mean = f"mean of {self.samples} samples" if self.samples > 1 else "1 sample"
        return "; ".join(filter(None, (steps, mean, super().inference)))
