"""Whatever a file of a results folder holds, there is a report or one line that says what is wrong."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from deblurbench.errors import DeblurbenchError, one_line
from deblurbench.files import write_csv, write_json
from deblurbench.records.cells import CellRecord, SweepChoice, write_cell
from deblurbench.report.page import write_report
from deblurbench.report.reading import read_results
from tests.fuzz.damage import NUMBERS, TEXTS, VALUES, changed_leaves, damaged_bytes, damaged_value
from tests.report.invented import invent

VOTE = "Ann,photos,image-000{},{},{},{},{},1.0,2026-01-01\n"
FAILED = {
    "status": "failed",
    "training_identity": "a",
    "scoring_identity": "b",
    "error": "RuntimeError: no memory",
}  # of version 1
CHOICE = SweepChoice("cnn", {"cnn": {"network.width": 8}, "gan": {"network.width": 16}}, {"cnn": 28.5, "gan": 27.0})
SWEPT = CellRecord("done", "photos", "gan", 0, {}, {}, {}, "a", "b", choice=CHOICE)
TEXT = (
    "comparison.csv", "per_image.csv", "really_blurred.csv", "votes.csv", "experiment.yaml", "environment.json", "problems.json",
    "notes.json", "runs/photos/cnn/seed-0/cell.json", "runs/photos/gan/seed-0/cell.json", "runs/photos/cnn/seed-0/history.json",
)  # fmt: skip
PICTURES = tuple(
    f"runs/photos/{place}/image-000{number}.png"
    for place in ("sharp", "blurred/seed-0/restored", "cnn/seed-0/restored")
    for number in range(3)
)


@cache
def folder() -> tuple[tempfile.TemporaryDirectory[str], Path]:
    """A small results folder with one of every file that a report reads."""
    temporary = tempfile.TemporaryDirectory()
    path = invent(Path(temporary.name) / "results", images=3, cnn=2.0, gan=1.0)
    write_json(path / "runs/photos/cnn/seed-0/cell.json", FAILED)
    write_cell(path / "runs/photos/gan/seed-0", SWEPT)
    write_json(path / "problems.json", {"photos": ["a.png: not an image"]})
    write_json(path / "notes.json", {"photos": ["registered pairs"]})
    write_json(path / "environment.json", [{"versions": {"torch": "2"}, "cells": ["photos / cnn / seed 0"]}])
    models = ("blurred", "cnn", "gan")
    shown = [
        {"dataset": "photos", "model": model, "seed": 0, "image": "image-0002", "laplacian-variance": 0.1} for model in models
    ]
    write_csv(path / "really_blurred.csv", shown[0], shown)
    votes = [VOTE.format(number, *pair, "left", "no") for number in range(3) for pair in (("cnn", "gan"), ("blurred", "cnn"))]
    (path / "votes.csv").write_text(
        "rater,dataset,image,left,right,choice,repeats,seconds,time\n"
        + "".join(votes)
        + VOTE.format(0, "gan", "cnn", "same", "yes")
    )
    write_report(read_results([path]), path)  # whole, it makes a report
    return temporary, path


@st.composite
def damaged_table(draw: st.DrawFn, text: str) -> str:
    """A CSV with cells changed, lines doubled or taken out, or a column taken out."""
    rows = list(csv.reader(io.StringIO(text)))
    for _ in range(draw(st.integers(1, 3))):
        line = draw(st.integers(0, len(rows) - 1))
        column = draw(st.integers(0, len(rows[0]) - 1))
        kind = draw(st.sampled_from(["cell"] * 6 + ["line", "twice", "column"]))
        if kind == "cell" and column < len(rows[line]):
            rows[line][column] = draw(st.sampled_from([*map(str, NUMBERS[:-8]), "inf", "nan", "1e308", *TEXTS[:7], *TEXTS[8:]]))
        elif kind == "line" and len(rows) > 1:
            del rows[line]
        elif kind == "twice":
            rows.append(rows[line])
        elif kind == "column" and len(rows[0]) > 1:
            rows = [[cell for place, cell in enumerate(row) if place != column] for row in rows]
    found = io.StringIO()
    csv.writer(found, lineterminator="\n").writerows(rows)
    return found.getvalue()


@st.composite
def damage(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file of the folder, and what it holds now."""
    _, path = folder()
    name = draw(st.sampled_from([*TEXT, *TEXT, *PICTURES]))
    data = (path / name).read_bytes()
    if name in PICTURES or draw(st.integers(0, 3)) == 0:
        return name, draw(damaged_bytes(data))
    if name.endswith(".csv"):
        return name, draw(damaged_table(data.decode())).encode("utf-8", "replace")
    value: Any = yaml.safe_load(data)  # of JSON too
    changed = draw(changed_leaves(value) | damaged_value(value) | damaged_value(value) | VALUES)
    text = yaml.safe_dump(changed, sort_keys=False) if name.endswith(".yaml") else json.dumps(changed)
    return name, text.encode("utf-8", "replace")


@settings(deadline=None)
@given(damage())
def test_a_damaged_results_folder_makes_a_report_or_one_line(changed: tuple[str, bytes]) -> None:
    name, data = changed
    path = folder()[1] / name
    whole = path.read_bytes()
    path.unlink()  # pictures are links to one file
    path.write_bytes(data)
    said = "nothing"
    try:
        results = read_results([folder()[1]])
        assert write_report(results, folder()[1]).page.is_file()
    except DeblurbenchError as error:
        said = one_line(error)
    finally:
        path.write_bytes(whole)
    assert len(said.splitlines()) == 1
