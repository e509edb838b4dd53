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
from deblurbench.report.agreement import agreement
from deblurbench.report.answer import answers
from deblurbench.report.comparison import Comparison, Order, Verdict, compare
from deblurbench.report.duels import duels
from deblurbench.report.latex import escaped, latex_table
from deblurbench.report.page import write_report
from deblurbench.report.reading import read_results
from deblurbench.report.tables import Table, comparison_table
from tests.report.invented import change_images, invent, set_scores


def compared(folder: Path) -> Comparison:
    return compare(read_results([folder]), "photos")


def table_of(folder: Path) -> Table:
    results = read_results([folder])
    return comparison_table(results, compare(results, "photos"))


def column(table: Table, heading: str) -> dict[str, str]:
    place = [one.heading for one in table.columns].index(heading)
    return {row[0].text: row[place].text for row in table.rows}


def order(comparison: Comparison, model: str) -> Order | None:
    return comparison.standing(model).order


def test_the_answer_is_who_is_best_by_how_much_and_how_surely(tmp_path: Path) -> None:
    comparison = compared(invent(tmp_path / "a", cnn=2.0, gan=1.4, unsharp=-0.6))
    gain, behind = comparison.standing("cnn").gain, comparison.standing("gan").to_best
    assert gain is not None
    assert behind is not None
    assert gain.low < 2.0 < gain.high
    assert answers([comparison]) == [
        f"On photos, cnn restores best: {comparison.standing('cnn').mean:.2f} dB PSNR, {gain.mean:.2f} dB above the blurred "
        f"input (95 % interval {gain.low:.2f} to {gain.high:.2f}; p < 0.001, corrected for 3 tests). It is significantly better "
        f"than every other model; next is gan ({-behind.mean:.2f} dB behind, {-behind.high:.2f} to {-behind.low:.2f}). Of all models, cnn and "
        "gan beat the blurred input; unsharp does worse than doing nothing."
    ]


def test_who_is_not_significantly_behind_is_named(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", cnn=2.0, gan=1.98, bridge=1.96, diffusion=0.5)
    comparison = compared(folder)
    verdicts = {model: standing.verdict for model, standing in comparison.standings["psnr"].items()}
    best = next(model for model, verdict in verdicts.items() if verdict is Verdict.BEST)
    tied = {"cnn", "gan", "bridge"} - {best}
    assert {model for model, verdict in verdicts.items() if verdict is Verdict.TIED} == tied
    assert verdicts["diffusion"] is Verdict.BEHIND
    assert verdicts["blurred"] is Verdict.NONE
    answer = answers([comparison])[0]
    assert answer.startswith(f"On photos, {best} has the highest mean PSNR: ")
    named = re.search(r"It cannot be told apart from (\w+) \(.* behind\) and (\w+) \(.* behind\); it is", answer)
    assert named is not None
    assert set(named.groups()) == tied
    assert "it is significantly better than diffusion. Every model beats the blurred input." in answer
    marked = {row[0].text for row in table_of(folder).rows if row[1].is_near}
    assert marked == tied
    assert any("≈: not significantly behind the best" in note for note in table_of(folder).notes)


@pytest.mark.parametrize("images", [5, 20])
def test_models_that_differ_by_chance_alone_are_not_put_in_order(images: int, tmp_path: Path) -> None:
    """Twenty data sets on which four models are the input but for noise: claims of 95 % may be wrong on one or two."""
    gains = dict.fromkeys(["cnn", "gan", "bridge", "unsharp"], 0.0)
    write_results(tmp_path / "a", datasets=list("abcdefghijklmnopqrst"), gains=gains, images=images)
    results = read_results([tmp_path / "a"])
    claims = 0
    for dataset in results.datasets:
        answer = answers([compare(results, dataset)])[0]
        claims += bool(re.search(r"beats? the|restores best|significantly better|do(es)? worse", answer))
        assert "told apart" in answer or "too few for Wilcoxon's test to tell" in answer
    assert claims <= 2


def test_what_a_test_cannot_tell_students_t_may_and_says_so(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=5, cnn=2.0, gan=1.9, unsharp=-2.0, polyblur=0.1)
    comparison = compared(folder)
    assert not comparison.tells_input
    assert [order(comparison, name) for name in ("gan", "unsharp", "polyblur")] == [Order.BETTER, Order.WORSE, Order.UNTOLD]
    assert answers([comparison])[0].endswith(
        "beat the blurred input; polyblur cannot be told apart from it; unsharp does worse than doing nothing (by Student's t "
        "alone: 5 images are too few for Wilcoxon's test)."
    )


def test_where_test_and_interval_disagree_nothing_is_claimed(tmp_path: Path) -> None:
    """One disaster: better on almost every image, and no interval of the mean that leaves out zero."""
    folder = invent(tmp_path / "a", images=20, cnn=1.0)
    blurred = {row["image"]: float(row["psnr"]) for row in read_csv(folder / "per_image.csv") if row["model"] == "blurred"}
    set_scores(folder, "cnn", {image: value + 0.5 for image, value in blurred.items()} | {"image-0003": 15.0})
    gain = (comparison := compared(folder)).standing("cnn").gain
    assert gain is not None
    assert gain.p < 0.05
    assert gain.low < 0
    assert order(comparison, "cnn") is Order.UNTOLD
    assert "beats" not in answers([comparison])[0]
    assert answers([comparison])[0].endswith("annot be told apart from the blurred input.")


def test_a_model_is_named_with_how_it_restores(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=20, diffusion=2.0, gan=1.0)
    path = folder / "comparison.csv"
    path.write_text(path.read_text().replace("diffusion,cnn,unet,0,,", "diffusion,cnn,unet,0,ddim 4 steps; mean of 8 samples,"))
    answer = answers([compared(folder)])[0]
    assert answer.startswith("On photos, diffusion (ddim 4 steps, mean of 8 samples) restores best: ")
    assert answer.count("mean of 8 samples") == 1


def test_scenes_count_once_in_every_mean_beside_an_interval(tmp_path: Path) -> None:
    folder = write_results(tmp_path / "a", datasets=["photos"], gains={"cnn": 2.0, "gan": 1.0}, images=9, scenes=3)

    def change(row: dict[str, str]) -> None:
        row["scene"] = "street" if int(row["image"][-1]) < 7 else row["image"]
        row["psnr"] = {"blurred": "20", "cnn": "21" if row["scene"] == "street" else "24", "gan": "20.5"}[row["model"]]

    change_images(folder, change)
    comparison = compared(folder)
    standing = comparison.standing("cnn")
    assert standing.gain is not None
    assert standing.mean == pytest.approx((7 * 21 + 2 * 24) / 9)
    assert standing.gain.mean == pytest.approx((1 + 4 + 4) / 3)
    assert (standing.gain.low, standing.gain.high) == pytest.approx(stats.t.interval(0.95, 2, 3, 1))
    assert "highest mean PSNR: 23.00 dB, 3.00 dB above the blurred input" in answers([comparison])[0]
    assert any("Scenes differ in their number of images" in note for note in table_of(folder).notes)
    found = duels(read_results([folder]), comparison)
    assert found is not None
    assert found.pairs[0].difference.mean == pytest.approx((0.5 + 3.5 + 3.5) / 3)


def test_intervals_hold_the_variance_of_training_or_say_that_they_do_not(tmp_path: Path) -> None:
    """Three seeds whose means lie 2 dB apart; one seed that knows nothing of it."""
    three, one = tmp_path / "three", tmp_path / "one"
    for folder, seeds in ((three, (0, 1, 2)), (one, (0,))):
        write_results(folder, datasets=["photos"], gains={"cnn": 2.0}, images=12, noise=0.1, seeds=seeds)

        def change(row: dict[str, str]) -> None:
            row["psnr"] = str(float(row["psnr"]) + 2 * int(row["seed"]))

        change_images(folder, change)
    gain, narrow = (compared(folder).standing("cnn").gain for folder in (three, one))
    assert gain is not None
    assert narrow is not None
    assert gain.mean == pytest.approx(4, abs=0.1)
    assert gain.high - gain.mean == pytest.approx(stats.t.ppf(0.975, 2) * 2 / math.sqrt(3), rel=0.05)
    assert narrow.high - narrow.low < 0.2
    assert any("They hold the variance of training between seeds" in note for note in table_of(three).notes)
    assert any("With one seed nobody knows how much training varies" in note for note in table_of(one).notes)


def test_the_best_is_compared_as_strictly_as_if_it_had_not_been_chosen(tmp_path: Path) -> None:
    """Of four models, six pairs."""
    comparison = compared(invent(tmp_path / "a", cnn=2.0, gan=1.9, bridge=1.8, unsharp=0.0))
    values = comparison.scores.values["psnr"]
    best = comparison.competitors[0].model
    to_best = comparison.standing("unsharp").to_best
    assert to_best is not None
    smallest = min(
        stats.wilcoxon(values[result.model] - values[best]).pvalue for result in comparison.competitors if result.model != best
    )
    assert to_best.p == pytest.approx(6 * smallest)


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
    few = f"{images} images are too few for Wilcoxon's test to tell the models apart; next by its mean is gan ("
    assert (few in answers([comparison])[0]) is not told
    assert ("restores best" in answers([comparison])[0]) is told
    assert any(note.startswith("Too few images to tell") for note in table_of(folder).notes) is not told


def test_images_of_one_scene_count_once(tmp_path: Path) -> None:
    folder = write_results(tmp_path / "a", datasets=["photos"], gains={"cnn": 2.0, "gan": 1.9}, images=60, scenes=5)
    comparison = compared(folder)
    assert comparison.scenes == 5
    assert not comparison.tells
    assert any("5 scenes that show 60 images" in note for note in table_of(folder).notes)


def test_no_model_may_be_better_than_nothing(tmp_path: Path) -> None:
    comparison = compared(invent(tmp_path / "a", cnn=-1.0, gan=-2.0))
    untouched = comparison.scores.values["psnr"]["blurred"].mean()
    assert answers([comparison]) == [
        f"On photos no model has a higher mean PSNR than the blurred input ({untouched:.2f} dB). "
        "Every model does worse than doing nothing."
    ]
    close = compared(invent(tmp_path / "b", cnn=-1.0, gan=-0.01))
    assert answers([close])[0].endswith("gan cannot be told apart from the blurred input; cnn does worse than doing nothing.")


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
    row = next(row for row in read_csv(folder / "statistics.csv") if (row["model"], row["metric"]) == ("cnn", "psnr"))
    assert row["left_out"] == "1"


def test_a_model_that_restores_everything_exactly(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=8, cnn=2.0, gan=1.0)
    set_scores(folder, "cnn", {f"image-{number:04d}": math.inf for number in range(8)})
    assert answers([compared(folder)]) == ["On photos, cnn restores every image exactly."]
    assert not any(cell.is_near for row in table_of(folder).rows for cell in row)
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
    place = [one.heading for one in table.columns].index("MSE")
    best = {row[0].text for row in table.rows if row[place].is_best}
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
        assert line.count("&") == len(table.columns) - 1
        assert (r"\textbf{" + row[1].text + "}" in line) == row[1].is_best
        assert row[2].text in line
    assert escaped("50 % & a_b {~^\\}") == r"50 \% \& a\_b \{\textasciitilde{}\textasciicircum{}\textbackslash{}\}"
    assert latex_table(table, "c", "a b_c").count(r"\label{tab:a-b-c}") == 1
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
    row = next(row for row in read_csv(folder / "duels.csv") if {row["first"], row["second"]} == {"gan", "diffusion"})
    assert (int(row["wins"]), int(row["losses"])) == (duel.wins, duel.losses)
    assert "| diffusion | 0%" in (folder / "report.md").read_text()


def test_metrics_that_disagree_are_counted_and_shown(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=20, cnn=2.0, gan=1.0)
    rows = {row["image"]: float(row["gmsd"]) for row in read_csv(folder / "per_image.csv") if row["model"] == "cnn"}
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
    experiment.write_text(experiment.read_text().replace("deblurbench@2", "gopro-matlab@1"))
    with pytest.raises(UsageError, match=r"b: was scored with another recipe \(deblurbench@2 and gopro-matlab@1\)"):
        read_results([first, second])


def test_a_model_that_is_ahead_on_most_images_is_not_called_significantly_worse(tmp_path: Path) -> None:
    """One disaster decides the mean, and the ranks point the other way."""
    folder = invent(tmp_path / "a", images=20, cnn=2.0, gan=1.0)
    cnn = {row["image"]: float(row["psnr"]) for row in read_csv(folder / "per_image.csv") if row["model"] == "cnn"}
    set_scores(folder, "gan", {image: value + 0.1 for image, value in cnn.items()} | {"image-0007": cnn["image-0007"] - 10})
    comparison = compared(folder)
    assert comparison.standing("gan").verdict is Verdict.MIXED
    answer = answers([comparison])[0]
    assert re.search(r"It cannot be told apart from gan \(0\.4\d dB behind on average, ahead on most images\)\.", answer)
    assert "significantly better" not in answer
    assert {row[0].text for row in table_of(folder).rows if row[1].is_near} == {"gan"}
    assert any(note.endswith("or behind it on average and ahead on most images.") for note in table_of(folder).notes)


def test_right_on_average_is_not_right_on_every_image(tmp_path: Path) -> None:
    """Fine detail of +8 and -8 dB in turn is worse than a steady -1 dB, and +3 is as far off as -3."""
    folder = invent(tmp_path / "a", cnn=2.0, gan=1.0, bridge=1.0)

    def change(row: dict[str, str]) -> None:
        even = int(row["image"][-1]) % 2
        row["fine-detail"] = {"blurred": "-9", "cnn": "8" if even else "-8", "gan": "-1", "bridge": "1"}[row["model"]]

    change_images(folder, change)
    standings = compared(folder).standings["fine-detail"]
    assert standings["cnn"].verdict is Verdict.BEHIND
    assert {standings["gan"].verdict, standings["bridge"].verdict} == {Verdict.BEST, Verdict.TIED}
    assert standings["cnn"].gain is not None
    assert standings["cnn"].gain.mean == pytest.approx(1)  # 9 dB off before, 8 after


def test_who_is_exact_on_easy_images_is_not_judged_by_the_hard_ones_alone(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=10, cnn=2.0, gan=1.0)
    easy = [f"image-{number:04d}" for number in range(9)]
    set_scores(folder, "cnn", dict.fromkeys(easy, math.inf) | {"image-0009": 21.0})
    set_scores(folder, "gan", dict.fromkeys(easy, 40.0) | {"image-0009": 20.0})
    comparison = compared(folder)
    assert comparison.competitors[0].model == "cnn"
    assert comparison.standing("cnn").mean == 21.0  # written as the issue of identical images demands
    to_best = comparison.standing("gan").to_best
    assert to_best is not None
    assert to_best.mean == pytest.approx(-1)
    assert "Models are ordered and compared by the 1 image that none of them restores exactly." in table_of(folder).notes


def test_only_the_images_that_are_compared_count_as_evidence(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=10, cnn=9.0, gan=1.0)
    set_scores(folder, "blurred", {f"image-{number:04d}": math.inf for number in range(7)})
    comparison = compared(folder)
    assert (comparison.images, comparison.scenes, comparison.tells) == (3, 3, False)
    assert "3 images are too few for Wilcoxon's test to tell the models apart" in answers([comparison])[0]
    assert any(
        note.startswith("Too few images to tell what is more than chance: over 3 images") for note in table_of(folder).notes
    )
    assert not any(cell.is_near for row in table_of(folder).rows for cell in row)


def test_an_input_that_needs_no_deblurring(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=8, cnn=2.0, gan=1.0)
    set_scores(folder, "blurred", {f"image-{number:04d}": math.inf for number in range(8)})
    assert answers([compared(folder)]) == [
        "On photos there is nothing to compare: every image is sharp already, or restored exactly by some model."
    ]
    assert write_report(read_results([folder]), folder).page.is_file()


def test_equal_models_are_equal(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=20, cnn=2.0, gan=1.0)
    cnn = {row["image"]: float(row["psnr"]) for row in read_csv(folder / "per_image.csv") if row["model"] == "cnn"}
    set_scores(folder, "gan", cnn)
    answer = answers([compared(folder)])[0]
    assert re.search(r"It cannot be told apart from (gan|cnn) \(0\.00 dB behind\)\.", answer)


def test_only_oracles(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=8, wiener=2.0)
    path = folder / "comparison.csv"
    path.write_text(path.read_text().replace("wiener,cnn,unet,0,,False", "wiener,cnn,unet,0,oracle,True"))
    assert answers([compared(folder)]) == ["On photos only oracles were run."]
    assert not any(note.startswith("Bold") for note in table_of(folder).notes)
    assert write_report(read_results([folder]), folder).page.is_file()


@pytest.mark.parametrize(("images", "size"), [(1, (64, 96)), (3, (28, 28)), (2, (9, 300))])
def test_single_and_tiny_images_make_a_report(images: int, size: tuple[int, int], tmp_path: Path) -> None:
    folder = write_results(tmp_path / "a", datasets=["photos"], gains={"cnn": 1.0, "gan": 0.5}, images=images, size=size)
    page = write_report(read_results([folder]), folder).page.read_text()
    assert "nan" not in re.sub(
        r"<style>.*?</style>|<script>.*?</script>|data:image[^\"]*|<defs>.*?</defs>", "", page, flags=re.DOTALL
    ).replace("Chann", "")


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
