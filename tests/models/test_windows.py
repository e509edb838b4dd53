from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from deblurbench.images.tiles import CONTEXT, plan_tiles
from deblurbench.models.restoration import RestorationContext
from deblurbench.models.windows import call_network, reflect_pad, sees_whole_image
from deblurbench.registry import NETWORKS


class Recorder(nn.Module):
    """Adds one, and records the sizes of its inputs."""

    multiple = 8

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[int, int]] = []

    def forward(self, image: Tensor) -> Tensor:
        assert image.shape[-2] % 8 == image.shape[-1] % 8 == 0
        self.sizes.append((image.shape[-2], image.shape[-1]))
        return image + 1


def tiled(tile: int) -> RestorationContext:
    return RestorationContext(torch.Generator(), tile)


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (8, 8), (100, 3)])
def test_padding_is_removed_again(size: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *size)
    assert torch.equal(call_network(Recorder(), image), image + 1)


def test_padding_is_reflection_as_in_pytorch() -> None:
    image = torch.arange(12.0).view(1, 1, 3, 4)
    expected = torch.nn.functional.pad(image, (0, 3, 0, 2), mode="reflect")
    assert torch.equal(reflect_pad(image, 2, 3), expected)
    assert reflect_pad(torch.ones(1, 1, 1, 1), 5, 7).shape == (1, 1, 6, 8)


@pytest.mark.parametrize("size", [(500, 333), (129, 2000), (300, 300)])
def test_tiles_bound_the_input_of_the_network_and_cover_the_image(size: tuple[int, int]) -> None:
    recorder, image = Recorder(), torch.rand(1, 3, *size)
    assert torch.equal(call_network(recorder, image, context=tiled(256)), image + 1)
    assert max(height * width for height, width in recorder.sizes) <= 256**2
    assert len(recorder.sizes) > 1


def test_an_image_that_fits_is_called_once() -> None:
    recorder = Recorder()
    call_network(recorder, torch.rand(1, 3, 200, 256), context=tiled(256))
    assert len(recorder.sizes) == 1


def test_tiles_are_cut_so_that_little_is_seen_twice() -> None:
    def seen(height: int, width: int) -> float:
        tiles = plan_tiles(height, width, tile=1024, multiple=16)
        covered = np.zeros((height, width), int)
        for one in tiles:
            covered[one.rows, one.columns] += 1
        assert (covered == 1).all()
        pixels = [
            (one.seen_rows.stop - one.seen_rows.start) * (one.seen_columns.stop - one.seen_columns.start) for one in tiles
        ]
        assert max(pixels) <= 1024**2
        return sum(pixels) / (height * width)

    assert seen(720, 1280) == 1
    assert seen(1200, 1600) == seen(1600, 1200) < 1.09  # two tiles
    assert seen(4000, 6000) < 1.27
    assert seen(400, 8000) < 1.05


def test_too_small_a_tile_is_refused() -> None:
    with pytest.raises(ValueError, match=f"give at least {2 * CONTEXT + 8}"):
        call_network(Recorder(), torch.rand(1, 3, 300, 300), context=tiled(2 * CONTEXT))


def test_the_finest_scale_is_taken_of_a_network_that_gives_several() -> None:
    class Scales(nn.Module):
        def forward(self, image: Tensor) -> list[Tensor]:
            return [image * 2, nn.functional.avg_pool2d(image, 2)]

    image = torch.rand(1, 3, 8, 8)
    assert torch.equal(call_network(Scales(), image), image * 2)


def test_instance_normalisation_sees_the_whole_image() -> None:
    assert sees_whole_image(NETWORKS.build({"name": "resnet", "normalization": "instance"}))
    assert not sees_whole_image(NETWORKS.build("resnet"))
