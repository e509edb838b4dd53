"""A restorer that brings its own weights in a file: it is not trained here, and the content of the file is part of its identity."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from deblurbench.experiment.experiment import load_experiment
from deblurbench.experiment.model_entries import Weights
from deblurbench.files import file_hash, read_csv
from deblurbench.models.base import Restorer
from deblurbench.models.restoration import RestorationContext
from deblurbench.registry import MODELS
from deblurbench.yaml_files import read_yaml
from tests.benchmark.running import run
from tests.conftest import TINY_UNET

Write = Callable[..., Path]


class Brighter(Restorer):
    """Adds a number, which it reads from a file."""

    def __init__(self, *, weights: str) -> None:
        super().__init__()
        self._path = Path(weights)

    def weight_files(self) -> tuple[Path, ...]:
        return (self._path,)

    def _restore(self, blurred: Tensor, context: RestorationContext) -> Tensor:
        return blurred + load_file(self._path)["bias"].to(blurred)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    MODELS.names()
    MODELS.register("brighter")(Brighter)
    yield
    del MODELS._classes["brighter"]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    save_file({"bias": torch.tensor(0.125)}, tmp_path / "own.safetensors")
    return tmp_path / "own.safetensors"


def test_it_is_scored_without_being_trained(write_experiment: Write, weights: Path, tmp_path: Path) -> None:
    experiment = write_experiment(models={"own": {"name": "brighter", "weights": str(weights)}})
    entry = load_experiment(experiment).models["own"]
    assert (entry.weights, entry.weight_files) == (Weights.OWN, (weights,))
    assert run(experiment).exit_code == 0
    own = next(row for row in read_csv(tmp_path / "out" / "comparison.csv") if row["model"] == "own")
    assert (own["weights"], own["train_seconds"]) == (file_hash(weights), "0")
    assert not list((tmp_path / "out").rglob("last.safetensors"))


def test_another_content_is_another_model_and_another_place_is_not(
    write_experiment: Write, weights: Path, tmp_path: Path
) -> None:
    run(write_experiment(models={"own": {"name": "brighter", "weights": str(weights)}}))
    moved = weights.rename(tmp_path / "moved.safetensors")
    elsewhere = write_experiment(models={"own": {"name": "brighter", "weights": str(moved)}})
    assert "0 cells done, 2 done before" in run(elsewhere).output
    save_file({"bias": torch.tensor(0.25)}, moved)
    refused = run(elsewhere)
    assert refused.exit_code == 2
    assert "own/seed-0: was run with model.weights " in refused.output
    assert "1 cells done, 1 done before" in run(elsewhere, "--restart").output


def test_a_missing_file_is_named_before_work_begins(write_experiment: Write, weights: Path, tmp_path: Path) -> None:
    weights.unlink()
    refused = run(write_experiment(models={"own": {"name": "brighter", "weights": str(weights)}}))
    assert refused.exit_code == 2
    assert f"models.own: {weights}: there is no such file of weights; check its name" in refused.output


@pytest.mark.usefixtures("weights")
def test_its_path_is_absolute_in_the_plan_and_other_models_may_use_it(
    write_experiment: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = {"name": "brighter", "weights": "./own.safetensors"}
    refined = {"name": "cascade", "stages": [{"trained": "own"}, {"name": "cnn", "network": TINY_UNET}]}
    assert run(write_experiment(models={"own": own, "refined": refined}), "--plan").exit_code == 0
    models = read_yaml(tmp_path / "out" / "experiment.yaml")["models"]
    assert models["own"]["weights"] == str(tmp_path / "own.safetensors")
    assert models["refined"]["stages"][0]["weights"] == str(tmp_path / "own.safetensors")
