"""Matplotlib figures as SVG for a page."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from deblurbench.report.results import Results

INK, LINES = "#010203", "#040506"  # placeholders for the colours of the page, until the SVG is written
PAGE_COLORS = {INK: "currentColor", LINES: "var(--line)"}
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": LINES,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINES,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.labelcolor": INK,
    "svg.hashsalt": "deblurbench",
    "svg.fonttype": "none",
}
PALETTE = ("#2b83ba", "#d7642c", "#3a9d5d", "#b5479f", "#8a6d3b", "#6a5acd", "#c43c4e", "#1f9e9e", "#7f8c2d", "#a0708f")


def colors_of(results: Results) -> dict[str, str]:
    """Return the colour of each model, the same in every figure; the input has that of the text."""
    models = list(dict.fromkeys(result.model for result in results.results if not result.is_input))
    inputs = {result.model: INK for result in results.results if result.is_input}
    return {model: PALETTE[number % len(PALETTE)] for number, model in enumerate(models)} | inputs


def to_svg(figure: Any, name: str) -> str:
    """Return `figure` as an SVG element whose identifiers begin with `name`, unique in its page. Call it within STYLE."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    prefix = re.sub("[^A-Za-z0-9-]", "_", name)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{prefix}-", text)
    # Hundredths of a point are enough in attributes; text keeps every digit.
    text = re.sub(r'="[^"<>]*"', lambda attribute: re.sub(r"(\d\.\d\d)\d+", r"\1", attribute[0]), text)
    for placeholder, color in PAGE_COLORS.items():
        text = text.replace(placeholder, color)
    return text


def escape_math(name: str) -> str:
    """Escape the dollar signs of `name`, between which matplotlib would see a formula."""
    return name.replace("$", r"\$")


def add_legend(panel: Any) -> None:
    """Add a legend below the panel, if anything in it has a label."""
    if not panel.get_legend_handles_labels()[0]:
        return
    panel.legend(frameon=False, fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2)


def label_points(panel: Any, points: Sequence[tuple[float, float]], names: Sequence[str]) -> None:
    """Write each name beside its point, where it overlaps no other name and no point."""
    figure = panel.figure
    figure.draw_without_rendering()  # fixes the layout, and so where the points are
    pixels = [tuple(panel.transData.transform(point)) for point in points]
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in pixels]
    scale = figure.dpi / 72
    for (x, y), point, name in zip(pixels, points, names, strict=True):
        width, height = 4.3 * len(name) * scale, 9 * scale
        for dx, dy, side in ((7, 0, "left"), (-7, 0, "right"), (0, 9, "center"), (0, -9, "center"), *_FURTHER):
            left = x + dx * scale - {"left": 0, "right": width, "center": width / 2}[side]
            box = (left, y + dy * scale - height / 2, left + width, y + dy * scale + height / 2)
            if not any(_overlap(box, other) for other in taken):
                break
        taken.append(box)
        panel.annotate(
            escape_math(name),
            point,
            (dx, dy),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=7.5,
            annotation_clip=False,
        )


_FURTHER = tuple((dx, dy, side) for dy in (12, -12, 20, -20, 28, -28) for dx, side in ((7, "left"), (-7, "right")))


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
