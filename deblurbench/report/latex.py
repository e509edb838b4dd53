"""The tables for a paper."""

from __future__ import annotations

import re

from deblurbench.report.findings.comparison_table import Cell, Table

SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "±": r"$\pm$", "≈": r"$\approx$", "≥": r"$\geq$",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}  # fmt: skip


def latex_table(table: Table, caption: str, label: str) -> str:
    """A `table*` with booktabs rules; the best in bold, an approximate sign at what is not significantly behind."""
    lines = [
        r"\begin{table*}",
        r"  \centering",
        rf"  \caption{{{escaped(' '.join((caption, *table.notes)))}}}",
        rf"  \label{{tab:{re.sub('[^A-Za-z0-9-]', '-', label)}}}",
        r"  \resizebox{\textwidth}{!}{%",
        rf"  \begin{{tabular}}{{{''.join('l' if column.is_text else 'r' for column in table.columns)}}}",
        r"    \toprule",
        f"    {_row([escaped(column.heading) for column in table.columns])}",
        r"    \midrule",
        *(f"    {_row([_cell(cell) for cell in row])}" for row in table.rows),
        r"    \bottomrule",
        r"  \end{tabular}}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """`text` with what LaTeX would take for a command escaped."""
    return "".join(SPECIAL.get(character, character) for character in text)


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(cell: Cell) -> str:
    text = escaped(cell.text)
    if cell.is_best:
        return rf"\textbf{{{text}}}"
    return rf"{text} $\approx$" if cell.is_near else text
