"""Seconds until a command answers, beside `import torch` alone.

    python benchmarks/startup.py [--rounds 7]

Each command runs in a process of its own. All run once first, which fills the operating system's and deblurbench's caches
(decoded photographs, sizes of networks, trainings that were tried); then they alternate, and medians are shown. The bars:
`--help` and `--version` in 0.7 s; `models` and `run quickstart --dry-run` in 1.5 s more than `import torch`.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

QUICK, SECONDS_MORE = 0.7, 1.5
PROGRAM = (sys.executable, "-m", "deblurbench")


def seconds_of(command: tuple[str, ...], folder: str) -> float:
    """The seconds of one run of `command` in `folder`. Raises CalledProcessError where it fails."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Time all commands in turn and print them with their bars."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    commands = {
        "import torch": (sys.executable, "-c", "import torch"),
        "--version": (*PROGRAM, "--version"),
        "--help": (*PROGRAM, "--help"),
        "models": (*PROGRAM, "models"),
        "run quickstart --dry-run": (*PROGRAM, "run", "quickstart", "--dry-run"),
    }
    with tempfile.TemporaryDirectory() as folder:
        first = {name: seconds_of(command, folder) for name, command in commands.items()}
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                times[name].append(seconds_of(command, folder))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        bar = None if name == "import torch" else QUICK if name.startswith("--") else medians["import torch"] + SECONDS_MORE
        verdict = "" if bar is None else f"   bar {bar:.2f} s: {'held' if median <= bar else 'MISSED'}"
        spread = f"{min(times[name]):.2f} to {max(times[name]):.2f}"
        print(f"{name:26} {median:5.2f} s   ({spread}; first {first[name]:.2f}){verdict}")


if __name__ == "__main__":
    main()
