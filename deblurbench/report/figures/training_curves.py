"""Training curves: the losses of each model, and the validation PSNR of all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from deblurbench.records.history import History
from deblurbench.report.figures.svg import colors_of, draw_panel, escape_math
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.reading import history_of
from deblurbench.report.results import Results

SINGLE = 2  # a curve of fewer values is drawn as points


def training_curves(results: Results, comparison: Comparison) -> list[str]:
    """Draw the losses of each trained model, then the validation PSNR of all, as SVG. Nothing if nothing was trained."""
    histories = {result.model: history_of(result) for result in comparison.results}
    trained = {model: history for model, history in histories.items() if history}
    if not trained:
        return []
    colors = colors_of(results)
    losses = [
        draw_panel(f"losses-{model}-{comparison.dataset}", partial(_draw_losses, model, history))
        for model, history in trained.items()
    ]
    return [*losses, draw_panel(f"validation-{comparison.dataset}", partial(_draw_validation, trained, colors))]


def _draw_validation(trained: Mapping[str, History], colors: Mapping[str, str], panel: Any) -> None:
    for model, history in trained.items():
        steps, values = [row.step for row in history.validation], [row.psnr for row in history.validation]
        panel.plot(steps, values, marker="o", markersize=3, label=escape_math(model), color=colors[model])
    panel.set(title="PSNR of validation photographs (dB)", xlabel="step")


def _draw_losses(model: str, history: History, panel: Any) -> None:
    rows = history.training
    values = [value for row in rows for value in row.losses.values()]
    if values and all(value > 0 for value in values):
        panel.set_yscale("log")
    elif any(value > 0 for value in values):  # adversarial losses may be of either sign; a negative PSNR stays linear
        panel.set_yscale("symlog", linthresh=1e-3)
    for name in rows[0].losses if rows else ():
        panel.plot(
            [row.step for row in rows], [row.losses[name] for row in rows], label=escape_math(name), linewidth=1.2,
            marker="o" if len(rows) < SINGLE else "", markersize=3,
        )  # fmt: skip
    panel.set(title=f"{escape_math(model)}: training losses", xlabel="step", ylabel="lower is better")
