"""The matrix: what is run, skipped, refused, moved aside, and what happens when something fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deblurbench.batch import Batch
from deblurbench.files import read_csv, read_json
from deblurbench.models.base import LossStep, Model
from deblurbench.models.cnn import CNN
from deblurbench.records.paths import RECORD
from deblurbench.training.trainer import Trainer
from tests.benchmark.running import ONE_MODEL, run
from tests.conftest import TINY_TRAINING

Write = Callable[..., Path]


def failing(family: type[Model], message: str) -> Callable[..., Iterator[LossStep]]:
    """Losses of a model that fail from the second step on: the first is tried before any work begins."""
    original = family.losses

    def losses(self: Model, batch: Batch, step: int) -> Iterator[LossStep]:
        if step > 0:
            raise RuntimeError(message)
        yield from original(self, batch, step)

    return losses


def test_one_yaml_gives_everything_that_a_run_leaves(write_experiment: Write, tmp_path: Path) -> None:
    result = run(write_experiment())
    assert result.exit_code == 0, result.output
    out = tmp_path / "out"
    comparison = read_csv(out / "comparison.csv")
    assert list(comparison[0]) == [
        "dataset", "model", "family", "network", "seed", "inference", "oracle", "pairs", "params", "evaluations", "macs", "train_seconds", "ms_per_megapixel",
        "ms_per_megapixel_spread",
        "data", "weights", "psnr", "ssim", "mse", "gmsd", "spectrum-error", "fine-detail", "color-error", "color-error-95",
    ]  # fmt: skip
    assert [row["model"] for row in comparison] == ["blurred", "cnn", "gan", "diffusion", "diffusion-1-sample"]
    by_model = {row["model"]: row for row in comparison}
    assert float(by_model["diffusion"]["macs"]) == 2 * float(by_model["diffusion-1-sample"]["macs"])  # 2 samples
    assert by_model["gan"]["params"] == by_model["cnn"]["params"]  # the discriminator is not needed to restore
    assert (by_model["blurred"]["params"], by_model["blurred"]["macs"]) == ("0", "0")
    images = read_csv(out / "per_image.csv")
    assert [row["image"] for row in images if row["model"] == "gan"] == ["test-t0", "test-t1"]
    for model in by_model:
        mean = sum(float(row["psnr"]) for row in images if row["model"] == model) / 2
        assert float(by_model[model]["psnr"]) == pytest.approx(mean, rel=1e-4)
    for name in (
        "report.html",
        "report.md",
        "tables.tex",
        "statistics.csv",
        "grids/pairs.png",
        "experiment.yaml",
        "environment.json",
    ):
        assert (out / name).stat().st_size > 0
    for name in ("last.safetensors", "best.safetensors", "state.safetensors", "restored/test-t0.png"):
        assert (out / "runs" / "pairs" / "gan" / "seed-0" / name).stat().st_size > 0
    assert "5 cells done, 0 done before, 0 failed" in result.output
    assert f"open  {out / 'report.html'}" in result.output
    assert re.match(r"on CPU.*, 1 of \d+ cores\n", result.output)
    line = r"\[2/5\] pairs / cnn / seed 0\n  PSNR \d+\.\d\d dB, [+-]\d+\.\d\d dB over the blurred input, \d+ s\n"
    assert re.search(line, result.output)


def test_the_blurred_rows_scores_are_those_of_the_files(write_experiment: Write, tmp_path: Path, pairs_folder: Path) -> None:
    from skimage.metrics import peak_signal_noise_ratio

    from deblurbench.images.reading import read_photo

    run(write_experiment(models=ONE_MODEL))
    row = next(
        row for row in read_csv(tmp_path / "out" / "per_image.csv") if (row["model"], row["image"]) == ("blurred", "test-t1")
    )
    blurred, sharp = (read_photo(pairs_folder / "test" / side / "t1.png").pixels for side in ("blur", "sharp"))
    assert float(row["psnr"]) == pytest.approx(peak_signal_noise_ratio(sharp, blurred), abs=1e-4)


def test_progress_gives_loss_validation_and_time_left(write_experiment: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deblurbench.progress.LINE_SECONDS", 0.0)
    output = run(write_experiment(models=ONE_MODEL)).output
    line = r"^\[2/2\] cnn: step 6 of 6, loss [\d.e-]+, validation \d+\.\d\d dB, 0 s left, 0 s for all$"
    assert re.search(line, output, re.MULTILINE), output
    assert "\r" not in output


def test_what_is_done_is_skipped(write_experiment: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = write_experiment(models=ONE_MODEL)
    run(experiment)
    before = (tmp_path / "out" / "comparison.csv").read_bytes()
    monkeypatch.setattr(Trainer, "run", lambda _: pytest.fail("trained again"))
    result = run(experiment)
    assert "0 cells done, 2 done before, 0 failed" in result.output
    assert (tmp_path / "out" / "comparison.csv").read_bytes() == before


def test_more_seeds_only_add_cells_and_are_averaged(write_experiment: Write, tmp_path: Path) -> None:
    run(write_experiment(models=ONE_MODEL))
    result = run(write_experiment(models=ONE_MODEL, seeds=[0, 1]))
    assert "1 cells done, 2 done before" in result.output
    assert [row["seed"] for row in read_csv(tmp_path / "out" / "comparison.csv")] == ["0", "0", "1"]
    assert "±" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"training": {**TINY_TRAINING, "steps": 7}}, "training.steps 6, not 7"),
        ({"models": {"cnn": {**ONE_MODEL["cnn"], "losses": ["l1"]}}}, "model.losses [{'name': 'charbonnier',"),
    ],
)
def test_changed_cells_are_never_mixed_in(write_experiment: Write, tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    run(write_experiment(models=ONE_MODEL))
    before = (tmp_path / "out" / "comparison.csv").read_bytes()
    changed = write_experiment(**{"models": ONE_MODEL, **changes})
    refused = run(changed)
    assert refused.exit_code == 2
    assert f"cnn/seed-0: was trained with {why}" in refused.output
    assert "; run with --restart" in refused.output
    assert (tmp_path / "out" / "comparison.csv").read_bytes() == before
    restarted = run(changed, "--restart")
    assert restarted.exit_code == 0
    assert (tmp_path / "out" / "runs" / "pairs" / "cnn" / "seed-0.old-1" / "last.safetensors").is_file()
    assert "moved aside" in restarted.output
    assert "1 cells done, 1 done before" in restarted.output  # the blurred input has not changed


def test_other_ways_to_restore_are_scored_anew_only_when_asked(write_experiment: Write, tmp_path: Path) -> None:
    def experiment(steps: int) -> Path:
        model = {"name": "diffusion", "network": ONE_MODEL["cnn"]["network"], "sampling_steps": 1}
        return write_experiment(models={"d": {**model, "variants": {"more": {"sampling_steps": steps}}}})

    run(experiment(2))
    refused = run(experiment(3))
    assert refused.exit_code == 2
    assert "more/seed-0: was scored with model.sampling_steps 2, not 3; run with --restart" in refused.output
    restarted = run(experiment(3), "--restart")
    assert "1 cells done, 2 done before" in restarted.output
    assert (tmp_path / "out" / "runs" / "pairs" / "more" / "seed-0" / "restored.old-1").is_dir()
    assert "old-1" not in (tmp_path / "out" / "report.html").read_text()


def test_truth_and_tables_follow_a_restart(write_experiment: Write, tmp_path: Path, pairs_folder: Path) -> None:
    def cropped(size: int) -> Path:
        layout = {"name": "paired-folder", "path": str(pairs_folder)}
        return write_experiment(models=ONE_MODEL, datasets={"pairs": {"layout": layout, "test_crop": size}})

    run(cropped(40))
    result = run(cropped(32), "--restart")
    assert result.exit_code == 0, result.output
    from PIL import Image

    for picture in (tmp_path / "out" / "runs" / "pairs" / "sharp").iterdir():
        assert Image.open(picture).size == (32, 32)
    assert "failed" not in (tmp_path / "out" / "report.md").read_text()


def test_a_model_that_is_taken_out_leaves_the_report(write_experiment: Write, tmp_path: Path) -> None:
    run(write_experiment(models={**ONE_MODEL, "second": ONE_MODEL["cnn"]}))
    run(write_experiment(models=ONE_MODEL, question="Only one?"))
    report = (tmp_path / "out" / "report.md").read_text()
    assert "second" not in report
    assert "Only one?" in report
    assert "second" not in (tmp_path / "out" / "experiment.yaml").read_text()


def test_photographs_too_small_to_score_stop_the_run_before_it_begins(
    write_experiment: Write, tmp_path: Path, write_pairs: Callable[..., Path], pairs_folder: Path
) -> None:
    write_pairs(pairs_folder / "test", ["tiny.png"], size=9)
    result = run(write_experiment())
    assert result.exit_code == 2
    assert (
        "tiny.png: 9x9 pixels are too few for the recipe 'deblurbench' with its metrics, which need 11 a side" in result.output
    )
    assert not (tmp_path / "out").exists()


def test_environments_are_kept_with_the_cells_that_were_made_in_them(
    write_experiment: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(write_experiment(models=ONE_MODEL))
    monkeypatch.setattr("deblurbench.environment._processor", lambda: "another processor")
    run(write_experiment(models=ONE_MODEL, seeds=[0, 1]))
    environments = read_json(tmp_path / "out" / "environment.json")
    assert [environment["cells"] for environment in environments] == [
        ["pairs / blurred / seed 0", "pairs / cnn / seed 0"],
        ["pairs / cnn / seed 1"],
    ]
    assert environments[1]["machine"]["processor"] == "another processor"


def test_changed_data_are_noticed(write_experiment: Write, pairs_folder: Path) -> None:
    from PIL import Image

    experiment = write_experiment(models=ONE_MODEL)
    run(experiment)
    path = pairs_folder / "train" / "sharp" / "a0.png"
    Image.open(path).rotate(90).save(path)
    refused = run(experiment)
    assert refused.exit_code == 2
    assert "blurred/seed-0: was run with other files of data (and 1 more)" in refused.output


def test_data_elsewhere_are_the_same_data(write_experiment: Write, pairs_folder: Path, tmp_path: Path) -> None:
    run(write_experiment(models=ONE_MODEL))
    moved = pairs_folder.rename(tmp_path / "moved")
    result = run(write_experiment(models=ONE_MODEL), f"datasets.pairs.layout.path={moved}")
    assert "0 cells done, 2 done before" in result.output


def test_a_cell_that_fails_is_reported_and_the_others_go_on(
    write_experiment: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = write_experiment()
    with monkeypatch.context() as patched:
        patched.setattr(CNN, "losses", failing(CNN, "out of\nmemory"))
        result = run(experiment)
    assert result.exit_code == 1
    assert "failed: pairs / cnn / seed 0: RuntimeError: out of memory" in result.output
    out = tmp_path / "out"
    assert "Traceback" in (out / "runs" / "pairs" / "cnn" / "seed-0" / "error.txt").read_text()
    assert [row["model"] for row in read_csv(out / "comparison.csv")] == ["blurred", "gan", "diffusion", "diffusion-1-sample"]
    assert "RuntimeError: out of memory" in (out / "report.html").read_text()
    assert "failed: pairs / cnn / seed 0" in (out / "report.md").read_text()
    again = run(experiment)  # mended: only the failed one is run
    assert again.exit_code == 0
    assert "1 cells done, 4 done before" in again.output
    assert not (out / "runs" / "pairs" / "cnn" / "seed-0" / "error.txt").exists()


def test_a_variant_of_a_failed_training_fails_with_its_reason(write_experiment: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    from deblurbench.models.diffusion import Diffusion

    monkeypatch.setattr(Diffusion, "losses", failing(Diffusion, "broken"))
    result = run(write_experiment())
    assert "diffusion-1-sample / seed 0: " in result.output
    assert "is missing: the training that writes it failed" in result.output


def test_a_dry_run_only_lists(write_experiment: Write, tmp_path: Path) -> None:
    result = run(write_experiment(), "--dry-run")
    assert result.exit_code == 0
    assert "pairs / diffusion-1-sample / seed 0: to do" in result.output
    assert "a step of each training; 5 cells in " in result.output
    assert "; nothing was run" in result.output
    assert not (tmp_path / "out").exists()


def test_what_is_left_out_is_named_in_the_report(write_experiment: Write, pairs_folder: Path, tmp_path: Path) -> None:
    (pairs_folder / "train" / "blur" / "a0.png").write_text("no image")
    result = run(write_experiment(models=ONE_MODEL))
    assert result.exit_code == 0
    assert "left out of pairs: 1 (all are named in the report)" in result.output
    assert "a0.png: not an image" in (tmp_path / "out" / "report.html").read_text()


def test_missing_weights_of_a_loss_stop_the_run_before_it_begins(
    write_experiment: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.models import VGG19_Weights

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(VGG19_Weights, "get_state_dict", unreachable)
    result = run(write_experiment(models={"cnn": {**ONE_MODEL["cnn"], "losses": ["l1", "vgg"]}}))
    assert result.exit_code == 2
    assert "loss 'vgg': its weights could not be fetched" in result.output
    assert not (tmp_path / "out").exists()


def test_half_written_records_are_never_read(write_experiment: Write, tmp_path: Path) -> None:
    """What a crash may leave beside a file is not taken for it."""
    experiment = write_experiment(models=ONE_MODEL)
    run(experiment)
    folder = tmp_path / "out" / "runs" / "pairs" / "cnn" / "seed-0"
    (folder / f".{RECORD}.abc.part").write_text("{")
    (folder / ".state.safetensors.abc.part").write_text("half")
    assert "2 done before" in run(experiment).output
    assert read_json(folder / RECORD)["status"] == "done"
    assert list((tmp_path / "out").rglob("*.part")) == []  # and it is swept up


def test_without_a_cache_the_run_says_so_and_gives_the_same(
    write_experiment: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_experiment(models=ONE_MODEL)
    assert run(path).exit_code == 0
    result = run(path, "--cache-gigabytes", "0", "--out", str(tmp_path / "off"))
    assert result.exit_code == 0, result.output
    assert "pairs: 14 of 14 images are not in the cache, which is full or off" in result.output
    monkeypatch.setenv("DEBLURBENCH_CACHE", str(path))  # a file: nothing can be written below it
    result = run(path, "--out", str(tmp_path / "broken"))
    assert result.exit_code == 0, result.output
    assert result.output.count("the cache cannot be written (Not a directory) and is turned off") == 1
    assert "pairs: 14 of 14 images are not in the cache" in result.output
    cached, off, broken = (read_csv(tmp_path / name / "per_image.csv") for name in ("out", "off", "broken"))
    assert cached == off == broken
