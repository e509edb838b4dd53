"""Photographs with training images from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.table import TRAIN, PairTable
from deblurbench.registry import LAYOUTS, LayoutSpec


@LAYOUTS.register("joined")
class Joined(Layout):
    """The images of `layout`, and besides them the training images of each of `more`, of which nothing is tested."""

    origin = Origin("several data sets together")

    def __init__(self, *, layout: LayoutSpec, more: Sequence[LayoutSpec]) -> None:
        self.layout: Layout = LAYOUTS.build(layout, "layout")
        self.more: list[Layout] = [LAYOUTS.build(spec, f"more[{index}]") for index, spec in enumerate(more)]

    def table(self) -> PairTable:
        first = self.layout.table()
        entries, problems = list(first.entries), list(first.problems)
        for number, layout in enumerate(self.more, 1):
            table = layout.table()
            problems += table.problems
            entries += [
                replace(entry, key=f"more-{number}-{entry.key}", group=f"more-{number}-{entry.group}")
                for entry in table.entries
                if entry.split == TRAIN
            ]
        return PairTable(tuple(entries), tuple(problems))

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        return []  # a folder does not say what else to train on
