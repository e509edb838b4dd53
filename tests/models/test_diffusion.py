"""Diffusion: its samples, its training target, its conditions."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

import deblurbench.models.diffusion as module
from deblurbench.batch import Batch
from deblurbench.errors import UsageError
from deblurbench.models.cnn import CNN
from deblurbench.models.diffusion import SCHEDULES, Diffusion
from deblurbench.models.restoration import RestoreOptions
from deblurbench.models.samplers import cosine_schedule
from deblurbench.models.time import time_embedding
from deblurbench.networks.pooling import GlobalAverage
from deblurbench.randomness import seed_torch
from deblurbench.registry import NETWORKS
from tests.conftest import TINY_UNET

REGRESSOR = {"name": "cnn", "network": TINY_UNET}
KINDS = [
    {"prediction": prediction, "schedule": schedule}
    for prediction, schedule in itertools.product(("v", "eps", "x0"), SCHEDULES)
] + [{"target": "image"}, {"regressor": REGRESSOR}]
KIND = pytest.mark.parametrize(
    "kind", KINDS, ids=lambda kind: "-".join(map(str, kind if "regressor" in kind else kind.values()))
)


def build(**arguments: object) -> Diffusion:
    seed_torch(0)
    model = Diffusion(network=TINY_UNET, **arguments)  # type: ignore[arg-type]
    for network in model.networks():
        nn.init.normal_(network.output.weight, std=0.05)  # type: ignore[union-attr,arg-type]
    return model


def test_samples_change_with_the_noise_seed_and_with_nothing_else(batch: Batch) -> None:
    for sampler in ("ddim", "ddpm", "dpm-solver"):
        model = build(sampler=sampler)
        first, again, other = (model.restore(batch.blurred, RestoreOptions(seed=seed)) for seed in (1, 1, 2))
        assert torch.equal(first, again)
        assert (first - other).abs().mean() > 1e-3


def test_the_mean_of_many_samples_varies_less(batch: Batch) -> None:
    model = build()
    spread = {}
    for samples in (1, 16):
        model.samples = samples
        spread[samples] = (
            torch.stack([model.restore(batch.blurred, RestoreOptions(seed=seed)) for seed in range(8)]).std(dim=0).mean()
        )
    assert spread[16] < 0.4 * spread[1]  # a quarter, in the mean


def test_the_blurred_image_conditions_the_network(batch: Batch) -> None:
    model = build()
    noise, t = torch.randn_like(batch.blurred), torch.full((2,), 0.5)
    assert (model.clean(noise, batch.blurred, t) - model.clean(noise, batch.blurred.flip(0), t)).abs().max() > 1e-3


def test_training_draws_fresh_noise_and_levels(batch: Batch) -> None:
    model = build()
    values = []
    for seed in (1, 1, 2):
        seed_torch(seed)
        values.append(float(next(model.losses(batch, 0)).losses["v"].detach()))
    assert values[0] == values[1] != values[2]


@KIND
@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "dpm-solver"])
def test_an_oracle_denoiser_returns_the_sharp_image(
    kind: dict[str, object], sampler: str, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network without any training error restores perfectly: target and sampler are consistent."""
    model = build(sampling_steps=3, sampler=sampler, **kind)
    base = {"image": torch.full_like(batch.sharp, 0.5), "residual": batch.blurred}[str(kind.get("target", "residual"))]
    base = model.regressor.restore(batch.blurred) if model.regressor is not None else base
    clean = model.scale * (batch.sharp - base)

    def oracle(network: nn.Module, images: Tensor, t: Tensor, context: object = None) -> Tensor:
        z = images[:, :3]
        alpha, sigma = (level[:, None, None, None] for level in model.schedule(t))
        noise = (z - alpha * clean) / sigma
        return {"v": alpha * noise - sigma * clean, "eps": noise, "x0": clean}[model.prediction]

    monkeypatch.setattr(module, "call_at_time", oracle)
    # From pure noise no eps tells what the image is: the first step of such a model is a guess.
    atol = 2e-2 if kind.get("prediction") == "eps" else 1e-4
    assert torch.allclose(model.restore(batch.blurred), batch.sharp, atol=atol)


@KIND
def test_the_training_target_is_what_the_sampler_makes_of_it(
    kind: dict[str, object], batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given z and t, the prediction of zero loss must convert z to the clean x."""
    model = build(**kind)
    seen: dict[str, Tensor] = {}

    def remember(network: nn.Module, images: Tensor, t: Tensor) -> list[Tensor]:
        seen.update(z=images[:, :3], condition=images[:, 3:], t=t)
        return [torch.zeros_like(images[:, :3])]

    monkeypatch.setattr(module, "call_at_time_at_scales", remember)
    (loss,) = next(model.losses(batch, 0)).losses.values()
    base, condition = model._base_and_condition(batch.blurred, module.RestorationContext(torch.Generator()))
    clean = model.scale * (batch.sharp - base)
    alpha, sigma = (level[:, None, None, None] for level in model.schedule(seen["t"]))
    noise = (seen["z"] - alpha * clean) / sigma
    answer = {"v": alpha * noise - sigma * clean, "eps": noise, "x0": clean}[model.prediction]
    assert torch.equal(seen["condition"], condition)
    assert float(loss) == pytest.approx(float(answer.square().mean()), rel=1e-3)
    monkeypatch.setattr(module, "call_at_time", lambda *_: answer)
    assert torch.allclose(model.clean(seen["z"], condition, seen["t"]), clean, atol=1e-3)


def test_a_model_that_predicts_no_residual_leaves_the_blurred_image(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build()
    monkeypatch.setattr(model, "clean", lambda z, condition, t, context: torch.zeros_like(z))
    assert torch.allclose(model.restore(batch.blurred), batch.blurred, atol=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_slightly_wrong_noise_does_not_explode_where_nothing_is_left_of_the_image(
    schedule: str, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At t = 1 division by alpha would amplify an error of 0.05 to 10: there x is its mean."""
    for steps in (1, 4, 50):
        model = build(prediction="eps", schedule=schedule, sampling_steps=steps)
        clean = model.scale * (batch.sharp - batch.blurred)

        def nearly(
            network: nn.Module, images: Tensor, t: Tensor, context: object, model: Diffusion = model, clean: Tensor = clean
        ) -> Tensor:
            alpha, sigma = (level[:, None, None, None] for level in model.schedule(t))
            return (images[:, :3] - alpha * clean) / sigma + 0.05 * torch.randn_like(clean)

        monkeypatch.setattr(module, "call_at_time", nearly)
        error = model.scale * (model.restore(batch.blurred) - batch.sharp)
        assert error.square().mean().sqrt() < max(1.5 * clean.square().mean().sqrt(), 0.5)


def test_an_oracle_for_a_regressor_makes_an_oracle() -> None:
    assert build(regressor={"name": "classical", "method": "wiener"}).is_oracle
    assert not build(regressor=REGRESSOR).is_oracle


def test_switches_leave_the_regressor_as_it_was_trained_on(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    nafnet = {"name": "nafnet", "width": 4, "encoder_blocks": [1], "decoder_blocks": [1]}
    model = Diffusion(network=nafnet, regressor={"name": "cnn", "network": nafnet}, pooling_window=8)
    windows: dict[str, set[int | None]] = {"network": set(), "regressor": set()}
    for part in windows:
        for layer in model.get_submodule(part).modules():
            if isinstance(layer, GlobalAverage):
                layer.register_forward_pre_hook(lambda layer, _, part=part: windows[part].add(layer.window))
    model.restore(batch.blurred)
    assert windows == {"network": {8}, "regressor": {None}}


def test_with_a_regressor_it_refines_what_that_predicts(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a residual of zero it returns the output of the regressor, which is frozen."""
    model = build(regressor=REGRESSOR)
    assert isinstance(model.regressor, CNN)
    predicted = model.regressor.restore(batch.blurred)
    assert (predicted - batch.blurred).abs().max() > 0.01
    monkeypatch.setattr(model, "clean", lambda z, condition, t, context: torch.zeros_like(z))
    assert torch.allclose(model.restore(batch.blurred), predicted, atol=1e-6)
    assert set(model.parameter_groups()) == {"network"}
    assert not any(value.requires_grad for value in model.regressor.parameters())
    sum(next(model.losses(batch, 0)).losses.values()).backward()  # type: ignore[union-attr]
    assert {name.split(".")[0] for name in model.restoring_state()} == {"network", "regressor"}


def test_no_restored_value_lies_beyond_what_is_possible(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build()
    monkeypatch.setattr(module, "call_at_time", lambda *_: torch.full_like(batch.blurred, 1e6))
    assert model.clean(torch.zeros_like(batch.blurred), batch.blurred, torch.full((2,), 0.5)).abs().max() == 10


def test_a_regressor_of_a_whole_image_is_refused() -> None:
    with pytest.raises(ValueError, match="no use for a regressor"):
        Diffusion(network=TINY_UNET, regressor=REGRESSOR, target="image")


def test_the_table_says_how_it_samples() -> None:
    assert build(samples=8).inference == "ddim 4 steps; mean of 8 samples"
    assert build(sampling_steps=1, self_ensemble=True).inference == "ddim 1 step; 1 sample; x8 self-ensemble"


def test_times_have_distinct_features() -> None:
    features = time_embedding(torch.linspace(0, 1, 1001), 64)
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
    model = Diffusion(network="unconditioned", prediction="x0")
    noise = torch.randn_like(batch.blurred)
    early, late = (model.clean(noise, batch.blurred, torch.full((2,), t)) for t in (0.1, 0.9))
    assert early.shape == noise.shape
    assert (early - late).abs().max() > 1e-4


def test_a_network_that_would_lose_that_channel_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS._classes, "unconditioned", UnconditionedNetwork)
    with pytest.raises(ValueError, match=r"network 'unconditioned' cannot be conditioned on time.*instance normalisation"):
        Diffusion(network={"name": "unconditioned", "normalize": True})


def test_more_steps_than_times_are_refused() -> None:
    with pytest.raises(ValueError, match="may not exceed"):
        Diffusion(network=TINY_UNET, timesteps=5, sampling_steps=6)
    with pytest.raises(UsageError, match="unknown network"):
        Diffusion(network="nothing")


def test_the_noise_at_the_end_hides_the_image() -> None:
    assert float(cosine_schedule(torch.tensor(1.0))[0]) < 1e-6
