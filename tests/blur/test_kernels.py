from __future__ import annotations

import numpy as np
import pytest

from deblurbench.blur.base import spread
from deblurbench.errors import UsageError
from deblurbench.randomness import generator
from deblurbench.registry import BLURS

SAME_EVERYWHERE = [name for name in BLURS.names() if BLURS.build(name).has_kernel]


@pytest.mark.parametrize("name", SAME_EVERYWHERE)
def test_kernels_sum_to_one_and_are_centred(name: str) -> None:
    blur = BLURS.build(name)
    for number in range(50):
        drawn = blur.draw(generator(0, number))
        kernel = drawn.kernel
        assert kernel.shape == (2 * drawn.radius + 1,) * 2
        assert kernel.dtype == np.float32
        assert kernel.min() >= 0
        assert kernel.sum() == pytest.approx(1, abs=1e-5)
        offsets = np.arange(-drawn.radius, drawn.radius + 1)
        assert kernel.sum(axis=0) @ offsets == pytest.approx(0, abs=1e-3)
        assert kernel.sum(axis=1) @ offsets == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("name", [name for name in SAME_EVERYWHERE if name != "none"])
def test_a_kernel_is_a_function_of_its_key(name: str) -> None:
    blur = BLURS.build(name)
    same, again, other = (blur.draw(generator(0, key)).kernel for key in (1, 1, 2))
    assert np.array_equal(same, again)
    assert not np.array_equal(same, other)


@pytest.mark.parametrize("sigma", [0.7, 1.5, 3.0])
def test_a_gaussian_has_the_width_that_was_asked_for(sigma: float) -> None:
    blur = BLURS.build({"name": "gaussian", "sigma": [sigma, sigma]})
    kernel = blur.kernel(generator(0)).astype(np.float64)
    offsets = np.arange(-blur.radius, blur.radius + 1)
    assert np.sqrt(kernel.sum(axis=0) @ offsets**2) == pytest.approx(sigma, rel=0.01)


@pytest.mark.parametrize("length", [3.0, 9.0, 25.0])
def test_a_trace_spans_the_length_that_was_asked_for(length: float) -> None:
    blur = BLURS.build({"name": "motion", "length": [length, length]})
    for number in range(30):
        kernel = blur.kernel(generator(0, number))
        rows, columns = (np.flatnonzero(kernel.sum(axis=axis)) for axis in (1, 0))
        extent = max(np.ptp(rows), np.ptp(columns))
        assert length - 1.5 <= extent <= length + 1.5  # both ends may share their weight with a neighbour


def test_trajectories_turn_and_are_sub_pixel() -> None:
    """Straight lines on whole pixels would be a toy: traces bend, and their weights are shared between pixels."""
    blur = BLURS.build({"name": "motion", "length": [20.0, 20.0]})
    bends = []
    for number in range(40):
        trace = blur._trajectory(generator(0, number))
        path = np.abs(np.diff(trace)).sum()
        bends.append(np.abs(trace[-1] - trace[0]) / path)  # 1 for a straight line
        assert len(np.unique(np.round(blur.kernel(generator(0, number)), 7))) > 10
    assert min(bends) < 0.6 < max(bends)


@pytest.mark.parametrize("radius", [2.0, 3.3, 7.0])
def test_a_disk_is_round_and_as_large_as_asked(radius: float) -> None:
    blur = BLURS.build({"name": "disk", "size": [radius, radius]})
    kernel = blur.kernel(generator(0))
    assert spread(kernel) == pytest.approx(np.sqrt(radius**2 / 2 + 1 / 6), rel=0.03)  # of a disk, and of a pixel's square
    assert np.allclose(kernel, kernel.T)
    assert np.allclose(kernel, kernel[::-1])
    inside = kernel[kernel > 0.99 * kernel.max()]
    assert inside.size >= np.pi * (radius - 1) ** 2 - 1  # flat, unlike a Gaussian
    assert kernel.max() == pytest.approx(1 / (np.pi * radius**2), rel=0.03)


def test_a_mixture_draws_each_of_its_kinds_as_that_kind_would() -> None:
    kinds = [
        {"name": "gaussian", "sigma": [1.0, 2.0]},
        {"name": "disk", "size": [3.0, 3.0]},
        {"name": "motion", "length": [9.0, 9.0]},
    ]
    blur = BLURS.build({"name": "mixed", "kinds": kinds})
    drawn = [blur.draw(generator(0, number)) for number in range(300)]
    counts = {kind: sum(one.parameters["kind"] == kind for one in drawn) for kind in ("gaussian", "disk", "motion")}
    assert all(70 <= count <= 130 for count in counts.values())
    for one in drawn:
        if one.parameters["kind"] == "gaussian":
            assert spread(one.kernel) == pytest.approx(np.sqrt(2) * one.parameters["sigma"], rel=0.01)
    with pytest.raises(UsageError, match="at least one blur"):
        BLURS.build({"name": "mixed", "kinds": []})
    with pytest.raises(UsageError, match=r"kinds\[0\]: unknown blur 'gausian'; did you mean 'gaussian'"):
        BLURS.build({"name": "mixed", "kinds": ["gausian"]})


def test_a_mixture_draws_its_kinds_by_their_weights() -> None:
    blur = BLURS.build({"name": "mixed", "kinds": ["none", "gaussian", "disk"], "weights": [1, 6, 3]})
    kinds = [blur.draw(generator(0, number)).parameters["kind"] for number in range(1000)]
    counts = [kinds.count(kind) for kind in ("none", "gaussian", "disk")]
    assert all(abs(count - expected) < 45 for count, expected in zip(counts, (100, 600, 300), strict=True))
    with pytest.raises(UsageError, match="weights: give one for each of the 2 kinds, not 1"):
        BLURS.build({"name": "mixed", "kinds": ["none", "disk"], "weights": [1]})


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(UsageError, match=r"sigma is \[lowest, highest\], not \[3.0, 1.0\]"):
        BLURS.build({"name": "gaussian", "sigma": [3.0, 1.0]})
