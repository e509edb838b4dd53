"""Noise schedules and samplers of diffusion: pure functions of tensors.

Everywhere t in [0, 1] is the time of the forward process, z_t = alpha(t) x + sigma(t) noise with alpha^2 + sigma^2 = 1.
A sampler integrates from noise at times[0] to the clean x at times[-1] = 0, with one denoiser evaluation a step.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, Tensor], Tensor]  # (z (B, C, H, W), t (B,)) -> the predicted clean x (B, C, H, W)
NoiseSchedule = Callable[[Tensor], tuple[Tensor, Tensor]]  # t -> alpha, sigma
FIRST_BETA, LAST_BETA = 0.1, 20.0  # of the linear schedule, a thousand times those of its 1000 discrete steps


def cosine_schedule(t: Tensor) -> tuple[Tensor, Tensor]:
    """alpha and sigma at t (Nichol & Dhariwal 2021, without their offset): all signal at 0, all noise at 1."""
    angle = t * (math.pi / 2)
    return torch.cos(angle), torch.sin(angle)


def linear_schedule(t: Tensor) -> tuple[Tensor, Tensor]:
    """alpha and sigma at t where the rate of noise grows linearly (Ho et al. 2020, in the limit of many steps)."""
    log_signal = -0.5 * (FIRST_BETA * t + 0.5 * (LAST_BETA - FIRST_BETA) * t**2)
    return torch.exp(log_signal), torch.sqrt(-torch.expm1(2 * log_signal))


def spaced_times(steps: int, timesteps: int) -> list[float]:
    """Return the `steps` + 1 times from 1 down to 0 of a sampler, rounded to the `timesteps` of training."""
    return [round(timesteps * (1 - step / steps)) / timesteps for step in range(steps + 1)]


def ddim(denoise: Denoiser, noise: Tensor, times: Sequence[float], schedule: NoiseSchedule) -> Tensor:
    """Sample by DDIM (Song et al. 2021): deterministic given the noise."""
    z = noise
    for now, then in itertools.pairwise(times):
        z = _ddim_step(z, _predict_clean(denoise, z, now), _noise_levels(schedule, now), _noise_levels(schedule, then))
    return z


def ddpm(
    denoise: Denoiser, noise: Tensor, times: Sequence[float], schedule: NoiseSchedule, generator: torch.Generator
) -> Tensor:
    """Sample by DDPM (Ho et al. 2020, ancestral, with the posterior variance): `generator` draws fresh noise at each step."""
    z = noise
    for now, then in itertools.pairwise(times):
        (alpha, sigma), (next_alpha, next_sigma) = _noise_levels(schedule, now), _noise_levels(schedule, then)
        fresh = next_sigma / sigma * math.sqrt(max(1 - (alpha / next_alpha) ** 2, 0))
        kept = math.sqrt(max(next_sigma**2 - fresh**2, 0))
        z = _ddim_step(z, _predict_clean(denoise, z, now), (alpha, sigma), (next_alpha, kept))
        if fresh > 0:
            z = z + fresh * torch.randn(z.shape, generator=generator).to(z)
    return z


def dpm_solver(denoise: Denoiser, noise: Tensor, times: Sequence[float], schedule: NoiseSchedule) -> Tensor:
    """Sample by DPM-Solver++(2M) (Lu et al. 2022): second order, by extrapolation of the predictions of two steps."""
    z, before, step_before = noise, None, 0.0
    for now, then in itertools.pairwise(times):
        step = _log_ratio(_noise_levels(schedule, then)) - _log_ratio(_noise_levels(schedule, now))
        clean = _predict_clean(denoise, z, now)
        # At pure noise and at none the log ratio is infinite: these steps are of first order, as in their code.
        weight = step / (2 * step_before) if before is not None and math.isfinite(step) else 0.0
        extrapolated = clean if before is None else clean + weight * (clean - before)
        z = _ddim_step(z, extrapolated, _noise_levels(schedule, now), _noise_levels(schedule, then))
        before, step_before = clean, step
    return z


def sample_indi(predict: Denoiser, blurred: Tensor, steps: int) -> Tensor:
    """Sample by InDI (Delbracio & Milanfar 2023, equation 10): from `blurred` at t = 1 to the sharp image at t = 0.

    `predict` maps x_t = (1 - t) sharp + t blurred to the sharp image; a step of length d interpolates to it by d / t.
    """
    x = blurred
    for remaining in range(steps, 0, -1):
        t = torch.full((x.shape[0],), remaining / steps, device=x.device)
        x = x + (predict(x, t) - x) / remaining
    return x


def _predict_clean(denoise: Denoiser, z: Tensor, now: float) -> Tensor:
    return denoise(z, torch.full((z.shape[0],), now, device=z.device))


def _ddim_step(z: Tensor, clean: Tensor, now: tuple[float, float], then: tuple[float, float]) -> Tensor:
    """One DDIM step of `z` between two noise levels (alpha, sigma), given its predicted `clean` x."""
    (alpha, sigma), (next_alpha, next_sigma) = now, then
    return next_alpha * clean + next_sigma * ((z - alpha * clean) / sigma)


def _noise_levels(schedule: NoiseSchedule, t: float) -> tuple[float, float]:
    alpha, sigma = schedule(torch.tensor(t, dtype=torch.float64))
    return float(alpha), float(sigma)


def _log_ratio(levels: tuple[float, float]) -> float:
    """The log ratio of signal to noise, log(alpha / sigma)."""
    alpha, sigma = levels
    return math.inf if sigma == 0 else -math.inf if alpha < 1e-12 else math.log(alpha / sigma)
