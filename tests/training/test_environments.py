"""Every environment that took part in a training is recorded: whoever reads its scores knows where it was trained."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import safetensors.torch

from deblurbench.checkpoint import METADATA_KEY, load_checkpoint
from deblurbench.records.history import read_history
from deblurbench.records.paths import HISTORY, LAST, STATE
from deblurbench.training.settings import TrainingSettings
from deblurbench.training.trainer import Trainer
from tests.conftest import TINY_TRAINING, TINY_UNET
from tests.training.conftest import HERE, BuildTrainer

CNN = {"name": "cnn", "network": TINY_UNET}
SETTINGS = TrainingSettings(**TINY_TRAINING)
ELSEWHERE: dict[str, Any] = {**HERE, "machine": {"device": "NVIDIA H100", "threads": 8}}


def run_until(trainer: Trainer, step: int) -> None:
    trainer.open()
    trainer.train(itertools.islice(trainer.batches(), step - trainer.step))
    trainer.close()


def recorded(folder: Path) -> list[dict[str, Any]]:
    """The environments in the history."""
    return list(read_history(folder / HISTORY).environments)


def test_a_training_records_where_it_ran(build_trainer: BuildTrainer, tmp_path: Path) -> None:
    build_trainer(CNN, SETTINGS).run()
    assert recorded(tmp_path / "run") == [HERE]


def test_one_that_is_resumed_elsewhere_records_both_in_order_and_each_once(build_trainer: BuildTrainer, tmp_path: Path) -> None:
    for step, environment in ((2, HERE), (4, ELSEWHERE)):
        run_until(build_trainer(CNN, SETTINGS, environment=environment), step)
    build_trainer(CNN, SETTINGS).run()  # back where it began
    assert recorded(tmp_path / "run") == [HERE, ELSEWHERE]


def test_whoever_only_finishes_it_took_no_part(build_trainer: BuildTrainer, tmp_path: Path) -> None:
    """It was killed between its last state and its weights; they are written from that state."""
    build_trainer(CNN, SETTINGS).run()
    (tmp_path / "run" / LAST).unlink()
    build_trainer(CNN, SETTINGS, environment=ELSEWHERE).run()
    assert recorded(tmp_path / "run") == [HERE]


def test_what_an_environment_did_not_save_is_not_its_part(build_trainer: BuildTrainer, tmp_path: Path) -> None:
    run_until(build_trainer(CNN, SETTINGS, environment=ELSEWHERE), 1)  # before the first checkpoint
    build_trainer(CNN, SETTINGS).run()
    assert recorded(tmp_path / "run") == [HERE]


def test_a_state_of_format_0_without_environments_is_resumed(build_trainer: BuildTrainer, tmp_path: Path) -> None:
    run_until(build_trainer(CNN, SETTINGS, environment=ELSEWHERE), 2)
    path = tmp_path / "run" / STATE
    tensors, facts = load_checkpoint(path)
    del facts["format"], facts["environments"]
    facts["interval"]["turns"] = facts["interval"].pop("counts")  # as it was called then
    safetensors.torch.save_file(tensors, path, metadata={METADATA_KEY: json.dumps(facts)})
    build_trainer(CNN, SETTINGS).run()
    assert recorded(tmp_path / "run") == [HERE]
