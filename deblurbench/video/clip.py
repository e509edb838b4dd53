"""Restoration of a video file frame by frame, in memory that does not grow with its length."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from deblurbench.errors import DeblurbenchError, UsageError, is_full_disk, one_line
from deblurbench.images.photo import Pixels
from deblurbench.video.transcoding import ClipFacts, Encoding, Transcoding

SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi")
RestoreFrame = Callable[[Pixels], Pixels]


def is_video_name(path: Path) -> bool:
    """Whether the suffix, in any case, is of a container that is read; hidden files are not."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def require_video() -> None:
    """Raise UsageError where PyAV is not installed."""
    if not find_spec("av"):
        raise UsageError("videos need PyAV; run: pip install 'deblurbench[video]'")


def require_encoder(codec: str) -> None:
    """Raise UsageError where FFmpeg has no encoder of that name."""
    from av.codec.codec import Codec, UnknownCodecError

    try:
        Codec(codec, "w")
    except UnknownCodecError as error:
        raise UsageError(f"--codec: '{codec}' is no codec that is installed; libx264, libx265 or libvpx-vp9, say") from error


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
            with av.open(str(partial), "w") as output:
                facts = Transcoding(container, output, target, encoding).run(restore, on_progress)
            os.replace(partial, target)
            return facts
    except av.FFmpegError as error:
        if is_full_disk(error):
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise DeblurbenchError(f"{source}: cannot be read or encoded as a video ({one_line(error)})") from error


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:  # Ctrl+C, too
        path.unlink(missing_ok=True)
        raise
