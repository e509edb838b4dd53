"""Common to all commands: one-line errors, exit codes, options."""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Callable
from errno import ENAMETOOLONG
from typing import Annotated, Any

import typer

from deblurbench.apps.interruption import INTERRUPTED, STOPPED, interruptible
from deblurbench.errors import DeblurbenchError, one_line

SMALLEST_SEED, LARGEST_SEED = -(2**63), 2**64 - 1  # what torch takes

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def command(on: typer.Typer, name: str | None = None) -> Callable[[Callable[..., int]], Callable[..., None]]:
    """Decorator that registers a function as a command of `on`: its result is the exit code, and its errors become one line."""

    def register(function: Callable[..., int]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*arguments: Any, **options: Any) -> None:
            for stream in (sys.stdout, sys.stderr):
                if isinstance(stream, io.TextIOWrapper):
                    stream.reconfigure(errors="backslashreplace")  # names of files may hold bytes that are no text
            try:
                with interruptible():
                    code = function(*arguments, **options)
            except KeyboardInterrupt:
                typer.echo(STOPPED, err=True)
                code = INTERRUPTED
            except (DeblurbenchError, OSError) as error:
                if options.get("debug"):
                    raise
                typer.echo(f"error: {one_line(error)}", err=True)
                code = error.exit_code if isinstance(error, DeblurbenchError) else 2 if error.errno == ENAMETOOLONG else 1
            raise typer.Exit(code)

        on.command(name)(run)
        return run

    return register
