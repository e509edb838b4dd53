"""Errors whose message is one line for the user: the file or key, what is wrong and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from difflib import get_close_matches


class DeblurbenchError(Exception):
    """An error that the user can resolve; its message is one line (exit code 1)."""

    exit_code = 1


class UsageError(DeblurbenchError):
    """An error in the request itself, found before any work began (exit code 2)."""

    exit_code = 2


class UnreadableImage(DeblurbenchError):
    """An image file that cannot be decoded: truncated, too large, not an image."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` with the closest of `known` to `word`, or the list of `known`."""
    known = sorted(known)
    close = get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(known)}" if known else ""


def one_line(error: BaseException) -> str:
    """Return the error as one line, with its type unless the message is self-explanatory."""
    text = " ".join(str(error).split())
    if isinstance(error, DeblurbenchError):
        return text
    if isinstance(error, OSError) and error.filename and error.strerror:
        remedy = "; free some space and run again: it goes on where it stopped" if is_full_disk(error) else ""
        return f"{error.filename}: {error.strerror}{remedy}"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def reason(error: BaseException) -> str:
    """Return the first line of the message of `error`, or its type: torch appends a C++ stack trace."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def is_full_disk(error: BaseException) -> bool:
    """Return whether `error` means that the disk is full, so that no other write can succeed either."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
