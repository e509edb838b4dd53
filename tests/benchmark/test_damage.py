"""What a run finds when somebody has damaged, changed or removed what an earlier one left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from deblurbench.files import file_hash, read_csv, read_json, write_json
from deblurbench.training.trainer import Trainer
from tests.benchmark.running import run
from tests.conftest import TINY_UNET

Write = Callable[..., Path]
MODELS = {
    "d": {"name": "diffusion", "network": TINY_UNET, "sampling_steps": 1, "variants": {"d-2-steps": {"sampling_steps": 2}}}
}


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damage") / "out"


@pytest.fixture
def experiment(once: Path, write_experiment: Write, tmp_path: Path) -> Path:
    """An experiment of one model and a variant of it, whose run is finished."""
    path = write_experiment(models=MODELS)
    if not once.is_dir():
        assert run(path).exit_code == 0
        shutil.copytree(tmp_path / "out", once)
    else:
        shutil.copytree(once, tmp_path / "out")
    return path


@pytest.fixture
def cell(experiment: Path) -> Path:
    return experiment.parent / "out" / "runs" / "pairs" / "d" / "seed-0"


@pytest.fixture
def untrained(experiment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trainer, "advance", lambda *_: pytest.fail("trained again"))


def flip(path: Path) -> None:
    """Flip a bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def refused(result: Result, message: str) -> None:
    assert result.exit_code == 2
    (line,) = (line for line in result.output.splitlines() if line.startswith("error: "))
    assert message in line


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(("damage", "what"), [(flip, "is not the file"), (Path.unlink, "is missing, the file")])
def test_other_weights_than_were_scored_are_refused_and_made_anew_from_a_whole_state(
    damage: Callable[[Path], None], what: str, experiment: Path, cell: Path
) -> None:
    before, table = file_hash(cell / "last.safetensors"), read_csv(experiment.parent / "out" / "comparison.csv")
    damage(cell / "last.safetensors")
    refused(run(experiment), f"seed-0/last.safetensors: {what} that 'pairs / d / seed 0' was scored with; put that back, or")
    again = run(experiment, "--restart")
    assert again.exit_code == 0, again.output
    assert "2 cells done, 1 done before, 0 failed" in again.output  # the variant restores with the same weights
    assert file_hash(cell / "last.safetensors") == before
    scores = ("model", "psnr", "ssim", "weights")
    assert [[row[key] for key in scores] for row in read_csv(experiment.parent / "out" / "comparison.csv")] == [
        [row[key] for key in scores] for row in table
    ]


def test_a_damaged_state_fails_its_cell_until_a_restart(experiment: Path, cell: Path) -> None:
    shutil.rmtree(cell.parents[1] / "d-2-steps")
    for name in ("cell.json", "last.safetensors"):
        (cell / name).unlink()  # as if it had been stopped before its end
    flip(cell / "state.safetensors")
    failed = run(experiment)
    assert failed.exit_code == 1
    assert "state.safetensors: is damaged: " in failed.output
    assert "let deblurbench run --restart make it anew" in failed.output
    again = run(experiment, "--restart")
    assert again.exit_code == 0, again.output
    assert (cell / "state.safetensors.old-1").is_file()


@pytest.mark.usefixtures("untrained")
def test_a_damaged_history_is_named_and_written_again_from_a_whole_state(experiment: Path, cell: Path) -> None:
    before = read_json(cell / "history.json")
    (cell / "history.json").write_text("{}")
    refused(run(experiment), "seed-0/history.json: training: Field required; put a whole copy in its place, or run the exp")
    again = run(experiment, "--restart")
    assert again.exit_code == 0, again.output
    after = read_json(cell / "history.json")
    assert all(after[key] == before[key] for key in ("training", "validation"))


@pytest.mark.usefixtures("untrained")
def test_a_finished_training_is_not_repeated_to_score_it(experiment: Path, cell: Path) -> None:
    (cell / "cell.json").unlink()
    (cell / "state.safetensors").unlink()
    assert "1 cells done, 2 done before, 0 failed" in run(experiment).output


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(
    ("picture", "damage"),
    [
        ("d/seed-0/restored/test-t0.png", flip),
        ("blurred/seed-0/restored/test-t1.png", Path.unlink),
        ("sharp/test-t0.png", lambda path: path.write_bytes(path.read_bytes()[:-20])),
    ],
)
def test_damaged_pictures_are_restored_again(picture: str, damage: Callable[[Path], None], experiment: Path) -> None:
    path = experiment.parent / "out" / "runs" / "pairs" / picture
    before = path.read_bytes()
    damage(path)
    again = run(experiment)
    assert again.exit_code == 0, again.output
    assert "pictures are missing or damaged; it is scored again" in again.output
    assert "1 cells done, 2 done before, 0 failed" in again.output
    assert path.read_bytes() == before


def image_scores(record: dict[str, Any]) -> Any:
    """The scores of the second test image of a record, by metric."""
    return record["scores"]["images"][1]["scores"]


def with_changed(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        record = read_json(path)
        change(record)
        write_json(path, record)

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:300]), "is no JSON ("),
        (lambda path: path.write_bytes(b""), "is no JSON ("),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "is no JSON ("),
        (lambda path: path.write_text("[" * 100_000), "is no JSON ("),
        (lambda path: path.write_text("null"), "Input should be an object"),
        (with_changed(lambda record: record.pop("training_identity")), "training_identity: Field required"),
        (with_changed(lambda record: record.update(status="gone")), "status: Input should be"),
        (with_changed(lambda record: record.pop("scores")), "scores: Field required"),
        (with_changed(lambda record: record.update(scores={})), "scores.family: Field required"),
        (with_changed(lambda record: record["scores"].update(oracle="no")), "scores.oracle: Input should be a valid boolean"),
        (
            with_changed(lambda record: image_scores(record).update(psnr="high")),
            "scores.images.1.scores.psnr: Input should be a valid number",
        ),
        (with_changed(lambda record: image_scores(record).pop("ssim")), "scores.images.1.scores: lack 'ssim'"),
        (
            with_changed(lambda record: image_scores(record).update(psnr=float("nan"))),
            "scores.images.1.scores.psnr is no score",
        ),
        (with_changed(lambda record: record["scores"]["images"][0].pop("image")), "scores.images.0.image: Field required"),
    ],
)
def test_a_damaged_record_is_named(damage: Callable[[Path], None], message: str, experiment: Path, cell: Path) -> None:
    damage(cell / "cell.json")
    refused(run(experiment), f"seed-0/cell.json: {message}")


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(
    "damage", [lambda path: path.write_text("{"), with_changed(lambda record: image_scores(record).pop("ssim"))]
)
def test_a_restart_scores_a_cell_with_a_damaged_record_again(
    damage: Callable[[Path], None], experiment: Path, cell: Path
) -> None:
    damage(cell / "cell.json")
    again = run(experiment, "--restart")
    assert again.exit_code == 0, again.output
    assert "1 cells done, 2 done before, 0 failed" in again.output


def test_the_weights_of_the_best_of_a_sweep_are_looked_after_too(write_experiment: Write, tmp_path: Path) -> None:
    model = {"name": "cnn", "network": TINY_UNET, "sweep": {"grid": {"training.learning_rate": [1e-3, 1e-4]}}}
    experiment = write_experiment(models={"cnn": model})
    assert run(experiment).exit_code == 0
    runs = tmp_path / "out" / "runs" / "pairs"
    best = json.loads((runs / "cnn" / "seed-0" / "cell.json").read_text())["choice"]["best"]
    flip(runs / best / "seed-0" / "last.safetensors")
    refused(run(experiment), f"{best}/seed-0/last.safetensors: is not the file that 'pairs / cnn / seed 0' was scored with")
    again = run(experiment, "--restart")
    assert "2 cells done, 2 done before, 0 failed" in again.output
