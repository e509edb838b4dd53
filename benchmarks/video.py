"""Videos: frames a second at 1280x720, and flicker: how much neighbouring frames of a static scene differ, before and after.

    python benchmarks/video.py [--model photo-fast] [--frames 50]

The clip is a photograph that stands still, blurred and with noise that is new in every frame. Flicker is the root mean square
difference of neighbouring frames in 255ths; a restorer that sharpens noise makes more of it than there was.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from skimage import data

from deblurbench.apps.photo_restorers import Restoring
from deblurbench.apps.restorer_choice import choose_restorer
from deblurbench.blur.camera import Camera, blur_image
from deblurbench.blur.kernels import Gaussian
from deblurbench.images.photo import Pixels
from deblurbench.randomness import generator
from deblurbench.video.clip import restore_clip
from deblurbench.video.deflickering import Deflickered
from deblurbench.video.transcoding import Encoding

HEIGHT, WIDTH, RATE = 720, 1280, 25
STILL = 8  # frames of which flicker is measured
SETTLED, ROUNDS = 2, 3  # frames until the blend has settled, and times that the clip is restored
NOISE = (0.0, 0.005, 0.01, 0.02)  # standard deviations at full light


def scene() -> Pixels:
    """A photograph of 1280x720."""
    return np.ascontiguousarray(np.tile(data.astronaut(), (2, 3, 1))[:HEIGHT, :WIDTH])


def still_frames(count: int, noise: float) -> list[Pixels]:
    """So many photographs of the scene, a little out of focus, each with noise of its own."""
    camera, blur, sharp = Camera(shot_noise=noise, read_noise=noise / 4), Gaussian(sigma=(1.5, 1.5)), scene()
    return [blur_image(sharp, blur, camera, generator("frame", number))[0] for number in range(count)]


def flicker(frames: list[Pixels]) -> float:
    """The root mean square difference of neighbouring frames, in 255ths."""
    stack = np.stack(frames).astype(np.float32)
    return float(np.sqrt((np.diff(stack, axis=0) ** 2).mean()))


def write_clip(path: Path, frames: list[Pixels]) -> None:
    """A clip of `frames`, H.264."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=RATE)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for frame in frames:
            out.mux(stream.encode(VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode(None))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="photo-fast")
    parser.add_argument("--frames", type=int, default=50)
    arguments = parser.parse_args()
    restorer = choose_restorer(arguments.model, Restoring(device="cpu"), megapixels=1000.0).restorer
    for noise in NOISE:
        before = still_frames(STILL, noise)
        alone, deflickered = (list(map(restore, before)) for restore in (restorer.restore, Deflickered(restorer.restore)))
        print(
            f"noise {100 * noise:.1f} %: flicker {flicker(before):.2f} before, {flicker(alone):.2f} after, "
            f"{flicker(deflickered[SETTLED:]):.2f} deflickered",
            flush=True,
        )
    frames = still_frames(STILL, 0.005)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "clip.mp4"
        write_clip(source, [frames[number % STILL] for number in range(arguments.frames)])
        rates: dict[str, list[float]] = {"alone": [], "deflickered": []}
        for number in range(ROUNDS + 1):
            for name, own in rates.items():
                restore = Deflickered(restorer.restore) if name == "deflickered" else restorer.restore
                start = time.perf_counter()
                facts = restore_clip(source, Path(folder) / "sharp.mp4", restore, Encoding())
                own += [facts.frames / (time.perf_counter() - start)] if number else []  # the first warms up
    for name, own in rates.items():
        each = f"{statistics.median(own):.1f} frames a second ({min(own):.1f} to {max(own):.1f})"
        print(f"{WIDTH}x{HEIGHT} by {restorer.way}, {name}: {each}; the clip has {facts.rate:g}")


if __name__ == "__main__":
    main()
