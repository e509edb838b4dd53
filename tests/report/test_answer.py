from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from scipy import stats

from benchmarks.synthetic_results import write_results
from deblurbench.files import read_csv
from deblurbench.report.findings.answer import answers
from deblurbench.report.findings.comparison import Comparison, VersusBest, VersusInput, compare
from deblurbench.report.findings.headline import headlines
from deblurbench.report.findings.pairwise import compare_pairwise
from deblurbench.report.page import write_report
from deblurbench.report.reading import read_results
from tests.report.invented import change_images, column, compared, invent, set_scores, table_of


def versus_input(comparison: Comparison, model: str) -> VersusInput | None:
    return comparison.statistics_of(model).versus_input


def test_the_answer_is_who_is_best_by_how_much_and_how_surely(tmp_path: Path) -> None:
    comparison = compared(invent(tmp_path / "a", cnn=2.0, gan=1.4, unsharp=-0.6))
    gain, behind = comparison.statistics_of("cnn").gain, comparison.statistics_of("gan").to_best
    assert gain is not None
    assert behind is not None
    assert gain.low < 2.0 < gain.high
    assert answers([comparison]) == [
        f"On photos, cnn restores best: {comparison.statistics_of('cnn').mean:.2f} dB PSNR, {gain.mean:.2f} dB above the blurred "
        f"input (95 % interval {gain.low:.2f} to {gain.high:.2f}; p < 0.001, corrected for 3 tests). It is significantly better "
        f"than every other model; next is gan ({-behind.mean:.2f} dB behind, {-behind.high:.2f} to {-behind.low:.2f}). Of all models, cnn and "
        "gan beat the blurred input; unsharp does worse than doing nothing."
    ]


def headline_of(folder: Path, images: int = 20, **gains: float) -> str:
    """The headline of invented results, with X for every gain."""
    return re.sub(r"[+-]\d\.\d\d", "X", headlines([compared(invent(folder, images=images, **gains))])[0])


@pytest.mark.parametrize(
    ("images", "gains", "headline"),
    [
        (20, {"cnn": 2.0, "gan": 1.0, "unsharp": -1.0}, "cnn is best: X dB PSNR over the blurred input."),
        (20, {"cnn": 2.0}, "cnn beats the blurred input: X dB PSNR."),
        (20, {"cnn": 2.0, "gan": 1.98}, "cnn cannot be told apart from gan; both beat the blurred input: X and X dB PSNR."),
        (20, dict.fromkeys("abcd", 2.0), "a leads (X dB PSNR over the blurred input), but cannot be told apart from 3 others."),
        (5, {"cnn": 9.0, "gan": 1.0}, "cnn beats the blurred input (X dB PSNR), but 5 images are too few to rank the models."),
        (1, {"cnn": 2.0}, "one photograph is too few to tell anything (cnn: X dB PSNR over the blurred input)."),
        (20, {"cnn": 0.0, "gan": 0.0}, "no model can be told apart from doing nothing."),
        (20, {"cnn": 0.0}, "cnn cannot be told apart from doing nothing."),
        (20, {"cnn": -1.0, "gan": -2.0}, "every model does worse than doing nothing."),
        (20, {"cnn": 0.0, "gan": -2.0}, "no model is sure to beat doing nothing."),
    ],
)
def test_the_headline_is_one_short_sentence(images: int, gains: dict[str, float], headline: str, tmp_path: Path) -> None:
    assert headline_of(tmp_path / "a", images, **gains) == f"On photos, {headline}"


def test_a_headline_claims_no_order_that_is_not_carried(tmp_path: Path) -> None:
    """One disaster in each: the mean of one model, and the interval of another."""
    folder = invent(tmp_path / "a", images=20, cnn=2.0, gan=1.0)
    images = [row for row in read_csv(folder / "per_image.csv") if row["model"] == "blurred"]
    set_scores(folder, "cnn", {row["image"]: float(row["psnr"]) + 3 for row in images} | {"image-0003": 5.0})
    assert headlines([compared(folder)]) == ["On photos, gan beats the blurred input."]


def test_who_is_not_significantly_behind_is_named(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", cnn=2.0, gan=1.98, bridge=1.96, diffusion=0.5)
    comparison = compared(folder)
    verdicts = {model: standing.versus_best for model, standing in comparison.statistics["psnr"].items()}
    best = next(model for model, verdict in verdicts.items() if verdict is VersusBest.BEST)
    tied = {"cnn", "gan", "bridge"} - {best}
    assert {model for model, verdict in verdicts.items() if verdict is VersusBest.TIED} == tied
    assert verdicts["diffusion"] is VersusBest.BEHIND
    assert verdicts["blurred"] is VersusBest.NONE
    answer = answers([comparison])[0]
    assert answer.startswith(f"On photos, {best} has the highest mean PSNR: ")
    named = re.search(r"It cannot be told apart from (\w+) \(.* behind\) and (\w+) \(.* behind\); it is", answer)
    assert named is not None
    assert set(named.groups()) == tied
    assert "it is significantly better than diffusion. Every model beats the blurred input." in answer
    marked = {row[0].text for row in table_of(folder).rows if row[1].is_near_best}
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
        headline = headlines([compare(results, dataset)])[0]
        assert not re.search(r" is best:|beats? the|does worse", headline) or re.search(r"beats? the|does? worse", answer)
    assert claims <= 2


def test_what_a_test_cannot_tell_students_t_may_and_says_so(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=5, cnn=2.0, gan=1.9, unsharp=-2.0, polyblur=0.1)
    comparison = compared(folder)
    assert not comparison.input_is_conclusive
    assert [versus_input(comparison, name) for name in ("gan", "unsharp", "polyblur")] == [
        VersusInput.BETTER,
        VersusInput.WORSE,
        VersusInput.INCONCLUSIVE,
    ]
    assert answers([comparison])[0].endswith(
        "beat the blurred input; polyblur cannot be told apart from it; unsharp does worse than doing nothing (by Student's t "
        "alone: 5 images are too few for Wilcoxon's test)."
    )


def test_where_test_and_interval_disagree_nothing_is_claimed(tmp_path: Path) -> None:
    """One disaster: better on almost every image, and no interval of the mean that leaves out zero."""
    folder = invent(tmp_path / "a", images=20, cnn=1.0)
    blurred = {row["image"]: float(row["psnr"]) for row in read_csv(folder / "per_image.csv") if row["model"] == "blurred"}
    set_scores(folder, "cnn", {image: value + 0.5 for image, value in blurred.items()} | {"image-0003": 15.0})
    gain = (comparison := compared(folder)).statistics_of("cnn").gain
    assert gain is not None
    assert gain.p < 0.05
    assert gain.low < 0
    assert versus_input(comparison, "cnn") is VersusInput.INCONCLUSIVE
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
    standing = comparison.statistics_of("cnn")
    assert standing.gain is not None
    assert standing.mean == pytest.approx((7 * 21 + 2 * 24) / 9)
    assert standing.gain.mean == pytest.approx((1 + 4 + 4) / 3)
    assert (standing.gain.low, standing.gain.high) == pytest.approx(stats.t.interval(0.95, 2, 3, 1))
    assert "highest mean PSNR: 23.00 dB, 3.00 dB above the blurred input" in answers([comparison])[0]
    assert any("Scenes differ in their number of images" in note for note in table_of(folder).notes)
    found = compare_pairwise(read_results([folder]), comparison)
    assert found is not None
    assert found.pairs[0].difference.mean == pytest.approx((0.5 + 3.5 + 3.5) / 3)


@pytest.mark.parametrize(("images", "told"), [(5, False), (6, True)])
def test_too_few_images_to_tell_is_said(images: int, told: bool, tmp_path: Path) -> None:
    """With one other model: Wilcoxon's test on 5 images cannot reach 0.05, however clear they are."""
    folder = invent(tmp_path / "a", images=images, cnn=9.0, gan=1.0)
    comparison = compared(folder)
    assert comparison.is_conclusive is told
    assert comparison.statistics_of("gan").versus_best is (VersusBest.BEHIND if told else VersusBest.INCONCLUSIVE)
    few = f"{images} images are too few for Wilcoxon's test to tell the models apart; next by its mean is gan ("
    assert (few in answers([comparison])[0]) is not told
    assert ("restores best" in answers([comparison])[0]) is told
    assert any(note.startswith("Too few images to tell") for note in table_of(folder).notes) is not told


def test_no_model_may_be_better_than_nothing(tmp_path: Path) -> None:
    comparison = compared(invent(tmp_path / "a", cnn=-1.0, gan=-2.0))
    untouched = comparison.scores.values["psnr"]["blurred"].mean()
    assert answers([comparison]) == [
        f"On photos no model has a higher mean PSNR than the blurred input ({untouched:.2f} dB). "
        "Every model does worse than doing nothing."
    ]
    close = compared(invent(tmp_path / "b", cnn=-1.0, gan=-0.01))
    assert answers([close])[0].endswith("gan cannot be told apart from the blurred input; cnn does worse than doing nothing.")


def test_a_model_that_restores_everything_exactly(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=8, cnn=2.0, gan=1.0)
    set_scores(folder, "cnn", {f"image-{number:04d}": math.inf for number in range(8)})
    assert answers([compared(folder)]) == ["On photos, cnn restores every image exactly."]
    assert not any(cell.is_near_best for row in table_of(folder).rows for cell in row)
    assert column(table_of(folder), "PSNR (dB)")["cnn"] == "infinite"
    assert write_report(read_results([folder]), folder).page.is_file()


def test_a_model_that_is_ahead_on_most_images_is_not_called_significantly_worse(tmp_path: Path) -> None:
    """One disaster decides the mean, and the ranks point the other way."""
    folder = invent(tmp_path / "a", images=20, cnn=2.0, gan=1.0)
    cnn = {row["image"]: float(row["psnr"]) for row in read_csv(folder / "per_image.csv") if row["model"] == "cnn"}
    set_scores(folder, "gan", {image: value + 0.1 for image, value in cnn.items()} | {"image-0007": cnn["image-0007"] - 10})
    comparison = compared(folder)
    assert comparison.statistics_of("gan").versus_best is VersusBest.MIXED
    answer = answers([comparison])[0]
    assert re.search(r"It cannot be told apart from gan \(0\.4\d dB behind on average, ahead on most images\)\.", answer)
    assert "significantly better" not in answer
    assert {row[0].text for row in table_of(folder).rows if row[1].is_near_best} == {"gan"}
    assert any("or behind it on average and ahead on most images, and not worse" in note for note in table_of(folder).notes)


def test_only_the_images_that_are_compared_count_as_evidence(tmp_path: Path) -> None:
    folder = invent(tmp_path / "a", images=10, cnn=9.0, gan=1.0)
    set_scores(folder, "blurred", {f"image-{number:04d}": math.inf for number in range(7)})
    comparison = compared(folder)
    assert (comparison.images, comparison.scenes, comparison.is_conclusive) == (3, 3, False)
    assert "3 images are too few for Wilcoxon's test to tell the models apart" in answers([comparison])[0]
    assert any(
        note.startswith("Too few images to tell what is more than chance: over 3 images") for note in table_of(folder).notes
    )
    assert not any(cell.is_near_best for row in table_of(folder).rows for cell in row)


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
