from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deblurbench.data.cache import PixelCache, clear, default_cache_folder
from deblurbench.data.cache_index import Index
from deblurbench.data.cache_quota import folder_size
from deblurbench.data.npy_files import as_npy
from deblurbench.errors import UnreadableImage
from deblurbench.files import digest
from deblurbench.images.idx import IdxImage
from deblurbench.images.reading import file_identity


@pytest.fixture
def file(tmp_path: Path, photo: np.ndarray) -> Path:
    path = tmp_path / "a.png"
    Image.fromarray(photo).save(path)
    return path


def forbid_decoding(patched: pytest.MonkeyPatch) -> None:
    patched.setattr("deblurbench.data.cache.decode_photo", lambda *_: pytest.fail("decoded twice"))


def test_images_are_decoded_once_and_anew_when_they_change(
    tmp_path: Path, file: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = PixelCache(tmp_path / "cache")
    stored = cache.add(file)
    assert stored.shape == photo.shape
    with monkeypatch.context() as patched:
        forbid_decoding(patched)
        assert cache.add(file) == stored
        assert np.array_equal(cache.pixels(stored), photo)
        assert not cache.pixels(stored).flags.writeable
    Image.fromarray(photo[::-1]).save(file)
    changed = cache.add(file)
    assert changed.file_digest != stored.file_digest
    assert np.array_equal(cache.pixels(changed), photo[::-1])


def test_copies_share_their_pixels(tmp_path: Path, file: Path, photo: np.ndarray) -> None:
    cache = PixelCache(tmp_path / "cache")
    (tmp_path / "copy.png").write_bytes(file.read_bytes())
    assert cache.add(file).file_digest == cache.add(tmp_path / "copy.png").file_digest
    assert len(list(cache.folder.rglob("*.npy"))) == 1


def test_cached_files_are_ordinary_numpy_files(tmp_path: Path, file: Path, photo: np.ndarray) -> None:
    cache = PixelCache(tmp_path / "cache")
    cache.add(file)
    (array,) = cache.folder.rglob("*.npy")
    assert np.array_equal(np.load(array, allow_pickle=False), photo)


def test_a_broken_cache_entry_is_made_anew(tmp_path: Path, file: Path, photo: np.ndarray) -> None:
    cache = PixelCache(tmp_path / "cache")
    stored = cache.add(file)
    for index in (cache.folder / "index").iterdir():
        index.write_text("{ half of")
    assert cache.add(file) == stored
    (array,) = cache.folder.rglob("*.npy")
    array.write_bytes(array.read_bytes()[:-7])
    assert np.array_equal(cache.pixels(cache.add(file)), photo)


def flip_a_byte(file: Path, place: int = -1000) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)


def test_pixels_that_changed_on_the_disk_are_made_anew(tmp_path: Path, file: Path, photo: np.ndarray) -> None:
    cache = PixelCache(tmp_path / "cache")
    stored = cache.add(file)
    cache.pixels(stored)  # mapped already
    (array,) = cache.folder.rglob("*.npy")
    flip_a_byte(array)
    assert np.array_equal(cache.pixels(cache.add(file)), photo)
    assert np.array_equal(np.load(array), photo)
    flip_a_byte(array)
    full = PixelCache(tmp_path / "cache", limit=1)  # has no room for another, and none to mend it
    assert not full.add(file).on_disk
    assert np.array_equal(full.pixels(full.add(file)), photo)


@pytest.mark.parametrize("kind", ["npy", "json"])
def test_entries_that_were_exchanged_are_made_anew(tmp_path: Path, file: Path, photo: np.ndarray, kind: str) -> None:
    cache = PixelCache(tmp_path / "cache")
    Image.fromarray(photo[::-1]).save(tmp_path / "b.png")
    cache.add(file), cache.add(tmp_path / "b.png")
    one, other = cache.folder.rglob(f"*.{kind}")
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)
    again = PixelCache(tmp_path / "cache")
    assert np.array_equal(again.pixels(again.add(file)), photo)
    assert np.array_equal(again.pixels(again.add(tmp_path / "b.png")), photo[::-1])


def test_caches_of_earlier_releases_are_read(
    tmp_path: Path, file: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys of the index, the names of its files and their digests stay as they are."""
    name, file_digest = digest(str(file.resolve()), length=32), digest(file.read_bytes(), length=32)
    pixels = hashlib.blake2b(photo.tobytes()).hexdigest()
    facts = {
        "path": str(file),
        "identity": list(file_identity(file)),
        "content": file_digest,
        "look": digest([list(photo.shape), "uint8", pixels], length=32),
        "shape": list(photo.shape),
        "dtype": "uint8",
    }
    folder = tmp_path / "cache" / "v3"
    for part in ("index", f"pixels/{file_digest[:2]}"):
        (folder / part).mkdir(parents=True)
    (folder / "index" / f"{name}.json").write_text(json.dumps({**facts, "check": digest([name, facts])}))
    (folder / "pixels" / file_digest[:2] / f"{file_digest}.npy").write_bytes(as_npy(photo))
    forbid_decoding(monkeypatch)
    cache = PixelCache(tmp_path / "cache")
    assert np.array_equal(cache.pixels(cache.add(file)), photo)


def test_metadata_that_was_damaged_or_exchanged_is_no_metadata(tmp_path: Path) -> None:
    index, (file, other) = Index(tmp_path), (tmp_path / "a.json", tmp_path / "b.json")
    index.write("a", {"displacement": 1.25, "shape": [3, 4, 3]})
    whole = file.read_bytes()
    assert index.read("a") == {"displacement": 1.25, "shape": [3, 4, 3]}
    other.write_bytes(whole)
    assert index.read("b") is None
    for place in range(len(whole)):
        flip_a_byte(file, place)
        assert index.read("a") is None
        file.write_bytes(whole)


@pytest.mark.parametrize("how", ["renamed", "in place"])
def test_a_file_replaced_with_equal_size_and_time_is_another(tmp_path: Path, file: Path, photo: np.ndarray, how: str) -> None:
    """As `rsync`, `unzip` and `cp -p` leave it."""
    bitmap, other = tmp_path / "a.bmp", tmp_path / "b.bmp"
    Image.fromarray(photo).save(bitmap)
    Image.fromarray(photo[::-1]).save(other)
    before = bitmap.stat()
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    cache = PixelCache(tmp_path / "cache")
    cache.add(bitmap)
    if how == "renamed":
        other.rename(bitmap)
    while bitmap.stat().st_ctime_ns == before.st_ctime_ns:  # the clock of some file systems is slow
        shutil.copy2(other, bitmap)
    assert (bitmap.stat().st_size, bitmap.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert np.array_equal(cache.pixels(cache.add(bitmap)), photo[::-1])


def test_a_file_that_only_got_another_inode_is_not_decoded_again(
    tmp_path: Path, file: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Network file systems may give new ones at every mount."""
    cache = PixelCache(tmp_path / "cache")
    stored = cache.add(file)
    shutil.copy(file, tmp_path / "new")
    (tmp_path / "new").rename(file)
    forbid_decoding(monkeypatch)
    assert cache.add(file) == stored
    monkeypatch.setattr("deblurbench.data.cache.read_file", lambda *_: pytest.fail("read twice"))
    assert cache.add(file) == stored
    assert len(list((cache.folder / "index").iterdir())) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_what_cannot_be_written_turns_itself_off_and_says_why(
    tmp_path: Path, file: Path, photo: np.ndarray, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = PixelCache(tmp_path / "cache")
    Image.fromarray(photo[::-1]).save(tmp_path / "b.png")
    cache.add(tmp_path / "b.png")
    tried = []

    def refuse(path: Path, _: object) -> None:
        tried.append(path)
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr("deblurbench.data.cache.write_whole", refuse)
    monkeypatch.setattr("deblurbench.data.cache_index.write_json", refuse)
    for _ in range(2):
        stored = cache.add(file)
        assert not stored.on_disk
        assert np.array_equal(cache.pixels(stored), photo)
    assert len(tried) == 1
    assert cache.write_error is not None
    assert f"cannot be written ({os.strerror(number)}) and is turned off" in cache.write_error
    assert cache.add(tmp_path / "b.png").on_disk  # what is there is still read


def test_below_a_file_it_is_off(tmp_path: Path, file: Path, photo: np.ndarray) -> None:
    cache = PixelCache(file / "cache")
    stored = cache.add(file)
    assert not stored.on_disk
    assert np.array_equal(cache.pixels(stored), photo)
    assert cache.write_error is not None
    assert "(Not a directory)" in cache.write_error


def test_pixels_survive_a_cache_that_is_cleared_meanwhile(tmp_path: Path, file: Path, photo: np.ndarray) -> None:
    cache = PixelCache(tmp_path / "cache")
    stored = cache.add(file)
    (array,) = cache.folder.rglob("*.npy")
    array.unlink()
    assert np.array_equal(cache.pixels(stored), photo)


def test_turned_off_it_writes_nothing(tmp_path: Path, file: Path, photo: np.ndarray) -> None:
    cache = PixelCache(tmp_path / "cache", limit=0)
    stored = cache.add(file)
    assert not stored.on_disk
    assert np.array_equal(cache.pixels(stored), photo)
    assert not (tmp_path / "cache").exists()


def test_beyond_its_limit_images_are_decoded_on_demand(tmp_path: Path, photo: np.ndarray) -> None:
    cache = PixelCache(tmp_path / "cache", limit=2 * photo.nbytes + 1000)
    kept = []
    for number in range(4):
        Image.fromarray(np.roll(photo, number, 0)).save(tmp_path / f"{number}.png")
        kept.append(cache.add(tmp_path / f"{number}.png"))
    assert [stored.on_disk for stored in kept] == [True, True, False, False]
    assert folder_size(cache.folder / "pixels") <= 2 * photo.nbytes + 1000
    again = PixelCache(tmp_path / "cache", limit=2 * photo.nbytes + 1000)
    assert [again.add(tmp_path / f"{number}.png").on_disk for number in range(4)] == [True, True, False, False]
    for number, stored in enumerate(kept):
        assert np.array_equal(again.pixels(stored), np.roll(photo, number, 0))
    larger = PixelCache(tmp_path / "cache", limit=10 * photo.nbytes)
    assert all(larger.add(tmp_path / f"{number}.png").on_disk for number in range(4))


def test_by_default_it_takes_a_quarter_of_the_free_disk(
    tmp_path: Path, file: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    for free, fits in ((4 * photo.nbytes - 4000, False), (4 * photo.nbytes + 4000, True)):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: type("Usage", (), {"free": free}))
        assert PixelCache(tmp_path / str(free)).add(file).on_disk == fits


def test_a_file_that_changes_during_a_run_is_not_taken_for_the_old_one(tmp_path: Path, file: Path, photo: np.ndarray) -> None:
    cache = PixelCache(tmp_path / "cache", limit=0)
    stored = cache.add(file)
    Image.fromarray(photo[::-1]).save(file)
    with pytest.raises(UnreadableImage, match=r"a\.png: was changed since the run began"):
        cache.pixels(stored)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match=r"gone\.png: cannot be read \(No such file"):
        PixelCache(tmp_path).add(tmp_path / "gone.png")


def test_two_processes_may_fill_it_at_once(tmp_path: Path, photo: np.ndarray) -> None:
    for number in range(12):
        Image.fromarray(np.roll(photo, number, 0)).save(tmp_path / f"{number}.png")
    code = (
        "import sys; from pathlib import Path; from deblurbench.data.cache import PixelCache; "
        "cache = PixelCache(Path(sys.argv[1]) / 'cache'); "
        "print([cache.add(path).file_digest for path in sorted(Path(sys.argv[1]).glob('*.png'))])"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    printed = [process.communicate(timeout=120)[0] for process in running]
    assert printed[0] == printed[1]
    assert all(process.returncode == 0 for process in running)
    cache = PixelCache(tmp_path / "cache")
    assert not list(cache.folder.rglob("*.part"))
    for number in range(12):
        assert np.array_equal(cache.pixels(cache.add(tmp_path / f"{number}.png")), np.roll(photo, number, 0))


def write_idx(path: Path, images: np.ndarray, magic: int = 2051) -> Path:
    data = struct.pack(">4I", magic, *images.shape) + images.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-images.idx3-ubyte", "train-images-idx3-ubyte.gz"])
def test_images_of_an_idx_file_are_grey_pictures(tmp_path: Path, name: str) -> None:
    digits = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    cache, path = PixelCache(tmp_path / "cache"), write_idx(tmp_path / name, digits)
    for index in range(5):
        stored = cache.add(IdxImage(path, index))
        assert stored.shape == (28, 28, 3)
        assert np.array_equal(cache.pixels(stored), np.repeat(digits[index][..., None], 3, 2))
    assert not (tmp_path / "cache").exists()  # 70,000 tiny files would help nobody


def test_an_idx_file_that_changes_during_a_run_is_named(tmp_path: Path) -> None:
    digits = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    cache, path = PixelCache(tmp_path / "cache"), write_idx(tmp_path / "digits", digits)
    stored, status = cache.add(IdxImage(path, 4)), path.stat()
    write_idx(tmp_path / "new", digits[::-1]).rename(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(UnreadableImage, match=r"digits\[4\]: was changed since the run began; run again"):
        cache.pixels(stored)


def test_idx_files_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    digits = np.zeros((5, 28, 28), np.uint8)
    cases = {
        "labels": (write_idx(tmp_path / "labels", digits, magic=2049), "holds labels, not images"),
        "magic": (write_idx(tmp_path / "magic", digits, magic=77), "magic number 77"),
        "short": (write_idx(tmp_path / "short", digits), "does not hold the 5 images"),
        "empty": (tmp_path / "empty", "too short"),
        "huge": (tmp_path / "huge", "which cannot be"),
        "gz": (write_idx(tmp_path / "cut.gz", digits), "cannot be read"),
    }
    cases["short"][0].write_bytes(cases["short"][0].read_bytes()[:-1])
    cases["empty"][0].touch()
    cases["huge"][0].write_bytes(struct.pack(">4I", 2051, 1 << 31, 1 << 10, 1 << 10))
    cases["gz"][0].write_bytes(cases["gz"][0].read_bytes()[:20])
    for path, message in cases.values():
        with pytest.raises(UnreadableImage, match=message):
            PixelCache(tmp_path / "cache").add(IdxImage(path, 0))


def test_the_cache_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEBLURBENCH_CACHE", str(tmp_path / "a"))
    assert default_cache_folder() == tmp_path / "a"
    monkeypatch.delenv("DEBLURBENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert default_cache_folder() == tmp_path / "b" / "deblurbench"
    assert os.environ.get("DEBLURBENCH_CACHE") is None


def test_two_caches_keep_one_limit(tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """As two processes would: each counts again what the other has written."""
    monkeypatch.setattr("deblurbench.data.cache_quota.COUNT_INTERVAL", -1.0)
    limit = 3 * photo.nbytes + 5000
    both = [PixelCache(tmp_path / "cache", limit=limit) for _ in range(2)]
    for number in range(6):
        Image.fromarray(np.roll(photo, number, 0)).save(tmp_path / f"{number}.png")
        both[number % 2].add(tmp_path / f"{number}.png")
    assert folder_size(tmp_path / "cache") <= limit
    assert len(list((tmp_path / "cache").rglob("*.npy"))) >= 2


def test_clearing_takes_every_version_and_nothing_that_is_not_ours(tmp_path: Path, file: Path) -> None:
    cache = PixelCache(tmp_path / "cache")
    cache.add(file)
    for name in ("v1/index", "v1/pixels", "v7/photos", "v8/index", "v8/films"):
        (tmp_path / "cache" / name).mkdir(parents=True)
    (tmp_path / "cache" / "v7" / "photos" / "a.jpg").write_bytes(b"mine")
    size = folder_size(cache.folder)
    assert clear(tmp_path / "cache") == size
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["v7", "v8"]
