"""Budgets of steps, time and multiply-accumulates; patches that grow; precision and compilation."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

import deblurbench
from deblurbench.apps.cli import app
from deblurbench.batch import Batch
from deblurbench.checkpoint import load_checkpoint, save_checkpoint
from deblurbench.data.loader import TrainingSamples
from deblurbench.errors import UsageError
from deblurbench.files import read_json
from deblurbench.models.base import Model
from deblurbench.networks.nafnet import NAFBlock, NAFNet
from deblurbench.registry import MODELS, NETWORKS
from deblurbench.training import precision
from deblurbench.training.budget import macs_of_sample, plan_schedule
from deblurbench.training.schedule import Schedule
from deblurbench.training.settings import TrainingSettings
from deblurbench.training.trainer import HISTORY, LAST, STATE, Trainer
from tests.conftest import TINY_TRAINING, TINY_UNET, tiny_network
from tests.training.conftest import BuildTrainer

SETTINGS = TrainingSettings(**TINY_TRAINING)
CNN = {"name": "cnn", "network": TINY_UNET}
GAN = {"name": "gan", "network": TINY_UNET, "discriminator": {"name": "patch", "width": 4, "layers": 2}}
MakeTrainer = Callable[..., Trainer]
UNEVEN = (
    {"until": 0.3, "crop_size": 16, "batch_size": 4},
    {"until": 0.6, "crop_size": 24, "batch_size": 2},
    {"until": 0.9, "crop_size": 24, "batch_size": 3},
)
GROWING = ({"until": 0.5, "crop_size": 16, "batch_size": 4}, {"until": 0.8, "crop_size": 24, "batch_size": 3})


@pytest.fixture
def make_trainer(build_trainer: BuildTrainer) -> MakeTrainer:
    def make(folder: str = "run", spec: dict[str, Any] = CNN, **changes: Any) -> Trainer:
        return build_trainer(spec, replace(SETTINGS, **changes), folder)

    return make


def build(spec: dict[str, Any]) -> Model:
    model: Model = MODELS.build(spec)
    return model


def test_patches_grow_at_their_fraction_of_the_steps(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(steps=10, progressive=GROWING)
    shapes = []
    original = trainer.advance
    trainer.advance = lambda batch: (shapes.append(tuple(batch.sharp.shape)), original(batch))[1]  # type: ignore[method-assign]
    trainer.run()
    assert shapes == [(4, 3, 16, 16)] * 5 + [(3, 3, 24, 24)] * 3 + [(2, 3, 32, 32)] * 2


def test_stages_of_unlike_cost_resume_bit_for_bit(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    """The stage with half of the multiply-accumulates takes most of the steps where its patches are small."""
    budget = 2 * 40 * macs_of_sample(build(CNN), 8) / 1e12
    growing = ({"until": 0.5, "crop_size": 8, "batch_size": 2},)
    settings = {"steps": None, "teramacs": budget, "progressive": growing, "checkpoint_every": 1}
    trainer = make_trainer("stopped", **settings)
    assert [stage.last_step for stage in trainer.schedule.stages] == [20, 21]
    make_trainer("whole", **settings).run()
    trainer.open()
    trainer.train(itertools.islice(trainer.batches(), 15))
    trainer.close()
    make_trainer("stopped", **settings).run()
    whole, stopped = (deblurbench.load(tmp_path / name / LAST).state_dict() for name in ("whole", "stopped"))
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the samples of all steps, each of which takes a second by a simulated clock."""
    drawn: list[int] = []
    numbers: list[int] = []
    clock = [0.0]
    item, advance = TrainingSamples.__getitem__, Trainer.advance

    def step(trainer: Trainer, batch: Batch) -> None:
        advance(trainer, batch)
        numbers.extend(drawn[-len(batch.sharp) :])
        clock[0] += 1

    monkeypatch.setattr(TrainingSamples, "__getitem__", lambda self, number: (drawn.append(number), item(self, number))[1])
    monkeypatch.setattr(Trainer, "advance", step)
    monkeypatch.setattr("deblurbench.training.trainer.time", SimpleNamespace(perf_counter=lambda: clock[0]))
    return numbers


@pytest.mark.parametrize("budget", ["steps", "minutes", "teramacs"])
def test_every_sample_is_used_once_and_in_order(
    make_trainer: MakeTrainer, tmp_path: Path, used: list[int], budget: str
) -> None:
    """Whether batches shrink or grow at a boundary, and also where training is stopped there, or anywhere else."""
    amount = {"steps": 10, "minutes": 10 / 60, "teramacs": 24 * macs_of_sample(build(CNN), 24) / 1e12}[budget]
    settings = {"steps": None, budget: amount, "progressive": UNEVEN, "checkpoint_every": 1, "validate_every": 100}
    trainer = make_trainer("whole", **settings)
    trainer.run()
    whole, steps = used.copy(), trainer.step
    used.clear()
    for stop in range(1, steps):
        trainer = make_trainer("stopped", **settings)
        trainer.open()
        trainer.train(itertools.islice(trainer.batches(), stop - trainer.step))
        trainer.close()
    make_trainer("stopped", **settings).run()
    assert whole == used == list(range(len(whole)))
    weights, same = (deblurbench.load(tmp_path / name / LAST).state_dict() for name in ("whole", "stopped"))
    assert all(torch.equal(weights[name], same[name]) for name in weights)


def test_state_that_does_not_say_how_many_samples_were_used_is_refused(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    trainer = make_trainer(progressive=GROWING)
    trainer.run()
    tensors, facts = load_checkpoint(tmp_path / "run" / STATE)
    del facts["samples"]
    save_checkpoint(tmp_path / "run" / STATE, tensors, facts)
    with pytest.raises(
        UsageError, match=r"state\.safetensors: is no state of a training: samples: Field required; .* --restart"
    ):
        make_trainer(progressive=GROWING).run()


@pytest.mark.parametrize("network", ["nafnet", "restormer", "unet"])
def test_a_step_costs_three_forward_passes_whatever_the_groups(network: str) -> None:
    """The gradients of image and weights each take as many as the forward pass, of depthwise convolutions too."""
    model = build({"name": "cnn", "network": tiny_network(network)})
    with FlopCounterMode(display=False) as forward:
        model.network(torch.rand(1, 3, 64, 64))
    # The first layer alone needs no gradient of its image.
    assert macs_of_sample(model, 64) == pytest.approx(3 * forward.get_total_flops() / 2, rel=0.03)


def test_a_budget_of_macs_buys_steps_by_what_they_cost() -> None:
    """Twice the crop is four times the cost; a GAN's includes its discriminator; stages have costs of their own."""
    model = build(CNN)
    small, large = macs_of_sample(model, 32), macs_of_sample(model, 64)
    assert large == pytest.approx(4 * small, rel=1e-6)
    assert macs_of_sample(build(GAN), 32) > small
    budget = 2 * small * 100 / 1e12  # a hundred steps with two patches of 32
    settings = replace(SETTINGS, steps=None, teramacs=budget)
    assert plan_schedule(settings, model).total_steps == 100
    assert plan_schedule(replace(settings, batch_size=4), model).total_steps == 50
    growing = plan_schedule(replace(settings, progressive=({"until": 0.5, "crop_size": 16, "batch_size": 2},)), model)
    assert [stage.last_step for stage in growing.stages] == [200, 250]


def test_forward_and_backward_cost_three_times_the_forward_pass() -> None:
    """Of convolutions, less the first layer's gradient towards the image."""
    from torch.utils.flop_counter import FlopCounterMode

    network = NETWORKS.build(TINY_UNET)
    with FlopCounterMode(display=False) as counter:
        network(torch.rand(1, 3, 32, 32))
    forward = counter.get_total_flops() // 2
    assert 2.8 * forward < macs_of_sample(build(CNN), 32) <= 3 * forward


def test_counting_macs_does_not_change_the_model() -> None:
    model = build({**GAN, "network": {"name": "fpn", "width": 8}})  # with statistics of batches
    before = {name: value.clone() for name, value in model.state_dict().items()}
    macs_of_sample(model, 32)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(value.grad is None for value in model.parameters())


@pytest.mark.usefixtures("used")
def test_a_budget_of_time_ends_when_the_time_is_spent(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    make_trainer(steps=None, minutes=12.5 / 60).run()
    history = read_json(tmp_path / "run" / HISTORY)
    assert history["seconds"] == 13
    assert (
        history["training"][-1]["step"] == history["validation"][-1]["step"] == 13
    )  # the last weights are logged and validated
    assert history["training"][-1]["learning_rate"] < 1e-4  # it has come down, though nobody knew how many steps there would be
    assert (tmp_path / "run" / LAST).is_file()


@pytest.mark.usefixtures("used")
def test_time_that_was_spent_before_a_stop_counts(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    settings = {"steps": None, "minutes": 12 / 60, "checkpoint_every": 1}
    trainer = make_trainer(**settings)
    trainer.open()
    trainer.train(itertools.islice(trainer.batches(), 8))
    trainer.close()
    again = make_trainer(**settings)
    again.run()
    assert again.step == again.seconds == 12
    finished = make_trainer(**settings)
    finished.run()
    assert finished.step == again.step


def test_patches_grow_at_their_fraction_of_the_time() -> None:
    schedule = Schedule(replace(SETTINGS, steps=None, minutes=1.0, progressive=GROWING), None)
    assert [stage.until for stage in schedule.stages] == [0.5, 0.8, 1.0]
    assert schedule.budget_fraction(step=123, seconds=30) == 0.5
    assert schedule.learning_rate(50, seconds=60) == pytest.approx(SETTINGS.final_learning_rate)


def test_the_learning_rate_is_constant_until_its_fraction_of_the_budget() -> None:
    settings = replace(SETTINGS, steps=101, warmup_steps=10, constant_until=0.4, learning_rate=1.0, final_learning_rate=0.1)
    rates = [plan_schedule(settings, build(CNN)).learning_rate(step, 0) for step in range(101)]
    assert rates[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert rates[10:41] == [1.0] * 31
    assert rates[70] == pytest.approx(0.55)
    assert 1 > rates[41] > rates[99] > rates[100] == pytest.approx(0.1)
    timed = Schedule(replace(settings, steps=None, minutes=1.0), None)
    assert [timed.learning_rate(50, seconds) for seconds in (12, 24)] == [1.0, 1.0]
    assert [timed.learning_rate(50, seconds) for seconds in (42, 60)] == pytest.approx([0.55, 0.1])


def test_the_learning_rate_is_constant_until_its_fraction_of_a_budget_of_macs() -> None:
    """The first half takes twenty cheap steps, and so a quarter takes ten of these."""
    budget = 2 * 40 * macs_of_sample(build(CNN), 8) / 1e12
    growing = ({"until": 0.5, "crop_size": 8, "batch_size": 2},)
    settings = replace(SETTINGS, steps=None, teramacs=budget, progressive=growing, constant_until=0.25)
    schedule = plan_schedule(settings, build(CNN))
    rates = [schedule.learning_rate(step, 0) for step in range(2, 21)]
    assert rates[:9] == [SETTINGS.learning_rate] * 9
    assert rates[9] < SETTINGS.learning_rate


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"minutes": 1.0}, "not steps and minutes"),
        ({"steps": None}, "none is given"),
        ({"progressive": (GROWING[1], GROWING[0])}, "'until' must rise"),
    ],
)
def test_budgets_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SETTINGS, **changes)


def test_float16_trains_keeps_float32_weights_and_resumes_its_scale(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    trainer = make_trainer(precision="float16", checkpoint_every=3)
    trainer.open()
    trainer.train(itertools.islice(trainer.batches(), 3))
    trainer.close()
    assert trainer.parameter_groups["network"].scaler.get_scale() == 4096
    trainer.parameter_groups["network"].scaler.update(512.0)
    trainer._save()
    again = make_trainer(precision="float16", checkpoint_every=3)
    again.open()
    assert again.parameter_groups["network"].scaler.get_scale() == 512
    again.close()
    again.run()
    assert {value.dtype for value in deblurbench.load(tmp_path / "run" / LAST).state_dict().values()} == {torch.float32}


def test_a_float16_step_that_overflows_is_left_out_and_the_scale_falls(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(precision="float16")
    group = trainer.parameter_groups["network"]
    before = [value.detach().clone() for value in trainer.model.parameters()]
    loss = sum(value.sum() for value in trainer.model.parameters()) * torch.tensor(float("inf"))
    group.update(loss, 1e-3, lambda _: None)
    assert all(torch.equal(*pair) for pair in zip(before, trainer.model.parameters(), strict=True))
    assert group.scaler.get_scale() == 2048
    assert not group.has_diverged  # until no scale is small enough
    group.scaler.update(1.0)
    assert group.has_diverged


def test_compiled_training_gives_the_same_up_to_rounding(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    """And leaves a checkpoint that loads like any other."""
    for name in ("plain", "compiled"):
        make_trainer(name, compile=name == "compiled", steps=3).run()
    plain, compiled = (deblurbench.load(tmp_path / name / LAST).state_dict() for name in ("plain", "compiled"))
    assert plain.keys() == compiled.keys()
    assert all(torch.allclose(plain[name], compiled[name], atol=2e-3) for name in plain)


def test_the_blocks_of_a_network_are_compiled_and_one_without_blocks_as_a_whole() -> None:
    """On two levels in bfloat16, where PyTorch 2.15 compiles a whole network to NaN on some processors."""
    torch.manual_seed(0)
    network = NAFNet(width=16, encoder_blocks=(1, 1), middle_blocks=1, decoder_blocks=(1, 1), attention=False)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)  # nothing is left at zero
    image = torch.rand(2, 3, 32, 32)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        expected = network(image)
        precision.compile_networks([network])
        torch.testing.assert_close(network(image), expected, rtol=0, atol=0.03 * expected.std().item())
    compiled = {type(module) for module in network.modules() if module._compiled_call_impl is not None}
    assert compiled == {NAFBlock}
    whole = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), torch.nn.ReLU())
    precision.compile_networks([whole])
    assert whole._compiled_call_impl is not None


def test_without_a_compiler_it_says_so_before_work_begins(
    write_experiment: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision.shutil, "which", lambda _: None)
    path = write_experiment()
    result = CliRunner().invoke(
        app, ["run", str(path), "--out", str(path.parent / "out"), "--device", "cpu", "training.compile=true"]
    )
    assert result.exit_code == 2
    assert "training.compile: torch.compile needs a C++ compiler" in result.output


def test_tensorboard_shows_the_scores_of_the_discriminator(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    make_trainer(spec={**GAN, "discriminator_steps": 2}).run()
    events = EventAccumulator(str(tmp_path / "run"))
    events.Reload()
    tags = set(events.Tags()["scalars"])
    assert {f"observed/discriminator/{name}" for name in ("score_sharp", "score_restored", "sharp_scores_higher")} <= tags
    fractions = [event.value for event in events.Scalars("observed/discriminator/sharp_scores_higher")]
    assert all(0 <= fraction <= 1 for fraction in fractions)
    observed = read_json(tmp_path / "run" / HISTORY)["training"][-1]["observed"]
    assert observed["discriminator/sharp_scores_higher"] == pytest.approx(fractions[-1])
