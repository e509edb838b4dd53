"""Cascades, ensembles and the self-ensemble."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from deblurbench import load
from deblurbench.batch import Batch
from deblurbench.models.base import Model, Restorer
from deblurbench.models.cascade import Cascade
from deblurbench.models.cnn import CNN
from deblurbench.models.ensemble import Ensemble
from deblurbench.models.loading import save_model
from deblurbench.models.restoration import RestorationContext
from deblurbench.models.self_ensemble import self_ensemble_mean
from deblurbench.randomness import seed_torch
from deblurbench.registry import MODELS, Spec
from deblurbench.training.ema import ExponentialMovingAverage
from tests.conftest import TINY_UNET

REGRESSOR: Spec = {"name": "cnn", "network": TINY_UNET}
GAN: Spec = {"name": "gan", "network": TINY_UNET, "discriminator": {"name": "patch", "width": 4}}


def build(spec: Spec) -> Restorer:
    seed_torch(0)
    model: Restorer = MODELS.build(spec)
    for network in model.networks():
        nn.init.normal_(network.output.weight, std=0.05)  # type: ignore[union-attr,arg-type]
    return model


def test_each_stage_of_a_cascade_restores_the_output_of_the_previous_one(batch: Batch) -> None:
    model = build({"name": "cascade", "stages": [REGRESSOR, {"name": "classical", "method": "unsharp"}, REGRESSOR]})
    assert isinstance(model, Cascade)
    expected = batch.blurred
    for stage in model.restorers():
        expected = stage.restore(expected)
    assert torch.equal(model.restore(batch.blurred), expected)
    assert not torch.allclose(model.restorers()[0].restore(batch.blurred), expected, atol=1e-3)


def test_only_the_last_stage_is_trained_on_the_outputs_of_the_earlier_ones(batch: Batch) -> None:
    model = build({"name": "cascade", "stages": [REGRESSOR, GAN]})
    assert isinstance(model, Model)
    assert set(model.parameter_groups()) == {"generator", "discriminator"}
    model = build({"name": "cascade", "stages": [REGRESSOR, REGRESSOR]})
    assert isinstance(model, Cascade)
    first, last = model.restorers()
    steps = list(model.losses(batch, 0))
    handed = Batch(first.restore(batch.blurred), batch.sharp)
    assert isinstance(last, Model)
    for step, expected in zip(steps, last.losses(handed, 0), strict=True):
        assert step.group == expected.group
        assert all(
            float(step.losses[name].detach()) == pytest.approx(float(value.detach()), rel=1e-4)
            for name, value in expected.losses.items()
        )
    sum(steps[-1].losses.values()).backward()  # type: ignore[union-attr]
    assert all(value.grad is None for value in first.parameters())
    assert any(value.grad is not None for value in last.parameters())


def test_only_what_restores_is_saved_of_a_composite(batch: Batch, tmp_path: Path) -> None:
    """The discriminator of its GAN is neither saved, nor averaged, nor counted."""
    spec = {"name": "cascade", "stages": [REGRESSOR, GAN]}
    model = build(spec)
    assert isinstance(model, Model)
    assert {name.rsplit(".", 2)[0].split(".network")[0] for name in model.restoring_state()} == {"stages.0", "stages.1"}
    assert not any("discriminator" in name for name in model.restoring_state())
    average = ExponentialMovingAverage(model, 0.9)
    before = model.restore(batch.blurred)
    with torch.no_grad():
        for value in model.trained_parameters()["generator"]:
            value.add_(0.005)
    average.update(model, 0)
    with average.in_place_of(model):
        averaged = model.restore(batch.blurred)
    assert not torch.equal(averaged, before)
    assert not torch.equal(averaged, model.restore(batch.blurred))
    save_model(tmp_path / "m.safetensors", model, MODELS.resolve(spec))
    loaded = load(tmp_path / "m.safetensors")
    assert torch.allclose(loaded.restore(batch.blurred), model.restore(batch.blurred), atol=1e-4)


def test_an_ensemble_is_the_mean_of_its_members(batch: Batch) -> None:
    model = build({"name": "ensemble", "members": [REGRESSOR, {"name": "identity"}, {**REGRESSOR, "self_ensemble": True}]})
    assert isinstance(model, Ensemble)
    mean = torch.stack([member.restore(batch.blurred) for member in model.restorers()]).mean(dim=0)
    assert torch.allclose(model.restore(batch.blurred), mean, atol=1e-6)
    assert not isinstance(model, Model)  # there is nothing to train
    assert not any(value.requires_grad for value in model.parameters())
    assert model.inference == "x8 self-ensemble"
    assert model.method == "unet + unet"


@pytest.mark.parametrize("family", ["cascade", "ensemble"])
def test_one_model_is_no_composite(family: str) -> None:
    key = "stages" if family == "cascade" else "members"
    with pytest.raises(Exception, match="give at least two models"):
        MODELS.build({"name": family, key: [REGRESSOR]})


def test_the_self_ensemble_is_the_mean_over_eight_rotations_and_reflections(batch: Batch) -> None:
    """By hand, and with a function whose values differ for all eight."""
    seen: list[Tensor] = []

    def restore(image: Tensor) -> Tensor:
        seen.append(image)
        return image * torch.arange(image.shape[-1])

    image = torch.rand(1, 1, 4, 4)
    mean = self_ensemble_mean(restore, image)
    assert len({tuple(turned.flatten().tolist()) for turned in seen}) == 8
    ramp = torch.arange(4.0).expand(4, 4)
    transformed = [torch.rot90(side, quarters) for quarters in range(4) for side in (ramp, ramp.flip(1))]
    assert torch.allclose(mean, image * torch.stack(transformed).mean(dim=0), atol=1e-6)


def test_the_self_ensemble_of_an_equivariant_function_is_that_function(batch: Batch) -> None:
    assert torch.allclose(self_ensemble_mean(lambda image: image * 0.5, batch.blurred), 0.5 * batch.blurred, atol=1e-6)


def test_the_self_ensemble_is_an_option_of_the_same_weights(batch: Batch, tmp_path: Path) -> None:
    model = build(REGRESSOR)
    assert isinstance(model, CNN)
    save_model(tmp_path / "m.safetensors", model, MODELS.resolve(REGRESSOR))
    switched = load(tmp_path / "m.safetensors", self_ensemble=True)
    context = RestorationContext(torch.Generator())
    expected = self_ensemble_mean(lambda image: model._restore(image, context), batch.blurred).clamp(0, 1)
    assert torch.allclose(switched.restore(batch.blurred), expected, atol=1e-5)
    assert not torch.allclose(switched.restore(batch.blurred), model.restore(batch.blurred), atol=1e-4)
    assert (model.inference, switched.inference) == ("", "x8 self-ensemble")
