"""Values that are kept between commands."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from deblurbench import memo
from deblurbench.memo import Memo
from deblurbench.training.trial import Training, try_out
from tests.training.test_trial import training

CPU = torch.device("cpu")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "code.py").write_text("first")
    monkeypatch.setattr(memo, "PACKAGE", tmp_path / "package")
    return tmp_path / "package"


def test_values_are_kept_until_the_code_changes(tmp_path: Path, package: Path) -> None:
    Memo(tmp_path / "cache").put(["size", {"name": "unet"}], [1, 2])
    assert Memo(tmp_path / "cache").get(["size", {"name": "unet"}]) == [1, 2]
    assert Memo(tmp_path / "cache").get(["size", {"name": "other"}]) is None
    (package / "code.py").write_text("another")
    assert Memo(tmp_path / "cache").get(["size", {"name": "unet"}]) is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"code": 3}', "\ud800".encode("utf-8", "surrogatepass"), "[" * 9999])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, package: Path, content: str | bytes) -> None:
    (tmp_path / memo.NAME).write_bytes(content if isinstance(content, bytes) else content.encode())
    Memo(tmp_path).put("key", 3)
    assert Memo(tmp_path).get("key") == 3


def test_without_a_folder_or_permission_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (None, tmp_path / "file"):
        kept = Memo(folder)
        kept.put("key", 3)
        assert Memo(folder).get("key") is None


def test_a_training_that_was_tried_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    monkeypatch.setattr("deblurbench.training.trial._step", lambda *arguments: steps.append(arguments[3]))

    def tried(one: Training, processes: int = 1) -> int:
        steps.clear()
        try_out([one], CPU, processes, Memo(tmp_path))
        return len(steps)

    assert (tried(training()), tried(training())) == (1, 0)
    assert (tried(training(batch_size=6)), tried(training(), processes=2)) == (1, 1)
    monkeypatch.setattr("deblurbench.training.trial._step", lambda *_: 1 / 0)
    for _ in range(2):  # one that fails is not remembered as tried
        with pytest.raises(Exception, match="division by zero"):
            tried(training(batch_size=10))
