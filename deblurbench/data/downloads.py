"""Downloads of data sets: resumed after an interruption, verified, and placed where the experiments expect them."""

from __future__ import annotations

import hashlib
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deblurbench.data.layouts.base import Origin, layout_called
from deblurbench.data.layouts.recognition import recognise
from deblurbench.errors import DeblurbenchError, UsageError, one_line
from deblurbench.files import UNFINISHED
from deblurbench.progress import progress_bar

CHUNK = 1 << 20  # bytes
TIMEOUT = 60  # seconds without a byte
EXTRAS = ("kagglehub", "gdown")
MISSING = "needs more than is installed; run: pip install 'deblurbench[download]'"
UNPACKED = 2  # times the size of an archive: the least space to unpack it

Say = Callable[[str], None]


def download(name: str, folder: Path, say: Say) -> Path:
    """Download the data of the layout `name` into `folder`, unless it is there. Returns its folder.

    The size is announced first. An interrupted download is resumed; checksums are verified. Raises UsageError, with the
    address, for data that cannot be downloaded by a program; DeblurbenchError where the download fails.
    """
    origin = layout_called(name).origin
    folder = folder.resolve()
    out = folder / origin.folder
    if not origin.url:
        raise UsageError(f"{name}: are your own images; there is nothing to download")
    if not origin.folder:
        raise UsageError(f"{name}: comes with the installation; there is nothing to download")
    if out.is_dir() and any(out.iterdir()):
        say(f"{out}: is there already")
        return out
    if not is_downloadable(name):
        raise UsageError(
            f"{name}: has to be fetched by hand from {origin.url} (behind a form or a click); unpack it to {out}, "
            f"where it will be recognised as {name}"
        )
    partial = folder / f".{origin.folder}{UNFINISHED}"
    partial.mkdir(parents=True, exist_ok=True)
    try:
        found = _from_kaggle(origin, partial, say) if origin.kaggle else TORCHVISION[name](partial, say)
    except ImportError as error:
        if error.name not in EXTRAS:
            raise
        raise UsageError(f"{name}: {MISSING}") from error
    except DeblurbenchError:
        raise
    except Exception as error:  # network libraries raise any kind of error
        raise DeblurbenchError(f"{name}: could not be downloaded ({one_line(error)}); run again to go on") from error
    if not found.is_relative_to(partial):
        return found  # mounted already, in a notebook on Kaggle
    recognise(found)  # raises where the download is incomplete
    found.rename(out)
    shutil.rmtree(partial, ignore_errors=True)
    return out


def fetch(url: str, path: Path, *, md5: str) -> None:
    """Download `url` to `path`, resuming an earlier attempt. Raises DeblurbenchError for another checksum."""
    if path.is_file() and _md5(path) == md5:
        return
    part = path.with_name(path.name + UNFINISHED)
    received = part.stat().st_size if part.is_file() else 0
    total = 0  # bytes of the whole file, by the server's headers
    request = urllib.request.Request(url, headers={"Range": f"bytes={received}-"} if received else {})  # noqa: S310, known addresses
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            resumes = answer.status == 206
            total = int(answer.headers.get("Content-Length") or 0) + (received if resumes else 0)
            bar = progress_bar(total=total, initial=received if resumes else 0, desc=path.name, unit="B", unit_scale=True)
            with part.open("ab" if resumes else "wb") as file, bar:
                while block := answer.read(CHUNK):
                    file.write(block)
                    bar.update(len(block))
    except urllib.error.HTTPError as error:
        if error.code != 416:  # nothing is left to send: the file is complete, or wrong
            raise
    if _md5(part) != md5:
        if not total or part.stat().st_size >= total:  # complete and wrong: it cannot be resumed
            part.unlink()
        raise DeblurbenchError(f"{url}: the download is incomplete or damaged (checksum); run again")
    part.rename(path)


def is_downloadable(name: str) -> bool:
    """Whether `download` can fetch the data of the layout `name`."""
    return bool(layout_called(name).origin.kaggle or name in TORCHVISION)


def _from_kaggle(origin: Origin, partial: Path, say: Say) -> Path:
    """Download with kagglehub, which resumes, verifies and unpacks."""
    import kagglehub
    from kagglehub.clients import build_kaggle_client
    from kagglesdk.datasets.types.dataset_api_service import ApiGetDatasetRequest

    request = ApiGetDatasetRequest()
    request.owner_slug, request.dataset_slug = origin.kaggle.split("/")
    with build_kaggle_client() as client:
        size = client.datasets.dataset_api_client.get_dataset(request).total_bytes
    _announce(f"{origin.title} from {origin.url}", size, partial, say)
    with _environment(KAGGLEHUB_CACHE=str(partial.resolve())):
        return Path(kagglehub.dataset_download(origin.kaggle))


def _mnist(partial: Path, say: Say) -> Path:
    """Download the files of images alone, from torchvision's mirrors with its checksums."""
    from torchvision.datasets import MNIST

    wanted = [(name, md5) for name, md5 in MNIST.resources if "images" in name]
    folder = partial / "mnist"
    folder.mkdir(exist_ok=True)
    failures: list[str] = []
    for mirror in MNIST.mirrors:
        try:
            sizes = [_size_at(mirror + name) for name, _ in wanted]
            _announce(f"MNIST from {mirror}", sum(sizes), partial, say)
            for name, md5 in wanted:
                fetch(mirror + name, folder / name, md5=md5)
            return folder
        except (OSError, DeblurbenchError) as error:
            failures.append(one_line(error))
    raise DeblurbenchError(f"mnist: no mirror could be used ({'; '.join(failures)}); run again to go on")


def _celeba(partial: Path, say: Say) -> Path:
    """Download with torchvision from Google Drive; complete files are not downloaded again."""
    import gdown  # noqa: F401, needed by torchvision: raises ImportError before the download is announced
    from torchvision.datasets import CelebA

    _announce("CelebA from Google Drive, which may refuse when it was asked for too often", CELEBA_BYTES, partial, say)
    CelebA(str(partial), split="all", download=True)
    return partial / CelebA.base_folder


CELEBA_BYTES = 1_443_490_838  # of img_align_celeba.zip; Google Drive does not report it beforehand
TORCHVISION: dict[str, Callable[[Path, Say], Path]] = {"mnist": _mnist, "celeba": _celeba}


def _announce(title: str, size: int, where: Path, say: Say) -> None:
    """Announce the size of a download. Raises DeblurbenchError where the disk has too little space."""
    say(f"downloading {title}: {_readable(size)}")
    free = shutil.disk_usage(where).free
    if UNPACKED * size > free:
        raise DeblurbenchError(
            f"{where}: {_readable(free)} are free, and about {_readable(UNPACKED * size)} are needed; make room"
        )


def _readable(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _size_at(url: str) -> int:
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=TIMEOUT) as answer:  # noqa: S310
        return int(answer.headers.get("Content-Length") or 0)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
