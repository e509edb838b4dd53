"""The scores that a run leaves."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from deblurbench.apps.cli import app
from deblurbench.benchmark.collect import mean_scores
from deblurbench.data.prepared import PreparedDataset
from deblurbench.data.table import TEST
from deblurbench.files import read_csv
from deblurbench.images.reading import read_photo
from deblurbench.metrics.recipe import find_recipe
from deblurbench.records.scores import ImageScores
from deblurbench.scoring.test_set import require_scorable, write_sharp_images
from tests.benchmark.running import ONE_MODEL, run

Write = Callable[..., Path]


def test_the_truth_is_looked_at_without_blurring_it(
    sharp_photos: PreparedDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a large test set, blurring every photograph only to learn its size would take minutes."""
    monkeypatch.setattr("deblurbench.data.test_images.blur_image", lambda *_: pytest.fail("blurred for nothing"))
    require_scorable(sharp_photos, find_recipe("deblurbench"))
    write_sharp_images(sharp_photos, tmp_path)
    for item in sharp_photos.items(TEST):
        written = read_photo(tmp_path / f"{item.entry.key}.png").pixels
        assert np.array_equal(written, sharp_photos.sharp(item))


def test_missing_weights_of_a_metric_stop_the_run_before_it_begins(write_experiment: Write, tmp_path: Path) -> None:
    result = run(write_experiment(models=ONE_MODEL, metrics=["mae", {"name": "lpips", "weights": "none.pth"}]))
    assert result.exit_code == 2
    assert (
        "none.pth: cannot be read (No such file or directory); metric 'lpips' needs alexnet-owt-7be5be79.pth" in result.output
    )
    assert not (tmp_path / "out").exists()


def test_the_scores_of_a_run_are_those_of_its_files(write_experiment: Write, pairs_folder: Path, tmp_path: Path) -> None:
    """Whoever evaluates the folder of restored images finds the numbers of the table; and its hashes are of these files."""
    result = run(write_experiment(models=ONE_MODEL, recipe="gopro-matlab", metrics=["mae", "gmsd"]))
    assert result.exit_code == 0, result.output
    out = tmp_path / "out"
    cell = out / "runs" / "pairs" / "cnn" / "seed-0"
    (tmp_path / "truth").mkdir()
    for path in (pairs_folder / "test" / "sharp").iterdir():
        shutil.copy(path, tmp_path / "truth" / f"test-{path.name}")
    command = [
        "evaluate",
        "--restored",
        str(cell / "restored"),
        "--sharp",
        str(tmp_path / "truth"),
        "--recipe",
        "gopro-matlab@1",
    ]
    evaluated = CliRunner().invoke(app, [*command, "--metrics", "[mae, gmsd]", "--out", str(tmp_path / "scores.csv")])
    assert evaluated.exit_code == 0, evaluated.output
    columns = ("image", "psnr", "ssim", "mae", "gmsd")
    theirs = [{column: row[column] for column in columns} for row in read_csv(out / "per_image.csv") if row["model"] == "cnn"]
    assert theirs == read_csv(tmp_path / "scores.csv")
    (row,) = (row for row in read_csv(out / "comparison.csv") if row["model"] == "cnn")
    assert row["weights"] == hashlib.sha256((cell / "last.safetensors").read_bytes()).hexdigest()
    assert len(row["data"]) == 16
    page = (out / "report.html").read_text()
    assert "Recipe gopro-matlab@1: as GoPro tables" in page
    assert row["weights"] in page


def test_every_test_image_says_its_scene_and_its_blur(write_experiment: Write, photo: np.ndarray, tmp_path: Path) -> None:
    """Blurred on the fly, or by `deblurbench data blur` long before: then the manifest tells."""
    for split, count in (("train", 2), ("validation", 1), ("test", 2)):
        (tmp_path / "photos" / split).mkdir(parents=True)
        for number in range(count):
            part = photo[40 * number : 40 * number + 64, 70 * len(split) % 300 : 70 * len(split) % 300 + 64]
            Image.fromarray(part).save(tmp_path / "photos" / split / f"{split}{number}.png")
    made = [
        "data",
        "blur",
        str(tmp_path / "photos"),
        str(tmp_path / "made"),
        "--kind",
        "{name: disk, size: [4, 4]}",
        "--workers",
        "1",
    ]
    assert CliRunner().invoke(app, made).exit_code == 0
    datasets = {
        "made": {"layout": {"name": "paired-folder", "path": str(tmp_path / "made")}},
        "fly": {
            "layout": {"name": "sharp-folder", "path": str(tmp_path / "photos")},
            "blur": {"name": "gaussian", "sigma": [2, 2]},
        },
    }
    result = run(write_experiment(models=ONE_MODEL, datasets=datasets))
    assert result.exit_code == 0, result.output
    images = read_csv(tmp_path / "out" / "per_image.csv")
    assert {(row["dataset"], row["blur"]) for row in images} == {("made", "disk"), ("fly", "gaussian")}
    assert {row["scene"] for row in images if row["dataset"] == "made"} == {"test-test0", "test-test1"}
    for row in images:  # the spread of a disk is its radius / sqrt(2), that of a Gaussian sigma x sqrt(2)
        assert float(row["spread"]) == pytest.approx(2**0.5 * 2, rel=0.03)


def test_really_blurred_photographs_are_restored_and_shown_but_not_scored(
    write_experiment: Write, tmp_path: Path, photo: np.ndarray
) -> None:
    for kind, folder in (("S", "sharp"), ("M", "motion_blurred"), ("F", "defocused_blurred")):
        (tmp_path / "kwentar" / folder).mkdir(parents=True)
        for number in range(10):
            Image.fromarray(photo[number : number + 48, :48]).save(tmp_path / "kwentar" / folder / f"{number}_PHONE_{kind}.JPG")
    layout = {"name": "kwentar-blur", "path": str(tmp_path / "kwentar")}
    run(write_experiment(models=ONE_MODEL, datasets={"kaggle": {"layout": layout, "blur": "motion"}}))
    out = tmp_path / "out"
    restored = {path.stem for path in (out / "runs" / "kaggle" / "cnn" / "seed-0" / "restored").iterdir()}
    shown = {name for name in restored if name.endswith(("_M", "_F"))}
    assert len(shown) == 2
    assert {row["image"] for row in read_csv(out / "per_image.csv")} == restored - shown
    assert (out / "grids" / "kaggle-really-blurred.png").is_file()
    assert "shown and not compared with one" in (out / "report.html").read_text()
    alone = read_csv(out / "really_blurred.csv")
    assert {row["image"] for row in alone} == shown
    assert {row["model"] for row in alone} == {"blurred", "cnn"}
    assert all(float(row["laplacian-variance"]) > 0 for row in alone)
    assert "variance of the Laplacian" in (out / "report.html").read_text()


def test_infinite_scores_are_left_out_of_means() -> None:
    rows = [
        ImageScores(name, "", "", None, {"psnr": psnr, "ssim": ssim})
        for name, psnr, ssim in (("a", math.inf, 1.0), ("b", 30.0, 0.5))
    ]
    assert mean_scores(rows, ("psnr", "ssim")) == {"psnr": 30.0, "ssim": 0.75}
    assert mean_scores(rows[:1], ("psnr",)) == {"psnr": math.inf}
