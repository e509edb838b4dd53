from __future__ import annotations

import csv
import os
import stat
from pathlib import Path

import pytest
import torch

from deblurbench.devices import usual_workers
from deblurbench.errors import DeblurbenchError, one_line, suggestion
from deblurbench.files import digest, read_csv, read_json, write_csv, write_json, write_whole


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.txt"
    write_whole(path, "old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_written_files_have_the_usual_permissions(tmp_path: Path) -> None:
    usual, ours = tmp_path / "usual", tmp_path / "ours"
    usual.write_text("x")
    write_whole(ours, "x")
    assert stat.S_IMODE(ours.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)


def test_json_comes_back_as_it_was(tmp_path: Path) -> None:
    value = {"b": [1, 2.5, None], "a": "ü"}
    write_json(tmp_path / "folder" / "value.json", value)
    assert read_json(tmp_path / "folder" / "value.json") == value


@pytest.mark.parametrize("text", ["=cmd.png", "+a", "-a", "@a", "\t=a", "\r=a", "'=a", "''-a", "-1-1", "=1"])
def test_no_cell_of_a_csv_is_a_formula_and_each_comes_back(tmp_path: Path, text: str) -> None:
    write_csv(tmp_path / "a.csv", ["image"], [{"image": text}])
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["image"], [f"'{text}"]]
    assert read_csv(tmp_path / "a.csv") == [{"image": text}]


def test_numbers_and_other_text_are_written_as_they_are(tmp_path: Path) -> None:
    row = {"a": -1.5, "b": -3, "c": "-0.25", "d": "-inf", "e": "a=b", "f": "'quoted'", "g": "", "h": None}
    write_csv(tmp_path / "a.csv", row, [row])
    assert (tmp_path / "a.csv").read_text().splitlines()[1] == "-1.5,-3,-0.25,-inf,a=b,'quoted',,"
    assert read_csv(tmp_path / "a.csv")[0]["f"] == "'quoted'"


def test_digests_ignore_the_order_of_keys_and_nothing_else() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert len({digest({"a": 1}), digest({"a": 2}), digest({"a": 1.5}), digest(b"a")}) == 4


def test_errors_read_as_one_line() -> None:
    assert one_line(ValueError("two\nlines")) == "ValueError: two lines"
    assert one_line(DeblurbenchError("said\n plainly")) == "said plainly"
    assert one_line(KeyboardInterrupt()) == "KeyboardInterrupt"


def test_suggestions_name_the_closest_or_all() -> None:
    assert suggestion("widht", ["width", "blocks"]) == "; did you mean 'width'?"
    assert suggestion("zzz", ["width", "blocks"]) == "; known: blocks, width"
    assert suggestion("zzz", []) == ""


def test_a_gpu_is_fed_by_workers_and_a_cpu_is_left_to_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, expected in ((1, 1), (2, 1), (6, 5), (64, 8), (None, 1)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert usual_workers(torch.device("cuda")) == expected
        assert usual_workers(torch.device("cpu")) == 0
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    assert usual_workers(torch.device("cuda"), processes=4) == 3
