"""One video on its way from a container to another: a frame is decoded and one encoded while another is restored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from deblurbench.background import ahead, behind
from deblurbench.errors import DeblurbenchError
from deblurbench.images.photo import Pixels
from deblurbench.video.pixel_format import COLOR_SETTINGS, bits, nearest_format, without_range
from deblurbench.video.planes import add_change

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

USUAL_QUALITY = 17  # a constant rate factor, at which H.264 looks like its source
CODECS = {".webm": "libvpx-vp9"}  # by container; any other takes H.264
SOUND, COPIED = "audio", ("audio", "subtitle")  # kinds of streams whose packets are copied as they are
RATE_FACTOR = "crf"  # the option of encoders
DISPLAY_MATRIX = "DISPLAYMATRIX"
BT_709, LIMITED_RANGE = 1, 1  # FFmpeg's numbers of the matrix and range that RGB is encoded with


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How the restored video is encoded: a codec of FFmpeg (None: H.264, or VP9 in WebM) and its constant rate factor."""

    codec: str | None = None
    quality: int = USUAL_QUALITY


@dataclass(frozen=True)
class ClipFacts:
    """What was done: frames, frames a second of the video itself, and lines about what could not be kept."""

    frames: int
    rate: float
    notes: tuple[str, ...]


class _Decoded(NamedTuple):
    """A frame of the source, and its pixels (H, W, 3) in RGB."""

    frame: VideoFrame
    pixels: Pixels


class Transcoding:
    """One video on its way from `container` into `output`, which will be `target`."""

    def __init__(self, container: InputContainer, output: OutputContainer, target: Path, encoding: Encoding) -> None:
        video = cast("VideoStream | None", container.streams.best("video"))  # which is no cover
        if video is None:
            raise DeblurbenchError(f"{container.name}: holds no video; give a file that does")
        video.thread_type = "AUTO"
        self._container, self._video, self._output, self._target = container, video, output, target
        self._notes: list[str] = []
        self._damaged = 0  # packets that could not be decoded
        self._is_interlaced = False
        output.metadata.update(container.metadata)
        output.set_chapters(container.chapters())
        self._encoded = self._new_video_stream(encoding)
        self._copies: dict[int, Any] = {}  # by the index of the stream that is copied
        for stream in container.streams:
            if stream.type in COPIED:
                self._add_copy(stream)
            elif stream is not video:
                self._notes.append(f"a stream of kind {stream.type} is left out")
        self._rgb = "rgb48le" if bits(video.codec_context.format) > 8 else "rgb24"

    def run(self, restore: Callable[[Pixels], Pixels], on_progress: Callable[[float], None] | None) -> ClipFacts:
        """Restore and encode all frames, and copy what is copied, in the order of the file."""
        count, total = 0, _expected_frames(self._container, self._video)
        with closing(ahead(self._read())) as items, behind() as write:
            for item in items:
                if not isinstance(item, _Decoded):
                    write(self._copy, item)
                    continue
                write(self._encode, item, restore(item.pixels), count)
                count += 1
                if on_progress is not None:
                    on_progress(min(count / total, 1.0))
        self._output.mux(self._encoded.encode(None))  # what the encoder holds back
        if self._encoded.codec_context.options.get(RATE_FACTOR):  # which encoders take out that know it
            self._notes.append(
                f"{self._encoded.codec_context.name} knows no constant rate factor: its quality is its own choice"
            )
        if self._is_interlaced:
            self._notes.append(
                "it is interlaced: every second line is of another time; deinterlace it first, by FFmpeg's bwdif, say"
            )
        if not count:
            raise DeblurbenchError(f"{self._container.name}: holds no frame that can be decoded")
        if self._damaged:
            self._notes.append(f"{self._damaged} damaged packets could not be decoded, and are left out")
        return ClipFacts(count, float(self._video.average_rate or 0), tuple(self._notes))

    def _read(self) -> Iterator[_Decoded | Packet]:
        """The frames of the video, and the packets of what is copied, in the order of the file."""
        from av.error import InvalidDataError

        for packet in self._container.demux([self._video, *(self._container.streams[index] for index in self._copies)]):
            if packet.stream is not self._video:
                if packet.size:  # else it only marks the end
                    yield packet
                continue
            try:
                frames = self._video.decode(packet)
            except InvalidDataError:
                self._damaged += 1
                continue
            for frame in frames:
                self._is_interlaced |= frame.interlaced_frame
                yield _Decoded(frame, frame.to_ndarray(format=self._rgb))  # (H, W, 3)

    def _new_video_stream(self, encoding: Encoding) -> VideoStream:
        codec, source = encoding.codec or CODECS.get(self._target.suffix.lower(), "libx264"), self._video.codec_context
        try:
            stream: Any = self._output.add_stream(codec, rate=self._video.average_rate or self._video.guessed_rate)
        except ValueError as error:
            raise DeblurbenchError(
                f"{self._target}: {self._target.suffix} holds no {codec}; choose another --codec, or another suffix in --out"
            ) from error
        stream.width, stream.height = source.width, source.height
        stream.pix_fmt = nearest_format(source, stream.codec_context.codec)
        stream.codec_context.time_base = self._video.time_base
        stream.options = {RATE_FACTOR: str(encoding.quality)}
        if codec.startswith("libvpx"):
            stream.options |= {"b": "0", "row-mt": "1", "cpu-used": "4"}
        for name in COLOR_SETTINGS:
            if (value := getattr(source, name)) is not None:
                setattr(stream.codec_context, name, value)
        assert source.format is not None  # it has been opened
        assert source.pix_fmt is not None
        if source.format.is_rgb:
            stream.codec_context.colorspace, stream.codec_context.color_range = BT_709, LIMITED_RANGE
        if stream.pix_fmt != without_range(source.pix_fmt):
            self._notes.append(f"pixels are stored as {stream.pix_fmt}, not as {source.pix_fmt}")
        stream.metadata.update(self._video.metadata)
        if (matrix := _display_matrix(self._container.name)) is not None:
            stream.set_display_matrix(matrix)
        return stream

    def _add_copy(self, stream: Any) -> None:
        """Add a stream whose packets are those of `stream`. Raises DeblurbenchError where sound cannot be kept as it is."""
        try:
            copy = self._output.add_stream_from_template(stream)
        except ValueError as error:
            codec = stream.codec_context.name if stream.codec_context else "unknown"
            if stream.type == SOUND:
                raise DeblurbenchError(
                    f"{self._target}: {self._target.suffix} cannot hold its sound ({codec}) as it is; choose another suffix, "
                    ".mkv say"
                ) from error
            self._notes.append(f"subtitles of kind {codec} are left out, which {self._target.suffix} cannot hold; .mkv can")
            return
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition
        self._copies[stream.index] = copy

    def _encode(self, decoded: _Decoded, restored: Pixels, number: int) -> None:
        """Encode the restored frame in the pixel format of the encoder, at the time of the decoded one."""
        from av.video.frame import PictureType

        frame, pixels = decoded
        change = (restored.astype(np.float32) - pixels.astype(np.float32)) / np.float32(np.iinfo(pixels.dtype).max)
        is_rgb = frame.format.is_rgb
        result = frame.reformat(
            format=self._encoded.pix_fmt, dst_colorspace=BT_709 if is_rgb else None,
            dst_color_range=LIMITED_RANGE if is_rgb else None,
        )  # fmt: skip
        if is_rgb:
            result.colorspace, result.color_range = BT_709, LIMITED_RANGE
        result.make_writable()
        add_change(result, change)
        result.pts, result.pict_type = number if frame.pts is None else frame.pts, PictureType.NONE
        result.time_base, result.duration = frame.time_base or self._video.time_base, frame.duration
        self._output.mux(self._encoded.encode(result))

    def _copy(self, packet: Any) -> None:
        packet.stream = self._copies[packet.stream.index]
        self._output.mux(packet)


def _display_matrix(path: str) -> list[int] | None:
    """How frames are turned or mirrored to be shown: nine numbers, which must be known before anything is written."""
    import av

    with av.open(path) as container:
        video: Any = container.streams.best("video")
        for packet in container.demux(video):
            with suppress(av.error.InvalidDataError):
                for frame in video.decode(packet):
                    matrix = frame.side_data.get(DISPLAY_MATRIX)
                    return None if matrix is None else [int(number) for number in np.frombuffer(matrix, np.int32)]
    return None


def _expected_frames(container: InputContainer, video: VideoStream) -> int:
    """About how many frames there are."""
    if video.frames:
        return int(video.frames)
    seconds = float(video.duration * video.time_base) if video.duration and video.time_base else (container.duration or 0) / 1e6
    return max(round(seconds * float(video.average_rate or 25)), 1)
