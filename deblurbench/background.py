"""Work before and after the main one, in threads: decoding and encoding leave the interpreter to others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")
END = object()


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """Yield `items`, each made in a thread while the one before is in use. To be closed, which waits for the thread."""
    with _one_thread() as maker:
        making = maker.submit(next, items, END)
        while (item := making.result()) is not END:
            making = maker.submit(next, items, END)
            yield item  # type: ignore[misc]  # no END


@contextmanager
def behind() -> Iterator[Callable[..., None]]:
    """Give a function that calls others in a thread, `call(function, *arguments)`, once the call before has ended.

    An error of one is raised by the next call, or at the end.
    """
    with _one_thread() as worker:
        last: Future[None] = Future()
        last.set_result(None)

        def call(function: Callable[..., None], *arguments: Any) -> None:
            nonlocal last
            last.result()
            last = worker.submit(function, *arguments)

        yield call
        last.result()


@contextmanager
def _one_thread() -> Iterator[ThreadPoolExecutor]:
    """A thread that has ended when this is left, also where Ctrl+C interrupts the waiting."""
    executor = ThreadPoolExecutor(1)
    try:
        yield executor
    finally:
        try:
            executor.shutdown()
        except KeyboardInterrupt:
            executor.shutdown()
            raise
