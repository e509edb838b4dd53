"""A results folder of a real run, and folders of invented scores."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deblurbench.apps.cli import app


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of a real, tiny run on scikit-image's photographs."""
    folder = tmp_path_factory.mktemp("finished")
    network = "{name: unet, widths: [8], blocks: 1}"
    (folder / "tiny.yaml").write_text(
        f"""
question: Which is best?
datasets: {{photos: {{layout: skimage-photos, blur: gaussian, test_crop: 96}}}}
models:
  cnn: {{name: cnn, network: {network}}}
  gan: {{name: gan, network: {network}}}
  diffusion: {{name: diffusion, network: {network}, sampling_steps: 1, variants: {{two-steps: {{sampling_steps: 2}}}}}}
training: {{steps: 6, batch_size: 2, crop_size: 32, log_every: 2, validate_every: 2}}
"""
    )
    result = CliRunner().invoke(app, ["run", str(folder / "tiny.yaml"), "--out", str(folder / "tiny"), "--device", "cpu"])
    assert result.exit_code == 0, result.output
    return folder / "tiny"


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copy"))


@pytest.fixture(autouse=True)
def quick_figures() -> None:
    """Here they are drawn."""
