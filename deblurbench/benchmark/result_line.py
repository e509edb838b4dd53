"""The result of a cell in a line."""

from __future__ import annotations

import math
from collections.abc import Iterable

from deblurbench.benchmark.plan import Cell
from deblurbench.progress import format_duration
from deblurbench.records.cells import CellRecord, read_cell
from deblurbench.records.paths import BLURRED
from deblurbench.statistics.means import finite_mean


def result_line(cell: Cell, cells: Iterable[Cell], seconds: float) -> str:
    """The mean PSNR of a finished cell and its gain over the blurred input, which is one of `cells`; how long it took."""
    record = read_cell(cell.folder)
    assert record is not None  # it is finished
    took = format_duration(seconds)
    if record.scores is None:
        return f"  validation PSNR {record.validation_psnr:.2f} dB, {took}"  # of a candidate of a sweep
    psnr = _mean_psnr(record)
    of_input = next((one for one in cells if (one.name.dataset, one.name.model) == (cell.name.dataset, BLURRED)), None)
    compared = read_cell(of_input.folder) if of_input and of_input.name != cell.name else None
    gain = psnr - _mean_psnr(compared) if compared and compared.scores else math.nan
    against = f", {gain:+.2f} dB over the blurred input" if math.isfinite(gain) else ""
    return f"  PSNR {psnr:.2f} dB{against}, {took}"


def _mean_psnr(record: CellRecord) -> float:
    assert record.scores is not None  # the caller has looked
    return finite_mean([image.scores["psnr"] for image in record.scores.images]).value
