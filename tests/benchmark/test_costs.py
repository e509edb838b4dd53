"""The costs of models: in what order times are measured, how they are summarised, and when they are measured again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from deblurbench.files import read_csv, read_json, write_json
from deblurbench.models.base import RestoreOptions
from deblurbench.models.identity import Identity
from deblurbench.scoring import costs as cost
from deblurbench.scoring.costs import AT_LEAST_SECONDS, FEWEST_ROUNDS, ROUNDS, time_in_turn, time_per_megapixel
from tests.benchmark.running import ONE_MODEL, run

CPU = torch.device("cpu")
Write = Callable[..., Path]


class Machine:
    """A clock, models that move it on, and the order of all that happens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.events: list[str] = []
        monkeypatch.setattr(cost, "synchronize", lambda _: self.events.append("wait"))

    def clock(self) -> float:
        self.events.append("clock")
        return self.now

    def model(self, name: str, *seconds: float) -> Identity:
        """A model whose calls take `seconds`, the last of them for ever."""
        left, model = list(seconds), Identity()

        def restore(image: torch.Tensor, _: RestoreOptions) -> torch.Tensor:
            self.events.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]
            return image

        model.restore = restore  # type: ignore[method-assign]
        return model

    @property
    def calls(self) -> str:
        return "".join(event for event in self.events if event not in ("wait", "clock"))


@pytest.fixture(autouse=True)
def quick_times() -> None:
    """As many rounds as a run measures."""


def test_after_a_warm_up_all_models_take_their_turn_in_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    found = time_in_turn([machine.model(name, 9.0, 0.1) for name in "abc"], CPU, machine.clock)
    assert machine.calls == "abc" + ("abc" + "cba") * (ROUNDS // 2) + "abc"
    assert machine.events[:10] == ["wait", "clock", "a", "wait", "clock", "wait", "clock", "b", "wait", "clock"]
    assert found == [pytest.approx([0.1] * ROUNDS)] * 3  # without the warm-up


def test_fast_models_are_timed_more_often_and_slow_ones_less(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    fast, also = time_in_turn([machine.model("a", 1 / 256), machine.model("b", 1 / 256)], CPU, machine.clock)
    assert len(fast) == len(also) == AT_LEAST_SECONDS * 128
    slow, beside = time_in_turn([machine.model("a", 20.0), machine.model("b", 0.01)], CPU, machine.clock)
    assert len(slow) == len(beside) == FEWEST_ROUNDS
    rather_slow, _ = time_in_turn([machine.model("a", 3.0), machine.model("b", 1.0)], CPU, machine.clock)
    assert len(rather_slow) == 8  # half a minute


def test_a_time_is_the_minimum_of_all_rounds_and_says_how_much_longer_the_median_is() -> None:
    least, spread = time_per_megapixel([0.09, 0.065536, 0.0786432, 5.0, 0.07])
    assert least == pytest.approx(1000)  # 65,536 pixels
    assert spread == pytest.approx(0.2)


def test_a_busy_moment_is_nobodys_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    busy = [0.1, *[0.3] * 6, 0.1]
    first, second = (
        time_per_megapixel(own)
        for own in time_in_turn([machine.model("a", *busy), machine.model("b", 0.1)], CPU, machine.clock)
    )
    assert first[0] == pytest.approx(second[0])


@pytest.fixture
def sittings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many models were timed in each sitting, each of which finds all slower by a second than the last."""
    found: list[int] = []

    def time_in_turn(models: list[Any], _: torch.device) -> list[list[float]]:
        found.append(len(models))
        return [[float(len(found)), len(found) * 1.5, len(found) * 2.0] for _ in models]

    monkeypatch.setattr(cost, "time_in_turn", time_in_turn)
    return found


def costs(out: Path) -> dict[str, str]:
    return {row["model"]: row["ms_per_megapixel"] for row in read_csv(out / "comparison.csv")}


def test_only_times_of_one_sitting_stand_together(write_experiment: Write, tmp_path: Path, sittings: list[int]) -> None:
    run(write_experiment(models=ONE_MODEL))
    assert costs(tmp_path / "out") == {"blurred": "15258.8", "cnn": "15258.8"}
    run(write_experiment(models=ONE_MODEL))
    assert sittings == [2]  # nothing is missing
    run(write_experiment(models={**ONE_MODEL, "second": ONE_MODEL["cnn"]}))
    assert sittings == [2, 3]
    assert set(costs(tmp_path / "out").values()) == {"30517.6"}
    stored = read_json(tmp_path / "out/runs/pairs/costs.json")
    assert stored["environment"]["machine"]["threads"] == torch.get_num_threads()
    assert stored["cells"]["second/seed-0"]["rounds"] == 3
    assert "30518 (+50 %)" in (tmp_path / "out" / "report.md").read_text()


def test_times_of_other_weights_are_not_taken(write_experiment: Write, tmp_path: Path, sittings: list[int]) -> None:
    run(write_experiment(models=ONE_MODEL))
    path = tmp_path / "out/runs/pairs/costs.json"
    stored = read_json(path)
    stored["cells"]["cnn/seed-0"]["weights"] = "others"
    write_json(path, stored)
    run(write_experiment(models=ONE_MODEL))
    assert sittings == [2, 2]


def test_times_that_cannot_be_had_stay_empty_until_they_can(
    write_experiment: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of\nmemory")

    with monkeypatch.context() as patched:
        patched.setattr(cost, "time_in_turn", fail)
        result = run(write_experiment(models=ONE_MODEL))
    assert result.exit_code == 1
    assert "failed: measuring the costs of the models on pairs: RuntimeError: out of memory" in result.output
    assert "2 cells done, 0 done before, 0 failed" in result.output
    assert costs(tmp_path / "out") == {"blurred": "", "cnn": ""}
    assert "ms / megapixel:" not in (tmp_path / "out" / "report.md").read_text()
    again = run(write_experiment(models=ONE_MODEL))
    assert again.exit_code == 0
    assert "0 cells done, 2 done before" in again.output
    assert float(costs(tmp_path / "out")["cnn"]) > 0


def test_damaged_times_say_what_to_do(write_experiment: Write, tmp_path: Path, sittings: list[int]) -> None:
    run(write_experiment(models=ONE_MODEL))
    path = tmp_path / "out/runs/pairs/costs.json"
    for damaged in ("{", "[]", '{"cells": {"cnn/seed-0": {"weights": "x"}}}'):
        path.write_text(damaged)
        result = run(write_experiment(models=ONE_MODEL))
        assert result.exit_code == 2
        assert "costs.json" in result.output
        assert "remove it and run the experiment again" in result.output
    path.unlink()
    assert run(write_experiment(models=ONE_MODEL)).exit_code == 0
