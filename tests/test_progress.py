"""Progress as people see it: a bar on a terminal, lines in a log file."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from deblurbench import progress
from deblurbench.benchmark.plan import Cell
from deblurbench.benchmark.time_left import TimeLeft
from deblurbench.records.cells import CellName
from deblurbench.training.settings import TrainingSettings


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, total: int | None = 3) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    monkeypatch.setattr(progress, "BAR_SECONDS", 0.0)
    with progress.progress_bar(total=total, desc="[2/9] cnn", unit="step", shows_time_left=False) as bar:
        bar.start_t -= 5  # it has been at work for a while
        for loss in range(3):
            bar.set_postfix_str(f"loss {loss}", refresh=False)
            bar.update()
    return stream.getvalue()


def test_a_log_file_gets_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO()).splitlines()[1:] == [  # the first says that it has begun
        "[2/9] cnn: step 1 of 3, loss 0",
        "[2/9] cnn: step 2 of 3, loss 1",
        "[2/9] cnn: step 3 of 3, loss 2",
    ]
    text = shown(monkeypatch, io.StringIO(), total=None)
    assert (text.splitlines()[1], text.count("\r")) == ("[2/9] cnn: step 1, loss 0", 0)


def test_a_terminal_gets_one_bar_that_disappears(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Terminal())
    assert "\n" not in text
    assert "3/3, loss 2" in text
    assert text.split("\r")[-1].strip() == ""


def test_lines_are_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    for _ in progress.progress_bar(range(1000), desc="reading", unit="image"):
        pass
    assert stream.getvalue() == ""  # nothing within the first LINE_SECONDS


def a_cell(model: str, settings: TrainingSettings | None) -> Cell:
    name = CellName("photos", model, 0)
    return Cell(name, name.folder(Path("out")), {"name": "cnn"}, {}, {}, settings=settings)


def test_the_time_left_is_that_of_cells_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    steps, minutes = TrainingSettings(steps=9), TrainingSettings(minutes=5)
    cells = [a_cell("blurred", None), a_cell("cnn", steps), a_cell("gan", steps), a_cell("cnn", steps), a_cell("long", minutes)]
    time_left = TimeLeft(cells)
    time_left.begin(1)
    now = 2.0
    assert time_left.end(1) == 2.0
    position = time_left.begin(2)
    assert position.label == "[2/5] cnn"
    now = 12.0  # ten seconds of it, and thirty left
    assert position.seconds_left(30.0) == 30 + 40 + 40 + 300
    now = 42.0
    time_left.end(2)
    position = time_left.begin(3)
    now = 52.0
    assert position.seconds_left(10.0) == 10 + 40 + 300
