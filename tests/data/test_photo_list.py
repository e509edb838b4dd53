"""Lists that say the split of a folder of photographs, and training images joined to it."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deblurbench.data.table import TEST, TRAIN, VALIDATION, PairTable
from deblurbench.errors import UsageError
from deblurbench.experiment.experiment import load_experiment
from deblurbench.files import file_hash
from deblurbench.registry import LAYOUTS

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SPLITS = {"a": TRAIN, "b": TRAIN, "c": VALIDATION, "d": TEST}


@pytest.fixture
def folder(tmp_path: Path, photo: np.ndarray) -> Path:
    """Five photographs."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, name in enumerate("abcde"):
        Image.fromarray(photo[40 * number :][:50, :60]).save(photos / f"{name}.png")
    return photos


@pytest.fixture
def split(tmp_path: Path, folder: Path) -> Path:
    """A list of four of them, with their hashes."""
    path = tmp_path / "list.csv"
    lines = [f"{name}.png,{split},{file_hash(folder / f'{name}.png')},mine" for name, split in SPLITS.items()]
    path.write_text("\n".join(["file,split,sha256,remark", *lines]) + "\n")
    return path


def table(folder: Path, split: str | Path) -> PairTable:
    read: PairTable = LAYOUTS.build({"name": "sharp-folder", "path": str(folder), "split": str(split)}).table()
    return read


def test_a_list_says_the_split_and_what_it_does_not_name_is_left_out(folder: Path, split: Path) -> None:
    found = table(folder, split)
    assert {entry.key: entry.split for entry in found.entries} == SPLITS
    assert found.problems == (f"{folder / 'e.png'}: is not in {split}, and left out",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("b.png,train", "z.png,train"), r"list.csv: line 3: .*z.png is missing; give the folder"),
        (("b.png,train", "b.png,trian"), r"list.csv: line 3: split 'trian' is none of train, validation, test"),
        (("c.png,validation", "c.png,train"), r"list.csv: split: has no row of validation"),
        (("file,split", "name,split"), r"list.csv: has no column 'file'"),
    ],
)
def test_a_list_that_does_not_fit_is_refused(folder: Path, split: Path, change: tuple[str, str], message: str) -> None:
    split.write_text(split.read_text().replace(*change))
    with pytest.raises(UsageError, match=message):
        table(folder, split)


def test_another_photograph_under_a_listed_name_is_refused(folder: Path, split: Path) -> None:
    shutil.copy(folder / "a.png", folder / "d.png")
    with pytest.raises(UsageError, match=r"d.png: is not the photograph of .*list.csv, line 5 \(its SHA-256 differs\)"):
        table(folder, split)


def test_a_list_that_is_nowhere_is_an_error(folder: Path) -> None:
    with pytest.raises(UsageError, match="photos-spilt: there is no such list of photographs"):
        table(folder, "photos-spilt")


def test_the_list_of_the_shipped_weights_keeps_series_together_and_tests_enough() -> None:
    with (EXPERIMENTS / "photos-split.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    counts = Counter(row["split"] for row in rows)
    assert counts[TEST] >= 44
    assert counts[VALIDATION] >= 12
    packages = {row["package"] for row in rows}
    assert len(packages) == 3
    assert all({row["package"] for row in rows if row["split"] == split} == packages for split in counts)
    splits_of_group = {row["group"]: {other["split"] for other in rows if other["group"] == row["group"]} for row in rows}
    assert all(len(splits) == 1 for splits in splits_of_group.values())
    assert len({row["sha256"] for row in rows}) == len(rows) == 182
    assert all(row["licence"] for row in rows)


def test_joined_layouts_add_their_training_images_alone(folder: Path, split: Path) -> None:
    first = {"name": "sharp-folder", "path": str(folder), "split": str(split)}
    joined = LAYOUTS.build({"name": "joined", "layout": first, "more": ["skimage-photos"]}).table()
    drawn = [entry for entry in LAYOUTS.build("skimage-photos").table().entries if entry.split == TRAIN]
    counts = Counter(entry.split for entry in joined.entries)
    assert counts == {TRAIN: 2 + len(drawn), VALIDATION: 1, TEST: 1}


def test_paths_of_joined_layouts_and_lists_are_made_absolute(
    folder: Path, split: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process elsewhere on this machine finds the same files."""
    experiment = tmp_path / "mine.yaml"
    layout = "{name: joined, layout: {name: sharp-folder, path: photos, split: list.csv}, more: [skimage-photos]}"
    experiment.write_text(
        f"datasets: {{mine: {{layout: {layout}, blur: disk}}}}\nmodels: [cnn-unet-small]\ntraining: quickstart\n"
    )
    monkeypatch.chdir(tmp_path)
    resolved = load_experiment(experiment).resolved["datasets"]["mine"]["layout"]
    assert resolved["layout"]["path"] == str(folder)
    assert resolved["layout"]["split"] == str(split)
