"""Restoration of a video file frame by frame, in memory that does not grow with its length."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deblurbench.errors import DeblurbenchError, UsageError, one_line
from deblurbench.images.photo import Pixels
from deblurbench.video.planes import add_change

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi")
CODECS = {".webm": "libvpx-vp9"}  # by container; any other takes H.264
COPIED = ("audio", "subtitle")  # kinds of streams whose packets are copied as they are
RestoreFrame = Callable[[Pixels], Pixels]


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How the restored video is encoded: a codec of FFmpeg (None: H.264, or VP9 in WebM) and its constant rate factor."""

    codec: str | None = None
    quality: int = 17


@dataclass(frozen=True)
class ClipFacts:
    """What was done: frames, frames a second of the video itself, and lines about what could not be kept."""

    frames: int
    rate: float
    notes: tuple[str, ...]


def is_video_name(path: Path) -> bool:
    """Whether the suffix, in any case, is of a container that is read; hidden files are not."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def require_video() -> None:
    """Raise UsageError where PyAV is not installed."""
    if not find_spec("av"):
        raise UsageError("videos need PyAV; run: pip install 'deblurbench[video]'")


def restore_clip(
    source: Path, target: Path, restore: RestoreFrame, encoding: Encoding, on_progress: Callable[[float], None] | None = None
) -> ClipFacts:
    """Restore each frame of `source` by `restore`, (H, W, 3) of uint8 or uint16, into `target`.

    Sound and subtitles are copied untouched; times of frames, rotation, colour range and matrix, and metadata are kept.
    `on_progress` is called with the fraction done after every frame. The file is written under another name first. Raises
    DeblurbenchError where it cannot be read or written; nothing is left behind then.
    """
    import av

    partial = target.with_name(f".{target.stem}.partial{target.suffix}")
    try:
        with av.open(str(source)) as container, _removed_on_failure(partial):
            target.parent.mkdir(parents=True, exist_ok=True)
            video = _video_stream(container, source)
            with av.open(str(partial), "w") as output:
                facts = _Transcoding(container, video, output, target, encoding).run(restore, on_progress)
            os.replace(partial, target)
            return facts
    except av.FFmpegError as error:
        raise DeblurbenchError(f"{source}: cannot be read or encoded as a video ({one_line(error)})") from error


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:  # Ctrl+C, too
        path.unlink(missing_ok=True)
        raise


def _video_stream(container: InputContainer, source: Path) -> VideoStream:
    if not container.streams.video:
        raise DeblurbenchError(f"{source}: holds no video")
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    return stream


class _Transcoding:
    """One video on its way from a container to another."""

    def __init__(
        self, container: InputContainer, video: VideoStream, output: OutputContainer, target: Path, encoding: Encoding
    ) -> None:
        self._container, self._video, self._output = container, video, output
        output.metadata.update(container.metadata)
        self._encoded = self._new_video_stream(target, encoding)
        self._copies: dict[int, Any] = {}  # by the index of the stream that is copied
        self._notes: list[str] = []
        for stream in container.streams:
            if stream.type in COPIED:
                self._copies[stream.index] = output.add_stream_from_template(stream)
            elif stream is not video:
                self._notes.append(f"a stream of kind {stream.type} is left out")
        is_deep = _bits(video.codec_context) > 8
        self._rgb = "rgb48le" if is_deep else "rgb24"

    def run(self, restore: RestoreFrame, on_progress: Callable[[float], None] | None) -> ClipFacts:
        """Restore and encode all frames, and copy what is copied, in the order of the file."""
        count, total = 0, _expected_frames(self._container, self._video)
        wanted = [self._video, *(self._container.streams[index] for index in self._copies)]
        for packet in self._container.demux(wanted):
            if packet.stream is not self._video:
                self._copy(packet)
                continue
            for frame in self._video.decode(packet):
                self._output.mux(self._encoded.encode(self._restored(frame, count, restore)))
                count += 1
                if on_progress is not None:
                    on_progress(min(count / total, 1.0))
        self._output.mux(self._encoded.encode(None))  # what the encoder holds back
        if not count:
            raise DeblurbenchError(f"{self._container.name}: holds no frame that can be decoded")
        return ClipFacts(count, float(self._video.average_rate or 0), tuple(self._notes))

    def _new_video_stream(self, target: Path, encoding: Encoding) -> VideoStream:
        codec, source = encoding.codec or CODECS.get(target.suffix.lower(), "libx264"), self._video.codec_context
        try:
            stream: Any = self._output.add_stream(codec, rate=self._video.average_rate or self._video.guessed_rate)
        except ValueError as error:
            raise UsageError(
                f"--codec: '{codec}' is no codec that is installed; libx264, libx265 or libvpx-vp9, say"
            ) from error
        stream.width, stream.height, stream.pix_fmt = source.width, source.height, _pixel_format(source, stream)
        stream.codec_context.time_base = self._video.time_base
        stream.options = {"crf": str(encoding.quality), **({"b": "0"} if codec.startswith("libvpx") else {})}
        for name in ("color_range", "colorspace", "color_primaries", "color_trc", "sample_aspect_ratio"):
            if (value := getattr(source, name)) is not None:
                setattr(stream.codec_context, name, value)
        stream.metadata.update(self._video.metadata)
        return stream

    def _restored(self, frame: VideoFrame, number: int, restore: RestoreFrame) -> VideoFrame:
        """The restored frame in the pixel format of the encoder, at the time of `frame`."""
        from av.video.frame import PictureType

        if number == 0 and frame.rotation:
            self._encoded.set_display_rotation(frame.rotation)
        pixels: Pixels = frame.to_ndarray(format=self._rgb)  # (H, W, 3)
        change = (restore(pixels).astype(np.float32) - pixels.astype(np.float32)) / np.float32(np.iinfo(pixels.dtype).max)
        result = frame.reformat(format=self._encoded.pix_fmt)
        result.make_writable()
        add_change(result, change)
        result.pts, result.pict_type = number if frame.pts is None else frame.pts, PictureType.NONE
        result.time_base, result.duration = frame.time_base or self._video.time_base, frame.duration
        return result

    def _copy(self, packet: Any) -> None:
        if packet.dts is not None:  # else it only marks the end
            packet.stream = self._copies[packet.stream.index]
            self._output.mux(packet)


def _bits(codec_context: Any) -> int:
    """The bits of a component of its pixels."""
    return int(codec_context.format.components[0].bits)


def _pixel_format(source: Any, stream: Any) -> str:
    """That of the source where the codec takes it, else the nearest; without chroma subsampling for odd sides."""
    known = {one.name for one in stream.codec_context.codec.video_formats or ()}
    is_odd = bool(source.width % 2 or source.height % 2)
    own = source.pix_fmt.replace("yuvj", "yuv")  # the range is said elsewhere
    wanted = [own] if not is_odd or "444" in own else []
    wanted += ["yuv444p10le"] if _bits(source) > 8 else []
    wanted += ["yuv444p"] if is_odd else []
    return next((name for name in (*wanted, "yuv420p") if name in known), own)


def _expected_frames(container: InputContainer, video: VideoStream) -> int:
    """About how many frames there are."""
    if video.frames:
        return int(video.frames)
    seconds = float(video.duration * video.time_base) if video.duration and video.time_base else (container.duration or 0) / 1e6
    return max(round(seconds * float(video.average_rate or 25)), 1)
