"""Printed pages: synthetic images to train on where photographs of text are few."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from deblurbench.data.drawn_image import IMAGES_IN_MEMORY, SIDE, SUPERSAMPLING, DrawnImage
from deblurbench.images.photo import Pixels
from deblurbench.randomness import generator

DRAWING_VERSION = 1  # raised whenever the same number would give another image
MIN_SIZE, MAX_SIZE = 11.0, 64.0  # of the letters, pixels
MAX_WORD = 9  # characters
LETTERS = "eeeeeeeetttttaaaaaooooiiiinnnnsssrrrhhhlldcumfpgwybvkxjqzEATNRSICLMODPBHF0123456789,.-:()/&%=+"
OPENCV_FONTS = cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX  # medium and bold
OPENCV_CAPITAL = 22  # pixels of a capital of these at scale 1
MAX_TILT = 12.0  # degrees
DARK_SHARE = 0.25  # of pages that are printed light on dark, as signs are

Ink = NDArray[np.float32]  # how much of each pixel is printed, (H, W) in [0, 1]


@dataclass(frozen=True, slots=True)
class PrintedPage(DrawnImage):
    """Image `number` of an endless series: lines of random words on paper, tilted, in uneven light.

    The same number gives the same image wherever Pillow and OpenCV, whose fonts they are, have the same version.
    """

    series = "printed page"
    drawing = f"printed-page@{DRAWING_VERSION}, pillow {PIL.__version__}, opencv {cv2.__version__}"

    def pixels(self) -> Pixels:
        return _render(self.number)


@lru_cache(maxsize=IMAGES_IN_MEMORY)
def _render(number: int) -> Pixels:
    random = generator("printed pages", DRAWING_VERSION, number)
    ink = _tilted(_lines(random), random.uniform(-MAX_TILT, MAX_TILT))
    paper, print_colour = random.uniform(0.5, 0.98), random.uniform(0.02, 0.35)
    if random.uniform() < DARK_SHARE:
        paper, print_colour = print_colour, paper
    colours = np.array([paper, print_colour])[:, None] + random.normal(0, random.choice([0.01, 0.12]), size=(2, 3))
    rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    light = 1 + random.normal(0, 0.12) * rows + random.normal(0, 0.12) * columns
    picture = (colours[0] + ink[..., None] * (colours[1] - colours[0])) * light[..., None]
    pixels = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    pixels.flags.writeable = False
    return pixels


def _lines(random: np.random.Generator) -> Ink:
    """Lines of words, at SUPERSAMPLING times the resolution and wide enough to be tilted."""
    side = math.ceil(1.3 * SIDE) * SUPERSAMPLING
    page, top = np.zeros((side, side), np.uint8), 0.0
    usual = math.exp(random.uniform(math.log(MIN_SIZE), math.log(MAX_SIZE / 2)))
    by_opencv, is_bold = random.uniform(size=2) < 0.5
    spacing = random.uniform(1.3, 2.2)
    while top < side:
        size = SUPERSAMPLING * (usual if random.uniform() < 0.8 else min(usual * random.uniform(1, 2), MAX_SIZE))
        text = _words(random, count=math.ceil(side / size))
        draw = _draw_by_opencv if by_opencv else _draw_by_pillow
        draw(page, text, top, size, is_bold=bool(is_bold))
        top += size * spacing * random.choice([1.0, 1.0, 1.0, 2.0])
    return np.asarray(page / 255, np.float32)


def _words(random: np.random.Generator, count: int) -> str:
    lengths = random.integers(1, MAX_WORD + 1, size=count)
    return " ".join("".join(random.choice(list(LETTERS), size=length)) for length in lengths)


def _draw_by_opencv(page: Pixels, text: str, top: float, size: float, *, is_bold: bool) -> None:
    scale = 0.7 * size / OPENCV_CAPITAL  # capitals have about 0.7 of the size of a font
    thickness = max(round(size * (0.09 if is_bold else 0.05)), 1)
    cv2.putText(page, text, (0, round(top + size)), OPENCV_FONTS[is_bold], scale, 255, thickness, cv2.LINE_AA)


def _draw_by_pillow(page: Pixels, text: str, top: float, size: float, *, is_bold: bool) -> None:
    image = Image.fromarray(page)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    draw.text((0, top), text, 255, font, stroke_width=round(size / 24) if is_bold else 0)
    page[:] = np.asarray(image)


def _tilted(page: Ink, degrees: float) -> Ink:
    """The middle of `page` rotated by so many `degrees`, at the final resolution: (SIDE, SIDE)."""
    wide, centre = SIDE * SUPERSAMPLING, len(page) / 2
    rotation = np.asarray(cv2.getRotationMatrix2D((centre, centre), degrees, 1.0), np.float64)
    rotation[:, 2] += wide / 2 - centre
    fine = cv2.warpAffine(page, rotation, (wide, wide), flags=cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
