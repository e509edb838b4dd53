from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator

import deblurbench
from deblurbench.checkpoint import load_checkpoint
from deblurbench.data.prepared import PreparedDataset
from deblurbench.errors import DeblurbenchError, UsageError
from deblurbench.files import read_json
from deblurbench.models.base import Model
from deblurbench.randomness import seed_torch
from deblurbench.registry import MODELS, Spec
from deblurbench.training.ema import ExponentialMovingAverage
from deblurbench.training.parameter_group import ParameterGroup
from deblurbench.training.schedule import Schedule
from deblurbench.training.settings import TrainingSettings
from deblurbench.training.strip import StripColumn, draw_strip
from deblurbench.training.trainer import BEST, HISTORY, LAST, STATE, Trainer
from deblurbench.training.validation import Validator
from tests.conftest import TINY_TRAINING, TINY_UNET
from tests.training.conftest import BuildTrainer

FAMILIES: dict[str, Spec] = {
    "cnn": {"name": "cnn", "network": TINY_UNET},
    "gan": {"name": "gan", "network": TINY_UNET, "discriminator": {"name": "patch", "width": 4, "layers": 2}},
    "diffusion": {"name": "diffusion", "network": TINY_UNET, "sampling_steps": 2},
}
FAMILY = pytest.mark.parametrize("family", FAMILIES)
SETTINGS = TrainingSettings(**{**TINY_TRAINING, "log_every": 3})  # a checkpoint falls between two logs
MakeTrainer = Callable[..., Trainer]


@pytest.fixture
def make_trainer(build_trainer: BuildTrainer) -> MakeTrainer:
    def make(family: str = "cnn", folder: str = "run", settings: TrainingSettings = SETTINGS, **changes: Any) -> Trainer:
        return build_trainer(FAMILIES[family], settings, folder, **changes)

    return make


def run_until(trainer: Trainer, step: int) -> None:
    """Train up to `step` and stop there, as if killed."""
    trainer.open()
    trainer.train(itertools.islice(trainer.batches(), step - trainer.step))
    trainer.close()


def tensors(path: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(path)[0]


def assert_equal_files(first: Path, second: Path) -> None:
    one, other = tensors(first), tensors(second)
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


@FAMILY
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("stop", [3, 4])
def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(
    make_trainer: MakeTrainer, tmp_path: Path, family: str, workers: int, stop: int
) -> None:
    """Stopped at step 3 it resumes from the checkpoint of step 2, even with another number of workers."""
    make_trainer(family, "whole").run()
    run_until(make_trainer(family, "parts", workers=workers), stop)
    assert load_checkpoint(tmp_path / "parts" / STATE)[1]["step"] == stop // 2 * 2
    make_trainer(family, "parts").run()
    for name in (LAST, BEST, STATE):
        assert_equal_files(tmp_path / "whole" / name, tmp_path / "parts" / name)
    whole, parts = (read_json(tmp_path / folder / HISTORY) for folder in ("whole", "parts"))
    assert whole["validation"] == parts["validation"]
    for history in (whole, parts):
        for row in history["training"]:
            assert row.pop("images_per_second") > 0
    assert whole["training"] == parts["training"]
    assert [row["step"] for row in whole["training"]] == [3, 6]


def test_killed_between_its_last_state_and_its_weights_it_still_leaves_them(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    make_trainer(folder="whole").run()
    make_trainer(folder="killed").run()
    for name in (LAST, HISTORY):
        (tmp_path / "killed" / name).unlink()
    make_trainer(folder="killed").run()
    assert_equal_files(tmp_path / "whole" / LAST, tmp_path / "killed" / LAST)
    assert read_json(tmp_path / "killed" / HISTORY)["training"]


@FAMILY
def test_the_trainer_does_what_a_bare_loop_does(make_trainer: MakeTrainer, sharp_photos: PreparedDataset, family: str) -> None:
    """Clipping, learning rate and order of loss steps, written out as plainly as possible."""
    from deblurbench.data.loader import BatchPlan, batches

    trainer = make_trainer(family)
    trainer.run()
    spec = FAMILIES[family]
    seed_torch(0, "initial weights")
    model: Model = MODELS.build(spec).to(memory_format=torch.channels_last)
    optimizers = {
        group: torch.optim.AdamW(module.parameters(), betas=(0.9, 0.99), weight_decay=0.0, fused=True)
        for group, module in model.parameter_groups().items()
    }
    plan = BatchPlan(crop_size=32, batch_size=2, seed=0, first_sample=0, steps=6)
    loader = batches(sharp_photos, plan, device=torch.device("cpu"))
    for step, batch in enumerate(loader):
        seed_torch(0, "step", step, 0)
        for group, losses, _ in model.losses(batch, step):
            parameters = list(model.parameter_groups()[group].parameters())
            optimizers[group].zero_grad()
            sum(losses.values()).backward(inputs=parameters)  # type: ignore[union-attr]
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizers[group].param_groups[0]["lr"] = Schedule(SETTINGS, [6]).learning_rate(step, 0)
            optimizers[group].step()
    for name, tensor in model.state_dict().items():
        assert torch.allclose(tensor, trainer.model.state_dict()[name], atol=1e-6), name


@pytest.mark.parametrize("norm", [0.5, 1 - 1e-6, 1.0, 1 + 1e-6, 3.0, float("nan"), float("inf")])
def test_gradients_are_clipped_as_pytorch_does_bit_for_bit(norm: float) -> None:
    """Whether or not they have to be multiplied."""
    parameters = [torch.nn.Parameter(torch.zeros(shape)) for shape in ((40, 30), (7,), (3, 4, 5))]
    direction = torch.randn(1267, generator=torch.Generator().manual_seed(0))
    gradients = [part * (norm / direction.norm()) for part in direction.split([1200, 7, 60])]
    group = ParameterGroup(parameters, SETTINGS, torch.device("cpu"))
    loss = sum((value.flatten() * part).sum() for value, part in zip(parameters, gradients, strict=True))
    group.update(loss, 0.0, lambda _: None)
    others = [torch.nn.Parameter(torch.zeros(value.shape)) for value in parameters]
    for other, part in zip(others, gradients, strict=True):
        other.grad = part.view(other.shape).clone()
    expected = torch.nn.utils.clip_grad_norm_(others, SETTINGS.clip_norm)
    assert torch.equal(group.gradient_norm, expected) or math.isnan(norm)
    for value, other in zip(parameters, others, strict=True):
        assert torch.allclose(value.grad, other.grad, rtol=0, atol=0, equal_nan=True)  # type: ignore[arg-type]


def test_a_step_neither_collects_parameters_nor_multiplies_gradients_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model = MODELS.build(FAMILIES["cnn"])
    average = ExponentialMovingAverage(model, decay=0.9)
    group = ParameterGroup(model.trained_parameters()["network"], SETTINGS, torch.device("cpu"))
    loss = 1e-3 * sum(value.sum() for value in model.parameters())
    monkeypatch.setattr(torch.nn.Module, "named_parameters", lambda *_: pytest.fail("collected"))
    monkeypatch.setattr(
        "deblurbench.training.parameter_group.clip_grads_with_norm_", lambda *_: pytest.fail("multiplied by one")
    )
    group.update(loss, 1e-3, lambda _: None)
    average.update(model, 0)
    assert group.gradient_norm > 0


def test_every_parameter_group_is_trained(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("gan")
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    trainer.run()
    changed = {
        name.split(".")[0] for name, tensor in trainer.model.state_dict().items() if not torch.equal(tensor, before[name])
    }
    assert changed == {"network", "discriminator"}


def test_headline_weights_are_the_average(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    trainer = make_trainer()
    trainer.run()
    saved = deblurbench.load(tmp_path / "run" / LAST).state_dict()
    current = trainer.model.restoring_state()
    with trainer.average.in_place_of(trainer.model):
        average = trainer.model.restoring_state()
    assert all(torch.equal(tensor, average[name]) for name, tensor in saved.items())
    assert not all(torch.equal(tensor, current[name]) for name, tensor in saved.items())


def test_the_best_weights_are_those_of_the_best_validation(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    make_trainer(settings=replace(SETTINGS, learning_rate=0.05, steps=12, validate_every=2)).run()
    validations = read_json(tmp_path / "run" / HISTORY)["validation"]
    best = max(validations, key=lambda row: row["psnr"])
    _, metadata = load_checkpoint(tmp_path / "run" / BEST)
    assert metadata["step"] == best["step"]
    assert metadata["validation"]["psnr"] == best["psnr"]


def test_validation_sees_validation_pairs_only(make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[str] = set()
    original = PreparedDataset.test_image
    monkeypatch.setattr(PreparedDataset, "test_image", lambda data, item: (seen.add(item.entry.split), original(data, item))[1])
    make_trainer().run()
    assert seen == {"validation"}


def test_training_deblurs(make_trainer: MakeTrainer, sharp_photos: PreparedDataset, tmp_path: Path) -> None:
    """Not only the loss falls: the PSNR of validation photographs rises above that of the blurred ones."""
    make_trainer(settings=replace(SETTINGS, steps=150, batch_size=4, learning_rate=4e-3, validate_every=10, log_every=10)).run()
    validations = read_json(tmp_path / "run" / HISTORY)["validation"]
    validate = Validator(sharp_photos, crop=SETTINGS.validation_crop, count=SETTINGS.validation_images, seed=0)
    untouched, _ = validate(MODELS.build("identity"), torch.device("cpu"))
    assert validations[-1]["psnr"] > untouched["psnr"]


def test_a_large_validation_set_is_sampled_evenly_and_blurred_once(
    sharp_photos: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A celebrity set has thousands of validation photographs, and diffusion is slow."""
    item = sharp_photos.items("validation")[0]
    items = tuple(replace(item, entry=replace(item.entry, key=f"{place:02}")) for place in range(10))
    many = replace(sharp_photos, splits={**sharp_photos.splits, "validation": items})
    original, seen = PreparedDataset.test_image, []
    monkeypatch.setattr(
        PreparedDataset, "test_image", lambda data, item: (seen.append(item.entry.key), original(data, item))[1]
    )
    validate = Validator(many, crop=40, count=4, seed=0)
    first, strip = validate(MODELS.build("identity"), torch.device("cpu"))
    again, _ = validate(MODELS.build("identity"), torch.device("cpu"))
    assert seen == ["00", "02", "05", "07"]
    assert first == again
    assert strip.shape == (3, 16 + 3 * 176 + 4, 4 + 4 * 164)


def test_tensorboard_has_losses_rates_norms_and_validation(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    make_trainer("gan").run()
    events = EventAccumulator(str(tmp_path / "run"))
    events.Reload()
    scalars = set(events.Tags()["scalars"])
    assert {"loss/generator/charbonnier", "loss/generator/adversarial", "loss/discriminator/adversarial"} <= scalars
    assert {"learning_rate", "gradient_norm/generator", "gradient_norm/discriminator", "images_per_second"} <= scalars
    assert {"validation/psnr", "validation/ssim"} <= scalars
    assert events.Tags()["images"] == ["validation: blurred, restored, sharp"]
    assert [event.step for event in events.Scalars("learning_rate")] == [3, 6]


def test_pictures_of_validation_have_captions() -> None:
    blurred, restored, sharp = torch.rand(3, 1, 3, 200, 40).round()
    strip = draw_strip([StripColumn("cat", blurred, restored, sharp, 20.0, 25.5), StripColumn("dog", *[sharp] * 3, 1.0, 2.0)])
    assert strip.shape == (3, 16 + 3 * 176 + 4, 4 + 2 * 164)
    for number, image in enumerate((blurred, restored, sharp)):
        top = 16 + number * 176
        assert torch.equal(strip[:, top + 16 : top + 176, 4:44], image[0, :, 20:180])
        assert strip[:, top : top + 16, 4:164].min() < 0.5, "ink"
    assert strip[:, :16, 4:164].min() < 0.5


def test_after_a_resume_tensorboard_shows_every_step_once(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    settings = replace(SETTINGS, log_every=1)
    run_until(make_trainer(settings=settings), 3)  # the checkpoint is of step 2, the log of step 3
    time.sleep(1.1)  # TensorBoard orders the files of a folder by the second in their names
    make_trainer(settings=settings).run()
    events = EventAccumulator(str(tmp_path / "run"))
    events.Reload()
    assert [event.step for event in events.Scalars("learning_rate")] == [1, 2, 3, 4, 5, 6]


def test_state_of_another_training_is_refused(make_trainer: MakeTrainer) -> None:
    run_until(make_trainer(), 2)
    with pytest.raises(UsageError, match=r"state\.safetensors: belongs to another training"):
        make_trainer(identity="another").run()
    with pytest.raises(UsageError, match="is the checkpoint of another model"):
        make_trainer("gan").run()


def test_a_diverged_training_says_so_and_keeps_its_last_checkpoint(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    trainer = make_trainer()
    run_until(trainer, 2)
    sick = make_trainer(settings=replace(SETTINGS, steps=8, log_every=100, validate_every=100))
    original = sick.model.losses

    def sicken(batch: Any, step: int) -> Any:
        for loss_step in original(batch, step):
            yield loss_step._replace(losses={name: value * float("nan") for name, value in loss_step.losses.items()})

    sick.model.losses = sicken  # type: ignore[method-assign]
    with pytest.raises(
        DeblurbenchError, match=r"training diverged: a gradient is not finite at step 4; lower training\.learning_rate"
    ):
        sick.run()
    assert load_checkpoint(tmp_path / "run" / STATE)[1]["step"] == 2  # nothing of it is saved, though no log is due


def test_a_batch_that_is_not_divisible_by_the_processes_is_refused(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Accelerator, "num_processes", 3)
    with pytest.raises(UsageError, match="2 is not divisible by 3 processes"):
        make_trainer()


def test_bfloat16_trains_and_keeps_float32_weights(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    make_trainer("gan", settings=replace(SETTINGS, precision="bfloat16")).run()
    assert {tensor.dtype for tensor in tensors(tmp_path / "run" / LAST).values()} == {torch.float32}
    history = read_json(tmp_path / "run" / HISTORY)["training"]
    make_trainer("gan", "full").run()
    exact = read_json(tmp_path / "full" / HISTORY)["training"]
    half, full = (rows[-1]["losses"]["generator/charbonnier"] for rows in (history, exact))
    assert half == pytest.approx(full, rel=0.05)
    assert half != full


def test_the_learning_rate_warms_up_and_falls_along_a_cosine() -> None:
    settings = TrainingSettings(steps=101, warmup_steps=10, learning_rate=1.0, final_learning_rate=0.1)
    schedule = Schedule(settings, [101])
    rates = [schedule.learning_rate(step, 0) for step in range(101)]
    assert rates[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert rates[10] == 1.0
    assert rates[55] == pytest.approx(0.55)
    assert rates[100] == pytest.approx(0.1)
    assert Schedule(TrainingSettings(steps=1, warmup_steps=0), [1]).learning_rate(0, 0) == pytest.approx(1e-3)


def test_the_average_is_an_exponential_one_with_warm_up() -> None:
    model = MODELS.build(FAMILIES["cnn"])
    average = ExponentialMovingAverage(model, decay=0.5)
    parameter = next(model.network.parameters())
    expected = parameter.detach().clone()
    for step in range(20):
        with torch.no_grad():
            parameter.add_(1.0)
        average.update(model, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * parameter.detach()
    assert torch.allclose(next(average.modules.parameters()), expected, atol=1e-5)


def test_buffers_are_copied_into_the_average() -> None:
    model = MODELS.build(FAMILIES["cnn"])
    model.network.register_buffer("count", torch.zeros(1))
    average = ExponentialMovingAverage(model, decay=0.9)
    model.network.count += 3
    average.update(model, 0)
    assert average.modules["network"].count.item() == 3
