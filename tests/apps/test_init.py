"""From a folder of data to an experiment: every command that is printed runs as it stands."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from deblurbench.apps.cli import app
from deblurbench.apps.next_steps import after_recognition
from deblurbench.experiment.composition import find_experiment
from deblurbench.experiment.experiment import Experiment, load_experiment


def invoke(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def loaded(command: str) -> Experiment:
    """The experiment of a `deblurbench run` command, as a shell would pass its words."""
    program, run, experiment, *overrides = shlex.split(command)
    assert (program, run) == ("deblurbench", "run")
    return load_experiment(find_experiment(experiment), overrides)


@pytest.fixture
def write_photos(photo: np.ndarray) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        folder.mkdir(parents=True)
        for number in range(3):
            Image.fromarray(photo[20 * number :, 60 * number :][:80, :80]).save(folder / f"{number}.png")
        return folder

    return write


@pytest.mark.parametrize("name", ["photos", "my, photos: 'x' {", "true", "a#b $(c)"])
def test_data_check_ends_with_a_run_of_the_data_whatever_it_is_called(
    tmp_path: Path, write_photos: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_photos(Path(name))
    code, text = invoke("data", "check", name)
    assert code == 0, text
    label, _, command = text.splitlines()[-1].partition(": ")
    assert label == "next"
    layout = loaded(command).datasets["own-photos"]["layout"]
    assert layout == {"name": "sharp-folder", "path": name, "split": None}


@pytest.mark.parametrize(
    ("spec", "experiment"),
    [
        ({"name": "paired-folder"}, "own-pairs"),
        ({"name": "kwentar-blur"}, "kaggle-blur"),
        ({"name": "gopro-large"}, "gopro"),
        ({"name": "mnist"}, "mnist-motion"),
        ({"name": "dblur", "subset": "CelebA"}, "celebrity"),
    ],
)
def test_data_sets_that_have_an_experiment_are_run_with_it(spec: dict[str, str], experiment: str) -> None:
    found = loaded(after_recognition(Path("above"), [{"path": "my data", **spec}]))
    assert found.name == experiment
    assert {dataset["layout"]["path"] for dataset in found.datasets.values()} == {"my data"}
    assert {dataset["layout"]["name"] for dataset in found.datasets.values()} == {spec["name"]}


def test_for_other_data_sets_and_several_an_experiment_is_written() -> None:
    subsets = [{"name": "dblur", "path": "d", "subset": subset} for subset in ("CelebA", "Helen")]
    assert after_recognition(Path("d"), subsets).startswith("deblurbench run celebrity ")
    photos = [{"name": "sharp-folder", "path": path} for path in ("a", "b")]
    for specs in (subsets[1:], photos, [{"name": "reds", "path": "d"}]):
        assert after_recognition(Path("my data"), specs) == "deblurbench init 'my data'"


def test_problems_are_to_be_seen_to_before_the_next_command(pairs_folder: Path) -> None:
    (pairs_folder / "train" / "blur" / "a0.png").write_bytes(b"")
    code, text = invoke("data", "check", pairs_folder)
    assert code == 1
    assert text.splitlines()[-2].startswith("first see to the problems above")
    assert loaded(text.splitlines()[-1].removeprefix("next: ")).name == "own-pairs"


def test_an_experiment_is_written_for_the_data_that_is_there(
    tmp_path: Path, write_photos: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every key that it holds has a comment, and it loads as the next command names it."""
    monkeypatch.chdir(tmp_path)
    for folder in ("Mein Urlaub: {2024}", "pairs/lq", "pairs/gt", "b/pairs/input", "b/pairs/target"):
        write_photos(Path("data", folder))
    code, text = invoke("init", "data", "--out", "my file.yaml")
    assert code == 0, text
    experiment = loaded(text.splitlines()[-1].removeprefix("next: "))
    assert {name: spec["layout"]["name"] for name, spec in experiment.datasets.items()} == {
        "Mein-Urlaub-2024": "sharp-folder",
        "pairs": "paired-folder",
        "pairs-2": "paired-folder",
    }
    assert [name for name, spec in experiment.datasets.items() if spec["blur"]] == ["Mein-Urlaub-2024"]
    assert all(Path(spec["layout"]["path"]).is_absolute() for spec in experiment.datasets.values())
    assert list(experiment.models) == ["cnn", "gan", "diffusion", "polyblur"]
    lines = Path("my file.yaml").read_text().splitlines()
    names = {*experiment.datasets, *experiment.models}
    for before, line in pairwise(lines):
        key, colon, _ = line.strip().partition(":")
        assert not colon or key.startswith("#") or key in names or before.strip().startswith("# "), line


def test_init_begins_here_and_overwrites_nothing(
    tmp_path: Path, write_photos: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, text = invoke("init")
    assert (code, text.count("\n")) == (2, 1)
    assert "error: no experiment was written; .: holds no images" in text
    assert "own pairs go into two folders, blur/blurry/blurred with sharp/gt;" in text
    write_photos(tmp_path / "photos")
    assert invoke("init")[0] == 0
    written = Path("experiment.yaml").read_text()
    code, text = invoke("init")
    assert code == 2
    assert "experiment.yaml: is there already, and is not overwritten; choose another name with --out" in text
    assert Path("experiment.yaml").read_text() == written
    assert invoke("init", "--out", "x.txt")[0] == 2
    write_photos(tmp_path / "halves" / "lq")
    code, text = invoke("init", "halves", "--out", "other.yaml")
    assert code == 2
    assert f"no experiment was written; {tmp_path / 'halves'}: has lq/ and no gt/" in text
    assert not Path("other.yaml").exists()
