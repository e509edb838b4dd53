from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from benchmarks.synthetic_results import write_results
from deblurbench.apps.cli import app
from deblurbench.errors import UsageError
from deblurbench.files import read_csv
from deblurbench.report.findings.comparison import VersusBest, compare
from deblurbench.report.findings.metric_agreement import metric_agreement
from deblurbench.report.findings.pairwise import compare_pairwise
from deblurbench.report.latex import FULL_WIDTH, escape, latex_tables
from deblurbench.report.page import write_report
from deblurbench.report.pictures.gallery import VIEW
from deblurbench.report.reading import read_results
from tests.report.invented import change_images, column, compared, invent, set_scores, table_of


def test_intervals_hold_the_variance_of_training_or_say_that_they_do_not(tmp_path: Path) -> None:
    """Three seeds whose means lie 2 dB apart; one seed that knows nothing of it."""
    three, one = tmp_path / "three", tmp_path / "one"
    for folder, seeds in ((three, (0, 1, 2)), (one, (0,))):
        write_results(folder, datasets=["photos"], gains={"cnn": 2.0}, images=12, noise=0.1, seeds=seeds)

        def change(row: dict[str, str]) -> None:
            row["psnr"] = str(float(row["psnr"]) + 2 * int(row["seed"]))

        change_images(folder, change)
    gain, narrow = (compared(folder).statistics_of("cnn").gain for folder in (three, one))
    assert gain is not None
    assert narrow is not None
    assert gain.mean == pytest.approx(4, abs=0.1)
    assert gain.high - gain.mean == pytest.approx(stats.t.ppf(0.975, 2) * 2 / math.sqrt(3), rel=0.05)
    assert narrow.high - narrow.low < 0.2
    assert any("They hold the variance of training between seeds" in note for note in table_of(three).notes)
    assert any("It leaves out how much training varies, which one seed cannot tell" in note for note in table_of(one).notes)


def test_the_best_is_compared_as_strictly_as_if_it_had_not_been_chosen(tmp_path: Path) -> None:
    """Of four models, six pairs."""
    comparison = compared(invent(tmp_path / "a", cnn=2.0, gan=1.9, bridge=1.8, unsharp=0.0))
    values = comparison.scores.values["psnr"]
    best = comparison.ranked[0].model
    to_best = comparison.statistics_of("unsharp").to_best
    assert to_best is not None
    smallest = min(
        stats.wilcoxon(values[result.model] - values[best]).pvalue for result in comparison.ranked if result.model != best
    )
    assert to_best.p == pytest.approx(6 * smallest)


def test_the_tests_are_those_of_scipy_on_the_images_of_the_two(tmp_path: Path) -> None:
    comparison = compared(invent(tmp_path / "a", cnn=2.0, gan=1.8))
    values = comparison.scores.values["psnr"]
    to_best = comparison.statistics_of("gan").to_best
    assert to_best is not None
    assert to_best.p == pytest.approx(stats.wilcoxon(values["gan"] - values["cnn"]).pvalue)
    assert to_best.mean == pytest.approx((values["gan"] - values["cnn"]).mean())


def test_images_of_one_scene_count_once(tmp_path: Path) -> None:
    folder = write_results(tmp_path / "a", datasets=["photos"], gains={"cnn": 2.0, "gan": 1.9}, images=60, scenes=5)
    comparison = compared(folder)
    assert comparison.scenes == 5
    assert not comparison.is_conclusive
    assert any("5 scenes that show 60 images" in note for note in table_of(folder).notes)


def test_identical_images_are_infinite_left_out_and_said_so(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=10, cnn=2.0, gan=1.0)
    set_scores(folder, "cnn", {"image-0003": math.inf})
    comparison = compared(folder)
    finite = [value for value in comparison.scores.values["psnr"]["cnn"] if math.isfinite(value)]
    assert comparison.statistics_of("cnn").mean == pytest.approx(np.mean(finite), abs=1e-4)
    assert comparison.statistics_of("cnn").left_out == 1
    assert comparison.statistics_of("cnn").wins == 10
    notes = table_of(folder).notes
    assert "cnn: 1 image is identical to its ground truth; that PSNR is infinite, and left out of the mean." in notes
    page = write_report(read_results([folder]), folder).page
    assert "that PSNR is infinite" in page.read_text()
    row = next(row for row in read_csv(folder / "statistics.csv") if (row["model"], row["metric"]) == ("cnn", "psnr"))
    assert row["left_out"] == "1"


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
    place = [one.heading for one in table.columns].index("MSE")
    best = {row[0].text for row in table.rows if row[place].is_best}
    assert best == {"gan"}  # lower is better where it is


def test_a_metric_whose_best_is_in_the_middle(tmp_path: Path) -> None:
    """Fine detail of 0 dB is right; more is noise."""
    folder = invent(tmp_path / "a", cnn=2.0, gan=1.0)

    def change(row: dict[str, str]) -> None:
        row["fine-detail"] = {"blurred": "-9", "cnn": "4", "gan": "-1"}[row["model"]]

    change_images(folder, change)
    standings = compared(folder).statistics["fine-detail"]
    assert standings["gan"].versus_best is VersusBest.BEST
    assert standings["cnn"].versus_best is VersusBest.BEHIND
    assert standings["cnn"].wins == 40


def test_latex_and_csv_hold_the_same_numbers(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=30, cnn_1=2.0, gan=1.99, diffusion=0.4)
    write_report(read_results([folder]), folder)
    table = table_of(folder)
    core, full = (folder / "tables.tex").read_text().split(r"\begin{table*}")
    narrow = table.core.without(FULL_WIDTH)
    for text, part in ((core, narrow), (full, table)):
        lines = text.splitlines()
        body = lines[lines.index(r"    \midrule") + 1 : lines.index(r"    \bottomrule")]
        for line, row in zip(body, part.rows, strict=True):
            assert line.startswith("    " + row[0].text.replace("_", r"\_") + " & ")
            assert line.endswith(r"\\")
            assert line.count("&") == len(part.columns) - 1
            assert (r"\textbf{" + row[1].text + "}" in line) == row[1].is_best
            assert row[2].text in line
    widths = [max(len(cell.text) for cell in column) for column in zip(*narrow.rows, strict=True)]
    # Of 245 points that a column of a paper has, a character of 10 points takes 5, and a gap between columns 6.
    assert 245 / (5 * sum(widths) + 6 * len(widths)) > 0.6, "what fits the column is legible: 6 points and more"
    assert r"PSNR (dB) $\uparrow$" in core
    assert escape("50 % & a_b {~^\\}") == r"50 \% \& a\_b \{\textasciitilde{}\textasciicircum{}\textbackslash{}\}"
    assert latex_tables(table, "c", "a b_c").count(r"\label{tab:a-b-c}") == 1
    text = (folder / "report.md").read_text()
    statistics = {(row["model"], row["metric"]): row for row in read_csv(folder / "statistics.csv")}
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
    found = compare_pairwise(results, comparison)
    assert found is not None
    values = comparison.scores.values["psnr"]
    pairs = {frozenset((pair_result.first, pair_result.second)): pair_result for pair_result in found.pairs}
    assert len(pairs) == 6
    pair_result = pairs[frozenset(("gan", "diffusion"))]
    first, second = values[pair_result.first], values[pair_result.second]
    assert (pair_result.wins, pair_result.losses) == ((first > second).sum(), (first < second).sum())
    assert pair_result.difference.mean == pytest.approx((first - second).mean())
    p_values = {pair: stats.wilcoxon(values[one.first] - values[one.second]).pvalue for pair, one in pairs.items()}
    largest = max(p_values, key=lambda pair: p_values[pair])
    assert pairs[largest].difference.p == pytest.approx(p_values[largest])  # the last by Holm is multiplied by one
    assert largest == {"cnn", "gan"}
    cells = {(row[0], column): text for row in found.rows for column, text in zip(found.headings, row, strict=True)}
    assert cells["diffusion", "diffusion"] == ""
    assert cells["cnn", "gan"].endswith(" ≈")
    assert cells["cnn", "blurred"] == "100%"
    write_report(results, folder)
    row = next(row for row in read_csv(folder / "duels.csv") if {row["first"], row["second"]} == {"gan", "diffusion"})
    assert (int(row["wins"]), int(row["losses"])) == (pair_result.wins, pair_result.losses)
    assert "| diffusion | 0%" in (folder / "report.md").read_text()


def test_metrics_that_disagree_are_counted_and_shown(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=20, cnn=2.0, gan=1.0)
    rows = {row["image"]: float(row["gmsd"]) for row in read_csv(folder / "per_image.csv") if row["model"] == "cnn"}
    reversed_images = ["image-0002", "image-0011"]
    set_scores(folder, "gan", {image: rows[image] - 0.05 for image in reversed_images}, metric="gmsd")
    results = read_results([folder])
    found = metric_agreement(results, compare(results, "photos"))
    assert found is not None
    values = compare(results, "photos").scores.values
    psnr, gmsd = (values[name]["cnn"] - values[name]["gan"] for name in ("psnr", "gmsd"))
    share = np.mean(psnr * -gmsd < 0)
    assert f"PSNR and GMSD disagree in {share:.0%} of all cases" in found.sentence
    assert {case.image for case in found.disagreements[:2]} == set(reversed_images)
    assert (found.disagreements[0].preferred_by_psnr, found.disagreements[0].preferred_by_perceptual) == ("cnn", "gan")
    page = write_report(results, folder).page.read_text()
    assert found.sentence in page
    assert f"&#39;{found.disagreements[0].image}&#39;: PSNR prefers cnn, GMSD gan" in page
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
    assert "mae" in compare(read_results([second]), "photos").statistics
    results = read_results([first, second])
    assert "mae" not in results.recipe.metrics
    assert results.remarks == ("not scored in all of these results, and left out: mae",)
    write_report(results, tmp_path / "both")
    assert "mae" not in (tmp_path / "both" / "comparison.csv").read_text().splitlines()[0]
    experiment.write_text(experiment.read_text().replace("deblurbench@2", "gopro-matlab@1"))
    with pytest.raises(UsageError, match=r"b: was scored with another recipe \(deblurbench@2 and gopro-matlab@1\)"):
        read_results([first, second])


def test_right_on_average_is_not_right_on_every_image(tmp_path: Path) -> None:
    """Fine detail of +8 and -8 dB in turn is worse than a steady -1 dB, and +3 is as far off as -3."""
    folder = invent(tmp_path / "a", cnn=2.0, gan=1.0, bridge=1.0)

    def change(row: dict[str, str]) -> None:
        even = int(row["image"][-1]) % 2
        row["fine-detail"] = {"blurred": "-9", "cnn": "8" if even else "-8", "gan": "-1", "bridge": "1"}[row["model"]]

    change_images(folder, change)
    standings = compared(folder).statistics["fine-detail"]
    assert standings["cnn"].versus_best is VersusBest.BEHIND
    assert {standings["gan"].versus_best, standings["bridge"].versus_best} == {VersusBest.BEST, VersusBest.TIED}
    assert standings["cnn"].gain is not None
    assert standings["cnn"].gain.mean == pytest.approx(1)  # 9 dB off before, 8 after


def test_who_is_exact_on_easy_images_is_not_judged_by_the_hard_ones_alone(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=10, cnn=2.0, gan=1.0)
    easy = [f"image-{number:04d}" for number in range(9)]
    set_scores(folder, "cnn", dict.fromkeys(easy, math.inf) | {"image-0009": 21.0})
    set_scores(folder, "gan", dict.fromkeys(easy, 40.0) | {"image-0009": 20.0})
    comparison = compared(folder)
    assert comparison.ranked[0].model == "cnn"
    assert comparison.statistics_of("cnn").mean == 21.0  # written as the issue of identical images demands
    to_best = comparison.statistics_of("gan").to_best
    assert to_best is not None
    assert to_best.mean == pytest.approx(-1)
    assert "Models are ordered and compared by the 1 image that none of them restores exactly." in table_of(folder).notes


@pytest.mark.parametrize(("images", "size"), [(1, (64, 96)), (3, (28, 28)), (2, (9, 500))])
def test_single_and_tiny_images_make_a_report(images: int, size: tuple[int, int], tmp_path: Path) -> None:
    folder = write_results(tmp_path / "a", datasets=["photos"], gains={"cnn": 1.0, "gan": 0.5}, images=images, size=size)
    page = write_report(read_results([folder]), folder).page.read_text()
    assert "nan" not in re.sub(
        r"<style>.*?</style>|<script>.*?</script>|data:image[^\"]*|<defs>.*?</defs>", "", page, flags=re.DOTALL
    ).replace("Chann", "")
    assert (f'width="{VIEW}" height="7"' in page) == (max(size) > VIEW)  # the whole, scaled down


def test_pictures_that_were_not_kept_are_named(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=6, cnn=2.0, gan=1.0, bridge=0.5)
    for path in (folder / "runs" / "photos" / "gan").rglob("*.png"):
        path.unlink()
    next((folder / "runs" / "photos" / "bridge").rglob("image-0002.png")).unlink()
    page = write_report(read_results([folder]), folder).page.read_text()
    assert "No pictures were kept of: gan." in page
    for path in (folder / "runs" / "photos" / "sharp").rglob("*.png"):
        path.unlink()
    assert 'class="compare"' not in write_report(read_results([folder]), folder).page.read_text()


def test_names_that_mean_something_to_html_markdown_latex_or_matplotlib(tmp_path: Path) -> None:
    name = r'x$^$|<b>"=&_1'
    folder = write_results(tmp_path / "a", datasets=["ph $o$|tos"], gains={name.replace("/", ""): 1.0, "gan": 0.5}, images=8)
    write_report(read_results([folder]), folder)
    page = (folder / "report.html").read_text()
    assert "x$^$|&lt;b&gt;&#34;=&amp;_1" in page
    assert "<b>" not in page
    lines = [line for line in (folder / "report.md").read_text().splitlines() if line.startswith(r"| x$^$\|\<b>")]
    assert lines
    assert r"x\$\textasciicircum{}\$\textbar{}\textless{}b\textgreater{}" in (folder / "tables.tex").read_text()


def test_merging_never_replaces_the_tables_of_a_source(tmp_path: Path) -> None:
    first, second = (invent(tmp_path / name, images=6, cnn=1.0) for name in ("a", "b"))
    before = (first / "comparison.csv").read_bytes()
    result = CliRunner().invoke(app, ["report", str(first), str(second), "--out", str(first)])
    assert result.exit_code == 2
    assert "--out: " in result.output
    assert "is one of the results, whose tables would be replaced" in result.output
    assert (first / "comparison.csv").read_bytes() == before
    assert CliRunner().invoke(app, ["report", str(first), "--out", str(tmp_path / "c")]).exit_code == 0
    assert read_csv(tmp_path / "c" / "comparison.csv") == read_csv(first / "comparison.csv")
