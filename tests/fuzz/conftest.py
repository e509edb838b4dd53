"""How many cases are tried: a few, always the same, with the suite; DEBLURBENCH_FUZZ of them, new ones each time, in a campaign.

A campaign goes on after a case that falls short, and says at its end how many were tried and which fell short.
"""

from __future__ import annotations

import faulthandler
import functools
import os
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, is_hypothesis_test, settings
from hypothesis.errors import HypothesisException

FUZZ = int(os.environ.get("DEBLURBENCH_FUZZ", "0"))  # cases of all tests in this folder together
FEW = 25  # of each test, with the suite
SECONDS = 10  # that a case may take
HANGING = 60  # seconds after which not even Python runs: the process ends with a traceback
HAS_ALARMS = hasattr(signal, "setitimer")
SHOWN = 20  # lines of a case that fell short

TESTS = sum(path.read_text().count("@given(") for path in Path(__file__).parent.glob("test_*.py"))
COMMON: dict[str, Any] = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("suite", max_examples=FEW, derandomize=True, **COMMON)
settings.register_profile("campaign", max_examples=max(-(-FUZZ // TESTS), 1), phases=[Phase.explicit, Phase.generate], **COMMON)
settings.load_profile("campaign" if FUZZ else "suite")

tried: dict[str, int] = defaultdict(int)  # in this process, by the test's name
short: dict[str, list[str]] = defaultdict(list)
total: dict[str, tuple[int, list[str]]] = {}  # of all processes, where results are gathered


class TooLong(BaseException):
    """A case that took longer than SECONDS; no Exception, which what is tested might take for its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        function = getattr(item, "function", None)
        if is_hypothesis_test(function) and not hasattr(function.hypothesis.inner_test, "watched"):
            function.hypothesis.inner_test = watched(function.hypothesis.inner_test, function.__name__)


def watched(test: Callable[..., None], name: str) -> Callable[..., None]:
    """`test`, whose cases are counted and may take SECONDS each; in a campaign those that fall short are kept."""

    @functools.wraps(test)
    def run(*arguments: Any, **values: Any) -> None:
        tried[name] += 1
        try:
            with time_limit():
                test(*arguments, **values)
        except HypothesisException:  # how Hypothesis itself turns down a case
            raise
        except (Exception, TooLong) as error:
            if not FUZZ:
                raise
            shown = ", ".join(f"{key}={value!r}" for key, value in values.items())
            short[name].append(f"{type(error).__name__}: {error}\n{shown}")

    run.watched = True  # type: ignore[attr-defined]
    return run


class time_limit:
    """Within it, TooLong is raised after SECONDS, where the system has such alarms (Windows has none)."""

    def __enter__(self) -> None:
        faulthandler.dump_traceback_later(HANGING, exit=True)
        if not HAS_ALARMS:
            return

        def stop(*_: object) -> None:
            raise TooLong(f"took longer than {SECONDS} s")

        self.before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)

    def __exit__(self, *_: object) -> None:
        faulthandler.cancel_dump_traceback_later()
        if HAS_ALARMS:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self.before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    function = getattr(item, "function", None)
    if not is_hypothesis_test(function):
        return (yield)
    try:
        return (yield)
    finally:
        name = function.__name__
        item.user_properties.append(("fuzz", [name, tried[name], short[name]]))
        if short[name]:
            pytest.fail(f"{len(short[name])} of {tried[name]} cases fell short", pytrace=False)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for key, value in report.user_properties:
        if key == "fuzz" and report.when == "call":
            total[value[0]] = value[1], value[2]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not FUZZ:
        return
    for name, (_, cases) in total.items():
        for case in cases:
            terminalreporter.section(name)
            terminalreporter.write_line("\n".join(line[:1000] for line in case.splitlines()[:SHOWN]))
    count, fell = sum(cases for cases, _ in total.values()), {name: len(found) for name, (_, found) in total.items() if found}
    which = "; ".join(f"{name}: {number}" for name, number in fell.items()) or "none"
    terminalreporter.write_line(f"{count} cases tried, {sum(fell.values())} fell short: {which}")
