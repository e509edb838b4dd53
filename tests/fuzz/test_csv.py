"""Whatever names images, models and raters have, a CSV gives them back and none is a formula."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deblurbench.files import read_csv, write_csv

NAMES = st.text(st.one_of(st.sampled_from("'=+-@\t\r\n,;\" 1e."), st.characters(exclude_categories=["Cs"])), max_size=12)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv") / "a.csv"


@given(st.lists(st.tuples(NAMES, NAMES), max_size=4))
@settings(deadline=None)
def test_text_comes_back_and_no_cell_is_a_formula(file: Path, names: list[tuple[str, str]]) -> None:
    rows = [{"image": image, "model": model} for image, model in names]
    write_csv(file, ("image", "model"), rows)
    assert read_csv(file) == rows
    with file.open(encoding="utf-8", newline="") as opened:
        cells = [cell for row in csv.reader(opened) for cell in row]
    assert len(cells) == 2 + 2 * len(rows)
    for cell in cells:
        if cell.startswith(("=", "+", "-", "@", "\t", "\r")):
            float(cell)


@given(st.floats())
@settings(deadline=None)
def test_numbers_stay_numbers(file: Path, number: float) -> None:
    write_csv(file, ("a", "b"), [{"a": number, "b": str(number)}])
    assert read_csv(file) == [{"a": f"{number:.6g}", "b": str(number)}]
