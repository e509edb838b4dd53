"""Printed pages: text to train on, the same for everybody with the same fonts."""

from __future__ import annotations

import numpy as np

from deblurbench.data.drawn_image import SIDE
from deblurbench.data.printed_pages import PrintedPage
from deblurbench.data.table import TEST, TRAIN, VALIDATION
from deblurbench.registry import LAYOUTS


def test_pages_are_print_on_paper() -> None:
    pages = [PrintedPage(number).pixels() for number in range(12)]
    assert all(page.shape == (SIDE, SIDE, 3) and page.dtype == np.uint8 for page in pages)
    light_on_dark = []
    for page in pages:
        grey = page.mean(axis=2)
        dark, light = np.percentile(grey, [1, 99])
        printed = ((grey - dark) / (light - dark) < 0.5).mean()  # the share that is nearer to the dark of both
        light_on_dark.append(bool(printed > 0.5))
        assert light - dark > 50
        assert np.abs(np.diff(grey, axis=1)).max() > (light - dark) / 3  # letters have edges
    assert 0 < sum(light_on_dark) < 8


def test_a_number_is_a_page() -> None:
    first, second = PrintedPage(3), PrintedPage(4)
    assert np.array_equal(first.pixels(), PrintedPage(3).pixels())
    assert not np.array_equal(first.pixels(), second.pixels())
    assert first.file_digest != second.file_digest
    assert not first.pixels().flags.writeable


def test_no_page_is_in_two_splits() -> None:
    entries = LAYOUTS.build({"name": "printed-pages", "count": 5}).table().entries
    assert [sum(entry.split == split for entry in entries) for split in (TRAIN, VALIDATION, TEST)] == [5, 2, 4]
    assert len({entry.key for entry in entries}) == len({entry.group for entry in entries}) == 11
    assert len({str(entry.sharp) for entry in entries}) == 11
