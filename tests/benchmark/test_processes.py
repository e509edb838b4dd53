"""What only real processes show: death at any moment, several at once, a disk without room."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from deblurbench.apps.cli import app
from deblurbench.checkpoint import load_checkpoint
from deblurbench.files import read_csv, read_json
from tests.benchmark.forked import Command
from tests.benchmark.running import run

Write = Callable[..., Path]
TRAINING = {"steps": 24, "batch_size": 2, "crop_size": 32, "log_every": 4, "validate_every": 8, "checkpoint_every": 2}
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
WEIGHTS = "runs/pairs/{}/seed-0/last.safetensors"


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def start(experiment: Path, out: Path, *arguments: str, largest: int | None = None) -> Command:
    return Command("run", str(experiment), "--out", str(out), "--device", "cpu", *arguments, largest=largest)


def start_two(experiment: Path, out: Path) -> subprocess.Popen[str]:
    """As `start`, in two processes that train together."""
    return subprocess.Popen(
        [*TORCHRUN, "-m", "deblurbench", "run", str(experiment), "--out", str(out), "--device", "cpu"],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def finish(process: Command) -> str:
    output = process.communicate()
    assert process.returncode == 0, output
    return output


def die(pattern: str, count: int, moment: str, *command: str) -> None:
    """Run until the `count`-th file that matches `pattern` is half written, or just written, and die there."""
    process = Command(*command, "--device", "cpu", die=(pattern, count, moment))
    output = process.communicate()
    assert process.returncode == -signal.SIGKILL, output


def test_killed_again_and_again_it_ends_with_the_very_same_weights(write_experiment: Write, tmp_path: Path) -> None:
    """All three families; with -9, at moments that nothing prepares for, with other numbers of workers, as a run and as a cell."""
    experiment = write_experiment(training=TRAINING)
    finish(start(experiment, tmp_path / "whole"))
    killed = tmp_path / "killed"

    as_run = ("run", str(experiment), "--out", str(killed))
    moments = (
        ("*/cnn/seed-0/cell.json", 1, "after", as_run),  # before the first step
        ("*/cnn/seed-0/state.safetensors", 1, "half", as_run),
        ("*/gan/seed-0/state.safetensors", 2, "after", ("cell", str(killed), "pairs/gan/seed-0")),
        ("*/diffusion/seed-0/best.safetensors", 1, "half", ("cell", str(killed), "pairs/diffusion/seed-0")),
        ("*/diffusion/seed-0/restored/*.png", 1, "after", as_run),  # while it scores
        ("*/pairs/costs.json", 1, "half", as_run),  # when all else is done
    )
    for place, (pattern, count, moment, command) in enumerate(moments):
        die(pattern, count, moment, *command, "--workers", str(place % 2))
        if moment == "half":
            assert list(killed.rglob("*.part"))
    assert "0 cells done, 5 done before" in finish(start(experiment, killed))
    assert all(row["ms_per_megapixel"] for row in read_csv(killed / "comparison.csv"))
    for family in ("cnn", "gan", "diffusion"):
        one, other = (load_checkpoint(out / WEIGHTS.format(family))[0] for out in (tmp_path / "whole", killed))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one), family
    assert list(killed.rglob("*.part")) == []


def test_two_processes_train_as_one_does(write_experiment: Write, tmp_path: Path) -> None:
    """The CNN and the GAN: the same batch in two halves over gloo, gradients averaged, and batches that shrink."""
    # Smooth, because behind the kinks of a ReLU differences of rounding grow from step to step.
    network = {"name": "unet", "widths": [8, 12], "blocks": 1, "activation": "silu"}
    models = {family: {"name": family, "network": network} for family in ("cnn", "gan")}
    shrinking = [{"until": 0.4, "crop_size": 16, "batch_size": 6}]
    experiment = write_experiment(models=models, training={**TRAINING, "steps": 12, "progressive": shrinking})
    finish(start(experiment, tmp_path / "one"))
    together = start_two(experiment, tmp_path / "two")
    output, _ = together.communicate(timeout=240)
    assert together.returncode == 0, output
    assert output.count("open ") == 1  # only one of them speaks and writes
    for family in models:
        one, two = (load_checkpoint(tmp_path / out / WEIGHTS.format(family))[0] for out in ("one", "two"))
        for name, tensor in one.items():
            assert torch.allclose(tensor, two[name], atol=2e-4), (family, name)
        # Adam hardly notices a sum in place of a mean; the gradients themselves do.
        histories = [
            read_json(tmp_path / out / f"runs/pairs/{family}/seed-0/history.json")["training"] for out in ("one", "two")
        ]
        for first, second in zip(*histories, strict=True):
            assert first["gradient_norm"] == pytest.approx(second["gradient_norm"], rel=0.02)
    assert '"processes": 2' in (tmp_path / "two" / "environment.json").read_text()


def test_with_two_processes_too_a_failing_cell_lets_the_others_go_on(write_experiment: Write, tmp_path: Path) -> None:
    """What fails in the first process alone (here, writing the restored images) must not leave the second one waiting."""
    models = {name: {"name": "cnn", "network": {"name": "unet", "widths": [8], "blocks": 1}} for name in ("first", "second")}
    experiment = write_experiment(models=models, training={**TRAINING, "steps": 4})
    in_the_way = tmp_path / "out" / "runs/pairs/first/seed-0/restored"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where a folder should be")
    process = start_two(experiment, tmp_path / "out")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "failed: pairs / first / seed 0" in output
    assert "2 cells done, 0 done before, 1 failed" in output
    assert (tmp_path / "out" / "runs/pairs/second/seed-0/last.safetensors").is_file()


def test_a_full_disk_loses_nothing(write_experiment: Write, tmp_path: Path) -> None:
    """No file may grow over 20 kB: the first checkpoint cannot be written. With room again it goes on."""
    experiment = write_experiment(models={"cnn": {"name": "cnn", "network": {"name": "unet", "widths": [8], "blocks": 1}}})
    out = tmp_path / "out"
    limited = start(experiment, out, largest=20_000)
    output = limited.communicate()
    assert limited.returncode == 1, output
    assert "File too large; free some space" in output
    assert str(out) in output
    assert "run again: it goes on where it stopped" in output
    assert "Traceback" not in output
    assert list(out.rglob("*.part")) == []
    assert list(out.rglob("*.safetensors")) == []
    finish(start(experiment, out))


@pytest.fixture
def training(write_experiment: Write, tmp_path: Path) -> Iterator[Command]:
    """A run of `tiny.yaml` into `out` in the midst of its first training."""
    process = start(write_experiment(training={**TRAINING, "steps": 5000}), tmp_path / "out")
    state = tmp_path / "out" / "runs/pairs/cnn/seed-0/state.safetensors"
    deadline = time.monotonic() + 240
    while not state.is_file():
        assert process.returncode is None, process.communicate()
        assert time.monotonic() < deadline, "no state was saved in four minutes"
        time.sleep(0.01)
    yield process
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def test_while_one_runs_a_second_is_told_so_and_interrupted_the_first_says_how_to_go_on(
    training: Command, tmp_path: Path
) -> None:
    cell = ["cell", str(tmp_path / "out"), "pairs/cnn/seed-0", "--device", "cpu"]
    for second in (run(tmp_path / "tiny.yaml"), CliRunner().invoke(app, cell)):
        assert second.exit_code == 2
        assert f"is in use by process {training.pid} on " in second.output
    training.send_signal(signal.SIGINT)
    output = training.communicate()
    assert training.returncode == 130
    assert "stopped; run the same command again to go on" in output
    assert "Traceback" not in output
    assert not list((tmp_path / "out").rglob(".lock.json"))
