"""The comparison table in LaTeX, for a paper."""

from __future__ import annotations

import re

from deblurbench.report.findings.comparison_table import ComparisonTable, TableCell

SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "±": r"$\pm$", "≈": r"$\approx$", "≥": r"$\geq$",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}  # fmt: skip


def latex_table(table: ComparisonTable, caption: str, label: str) -> str:
    """Return a `table*` with booktabs rules: the best in bold, ≈ at scores that are not significantly behind it."""
    lines = [
        r"\begin{table*}",
        r"  \centering",
        rf"  \caption{{{escape(' '.join((caption, *table.notes)))}}}",
        rf"  \label{{tab:{re.sub('[^A-Za-z0-9-]', '-', label)}}}",
        r"  \resizebox{\textwidth}{!}{%",
        rf"  \begin{{tabular}}{{{''.join('l' if column.is_text else 'r' for column in table.columns)}}}",
        r"    \toprule",
        f"    {_row([escape(column.heading) for column in table.columns])}",
        r"    \midrule",
        *(f"    {_row([_cell(cell) for cell in row])}" for row in table.rows),
        r"    \bottomrule",
        r"  \end{tabular}}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Escape the characters of `text` that are special in LaTeX."""
    return "".join(SPECIAL.get(character, character) for character in text)


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(cell: TableCell) -> str:
    text = escape(cell.text)
    if cell.is_best:
        return rf"\textbf{{{text}}}"
    return rf"{text} $\approx$" if cell.is_near_best else text
