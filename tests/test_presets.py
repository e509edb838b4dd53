"""Every building block of a model, and every preset of a network, is what its family can train and restore with."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from deblurbench.batch import Batch
from deblurbench.experiment.experiment import load_experiment
from deblurbench.experiment.model_entries import ModelEntry
from deblurbench.images.tensors import to_tensor
from deblurbench.losses import vgg
from deblurbench.models.base import Model
from deblurbench.models.gan import GAN
from deblurbench.networks import fpn
from deblurbench.registry import MODELS, NETWORKS
from deblurbench.training.budget import plan_schedule
from deblurbench.training.schedule import Schedule
from tests.conftest import PRESETS, TINY_UNET

ROOT = Path(__file__).parent.parent
HEAVY = {
    "cnn-restormer",
    "cnn-mimo-unet",
}  # at full size a step of them takes a CPU many seconds; their tiny presets are trained


@pytest.fixture(scope="module")
def random_weights() -> dict[ModuleType, dict[str, Tensor]]:
    """Of the real networks, in the place of half a gigabyte of trained ones."""
    from torchvision.models import mobilenet_v2, vgg19

    return {vgg: vgg19(weights=None).state_dict(), fpn: mobilenet_v2(weights=None).state_dict()}


@pytest.fixture(autouse=True)
def _without_downloads(monkeypatch: pytest.MonkeyPatch, random_weights: dict[ModuleType, dict[str, Tensor]]) -> None:
    for module, state in random_weights.items():
        monkeypatch.setattr(module, "fetch_weights", lambda *_, state=state: state)


def entry_of(block: str, tmp_path: Path, steps: int = 100) -> ModelEntry:
    """What an experiment of so many steps that names configs/models/BLOCK.yaml gets."""
    path = tmp_path / "e.yaml"
    path.write_text(f"datasets: [photos-gaussian]\nmodels: [{block}]\ntraining: {{steps: {steps}}}\n")
    return load_experiment(path).models[block]


def load(block: str, tmp_path: Path) -> Model:
    """The model of configs/models/BLOCK.yaml, as an experiment that names it gets it."""
    entry = entry_of(block, tmp_path)
    model: Model = MODELS.build(entry.spec)
    if block not in HEAVY:
        model.prepare_training()
    assert plan_schedule(entry.training, model).total_steps == 100
    return model


@pytest.mark.parametrize("block", sorted(path.stem for path in (ROOT / "configs" / "models").glob("*.yaml")))
def test_a_block_trains_a_step_and_restores(block: str, tmp_path: Path, photo: np.ndarray) -> None:
    model = load(block, tmp_path)
    if block in HEAVY:
        return
    sharp = to_tensor(photo[100:164, 100:164]).repeat(2, 1, 1, 1)
    for loss_step in model.losses(Batch(sharp.flip(3), sharp), 0):
        loss = torch.stack(list(loss_step.losses.values())).sum()
        parameters = model.trained_parameters()[loss_step.group]
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        assert torch.isfinite(loss)
        assert any(gradient is not None and gradient.any() for gradient in gradients)
    assert model.restore(to_tensor(photo[:101, :67])).shape == (1, 3, 101, 67)


def test_deblurgan_is_as_published(tmp_path: Path) -> None:
    """Its parts; what each computes is held to the published code in tests/networks/test_deblurgan_as_published.py."""
    model = load("gan-deblurgan", tmp_path)
    assert isinstance(model, GAN)
    assert sum(parameter.numel() for parameter in model.network.parameters()) == 11_378_179
    assert sum(parameter.numel() for parameter in model.discriminator.parameters()) == 2_764_737
    sharp = torch.rand(2, 3, 64, 64)
    steps = list(model.losses(Batch(sharp, sharp), 0))
    assert [step.group for step in steps] == ["discriminator"] * 5 + ["generator"]
    assert set(steps[0].losses) == {"adversarial", "gradient_penalty"}
    assert set(steps[-1].losses) == {"vgg", "adversarial"}
    (content,) = model.content.terms.values()
    assert (content.weight, content.normalization, model.adversarial_weight) == (100, "symmetric", 1)
    assert model.adversarial.penalty_weight == 10
    assert_training("gan-deblurgan", tmp_path, betas=[0.5, 0.999], final_learning_rate=0)


def test_deblurgan_v2_is_as_published(tmp_path: Path) -> None:
    model = load("gan-deblurgan-v2", tmp_path)
    assert isinstance(model, GAN)
    assert NETWORKS.name_of(model.network) == "deblurgan-v2"
    assert sum(parameter.numel() for parameter in model.discriminator.parameters()) == 2_764_737 + 11_154_369
    assert {name: (term.weight, term.normalization) for name, term in model.content.terms.items()} == {
        "mse": (0.5, "imagenet"),
        "vgg": (0.006, "imagenet"),
    }
    assert (model.adversarial_weight, type(model.adversarial).__name__) == (0.01, "RelativisticLeastSquares")
    assert_training("gan-deblurgan-v2", tmp_path, betas=[0.9, 0.999], final_learning_rate=1e-7)


def assert_training(block: str, tmp_path: Path, **expected: object) -> None:
    """Adam at 1e-4, with gradients as they come and the last weights, of which no average is kept."""
    training = load_experiment(tmp_path / "e.yaml").models[block].training
    expected |= {"learning_rate": 1e-4, "warmup_steps": 0, "weight_decay": 0, "clip_norm": 1e9, "ema_decay": 0}
    assert {name: getattr(training, name) for name in expected} == expected


def test_nafnet_trains_as_published(tmp_path: Path) -> None:
    """Its GoPro options for width 32; gradients are clipped to 0.01 in its code."""
    entry = entry_of("cnn-nafnet", tmp_path, steps=200_000)
    training, network = entry.training, entry.spec["network"]
    assert (network["width"], network["encoder_blocks"], network["middle_blocks"]) == (32, [1, 1, 1, 28], 1)
    assert network["decoder_blocks"] == [1, 1, 1, 1]
    assert [loss["name"] for loss in entry.spec["losses"]] == ["psnr"]
    assert (training.betas, training.weight_decay, training.clip_norm, training.ema_decay) == ([0.9, 0.9], 1e-3, 0.01, 0)
    schedule = Schedule(training, [200_000])
    for step in (0, 1, 100, 50_000, 100_000, 199_999):
        published = 1e-7 + (1e-3 - 1e-7) * (1 + math.cos(math.pi * step / 200_000)) / 2
        assert schedule.learning_rate(step, 0) == pytest.approx(published, rel=1e-3)


def test_restormer_trains_as_published(tmp_path: Path) -> None:
    """Its options for motion deblurring: six sizes of patches, and the two periods of its rate."""
    entry = entry_of("cnn-restormer", tmp_path, steps=300_000)
    training = entry.training
    assert [loss["name"] for loss in entry.spec["losses"]] == ["l1"]
    assert (training.betas, training.weight_decay, training.clip_norm, training.ema_decay) == ([0.9, 0.999], 1e-4, 0.01, 0)
    schedule = plan_schedule(training, MODELS.build({"name": "cnn", "network": TINY_UNET}))
    stages = [(stage.last_step, stage.crop_size, stage.batch_size) for stage in schedule.stages]
    lasting = itertools.accumulate((92_000, 64_000, 48_000, 36_000, 36_000, 24_000))
    assert stages == list(zip(lasting, (128, 160, 192, 256, 320, 384), (8, 5, 4, 2, 1, 1), strict=True))
    for step in (0, 1, 50_000, 92_000, 92_001, 150_000, 196_000, 299_999):
        into = max(step - 92_000, 0) / 208_000
        published = 1e-6 + (3e-4 - 1e-6) * (1 + math.cos(math.pi * into)) / 2
        assert schedule.learning_rate(step, 0) == pytest.approx(published, rel=1e-3)


def test_mimo_unet_trains_as_published(tmp_path: Path) -> None:
    """As its main.py and train.py: Adam with its own betas, and nothing done to its gradients and weights."""
    entry = entry_of("cnn-mimo-unet", tmp_path)
    training = entry.training
    assert (entry.spec["network"]["width"], entry.spec["network"]["blocks"]) == (32, 8)
    assert (training.learning_rate, training.betas, training.weight_decay) == (1e-4, [0.9, 0.999], 0)
    assert (training.warmup_steps, training.ema_decay) == (0, 0)
    assert training.clip_norm > 1e6


def test_a_network_is_named_by_its_preset_and_may_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(
        "datasets: [photos-gaussian]\ntraining: {steps: 1}\nmodels:\n"
        "  a: {name: cnn, network: nafnet-tiny}\n"
        "  b: {name: cnn, network: {name: nafnet-tiny, width: 8}}\n"
        "  c: {name: cascade, stages: [{name: classical, method: unsharp}, {name: cnn, network: nafnet-tiny}]}\n"
        "  d: {name: cnn, network: nafnet, sweep: {grid: {network: [nafnet-tiny, unet-tiny]}}}\n"
    )
    models = load_experiment(path, ["models.a.network.middle_blocks=3"]).models
    assert models["a"].spec["network"]["name"] == "nafnet"
    assert (models["a"].spec["network"]["width"], models["a"].spec["network"]["middle_blocks"]) == (16, 3)
    assert (models["b"].spec["network"]["width"], models["b"].spec["network"]["middle_blocks"]) == (8, 1)
    assert models["c"].spec["stages"][1]["network"]["width"] == 16
    assert [entry.spec["network"]["name"] for entry in models["d"].candidates.values()] == ["nafnet", "unet"]
    again = load_experiment(path, ["models.a.network=unet-tiny"]).models["a"].spec["network"]
    assert (again["name"], again["widths"]) == ("unet", [24, 48, 72])


def test_every_network_has_a_tiny_preset_that_a_cpu_restores_with() -> None:
    from deblurbench.scoring.costs import count_macs
    from deblurbench.yaml_files import read_yaml

    for name in NETWORKS.names():
        with torch.device("meta"):
            network = NETWORKS.build(read_yaml(PRESETS / f"{name}-tiny.yaml"))
        assert NETWORKS.name_of(network) == name
        assert count_macs(network, torch.device("meta")) < 2.5e9
