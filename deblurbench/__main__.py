"""`python -m deblurbench`."""

from deblurbench.apps.cli import main

main()
