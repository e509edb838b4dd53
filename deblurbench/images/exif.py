"""The EXIF of photographs: what is kept of it, and changed."""

from __future__ import annotations

from PIL import Image

# Name, title, camera, software, dates, people, host; ratings; and the title, comment, author, keywords and subject of Windows.
DESCRIPTIVE_TAGS = (
    0x010D, 0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298, 0x9003, 0x4746, 0x4749,
    0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F,
)  # fmt: skip
EXPOSURE = 0x8769
SUBDIRECTORIES = (EXPOSURE, 0x8825)  # the latter: place
COLOR_SPACE, IN_SRGB, PREVIEW_SIZE, MAKER_NOTE = 0xA001, 1, (0xA002, 0xA003), 0x927C
MAX_JPEG_EXIF = 65_533  # bytes of a segment


def descriptive_exif(image: Image.Image) -> bytes | None:
    """The tags that describe the photograph, without those that describe the file (a TIFF's layout, the orientation)."""
    try:
        source, kept = image.getexif(), Image.Exif()
        for tag in DESCRIPTIVE_TAGS:
            if tag in source:
                kept[tag] = source[tag]
        for directory in SUBDIRECTORIES:
            if content := source.get_ifd(directory):
                kept.get_ifd(directory).update(content)
                kept[directory] = content
        return kept.tobytes() if len(kept) else None
    except Exception:  # malformed metadata must not cost the pixels
        return None


def with_exif(exif: bytes | None) -> Image.Image:
    """An image with this EXIF, as Pillow parses it."""
    header = Image.new("L", (1, 1))
    header.info["exif"] = exif
    return header


def in_srgb(exif: bytes) -> bytes:
    """`exif` of a raw file, which is that of its preview, for what was developed from it: in sRGB, of another size."""
    return _with_exposure(exif, {COLOR_SPACE: IN_SRGB, **dict.fromkeys(PREVIEW_SIZE)})


def fit_for_jpeg(exif: bytes) -> bytes:
    """`exif` as a JPEG can hold it: without what only the camera's maker understands, where that makes it too long."""
    return exif if len(exif) <= MAX_JPEG_EXIF else _with_exposure(exif, {MAKER_NOTE: None})


def _with_exposure(exif: bytes, changes: dict[int, int | None]) -> bytes:
    """`exif` with other values of tags of the exposure; None takes one out."""
    changed = Image.Exif()
    changed.load(exif)
    kept = {tag: value for tag, value in changed.get_ifd(EXPOSURE).items() if tag not in changes}
    changed[EXPOSURE] = kept | {tag: value for tag, value in changes.items() if value is not None}
    return changed.tobytes()
