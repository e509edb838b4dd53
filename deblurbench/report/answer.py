"""The answer, in sentences made from the statistics: what a person reads first."""

from __future__ import annotations

import math
from collections.abc import Sequence

from deblurbench.report.comparison import Comparison, Verdict
from deblurbench.report.numbers import counted, number
from deblurbench.report.results import Result, Results

FEW_SCENES = 10


def answers(comparisons: Sequence[Comparison]) -> list[str]:
    """Two sentences a data set: who restores best and by how much, and how sure that is."""
    return [" ".join(filter(None, (_best(one), _others(one)))) for one in comparisons]


def caution(results: Results, comparisons: Sequence[Comparison]) -> str:
    """What keeps these numbers from meaning more than they do; empty where nothing does."""
    few = [f"{one.scenes} on {one.dataset}" for one in comparisons if one.scenes < FEW_SCENES]
    parts = []
    if few:
        parts.append(f"few independent test photographs ({', '.join(few)})")
    if all(len(result.seeds) == 1 for result in results.results):
        parts.append("one seed")
    return f"Read small differences with care: {' and '.join(parts)}." if parts else ""


def oracle_note(comparison: Comparison) -> str:
    """What the best oracle reaches; empty where there is none."""
    best = next((result for result in comparison.results if result.is_oracle), None)
    if best is None:
        return ""
    reach = number(comparison.standing(best.model).mean, 2)
    return f"Told the true kernel, which nobody knows of a photograph, {best.model} reaches {reach} dB."


def _best(comparison: Comparison) -> str:
    name, models = comparison.label, comparison.competitors
    if not models:
        oracles = any(result.is_oracle for result in comparison.results)
        return f"On {name} only oracles were run." if oracles else f"On {name} no model finished."
    best = comparison.standing(models[0].model)
    assert best.gain is not None  # only the input has none
    if math.isinf(best.mean):
        return f"On {name}, {models[0].model} restores every image exactly."
    if not best.gain.mean > 0:
        untouched = comparison.standing(comparison.untouched.model).mean
        return f"On {name} no model beats the blurred input ({number(untouched, 2)} dB)."
    sure = "" if math.isnan(best.gain.low) else f" (95 % interval {best.gain.low:.2f} to {best.gain.high:.2f})"
    return (
        f"On {name}, {models[0].model} restores best: {number(best.mean, 2)} dB PSNR, "
        f"{best.gain.mean:.2f} dB above the blurred input{sure}."
    )


def _others(comparison: Comparison) -> str:
    """How the others stand to the best, and who does worse than nothing."""
    best, others = comparison.competitors[:1], comparison.competitors[1:]
    if not best or not _beats_input(comparison, best[0]) or math.isinf(comparison.standing(best[0].model).mean):
        return ""
    losers = [result.model for result in others if not _beats_input(comparison, result)]
    worse = f"{listed(losers)} {'does' if len(losers) == 1 else 'do'} worse than doing nothing on average" if losers else ""
    sentence = "; ".join(filter(None, (_rest(comparison, others) if others else "", worse)))
    return f"{sentence}." if sentence else ""


def _rest(comparison: Comparison, others: Sequence[Result]) -> str:
    verdicts = {result.model: comparison.standing(result.model).verdict for result in others}
    if not comparison.tells:
        count = comparison.scenes
        units = counted(count, "image" if count == comparison.images else "scene")
        verb = "is" if count == 1 else "are"
        next_one = _behind(comparison, others[0])
        return f"{units} {verb} too few to tell by a test whether others are really behind it; next is {next_one}"
    near = [result for result in others if verdicts[result.model] in (Verdict.TIED, Verdict.UNTOLD)]
    mixed = [result for result in others if verdicts[result.model] is Verdict.MIXED]
    parts = []
    if near:
        parts.append(f"Not significantly different from it: {listed([_behind(comparison, result) for result in near])}")
    if mixed:
        behind = listed([_behind(comparison, result) for result in mixed])
        parts.append(f"{'ahead' if near else 'Ahead'} of it on most images, though not on average: {behind}")
    second = f"It is significantly better than every other model; next is {_behind(comparison, others[0], with_interval=True)}"
    return "; ".join(parts) or second


def _beats_input(comparison: Comparison, result: Result) -> bool:
    standing = comparison.standing(result.model)
    return math.isinf(standing.mean) or (standing.gain is not None and standing.gain.mean > 0)


def _behind(comparison: Comparison, result: Result, *, with_interval: bool = False) -> str:
    """A model and how far it is behind the best, in dB; the best is chosen so that none is ahead on average."""
    distance = comparison.standing(result.model).to_best
    assert distance is not None  # of the best alone there is none
    if math.isnan(distance.mean):
        return f"{result.model}, on other images"
    interval = f" ({-distance.high:.2f} to {-distance.low:.2f})" if with_interval and not math.isnan(distance.low) else ""
    return f"{result.model}, {abs(distance.mean):.2f} dB{interval} behind"


def listed(names: Sequence[str]) -> str:
    """Names as in a sentence: a, b and c."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
