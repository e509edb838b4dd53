"""Ours is diffusion: it has noise, the noise level matters, and its samples differ."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from deblurbench.data.batch import Batch
from deblurbench.errors import UsageError
from deblurbench.models.diffusion import Diffusion
from deblurbench.models.noise import cosine_schedule, ddim, spaced_times, time_features
from deblurbench.randomness import seed_torch
from deblurbench.registry import NETWORKS
from tests.conftest import TINY_UNET


def build(**arguments: object) -> Diffusion:
    seed_torch(0)
    model = Diffusion(network=TINY_UNET, **arguments)  # type: ignore[arg-type]
    nn.init.normal_(model.network.output.weight, std=0.05)  # type: ignore[union-attr,arg-type]
    return model


def test_samples_change_with_the_noise_seed_and_with_nothing_else(batch: Batch) -> None:
    model = build()
    first, again, other = (model.restore(batch.blurred, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 1e-3


def test_the_mean_of_many_samples_varies_less(batch: Batch) -> None:
    model = build()
    spread = {}
    for samples in (1, 16):
        model.samples = samples
        spread[samples] = torch.stack([model.restore(batch.blurred, seed=seed) for seed in range(8)]).std(dim=0).mean()
    assert spread[16] < 0.4 * spread[1]  # a quarter, in the mean


def test_the_blurred_image_conditions_the_network(batch: Batch) -> None:
    model = build()
    noise, t = torch.randn_like(batch.blurred), torch.full((2,), 0.5)
    assert (model.velocity(noise, batch.blurred, t) - model.velocity(noise, batch.blurred.flip(0), t)).abs().max() > 1e-3


def test_training_draws_fresh_noise_and_levels(batch: Batch) -> None:
    model = build()
    values = []
    for seed in (1, 1, 2):
        seed_torch(seed)
        values.append(float(next(model.losses(batch, 0))[1]["velocity"].detach()))
    assert values[0] == values[1] != values[2]


def test_a_model_that_predicts_the_true_velocity_restores_the_sharp_image(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build(sampling_steps=3)

    def oracle(z: Tensor, blurred: Tensor, t: Tensor, tile: int | None = None) -> Tensor:
        alpha, sigma = (level[:, None, None, None] for level in cosine_schedule(t))
        clean = model.residual_scale * (batch.sharp - blurred)
        return (alpha * z - clean) / sigma

    monkeypatch.setattr(model, "velocity", oracle)
    assert torch.allclose(model.restore(batch.blurred), batch.sharp, atol=1e-4)


def test_a_model_that_predicts_no_residual_leaves_the_blurred_image(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build()

    def nothing(z: Tensor, blurred: Tensor, t: Tensor, tile: int | None = None) -> Tensor:
        alpha, sigma = (level[:, None, None, None] for level in cosine_schedule(t))
        return alpha * z / sigma

    monkeypatch.setattr(model, "velocity", nothing)
    assert torch.allclose(model.restore(batch.blurred), batch.blurred, atol=1e-6)


def test_the_training_target_is_the_velocity_of_the_scaled_residual(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given z and t, the network's perfect answer must turn z back into the residual: alpha z - sigma v = x."""
    model = build()
    seen: dict[str, Tensor] = {}

    def remember(z: Tensor, blurred: Tensor, t: Tensor, tile: int | None = None) -> Tensor:
        seen.update(z=z, t=t)
        return torch.zeros_like(z)

    monkeypatch.setattr(model, "velocity", remember)
    loss = next(model.losses(batch, 0))[1]["velocity"]
    alpha, sigma = (level[:, None, None, None] for level in cosine_schedule(seen["t"]))
    clean = model.residual_scale * (batch.sharp - batch.blurred)
    velocity = (alpha * seen["z"] - clean) / sigma
    assert float(loss) == pytest.approx(float(velocity.square().mean()), rel=1e-4)


def test_the_schedule_goes_from_all_signal_to_all_noise() -> None:
    alpha, sigma = cosine_schedule(torch.tensor([0.0, 0.5, 1.0]))
    assert torch.allclose(alpha, torch.tensor([1, 0.5**0.5, 0]), atol=1e-6)
    assert torch.allclose(alpha.square() + sigma.square(), torch.ones(3))


def test_sampling_visits_only_times_that_were_trained() -> None:
    assert spaced_times(4, 1000) == [1, 0.75, 0.5, 0.25, 0]
    assert spaced_times(3, 10) == [1, 0.7, 0.3, 0]


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_draws_from_the_posterior_of_a_gaussian(eta: float) -> None:
    """Data N(0, s^2): with the exact denoiser many steps give the data's spread back, for every eta."""
    spread = 0.5

    def exact(z: Tensor, t: Tensor) -> Tensor:
        alpha, sigma = (level[:, None, None, None] for level in cosine_schedule(t))
        return alpha * spread**2 / (alpha**2 * spread**2 + sigma**2) * z

    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 1, 200, 200, generator=generator)
    samples = ddim(exact, noise, spaced_times(500, 1000), eta, generator)
    assert float(samples.std()) == pytest.approx(spread, rel=0.03)
    assert float(samples.mean()) == pytest.approx(0, abs=0.02)


def test_times_have_distinct_features() -> None:
    features = time_features(torch.linspace(0, 1, 1001), 64)
    assert features.shape == (1001, 64)
    distances = torch.cdist(features, features) + torch.eye(1001)
    assert distances.min() > 0.01


class UnconditionedNetwork(nn.Module):
    """A network that takes no condition, with or without instance normalisation."""

    def __init__(self, *, in_channels: int = 3, out_channels: int = 3, normalize: bool = False) -> None:
        super().__init__()
        norm = nn.InstanceNorm2d(8) if normalize else nn.Identity()
        self.layers = nn.Sequential(nn.Conv2d(in_channels, 8, 3, padding=1), norm, nn.SiLU(), nn.Conv2d(8, out_channels, 1))

    def forward(self, image: Tensor) -> Tensor:
        result: Tensor = self.layers(image)
        return result


def test_a_network_without_condition_gets_the_noise_level_as_a_channel(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS._classes, "unconditioned", UnconditionedNetwork)
    model = Diffusion(network="unconditioned")
    noise = torch.randn_like(batch.blurred)
    early, late = (model.velocity(noise, batch.blurred, torch.full((2,), t)) for t in (0.1, 0.9))
    assert early.shape == noise.shape
    assert (early - late).abs().max() > 1e-4


def test_a_network_that_would_lose_that_channel_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS._classes, "unconditioned", UnconditionedNetwork)
    with pytest.raises(ValueError, match=r"network 'unconditioned' cannot be a denoiser.*instance normalisation"):
        Diffusion(network={"name": "unconditioned", "normalize": True})


def test_more_steps_than_times_are_refused() -> None:
    with pytest.raises(ValueError, match="may not exceed"):
        Diffusion(network=TINY_UNET, timesteps=5, sampling_steps=6)
    with pytest.raises(UsageError, match="no network is called"):
        Diffusion(network="nothing")
