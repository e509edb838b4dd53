"""Downloads against a small server on loopback: the real client libraries, no network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import socket
import struct
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision
from PIL import Image
from typer.testing import CliRunner

from deblurbench.apps.cli import app
from deblurbench.data.downloads import fetch
from deblurbench.errors import DeblurbenchError

SIZE = 123_456_789  # what Kaggle says of the set below


class Server(ThreadingHTTPServer):
    """Files by path, sent whole or from where a Range begins; `cut` stops after so many bytes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cut: int | None = None
        self.asked: list[tuple[str, str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self._send(body=False)

    def do_GET(self) -> None:
        self._send(body=True)

    def do_POST(self) -> None:
        """Kaggle's two calls."""
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("GetDataset"):
            data = json.dumps({"totalBytes": SIZE, "currentVersionNumber": 2}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        else:
            self.send_response(302)
            self.send_header("Location", f"{self.server.url}archive.zip")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _send(self, *, body: bool) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.command, self.path, wanted))
        data = self.server.files.get(self.path.lstrip("/"))
        if data is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("x-goog-hash", f"md5={base64.b64encode(hashlib.md5(data).digest()).decode()}")
        self.end_headers()
        if body:
            end = len(data) if self.server.cut is None else min(self.server.cut, len(data))
            self.wfile.write(data[start:end])
            if end < len(data):
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def get(name: str, folder: Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["data", "get", name, "--out", str(folder)])
    return result.exit_code, result.output


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def test_a_stopped_download_goes_on_from_where_it_stopped(server: Server, tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(300_000)
    server.files["a.bin"], server.cut = data, 100_000
    target = tmp_path / "a.bin"
    with pytest.raises((DeblurbenchError, OSError)):
        fetch(server.url + "a.bin", target, md5=md5(data))
    assert not target.exists()
    server.cut = None
    fetch(server.url + "a.bin", target, md5=md5(data))
    assert target.read_bytes() == data
    assert server.asked[-1][2] == "bytes=100000-"
    fetch(server.url + "a.bin", target, md5=md5(data))
    assert len(server.asked) == 2  # what is whole is not asked for again
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_another_content_is_refused_and_not_kept(server: Server, tmp_path: Path) -> None:
    server.files["a.bin"] = b"something else"
    with pytest.raises(DeblurbenchError, match=r"incomplete or damaged \(checksum\)"):
        fetch(server.url + "a.bin", tmp_path / "a.bin", md5=md5(b"what it should be"))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def mnist(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """torchvision's MNIST, small, on the loopback server, behind a mirror that is gone."""
    resources = []
    for name, count in (("train-images-idx3-ubyte.gz", 12), ("t10k-images-idx3-ubyte.gz", 4)):
        images = np.random.default_rng(0).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        server.files[name] = gzip.compress(struct.pack(">4I", 2051, *images.shape) + images.tobytes(), mtime=0)
        resources.append((name, md5(server.files[name])))
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", [*resources, ("train-labels-idx1-ubyte.gz", "0")])
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [server.url + "gone/", server.url])
    return server


def test_mnist_is_fetched_from_torchvisions_mirrors(mnist: Server, tmp_path: Path) -> None:
    code, text = get("mnist", tmp_path / "data")
    assert code == 0, text
    size = sum(len(data) for data in mnist.files.values())
    assert f"downloading MNIST from {mnist.url}: {size / 1e6:.1f} MB" in text
    assert f"{tmp_path / 'data' / 'mnist'}: layout mnist" in text
    assert sorted(path.name for path in (tmp_path / "data" / "mnist").iterdir()) == sorted(mnist.files)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["mnist"]
    asked = len(mnist.asked)
    code, text = get("mnist", tmp_path / "data")
    assert code == 0
    assert "is there already" in text
    assert len(mnist.asked) == asked


def test_a_server_that_is_not_there_is_said_in_one_line(mnist: Server, tmp_path: Path) -> None:
    mnist.files.clear()
    code, text = get("mnist", tmp_path)
    assert code == 1
    assert text.startswith("error: mnist: no mirror could be used")
    assert text.count("\n") == 1


@pytest.fixture
def kaggle(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Kaggle on loopback, with a small kwentar/blur-dataset, through the real kagglehub."""
    import kagglesdk.kaggle_env as environment

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for number in range(4):
            for kind, folder in (("S", "sharp"), ("F", "defocused_blurred"), ("M", "motion_blurred")):
                image = io.BytesIO()
                Image.fromarray(np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(image, "JPEG")
                file.writestr(f"blur_dataset_scaled/{folder}/{number}_IPHONE-SE_{kind}.JPG", image.getvalue())
        file.writestr("large.bin", np.random.default_rng(0).bytes(4_000_000))  # kagglehub writes a million bytes at a time
    server.files["archive.zip"] = archive.getvalue()
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setitem(environment._env_to_endpoint, environment.KaggleEnv.LOCAL, server.url.rstrip("/"))
    return server


def test_a_kaggle_set_is_downloaded_unpacked_and_recognised(kaggle: Server, tmp_path: Path) -> None:
    code, text = get("kwentar-blur", tmp_path / "data")
    assert code == 0, text
    assert (
        f"downloading Kaggle kwentar/blur-dataset from https://www.kaggle.com/datasets/kwentar/blur-dataset: {SIZE / 1e6:.1f} MB"
        in text
    )
    out = tmp_path / "data" / "blur-dataset"
    assert f"{out}: layout kwentar-blur" in text
    assert len(list((out / "blur_dataset_scaled" / "sharp").iterdir())) == 4
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["blur-dataset"]
    code, text = get("kwentar-blur", tmp_path / "data")
    assert code == 0
    assert "is there already" in text


def test_by_default_it_goes_where_the_experiments_look(kaggle: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["data", "get", "kwentar-blur"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "data" / "blur-dataset" / "blur_dataset_scaled" / "sharp").is_dir()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["blur-dataset"]


def test_a_stopped_kaggle_download_goes_on(kaggle: Server, tmp_path: Path) -> None:
    kaggle.cut = 3_000_000
    code, text = get("kwentar-blur", tmp_path / "data")
    assert code == 1
    assert "error: kwentar-blur: could not be downloaded" in text
    assert "run again to go on" in text
    assert not (tmp_path / "data" / "blur-dataset").exists()
    kaggle.cut = None
    code, text = get("kwentar-blur", tmp_path / "data")
    assert code == 0, text
    assert any(wanted and wanted != "bytes=0-" for _, _, wanted in kaggle.asked)
    assert (tmp_path / "data" / "blur-dataset" / "blur_dataset_scaled").is_dir()


def test_a_damaged_kaggle_archive_is_refused(kaggle: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handler, "send_header", _with_another_hash(Handler.send_header))
    code, text = get("kwentar-blur", tmp_path / "data")
    assert code == 1
    assert "could not be downloaded" in text
    assert not (tmp_path / "data" / "blur-dataset").exists()


def _with_another_hash(original: Callable[..., None]) -> Callable[..., None]:
    def send(handler: Handler, key: str, value: str) -> None:
        original(handler, key, "md5=AAAAAAAAAAAAAAAAAAAAAA==" if key == "x-goog-hash" else value)

    return send


def test_celeba_comes_through_torchvision(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of torchvision's own code but the address of Google Drive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for number in range(1, 7):
            image = io.BytesIO()
            Image.fromarray(np.random.default_rng(number).integers(0, 256, (218, 178, 3), dtype=np.uint8)).save(image, "JPEG")
            file.writestr(f"img_align_celeba/{number:06}.jpg", image.getvalue())
    lines = "".join(f"{number:06}.jpg {max(0, number - 4)}\n" for number in range(1, 7)).encode()
    empty = b"0\nx\n"
    files = {
        "img_align_celeba.zip": archive.getvalue(),
        "list_eval_partition.txt": lines,
        **dict.fromkeys(
            ("list_attr_celeba.txt", "identity_CelebA.txt", "list_bbox_celeba.txt", "list_landmarks_align_celeba.txt"), empty
        ),
    }
    server.files = {f"id-{name}": data for name, data in files.items()}
    monkeypatch.setattr(
        torchvision.datasets.CelebA, "file_list", [(f"id-{name}", md5(data), name) for name, data in files.items()]
    )

    def download(id: str, output: str, **_: object) -> None:
        fetch(server.url + id, Path(output), md5=md5(server.files[id]))

    monkeypatch.setattr("gdown.download", download)
    monkeypatch.setattr(torchvision.datasets.CelebA, "__init__", _only_download)
    code, text = get("celeba", tmp_path / "data")
    assert code == 0, text
    assert "downloading CelebA from Google Drive" in text
    assert "1.4 GB" in text
    assert f"{tmp_path / 'data' / 'celeba'}: layout celeba" in text


def _only_download(self: Any, root: str, split: str, download: bool) -> None:
    """The constructor goes on to parse attribute files, which are not made up here."""
    self.root = root
    self.download()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gopro-large", "has to be fetched by hand from https://seungjunnah.github.io/Datasets/gopro"),
        ("realblur", "where it will be recognised as realblur"),
        ("paired-folder", "are your own images"),
        ("skimage-photos", "comes with the installation"),
        ("gopro", "unknown layout 'gopro'; did you mean"),
    ],
)
def test_what_cannot_be_downloaded_says_where_to_go(tmp_path: Path, name: str, message: str) -> None:
    code, text = get(name, tmp_path)
    assert code == 2
    assert message in text
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_before_anything_is_downloaded(
    kaggle: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": SIZE}))
    code, text = get("kwentar-blur", tmp_path)
    assert code == 1
    assert "123.5 MB are free, and about 246.9 MB are needed; make room" in text
    assert kaggle.asked == []


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "kagglehub", None)
    code, text = get("dblur", tmp_path)
    assert code == 2
    assert "pip install 'deblurbench[download]'" in text


def test_the_list_says_how_to_get_each(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = CliRunner().invoke(app, ["data", "list"]).output.splitlines()
    assert any(line.startswith("mnist") and "data get" in line for line in lines)
    assert any(line.startswith("gopro-large") and "by hand" in line for line in lines)


def test_the_cache_is_cleared_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photo: np.ndarray) -> None:
    from deblurbench.data.cache import PixelCache

    monkeypatch.setenv("DEBLURBENCH_CACHE", str(tmp_path / "cache"))
    Image.fromarray(photo).save(tmp_path / "a.png")
    PixelCache(tmp_path / "cache").add(tmp_path / "a.png")
    (tmp_path / "cache" / "mine.txt").write_text("x")
    (tmp_path / "cache" / "videos").mkdir()
    result = CliRunner().invoke(app, ["data", "clear-cache"])
    assert result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["mine.txt", "videos"]
