"""A restorer that is not trained is one class, and can be used wherever a model is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from deblurbench.batch import Batch
from deblurbench.benchmark.plan import plan_cells
from deblurbench.data.prepared import PreparedDataset
from deblurbench.experiment.experiment import load_experiment
from deblurbench.models.base import Restorer
from deblurbench.models.restoration import Progress, RestorationContext, RestoreOptions
from deblurbench.registry import MODELS, Spec
from tests.conftest import TINY_UNET

CNN: Spec = {"name": "cnn", "network": TINY_UNET}
DIFFUSION: Spec = {"name": "diffusion", "network": TINY_UNET, "sampling_steps": 3, "samples": 2}


class Darker(Restorer):
    """The smallest restorer: it halves all values."""

    def _restore(self, blurred: Tensor, context: RestorationContext) -> Tensor:
        return blurred / 2


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS._classes, "darker", Darker)


def build(spec: Spec) -> Restorer:
    model: Restorer = MODELS.build(spec)
    return model


def test_it_restores_and_has_the_columns_of_a_table(batch: Batch) -> None:
    model = build({"name": "darker"})
    assert torch.equal(model.restore(batch.blurred), batch.blurred / 2)
    assert (model.method, model.inference, model.is_oracle, model.sees_whole_image) == ("", "", False, False)
    assert (model.evaluations, model.networks(), model.restoring_state(), model.weight_files()) == (1, [], {}, ())
    fractions: list[float] = []
    model.restore(batch.blurred, RestoreOptions(on_progress=fractions.append))
    assert fractions == [1.0]


def test_it_is_a_part_of_what_is_composed_and_of_what_is_trained(batch: Batch) -> None:
    darker: Spec = {"name": "darker"}
    twice = build({"name": "cascade", "stages": [darker, darker]})
    assert torch.equal(twice.restore(batch.blurred), batch.blurred / 4)
    mean = build({"name": "ensemble", "members": [darker, {"name": "identity"}]})
    assert torch.allclose(mean.restore(batch.blurred), 0.75 * batch.blurred)
    for trained in ({"name": "cascade", "stages": [darker, CNN]}, {**DIFFUSION, "regressor": darker}):
        model = MODELS.build(trained)
        assert list(model.trained_parameters()) == ["network"]
        assert torch.isfinite(next(model.losses(batch, 0)).losses.popitem()[1])


def test_an_experiment_scores_it_and_trains_nothing(
    write_experiment: Callable[..., Path], pairs: PreparedDataset, tmp_path: Path
) -> None:
    experiment = load_experiment(write_experiment(models={"dark": {"name": "darker"}, "cnn": CNN}))
    cells = {cell.name.model: cell for cell in plan_cells(experiment, {"pairs": pairs}, tmp_path / "out")}
    assert cells["dark"].settings is None
    assert cells["dark"].weights_of is None
    assert cells["cnn"].settings is not None


@pytest.mark.parametrize(
    ("spec", "evaluations"),
    [
        (CNN, 1),
        ({**CNN, "self_ensemble": True}, 8),
        ({"name": "bridge", "network": TINY_UNET, "sampling_steps": 5}, 5),
        (DIFFUSION, 6),
        ({**DIFFUSION, "regressor": CNN, "self_ensemble": True}, 56),
        ({"name": "cascade", "stages": [{**CNN, "self_ensemble": True}, {"name": "identity"}, DIFFUSION]}, 15),
        ({"name": "ensemble", "members": [{"name": "classical", "method": "unsharp"}, CNN]}, 2),
    ],
)
def test_every_evaluation_counts_the_same(spec: Spec, evaluations: int) -> None:
    model, fractions = build(spec), list[float]()
    assert model.evaluations == evaluations
    model.restore(torch.rand(1, 3, 8, 8), RestoreOptions(on_progress=fractions.append))
    assert fractions == [(count + 1) / evaluations for count in range(evaluations)]


def test_more_evaluations_than_declared_end_at_one_too() -> None:
    fractions: list[float] = []
    progress = Progress(1, fractions.append)
    for _ in range(3):
        progress.finish_tile(1)
    assert fractions == [1.0, 1.0, 1.0]
