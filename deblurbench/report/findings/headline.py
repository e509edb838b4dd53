"""The headlines of a report: one short sentence per data set, which claims no more than the answer below it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from deblurbench.report.findings.comparison import Comparison, VersusBest, VersusInput
from deblurbench.report.formatting import join_names, pluralize
from deblurbench.report.results import Result

MOST_TOLD_APART = 3  # models that a headline names; of more it names only the first


def headlines(comparisons: Sequence[Comparison]) -> list[str]:
    """Return one sentence per data set: who is best, or why nobody can be called so."""
    return [f"On {one.label}, {_finding(one)}." for one in comparisons]


def _finding(comparison: Comparison) -> str:
    models = comparison.ranked
    if not models:
        return "only oracles were run" if any(one.is_oracle for one in comparison.results) else "no model finished"
    best = models[0].model
    if math.isinf(comparison.statistics_of(best).mean):
        return f"{best} restores every image exactly"
    if not comparison.images:
        return "there is nothing to compare: every image is sharp already, or restored exactly by some model"
    if comparison.scenes < 2:
        unit = "photograph" if comparison.images == 1 else "scene"
        return f"one {unit} is too few to tell anything ({best}: {_gain(comparison, models[0])} dB PSNR over the blurred input)"
    verdicts = {one.model: comparison.statistics_of(one.model).versus_input for one in models}
    if verdicts[best] is VersusInput.BETTER:
        return _best(comparison, models)
    if better := [model for model, verdict in verdicts.items() if verdict is VersusInput.BETTER]:
        return f"{join_names(better)} {'beats' if len(better) == 1 else 'beat'} the blurred input"
    if VersusInput.INCONCLUSIVE not in verdicts.values():
        return f"{'every model' if len(models) > 1 else best} does worse than doing nothing"
    if VersusInput.WORSE in verdicts.values():
        return "no model is sure to beat doing nothing"
    return f"{f'{best} cannot' if len(models) == 1 else 'no model can'} be told apart from doing nothing"


def _best(comparison: Comparison, models: list[Result]) -> str:
    """Return the finding where the model of the highest mean beats the input."""
    best, *others = models
    gain = f"{_gain(comparison, best)} dB PSNR"
    if not others:
        return f"{best.model} beats the blurred input: {gain}"
    if not comparison.is_conclusive:
        units = pluralize(comparison.scenes, "image" if comparison.scenes == comparison.images else "scene")
        return f"{best.model} beats the blurred input ({gain}), but {units} are too few to rank the models"
    near = [one for one in others if comparison.statistics_of(one.model).versus_best is not VersusBest.BEHIND]
    if not near:
        return f"{best.model} is best: {gain} over the blurred input"
    group = [best, *near]
    if len(group) > MOST_TOLD_APART:
        return f"{best.model} leads ({gain} over the blurred input), but cannot be told apart from {len(near)} others"
    apart = f"{best.model} cannot be told apart from {join_names([one.model for one in near])}"
    if any(comparison.statistics_of(one.model).versus_input is not VersusInput.BETTER for one in near):
        return f"{apart}; it beats the blurred input ({gain})"
    gains = [_gain(comparison, one) for one in group]
    return f"{apart}; {'both' if len(group) == 2 else 'all'} beat the blurred input: {join_names(gains)} dB PSNR"


def _gain(comparison: Comparison, result: Result) -> str:
    gain = comparison.statistics_of(result.model).gain
    assert gain is not None  # only the input has none
    return f"{gain.mean:+.2f}"
