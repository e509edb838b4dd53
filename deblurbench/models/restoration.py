"""One restoration: its options, its progress, and the context that is passed down to every network evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class RestoreOptions:
    """The options of one restoration.

    `seed`, in [0, 2^64), determines the noise of models that sample. With `tile`, networks see at most `tile`^2 pixels
    at once, so that memory stays bounded. `kernel` is the true blur kernel (h, w), which an oracle needs.
    `on_progress` is called with the fraction done, in (0, 1], after every tile of every network evaluation; it never
    decreases, and ends at exactly 1. An exception that it raises cancels the restoration and is passed on.
    """

    seed: int = 0
    tile: int | None = None
    kernel: Tensor | None = None
    on_progress: Callable[[float], None] | None = None


class Progress:
    """Counts the network evaluations of a restoration and reports the fraction done.

    Every one of the `total` evaluations counts the same, and every tile of an evaluation too: the fraction need not be
    proportional to time.
    """

    def __init__(self, total: int = 1, report: Callable[[float], None] | None = None) -> None:
        self._total, self._report = total, report
        self._tiles = 0  # of the current evaluation that are done
        self.evaluations = 0  # that are done

    def finish_tile(self, tiles: int) -> None:
        """Count one of the `tiles` tiles of the current evaluation."""
        self._tiles += 1
        if self._tiles == tiles:
            self.evaluations, self._tiles = self.evaluations + 1, 0
        self._report_fraction(self.evaluations + self._tiles / tiles)

    def finish_evaluations(self, count: int) -> None:
        """Raise the count of finished evaluations to `count`: methods without networks finish no tiles."""
        if self.evaluations < count:
            self.evaluations = count
            self._report_fraction(count)

    def _report_fraction(self, evaluations: float) -> None:
        if self._report is not None:
            self._report(min(evaluations / self._total, 1.0))


@dataclass(frozen=True)
class RestorationContext:
    """The context of one restoration, passed down to nested restorers and network evaluations."""

    generator: torch.Generator  # of all noise, on the CPU
    tile: int | None = None  # a network sees at most its square in pixels at once
    kernel: Tensor | None = None  # the true blur kernel (h, w), for an oracle
    progress: Progress = field(default_factory=Progress)
