from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from deblurbench.statistics.agreement import disagreements, rank_correlations
from deblurbench.statistics.bradley_terry import PairedVote, strengths
from deblurbench.statistics.intervals import Estimate, estimate, intervals, p_values
from deblurbench.statistics.means import finite_mean, scene_means
from deblurbench.statistics.significance import can_reach_significance, holm, wilcoxon


def names(count: int) -> list[str]:
    return [f"scene {number}" for number in range(count)]


def test_means_leave_out_the_infinite_and_say_so() -> None:
    assert finite_mean([20, 30, math.inf]) == (25, 1)
    assert finite_mean([20, 30]) == (25, 0)
    assert finite_mean([math.inf, math.inf]) == (math.inf, 0)
    assert math.isnan(finite_mean([]).value)


def covered(values: NDArray[np.float64], mean: float, *trainings: NDArray[np.float64]) -> float:
    """In what share of the columns the interval holds the true mean."""
    low, high = intervals(estimate(values), *map(estimate, trainings)).T
    return float(((low < mean) & (mean < high)).mean())


def test_intervals_are_students() -> None:
    values = np.random.default_rng(0).gamma(2.0, 1.0, (6, 3))
    values[2, 1] = np.nan
    for column, interval in zip(values.T, intervals(estimate(values)), strict=True):
        known = column[np.isfinite(column)]
        assert interval == pytest.approx(stats.t.interval(0.95, len(known) - 1, known.mean(), stats.sem(known)))
    assert p_values(estimate(values)) == pytest.approx(stats.ttest_1samp(values, 0, nan_policy="omit").pvalue)


def test_p_is_what_the_interval_that_reaches_zero_leaves_out() -> None:
    scenes, seeds = (estimate(np.random.default_rng(seed).normal(3, 1, (count, 500))) for seed, count in ((0, 6), (1, 3)))
    seeds = seeds._replace(mean=scenes.mean)
    low, high = intervals(scenes, seeds).T
    assert np.array_equal(p_values(scenes, seeds) < 0.05, (low > 0) | (high < 0))
    assert (p_values(scenes, seeds) > p_values(scenes)).all()
    assert np.isnan(p_values(estimate(np.ones((1, 2))))).all()
    assert p_values(estimate(np.zeros((4, 1)))) == pytest.approx([1])


def test_the_quickstarts_interval_by_hand() -> None:
    """Of what the GAN gained on four photographs; a percentile bootstrap said 1.73 to 2.80."""
    gains = np.array([2.9538, 2.6368, 1.8324, 1.6206])  # mean 2.2609, deviation 0.6364; t of 3 degrees of freedom is 3.1824
    assert intervals(estimate(gains[:, None]))[0] == pytest.approx([1.25, 3.27], abs=0.005)


@pytest.mark.parametrize("scenes", [2, 4, 6, 10, 20, 50])
def test_intervals_cover_the_truth_as_often_as_they_say(scenes: int) -> None:
    random = np.random.default_rng(1)
    assert 0.94 < covered(random.normal(1.0, 2.0, (scenes, 20_000)), 1.0) < 0.96
    if scenes >= 4:  # skewed differences: a percentile bootstrap over 4 covers four in five
        assert covered(random.gamma(2.0, 1.0, (scenes, 20_000)), 2.0) > 0.90


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("scenes", [4, 10, 20])
@pytest.mark.parametrize("training", [0.0, 0.1, 1.0, 3.0])  # its deviation, that of scenes being 1
def test_intervals_hold_the_variance_of_training(seeds: int, scenes: int, training: float) -> None:
    random = np.random.default_rng(2)
    of_scenes, of_seeds = random.normal(size=(scenes, 1, 10_000)), training * random.normal(size=(1, seeds, 10_000))
    values = 1.0 + of_scenes + of_seeds + 0.3 * random.normal(size=(scenes, seeds, 10_000))
    assert covered(values.mean(axis=1), 1.0, values.mean(axis=0)) > 0.94
    if training >= 1:
        assert covered(values.mean(axis=1), 1.0) < 0.94  # scenes alone do not tell how much training varies


def test_images_of_one_scene_are_no_independent_evidence() -> None:
    scene_effects = np.random.default_rng(2).normal(0, 1, 10)
    values = np.repeat(scene_effects, 100)[:, None]
    scenes = [f"scene {number // 100}" for number in range(1000)]
    (whole,), (naive,) = (intervals(estimate(scene_means(values, one))) for one in (scenes, names(1000)))
    assert np.ptp(whole) > 5 * np.ptp(naive)
    assert wilcoxon(values[:, 0], scenes).p == pytest.approx(stats.wilcoxon(scene_effects).pvalue)


def test_every_scene_counts_once_however_many_images_it_has() -> None:
    means = scene_means(np.array([1.0, 3.0, 8.0, np.inf]), ["a", "a", "b", "c"])
    assert means == pytest.approx([2, 8, math.nan], nan_ok=True)
    assert estimate(means[:, None]).mean == pytest.approx([5])


def test_missing_values_and_single_scenes_have_no_interval() -> None:
    values = np.array([[1.0, np.nan, np.nan, np.nan], [3.0, np.nan, 2.0, 2.0], [np.inf, np.nan, 2.0, np.nan]])
    found = intervals(estimate(values))
    assert found[0] == pytest.approx(stats.t.interval(0.95, 1, 2, 1))
    assert np.isnan(found[[1, 3]]).all()
    assert found[2] == pytest.approx([2, 2])
    single = Estimate(*np.array([[2.0], [np.nan], [0.0]]))  # of one seed
    assert intervals(estimate(values[:, :1]), single)[0] == pytest.approx(found[0])
    assert np.isnan(intervals(single, estimate(values[:, :1]))).all()


def test_wilcoxon_and_holm() -> None:
    differences = np.array([0.3, 0.1, 0.5, 0.2, 0.7, 0.4, -0.15, 0.9])
    found = wilcoxon(differences, names(8))
    assert found.p == pytest.approx(stats.wilcoxon(differences).pvalue)
    assert (found.direction, found.scenes) == (1, 8)
    assert wilcoxon(np.zeros(8), names(8)) == (1, 0, 0)
    assert wilcoxon(np.array([np.nan, -0.1, np.inf]), names(3)) == (1, -1, 1)  # of one image
    nothing = wilcoxon(np.full(4, np.nan), names(4))
    assert math.isnan(nothing.p)
    assert math.isnan(holm({"a": math.nan, "b": 0.03})["a"])
    assert holm({"a": math.nan, "b": 0.03})["b"] == 0.03
    cancelling = np.tile([0.1, 0.2, -0.3], 10)  # of which each scene's mean is zero but for rounding
    assert wilcoxon(cancelling, [f"scene {number // 3}" for number in range(30)]) == (1, 0, 0)
    # By hand: 0.01 x 3, then 0.02 x 2 raised to nothing less, then 0.9 x 1.
    assert holm({"a": 0.02, "b": 0.01, "c": 0.9}) == pytest.approx({"b": 0.03, "a": 0.04, "c": 0.9})
    assert holm({"a": 0.02, "b": 0.01}, further_tests=1) == pytest.approx({"b": 0.03, "a": 0.04})
    assert holm({"a": 0.03, "b": 0.029, "c": 0.5}) == pytest.approx({"b": 0.087, "a": 0.087, "c": 0.5})


def test_too_few_images_cannot_tell() -> None:
    assert not can_reach_significance(5, tests=1)  # 2 / 2^5 = 0.0625
    assert can_reach_significance(6, tests=1)
    assert not can_reach_significance(6, tests=2)
    assert wilcoxon(np.arange(1.0, 6.0), names(5)).p == pytest.approx(2**-4)


def test_rank_correlations_are_spearmans() -> None:
    columns = np.random.default_rng(3).normal(size=(50, 3))
    columns[:, 1] += columns[:, 0]
    assert rank_correlations(columns)[0, 1] == pytest.approx(stats.spearmanr(columns[:, 0], columns[:, 1]).statistic)
    columns[7, 2] = np.inf
    rest = np.delete(columns, 7, axis=0)
    assert rank_correlations(columns)[0, 2] == pytest.approx(stats.spearmanr(rest[:, 0], rest[:, 2]).statistic)
    assert np.isnan(rank_correlations(columns[:4])).all()
    assert np.isfinite(rank_correlations(columns[:5])).all()
    columns[:, 1] = 4
    assert np.isnan(rank_correlations(columns)[0, 1])


def test_disagreements_name_the_images_that_show_them_most() -> None:
    psnr = np.array([[30.0, 30, 30, 30], [29, 29, 33, 29.5]])  # two models on four images
    perceptual = np.array([[-0.1, -0.3, -0.2, -0.3], [-0.2, -0.1, -0.1, -0.29]])
    share, found = disagreements(psnr, perceptual, most=3)
    assert share == pytest.approx(2 / 4)
    assert [(case.image, case.first, case.second) for case in found] == [(1, 0, 1), (3, 0, 1)]
    assert disagreements(psnr, psnr, most=3) == (0, [])
    assert math.isnan(disagreements(psnr[:1], psnr[:1], most=3)[0])


def test_strengths_are_found_again() -> None:
    truth = {"a": 1.0, "b": 0.0, "c": -1.0}
    random = np.random.default_rng(4)
    covered = []
    for _ in range(30):
        ballots = []
        for first, second in [("a", "b"), ("b", "c"), ("a", "c")]:
            chance = 1 / (1 + math.exp(truth[second] - truth[first]))
            ballots += [PairedVote(first, second, float(random.uniform() < chance), str(number)) for number in range(60)]
        found = strengths(ballots)
        assert sum(strength.score for strength in found.values()) == pytest.approx(0, abs=1e-9)
        for model, score in truth.items():
            assert found[model].score == pytest.approx(score, abs=0.7)
            covered.append(found[model].low < score < found[model].high)
    assert 0.85 < np.mean(covered) <= 1
    assert found == strengths(ballots)


def test_strengths_of_many_models_are_not_drawn_together() -> None:
    """Of votes that are shared out exactly as the strengths say."""
    truth = {f"model {number}": (number - 4.5) / 3 for number in range(10)}
    shares = [(one, two, 1 / (1 + math.exp(truth[two] - truth[one]))) for one, two in combinations(truth, 2)]
    found = strengths([PairedVote(*share, str(number)) for number in range(10) for share in shares[number % 4 :: 4]])
    slope = np.polyfit([*truth.values()], [found[model].score for model in truth], 1)[0]
    assert 0.9 < slope < 1


def test_votes_of_no_difference_and_winners_of_all() -> None:
    even = strengths([PairedVote("a", "b", 0.5, str(number)) for number in range(10)])
    assert even["a"].score == pytest.approx(0, abs=1e-6)
    always = strengths([PairedVote("a", "b", 1.0, str(number)) for number in range(10)])
    assert always["a"].score > 1
    assert math.isfinite(always["b"].low)
    assert strengths([]) == {}


def test_many_votes_on_one_image_are_no_certainty() -> None:
    once = [PairedVote("a", "b", float(number % 3 > 0), str(number)) for number in range(12)]
    many = [ballot for ballot in once for _ in range(10)]  # ten raters who agree on every image
    width, ten_times = (strengths(ballots)["a"].high - strengths(ballots)["a"].low for ballots in (once, many))
    assert ten_times > 0.8 * width
    assert math.isnan(strengths([ballot._replace(image="one") for ballot in once])["a"].low)


@pytest.mark.parametrize(("images", "shown"), [(9, False), (10, True)])
def test_votes_on_few_images_have_no_interval(images: int, shown: bool) -> None:
    ballots = [PairedVote("a", "b", float(number % 3 > 0), str(number)) for number in range(images)]
    assert math.isfinite(strengths(ballots * 10)["b"].high) is shown
    assert math.isfinite(strengths(ballots)["b"].score)
