"""A video comes back with every frame once and at its time, its sound bit by bit, and its colours."""

from __future__ import annotations

import os
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.stream import Disposition
from av.video.frame import VideoFrame

from deblurbench.errors import DeblurbenchError, UsageError
from deblurbench.video.clip import is_video_name, require_encoder, restore_clip
from deblurbench.video.planes import add_change
from deblurbench.video.transcoding import Encoding
from tests.apps.test_cli import checkpoint, invoke
from tests.conftest import TINY_UNET

BITS, BLOCK = 8, 8  # of the number that is drawn into each frame, and pixels a side of each bit


def numbered(number: int, height: int = 96, width: int = 128, dtype: Any = np.uint8) -> np.ndarray:
    """A frame (H, W, 3): its number as bright and dark blocks above smooth colours."""
    y, x = np.mgrid[:height, :width]
    frame = np.stack([60 + x, 40 + y, 200 - x * 0.7], axis=2)
    for bit in range(BITS):
        frame[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 230 if number >> bit & 1 else 20
    return (frame / 255 * np.iinfo(dtype).max).astype(dtype)


def number_of(frame: np.ndarray) -> int:
    middle = BLOCK // 2
    bright = [frame[middle, bit * BLOCK + middle].mean() > np.iinfo(frame.dtype).max / 2 for bit in range(BITS)]
    return sum(int(is_on) << bit for bit, is_on in enumerate(bright))


def write_clip(path: Path, times: list[int], *, sound: bool = True, **options: Any) -> Path:
    """A clip whose frames are shown at `times`, in 600ths of a second, with a tone."""
    size = options.pop("size", (96, 128))
    pix_fmt, codec = options.pop("pix_fmt", "yuv420p"), options.pop("codec", "libx264")
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.time_base = Fraction(1, 600)
        stream.options = {"crf": "1", "g": str(options.get("gop", 250)), **options.get("encoder", {})}
        for name in ("color_range", "colorspace"):
            if name in options:
                setattr(stream.codec_context, name, options[name])
        audio: Any = out.add_stream("aac", rate=44100) if sound else None
        if audio is not None:
            audio.metadata["language"] = "fin"
            audio.disposition = Disposition.forced
        if rotation := options.get("rotation"):
            stream.set_display_rotation(rotation)
        for number, time in enumerate(times):
            frame = VideoFrame.from_ndarray(numbered(number, *size), format="rgb24").reformat(
                format=pix_fmt, dst_colorspace=options.get("colorspace"), dst_color_range=options.get("color_range")
            )
            frame.pts, frame.time_base = time, Fraction(1, 600)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if audio is not None:
            samples = (np.sin(np.arange(1024 * 20) / 20) * 0.5).astype(np.float32)
            for block in range(20):
                tone = AudioFrame.from_ndarray(samples[None, block * 1024 : (block + 1) * 1024], format="fltp", layout="mono")
                tone.sample_rate, tone.pts = 44100, block * 1024
                out.mux(audio.encode(tone))
            out.mux(audio.encode(None))
    return path


Sound = list[tuple[float, bytes]]


def read_clip(path: Path) -> tuple[list[float], list[np.ndarray], Sound, Any]:
    """Times in seconds, frames, times and packets of the sound, and the video stream's facts."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        facts = {
            "range": video.codec_context.color_range, "matrix": video.codec_context.colorspace,
            "pix_fmt": video.codec_context.pix_fmt, "seconds": container.duration / 1e6,
        }  # fmt: skip
        times, frames, rotation = [], [], 0
        for frame in container.decode(video):
            times.append(frame.time)
            rotation = frame.rotation
            frames.append(frame.to_ndarray(format="rgb24"))
        facts["rotation"] = rotation
    with av.open(str(path)) as container:
        packets = container.demux(*container.streams.audio) if container.streams.audio else ()
        sound = [(float(packet.pts * packet.time_base), bytes(packet)) for packet in packets if packet.size]
    return times, frames, sound, facts


def as_it_is(pixels: np.ndarray) -> np.ndarray:
    return pixels


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_no_frame_is_lost_or_doubled_and_the_sound_is_the_same_bit_by_bit(suffix: str, tmp_path: Path) -> None:
    source = write_clip(tmp_path / f"clip{suffix}", [24 * number for number in range(50)])
    fractions: list[float] = []
    facts = restore_clip(source, tmp_path / "out" / f"sharp{suffix}", as_it_is, Encoding(), fractions.append)
    before, after = read_clip(source), read_clip(tmp_path / "out" / f"sharp{suffix}")
    assert [number_of(frame) for frame in after[1]] == list(range(50))
    assert after[0] == pytest.approx(before[0], abs=1e-3)
    assert [packet for _, packet in after[2]] == [packet for _, packet in before[2]] != []
    assert [time for time, _ in after[2]] == pytest.approx([time for time, _ in before[2]], abs=2e-3)
    assert after[3]["seconds"] == pytest.approx(before[3]["seconds"], abs=0.05)
    assert (facts.frames, facts.rate) == (50, pytest.approx(25, abs=0.1))
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"sharp{suffix}"]


def test_a_variable_frame_rate_is_kept(tmp_path: Path) -> None:
    times = [0, 24, 60, 72, 200, 224, 300]
    source = write_clip(tmp_path / "clip.mp4", times)
    restore_clip(source, tmp_path / "sharp.mp4", as_it_is, Encoding())
    assert read_clip(tmp_path / "sharp.mp4")[0] == pytest.approx([time / 600 for time in times], abs=1e-4)


@pytest.mark.parametrize(("matrix", "color_range"), [(1, 1), (1, 2), (5, 1), (5, 2)])  # BT.709 or 601, limited or full
def test_colours_are_kept_in_every_matrix_and_range(matrix: int, color_range: int, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mp4", [0, 24, 48], colorspace=matrix, color_range=color_range, sound=False)
    restore_clip(source, tmp_path / "sharp.mp4", as_it_is, Encoding(quality=1))
    before, after = read_clip(source), read_clip(tmp_path / "sharp.mp4")
    assert (after[3]["matrix"], after[3]["range"]) == (before[3]["matrix"], before[3]["range"]) == (matrix, color_range)
    assert np.abs(after[1][1].astype(int) - before[1][1]).mean() < 0.3  # what the encoder changed


@pytest.mark.parametrize(("matrix", "color_range"), [(1, 1), (1, 2), (5, 1), (5, 2), (9, 1)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_a_change_in_rgb_is_the_same_change_in_any_planes(matrix: int, color_range: int, pix_fmt: str) -> None:
    """As FFmpeg itself converts back, up to its own rounding; without a change, bit by bit."""
    frame = VideoFrame.from_ndarray(numbered(0), format="rgb24").reformat(
        format=pix_fmt, dst_colorspace=matrix, dst_color_range=color_range
    )
    before, planes = frame.to_ndarray(format="rgb24").astype(int), [bytes(plane) for plane in frame.planes]
    frame.make_writable()
    add_change(frame, np.zeros((96, 128, 3), np.float32))
    assert [bytes(plane) for plane in frame.planes] == planes
    wanted = np.zeros((96, 128, 3), np.float32)
    wanted[40:80, 32:96] = np.array([20, -10, 15]) / 255
    add_change(frame, wanted)
    change = frame.to_ndarray(format="rgb24").astype(int) - before
    inner = change[44:76, 36:92].reshape(-1, 3)
    tolerance = 1.0 if "10" in pix_fmt else 2.0  # half a step of chroma is a step of blue, and FFmpeg rounds besides
    assert inner.mean(axis=0) == pytest.approx([20, -10, 15], abs=tolerance)
    assert np.abs(change[:36]).max() == 0


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("sound", [False, True])
def test_rotation_is_kept(suffix: str, sound: bool, tmp_path: Path) -> None:
    turned = write_clip(tmp_path / f"turned{suffix}", [24 * number for number in range(30)], rotation=90, sound=sound)
    restore_clip(turned, tmp_path / f"a{suffix}", as_it_is, Encoding())
    assert read_clip(tmp_path / f"a{suffix}")[3]["rotation"] == read_clip(turned)[3]["rotation"] != 0


def test_languages_and_a_start_later_than_zero_are_kept(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mkv", [600 + 24 * number for number in range(8)])
    restore_clip(source, tmp_path / "sharp.mkv", as_it_is, Encoding())
    with av.open(str(tmp_path / "sharp.mkv")) as container:
        assert container.streams.audio[0].metadata["language"] == "fin"
        assert container.streams.audio[0].disposition == Disposition.forced
    assert read_clip(tmp_path / "sharp.mkv")[0] == pytest.approx(read_clip(source)[0], abs=2e-3)


@pytest.mark.parametrize(("pix_fmt", "codec", "suffix"), [("rgb24", "libx264rgb", ".mkv"), ("yuv411p", "ffv1", ".mkv")])
def test_pixels_of_other_kinds_are_converted_and_keep_their_colours(
    pix_fmt: str, codec: str, suffix: str, tmp_path: Path
) -> None:
    source = write_clip(tmp_path / f"clip{suffix}", [0, 24, 48], pix_fmt=pix_fmt, codec=codec, sound=False)
    facts = restore_clip(source, tmp_path / f"sharp{suffix}", lambda pixels: pixels // 2, Encoding(quality=1))
    before, after = read_clip(source), read_clip(tmp_path / f"sharp{suffix}")
    assert after[3]["pix_fmt"] in ("yuv444p", "yuv420p")
    assert facts.notes == (f"pixels are stored as {after[3]['pix_fmt']}, not as {before[3]['pix_fmt']}",)
    assert np.abs(after[1][1][20:].astype(int) - before[1][1][20:] // 2).mean() < 2


def test_what_a_container_cannot_hold_is_said(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mp4", [0, 24])
    with pytest.raises(DeblurbenchError, match=r"sharp.webm: .webm cannot hold its sound \(aac\) as it is; choose another"):
        restore_clip(source, tmp_path / "sharp.webm", as_it_is, Encoding())
    with pytest.raises(DeblurbenchError, match=r"sharp.webm: .webm holds no libx264; choose another --codec, or another"):
        restore_clip(source, tmp_path / "sharp.webm", as_it_is, Encoding(codec="libx264"))
    with pytest.raises(UsageError, match="--codec: 'h2645' is no codec that is installed"):
        require_encoder("h2645")
    result = invoke("deblur", source, "--model", tmp_path / "no.onnx", "--out", tmp_path / "x.mp4", "--codec", "h2645")
    assert (result.exit_code, "'h2645' is no codec" in result.output) == (2, True)
    assert sorted(os.listdir(tmp_path)) == ["clip.mp4"]


def test_an_encoder_without_a_rate_factor_is_named(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mkv", [0, 24, 48], sound=False)
    facts = restore_clip(source, tmp_path / "sharp.mkv", as_it_is, Encoding(codec="mpeg4"))
    assert facts.notes == ("mpeg4 knows no constant rate factor: its quality is its own choice",)


def test_chapters_are_kept(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mkv", [24 * number for number in range(10)], sound=False)
    with av.open(str(source)) as container, av.open(str(tmp_path / "chapters.mkv"), "w") as output:
        copy = output.add_stream_from_template(container.streams.video[0])
        output.set_chapters([{"id": 1, "start": 0, "end": 200, "time_base": Fraction(1, 1000), "metadata": {"title": "first"}}])
        for packet in container.demux(video=0):
            if packet.size:
                packet.stream = copy
                output.mux(packet)
    restore_clip(tmp_path / "chapters.mkv", tmp_path / "sharp.mkv", as_it_is, Encoding())
    with av.open(str(tmp_path / "sharp.mkv")) as container:
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["first"]


def test_an_interlaced_video_is_restored_and_named(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mkv", [0, 24, 48], sound=False, encoder={"x264-params": "interlaced=1"})
    facts = restore_clip(source, tmp_path / "sharp.mkv", as_it_is, Encoding())
    assert any("it is interlaced" in note for note in facts.notes)


def test_a_damaged_packet_costs_no_more_than_its_frames(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mkv", [24 * number for number in range(40)], sound=False, gop=10)
    with av.open(str(source)) as container:
        first = next(container.demux(video=0))
    data = bytearray(source.read_bytes())
    data[first.pos + 20 : first.pos + first.size] = bytes(first.size - 20)
    source.write_bytes(data)
    facts = restore_clip(source, tmp_path / "sharp.mkv", as_it_is, Encoding())
    assert "damaged packets could not be decoded" in facts.notes[0]
    assert [number_of(frame) for frame in read_clip(tmp_path / "sharp.mkv")[1]] == list(range(10, 40))


def test_an_error_while_encoding_leaves_nothing_behind(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mp4", [24 * number for number in range(10)])
    with pytest.raises(ValueError, match="broadcast"):
        restore_clip(source, tmp_path / "sharp.mp4", lambda pixels: pixels[:5, :7], Encoding())
    assert sorted(os.listdir(tmp_path)) == ["clip.mp4"]


def test_odd_sides_and_deep_pixels_are_kept(tmp_path: Path) -> None:
    odd = write_clip(tmp_path / "odd.mkv", [0, 24], size=(95, 127), pix_fmt="yuv444p", sound=False)
    restore_clip(odd, tmp_path / "b.mkv", as_it_is, Encoding())
    assert read_clip(tmp_path / "b.mkv")[1][0].shape == (95, 127, 3)
    deep = write_clip(tmp_path / "deep.mp4", [0, 24], pix_fmt="yuv420p10le", sound=False)
    seen: list[np.dtype[Any]] = []
    restore_clip(deep, tmp_path / "c.mp4", lambda pixels: (seen.append(pixels.dtype), pixels)[1], Encoding())
    assert seen == [np.uint16, np.uint16]
    assert read_clip(tmp_path / "c.mp4")[3]["pix_fmt"] == "yuv420p10le"


def test_a_run_that_ends_early_leaves_nothing_under_the_final_name(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mp4", [24 * number for number in range(10)])

    def interrupted(_: float) -> None:
        assert not (tmp_path / "sharp.mp4").exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_clip(source, tmp_path / "sharp.mp4", as_it_is, Encoding(), interrupted)
    assert sorted(os.listdir(tmp_path)) == ["clip.mp4"]


def test_what_is_no_video_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(DeblurbenchError, match=r"text.mp4: cannot be read or encoded as a video"):
        restore_clip(tmp_path / "text.mp4", tmp_path / "sharp.mp4", as_it_is, Encoding())
    assert sorted(os.listdir(tmp_path)) == ["text.mp4"]
    assert is_video_name(Path("a.MOV"))
    assert not is_video_name(Path(".a.mov"))


def test_of_no_strength_a_video_stays_as_it_is(tmp_path: Path) -> None:
    """Nothing is blended with the frame before, either."""
    model = checkpoint(tmp_path / "cnn.safetensors", {"name": "cnn", "network": TINY_UNET})
    source = write_clip(tmp_path / "clip.mkv", [24 * number for number in range(5)], sound=False)
    result = invoke("deblur", source, "--model", model, "--out", tmp_path / "same.mkv", "--strength", 0, "--compare")
    assert result.exit_code == 0, result.output
    assert "note: --compare draws before and after of photographs, not of videos" in result.output
    restore_clip(source, tmp_path / "kept.mkv", as_it_is, Encoding())
    same, kept = read_clip(tmp_path / "same.mkv")[1], read_clip(tmp_path / "kept.mkv")[1]
    assert all(map(np.array_equal, same, kept))


def test_deblur_restores_a_video_and_says_how_fast(tmp_path: Path) -> None:
    model = checkpoint(tmp_path / "cnn.safetensors", {"name": "cnn", "network": TINY_UNET})
    source = write_clip(tmp_path / "clip.mp4", [24 * number for number in range(5)])
    result = invoke("deblur", source, "--model", model, "--out", tmp_path / "sharp.mkv")
    assert result.exit_code == 0, result.output
    assert re.search(rf"{source}: 5 frames, [\d.]+ a second \(the video has 25 a second\)", result.output)
    assert f"wrote {tmp_path / 'sharp.mkv'}" in result.output
    assert [number_of(frame) for frame in read_clip(tmp_path / "sharp.mkv")[1]] == list(range(5))
    result = invoke("deblur", source, "--model", model, "--out", tmp_path / "sharp.jpg")
    assert (result.exit_code, "videos are written as .mp4" in result.output) == (2, True)
    (tmp_path / "bad.mp4").write_text("no video")
    result = invoke("deblur", tmp_path / "bad.mp4", source, "--model", model, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert f"failed: {tmp_path / 'bad.mp4'}: cannot be read" in result.output
    assert (tmp_path / "out" / "clip.mp4").is_file()
