"""Whatever bytes a file of an image's name holds, it is a photograph or one line says what is wrong."""

from __future__ import annotations

import contextlib
import io
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deblurbench.errors import DeblurbenchError, UnreadableImage
from deblurbench.images.photo import Photo
from deblurbench.images.reading import decode_photo, read_photo
from deblurbench.images.writing import write_photo

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK", "YCbCr"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "LAB"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB"),
    "GIF": ("P",),
}
HEADER = 200  # bytes, where a change does the most
SECONDS = 10


@st.composite
def written_by_pillow(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(sorted(MODES)))
    mode = draw(st.sampled_from(MODES[kind]))
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 9)))
    image = Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
    if mode in ("I;16", "LAB"):
        image = Image.frombytes(mode, image.size, random.bytes(height * width * (2 if mode == "I;16" else 3)))
    else:
        image = image.convert(mode)
    options: dict[str, Any] = {"dpi": (300, 72)} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        exif = Image.Exif()
        exif[0x0112], exif[0x010F] = draw(st.integers(1, 8)), "maker"
        options["exif"] = exif.tobytes()
    if draw(st.booleans()):
        options["icc_profile"] = b"profile" * 9
    if kind == "TIFF":
        options["compression"] = draw(st.sampled_from(["raw", "packbits", "tiff_lzw", "tiff_adobe_deflate"]))
    if kind in ("TIFF", "WEBP", "PNG", "GIF") and draw(st.integers(0, 3)) == 0:
        options |= {"save_all": True, "append_images": [image.rotate(180)]}
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@st.composite
def deep(draw: st.DrawFn) -> bytes:
    channels, separate = draw(st.sampled_from([1, 3, 4])), draw(st.booleans())
    shape = (draw(st.integers(1, 40)), draw(st.integers(1, 40)), channels)
    values = np.random.default_rng(draw(st.integers(0, 9))).integers(0, 65536, shape, dtype=np.uint16)
    if draw(st.booleans()):
        return cv2.imencode(draw(st.sampled_from([".png", ".tif"])), values)[1].tobytes()
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        values[..., 0] if channels == 1 else np.ascontiguousarray(values.transpose(2, 0, 1)) if separate else values,
        photometric=draw(st.sampled_from(["miniswhite", "minisblack"])) if channels == 1 else "rgb",
        planarconfig=None if channels == 1 else "separate" if separate else "contig",
        extrasamples=[draw(st.sampled_from(["assocalpha", "unassalpha", "unspecified"]))] if channels == 4 else None,
        compression=draw(st.sampled_from([None, "zlib"])),
        tile=draw(st.sampled_from([None, (16, 16)])),
        byteorder=draw(st.sampled_from(["<", ">"])),
        bigtiff=draw(st.booleans()),
        metadata=None,
    )
    return buffer.getvalue()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A whole image of which some bytes were changed, most of them in the header, and perhaps the end cut off or exchanged."""
    data = bytearray(draw(st.one_of(written_by_pillow(), deep())))
    places = st.one_of(st.integers(0, min(HEADER, len(data)) - 1), st.integers(0, len(data) - 1), st.integers(-HEADER, -1))
    for place, value in draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        data[max(place, -len(data))] = value
    for place in draw(st.lists(st.integers(0, max(len(data) - 4, 0)), max_size=2)):  # sizes and offsets that lie
        data[place : place + 4] = draw(st.sampled_from([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80"]))
    if draw(st.booleans()):
        del data[draw(st.integers(0, len(data))) :]
    return bytes(data) + draw(st.sampled_from([b"", b"", bytes(100)]))


def check(data: bytes) -> Photo | None:
    before = time.monotonic()
    photo, said = None, None
    try:
        photo = decode_photo(data, Path("a.png"))
    except UnreadableImage as error:
        said = str(error)
    assert time.monotonic() - before < SECONDS
    if photo is None:
        assert said is not None
        assert said.startswith("a.png: ")
        assert len(said.splitlines()) == 1
        return None
    assert photo.pixels.dtype in (np.uint8, np.uint16)
    assert photo.pixels.ndim == 3
    assert photo.pixels.shape[2] == 3
    assert photo.pixels.size > 0
    assert photo.alpha is None or (photo.alpha.shape, photo.alpha.dtype) == (photo.pixels.shape[:2], photo.pixels.dtype)
    assert photo.frames >= 1
    return photo


@given(st.one_of(written_by_pillow(), deep()))
@settings(deadline=None)
def test_whole_images_are_photographs_or_refused(data: bytes) -> None:
    check(data)


@given(damaged())
@settings(deadline=None)
def test_damaged_images_are_photographs_or_refused(data: bytes) -> None:
    check(data)


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"RIFF", b"BM", b"GIF89a"]),
)
@settings(deadline=None)
def test_noise_behind_any_signature_is_refused_in_one_line(noise: bytes, signature: bytes) -> None:
    check(signature + noise)


@given(damaged(), st.sampled_from([".png", ".tif", ".webp", ".jpg", ".bmp"]))
@settings(deadline=None)
def test_what_was_read_can_be_written_and_read_again(tmp_path_factory: Any, data: bytes, suffix: str) -> None:
    photo = check(data)
    if photo is None:
        return
    path = tmp_path_factory.mktemp("fuzz") / f"a{suffix}"
    with contextlib.suppress(DeblurbenchError):  # it has no transparency, say
        write_photo(path, photo)
    if not path.exists():
        return
    again = read_photo(path)
    assert again.pixels.shape == photo.pixels.shape
    if suffix in (".png", ".tif"):
        assert np.array_equal(again.pixels, photo.pixels)
        assert (again.alpha is None) == (photo.alpha is None)
        assert again.is_grey == photo.is_grey
