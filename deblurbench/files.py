"""Files that are written whole or not at all."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deblurbench.errors import UsageError

UNFINISHED = ".part"
FORMULA = re.compile(r"'*[=+\-@\t\r]")  # after any quotes, so that text that looks escaped comes back as it was, too


def write_whole(path: Path, content: bytes | str) -> None:
    """Write `content` beside `path`, flush it to the disk, then rename it into place.

    Whoever reads `path`, at any moment and after any crash, finds the old file or the new one, never half of one.
    """
    # File names may hold bytes that are no UTF-8; they are written as escapes.
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    try:
        _write_beside_and_rename(path, data)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk is otherwise reported without a name
        raise


def remove_unfinished(folder: Path) -> None:
    """Remove what writes that were killed have left below `folder`; no other process may be writing there."""
    for path in folder.rglob(f".*{UNFINISHED}"):
        path.unlink(missing_ok=True)


def _write_beside_and_rename(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o666 & ~_umask())  # mkstemp makes private files; results are meant to be shared
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_whole(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """The JSON value in `path`. Raises ValueError where it holds none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def write_csv(path: Path, columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> None:
    """Write `rows` under a header of `columns`, whole or not at all."""
    write_whole(path, csv_lines(columns, rows, header=True))


def csv_lines(columns: Iterable[str], rows: Iterable[dict[str, Any]], *, header: bool) -> str:
    """`rows` as lines of a CSV; fractions get six digits, and text that a spreadsheet would take for a formula a quote."""
    lines = _Lines()
    writer = csv.DictWriter(lines, list(columns), lineterminator=_Lines.END)
    if header:
        writer.writeheader()
    for row in rows:
        writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else _as_cell(value) for key, value in row.items()})
    return lines.getvalue()


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of the CSV in `path`, by its header, as `write_csv` was given them."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{key: from_cell(value) for key, value in row.items()} for row in csv.DictReader(file)]


def from_cell(cell: Any) -> Any:
    """What `csv_lines` was given for `cell`."""
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and FORMULA.match(cell) else cell


def require_place(folder: Path, where: str) -> None:
    """Raise UsageError, with `where`, where `folder` cannot be made: a file is in the way, or its name is too long."""
    try:
        os.lstat(folder)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UsageError(f"{where}: the name is too long for this file system; give a shorter one") from error
    nearest = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise UsageError(f"{where}: {nearest} is a file; give a folder")


def digest(value: Any, *, length: int = 16) -> str:
    """A short hexadecimal hash of bytes, or of any JSON value independent of the order of its keys."""
    data = value if isinstance(value, bytes) else json.dumps(value, sort_keys=True, allow_nan=False).encode()
    return hashlib.blake2b(data, digest_size=length // 2).hexdigest()


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """The hash of what the file `path` holds, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


class _Lines(io.StringIO):
    """Lines that end as files here do; told so, `csv` would put no quotes around what holds a carriage return."""

    END = "\r\n"

    def write(self, line: str) -> int:
        return super().write(line.removesuffix(self.END) + "\n")


def _as_cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) and not _is_number(value) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
