"""Matplotlib figures as SVG for a page: one panel each, so that a page can lay them out beside or below each other."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
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


PANEL = (3.5, 2.9)  # inches: 336 x 278 CSS pixels, which a phone shows whole, with its text at full size
LEGEND_ROW = 0.19  # inches of height that a row of the legend adds
LONGEST_OF_TWO = 22  # characters of names that stand in two columns of the legend
SMALL = 8  # points, of legends and labels
DOT = 5  # pixels from the centre of a dot that no label covers


def draw_panel(name: str, draw: Callable[[Any], None]) -> str:
    """Return one panel that `draw` has drawn, as SVG whose identifiers begin with `name`; a legend hangs below it."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=PANEL, layout="constrained")
        panel = figure.subplots()
        panel.margins(0.06, 0.08)
        draw(panel)
        labels = panel.get_legend_handles_labels()[1]
        if labels:
            columns = 2 if max(map(len, labels)) <= LONGEST_OF_TWO else 1
            figure.set_figheight(PANEL[1] + LEGEND_ROW * -(-len(labels) // columns))
            figure.legend(
                frameon=False, fontsize=SMALL, loc="outside lower center", ncols=columns, columnspacing=1, handlelength=1.2,
                handletextpad=0.4,
            )  # fmt: skip
        return to_svg(figure, name)


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


def label_points(
    panel: Any, points: Sequence[tuple[float, float]], names: Sequence[str], intervals: Sequence[tuple[float, float]] = ()
) -> bool:
    """Write each name beside its point, within the figure, where it covers no other name, no point and no interval.

    `intervals` are the lower and upper end of a vertical line through each point. Returns whether all have found a place;
    otherwise none is written.
    """
    panel.figure.draw_without_rendering()  # fixes the layout, and so where the points are
    place = panel.transData.transform
    taken: list[tuple[float, ...]] = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in map(place, points)]
    for (x, _), ends in zip(points, intervals, strict=False):
        (across, low), (_, high) = place((x, min(ends))), place((x, max(ends)))
        taken.append((across - 1, low, across + 1, high))
    texts: list[Any] = []
    for point, name in zip(points, names, strict=True):
        text = _write_beside(panel, point, name, taken)
        if text is None:
            for one in texts:
                one.remove()
            return False
        texts.append(text)
    return True


def _write_beside(panel: Any, point: tuple[float, float], name: str, taken: list[tuple[float, ...]]) -> Any:
    """Write `name` at the first free place around its point, and add its box to `taken`; None where there is none."""
    (left, bottom, *_), (*_, right, top) = panel.bbox.extents, panel.figure.bbox.extents  # not over the axes' numbers
    for dx, dy, side in PLACES:
        text = panel.annotate(
            escape_math(name), point, (dx, dy), textcoords="offset points", ha=side, va="center", fontsize=SMALL,
            annotation_clip=False,
        )  # fmt: skip
        box = tuple(text.get_window_extent().extents)
        is_within = left <= box[0] and box[2] <= right and bottom <= box[1] and box[3] <= top
        if is_within and not any(_overlap(box, other) for other in taken):
            taken.append(box)
            return text
        text.remove()
    return None


PLACES = (
    (7, 0, "left"), (-7, 0, "right"), (0, 10, "center"), (0, -10, "center"),
    *((dx, dy, side) for dy in (12, -12, 20, -20, 28, -28) for dx, side in ((7, "left"), (-7, "right"))),
)  # fmt: skip


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
