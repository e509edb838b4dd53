"""Blurs that are the same at every pixel: their kernels sum to one and have their centroid at their centre."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from deblurbench.blur.base import DrawnKernel, Kernel, KernelBlur, Range, offsets, require_ascending
from deblurbench.registry import BLURS, NonNegativeFloat


@BLURS.register("none")
class NoBlur(KernelBlur):
    """No blur: what is sharp already, so that a model learns to leave it as it is."""

    def draw(self, generator: np.random.Generator) -> DrawnKernel:
        return DrawnKernel(np.ones((1, 1), np.float32), {"kind": "none"})


@BLURS.register("gaussian")
class Gaussian(KernelBlur):
    """An isotropic Gaussian with a standard deviation drawn uniformly from `sigma` = [lowest, highest], in pixels."""

    def __init__(self, *, sigma: Range = (1.0, 3.0)) -> None:
        self.sigma = require_ascending("sigma", sigma)
        self.radius = math.ceil(4 * self.sigma[1])

    def draw(self, generator: np.random.Generator) -> DrawnKernel:
        sigma = generator.uniform(*self.sigma)
        return DrawnKernel(gaussian_kernel(sigma, self.radius), {"kind": "gaussian", "sigma": sigma})


@BLURS.register("disk")
class Disk(KernelBlur):
    """Defocus: the disk of confusion of a round aperture, its radius drawn uniformly from `size` = [smallest, largest].

    The weight of a pixel is the fraction of its area that the disk covers, so that fractional radii differ, too.
    """

    SUPERSAMPLING = 8  # points a side of a pixel

    def __init__(self, *, size: Range = (1.0, 5.0)) -> None:
        self.size = require_ascending("size", size)
        self.radius = math.ceil(self.size[1] + 0.5)

    def draw(self, generator: np.random.Generator) -> DrawnKernel:
        radius = generator.uniform(*self.size)
        points = (np.arange((2 * self.radius + 1) * self.SUPERSAMPLING) + 0.5) / self.SUPERSAMPLING - self.radius - 0.5
        covered = (points[:, None] ** 2 + points**2 <= radius**2).astype(np.float64)
        pixels = covered.reshape(2 * self.radius + 1, self.SUPERSAMPLING, -1, self.SUPERSAMPLING).sum(axis=(1, 3))
        return DrawnKernel(_normalised(pixels), {"kind": "disk", "radius": radius})


@BLURS.register("motion")
class Motion(KernelBlur):
    """Camera shake: the trace of a random trajectory (Boracchi & Foi 2012, as DeblurGAN used it), sub-pixel.

    A particle moves with inertia and Gaussian acceleration (`shake`), is pulled back to its start (`pull`) and changes its
    velocity in impulses (`jerk`, their expected number in one exposure). The trace is scaled so that its longer side spans a
    length drawn uniformly from `length` = [shortest, longest], in pixels.
    """

    STEPS = 256

    def __init__(
        self,
        *,
        length: Range = (5.0, 20.0),
        shake: NonNegativeFloat = 4.0,
        pull: NonNegativeFloat = 0.7,
        jerk: NonNegativeFloat = 0.3,
    ) -> None:
        self.length = require_ascending("length", length)
        self.shake, self.pull, self.jerk = shake, pull, jerk
        # A curve of this extent lies within this distance of its centroid, plus one pixel of bilinear interpolation.
        self.radius = math.ceil(self.length[1]) + 1

    def draw(self, generator: np.random.Generator) -> DrawnKernel:
        trace = self._trajectory(generator)
        extent = max(np.ptp(trace.real), np.ptp(trace.imag))
        length = generator.uniform(*self.length)
        trace = (trace - trace.mean()) * (length / extent)
        return DrawnKernel(_rasterize(trace, self.radius), {"kind": "motion", "length": length})

    def _trajectory(self, generator: np.random.Generator) -> NDArray[np.complex128]:
        """Positions (STEPS,) in the complex plane; only their shape matters.

        One exposure takes one unit of time, in which the particle moves at unit speed.
        """
        step = 1 / self.STEPS
        # The strengths for this exposure.
        shake, pull, jerk = generator.uniform(size=3) * (self.shake, self.pull, self.jerk)
        noise = generator.standard_normal((self.STEPS, 2)) @ np.array([1, 1j]) * (shake * math.sqrt(step))
        jerks = generator.uniform(size=self.STEPS) < jerk * step
        deflections = generator.uniform(-math.pi / 6, math.pi / 6, size=self.STEPS)
        velocity = complex(np.exp(2j * math.pi * generator.uniform()))
        position, positions = 0j, np.empty(self.STEPS, np.complex128)
        for index in range(self.STEPS):
            positions[index] = position
            if jerks[index]:  # an impulse, roughly opposite to the motion
                velocity += 2 * abs(velocity) * complex(np.exp(1j * (np.angle(velocity) + math.pi + deflections[index])))
            velocity += complex(noise[index]) - pull * position * step
            velocity /= max(abs(velocity), 1e-9)
            position += velocity * step
        return positions


def gaussian_kernel(sigma: float, radius: int) -> Kernel:
    """An isotropic Gaussian (2 radius + 1, 2 radius + 1) of standard deviation `sigma` pixels."""
    taps = np.exp(-0.5 * (offsets(radius) / sigma) ** 2)
    return _normalised(np.outer(taps, taps))


def _normalised(weights: NDArray[np.float64]) -> Kernel:
    return (weights / weights.sum()).astype(np.float32)


def _rasterize(trace: NDArray[np.complex128], radius: int) -> Kernel:
    """Rasterize a trace: the weight of each point is distributed bilinearly to four pixels; the kernel sums to one."""
    size = 2 * radius + 1
    kernel = np.zeros((size, size))
    x, y = trace.real + radius, trace.imag + radius
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right_weight, bottom_weight = x - left, y - top
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        weight = (right_weight if dx else 1 - right_weight) * (bottom_weight if dy else 1 - bottom_weight)
        np.add.at(kernel, (top + dy, left + dx), weight)
    return _normalised(kernel)
