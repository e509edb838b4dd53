"""Models that start from others, are made of others, or are chosen from several: the order, the weights, the bookkeeping."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import deblurbench
from deblurbench.apps.cli import app
from deblurbench.files import read_csv, read_json
from deblurbench.models.cascade import Cascade
from deblurbench.models.diffusion import Diffusion
from deblurbench.models.ensemble import Ensemble
from deblurbench.report.findings.comparison import VersusBest, compare
from deblurbench.report.reading import read_results
from tests.benchmark.running import run
from tests.conftest import TINY_TRAINING, TINY_UNET

Write = Callable[..., Path]
CNN = {"name": "cnn", "network": TINY_UNET}
GAN = {"name": "gan", "network": TINY_UNET, "discriminator": {"name": "patch", "width": 4, "layers": 2}}
MODELS: dict[str, Any] = {
    "ensemble": {"name": "ensemble", "members": [{"trained": "cnn"}, {"trained": "refiner"}]},  # before what it needs
    "cnn": CNN,
    "gan": {**GAN, "start": "cnn"},
    "refiner": {
        "name": "diffusion", "network": TINY_UNET, "regressor": {"trained": "cnn"}, "sampling_steps": 1,
        "variants": {"refiner-2-steps": {"sampling_steps": 2}},
    },
    "cascade": {"name": "cascade", "stages": [{"trained": "cnn"}, CNN]},
}  # fmt: skip


def weights(folder: Path, model: str) -> Path:
    return folder / "out" / "runs" / "pairs" / model / "seed-0" / "last.safetensors"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources")


@pytest.fixture
def folder(finished: Path, write_experiment: Write) -> Path:
    """The folder of an experiment with MODELS that has been run once."""
    path = write_experiment(models=MODELS)
    if not (finished / "tiny.yaml").is_file():
        import shutil

        shutil.copytree(path.parent / "pairs", finished / "pairs")
        (finished / "tiny.yaml").write_text(path.read_text().replace(str(path.parent), str(finished)))
        result = run(finished / "tiny.yaml")
        assert result.exit_code == 0, result.output
        assert "0 failed" in result.output
    return finished


def test_models_within_models_have_the_weights_of_those_they_name(folder: Path) -> None:
    cnn = deblurbench.load(weights(folder, "cnn"))
    image = torch.rand(1, 3, 32, 32)
    refiner, cascade, ensemble = (deblurbench.load(weights(folder, name)) for name in ("refiner", "cascade", "ensemble"))
    assert isinstance(refiner, Diffusion)
    assert refiner.regressor is not None
    assert torch.equal(refiner.regressor.restore(image), cnn.restore(image))
    assert isinstance(cascade, Cascade)
    assert torch.equal(cascade.restorers()[0].restore(image), cnn.restore(image))
    assert not torch.equal(cascade.restorers()[1].restore(image), cnn.restore(image))
    assert isinstance(ensemble, Ensemble)
    options = deblurbench.RestoreOptions(seed=3)
    assert torch.allclose(
        ensemble.restore(image, options), (cnn.restore(image) + refiner.restore(image, options)) / 2, atol=1e-6
    )


def test_costs_include_those_of_what_a_model_is_made_of(folder: Path) -> None:
    rows = {row["model"]: row for row in read_csv(folder / "out" / "comparison.csv")}
    seconds = {name: float(row["train_seconds"]) for name, row in rows.items()}
    assert seconds["cnn"] > 0
    assert all(seconds[name] > seconds["cnn"] for name in ("gan", "refiner", "cascade"))
    assert seconds["ensemble"] == seconds["refiner"] == seconds["refiner-2-steps"]  # the CNN's is in the refiner's already
    assert int(rows["ensemble"]["params"]) == int(rows["cnn"]["params"]) + int(rows["refiner"]["params"])
    assert [
        int(rows[name]["evaluations"]) for name in ("blurred", "cnn", "refiner", "refiner-2-steps", "cascade", "ensemble")
    ] == [0, 1, 2, 3, 2, 3]
    assert rows["ensemble"]["network"] == "unet + unet + unet"


def test_a_warm_start_begins_with_the_other_models_weights(folder: Path) -> None:
    """After six steps at a small rate the generator is still close to the CNN, and a fresh one is not."""
    cnn, gan, cascade = (deblurbench.load(weights(folder, name)).state_dict() for name in ("cnn", "gan", "cascade"))
    names = [name for name in cnn if name.endswith("weight")]

    def distance(prefix: str, other: dict[str, torch.Tensor]) -> float:
        return sum(float((other[prefix + name] - cnn[name]).norm()) for name in names)

    assert distance("", gan) < 0.2 * distance("stages.1.", cascade)


def test_run_again_nothing_is_left_to_do_and_the_resolved_file_says_the_same(folder: Path) -> None:
    again = run(folder / "tiny.yaml")
    assert "0 cells done, 7 done before" in again.output
    resolved = CliRunner().invoke(
        app, ["run", str(folder / "out" / "experiment.yaml"), "--out", str(folder / "out"), "--device", "cpu", "--dry-run"]
    )
    assert resolved.output.count(": done") == 7, resolved.output


def test_when_a_source_changes_those_made_of_it_have_changed_too(folder: Path) -> None:
    changed = run(folder / "tiny.yaml", "models.cnn.training.steps=7")
    assert changed.exit_code == 2
    assert "was trained with" in changed.output
    assert "(and 5 more)" in changed.output


def test_a_source_may_be_a_checkpoint_of_another_run(folder: Path, write_experiment: Write) -> None:
    checkpoint = str(weights(folder, "cnn"))
    models = {"cascade": {"name": "cascade", "stages": [{"trained": checkpoint}, {"name": "classical", "method": "unsharp"}]},
              "warm": {**CNN, "start": checkpoint}}  # fmt: skip
    path = write_experiment(models=models)
    result = run(path)
    assert result.exit_code == 0, result.output
    image = torch.rand(1, 3, 32, 32)
    cascade = deblurbench.load(weights(path.parent, "cascade"))
    assert isinstance(cascade, Cascade)
    assert torch.equal(cascade.restorers()[0].restore(image), deblurbench.load(checkpoint).restore(image))


def test_a_source_that_failed_fails_what_is_made_of_it_and_says_which(write_experiment: Write) -> None:
    models = {"cnn": {**CNN, "training": {"learning_rate": 1e30}}, "cascade": MODELS["cascade"]}
    result = run(write_experiment(models=models))
    assert result.exit_code == 1
    assert "2 failed" in result.output
    assert "cascade / seed 0:" in result.output
    assert "cnn/seed-0/last.safetensors: is missing" in result.output


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"a": {"name": "cascade", "stages": [{"trained": "b"}, CNN]}}, "models.a.stages.0.trained: unknown model 'b'"),
        ({"a": {"name": "cascade", "stages": [{"trained": "a"}, CNN]}}, "models.a: refers to itself, through a -> a"),
        ({"a": {"name": "ensemble", "members": [CNN, CNN]}}, "models.a.members.0: has no trained weights; reference a trained model"),
        ({"a": {"name": "cascade", "stages": [CNN, CNN]}}, "models.a.stages.0: has no trained weights; reference"),
        ({"a": {"name": "diffusion", "network": TINY_UNET, "regressor": CNN}}, "models.a.regressor: has no trained weights"),
        ({"a": {"name": "cascade", "stages": [{"trained": "x.safetensors"}, CNN]}}, "x.safetensors: there is no such checkpoint"),
        ({"a": {"name": "cascade", "stages": [{"trained": "b", "tile": 3}, CNN]}, "b": CNN}, "expected only {trained: NAME}"),
        ({"a": CNN, "b": {"name": "cnn", "network": {**TINY_UNET, "widths": [4, 8]}, "start": "a"}}, "models.b.start: a: cannot be a start: it has 'network.stem.weight'"),
        ({"a": {"name": "identity"}, "b": {**CNN, "start": "a"}}, "models.b.start: 'a' has no weights to start from"),
        ({"a": {"name": "cascade", "stages": [{"name": "classical", "method": "wiener"}, CNN]}}, "models.a: cannot be trained on what an oracle restores"),
        ({"a": {"name": "diffusion", "network": TINY_UNET, "regressor": {"name": "classical", "method": "fir"}}}, "models.a: cannot be trained on what an oracle restores"),
        ({"a": CNN, "b": {**CNN, "start": 3}}, "models.b.start: expected a model of the experiment, weights that ship or a checkpoint, not 3"),
        ({"a": {**CNN, "sweep": {"grid": {"training.steps": [1, 2]}}}, "b": {**CNN, "start": "a"}}, "'a' is a sweep"),
        ({"a": {**CNN, "sweep": {"grid": {}}}}, "models.a.sweep: expected either 'grid', or 'random'"),
        ({"a": {**CNN, "sweep": {"grid": {"training.steps": []}}}}, "models.a.sweep.grid.training.steps: "),
        ({"a": {**CNN, "sweep": {"gird": {"training.steps": [1]}}}}, "models.a.sweep.gird: unknown key of a sweep"),
        ({"a": {**CNN, "sweep": {"random": {"training.steps": [1]}}}}, "models.a.sweep: expected either"),
        ({"a": {**CNN, "sweep": {"random": {"training.learning_rate": {"low": 0, "high": 1, "log": True}}, "draws": 2}}}, "above 0 with 'log: true'"),
        ({"a": {**CNN, "sweep": {"random": {"training.learning_rate": {"low": "much", "high": 1}}, "draws": 2}}}, "models.a.sweep.random.training.learning_rate.low"),
        ({"a": {**CNN, "sweep": {"grid": {"training.stpes": [1]}}}}, "did you mean 'steps'?"),
        ({"a": {"name": "identity", "sweep": {"grid": {"name": ["identity"]}}}}, "models.a.sweep: a-candidate-1 is not trained"),
    ],
)  # fmt: skip
def test_references_and_sweeps_that_make_no_sense_are_refused(models: Any, message: str, write_experiment: Write) -> None:
    result = run(write_experiment(models=models))
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_sweep_tries_every_setting_and_tests_only_the_best_by_validation(write_experiment: Write) -> None:
    """The best is the one that validates best, even where another would test better."""
    path = write_experiment(
        models={"cnn": {**CNN, "sweep": {"grid": {"training.learning_rate": [1e-8, 5e-3], "network.blocks": [1, 2]}}}},
        training={**TINY_TRAINING, "steps": 30, "validate_every": 30},
        seeds=[0, 1],
    )
    result = run(path)
    assert result.exit_code == 0, result.output
    out = path.parent / "out"
    runs = out / "runs" / "pairs"
    validated = {
        f"cnn-candidate-{number}": sum(
            read_json(runs / f"cnn-candidate-{number}" / f"seed-{seed}" / "history.json")["validation"][-1]["psnr"] for seed in (0, 1)
        ) / 2
        for number in (1, 2, 3, 4)
    }  # fmt: skip
    best = max(validated, key=lambda name: validated[name])
    for seed in (0, 1):
        record = read_json(runs / "cnn" / f"seed-{seed}" / "cell.json")
        assert record["choice"]["best"] == best
        assert record["choice"]["validation_psnr"] == pytest.approx(validated)
        tried = read_json(runs / best / f"seed-{seed}" / "cell.json")["spec"]
        assert record["spec"] == tried
    with (out / "comparison.csv").open() as file:
        assert [(row["model"], row["seed"]) for row in csv.DictReader(file)] == [("blurred", "0"), ("cnn", "0"), ("cnn", "1")]
    assert not list((runs / best / "seed-0").glob("restored"))
    (remark,) = read_results([out]).remarks
    settings = {
        "cnn-candidate-3": "training.learning_rate=0.005, network.blocks=1",
        "cnn-candidate-4": "training.learning_rate=0.005, network.blocks=2",
    }
    assert remark.startswith(
        f"pairs / cnn: the best of a sweep by validation PSNR: {validated[best]:.2f} dB with {settings[best]}; "
    )
    assert "0 cells done, 11 done before" in run(path).output
    resolved = CliRunner().invoke(app, ["run", str(out / "experiment.yaml"), "--out", str(out), "--device", "cpu", "--dry-run"])
    assert resolved.output.count(": done") == 11, resolved.output


def test_a_candidate_that_diverges_is_named_and_the_others_are_chosen_from(write_experiment: Write) -> None:
    sweep = {"grid": {"training.learning_rate": [1e30, 1e-3]}}
    path = write_experiment(models={"cnn": {**CNN, "sweep": sweep}}, training={**TINY_TRAINING, "steps": 12})
    result = run(path)
    assert result.exit_code == 1
    assert "1 failed" in result.output
    out = path.parent / "out"
    record = read_json(out / "runs" / "pairs" / "cnn" / "seed-0" / "cell.json")
    assert (record["status"], record["choice"]["best"], list(record["choice"]["validation_psnr"])) == (
        "done",
        "cnn-candidate-2",
        ["cnn-candidate-2"],
    )
    (failure,) = read_results([out]).failures
    assert failure.startswith("pairs / cnn-candidate-1 / seed 0: training diverged")
    assert "cnn: training losses" in (out / "report.html").read_text()  # the curve of the chosen one


def test_a_sweep_reaches_any_key(write_experiment: Write) -> None:
    """A network that is given nowhere else, a default that is not written out, a place in a list, and other sources."""
    grids: dict[str, Any] = {
        "a": {"name": "cnn", "sweep": {"grid": {"network": ["unet-tiny", "dbcnn-tiny"]}}},
        "b": {**GAN, "sweep": {"grid": {"adversarial_weight": [0.1, 0.2], "losses": [["l1"], ["psnr"]]}}},
        "c": {"name": "gan", "network": TINY_UNET, "sweep": {"grid": {"discriminator.width": [4, 8]}}},
        "d": {"name": "cascade", "stages": [{"trained": "x"}, CNN], "sweep": {"grid": {"stages.1.network.widths": [[4, 8], [8, 8]]}}},
        "e": {"name": "diffusion", "network": TINY_UNET, "sweep": {"grid": {"regressor": [{"trained": "x"}, {"trained": "y"}]}}},
        "f": {**CNN, "sweep": {"grid": {"start": ["x", "y"]}}},
        "x": CNN,
        "y": {**CNN, "losses": ["l1"]},
    }  # fmt: skip
    result = run(write_experiment(models=grids), "--dry-run")
    assert result.exit_code == 0, result.output
    listed = [line.split(" / ")[1] for line in result.output.splitlines() if " / " in line]
    assert listed.index("x") < listed.index("e-candidate-1") < listed.index("e")
    assert sum("candidate" in name for name in listed) == 14
    spoiled = run(write_experiment(models={"d": {**grids["d"], "sweep": {"grid": {"stages.7.losses": [["l1"]]}}}, "x": CNN}))
    assert "'stages' is a list: continue with an index, from 0, and a key" in spoiled.output


def test_a_classical_method_may_be_part_of_others_and_a_checkpoint_a_row(folder: Path, write_experiment: Write) -> None:
    models = {
        "polyblur": {"name": "classical", "method": "polyblur"},
        "both": {"name": "ensemble", "members": [{"trained": "polyblur"}, {"trained": str(weights(folder, "cnn"))}]},
        "before": {"name": "cascade", "stages": [{"trained": "polyblur"}, CNN]},
        "stored": {"trained": str(weights(folder, "cnn")), "variants": {"stored-x8": {"self_ensemble": True}}},
    }
    path = write_experiment(models=models)
    result = run(path)
    assert result.exit_code == 0, result.output
    image = torch.rand(1, 3, 32, 32)
    stored, cnn = (deblurbench.load(weights(place, name)) for place, name in ((path.parent, "stored"), (folder, "cnn")))
    assert torch.equal(stored.restore(image), cnn.restore(image))
    rows = {row["model"]: row for row in read_csv(path.parent / "out" / "comparison.csv")}
    assert (rows["stored-x8"]["inference"], rows["stored-x8"]["evaluations"]) == ("x8 self-ensemble", "8")
    assert float(rows["stored"]["train_seconds"]) > 0  # what is known of it: its history lies beside it
    again = CliRunner().invoke(
        app,
        [
            "run",
            str(path.parent / "out" / "experiment.yaml"),
            "--out",
            str(path.parent / "out"),
            "--device",
            "cpu",
            "--dry-run",
        ],
    )
    assert again.output.count(": done") == 6, again.output


def test_random_settings_are_drawn_by_the_seed() -> None:
    from deblurbench.experiment.sweeps import read_sweep

    given: dict[str, Any] = {
        "random": {"training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "network.blocks": {"low": 1, "high": 3},
                   "losses": [["l1"], ["charbonnier"]]},
        "draws": 40,
    }  # fmt: skip
    first, again, other = (read_sweep({**given, "seed": seed}, "", "cnn") for seed in (0, 0, 1))
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.changes == again.changes != other.changes
    rates = [change["training.learning_rate"] for change in first.changes]
    assert all(1e-4 <= rate <= 1e-2 for rate in rates)
    assert 10 < sum(rate < 1e-3 for rate in rates) < 30  # evenly in the logarithm
    assert {change["network.blocks"] for change in first.changes} == {1, 2, 3}
    assert {change["losses"][0] for change in first.changes} == {"l1", "charbonnier"}
    assert read_sweep({**given, "draws": 10}, "", "cnn").changes == first.changes[:10]  # type: ignore[union-attr]


def test_what_was_trained_for_a_time_is_labelled_in_the_report(write_experiment: Write) -> None:
    training = {name: value for name, value in TINY_TRAINING.items() if name != "steps"}
    models = {
        "cnn": CNN,
        "cnn-by-steps": {**CNN, "training": {"steps": 3, "minutes": None}},
        "unsharp": {"name": "classical", "method": "unsharp"},
    }
    path = write_experiment(models=models, training={**training, "minutes": 0.005})
    result = run(path)
    assert result.exit_code == 0, result.output
    assert read_results([path.parent / "out"]).remarks == ("trained for a time, and so not exactly reproducible: cnn",)
    page = (path.parent / "out" / "report.md").read_text()
    assert "Trained for a time, and so not exactly reproducible: cnn." in page


def test_an_oracle_is_refused_where_nobody_knows_the_kernel(write_experiment: Write) -> None:
    result = run(write_experiment(models={"oracle": {"name": "classical", "method": "wiener"}}))
    assert result.exit_code == 2
    assert (
        "models.oracle: is an oracle, which needs the true kernel, and data set 'pairs' was not blurred by us" in result.output
    )


def test_an_oracle_is_refused_where_the_blur_varies_over_the_picture(write_experiment: Write) -> None:
    rolls = {"layout": "skimage-photos", "blur": {"name": "mixed", "kinds": ["disk", "rotation"]}, "test_crop": 32}
    oracle = {"name": "classical", "method": "wiener"}
    result = run(write_experiment(datasets={"rolls": rolls}, models={"oracle": oracle}))
    assert result.exit_code == 2
    assert "models.oracle: is an oracle, which needs the true kernel, and the blur of data set 'rolls' varies" in result.output


def test_an_oracle_is_told_each_images_own_kernel_and_never_called_the_best(write_experiment: Write) -> None:
    path = write_experiment(
        datasets={"photos": {"layout": "skimage-photos", "blur": {"name": "motion", "length": [6, 12]}, "test_crop": 96,
                             "camera": {"name": "sensor", "shot_noise": 0.001, "read_noise": 0.0005}}},
        models={"oracle": {"name": "classical", "method": "wiener"}, "unsharp": {"name": "classical", "method": "unsharp"}},
    )  # fmt: skip
    result = run(path)
    assert result.exit_code == 0, result.output
    rows = {row["model"]: row for row in read_csv(path.parent / "out" / "comparison.csv")}
    assert float(rows["oracle"]["psnr"]) > float(rows["blurred"]["psnr"]) + 3
    assert (rows["oracle"]["oracle"], rows["unsharp"]["oracle"]) == ("True", "False")
    assert "oracle restores best" not in result.output
    assert "oracle, an oracle, is given the true blur kernel, which no real photograph comes with: it reaches" in result.output
    results = read_results([path.parent / "out"])
    assert compare(results, "photos").statistics_of("unsharp").versus_best is VersusBest.BEST
