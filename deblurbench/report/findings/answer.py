"""The answer, in sentences made from the statistics: what a person reads first.

A sentence claims an order of two only where an interval and a test carry it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from deblurbench.report.findings.comparison import Comparison, Difference, Order, Verdict
from deblurbench.report.formatting import counted, listed, number
from deblurbench.report.results import Result, Results

FEW_SCENES = 10
MOST_NAMED = 4  # of the models that are behind: more are counted


def answers(comparisons: Sequence[Comparison]) -> list[str]:
    """Two or three sentences a data set: who is ahead and by how much, of whom that is sure, and who beats the input."""
    return [" ".join(_sentences(one)) for one in comparisons]


def caution(results: Results, comparisons: Sequence[Comparison]) -> str:
    """What keeps these numbers from meaning more than they do; empty where nothing does."""
    few = [f"{one.scenes} on {one.dataset}" for one in comparisons if one.scenes < FEW_SCENES]
    parts = []
    if few:
        parts.append(f"few independent test photographs ({', '.join(few)})")
    trained = [result for result in results.results if result.is_trained]
    if trained and all(len(result.seeds) == 1 for result in trained):
        parts.append("one seed, which cannot tell how much training varies")
    return f"Read small differences with care: {' and '.join(parts)}." if parts else ""


def oracle_note(comparison: Comparison) -> str:
    """What the best oracle reaches; empty where there is none."""
    best = next((result for result in comparison.results if result.is_oracle), None)
    if best is None:
        return ""
    reach = number(comparison.standing(best.model).mean, 2)
    return f"Told the true kernel, which nobody knows of a photograph, {best.model} reaches {reach} dB."


def _sentences(comparison: Comparison) -> Iterator[str]:
    name, models = comparison.label, comparison.competitors
    if not models:
        oracles = any(result.is_oracle for result in comparison.results)
        yield f"On {name} only oracles were run." if oracles else f"On {name} no model finished."
    elif math.isinf(comparison.standing(models[0].model).mean):
        yield f"On {name}, {models[0].model} restores every image exactly."
    elif not comparison.images:
        yield f"On {name} there is nothing to compare: every image is sharp already, or restored exactly by some model."
    else:
        names = _Names()
        yield _lead(comparison, names)
        if comparison.scenes < 2:
            yield f"{_few(comparison)} to tell whether any of this is more than chance."
            return
        if len(models) > 1 and _gain(comparison, models[0]).mean > 0:
            yield _others(comparison, names)
        yield _input(comparison, names)


class _Names:
    """What models are called: at their first mention with how they restore, which may matter more than what was trained."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __call__(self, result: Result, remark: str = "") -> str:
        how = "" if result.model in self._said else result.inference.replace("; ", ", ")
        self._said.add(result.model)
        added = "; ".join(filter(None, (how, remark)))
        return f"{result.model} ({added})" if added else result.model


def _gain(comparison: Comparison, result: Result) -> Difference:
    gain = comparison.standing(result.model).gain
    assert gain is not None  # only the input has none
    return gain


def _lead(comparison: Comparison, names: _Names) -> str:
    """Whose mean is highest, and what it gains."""
    best, *others = comparison.competitors
    gain = _gain(comparison, best)
    if not gain.mean > 0:
        untouched = number(comparison.standing(comparison.untouched.model).over_scenes, 2)
        return f"On {comparison.label} no model has a higher mean PSNR than the blurred input ({untouched} dB)."
    reach = f"{number(comparison.standing(best.model).over_scenes, 2)} dB"
    is_best = others and all(comparison.standing(other.model).verdict is Verdict.BEHIND for other in others)
    if is_best:
        claim = f"{names(best)} restores best: {reach} PSNR"
    elif others:
        claim = f"{names(best)} has the highest mean PSNR: {reach}"
    else:
        claim = f"{names(best)} reaches {reach} PSNR"
    return f"On {comparison.label}, {claim}, {gain.mean:.2f} dB above the blurred input{_evidence(comparison, gain)}."


def _evidence(comparison: Comparison, gain: Difference) -> str:
    if math.isnan(gain.low):
        return ""
    tests = len(comparison.results) - 1
    p = "p < 0.001" if gain.p < 0.001 else f"p = {gain.p:.2g}"
    corrected = f", corrected for {tests} tests" if tests > 1 else ""
    return f" (95 % interval {gain.low:.2f} to {gain.high:.2f}; {p}{corrected})"


def _others(comparison: Comparison, names: _Names) -> str:
    """How the others stand to the best."""
    others = comparison.competitors[1:]
    if not comparison.tells:
        next_one = f"next by its mean is {names(others[0], _distance(comparison, others[0]))}"
        return f"{_few(comparison)} for Wilcoxon's test to tell the models apart; {next_one}."
    behind = [result for result in others if comparison.standing(result.model).verdict is Verdict.BEHIND]
    near = [names(result, _distance(comparison, result)) for result in others if result not in behind]
    if not near:
        next_one = names(others[0], _distance(comparison, others[0], with_interval=True))
        return f"It is significantly better than every other model; next is {next_one}."
    sentence = f"It cannot be told apart from {listed(near)}"
    if behind:
        which = f"{len(behind)} others" if len(behind) > MOST_NAMED else listed([names(result) for result in behind])
        sentence += f"; it is significantly better than {which}"
    return f"{sentence}."


def _distance(comparison: Comparison, result: Result, *, with_interval: bool = False) -> str:
    """How far a model is behind the best; the best is chosen so that none is ahead on average."""
    standing = comparison.standing(result.model)
    distance = standing.to_best
    assert distance is not None  # of the best alone there is none
    interval = f", {-distance.high:.2f} to {-distance.low:.2f}" if with_interval else ""
    most = " on average, ahead on most images" if standing.verdict is Verdict.MIXED else ""
    return f"{abs(distance.mean):.2f} dB behind{most}{interval}"


def _input(comparison: Comparison, names: _Names) -> str:
    """Who beats the blurred input, who does worse, and of whom neither can be said."""
    models = comparison.competitors
    better, worse, untold = (
        [one for one in models if comparison.standing(one.model).order is order]
        for order in (Order.BETTER, Order.WORSE, Order.UNTOLD)
    )
    if untold == models:
        return f"{'It cannot' if len(models) == 1 else 'No model can'} be told apart from the blurred input."
    clauses = []
    if better:
        clauses.append(_clause(better, models, names, "beats the blurred input", "beat the blurred input"))
    if untold:
        apart = f"cannot be told apart from {'it' if better else 'the blurred input'}"
        clauses.append(_clause(untold, models, names, apart, apart))
    if worse:
        clauses.append(_clause(worse, models, names, "does worse than doing nothing", "do worse than doing nothing"))
    sentence = "; ".join(clauses)
    if len(clauses) > 1:
        sentence = f"Of all models, {sentence}"
    if comparison.tells_input:
        return f"{sentence}."
    return f"{sentence} (by Student's t alone: {_few(comparison)} for Wilcoxon's test)."


def _clause(group: list[Result], models: list[Result], names: _Names, one: str, several: str) -> str:
    if group == models:
        return f"It {one}" if len(models) == 1 else f"Every model {one}"
    return f"{listed([names(result) for result in group])} {one if len(group) == 1 else several}"


def _few(comparison: Comparison) -> str:
    count = comparison.scenes
    units = counted(count, "image" if count == comparison.images else "scene")
    return f"{units} {'is' if count == 1 else 'are'} too few"
