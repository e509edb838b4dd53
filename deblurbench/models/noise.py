"""Noise schedules and samplers of diffusion: pure functions of tensors.

Everywhere t in [0, 1] is the time of the forward process, z_t = alpha(t) x + sigma(t) noise with alpha^2 + sigma^2 = 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, Tensor], Tensor]  # (z (B, C, H, W), t (B,)) -> the predicted clean x, like z


def cosine_schedule(t: Tensor) -> tuple[Tensor, Tensor]:
    """alpha and sigma at t (Nichol & Dhariwal 2021, without their offset): all signal at 0, all noise at 1."""
    angle = t * (math.pi / 2)
    return torch.cos(angle), torch.sin(angle)


def spaced_times(steps: int, timesteps: int) -> list[float]:
    """The `steps` + 1 times from 1 down to 0 that a sampler visits, each one of the `timesteps` it was trained at."""
    return [round(timesteps * (1 - step / steps)) / timesteps for step in range(steps + 1)]


def ddim(denoise: Denoiser, noise: Tensor, times: Sequence[float], eta: float, generator: torch.Generator) -> Tensor:
    """DDIM (Song et al. 2021): walk from `noise` at times[0] to the clean x at times[-1].

    `eta` 0 is deterministic given `noise`; 1 adds as much fresh noise, from the CPU `generator`, as DDPM does.
    """
    z = noise
    for now, then in itertools.pairwise(times):
        t = torch.full((z.shape[0],), now, device=z.device)
        clean = denoise(z, t)
        alpha, sigma = (float(value) for value in cosine_schedule(torch.tensor(now, dtype=torch.float64)))
        next_alpha, next_sigma = (float(value) for value in cosine_schedule(torch.tensor(then, dtype=torch.float64)))
        predicted_noise = (z - alpha * clean) / sigma
        fresh = eta * next_sigma / sigma * math.sqrt(max(1 - (alpha / next_alpha) ** 2, 0))
        z = next_alpha * clean + math.sqrt(max(next_sigma**2 - fresh**2, 0)) * predicted_noise
        if fresh > 0:
            z = z + fresh * torch.randn(z.shape, generator=generator).to(z)
    return z


def time_features(t: Tensor, channels: int) -> Tensor:
    """(B,) in [0, 1] -> (B, channels): sines and cosines of frequencies from 1 to 1000 (Vaswani et al. 2017)."""
    frequencies = torch.exp(torch.linspace(0, math.log(1000), channels // 2, device=t.device))
    angles = t[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)
