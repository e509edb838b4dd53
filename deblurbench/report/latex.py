"""The comparison table in LaTeX, for a paper."""

from __future__ import annotations

import re

from deblurbench.report.findings.comparison_table import ComparisonTable, TableCell

SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "±": r"$\pm$", "≈": r"$\approx$", "≥": r"$\geq$",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "→": r"$\to$",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}  # fmt: skip


FULL_WIDTH = ("training time", "ms / megapixel")  # columns that a column of a paper has no room for


def latex_tables(table: ComparisonTable, caption: str, label: str) -> str:
    """Return the core of `table` for one column of a paper, and all of it for its full width, both with booktabs rules.

    The best is bold, and ≈ stands at scores that are not significantly behind it.
    """
    narrow = _table("table", r"\columnwidth", table.core.without(FULL_WIDTH), caption, label)
    full = _table("table*", r"\textwidth", table, caption, f"{label}-all")
    return f"{narrow}\n{full}"


def _table(environment: str, width: str, table: ComparisonTable, caption: str, label: str) -> str:
    notes = table.marks if environment == "table" else table.notes
    lines = [
        rf"\begin{{{environment}}}",
        r"  \centering",
        rf"  \caption{{{escape(' '.join((caption, *notes)))}}}",
        rf"  \label{{tab:{re.sub('[^A-Za-z0-9-]', '-', label)}}}",
        r"  \setlength{\tabcolsep}{3pt}",
        rf"  \resizebox{{{width}}}{{!}}{{%",
        rf"  \begin{{tabular}}{{{''.join('l' if column.is_text else 'r' for column in table.columns)}}}",
        r"    \toprule",
        f"    {_row([escape(f'{column.heading} {column.direction}'.strip()) for column in table.columns])}",
        r"    \midrule",
        *(f"    {_row([_cell(cell) for cell in row])}" for row in table.rows),
        r"    \bottomrule",
        r"  \end{tabular}}",
        rf"\end{{{environment}}}",
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
