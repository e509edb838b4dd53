"""Errors in the middle of a training are found before any work begins, without side effects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import deblurbench
from deblurbench.apps.cli import app
from deblurbench.batch import Batch
from deblurbench.errors import UsageError
from deblurbench.experiment.model_entries import check_training
from deblurbench.files import read_json
from deblurbench.memo import Memo
from deblurbench.models.base import LossStep
from deblurbench.models.cnn import CNN
from deblurbench.records.paths import LAST, RECORD
from deblurbench.registry import MODELS
from deblurbench.training import trial
from deblurbench.training.trial import Training, require_memory, try_out
from tests.conftest import TINY_TRAINING, TINY_UNET

Write = Callable[..., Path]
CPU = torch.device("cpu")
FPN = {"name": "fpn", "width": 4}
GAN = {"name": "gan", "network": TINY_UNET, "discriminator": {"name": "patch", "width": 4, "layers": 4}}


def training(name: str = "m", model: Any = None, given: tuple[str, ...] = (), **settings: Any) -> Training:
    spec = MODELS.resolve(model or {"name": "cnn", "network": TINY_UNET})
    return Training(name, spec, given, check_training({**TINY_TRAINING, **settings}, "training"))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The (crop size, images) of every step that is tried."""
    seen: list[tuple[int, int]] = []

    def record(model: Any, settings: Any, crop_size: int, count: int, device: Any) -> None:
        seen.append((crop_size, count))
        step(model, settings, crop_size, count, device)

    step = trial._step
    monkeypatch.setattr(trial, "_step", record)
    monkeypatch.setattr(Memo, "get", lambda *_: None)  # what earlier tests tried is tried again
    return seen


LATE = [
    (  # a batch norm in the last stage only
        {"models": {"late": {"name": "cnn", "network": FPN}}, "training": {**TINY_TRAINING, "batch_size": 1, "progressive": [{"until": 0.5, "crop_size": 32, "batch_size": 2}]}},
        "models.late: training on batches of 1 patches of 32 pixels a side fails: Expected more than 1 value per channel when training",
    ),
    (  # the discriminator halves it to nothing
        {"models": {"late": GAN}, "training": {**TINY_TRAINING, "progressive": [{"until": 0.5, "crop_size": 8, "batch_size": 2}]}},
        "models.late: training on batches of 2 patches of 8 pixels a side fails: ",
    ),
    (
        {"models": {"late": {"name": "cnn", "network": TINY_UNET, "losses": [{"name": "multi-scale", "scales": 9}]}}},
        "models.late: training on batches of 2 patches of 32 pixels a side fails: loss 'multi-scale': 9 scales are too many",
    ),
    (
        {"models": {"late": {"name": "cnn", "network": {"name": "unet", "widths": [60000, 60000]}}}},
        "models.late: needs",
    ),
]  # fmt: skip


@pytest.mark.parametrize("dry", [True, False], ids=["dry", "run"])
@pytest.mark.parametrize(("sections", "message"), LATE, ids=["batch norm", "discriminator", "loss", "memory"])
def test_what_would_fail_in_a_later_stage_fails_at_once(
    write_experiment: Write, tmp_path: Path, sections: dict[str, Any], message: str, dry: bool
) -> None:
    arguments = ["run", str(write_experiment(**sections)), "--out", str(tmp_path / "out"), "--device", "cpu"]
    result = CliRunner().invoke(app, arguments + ["--dry-run"] * dry)
    assert result.exit_code == 2, result.output
    assert f"error: {message}" in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_only_what_is_to_be_trained_is_tried(write_experiment: Write, tmp_path: Path, steps: list[Any]) -> None:
    path = write_experiment(models={"cnn": {"name": "cnn", "network": TINY_UNET}}, seeds=[0, 1])
    arguments = ["run", str(path), "--out", str(tmp_path / "out"), "--device", "cpu"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert steps == [(32, 2)]  # once for two seeds
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert steps == [(32, 2)]
    record = tmp_path / "out" / "runs" / "pairs" / "cnn" / "seed-1" / RECORD
    record.write_text(record.read_text().replace('"status": "done"', '"status": "running"'))  # it will resume
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert steps == [(32, 2)] * 2
    assert read_json(record)["status"] == "done"


def test_equal_stages_are_tried_once(steps: list[Any]) -> None:
    stages = [{"until": until, "crop_size": size, "batch_size": 2} for until, size in ((0.2, 8), (0.4, 16), (0.6, 8))]
    try_out([training("a", progressive=stages), training("b", progressive=stages, steps=99)], CPU, 1)
    assert steps == [(8, 2), (16, 2), (32, 2)]
    try_out([training(precision="bfloat16"), training(precision="float32")], CPU, 1)
    assert steps[3:] == [(32, 2), (32, 2)]


def test_each_process_tries_its_part_of_a_batch(steps: list[Any]) -> None:
    try_out([training(batch_size=6)], CPU, 2)
    assert steps == [(32, 3)]


def test_slow_steps_are_tried_on_few_images_or_not_at_all(steps: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model = MODELS.build({"name": "cnn", "network": TINY_UNET})
    counted = trial._cost_per_image(model, 32, 2)
    assert counted is not None
    cost = counted.macs + trial.OTHER_MACS_PER_PIXEL * 32**2
    for images, expected in ((8.5, [(32, 8)]), (2.5, [(32, 2)]), (1.5, [])):
        monkeypatch.setitem(trial.MACS_PER_SECOND, "cpu", images * cost / trial.MAX_STEP_SECONDS)
        steps.clear()
        try_out([training(batch_size=8)], CPU, 1)
        assert steps == expected
    monkeypatch.setitem(trial.MACS_PER_SECOND, "cpu", 1.5 * cost / trial.MAX_STEP_SECONDS)
    try_out([training(batch_size=1)], CPU, 1)
    assert steps == [(32, 1)]  # a batch of one is tried as one
    monkeypatch.setattr(trial, "MAX_SECONDS", -1.0)
    try_out([training()], CPU, 1)
    assert steps == [(32, 1)]


def test_a_step_of_unknown_cost_is_tried_on_few_images(steps: list[Any]) -> None:
    blind = {"name": "classical", "method": "polyblur"}  # it asks for values, which the device "meta" has none of
    stages = {"name": "cascade", "stages": [blind, {"name": "cnn", "network": TINY_UNET}]}
    try_out([training(model=stages, batch_size=8)], CPU, 1)
    assert steps == [(32, 2)]


def test_trials_do_not_change_the_random_state(steps: list[Any]) -> None:
    before = torch.random.get_rng_state()
    others: list[dict[str, Any]] = [{"name": name, "network": TINY_UNET} for name in ("cnn", "bridge", "diffusion")]
    gans = [
        {**GAN, "discriminator": {"name": "patch", "width": 4, "layers": 2}, "adversarial": name}
        for name in ("hinge", "wgan-gp")
    ]
    for model in others + gans:
        try_out([training(model=model)], CPU, 1)
    assert len(steps) == 5
    assert torch.equal(torch.random.get_rng_state(), before)


def test_weights_are_bit_for_bit_what_they_are_without_it(
    write_experiment: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_experiment(models={"m": {"name": "diffusion", "network": TINY_UNET, "sampling_steps": 1}})
    for name in ("with", "without"):
        result = CliRunner().invoke(app, ["run", str(path), "--out", str(tmp_path / name), "--device", "cpu"])
        assert result.exit_code == 0, result.output
        monkeypatch.setattr("deblurbench.benchmark.runner.try_trainings", lambda *_: None)
    first, second = (
        deblurbench.load(tmp_path / name / "runs" / "pairs" / "m" / "seed-0" / LAST).state_dict()
        for name in ("with", "without")
    )
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_what_is_given_trained_is_not_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    refined = {"name": "diffusion", "network": TINY_UNET, "regressor": {"name": "cnn", "network": TINY_UNET}}
    trained: list[set[str]] = []
    monkeypatch.setattr(
        trial,
        "_step",
        lambda model, *_: trained.append({name for name, value in model.named_parameters() if value.requires_grad}),
    )
    try_out([training(model=refined, given=("regressor",))], CPU, 1)
    assert trained
    assert not any(name.startswith("regressor") for name in trained[0])


def test_memory_is_estimated_before_it_is_allocated() -> None:
    wide = {"name": "cnn", "network": {"name": "unet", "widths": [60000, 60000]}}
    with pytest.raises(
        UsageError, match=r"models\.m: needs [\d,]+ GB for its weights and batches alone, and cpu has [\d,]+ GB"
    ):
        require_memory(training(model=wide), CPU, 1)
    with pytest.raises(UsageError, match=r"models\.m: needs"):
        require_memory(training(crop_size=65536, batch_size=8), CPU, 1)
    require_memory(training(), CPU, 1)


def test_memory_for_the_backward_pass_is_estimated_before_it_is_allocated(
    steps: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that pads every patch to 16,384 pixels a side, for its fourteen levels."""
    padding = {"name": "cnn", "network": {"name": "unet", "widths": [4] * 14, "blocks": 1}}
    monkeypatch.setattr(trial, "_total_memory", lambda _: 8e9)
    with pytest.raises(UsageError, match=r"fails: a step needs more than \d\d GB, and cpu has 8 GB; change these"):
        try_out([training(model=padding)], CPU, 1)
    assert steps == []
    model = MODELS.build({"name": "cnn", "network": TINY_UNET})
    small, large = (trial._cost_per_image(model, size, 2) for size in (32, 64))
    assert small is not None
    assert large is not None
    assert large.saved_bytes == pytest.approx(4 * small.saved_bytes, rel=0.01)  # what is kept of an image; weights do not count
    images = 3 * 32**2 * 4
    assert 5 * images < small.saved_bytes < 50 * images


def test_every_error_of_a_trial_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def losses(self: CNN, batch: Batch, step: int) -> Iterator[LossStep]:
        raise KeyError("one\ntwo")

    monkeypatch.setattr(CNN, "losses", losses)
    with pytest.raises(UsageError) as caught:
        try_out([training("mine")], CPU, 1)
    assert "models.mine: " in str(caught.value)
    assert "\n" not in str(caught.value)
