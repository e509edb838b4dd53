"""Dead leaves: synthetic images to train on where photographs are few."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from deblurbench.data.drawn_image import IMAGES_IN_MEMORY, SIDE, SUPERSAMPLING, DrawnImage
from deblurbench.images.photo import Pixels
from deblurbench.randomness import generator

DRAWING_VERSION = 1  # raised whenever the same number would give another image
MIN_LEAVES, MAX_LEAVES = 200, 3000  # of an image: from a few large ones to many small ones
MIN_RADIUS, MAX_RADIUS = 3.0, SIDE / 3  # of a leaf, pixels
BACKGROUND = 40  # leaves drawn first, all large, since the others do not cover everything
TEXTURES = 8  # of an image; each leaf has one of them, or none
SUBPIXEL_BITS = 4  # of the coordinates of outlines

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DeadLeaves(DrawnImage):
    """Image `number` of an endless series: opaque leaves of all sizes that occlude each other.

    The dead leaves model (Matheron 1968) with radii of density r^-3 has the edges, occlusions and scale invariance of
    photographs (Lee, Mumford & Huang 2001), and restoration networks learn from it nearly as well (Achddou, Gousseau &
    Ladjal 2023). Here leaves are shaded and have textures of noise. All machines give the same image, but for rounding.
    """

    series = "dead leaves"
    drawing = f"dead-leaves@{DRAWING_VERSION}"

    def pixels(self) -> Pixels:
        return _render(self.number)


@lru_cache(maxsize=IMAGES_IN_MEMORY)
def _render(number: int) -> Pixels:
    random = generator("dead leaves", DRAWING_VERSION, number)
    count = round(math.exp(random.uniform(math.log(MIN_LEAVES), math.log(MAX_LEAVES))))
    side = SIDE * SUPERSAMPLING
    centres = random.uniform(-0.1, 1.1, size=(count, 2)) * side
    leaves = _leaf_indices(random, centres, side)
    picture = _color(random, leaves, centres)
    small = cv2.resize(np.clip(picture, 0, 1), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    pixels = np.round(small * 255).astype(np.uint8)
    pixels.flags.writeable = False
    return pixels


def _leaf_indices(random: np.random.Generator, centres: NDArray[np.float64], side: int) -> NDArray[np.int32]:
    """The index of the topmost leaf at each pixel (side, side), counted from 1; 0 is the background."""
    smallest, largest = MIN_RADIUS * SUPERSAMPLING, MAX_RADIUS * SUPERSAMPLING
    quantiles = random.uniform(size=len(centres))
    radii = (smallest**-2 - quantiles * (smallest**-2 - largest**-2)) ** -0.5  # by the inverse of their cumulative distribution
    radii[:BACKGROUND] = random.uniform(largest / 3, largest, size=BACKGROUND)
    leaves = np.zeros((side, side), np.int32)
    for index, (centre, radius) in enumerate(zip(centres, radii, strict=True), 1):
        outline = np.round((_outline(random) * radius + centre) * 2**SUBPIXEL_BITS).astype(np.int32)
        cv2.fillPoly(leaves, [outline], index, shift=SUBPIXEL_BITS)
    return leaves


def _outline(random: np.random.Generator) -> NDArray[np.float64]:
    """The corners (K, 2) of a leaf of about unit radius: round, lobed, a polygon or a rectangle, stretched and rotated."""
    angles: NDArray[np.floating] = np.arange(40) * (math.pi / 20)
    distances: NDArray[np.float64] = np.ones(1)
    match random.integers(4):
        case 0:
            waves = (random.normal(0, 0.35 / k) * np.cos(k * angles + random.uniform(0, 2 * math.pi)) for k in range(2, 7))
            distances = np.asarray(np.maximum(1 + np.sum(list(waves), axis=0), 0.2), np.float64)
        case 1:
            angles = np.sort(random.uniform(0, 2 * math.pi, size=int(random.integers(3, 7))))
        case 2:
            angles = (np.arange(4) + 0.5) * (math.pi / 2)
    stretch = math.exp(random.uniform(0, 1.2))
    rotation = random.uniform(0, 2 * math.pi)
    x, y = distances * np.cos(angles) * stretch, distances * np.sin(angles) / stretch
    cosine, sine = math.cos(rotation), math.sin(rotation)
    return np.stack([x * cosine - y * sine, x * sine + y * cosine], axis=1)


def _color(random: np.random.Generator, leaves: NDArray[np.int32], centres: NDArray[np.float64]) -> Array:
    """(side, side, 3): each leaf in a mixture of the palette's colours, with a linear shade and its texture."""
    count, side = len(centres) + 1, len(leaves)  # the background is one, too
    palette = random.uniform(0.05, 0.95, size=(4, 3))
    grey = palette.mean(axis=1, keepdims=True)
    saturation = random.choice([0.0, 0.3, 0.6, 1.0])
    colours = random.dirichlet([0.6] * 4, size=count) @ (grey + saturation * (palette - grey))
    colours += random.normal(0, 0.12, size=(count, 1))
    is_textured = random.uniform(size=count) < 0.75
    strengths = random.exponential(0.12, size=count) * is_textured
    tints = strengths[:, None] * (1 + saturation * random.normal(0, 0.15, size=(count, 3)))
    textures = np.stack([_texture(random, side // SUPERSAMPLING) for _ in range(TEXTURES)])
    chosen = random.integers(TEXTURES, size=count)
    slopes = random.normal(0, 0.5 / side, size=(count, 2))
    origins = np.concatenate([[[side / 2, side / 2]], centres])
    planes = np.concatenate([slopes, -(slopes * origins).sum(axis=1, keepdims=True)], axis=1).astype(np.float32)
    rows, columns = np.arange(side)[:, None], np.arange(side)
    across, down, offset = (plane[leaves] for plane in planes.T)
    shade = np.clip(across * columns.astype(np.float32) + down * rows.astype(np.float32) + offset, -0.3, 0.3)
    texture = textures[chosen.astype(np.int32)[leaves], rows % textures.shape[1], columns % textures.shape[2]]
    picture: Array = colours.astype(np.float32)[leaves]
    picture += shade[..., None]
    picture += texture[..., None] * tints.astype(np.float32)[leaves]
    return picture


def _texture(random: np.random.Generator, side: int) -> Array:
    """Periodic noise (side, side) of mean 0 and standard deviation 1: an anisotropic power-law spectrum, rotated."""
    down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
    rotation, stretch = random.uniform(0, math.pi), math.exp(random.uniform(0, 1.4))
    cosine, sine = math.cos(rotation), math.sin(rotation)
    u, v = across * cosine + down * sine, down * cosine - across * sine
    frequency = np.hypot(u / stretch, v * stretch) + 1 / side
    amplitude = frequency ** -random.uniform(0.5, 1.9)
    amplitude *= np.exp(-((np.hypot(down, across) / random.uniform(0.15, 0.5)) ** 4))
    if random.uniform() < 0.3:  # a dominant frequency: stripes, scales, cells
        scale = math.exp(random.uniform(math.log(0.03), math.log(0.2)))
        amplitude *= np.exp(-(((frequency - scale) / (0.35 * scale)) ** 2)) + 0.05
    noise = np.fft.irfft2(amplitude * np.exp(2j * math.pi * random.uniform(size=amplitude.shape)), s=(side, side))
    return np.clip((noise - noise.mean()) / noise.std(), -3, 3).astype(np.float32)
