"""Work before and after the main one, in threads of its own: the libraries of videos leave the interpreter to others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

Item = TypeVar("Item")
END = object()


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """Yield `items`, each made while the one before is in use."""
    with ThreadPoolExecutor(1) as maker:
        making = maker.submit(next, items, END)
        while (item := making.result()) is not END:
            making = maker.submit(next, items, END)
            yield item  # type: ignore[misc]  # no END


class Behind:
    """Calls functions one after another in a thread; at most one is waited for, and its error raised by the next call."""

    def __init__(self) -> None:
        self._worker, self._last = ThreadPoolExecutor(1), Future[None]()
        self._last.set_result(None)

    def __enter__(self) -> Behind:
        return self

    def __call__(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call `function` once the call before has ended."""
        self._last.result()
        self._last = self._worker.submit(function, *arguments)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._worker.shutdown()
        if error is None:
            self._last.result()
