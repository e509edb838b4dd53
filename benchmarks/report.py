"""How long a large report takes, and how much memory: 10 models on 3 data sets of 1,000 images of 1280x720 pixels.

python benchmarks/report.py [--models 10] [--images 1000] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from synthetic_results import write_results

SIZE = (720, 1280)


def main() -> None:
    """Write the results, then measure `deblurbench report` in a process of its own, twice, and compare the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.out or Path(temporary) / "large"
        gains = {f"model-{number}": 1 + 0.2 * number for number in range(arguments.models)}
        write_results(folder, datasets=["faces", "photos", "streets"], gains=gains, images=arguments.images, size=SIZE)
        written = []
        for _ in range(2):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-m", "deblurbench", "report", str(folder)], check=True)
            seconds = time.perf_counter() - start
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20  # of kilobytes
            names = ("report.html", "report.md", "tables.tex", "statistics.csv")
            written.append({name: (folder / name).read_bytes() for name in names})
            size = len(written[-1]["report.html"]) / 2**20
            print(f"{seconds:.1f} s, at most {peak:.2f} GiB, report.html {size:.1f} MiB")
        print("rebuilt byte for byte" if written[0] == written[1] else "NOT the same when rebuilt")


if __name__ == "__main__":
    main()
