from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from deblurbench.report.figures.robustness import bin_means
from deblurbench.report.figures.svg import INK, STYLE, label_points, to_svg


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


def test_names_beside_near_points_do_not_cover_each_other() -> None:
    svg = figure_of([(1, 0.0400), (1.001, 0.0400), (1.002, 0.0401)], ["first-model", "second-model", "third-model"])
    places = {}
    for match in re.finditer(
        r'<text style="[^"]*"[^>]*transform="[^"]*translate\(([\d.]+) ([\d.]+)\)[^>]*>|<text[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>([a-z]+-model)<',
        svg,
    ):
        if match[5]:
            places[match[5]] = (float(match[3]), float(match[4]))
    assert len(places) == 3
    ordered = sorted(places.values())
    for first, second in pairwise(ordered):
        assert abs(first[0] - second[0]) > 45 or abs(first[1] - second[1]) > 7


@pytest.mark.parametrize(("images", "bins"), [(1, 1), (3, 3), (4, 4), (19, 4), (25, 5), (100, 6)])
def test_bins_hold_equal_numbers_along_the_strength(images: int, bins: int) -> None:
    strength = np.random.default_rng(0).permutation(images).astype(float)
    gain = 2 * strength
    x, y = bin_means(strength, gain)
    assert len(x) == bins
    assert x == sorted(x)
    assert y == pytest.approx([2 * value for value in x])
    assert bin_means(strength, np.full(images, np.nan)) == ([], [])
