"""Work that experiments of tests need not do: good times, waiting for the disk, rendering figures."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from typing import Any, TextIO

from matplotlib.figure import Figure

from deblurbench.scoring import costs

SetAttribute = Callable[[Any, str, Any], object]  # as `setattr`


def measure_little(set_attribute: SetAttribute) -> None:
    """Time one round on a small image."""
    set_attribute(costs, "ROUNDS", 1)
    set_attribute(costs, "FEWEST_ROUNDS", 1)
    set_attribute(costs, "AT_LEAST_SECONDS", 0.0)
    set_attribute(costs, "TIMING_SIZE", 32)


def wait_for_no_disk(set_attribute: SetAttribute) -> None:
    """No test cuts the power: nothing need wait until it has reached the disk."""
    set_attribute(os, "fsync", lambda _: None)


def render_no_figures(set_attribute: SetAttribute) -> None:
    """Figures of reports are built, but matplotlib lays out and renders none: their SVG holds only titles and labels."""

    def save(figure: Any, file: TextIO, **_: Any) -> None:
        texts = [text for panel in figure.axes for text in (panel.title, panel.xaxis.label, panel.yaxis.label, *panel.texts)]
        file.write(f"<svg>{''.join(f'<text>{html.escape(text.get_text())}</text>' for text in texts)}</svg>")

    set_attribute(Figure, "savefig", save)
    set_attribute(Figure, "draw_without_rendering", lambda _: None)
