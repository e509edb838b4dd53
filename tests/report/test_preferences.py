from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from deblurbench.files import write_csv
from deblurbench.records.votes import COLUMNS
from deblurbench.report.findings.comparison import compare
from deblurbench.report.findings.metric_agreement import metric_agreement
from deblurbench.report.findings.preferences import PreferenceTable, preference_table
from deblurbench.report.reading import read_results
from tests.report.invented import invent

MODELS = ["cnn", "gan", "bridge", "diffusion", "unsharp"]


def voted(folder: Path, models: list[str], images: int) -> PreferenceTable:
    """Votes of one rater for the left of every two `models` on so many images."""
    invent(folder, images=images, **{model: 8.0 - 2 * place for place, model in enumerate(models)})
    vote = {"rater": "r", "dataset": "photos", "choice": "left", "repeats": "no", "seconds": 1, "time": ""}
    votes = [
        {**vote, "image": f"image-{number:04d}", "left": left, "right": right}
        for number in range(images)
        for left, right in combinations(models, 2)
    ]
    write_csv(folder / "votes.csv", COLUMNS, votes)
    results = read_results([folder])
    found = preference_table(results, compare(results, "photos"))
    assert found is not None
    return found


@pytest.mark.parametrize(("images", "shown"), [(9, False), (10, True)])
def test_intervals_of_votes_need_ten_images(images: int, shown: bool, tmp_path: Path) -> None:
    found = voted(tmp_path / "a", MODELS[:2], images)
    assert ("[95 %]" in found.headings[1]) is shown
    assert all(("[" in row[1]) is shown for row in found.rows)
    said = f"In brackets: 95 % bootstrap interval over {images} images."
    assert (said if shown else f"They are on {images} images, too few for intervals, which take 10.") in found.sentences


@pytest.mark.parametrize(("models", "shown"), [(4, False), (5, True)])
def test_correlations_with_votes_need_five_models(models: int, shown: bool, tmp_path: Path) -> None:
    said = voted(tmp_path / "a", MODELS[:models], 6).sentences[-1]
    if shown:
        assert said.startswith("Rank correlation over 5 models: PSNR (dB) 1.00, ")
    else:
        assert said == "4 models are too few for a rank correlation with the metrics, which takes 5."


@pytest.mark.parametrize(("images", "shown"), [(2, False), (3, True)])
def test_correlations_of_metrics_need_five_values(images: int, shown: bool, tmp_path: Path) -> None:
    """Two models on two images are four."""
    results = read_results([invent(tmp_path / "a", images=images, cnn=2.0, gan=1.0)])
    found = metric_agreement(results, compare(results, "photos"))
    assert found is not None
    assert all(bool(re.fullmatch(r"-?[01]\.\d\d", text)) is shown for row in found.texts for text in row)
    assert "of fewer than 5 none is shown" in found.note
