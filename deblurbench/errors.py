"""What is said to a person: one line that names the file or key, what is wrong and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from difflib import get_close_matches


class DeblurbenchError(Exception):
    """Something went wrong that a person can mend; the message is one line for them (exit code 1)."""

    exit_code = 1


class UsageError(DeblurbenchError):
    """What was asked for is wrong, and was found before any work began (exit code 2)."""

    exit_code = 2


class UnreadableImage(DeblurbenchError):
    """An image file that cannot be decoded: truncated, too large, not an image."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` with the closest of `known`, otherwise the list of them."""
    known = sorted(known)
    close = get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(known)}" if known else ""


def one_line(error: BaseException) -> str:
    """The error as one line, with its type where the message alone would not tell what it is."""
    text = " ".join(str(error).split())
    if isinstance(error, DeblurbenchError):
        return text
    if isinstance(error, OSError) and error.filename and error.strerror:
        room = "; free some space and run again: it goes on where it stopped" if is_full_disk(error) else ""
        return f"{error.filename}: {error.strerror}{room}"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def reason(error: BaseException) -> str:
    """The first line of what `error` says, or its type: torch adds where in its own code it was raised."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def is_full_disk(error: BaseException) -> bool:
    """Whether `error` says that no more can be written: then nothing else will succeed either."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
