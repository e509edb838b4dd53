"""Records: written and read back alike, and refused in one line where somebody has damaged them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deblurbench.errors import UsageError
from deblurbench.files import read_json, write_json
from deblurbench.locks import claim, require_unclaimed
from deblurbench.records.cells import FORMAT, CellName, CellRecord, CellScores, SweepChoice, read_cell, write_cell
from deblurbench.records.costs import Costs, CostsOfDataset, MeasuredCosts, read_costs, write_costs
from deblurbench.records.history import History, TrainingRow, ValidationRow, read_history, write_history
from deblurbench.records.scores import ImageScores, UnpairedScores
from deblurbench.records.tables import ComparisonRow, ImageRow, UnpairedRow, read_table, write_table

IMAGE = ImageScores("a", "scene", "motion", 2.5, {"psnr": float("inf"), "ssim": 1.0})
SCORES = CellScores(
    "cnn",
    "unet",
    "x8",
    False,
    "files",
    "0" * 16,
    "1" * 64,
    {"versions": {"torch": "2"}},
    (IMAGE,),
    (UnpairedScores("b", {"g": 0.5}),),
)
RECORD = CellRecord(
    "done", "photos", "cnn", 0, {"name": "cnn"}, {"version": 1}, {"version": 2}, "a" * 16, "b" * 16,
    choice=SweepChoice("c-1", {"c-1": {"width": 8}}, {"c-1": 27.5}), scores=SCORES,
)  # fmt: skip
ROW = ComparisonRow(
    "photos",
    "cnn",
    "cnn",
    "unet",
    3,
    "",
    True,
    "files",
    {"params": 12_345_678, "ms_per_megapixel": 1.5},
    "d",
    "w",
    {"psnr": 30.0},
)
IMAGE_ROW = ImageRow("photos", "=cnn", 3, "files", "a", "s", "", None, {"psnr": float("inf")})


def test_a_cell_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_cell(tmp_path, RECORD)
    assert read_cell(tmp_path) == RECORD
    assert read_json(tmp_path / "cell.json")["format"] == FORMAT
    assert read_cell(tmp_path / "nothing") is None


def test_a_cell_of_before_there_were_formats_keeps_its_state_and_choice(tmp_path: Path) -> None:
    old = {
        "status": "done", "dataset": "photos", "model": "cnn", "seed": 0, "spec": {}, "training_identity": "a", "scoring_identity": "b",
        "chosen": "c-1", "settings": {"c-1": {"width": 8}}, "validation_psnr": {"c-1": 27.5}, "family": "cnn", "scores": [],
    }  # fmt: skip
    write_json(tmp_path / "cell.json", old)
    found = read_cell(tmp_path)
    assert found is not None
    assert (found.format, found.status, found.scores) == (1, "done", None)
    assert found.choice == RECORD.choice


def test_a_cell_of_a_newer_deblurbench_says_to_upgrade(tmp_path: Path) -> None:
    write_cell(tmp_path, replace(RECORD, format=FORMAT + 1))
    with pytest.raises(UsageError, match=r"cell\.json: was written by a newer deblurbench \(format 3\); upgrade deblurbench"):
        read_cell(tmp_path)


def test_a_choice_without_the_settings_of_a_candidate_is_damaged(tmp_path: Path) -> None:
    write_cell(tmp_path, RECORD)
    record = read_json(tmp_path / "cell.json")
    record["choice"]["settings"] = {}
    write_json(tmp_path / "cell.json", record)
    with pytest.raises(UsageError, match=r"cell\.json: choice: settings: lack those of 'c-1'; run the experiment again"):
        read_cell(tmp_path)


def test_costs_and_histories_are_read_as_they_were_written(tmp_path: Path) -> None:
    costs = CostsOfDataset({"git": None}, {"cnn/seed-0": MeasuredCosts("s", "w", 15, Costs(1, 2, 10**12, 3.5, 4.5, 0.1))})
    write_costs(tmp_path / "costs.json", costs)
    assert read_costs(tmp_path / "costs.json") == costs
    assert read_costs(tmp_path / "none.json") is None
    rows = (TrainingRow(20, {"g/l1": 0.5}, {"d/score": 0.25}, {"g": float("inf")}, 1e-3, 12.0),)
    history = History(rows, (ValidationRow(20, 30.0, 0.9),), 12.5, ({"git": None},))
    write_history(tmp_path / "history.json", history)
    assert read_history(tmp_path / "history.json") == history


@pytest.mark.parametrize(
    ("kind", "row"), [(ComparisonRow, ROW), (ImageRow, IMAGE_ROW), (UnpairedRow, UnpairedRow("d", "m", 0, "a", {"psnr": 1.5}))]
)
def test_tables_are_read_as_they_were_written(tmp_path: Path, kind: type, row: object) -> None:
    path = tmp_path / "table.csv"
    write_table(path, kind, [row], ["psnr"])
    before = path.read_bytes()
    assert read_table(path, kind, ["psnr"]) == [row]
    write_table(path, kind, read_table(path, kind, ["psnr"]), ["psnr"])
    assert path.read_bytes() == before


def test_a_cost_column_that_an_older_table_lacks_is_unmeasured(tmp_path: Path) -> None:
    write_table(tmp_path / "table.csv", ComparisonRow, [ROW], ["psnr"])
    lines = [line.split(",") for line in (tmp_path / "table.csv").read_text().splitlines()]
    place = lines[0].index("ms_per_megapixel")
    (tmp_path / "table.csv").write_text("".join(",".join(cells[:place] + cells[place + 1 :]) + "\n" for cells in lines))
    (row,) = read_table(tmp_path / "table.csv", ComparisonRow, ["psnr"])
    assert row.costs == {"params": 12_345_678}


@pytest.mark.parametrize("name", ["photos/cnn/seed-0", "a/b-c_d.e/seed--3"])
def test_the_name_of_a_cell_is_its_place(name: str, tmp_path: Path) -> None:
    parsed = CellName.parse(name)
    assert str(parsed) == name
    assert parsed.folder(tmp_path) == tmp_path / "runs" / name


@pytest.mark.parametrize(
    "name", ["", "photos", "photos/cnn", "photos/cnn/0", "photos/cnn/seed-x", "a/b/c/seed-0", "/cnn/seed-0"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not the name of a cell; give DATASET/MODEL/seed-N"):
        CellName.parse(name)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder `held`."""
    code = "import sys; from pathlib import Path; from deblurbench.locks import claim\n"
    code += "with claim(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path / "held")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate(timeout=60)


def test_a_folder_is_held_by_one_process_which_is_named(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    held = tmp_path / "held"
    pattern = rf"held: is in use by process {holder.pid} on .+ since 20.+; wait until it ends, or stop it"
    with pytest.raises(UsageError, match=pattern):
        require_unclaimed(held)
    with pytest.raises(UsageError, match=pattern), claim(held):
        pass
    holder.communicate("", timeout=60)
    with claim(held):
        assert read_json(held / ".lock.json")["process"] == os.getpid()
    assert not (held / ".lock.json").exists()


def test_a_process_that_was_killed_holds_nothing(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.communicate(timeout=60)
    with claim(tmp_path / "held"):
        pass
