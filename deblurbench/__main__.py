"""The front door: `deblurbench` and `python -m deblurbench`."""

from __future__ import annotations

from deblurbench.apps.interruption import end_quietly_when_interrupted


def main() -> None:
    """The entry point."""
    end_quietly_when_interrupted()
    from deblurbench.apps.cli import app  # imported late: from here on Ctrl+C is listened for

    app(prog_name="deblurbench")


if __name__ == "__main__":
    main()
