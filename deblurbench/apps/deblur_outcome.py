"""What became of the files to deblur."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from tqdm import tqdm

from deblurbench.errors import DeblurbenchError, is_full_disk, one_line
from deblurbench.progress import progress_bar

PERCENT = 100


@dataclass
class DeblurOutcome:
    """Files that were written, messages of those that failed, and the effect of tiles on the first photograph that needed them.

    `notes` has a line for each file of which only the first frame was restored, or that hardly changed; `changes` one for each
    photograph, with how much there was to do; `lines` one for each video.
    """

    written: list[Path] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    tiling_difference: float | None = None  # in [0, 1]; None where tiles change nothing


def describe(outcome: DeblurOutcome, out: Path, *, tile: int, verbose: bool) -> Iterator[str]:
    """Yield lines on what was done, for people; `verbose` adds how much each photograph was changed."""
    if outcome.tiling_difference is not None:
        change = f"tiles of {tile} changed values by up to {outcome.tiling_difference * 255:.1f} of 255"
        yield f"note: this network looks at the whole image at once; {change}"
    if verbose:
        yield from outcome.changes
    yield from outcome.lines
    yield from (f"note: {note}" for note in outcome.notes)
    if len(outcome.written) == 1:
        yield f"wrote {outcome.written[0]}"
    elif outcome.written:
        yield f"wrote {len(outcome.written)} {'files' if outcome.lines else 'photographs'} to {out}"


def tell(outcome: DeblurOutcome, out: Path, *, tile: int, verbose: bool) -> int:
    """Print what was done, and return the exit code of the command: 1 where something failed."""
    for line in outcome.failed:
        typer.echo(f"failed: {line}", err=True)
    for line in describe(outcome, out, tile=tile, verbose=verbose):
        typer.echo(line)
    return 1 if outcome.failed else 0


@contextmanager
def failure_named(outcome: DeblurOutcome, source: Path, target: Path) -> Iterator[None]:
    """Put whatever fails within into `outcome`; the other photographs are still to be tried, unless the disk is full."""
    try:
        yield
    except DeblurbenchError as error:
        text = str(error)
        outcome.failed.append(text if text.startswith((str(source), str(target))) else f"{target}: {text}")
    except Exception as error:  # out of memory
        if is_full_disk(error):
            raise
        outcome.failed.append(f"{target}: {getattr(error, 'strerror', None) or one_line(error)}")


def advance(bar: tqdm[Any], what: str, number: int, count: int, fraction: float) -> None:
    """Show that `fraction` of `number` of `count` photographs, or whatever they are, is restored."""
    bar.set_description(f"{what} {number + 1} of {count}", refresh=False)
    bar.update(int(PERCENT * (number + fraction) / count) - bar.n)


def percent_bar() -> tqdm[Any]:
    """A progress bar for `advance`."""
    return progress_bar(total=PERCENT, desc="deblurring", unit="%")
