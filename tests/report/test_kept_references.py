"""Results folders of earlier versions: the reports that are kept in `results/` are read, reported and merged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deblurbench.apps.cli import app
from deblurbench.files import write_json
from deblurbench.report.reading import read_results

RESULTS = Path(__file__).parents[2] / "results"
NAMES = ("quickstart-reference", "ten-minutes-reference")


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """The kept references, completed with what a report needs and is not kept: lines about the data, and `runs/`."""
    for name in NAMES:
        shutil.copytree(RESULTS / name, tmp_path / name)
        (tmp_path / name / "runs").mkdir()
        for file in ("problems.json", "notes.json"):
            write_json(tmp_path / name / file, {})
    return [tmp_path / name for name in NAMES]


def test_kept_references_are_reported_and_merged(folders: list[Path], tmp_path: Path) -> None:
    before = {folder: (folder / "per_image.csv").read_bytes() for folder in folders}
    reported = CliRunner().invoke(app, ["report", str(folders[0])])
    assert reported.exit_code == 0, reported.output
    assert (folders[0] / "statistics.csv").read_bytes() == (RESULTS / NAMES[0] / "statistics.csv").read_bytes()
    merged = CliRunner().invoke(app, ["report", *map(str, folders), "--out", str(tmp_path / "merged")])
    assert merged.exit_code == 0, merged.output
    assert all((folder / "per_image.csv").read_bytes() == data for folder, data in before.items())
    assert len(read_results(folders).results) == sum(len(read_results([folder]).results) for folder in folders) - shared(
        folders
    )


def shared(folders: list[Path]) -> int:
    """The data sets that both have: their unprocessed inputs are one."""
    first, second = (set(read_results([folder]).datasets) for folder in folders)
    return len(first & second)
