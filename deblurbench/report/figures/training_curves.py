"""Training curves: the losses of each model, and the validation PSNR of all."""

from __future__ import annotations

import math
from typing import Any

from deblurbench.records.history import History
from deblurbench.report.figures.svg import STYLE, add_legend, colors_of, escape_math, to_svg
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.reading import history_of
from deblurbench.report.results import Results

COLUMNS = 4  # of panels


def training_curves(results: Results, comparison: Comparison) -> str | None:
    """Draw the losses of each trained model, then the validation PSNR of all, as SVG. None if nothing was trained."""
    histories = {result.model: history_of(result) for result in comparison.results}
    trained = {model: history for model, history in histories.items() if history}
    if not trained:
        return None
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        columns = min(len(trained) + 1, COLUMNS)
        rows = math.ceil((len(trained) + 1) / columns)
        figure = Figure(figsize=(3.3 * columns, 3.0 * rows), layout="constrained")
        panels = list(figure.subplots(rows, columns, squeeze=False).flat)
        for unused in panels[len(trained) + 1 :]:
            unused.set_axis_off()
        validation = panels[len(trained)]
        for panel, (model, history) in zip(panels[: len(trained)], trained.items(), strict=True):
            _draw_losses(panel, model, history)
        colors = colors_of(results)
        for model, history in trained.items():
            scores = history.validation
            steps, values = [row.step for row in scores], [row.psnr for row in scores]
            validation.plot(steps, values, marker="o", markersize=3, label=escape_math(model), color=colors[model])
        validation.set(title="validation PSNR (dB)", xlabel="step")
        add_legend(validation)
        return to_svg(figure, f"training-{comparison.dataset}")


def _draw_losses(panel: Any, model: str, history: History) -> None:
    rows = history.training
    names = list(rows[0].losses) if rows else []
    for name in names:
        panel.plot([row.step for row in rows], [row.losses[name] for row in rows], label=escape_math(name), linewidth=1.2)
    panel.set(title=f"{escape_math(model)}: training losses", xlabel="step")
    values = [value for row in rows for value in row.losses.values()]
    if all(value > 0 for value in values):
        panel.set_yscale("log")
    elif any(value > 0 for value in values):  # adversarial losses may be of either sign; a negative PSNR stays linear
        panel.set_yscale("symlog", linthresh=1e-3)
    add_legend(panel)
