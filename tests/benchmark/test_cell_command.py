"""Cells that any process can run from plain data: `deblurbench run --plan`, then `deblurbench cell` for each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deblurbench.apps.cli import app
from deblurbench.checkpoint import load_checkpoint
from deblurbench.files import read_csv, read_json, write_json
from deblurbench.locks import claim
from deblurbench.yaml_files import read_yaml
from tests.benchmark.running import ONE_MODEL, run
from tests.conftest import TINY_UNET

Write = Callable[..., Path]
MODELS = {
    "d": {"name": "diffusion", "network": TINY_UNET, "sampling_steps": 1, "variants": {"d-2-steps": {"sampling_steps": 2}}},
    "refined": {"name": "cascade", "stages": [{"trained": "d"}, {"name": "cnn", "network": TINY_UNET}]},
}


def cell(out: Path, name: str) -> Result:
    return CliRunner().invoke(app, ["cell", str(out), name, "--device", "cpu"])


def weights(out: Path) -> dict[str, list[float]]:
    """All values of all last weights."""
    return {
        f"{path.relative_to(out)} {name}": tensor.flatten().tolist()
        for path in sorted(out.rglob("last.safetensors"))
        for name, tensor in load_checkpoint(path)[0].items()
    }


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file of a folder, with its size and the time of its last change."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


@pytest.fixture
def planned(write_experiment: Write, tmp_path: Path) -> Path:
    """A results folder with a plan and nothing else done."""
    result = run(write_experiment(models=MODELS), "--plan")
    assert result.exit_code == 0, result.output
    assert "planned 4 cells" in result.output
    return tmp_path / "out"


def test_cells_run_one_by_one_end_with_the_bits_of_one_run(planned: Path, write_experiment: Write, tmp_path: Path) -> None:
    """The first of them in a process of its own, in another working directory, with nothing but the folder and the name."""
    names = [each["name"] for each in read_json(planned / "plan.json")["cells"]]
    assert names == ["pairs/blurred/seed-0", "pairs/d/seed-0", "pairs/d-2-steps/seed-0", "pairs/refined/seed-0"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-m", "deblurbench", "cell", str(planned), names[1], "--device", "cpu"]
    done = subprocess.run(command, cwd=elsewhere, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (planned / "comparison.csv").read_text().count("\n") > 1  # only the run itself writes tables
    for name in (names[0], *names[2:]):
        result = cell(planned, name)
        assert result.exit_code == 0, result.output
        assert f"wrote {planned / 'runs' / name}" in result.output
    assert "done before" in cell(planned, names[3]).output
    concluded = run(tmp_path / "tiny.yaml")
    assert "0 cells done, 4 done before, 0 failed" in concluded.output
    assert read_csv(planned / "comparison.csv")[1]["params"] != ""

    by_cells = tmp_path / "by-cells"
    planned.rename(by_cells)
    assert run(tmp_path / "tiny.yaml").exit_code == 0
    assert weights(by_cells) == weights(planned)
    assert (by_cells / "per_image.csv").read_bytes() == (planned / "per_image.csv").read_bytes()


@pytest.mark.parametrize("path", ["pairs", "./pairs", "~/pairs"])
def test_a_plan_holds_absolute_paths_and_can_be_run_from_anywhere(
    path: str, planned: Path, pairs_folder: Path, monkeypatch: pytest.MonkeyPatch, write_experiment: Write
) -> None:
    monkeypatch.chdir(pairs_folder.parent)
    monkeypatch.setenv("HOME", str(pairs_folder.parent))
    relative = write_experiment(models=ONE_MODEL, datasets={"pairs": {"layout": {"name": "paired-folder", "path": path}}})
    assert run(relative, "--plan", "--restart").exit_code == 0
    assert read_yaml(planned / "experiment.yaml")["datasets"]["pairs"]["layout"]["path"] == str(pairs_folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pairs/d-2-steps/seed-0", "needs pairs/d/seed-0, which is not done"),
        ("pairs/refined/seed-0", "needs pairs/d/seed-0, which is not done"),
        ("pairs/dd/seed-0", "unknown cell 'pairs/dd/seed-0'; did you mean 'pairs/d/seed-0'?"),
        ("pairs/d", "is not the name of a cell; give DATASET/MODEL/seed-N"),
    ],
)
def test_a_cell_that_cannot_be_run_is_refused(planned: Path, name: str, message: str) -> None:
    before = files(planned)
    result = cell(planned, name)
    assert result.exit_code == 2
    assert message in result.output
    assert files(planned) == before


def test_a_folder_without_a_plan_says_how_to_make_one(tmp_path: Path) -> None:
    result = cell(tmp_path, "pairs/d/seed-0")
    assert result.exit_code == 2
    assert "holds no plan.json; plan it with: deblurbench run EXPERIMENT --plan --out" in result.output


def test_another_cell_than_was_planned_is_refused(planned: Path, pairs_folder: Path) -> None:
    """The data have changed since: what is computed here would not be what was planned."""
    image = pairs_folder / "train" / "sharp" / "a0.png"
    shutil.copy(pairs_folder / "train" / "sharp" / "a1.png", image)
    result = cell(planned, "pairs/d/seed-0")
    assert result.exit_code == 2
    assert "pairs/d/seed-0: is another cell here than was planned" in result.output
    assert not (planned / "runs" / "pairs" / "d" / "seed-0").exists()


def test_a_failed_cell_says_why_and_ends_with_1(planned: Path) -> None:
    in_the_way = planned / "runs/pairs/d/seed-0/restored"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where a folder should be")
    result = cell(planned, "pairs/d/seed-0")
    assert result.exit_code == 1
    assert read_json(in_the_way.parent / "cell.json")["status"] == "failed"
    in_the_way.unlink()
    assert cell(planned, "pairs/d/seed-0").exit_code == 0


def test_two_processes_never_work_in_one_place(planned: Path, tmp_path: Path) -> None:
    experiment, one = tmp_path / "tiny.yaml", planned / "runs" / "pairs" / "blurred" / "seed-0"
    with claim(planned):
        before = files(planned)
        refused = run(experiment)
        assert refused.exit_code == 2
        assert f"{planned}: is in use by process {os.getpid()} on " in refused.output
        assert files(planned) == before
    with claim(one):
        before = files(planned)
        for refused in (run(experiment), cell(planned, "pairs/blurred/seed-0")):
            assert refused.exit_code == 2
            assert f"{one}: is in use by process {os.getpid()} on " in refused.output
            assert files(planned) == before
        assert cell(planned, "pairs/d/seed-0").exit_code == 0  # beside it
    assert "3 cells done, 1 done before" in run(experiment).output


def test_a_folder_of_the_version_before_says_what_is_done_anew(write_experiment: Write, tmp_path: Path) -> None:
    experiment = write_experiment(models=ONE_MODEL)
    run(experiment)
    out = tmp_path / "out"
    for path in out.rglob("cell.json"):  # as they were before there were formats
        record = read_json(path)
        kept = ("status", "dataset", "model", "seed", "training_identity", "scoring_identity")
        write_json(path, {**{key: record[key] for key in kept}, "training_identity": "of-before"})
    listed = run(experiment, "--dry-run")
    assert listed.exit_code == 0
    assert "pairs / cnn / seed 0: to do anew, it was trained by an earlier version of deblurbench" in listed.output
    refused = run(experiment)
    assert refused.exit_code == 2
    assert "was run by an earlier version of deblurbench (and 1 more); run with --restart" in refused.output
    assert CliRunner().invoke(app, ["report", str(out)]).exit_code == 0
    assert "2 cells done, 0 done before, 0 failed" in run(experiment, "--restart").output
