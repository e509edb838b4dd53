"""Samplers and schedules are pure functions with exact values."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from deblurbench.models.samplers import (
    NoiseSchedule,
    cosine_schedule,
    ddim,
    ddpm,
    dpm_solver,
    linear_schedule,
    sample_indi,
    spaced_times,
)

SCHEDULES = pytest.mark.parametrize("schedule", [cosine_schedule, linear_schedule])
Sampler = Callable[[Callable[[Tensor, Tensor], Tensor], Tensor, list[float], NoiseSchedule], Tensor]


def ancestral(
    denoise: Callable[[Tensor, Tensor], Tensor], noise: Tensor, times: list[float], schedule: NoiseSchedule
) -> Tensor:
    return ddpm(denoise, noise, times, schedule, torch.Generator().manual_seed(0))


SAMPLERS = pytest.mark.parametrize("sampler", [ddim, ancestral, dpm_solver])


def gaussian_denoiser(spread: float, schedule: NoiseSchedule) -> Callable[[Tensor, Tensor], Tensor]:
    """The perfect denoiser of data that is N(0, spread^2): the mean of x given z."""

    def denoise(z: Tensor, t: Tensor) -> Tensor:
        alpha, sigma = (level[:, None, None, None].to(z) for level in schedule(t))
        return alpha * spread**2 / (alpha**2 * spread**2 + sigma**2) * z

    return denoise


@SCHEDULES
def test_a_schedule_goes_from_all_signal_to_all_but_all_noise(schedule: NoiseSchedule) -> None:
    alpha, sigma = schedule(torch.linspace(0, 1, 1001))
    assert torch.allclose(alpha.square() + sigma.square(), torch.ones(1001), atol=1e-6)
    assert alpha[0] == 1
    assert sigma[0] == 0
    assert alpha[-1] < 0.01
    assert (alpha.diff() < 0).all()


def test_the_cosine_schedule_is_a_quarter_turn() -> None:
    assert torch.allclose(torch.stack(cosine_schedule(torch.tensor(0.5))), torch.tensor([0.5, 0.5]).sqrt())


def test_the_linear_schedule_is_that_of_ddpm() -> None:
    """The product of 1 - beta over Ho et al.'s thousand steps, at their end and half way."""
    products = (1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)).cumprod(0).sqrt()
    for step in (250, 500, 1000):
        alpha, _ = linear_schedule(torch.tensor(step / 1000, dtype=torch.float64))
        assert float(alpha) == pytest.approx(float(products[step - 1]), rel=0.06)


def test_sampling_visits_only_times_that_were_trained() -> None:
    assert spaced_times(4, 1000) == [1, 0.75, 0.5, 0.25, 0]
    assert spaced_times(3, 10) == [1, 0.7, 0.3, 0]
    assert spaced_times(1000, 1000)[1] == 0.999


@SAMPLERS
@SCHEDULES
@pytest.mark.parametrize("steps", [1, 2, 3, 10, 1000])
def test_an_oracle_denoiser_gives_the_clean_image(sampler: Sampler, schedule: NoiseSchedule, steps: int) -> None:
    clean = torch.rand(2, 3, 8, 8)
    restored = sampler(lambda z, t: clean, torch.randn(2, 3, 8, 8), spaced_times(steps, 1000), schedule)
    assert torch.allclose(restored, clean, atol=1e-5)


def test_one_ddim_step_has_its_published_value() -> None:
    """z = 2 at t = 2/3 with a predicted x of 1: alpha 1/2, sigma sqrt(3)/2; noise (2 - 1/2) / sigma; then t = 1/3."""
    times = [2 / 3, 1 / 3]
    moved = ddim(lambda z, t: torch.ones_like(z), torch.full((1, 1, 1, 1), 2.0), times, cosine_schedule)
    expected = math.sqrt(3) / 2 * 1 + 0.5 * (2 - 0.5) / (math.sqrt(3) / 2)
    assert float(moved) == pytest.approx(expected, rel=1e-5)


def test_the_second_step_of_the_solver_extrapolates() -> None:
    """By hand: lambda = log(alpha / sigma); D = (1 + 1 / 2r) x1 - 1 / (2r) x0 with r the ratio of the two steps."""
    times, predictions = [0.8, 0.6, 0.4], iter([1.0, 3.0])
    moved = dpm_solver(
        lambda z, t: torch.full_like(z, next(predictions)),
        torch.full((1, 1, 1, 1), 2.0, dtype=torch.float64),
        times,
        cosine_schedule,
    )
    angles = [time * math.pi / 2 for time in times]
    alpha, sigma = [math.cos(angle) for angle in angles], [math.sin(angle) for angle in angles]
    ratios = [math.log(a / s) for a, s in zip(alpha, sigma, strict=True)]
    first = sigma[1] / sigma[0] * 2 - alpha[1] * math.expm1(-(ratios[1] - ratios[0])) * 1
    step = ratios[2] - ratios[1]
    r = (ratios[1] - ratios[0]) / step
    extrapolated = (1 + 1 / (2 * r)) * 3 - 1 / (2 * r) * 1
    assert float(moved) == pytest.approx(sigma[2] / sigma[1] * first - alpha[2] * math.expm1(-step) * extrapolated, rel=1e-9)


def test_the_solver_is_of_second_order() -> None:
    """Along the exact flow of Gaussian data, twice the steps halve DDIM's error and quarter the solver's."""
    spread, noise = 0.5, torch.randn(1, 1, 16, 16, dtype=torch.float64)
    denoise = gaussian_denoiser(spread, cosine_schedule)

    def on_the_flow(t: float) -> Tensor:
        alpha, sigma = cosine_schedule(torch.tensor(t, dtype=torch.float64))
        return (alpha**2 * spread**2 + sigma**2).sqrt() * noise

    def error(sampler: Sampler, steps: int) -> float:
        times = torch.linspace(0.9, 0.1, steps + 1, dtype=torch.float64).tolist()
        return float((sampler(denoise, on_the_flow(0.9), times, cosine_schedule) - on_the_flow(0.1)).abs().mean())

    assert error(ddim, 80) / error(ddim, 160) == pytest.approx(2, rel=0.1)
    assert error(dpm_solver, 80) / error(dpm_solver, 160) == pytest.approx(4, rel=0.1)


@SAMPLERS
def test_samples_have_the_spread_of_the_data(sampler: Sampler) -> None:
    samples = sampler(
        gaussian_denoiser(0.3, cosine_schedule), torch.randn(64, 3, 16, 16), spaced_times(200, 1000), cosine_schedule
    )
    assert float(samples.std()) == pytest.approx(0.3, rel=0.03)
    assert float(samples.mean()) == pytest.approx(0, abs=0.01)


def test_ancestral_sampling_is_random_given_the_noise_and_the_others_are_not() -> None:
    noise, times = torch.randn(1, 3, 8, 8), spaced_times(10, 1000)
    denoise = gaussian_denoiser(0.3, cosine_schedule)
    first, second = (ddpm(denoise, noise, times, cosine_schedule, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert (first - second).abs().mean() > 0.05
    assert torch.equal(*(ddim(denoise, noise, times, cosine_schedule) for _ in range(2)))


def test_indi_has_its_published_values() -> None:
    """InDI: x_{t-d} = (d / t) F(x_t, t) + (1 - d / t) x_t, here with F = x + t."""
    blurred, seen = torch.full((1, 1, 1, 1), 0.8), []

    def predict(x: Tensor, t: Tensor) -> Tensor:
        seen.append(float(t))
        return x + t[:, None, None, None]

    sampled = float(sample_indi(predict, blurred, 4))
    x = 0.8
    for t in (1.0, 0.75, 0.5, 0.25):
        x = 0.25 / t * (x + t) + (1 - 0.25 / t) * x
    assert seen == [1.0, 0.75, 0.5, 0.25]
    assert sampled == pytest.approx(x)


@pytest.mark.parametrize("steps", range(1, 11))
def test_indi_with_an_oracle_ends_at_the_sharp_image(steps: int) -> None:
    sharp, blurred = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    seen: list[Tensor] = []

    def oracle(x: Tensor, t: Tensor) -> Tensor:
        seen.append((x, t))
        return sharp

    assert torch.allclose(sample_indi(oracle, blurred, steps), sharp, atol=1e-6)
    for x, t in seen:  # and never leaves the straight line between the two
        assert torch.allclose(x, torch.lerp(sharp, blurred, t[0]), atol=1e-5)
