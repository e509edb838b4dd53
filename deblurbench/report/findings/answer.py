"""The answer: sentences made from the statistics, at the head of a report.

A sentence claims an order of two models only where an interval and a test carry it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from deblurbench.report.findings.comparison import Comparison, MeanDifference, VersusBest, VersusInput
from deblurbench.report.formatting import format_score, join_names, pluralize
from deblurbench.report.results import Result, Results

FEW_SCENES = 10
MOST_NAMED = 4  # models that are behind; more are only counted


def answers(comparisons: Sequence[Comparison]) -> list[str]:
    """Return two or three sentences per data set: the best model, how sure that is, and which models beat the input."""
    return [" ".join(_sentences(one)) for one in comparisons]


def caution(results: Results, comparisons: Sequence[Comparison]) -> str:
    """Return the limits of these numbers: few scenes, a single seed. Empty without any."""
    few = [f"{one.scenes} on {one.dataset}" for one in comparisons if one.scenes < FEW_SCENES]
    parts = []
    if few:
        parts.append(f"few independent test photographs ({', '.join(few)})")
    trained = [result for result in results.results if result.is_trained]
    if trained and all(len(result.seeds) == 1 for result in trained):
        parts.append("one seed, which cannot tell how much training varies")
    return f"Read small differences with care: {' and '.join(parts)}." if parts else ""


def oracle_note(comparison: Comparison) -> str:
    """Return the score of the best oracle; empty if there is none."""
    best = next((result for result in comparison.results if result.is_oracle), None)
    if best is None:
        return ""
    reach = format_score(comparison.statistics_of(best.model).mean, 2)
    return (
        f"{best.model}, an oracle, is given the true blur kernel, which no real photograph comes with: it reaches {reach} dB."
    )


def _sentences(comparison: Comparison) -> Iterator[str]:
    name, models = comparison.label, comparison.ranked
    if not models:
        oracles = any(result.is_oracle for result in comparison.results)
        yield f"On {name} only oracles were run." if oracles else f"On {name} no model finished."
    elif math.isinf(comparison.statistics_of(models[0].model).mean):
        yield f"On {name}, {models[0].model} restores every image exactly."
    elif not comparison.images:
        yield f"On {name} there is nothing to compare: every image is sharp already, or restored exactly by some model."
    else:
        names = _ModelNames()
        yield _lead(comparison, names)
        if comparison.scenes < 2:
            yield f"{_too_few(comparison)} to tell whether any of this is more than chance."
            return
        if len(models) > 1 and _gain(comparison, models[0]).mean > 0:
            yield _versus_best(comparison, names)
        yield _versus_input(comparison, names)


class _ModelNames:
    """Names of models: at their first mention with how they restore, which may matter more than what was trained."""

    def __init__(self) -> None:
        self._mentioned: set[str] = set()

    def __call__(self, result: Result, remark: str = "") -> str:
        inference = "" if result.model in self._mentioned else result.inference.replace("; ", ", ")
        self._mentioned.add(result.model)
        added = "; ".join(filter(None, (inference, remark)))
        return f"{result.model} ({added})" if added else result.model


def _gain(comparison: Comparison, result: Result) -> MeanDifference:
    gain = comparison.statistics_of(result.model).gain
    assert gain is not None  # only the input has none
    return gain


def _lead(comparison: Comparison, names: _ModelNames) -> str:
    """Return the model of the highest mean, and its gain."""
    best, *others = comparison.ranked
    gain = _gain(comparison, best)
    if not gain.mean > 0:
        of_input = format_score(comparison.statistics_of(comparison.blurred_input.model).mean_over_scenes, 2)
        return f"On {comparison.label} no model has a higher mean PSNR than the blurred input ({of_input} dB)."
    reach = f"{format_score(comparison.statistics_of(best.model).mean_over_scenes, 2)} dB"
    is_best = others and all(comparison.statistics_of(other.model).versus_best is VersusBest.BEHIND for other in others)
    if is_best:
        claim = f"{names(best)} restores best: {reach} PSNR"
    elif others:
        claim = f"{names(best)} has the highest mean PSNR: {reach}"
    else:
        claim = f"{names(best)} reaches {reach} PSNR"
    return f"On {comparison.label}, {claim}, {gain.mean:.2f} dB above the blurred input{_evidence(comparison, gain)}."


def _evidence(comparison: Comparison, gain: MeanDifference) -> str:
    if math.isnan(gain.low):
        return ""
    tests = len(comparison.results) - 1
    p = "p < 0.001" if gain.p < 0.001 else f"p = {gain.p:.2g}"
    corrected = f", corrected for {tests} tests" if tests > 1 else ""
    return f" (95 % interval {gain.low:.2f} to {gain.high:.2f}; {p}{corrected})"


def _versus_best(comparison: Comparison, names: _ModelNames) -> str:
    """Return how the other models compare with the best."""
    others = comparison.ranked[1:]
    if not comparison.is_conclusive:
        next_one = f"next by its mean is {names(others[0], _distance(comparison, others[0]))}"
        return f"{_too_few(comparison)} for Wilcoxon's test to tell the models apart; {next_one}."
    behind = [result for result in others if comparison.statistics_of(result.model).versus_best is VersusBest.BEHIND]
    near = [names(result, _distance(comparison, result)) for result in others if result not in behind]
    if not near:
        next_one = names(others[0], _distance(comparison, others[0], with_interval=True))
        return f"It is significantly better than every other model; next is {next_one}."
    sentence = f"It cannot be told apart from {join_names(near)}"
    if behind:
        which = f"{len(behind)} others" if len(behind) > MOST_NAMED else join_names([names(result) for result in behind])
        sentence += f"; it is significantly better than {which}"
    return f"{sentence}."


def _distance(comparison: Comparison, result: Result, *, with_interval: bool = False) -> str:
    """Return how far a model is behind the best, which is chosen so that none is ahead on average."""
    statistics = comparison.statistics_of(result.model)
    distance = statistics.to_best
    assert distance is not None  # only the best has none
    interval = f", {-distance.high:.2f} to {-distance.low:.2f}" if with_interval else ""
    most = " on average, ahead on most images" if statistics.versus_best is VersusBest.MIXED else ""
    return f"{abs(distance.mean):.2f} dB behind{most}{interval}"


def _versus_input(comparison: Comparison, names: _ModelNames) -> str:
    """Return the models that beat the blurred input, that do worse, and of which neither can be said."""
    models = comparison.ranked
    better, worse, inconclusive = (
        [one for one in models if comparison.statistics_of(one.model).versus_input is verdict]
        for verdict in (VersusInput.BETTER, VersusInput.WORSE, VersusInput.INCONCLUSIVE)
    )
    if inconclusive == models:
        return f"{'It cannot' if len(models) == 1 else 'No model can'} be told apart from the blurred input."
    clauses = []
    if better:
        clauses.append(_clause(better, models, names, "beats the blurred input", "beat the blurred input"))
    if inconclusive:
        apart = f"cannot be told apart from {'it' if better else 'the blurred input'}"
        clauses.append(_clause(inconclusive, models, names, apart, apart))
    if worse:
        clauses.append(_clause(worse, models, names, "does worse than doing nothing", "do worse than doing nothing"))
    sentence = "; ".join(clauses)
    if len(clauses) > 1:
        oracles = " but oracles" if any(one.is_oracle for one in comparison.results) else ""
        sentence = f"Of all models{oracles}, {sentence}"
    if comparison.input_is_conclusive:
        return f"{sentence}."
    return f"{sentence} (by Student's t alone: {_too_few(comparison)} for Wilcoxon's test)."


def _clause(group: list[Result], models: list[Result], names: _ModelNames, one: str, several: str) -> str:
    if group == models:
        return f"It {one}" if len(models) == 1 else f"Every model {one}"
    return f"{join_names([names(result) for result in group])} {one if len(group) == 1 else several}"


def _too_few(comparison: Comparison) -> str:
    count = comparison.scenes
    units = pluralize(count, "image" if count == comparison.images else "scene")
    return f"{units} {'is' if count == 1 else 'are'} too few"
