"""The notebooks run, the experiments run unchanged once their data is there, and the pages are true."""

from __future__ import annotations

import csv
import gzip
import os
import re
import struct
import textwrap
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image
from typer.testing import CliRunner

from deblurbench.apps.cli import app
from deblurbench.data.layouts.base import layout_called
from deblurbench.experiment.composition import find_experiment
from deblurbench.experiment.experiment import load_experiment
from deblurbench.metrics.recipe import recipes
from deblurbench.registry import (
    ADVERSARIAL_LOSSES,
    BLURS,
    CAMERAS,
    CLASSICAL,
    DISCRIMINATORS,
    LAYOUTS,
    LOSSES,
    METRICS,
    MODELS,
    NETWORKS,
    NO_REFERENCE,
)

ROOT = Path(__file__).parent.parent
DATA_PAGE = (ROOT / "docs" / "data.md").read_text()
TINY = [
    "training.steps=1",
    "training.batch_size=1",
    "training.crop_size=28",
    "training.validate_every=1",
    "training.log_every=1",
    "training.progressive=[]",
    "training.compile=false",
]


def write_kwentar(root: Path, photo: np.ndarray) -> None:
    for number in range(3):
        for kind, folder in (("S", "sharp"), ("F", "defocused_blurred"), ("M", "motion_blurred")):
            (root / "blur_dataset_scaled" / folder).mkdir(parents=True, exist_ok=True)
            image = np.roll(photo, 50 * number, axis=1)[60:140, 100:180]
            Image.fromarray(image).save(root / "blur_dataset_scaled" / folder / f"{number}_IPHONE-SE_{kind}.JPG")


def write_gopro(root: Path, photo: np.ndarray) -> None:
    for split, sequences in (("train", ("GOPR0372_07_00", "GOPR0374_11_01")), ("test", ("GOPR0384_11_00",))):
        for place, sequence in enumerate(sequences):
            for kind in ("blur", "sharp"):
                (root / split / sequence / kind).mkdir(parents=True)
                image = photo[100 + 9 * place : 148 + 9 * place, 60 * len(split) : 60 * len(split) + 64]
                Image.fromarray(image).save(root / split / sequence / kind / "000047.png")


def write_photos(root: Path, photo: np.ndarray) -> None:
    root.mkdir(parents=True)
    for number in range(3):
        Image.fromarray(photo[60:108, 60 * number : 60 * number + 64]).save(root / f"{number}.jpg")


def write_mnist(root: Path, _: np.ndarray) -> None:
    root.mkdir(parents=True)
    for name, count in (("train-images-idx3-ubyte.gz", 12), ("t10k-images-idx3-ubyte.gz", 2)):
        digits = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        (root / name).write_bytes(gzip.compress(struct.pack(">4I", 2051, *digits.shape) + digits.tobytes()))


def write_faces(root: Path, photo: np.ndarray) -> None:
    for place, split in enumerate(("train", "validation", "test")):
        for kind in ("blur", "sharp"):
            folder = root / "DBlur" / "CelebA" / split / kind
            folder.mkdir(parents=True)
            Image.fromarray(photo[60:108, 70 * place : 70 * place + 64]).save(folder / "000001.png")


def write_pairs(root: Path, photo: np.ndarray) -> None:
    for side in ("lq", "gt"):
        write_photos(root / side, photo)


EXPERIMENTS = {
    "celebrity": ("data/a-curated-list-of-image-deblurring-datasets", write_faces),
    "gopro": ("data/GOPRO_Large", write_gopro),
    "gaussian-photos": ("data/photos", write_photos),
    "own-photos": ("data/own-photos", write_photos),
    "own-pairs": ("data/own-pairs", write_pairs),
    "mnist-motion": ("data/mnist", write_mnist),
    "weights-card": ("data/own-photos", write_photos),
    "weights-card-varying": ("data/own-photos", write_photos),
    "weights-card-old": ("data/own-photos", write_photos),
    "weights-old-photo": ("data/own-photos", write_photos),
    "weights-photo": ("data/own-photos", write_photos),
    "weights-photo-fast": ("data/own-photos", write_photos),
}


def test_every_experiment_is_run_here() -> None:
    # By whoever runs the README, by the notebook below, and shortened below.
    elsewhere = {"quickstart", "kaggle-blur", "families-x-networks", "steps-vs-quality", "ten-minutes"}
    assert {path.stem for path in (ROOT / "experiments").glob("*.yaml")} == {*EXPERIMENTS, *elsewhere}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_runs_unchanged_once_its_data_is_there(
    name: str, tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, as it stands; only the training is cut short."""
    where, write = EXPERIMENTS[name]
    write(tmp_path / where, photo)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["run", name, "--device", "cpu", *TINY])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "results" / name / "report.html").is_file()
    assert "0 failed" in result.output


@pytest.mark.parametrize("name", ["families-x-networks", "ten-minutes"])
def test_comparisons_of_families_run_with_their_data_at_hand(
    name: str, tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every model of it trains and restores; on small photographs, and one sample in place of eight."""
    write_photos(tmp_path / "photos", photo)
    monkeypatch.chdir(tmp_path)
    experiment = load_experiment(find_experiment(name))
    models = experiment.models
    layout = f"{{name: sharp-folder, path: {tmp_path / 'photos'}}}"
    small = [f"datasets.{dataset}.layout={layout}" for dataset in experiment.datasets]
    small += [f"models.{model}.samples=1" for model, entry in models.items() if "samples" in entry.spec]
    small += [f"models.{model}.variants={{}}" for model, entry in models.items() if "diffusion" in model and entry.variants]
    small += [
        f"models.{model}.training.steps=1" for model, entry in models.items() if name == "ten-minutes" and entry.is_trained
    ]
    result = CliRunner().invoke(app, ["run", name, "--device", "cpu", *TINY, *small])
    assert result.exit_code == 0, result.output
    assert "0 failed" in result.output
    assert (tmp_path / "results" / name / "report.html").is_file()


def test_steps_are_varied_without_training_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of the experiment is checked, and two rows of each model are run."""
    monkeypatch.chdir(tmp_path)
    listed = CliRunner().invoke(app, ["run", "steps-vs-quality", "--dry-run"])
    assert listed.exit_code == 0, listed.output
    assert "18 cells" in listed.output
    few = ["models.diffusion.variants={two: {sampling_steps: 2}}", "models.bridge.variants={ten: {sampling_steps: 10}}"]
    result = CliRunner().invoke(
        app, ["run", "steps-vs-quality", "--device", "cpu", *TINY, *few, "datasets.photos-gaussian.test_crop=64"]
    )
    assert result.exit_code == 0, result.output
    assert "0 failed" in result.output
    runs = tmp_path / "results" / "steps-vs-quality" / "runs" / "photos-gaussian"
    assert {path.parent.parent.name for path in runs.rglob("last.safetensors")} == {"diffusion", "bridge"}
    with (tmp_path / "results" / "steps-vs-quality" / "comparison.csv").open() as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    evaluations = {name: int(row["evaluations"]) for name, row in rows.items()}
    assert evaluations == {"blurred": 0, "diffusion": 4, "two": 2, "bridge": 1, "ten": 10}


def execute(name: str, folder: Path, **environment: str) -> str:
    """Run a notebook as it is committed; everything that its cells printed."""
    notebook = nbformat.read(ROOT / "docs" / name, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    before = dict(os.environ)
    # Tests run side by side: two threads that wait for each other's turn take several times as long as one.
    os.environ.update({**environment, "OMP_NUM_THREADS": "1"})
    try:
        NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(folder)}}).execute()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))


def test_the_notebooks_run_on_small_data(tmp_path: Path, photo: np.ndarray) -> None:
    """The second explores what the first has left."""
    write_kwentar(tmp_path / "input" / "blur-dataset", photo)
    (tmp_path / "output").mkdir()
    small = [f"models.{model}.network=unet-tiny" for model in ("cnn", "gan", "diffusion")]
    printed = execute(
        "kaggle.ipynb",
        tmp_path,
        INPUT=str(tmp_path / "input"),
        OUTPUT=str(tmp_path / "output"),
        TRAINING=" ".join([*TINY, *small, "models.diffusion.samples=2", "models.diffusion.sampling_steps=1"]),
    )
    assert "kwentar-blur" in printed
    assert "10 cells done, 0 done before, 0 failed" in printed
    assert (tmp_path / "output" / "pairs.png").is_file()
    assert re.search(r"with the winner of .*/kaggle-blur: [\w-]+ \([+-]\d+\.\d\d dB on kaggle-motion\)", printed)
    assert (tmp_path / "output" / "deblurred.png").is_file()
    assert (tmp_path / "output" / "deblurred-before-after.jpg").is_file()
    explored = execute("explore.ipynb", tmp_path, RESULTS=str(tmp_path / "output" / "kaggle-blur"))
    assert "kaggle-gaussian" in explored
    assert "pairs: synthetic" in explored


def test_the_data_page_lists_every_layout_with_its_source_and_licence() -> None:
    rows = {match[1]: match[0] for match in re.finditer(r"^\| `([\w-]+)` \|.*$", DATA_PAGE, re.M)}
    assert set(rows) == set(LAYOUTS.names())
    for name, row in rows.items():
        origin = layout_called(name).origin
        assert origin.url in row, name
        assert origin.citation in DATA_PAGE, name
        assert origin.licence.split(" (")[0].split(" those ")[0].split(" research")[0].split("those ")[-1] in row, name


def test_the_data_page_names_every_blur_and_camera_with_its_parameters() -> None:
    for registry in (BLURS, CAMERAS):
        for name in registry.names():
            assert re.search(rf"\b{name}\b", DATA_PAGE), name
    for parameter in (*CAMERAS.resolve("old-photo"), *BLURS.resolve("mixed")):
        assert parameter == "name" or f"`{parameter}" in DATA_PAGE, parameter


def test_the_models_page_names_everything_there_is_and_its_examples_are_sound(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "models.md").read_text()
    for registry in (NETWORKS, DISCRIMINATORS, LOSSES, ADVERSARIAL_LOSSES, CLASSICAL):
        for name in registry.names():
            assert f"`{name}`" in page, name
    for name in set(MODELS.names()) - {"identity"}:
        assert f"**`{name}`**" in page, name
    for parameter in {*MODELS.resolve({"name": "diffusion", "network": "unet"})} - {"name", "timesteps", "residual_scale"}:
        assert parameter in page, parameter
    blocks = re.findall(r"(?:^(?:    |      )\S.*\n(?:      .*\n)*)+", page, re.M)
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        models = block if "models:" in block else f"models:\n{block}"
        path = tmp_path / f"{number}.yaml"
        path.write_text(f"datasets: [photos-gaussian]\ntraining: {{steps: 1}}\n{textwrap.dedent(models)}")
        load_experiment(path)


def test_the_scores_page_says_of_every_recipe_and_metric_what_is_true() -> None:
    page = (ROOT / "docs" / "scores.md").read_text()
    rows = {match[1]: match[0].split("|") for match in re.finditer(r"^\| `([\w-]+)` \|.*$", page, re.M)}
    assert set(recipes()) <= set(rows)
    own = recipes()["deblurbench"].metrics
    for name in set(METRICS.names()) - {"ssim-uniform", "ssim-3d"}:
        assert (rows[name][2].strip() == "yes") == (name in own), name
        best = METRICS.get(name).best
        assert rows[name][4].strip().startswith("infinite" if best == float("inf") else f"{best:.0f}"), name
    assert set(rows) - set(recipes()) <= set(METRICS.names())
    for name in (*NO_REFERENCE.names(), "ssim-uniform", "ssim-3d"):
        assert f"`{name}`" in page, name


def test_the_pages_show_commands_that_are_there_and_point_to_files_that_are_there() -> None:
    for page in (*(ROOT / "docs").glob("*.md"), ROOT / "README.md"):
        text = page.read_text()
        for command, options in set(re.findall(r"^    deblurbench ((?:data )?[\w-]+)(.*)", text, re.M)):
            shown = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
            assert shown.exit_code == 0, command
            for option in re.findall(r"--[a-z]+(?:-[a-z]+)*", options):
                assert option in shown.output, (command, option)
        for link in re.findall(r"\]\((?!http)([^)]+)\)", text):
            assert (page.parent / link.partition("#")[0]).exists(), link
