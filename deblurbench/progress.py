"""Progress of long work: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

BAR_SECONDS, LINE_SECONDS = 0.2, 30.0  # between two updates
MINUTES_FROM, HOURS_FROM = 120, 7200  # seconds: shorter durations are given in the smaller unit


@dataclass(frozen=True)
class MatrixPosition:
    """The position of a cell among those to be run: its label, `[2/10] cnn`, and the time left for all, in seconds.

    `seconds_left` takes the seconds left for this cell.
    """

    label: str
    seconds_left: Callable[[float], float]


class _Lines(tqdm):
    """Progress as whole lines, for log files and notebooks: no carriage return, at most one line in LINE_SECONDS."""

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        def write_line(text: str) -> None:
            file.write(f"{text}\n")
            file.flush()

        return write_line

    def moveto(self, n: int) -> None:
        """Stay: lines follow each other also where one piece of work is part of another."""

    def close(self) -> None:
        self.sp = None  # there is no bar to be cleared
        super().close()


def progress_bar(iterable: Any = None, *, shows_time_left: bool = True, **options: Any) -> tqdm[Any]:
    """Return a tqdm bar that appears after a second and disappears when done; where there is no terminal, lines."""
    is_counted = options.get("total") is not None or hasattr(iterable, "__len__")
    time_left = ", {remaining} left" if shows_time_left and is_counted else ""
    if sys.stderr.isatty():
        text = "{l_bar}{bar}| {n_fmt}/{total_fmt}" if is_counted else "{desc}: {n_fmt}"
        text += f"{time_left}{{postfix}}"
        return tqdm(iterable, leave=False, delay=1, mininterval=BAR_SECONDS, dynamic_ncols=True, bar_format=text, **options)
    text = "{desc}: {unit} {n_fmt}" + (" of {total_fmt}" if is_counted else "") + f"{time_left}{{postfix}}"
    seconds = LINE_SECONDS
    return _Lines(iterable, delay=seconds, miniters=1, mininterval=seconds, maxinterval=seconds, bar_format=text, **options)


def format_duration(seconds: float) -> str:
    """Return a duration in seconds, minutes or hours."""
    if seconds < MINUTES_FROM:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < HOURS_FROM else f"{seconds / 3600:.1f} h"
