"""The answer, in sentences made from the statistics: what a person reads first."""

from __future__ import annotations

import math
from collections.abc import Sequence

from deblurbench.report.comparison import Comparison, Difference, Verdict
from deblurbench.report.results import Result, Results

FEW_IMAGES = 10


def answers(comparisons: Sequence[Comparison]) -> list[str]:
    """Two sentences a data set: who restores best and by how much, and how sure that is."""
    return [" ".join(filter(None, (_best(one), _others(one)))) for one in comparisons]


def caution(results: Results) -> str:
    """What keeps these numbers from meaning more than they do; empty where nothing does."""
    few = {dataset: count for dataset, count in results.test_images.items() if count < FEW_IMAGES}
    one_seed = all(len(result.seeds) == 1 for result in results.results)
    parts = []
    if few:
        counts = ", ".join(f"{count} on {dataset}" for dataset, count in few.items())
        parts.append(f"few test photographs ({counts})")
    if one_seed:
        parts.append("one seed")
    return f"Read small differences with care: {' and '.join(parts)}." if parts else ""


def oracle_note(comparison: Comparison) -> str:
    """What the best oracle reaches; empty where there is none."""
    best = next((result for result in comparison.results if result.is_oracle), None)
    if best is None:
        return ""
    reach = best.scores[comparison.first]
    return f"Told the true kernel, which nobody knows of a photograph, {best.model} reaches {reach:.2f} dB."


def _best(comparison: Comparison) -> str:
    name, models = comparison.label, comparison.competitors
    untouched = next(result for result in comparison.results if result.is_input)
    if not models:
        return f"On {name} no model finished."
    best = models[0]
    if math.isinf(best.scores[comparison.first]):
        return f"On {name}, {best.model} restores every image exactly."
    gain = comparison.standing(best.model).gain
    assert gain is not None  # only the input has none
    if gain.mean <= 0:
        return f"On {name} no model beats the blurred input ({untouched.scores[comparison.first]:.2f} dB)."
    sure = "" if math.isnan(gain.low) else f" (95 % interval {gain.low:.2f} to {gain.high:.2f})"
    return (
        f"On {name}, {best.model} restores best: {best.scores[comparison.first]:.2f} dB PSNR, "
        f"{gain.mean:.2f} dB above the blurred input{sure}."
    )


def _others(comparison: Comparison) -> str:
    """How the others stand to the best, and who does worse than nothing."""
    best, others = comparison.competitors[:1], comparison.competitors[1:]
    if not best or not _beats_input(comparison, best[0]):
        return ""
    losers = [result.model for result in others if not _beats_input(comparison, result)]
    worse = f"{listed(losers)} {'does' if len(losers) == 1 else 'do'} worse than doing nothing" if losers else ""
    tied = [result for result in others if comparison.standing(result.model).verdict is Verdict.TIED]
    if not others:
        rest = ""
    elif not comparison.tells:
        count = comparison.scenes
        images = f"{count} image{'s' if count > 1 else ''}" if count == len(comparison.scores.images) else f"{count} scenes"
        few = f"{images} {'is' if count == 1 else 'are'} too few to tell by a test whether others are really behind it"
        rest = f"{few}; next is {_behind(comparison, others[0])}"
    elif tied:
        rest = f"Not significantly different from it: {listed([_behind(comparison, result) for result in tied])}"
    else:
        rest = (
            f"It is significantly better than every other model; next is {_behind(comparison, others[0], with_interval=True)}"
        )
    sentence = "; ".join(filter(None, (rest, worse)))
    return f"{sentence}." if sentence else ""


def _beats_input(comparison: Comparison, result: Result) -> bool:
    gain = comparison.standing(result.model).gain
    return math.isinf(result.scores[comparison.first]) or (gain is not None and gain.mean > 0)


def _behind(comparison: Comparison, result: Result, *, with_interval: bool = False) -> str:
    distance = comparison.standing(result.model).to_best
    assert distance is not None  # of the best alone there is none
    return f"{result.model}, {amount_behind(distance, with_interval=with_interval)}"


def amount_behind(distance: Difference, *, with_interval: bool) -> str:
    """How far, in dB; the difference counts from the best, and is below zero."""
    if math.isnan(distance.mean):
        return "not to be compared"
    interval = f" ({-distance.high:.2f} to {-distance.low:.2f})" if with_interval and not math.isnan(distance.low) else ""
    return f"{-distance.mean:.2f} dB{interval} behind"


def listed(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
