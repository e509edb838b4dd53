from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.synthetic_results import write_results
from deblurbench.errors import UsageError
from deblurbench.report.agreement import agreement
from deblurbench.report.answer import answers
from deblurbench.report.comparison import Comparison, Verdict, compare
from deblurbench.report.duels import duels
from deblurbench.report.latex import escaped, latex_table
from deblurbench.report.page import write_report
from deblurbench.report.reading import read_results
from deblurbench.report.tables import Table, comparison_table
from tests.report.invented import change_images, invent, read, set_scores


def compared(folder: Path) -> Comparison:
    return compare(read_results([folder]), "photos")


def table_of(folder: Path) -> Table:
    results = read_results([folder])
    return comparison_table(results, compare(results, "photos"))


def column(table: Table, heading: str) -> dict[str, str]:
    place = table.headings.index(heading)
    return {row[0].text: row[place].text for row in table.rows}


def test_the_answer_is_who_is_best_by_how_much_and_how_surely(tmp_path: Path) -> None:
    comparison = compared(invent(tmp_path / "a", cnn=2.0, gan=1.4, unsharp=-0.6))
    first, second = answers([comparison])[0].split(". ", 1)
    gain = comparison.standing("cnn").gain
    assert gain is not None
    assert re.fullmatch(
        r"On photos, cnn restores best: \d\d\.\d\d dB PSNR, "
        rf"{gain.mean:.2f} dB above the blurred input \(95 % interval {gain.low:.2f} to {gain.high:.2f}\)",
        first,
    )
    assert second.startswith("It is significantly better than every other model; next is gan, 0.")
    assert second.endswith(" behind; unsharp does worse than doing nothing.")
    assert gain.low < 2.0 < gain.high


def test_who_is_not_significantly_behind_is_named(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", cnn=2.0, gan=1.98, bridge=1.96, diffusion=0.5)
    comparison = compared(folder)
    verdicts = {model: standing.verdict for model, standing in comparison.standings["psnr"].items()}
    best = next(model for model, verdict in verdicts.items() if verdict is Verdict.BEST)
    tied = {"cnn", "gan", "bridge"} - {best}
    assert {model for model, verdict in verdicts.items() if verdict is Verdict.TIED} == tied
    assert verdicts["diffusion"] is Verdict.BEHIND
    assert verdicts["blurred"] is Verdict.NONE
    assert "Not significantly different from it: " in answers([comparison])[0]
    marked = {row[0].text for row in table_of(folder).rows if row[1].is_tied}
    assert marked == tied
    assert any("≈: not significantly different from the best" in note for note in table_of(folder).notes)


def test_the_tests_are_those_of_scipy_on_the_images_of_the_two(tmp_path: Path) -> None:
    comparison = compared(invent(tmp_path / "a", cnn=2.0, gan=1.8))
    values = comparison.scores.values["psnr"]
    to_best = comparison.standing("gan").to_best
    assert to_best is not None
    assert to_best.p == pytest.approx(stats.wilcoxon(values["gan"] - values["cnn"]).pvalue)
    assert to_best.mean == pytest.approx((values["gan"] - values["cnn"]).mean())


@pytest.mark.parametrize(("images", "told"), [(5, False), (6, True)])
def test_too_few_images_to_tell_is_said(images: int, told: bool, tmp_path: Path) -> None:
    """With one other model: Wilcoxon's test on 5 images cannot reach 0.05, however clear they are."""
    folder = invent(tmp_path / "a", images=images, cnn=9.0, gan=1.0)
    comparison = compared(folder)
    assert comparison.tells is told
    assert comparison.standing("gan").verdict is (Verdict.BEHIND if told else Verdict.UNTOLD)
    few = f"{images} images are too few to tell"
    assert (few in answers([comparison])[0]) is not told
    assert any(note.startswith("Too few images to tell") for note in table_of(folder).notes) is not told


def test_images_of_one_scene_count_once(tmp_path: Path) -> None:
    folder = write_results(tmp_path / "a", datasets=["photos"], gains={"cnn": 2.0, "gan": 1.9}, images=60, scenes=5)
    comparison = compared(folder)
    assert comparison.scenes == 5
    assert not comparison.tells
    assert any("5 scenes, which show 60 images" in note for note in table_of(folder).notes)


def test_no_model_may_be_better_than_nothing(tmp_path: Path) -> None:
    comparison = compared(invent(tmp_path / "a", cnn=-1.0, gan=-2.0))
    untouched = comparison.scores.values["psnr"]["blurred"].mean()
    assert answers([comparison]) == [f"On photos no model beats the blurred input ({untouched:.2f} dB)."]


def test_identical_images_are_infinite_left_out_and_said_so(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=10, cnn=2.0, gan=1.0)
    set_scores(folder, "cnn", {"image-0003": math.inf})
    comparison = compared(folder)
    finite = [value for value in comparison.scores.values["psnr"]["cnn"] if math.isfinite(value)]
    assert comparison.standing("cnn").mean == pytest.approx(np.mean(finite), abs=1e-4)
    assert comparison.standing("cnn").left_out == 1
    assert comparison.standing("cnn").wins == 10
    notes = table_of(folder).notes
    assert "cnn: 1 image is identical to its sharp twin; that PSNR is infinite, and left out of the mean." in notes
    page = write_report(read_results([folder]), folder).page
    assert "that PSNR is infinite" in page.read_text()
    row = next(row for row in read(folder / "statistics.csv") if (row["model"], row["metric"]) == ("cnn", "psnr"))
    assert row["left_out"] == "1"


def test_a_model_that_restores_everything_exactly(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=8, cnn=2.0, gan=1.0)
    set_scores(folder, "cnn", {f"image-{number:04d}": math.inf for number in range(8)})
    assert answers([compared(folder)])[0].startswith("On photos, cnn restores every image exactly.")
    assert column(table_of(folder), "PSNR (dB)")["cnn"] == "infinite"
    assert write_report(read_results([folder]), folder).page.is_file()


def test_the_table_stands_by_quality_with_the_input_in_its_place(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", cnn=2.0, gan=3.0, diffusion=-1.0)
    table = table_of(folder)
    assert [row[0].text for row in table.rows] == ["gan", "cnn", "blurred", "diffusion"]
    assert table.input_row == 2
    assert [row[1].is_best for row in table.rows] == [True, False, False, False]
    gains = column(table, "gain over input [95 %]")
    assert gains["blurred"] == ""
    assert re.fullmatch(r"\+2\.\d\d \[\+2\.\d\d, \+3\.\d\d\]", gains["gan"])
    assert column(table, "better than input")["gan"] == "40 of 40"
    best = {row[0].text for row in table.rows if row[table.headings.index("MSE")].is_best}
    assert best == {"gan"}  # lower is better where it is


def test_a_metric_whose_best_is_in_the_middle(tmp_path: Path) -> None:
    """Fine detail of 0 dB is right; more is noise."""
    folder = invent(tmp_path / "a", cnn=2.0, gan=1.0)

    def change(row: dict[str, str]) -> None:
        row["fine-detail"] = {"blurred": "-9", "cnn": "4", "gan": "-1"}[row["model"]]

    change_images(folder, change)
    standings = compared(folder).standings["fine-detail"]
    assert standings["gan"].verdict is Verdict.BEST
    assert standings["cnn"].verdict is Verdict.BEHIND
    assert standings["cnn"].wins == 40


def test_latex_and_csv_hold_the_same_numbers(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=30, cnn_1=2.0, gan=1.99, diffusion=0.4)
    write_report(read_results([folder]), folder)
    table = table_of(folder)
    lines = (folder / "tables.tex").read_text().splitlines()
    body = lines[lines.index(r"    \midrule") + 1 : lines.index(r"    \bottomrule")]
    for line, row in zip(body, table.rows, strict=True):
        assert line.startswith("    " + row[0].text.replace("_", r"\_") + " & ")
        assert line.endswith(r"\\")
        assert line.count("&") == len(table.headings) - 1
        assert (r"\textbf{" + row[1].text + "}" in line) == row[1].is_best
        assert row[2].text in line
    assert escaped("50 % & a_b {~^\\}") == r"50 \% \& a\_b \{\textasciitilde{}\textasciicircum{}\textbackslash{}\}"
    assert latex_table(table, "c", "a b_c").count(r"\label{tab:a-b-c}") == 1
    text = (folder / "report.md").read_text()
    statistics = {(row["model"], row["metric"]): row for row in read(folder / "statistics.csv")}
    for model, gain in column(table, "gain over input [95 %]").items():
        row = statistics[model, "psnr"]
        assert f"{float(row['mean']):.2f}" in column(table, "PSNR (dB)")[model]
        assert f"| {gain} |" in text
        if gain:
            assert gain == f"{float(row['gain']):+.2f} [{float(row['gain_low']):+.2f}, {float(row['gain_high']):+.2f}]"
    assert len(statistics) == 4 * 8


def test_every_model_is_set_against_every_other(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", cnn=2.0, gan=1.95, diffusion=0.2)
    results = read_results([folder])
    comparison = compare(results, "photos")
    found = duels(results, comparison)
    assert found is not None
    values = comparison.scores.values["psnr"]
    pairs = {frozenset((duel.first, duel.second)): duel for duel in found.pairs}
    assert len(pairs) == 6
    duel = pairs[frozenset(("gan", "diffusion"))]
    first, second = values[duel.first], values[duel.second]
    assert (duel.wins, duel.losses) == ((first > second).sum(), (first < second).sum())
    assert duel.difference.mean == pytest.approx((first - second).mean())
    p_values = {pair: stats.wilcoxon(values[one.first] - values[one.second]).pvalue for pair, one in pairs.items()}
    largest = max(p_values, key=lambda pair: p_values[pair])
    assert pairs[largest].difference.p == pytest.approx(p_values[largest])  # the last by Holm is multiplied by one
    assert largest == {"cnn", "gan"}
    cells = {(row[0], column): text for row in found.rows for column, text in zip(found.headings, row, strict=True)}
    assert cells["diffusion", "diffusion"] == ""
    assert cells["cnn", "gan"].endswith(" ≈")
    assert cells["cnn", "blurred"] == "100%"
    write_report(results, folder)
    row = next(row for row in read(folder / "duels.csv") if {row["first"], row["second"]} == {"gan", "diffusion"})
    assert (int(row["wins"]), int(row["losses"])) == (duel.wins, duel.losses)
    assert "| diffusion | 0%" in (folder / "report.md").read_text()


def test_metrics_that_disagree_are_counted_and_shown(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=20, cnn=2.0, gan=1.0)
    rows = {row["image"]: float(row["gmsd"]) for row in read(folder / "per_image.csv") if row["model"] == "cnn"}
    reversed_images = ["image-0002", "image-0011"]
    set_scores(folder, "gan", {image: rows[image] - 0.05 for image in reversed_images}, metric="gmsd")
    results = read_results([folder])
    found = agreement(results, compare(results, "photos"))
    assert found is not None
    values = compare(results, "photos").scores.values
    psnr, gmsd = (values[name]["cnn"] - values[name]["gan"] for name in ("psnr", "gmsd"))
    share = np.mean(psnr * -gmsd < 0)
    assert f"PSNR and GMSD disagree in {share:.0%} of all cases" in found.sentence
    assert {case.image for case in found.cases[:2]} == set(reversed_images)
    assert (found.cases[0].by_first, found.cases[0].by_perceptual) == ("cnn", "gan")
    page = write_report(results, folder).page.read_text()
    assert found.sentence in page
    assert f"&#39;{found.cases[0].image}&#39;: PSNR prefers cnn, the perceptual score gan" in page
    matrix = np.array(found.correlations)
    assert np.allclose(np.diag(matrix), 1)
    assert matrix[0, 1] == pytest.approx(1, abs=1e-6)  # the invented SSIM follows PSNR


def test_an_incomplete_or_older_folder_is_named(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=6, cnn=1.0)
    path = folder / "per_image.csv"
    text = path.read_text()
    path.write_text(text[: text.rindex("\n", 0, -1) + 1])
    with pytest.raises(UsageError, match="was not scored on the test images of 'photos'"):
        compared(folder)
    path.write_text(text.replace(",scene,", ",group,", 1))
    with pytest.raises(UsageError, match=r"per_image\.csv: has no column 'scene', .* run the experiment again with --restart"):
        compared(folder)


def test_folders_with_other_metrics_are_merged_by_what_they_share(tmp_path: Path) -> None:
    first, second = (invent(tmp_path / name, images=8, cnn=1.0) for name in ("a", "b"))
    experiment = second / "experiment.yaml"
    experiment.write_text(experiment.read_text().replace("metrics: []", "metrics: [{name: mae}]"))
    for name in ("per_image.csv", "comparison.csv"):
        lines = (second / name).read_text().splitlines()
        (second / name).write_text("\n".join([lines[0] + ",mae", *(line + ",0.01" for line in lines[1:])]) + "\n")
    assert "mae" in compare(read_results([second]), "photos").standings
    results = read_results([first, second])
    assert "mae" not in results.recipe.metrics
    assert results.remarks == ("not scored in all of these results, and left out: mae",)
    write_report(results, tmp_path / "both")
    assert "mae" not in (tmp_path / "both" / "comparison.csv").read_text().splitlines()[0]
    experiment.write_text(experiment.read_text().replace("deblurbench@1", "gopro-matlab@1"))
    with pytest.raises(UsageError, match=r"b: was scored with another recipe \(deblurbench@1 and gopro-matlab@1\)"):
        read_results([first, second])
