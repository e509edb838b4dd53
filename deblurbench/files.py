"""Atomic writing of files, JSON and CSV."""

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
FORMULA = re.compile(r"'*[=+\-@\t\r]")  # after any quotes, so that text that looks escaped is restored unchanged, too


def write_whole(path: Path, content: bytes | str) -> None:
    """Write `content` to `path` atomically: into a temporary file in its folder, flushed to disk and renamed.

    Readers of `path` find the old or the new file, never a part of one, at any time and after any crash.
    """
    # File names may contain bytes that are not UTF-8; they are written as escapes.
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    try:
        _write_and_rename(path, data)
    except OSError as error:
        error.filename = error.filename or str(path)  # the error of a full disk names no file
        raise


def remove_unfinished(folder: Path, *, recursive: bool = True) -> None:
    """Remove the files that killed writes have left in `folder` or below it; no other process may be writing there."""
    for path in folder.glob(f"{'**/' if recursive else ''}.*{UNFINISHED}"):
        path.unlink(missing_ok=True)


def _write_and_rename(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp creates private files; results are to be shared
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_whole(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read the JSON value in `path`. Raises ValueError where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def write_csv(path: Path, columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> None:
    """Write `rows` as CSV with a header of `columns`, atomically."""
    write_whole(path, csv_lines(columns, rows, header=True))


def csv_lines(columns: Iterable[str], rows: Iterable[dict[str, Any]], *, header: bool) -> str:
    """Return `rows` as lines of CSV: floats with six digits, and a quote before text that a spreadsheet takes for a formula."""
    lines = _Lines()
    writer = csv.DictWriter(lines, list(columns), lineterminator=_Lines.END)
    if header:
        writer.writeheader()
    for row in rows:
        writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else _as_cell(value) for key, value in row.items()})
    return lines.getvalue()


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read the rows of the CSV in `path` as mappings by its header, without the quotes of `write_csv`."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{key: from_cell(value) for key, value in row.items()} for row in csv.DictReader(file)]


def from_cell(cell: Any) -> Any:
    """Return the text that `csv_lines` wrote as `cell`, without a quote that it added."""
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and FORMULA.match(cell) else cell


def require_place(folder: Path, where: str) -> None:
    """Raise UsageError, with `where`, if `folder` cannot be created: a file is in the way, or its name is too long."""
    try:
        os.lstat(folder)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UsageError(f"{where}: the name is too long for this file system; give a shorter one") from error
    nearest = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise UsageError(f"{where}: {nearest} is a file; give a folder")


def digest(value: Any, *, length: int = 16) -> str:
    """Return a short hexadecimal digest of bytes, or of a JSON value independently of the order of keys."""
    data = value if isinstance(value, bytes) else json.dumps(value, sort_keys=True, allow_nan=False).encode()
    return hashlib.blake2b(data, digest_size=length // 2).hexdigest()


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """Return the hexadecimal digest of the content of the file `path`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


class _Lines(io.StringIO):
    """Replaces line ends by those of our files; with `lineterminator` "\\n", `csv` would not quote carriage returns."""

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
