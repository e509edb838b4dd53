"""In which pixel format a restored video is stored."""

from __future__ import annotations

from typing import Any

COLOR_SETTINGS = ("color_range", "colorspace", "color_primaries", "color_trc", "sample_aspect_ratio")


def bits(pixel_format: Any) -> int:
    """The bits of a component of its pixels."""
    return int(pixel_format.components[0].bits)


def without_range(name: str) -> str:
    """The format without its range, which is said elsewhere: yuv420p for yuvj420p."""
    return name.replace("yuvj", "yuv")


def is_planar_yuv(pixel_format: Any) -> bool:
    """Whether luma and both parts of chroma, or luma alone, are planes of their own."""
    planes = [component.plane for component in pixel_format.components]
    return not pixel_format.is_rgb and not pixel_format.has_palette and len(set(planes)) == len(planes)


def nearest_format(source: Any, codec: Any) -> str:
    """That of the codec context `source` where `codec` takes it, else the nearest; odd sides without chroma subsampling."""
    known = {one.name for one in codec.video_formats or ()}
    is_odd, is_deep = bool(source.width % 2 or source.height % 2), bits(source.format) > 8
    own = without_range(source.pix_fmt)
    wanted = [own] if is_planar_yuv(source.format) and (not is_odd or "444" in own) else []
    needs_whole_chroma = is_odd or source.format.is_rgb or "444" in own
    wanted += ["yuv444p10le" if needs_whole_chroma else "yuv420p10le", "yuv444p10le"] if is_deep else []
    wanted += ["yuv444p"] if needs_whole_chroma else []
    return next((name for name in (*wanted, "yuv420p") if name in known), "yuv420p")
