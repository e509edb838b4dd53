from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deblurbench.errors import UsageError
from deblurbench.files import read_csv, write_csv, write_json
from deblurbench.report.findings.comparison import compare
from deblurbench.report.findings.setups import SetupDifferences, setup_differences
from deblurbench.report.page import write_report
from deblurbench.report.reading import read_results
from deblurbench.yaml_files import read_yaml, to_yaml
from tests.report.invented import invent

UNET = {"name": "unet", "widths": [32, 64], "blocks": 1}
CNN = {"name": "cnn", "network": UNET, "losses": [{"name": "charbonnier", "weight": 1.0, "epsilon": 0.001}]}
GAN = {
    "name": "gan", "network": UNET, "losses": [{"name": "charbonnier", "weight": 1.0}, {"name": "edge", "weight": 0.05}],
    "adversarial": {"name": "hinge"}, "adversarial_weight": 0.002,
}  # fmt: skip
DIFFUSION = {"name": "diffusion", "network": UNET, "prediction": "v", "sampling_steps": 4}


def trained(folder: Path, models: dict[str, Any], **costs: dict[str, str]) -> Path:
    """Results of these `models`, each of 440 k parameters and trained for a minute, save what `costs` says of it."""
    invent(folder, images=6, **dict.fromkeys(models, 1.0))
    rows = read_csv(folder / "comparison.csv")
    for row in rows[1:]:
        row |= {"params": "440000", "train_seconds": "60", **costs.get(row["model"], {})}
    write_csv(folder / "comparison.csv", rows[0], rows)
    experiment = read_yaml(folder / "experiment.yaml")
    experiment["models"] = {name: {"variants": {}, "training": {}, **model} for name, model in models.items()}
    experiment["training"] = {"steps": 420, "learning_rate": 0.001, "log_every": 20}
    (folder / "experiment.yaml").write_text(to_yaml(experiment))
    return folder


def found(*folders: Path) -> SetupDifferences | None:
    results = read_results(folders)
    return setup_differences(results, compare(results, "photos"))


def columns(*folders: Path) -> dict[str, dict[str, str]]:
    """The texts of each column by model."""
    table = found(*folders)
    assert table is not None
    return {heading: {row[0]: row[place] for row in table.rows} for place, heading in enumerate(table.headings) if place}


def test_losses_time_and_parameters_of_the_same_network_are_named(tmp_path: Path) -> None:
    slow, large = {"gan": {"train_seconds": "90"}}, {"diffusion": {"params": "543000"}}
    folder = trained(tmp_path / "a", {"cnn": CNN, "gan": GAN, "diffusion": DIFFUSION}, **slow, **large)
    assert columns(folder) == {
        "budget": dict.fromkeys(["cnn", "gan", "diffusion"], "420 steps"),
        "training time": {"cnn": "60 s", "gan": "90 s", "diffusion": "60 s"},
        "losses": {
            "cnn": "charbonnier",
            "gan": "charbonnier + 0.05 edge + 0.002 adversarial (hinge)",
            "diffusion": "squared error of v",
        },
        "parameters": {"cnn": "440 k", "gan": "440 k", "diffusion": "543 k, with time conditioning"},
    }
    write_report(read_results([folder]), folder)
    for name in ("report.html", "report.md"):
        text = (folder / name).read_text()
        assert "What differs between the rows" in text
        assert "The same network, unet, has 440 k parameters in " in text
        assert ", and 543 k parameters in diffusion: there it also takes the time of each sampling step" in text


def test_nothing_is_said_where_nothing_differs(tmp_path: Path) -> None:
    assert found(trained(tmp_path / "a", {"cnn": CNN, "twin": CNN}, twin={"train_seconds": "63"})) is None
    assert found(trained(tmp_path / "b", {"cnn": CNN})) is None
    untrained = {"params": "0", "train_seconds": "0"}
    assert found(trained(tmp_path / "c", {"cnn": CNN, "unsharp": {"name": "classical"}}, unsharp=untrained)) is None


def test_parameters_are_given_where_names_do_not_tell_what_differs(tmp_path: Path) -> None:
    wide = {**CNN, "network": {**UNET, "widths": [64, 128]}, "residual": False}
    found = columns(trained(tmp_path / "a", {"cnn": {**CNN, "residual": True}, "wide": wide, "warm": {**wide, "start": "cnn"}}))
    assert found == {
        "network": {"cnn": "unet (widths 32, 64; blocks 1)"}
        | dict.fromkeys(["wide", "warm"], "unet (widths 64, 128; blocks 1)"),
        "first weights": {"cnn": "random", "wide": "random", "warm": "cnn"},
        "further settings": {"cnn": "residual yes", "wide": "residual no", "warm": "residual no"},
    }


def test_variants_are_trained_as_what_they_vary(tmp_path: Path) -> None:
    sampled = {**DIFFUSION, "training": {"steps": None, "minutes": 10.0}, "variants": {"two-steps": {"sampling_steps": 2}}}
    folder = trained(tmp_path / "a", {"cnn": CNN, "diffusion": sampled, "two-steps": {}})
    experiment = read_yaml(folder / "experiment.yaml")
    del experiment["models"]["two-steps"]
    (folder / "experiment.yaml").write_text(to_yaml(experiment))
    assert columns(folder)["budget"] == {"cnn": "420 steps", "diffusion": "10 minutes", "two-steps": "10 minutes"}
    del experiment["models"]["cnn"]
    (folder / "experiment.yaml").write_text(to_yaml(experiment))
    with pytest.raises(UsageError, match=r"a/experiment\.yaml: has no model 'cnn', of which comparison\.csv has scores"):
        found(folder)


def test_merged_results_are_told_apart_by_their_own_experiments(tmp_path: Path) -> None:
    first, second = (trained(tmp_path / name, {"cnn": CNN}) for name in ("a", "b"))
    experiment = read_yaml(second / "experiment.yaml")
    experiment["training"] |= {"steps": 900, "learning_rate": 1e-4, "log_every": 50}
    (second / "experiment.yaml").write_text(to_yaml(experiment))
    assert columns(first, second) == {
        "budget": {"cnn": "420 steps", "cnn (b)": "900 steps"},
        "learning rate": {"cnn": "0.001", "cnn (b)": "0.0001"},
    }


def test_what_a_sweep_has_chosen_is_told_as_far_as_it_is_stored(tmp_path: Path) -> None:
    swept = {**CNN, "sweep": {"grid": {"losses.0.weight": [1, 2], "training.learning_rate": [0.001, 0.01]}}}
    folder = trained(tmp_path / "a", {"cnn": CNN, "swept": swept})
    assert columns(folder) == {
        "learning rate": {"cnn": "0.001", "swept": "chosen by a sweep"},
        "losses": {"cnn": "charbonnier", "swept": "chosen by a sweep charbonnier"},
    }
    settings = {"swept-candidate-2": {"losses.0.weight": 2, "training.learning_rate": 0.01}}
    record = {
        "status": "done",
        "training_identity": "",
        "scoring_identity": "",
        "chosen": "swept-candidate-2",
        "settings": settings,
        "validation_psnr": {"swept-candidate-2": 30.0},
    }
    write_json(folder / "runs" / "photos" / "swept" / "seed-0" / "cell.json", record)
    assert columns(folder) == {
        "learning rate": {"cnn": "0.001", "swept": "0.01"},
        "losses": {"cnn": "charbonnier", "swept": "2 charbonnier"},
    }
