"""Printed pages, drawn by deblurbench."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.printed_pages import PrintedPage
from deblurbench.data.table import TEST, TRAIN, VALIDATION, PairEntry, PairTable
from deblurbench.registry import LAYOUTS, PositiveInt

HELD_OUT = {VALIDATION: range(2), TEST: range(2, 6)}  # their numbers


@LAYOUTS.register("printed-pages")
class PrintedPages(Layout):
    """Pages of random words with nothing to download: `count` to train on, two for validation and four as test."""

    origin = Origin("printed pages, drawn by deblurbench")

    def __init__(self, *, count: PositiveInt = 16) -> None:
        self.count = count

    def table(self) -> PairTable:
        first = HELD_OUT[TEST].stop
        numbers = {**HELD_OUT, TRAIN: range(first, first + self.count)}
        pages = [(split, PrintedPage(number)) for split, chosen in numbers.items() for number in chosen]
        return PairTable(tuple(PairEntry(one.key, split, one.key, sharp=one) for split, one in pages))

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        return []  # they are in no folder
