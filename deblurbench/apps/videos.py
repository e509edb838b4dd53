"""Deblurring videos: files in, files out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from deblurbench.apps.deblur_outcome import DeblurOutcome, advance, failure_named, percent_bar
from deblurbench.apps.photo_restorers import PhotoRestorer
from deblurbench.video.clip import restore_clip
from deblurbench.video.deflickering import Deflickered
from deblurbench.video.transcoding import Encoding


def deblur_videos(
    restorer: PhotoRestorer,
    plan: Sequence[tuple[Path, Path]],
    outcome: DeblurOutcome,
    encoding: Encoding,
    *,
    deflickers: bool,
) -> None:
    """Restore each video of `plan` frame by frame, against flicker or each by itself, the sound as it was.

    One that fails is named.
    """
    with percent_bar() as bar:
        for number, (source, target) in enumerate(plan):
            with failure_named(outcome, source, target):
                started = time.monotonic()
                restore = Deflickered(restorer.restore) if deflickers else restorer.restore
                facts = restore_clip(source, target, restore, encoding, partial(advance, bar, "video", number, len(plan)))
                rate = facts.frames / (time.monotonic() - started)
                outcome.written.append(target)
                outcome.lines.append(
                    f"{source}: {facts.frames} frames, {rate:.1f} a second (the video has {facts.rate:.3g} a second)"
                )
                outcome.notes += [f"{source}: {note}" for note in facts.notes]
