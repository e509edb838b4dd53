from __future__ import annotations

import html
import re
from itertools import combinations
from pathlib import Path

import pytest

from deblurbench.files import write_csv
from deblurbench.records.votes import COLUMNS
from deblurbench.report.findings.comparison import compare
from deblurbench.report.findings.metric_agreement import metric_agreement
from deblurbench.report.findings.preferences import PreferenceTable, preference_table
from deblurbench.report.page import write_report
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


@pytest.mark.parametrize(("models", "images", "votes"), [(2, 19, 19), (3, 9, 27), (5, 9, 90)])
def test_few_votes_are_counted_and_give_no_scores(models: int, images: int, votes: int, tmp_path: Path) -> None:
    """Of 19 or 18 on a model, or on 9 images."""
    found = voted(tmp_path / "a", MODELS[:models], images)
    assert (found.headings, found.rows) == ((), ())
    assert found.sentences == (
        f"{votes} blind votes of 1 rater on {images} images; no scores yet, which take at least 20 votes on each model "
        f"('{min(MODELS[:models])}' has the fewest: {2 * votes // models}) and 10 images.",
    )


@pytest.mark.usefixtures("unrendered_figures")
def test_the_report_of_few_votes_says_how_many_it_takes_and_nothing_else(tmp_path: Path) -> None:
    (sentence,) = voted(tmp_path / "a", MODELS[:2], 2).sentences
    write_report(read_results([tmp_path / "a"]), tmp_path / "a")
    for name in ("report.html", "report.md"):
        text = html.unescape((tmp_path / "a" / name).read_text())
        assert re.search(rf"What people preferred\W+(h3|p|class|note|\W)*{re.escape(sentence)}", text), name
        assert "Bradley" not in text
        assert "exp(t - s)" not in text


@pytest.mark.parametrize(("models", "images"), [(2, 20), (3, 10)])
def test_enough_votes_give_scores_with_intervals(models: int, images: int, tmp_path: Path) -> None:
    found = voted(tmp_path / "a", MODELS[:models], images)
    assert found.headings[1] == "preference (Bradley-Terry) [95 %]"
    assert [row[0] for row in found.rows] == MODELS[:models]
    assert all(re.fullmatch(r"[+-]\d\.\d\d \[[+-]\d\.\d\d, [+-]\d\.\d\d\]", row[1]) for row in found.rows)
    assert f"In brackets: 95 % bootstrap interval over {images} images." in found.sentences


@pytest.mark.parametrize(("models", "shown"), [(4, False), (5, True)])
def test_correlations_with_votes_need_five_models(models: int, shown: bool, tmp_path: Path) -> None:
    said = voted(tmp_path / "a", MODELS[:models], 10).sentences[-1]
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
