from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.synthetic_results import write_results
from deblurbench.report.figures import robustness, scatter_plots, training_curves
from deblurbench.report.figures.robustness import bin_means
from deblurbench.report.figures.svg import INK, STYLE, draw_panel, label_points, to_svg
from deblurbench.report.findings.comparison import Comparison, compare
from deblurbench.report.reading import read_results
from deblurbench.report.results import Results


def figure_of(points: list[tuple[float, float]], names: list[str]) -> str:
    with rc_context(STYLE):
        figure = Figure(figsize=(4, 3), layout="constrained")
        panel = figure.subplots()
        panel.scatter(*zip(*points, strict=True), color=INK)
        panel.set_yticks([0.0375, 0.0425])
        label_points(panel, points, names)
        return to_svg(figure, "a b")


def test_coordinates_are_short_and_numbers_are_exact() -> None:
    svg = figure_of([(1, 0.0375), (2, 0.0425)], ["one", "two"])
    assert ">0.0375<" in svg
    assert not re.search(r'="[^"]*\d\.\d{3}', svg)
    assert svg == figure_of([(1, 0.0375), (2, 0.0425)], ["one", "two"])


def test_colours_are_those_of_the_page_and_names_its_own() -> None:
    svg = figure_of([(1, 0.04)], ["one"])
    assert "currentColor" in svg
    assert "var(--line)" in svg
    assert INK not in svg
    identifiers = re.findall(r'\bid="([^"]+)"', svg)
    assert identifiers
    assert all(identifier.startswith("a_b-") for identifier in identifiers)
    for used in re.findall(r'(?:href="#|url\(#)([^")]+)', svg):
        assert used in identifiers


def labels_of(panel: Axes) -> dict[str, tuple[float, ...]]:
    """The boxes of the labels beside points, by name."""
    return {text.get_text(): tuple(text.get_window_extent().extents) for text in panel.texts}


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def labelled(points: list[tuple[float, float]], names: list[str]) -> tuple[Axes, bool]:
    figure = Figure(figsize=(3.5, 2.9), layout="constrained")
    panel = figure.subplots()
    panel.scatter(*zip(*points, strict=True), s=28)
    return panel, label_points(panel, points, names, [(y - 0.0002, y + 0.0002) for _, y in points])


def test_names_cover_no_name_no_dot_and_stay_in_the_figure() -> None:
    points = [(1, 0.0400), (1.001, 0.0400), (1.002, 0.0401), (2, 0.0410), (2, 0.0380)]
    panel, is_labelled = labelled(points, ["first-model", "second-model", "third-model", "model-at-the-right-end", "fifth"])
    assert is_labelled
    boxes = labels_of(panel)
    dots = [(x - 4, y - 4, x + 4, y + 4) for x, y in map(panel.transData.transform, points)]
    for first, second in combinations([*boxes.values()], 2):
        assert not overlap(first, second)
    assert not any(overlap(box, dot) for box in boxes.values() for dot in dots)
    axes, bounds = panel.bbox.extents, panel.figure.bbox.extents
    assert all(
        box[0] >= axes[0] and box[2] <= bounds[2] and box[1] >= axes[1] and box[3] <= bounds[3] for box in boxes.values()
    )


def test_names_that_find_no_place_stand_in_the_legend() -> None:
    crowd = [(1 + number / 1e6, 0.04) for number in range(30)]
    panel, is_labelled = labelled(crowd, [f"a-long-name-of-model-{number}" for number in range(30)])
    assert (is_labelled, len(panel.texts)) == (False, 0)

    def draw(panel: Axes) -> None:
        scatter_plots._name(
            panel, [panel.scatter([x], [y]) for x, y in crowd], crowd, [f"model-of-name-{n}" for n in range(30)]
        )

    svg = draw_panel("crowd", draw)
    assert svg.count("model-of-name-") == 30
    assert float(re.search(r'height="([\d.]+)pt"', svg)[1]) > 400  # the legend has room of its own


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Axes]:
    """The panels that are drawn, with what is in them."""
    panels: list[Axes] = []

    def keep(name: str, draw: Callable[[Axes], None]) -> str:
        panel = Figure(layout="constrained").subplots()
        panel.margins(0.06, 0.08)
        draw(panel)
        panels.append(panel)
        return name

    for module in (robustness, scatter_plots, training_curves):
        monkeypatch.setattr(module, "draw_panel", keep)
    return panels


def compared(tmp_path: Path, images: int) -> tuple[Results, Comparison]:
    gains = {"cnn": 2.0, "gan": 1.2, "bridge": 2.4, "unsharp": -0.5}
    results = read_results([write_results(tmp_path / str(images), datasets=["photos"], gains=gains, images=images)])
    return results, compare(results, "photos")


@pytest.mark.parametrize(("images", "style"), [(19, "None"), (90, "-")])
def test_no_line_joins_single_photographs(tmp_path: Path, drawn: list[Axes], images: int, style: str) -> None:
    robustness.robustness_curves(*compared(tmp_path, images))
    curves = [line for panel in drawn for line in panel.lines if len(line.get_xdata()) > 2]
    assert len(curves) >= 4
    for panel in drawn:
        of_models = [line for line in panel.lines if not line.get_label().startswith("_")]
        assert {line.get_linestyle() for line in of_models} == {style}


def test_nothing_runs_past_its_axes(tmp_path: Path, drawn: list[Axes]) -> None:
    for images in (12, 90):
        of_these = compared(tmp_path, images)
        for figure in (
            scatter_plots.perception_distortion, scatter_plots.quality_and_cost, robustness.robustness_curves,
            training_curves.training_curves,
        ):  # fmt: skip
            assert figure(*of_these)
    assert len(drawn) > 10
    for panel in drawn:
        (left, right), (bottom, top) = sorted(panel.get_xlim()), sorted(panel.get_ylim())
        for line in (one for one in panel.lines if list(one.get_xdata()) != [0, 1]):  # which spans the axes
            for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True):
                assert not np.isfinite([x, y]).all() or (left <= x <= right and bottom <= y <= top), line.get_label()


@pytest.mark.parametrize(("images", "bins"), [(20, 4), (25, 5), (29, 5), (100, 6)])
def test_bins_hold_equal_numbers_along_the_strength(images: int, bins: int) -> None:
    strength = np.random.default_rng(0).permutation(images).astype(float)
    gain = 2 * strength
    x, y = bin_means(strength, gain)
    assert len(x) == bins
    assert x == sorted(x)
    assert y == pytest.approx([2 * value for value in x])
    assert bin_means(strength, np.full(images, np.nan)) == ([], [])
