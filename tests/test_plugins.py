"""A network of another package is there by its entry point, like our own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MODULE = '''
from torch import nn
from deblurbench.registry import NETWORKS


@NETWORKS.register("theirs")
class Theirs(nn.Conv2d):
    """One convolution."""

    def __init__(self, *, in_channels: int = 3, out_channels: int = 3) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)
'''


def install(folder: Path, module: str) -> None:
    """What pip leaves of a package with one module and one entry point."""
    (folder / "theirs.py").write_text(module)
    info = folder / "theirs-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[deblurbench]\nnetworks = theirs\n")


def python(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    # Its own process: what is registered stays so.
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {code}"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_network_of_another_package_runs_in_every_family(tmp_path: Path) -> None:
    install(tmp_path, MODULE)
    code = (
        "import torch; from deblurbench.registry import MODELS, NETWORKS; assert 'theirs' in NETWORKS.names(); "
        "[MODELS.build({'name': name, 'network': 'theirs'}).restore(torch.rand(1, 3, 9, 9)) for name in ('cnn', 'gan', 'bridge', 'diffusion')]; "
        "from deblurbench.environment import describe_environment; "
        "print(describe_environment(torch.device('cpu'), 1)['versions']['theirs'])"
    )
    done = python(tmp_path, code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1.2"


def test_a_package_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    install(tmp_path, "import no_such_thing")
    done = python(tmp_path, "from deblurbench.registry import NETWORKS; NETWORKS.names()")
    assert (
        "UsageError: theirs: its entry point 'networks' cannot be loaded: ModuleNotFoundError: No module named" in done.stderr
    )
