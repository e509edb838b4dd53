"""Diffusion: a denoiser, conditioned on the blurred image, that samples what the blurred image lacks."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Annotated, ClassVar

import torch
from annotated_types import Interval
from torch import Tensor, nn
from torch.nn import functional as F

from deblurbench.data.batch import Batch
from deblurbench.models.base import Model, Turn
from deblurbench.models.noise import cosine_schedule, ddim, spaced_times, time_features
from deblurbench.models.windows import call_network
from deblurbench.registry import MODELS, NETWORKS, NetworkSpec, PositiveFloat, PositiveInt

CONDITION_CHANNELS = 64


@MODELS.register("diffusion")
class Diffusion(Model):
    """Conditional diffusion (SR3, Saharia et al. 2021) of the residual (after DvSR, Whang et al. 2022).

    What is diffused is x = `residual_scale` * (sharp - blurred): about unit variance, and a young model that predicts
    nothing leaves the blurred image. The network sees the noisy x, the blurred image and the noise level, and predicts
    v = alpha noise - sigma x (Salimans & Ho 2022). DDIM restores in `sampling_steps` network evaluations a sample; the
    mean of several `samples` trades texture for PSNR.
    """

    restoring_parameters: ClassVar[tuple[str, ...]] = ("sampling_steps", "samples", "eta")

    def __init__(
        self,
        *,
        network: NetworkSpec,
        timesteps: PositiveInt = 1000,
        residual_scale: PositiveFloat = 10.0,
        sampling_steps: PositiveInt = 4,
        samples: PositiveInt = 1,
        eta: Annotated[float, Interval(ge=0, le=1)] = 0.0,
    ) -> None:
        super().__init__()
        if sampling_steps > timesteps:
            raise ValueError(f"sampling_steps ({sampling_steps}) may not exceed timesteps ({timesteps})")
        network_class = NETWORKS.get(NETWORKS.resolve(network)["name"])
        self._takes_condition = "condition_channels" in inspect.signature(network_class).parameters
        if self._takes_condition:
            self.network = NETWORKS.build(network, in_channels=6, out_channels=3, condition_channels=CONDITION_CHANNELS)
        else:
            self.network = NETWORKS.build(network, in_channels=7, out_channels=3)
            if any(isinstance(module, nn.InstanceNorm2d) for module in self.network.modules()):
                raise ValueError(
                    f"network '{NETWORKS.name_of(self.network)}' cannot be a denoiser: it takes no condition, and its "
                    "instance normalisation removes a constant noise-level channel; choose another network"
                )
        self.timesteps, self.residual_scale = timesteps, residual_scale
        self.sampling_steps, self.samples, self.eta = sampling_steps, samples, eta

    def losses(self, batch: Batch, step: int) -> Iterator[Turn]:
        clean = self.residual_scale * (batch.sharp - batch.blurred)
        t = torch.randint(1, self.timesteps + 1, (clean.shape[0],), device=clean.device) / self.timesteps
        alpha, sigma = (level[:, None, None, None] for level in cosine_schedule(t))
        noise = torch.randn_like(clean)
        velocity = self.velocity(alpha * clean + sigma * noise, batch.blurred, t)
        yield "network", {"velocity": F.mse_loss(velocity.float(), alpha * noise - sigma * clean)}

    def velocity(self, z: Tensor, blurred: Tensor, t: Tensor, tile: int | None = None) -> Tensor:
        """The network's v (B, 3, H, W) for noisy residuals `z` (B, 3, H, W) at times `t` (B,) in [0, 1]."""
        if self._takes_condition:
            return call_network(self.network, torch.cat([z, blurred], dim=1), time_features(t, CONDITION_CHANNELS), tile)
        level = t[:, None, None, None].expand(-1, 1, *z.shape[-2:])
        return call_network(self.network, torch.cat([z, blurred, level], dim=1), tile=tile)

    def _restore(self, blurred: Tensor, generator: torch.Generator, tile: int | None) -> Tensor:
        def denoise(z: Tensor, t: Tensor) -> Tensor:
            alpha, sigma = (level[:, None, None, None] for level in cosine_schedule(t))
            return alpha * z - sigma * self.velocity(z, blurred, t, tile)

        times = spaced_times(self.sampling_steps, self.timesteps)
        total = torch.zeros_like(blurred)
        for _ in range(self.samples):
            noise = torch.randn(blurred.shape, generator=generator).to(blurred)  # for the whole image, tiled or not
            total += ddim(denoise, noise, times, self.eta, generator)
        return blurred + total / (self.samples * self.residual_scale)
