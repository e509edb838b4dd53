"""Writing the report: a page to open, a page to read as text, and grids."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from PIL import Image

from deblurbench.files import write_csv, write_whole
from deblurbench.report.answer import answers, caution
from deblurbench.report.curves import training_curves
from deblurbench.report.grids import comparison_grid, shown_grid
from deblurbench.report.results import Results
from deblurbench.report.tables import comparison_table
from deblurbench.results_folder import COMPARISON, GRIDS, HTML, MARKDOWN, PER_IMAGE


def write_report(results: Results, out: Path) -> Path:
    """Write `report.html`, `report.md` and `grids/` into `out`, and for several results the merged tables.

    Returns the path of the HTML page.
    """
    if len(results.experiments) > 1:
        _write_merged(out / COMPARISON, [row for result in results.results for row in result.rows])
        _write_merged(out / PER_IMAGE, [row for result in results.results for row in result.images])
    sections = []
    for dataset in results.datasets:
        section: dict[str, Any] = {"table": comparison_table(results, dataset), "curves": training_curves(results, dataset)}
        for kind, grid in (("grid", comparison_grid(results, dataset)), ("shown", shown_grid(results, dataset))):
            section[kind] = None
            if grid is not None:
                name = f"{GRIDS}/{dataset}{'-really-blurred' if kind == 'shown' else ''}.png"
                write_whole(out / name, _encoded(grid, "PNG", optimize=True))
                section[kind] = {"file": name, "data": _data_uri(grid), "width": grid.width, "height": grid.height}
        sections.append(section)
    environment = Environment(
        loader=PackageLoader("deblurbench.report"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    content = {"results": results, "answers": answers(results), "caution": caution(results), "sections": sections}
    for name in (HTML, MARKDOWN):
        write_whole(out / name, environment.get_template(f"{name}.j2").render(content))
    return out / HTML


def _write_merged(path: Path, rows: list[dict[str, str]]) -> None:
    write_csv(path, rows[0] if rows else (), rows)


def _data_uri(image: Image.Image) -> str:
    """The image inside the page, so that it opens from disk alone; the PNG in grids/ is the exact one."""
    return "data:image/jpeg;base64," + base64.b64encode(_encoded(image, "JPEG", quality=85, subsampling=0)).decode()


def _encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()
