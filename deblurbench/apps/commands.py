"""Common to all commands: one-line errors, exit codes, options."""

from __future__ import annotations

import functools
import io
import os
import sys
from collections.abc import Callable
from errno import ENAMETOOLONG
from typing import Annotated, Any

import typer

from deblurbench.apps.interruption import INTERRUPTED, STOPPED, interruptible
from deblurbench.errors import DeblurbenchError, one_line
from deblurbench.version import __version__

CLOSED_PIPE = 128 + 13  # the exit code of a program that SIGPIPE ends
SMALLEST_SEED, LARGEST_SEED = -(2**63), 2**64 - 1  # what torch takes

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def new_group(text: str) -> typer.Typer:
    """A group of commands described by `text`. Its help is plain: markup would take `[mae]` in it for a style."""
    return typer.Typer(
        help=text, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
    )


def parse_seed(value: str | int) -> int:
    """A seed of torch's generators, or its default as it is. Raises BadParameter, which names the option."""
    text = str(value)
    if text.removeprefix("-").isdecimal() and SMALLEST_SEED <= int(text) <= LARGEST_SEED:
        return int(text)
    raise typer.BadParameter(f"'{text}' is no integer of 64 bits")


def show_version(is_wanted: bool) -> None:
    """Print the version and end, where that is wanted."""
    if is_wanted:
        typer.echo(f"deblurbench {__version__}")
        raise typer.Exit


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
                sys.stdout.flush()
            except BrokenPipeError:  # whoever read it has seen enough: `deblurbench models | head`
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is flushed at the end
                code = CLOSED_PIPE
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
