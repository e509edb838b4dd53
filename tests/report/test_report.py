from __future__ import annotations

import base64
import io
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from benchmarks.synthetic_results import write_results
from deblurbench.apps.cli import app
from deblurbench.errors import UsageError
from deblurbench.images.reading import read_photo
from deblurbench.progress import format_duration
from deblurbench.report.findings.answer import answers, caution
from deblurbench.report.findings.comparison import compare
from deblurbench.report.formatting import format_count
from deblurbench.report.page import write_report
from deblurbench.report.pictures.crops import crop, most_changed
from deblurbench.report.pictures.embedding import EmbeddedPictures
from deblurbench.report.pictures.gallery import CLOSE_UP, gallery
from deblurbench.report.pictures.grids import comparison_grid
from deblurbench.report.pictures.median_image import read_median_image
from deblurbench.report.reading import read_results
from tests.report.invented import set_scores

Write = Callable[..., Path]


class Page(HTMLParser):
    """What a browser would fetch or run, and the text in order."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [
            value for name, value in attrs if name in ("src", "href", "xlink:href") and value and tag not in ("a", "use")
        ]

    def handle_data(self, data: str) -> None:
        if data.strip() and not {"style", "script"} & set(self.tags[-1:]):
            self.text.append(data.strip())


def test_the_page_needs_nothing_but_itself(finished: Path) -> None:
    html = (finished / "report.html").read_text()
    page = Page()
    page.feed(html)
    assert page.fetched
    assert all(address.startswith("data:") for address in page.fetched)
    assert "default-src 'none'" in html  # and a browser would refuse to fetch anything
    assert not re.search(r"url\((?!#)", html)
    assert not re.search(r"https?://(?!www\.w3\.org)", re.sub(r"<pre>.*?</pre>", "", html, flags=re.DOTALL))
    assert {"table", "image", "svg"} <= set(page.tags)


def test_the_first_thing_a_person_sees_is_the_answer(finished: Path) -> None:
    page = Page()
    page.feed((finished / "report.html").read_text())
    body = page.text[page.text.index("tiny") :]
    assert body[1] == "Which is best?"
    assert body[2].startswith("On photos")


def test_rebuilt_from_what_is_stored_it_is_the_same(copy: Path) -> None:
    names = ("report.html", "report.md", "tables.tex", "statistics.csv", "duels.csv", "grids/photos.png")
    before = [(copy / name).read_bytes() for name in names]
    for checkpoint in copy.rglob("*.safetensors"):
        checkpoint.unlink()  # reports read scores and pictures, nothing else
    for name in names:
        (copy / name).unlink()
    result = CliRunner().invoke(app, ["report", str(copy)])
    assert result.exit_code == 0, result.output
    after = [(copy / name).read_bytes() for name in names]
    assert [data.replace(b"copy", b"tiny") for data in after] == before


def test_few_photographs_and_one_seed_are_said_to_be_few(finished: Path) -> None:
    results = read_results([finished])
    assert (
        caution(results, [compare(results, "photos")])
        == "Read small differences with care: few independent test photographs (9 on photos) and one seed, which cannot tell "
        "how much training varies."
    )


def test_the_grid_shows_the_median_photograph_where_blur_changed_it_most(finished: Path) -> None:
    results = read_results([finished])
    subject = read_median_image(compare(results, "photos"))
    assert subject is not None
    grid = comparison_grid(subject)
    assert np.array_equal(read_photo(finished / "grids" / "photos.png").pixels, np.asarray(grid))
    box, tiles = subject.close_up(66), np.asarray(grid)
    models = list(subject.restored.values())
    for place, picture in {(0, 1): subject.blurred, (0, 2): subject.sharp, (1, 0): models[0], (1, 1): models[1]}.items():
        top, left = place[0] * 286 + 22, place[1] * 268 + 4
        tile = tiles[top : top + 264 : 4, left : left + 264 : 4]  # every pixel is repeated four times
        assert np.array_equal(tile, crop(picture, box)), place
    sharp = np.zeros((200, 200, 3), np.uint8)
    blurred = sharp.copy()
    blurred[120:150, 60:90] = 90
    box = most_changed(sharp, blurred, 40)
    assert box.top <= 120
    assert box.left <= 60
    assert box.top + box.height >= 150
    assert box.left + box.width >= 90


def test_close_ups_enlarge_the_pixels_of_the_model_and_not_of_jpeg(finished: Path) -> None:
    comparison = compare(read_results([finished]), "photos")
    median, embedded = read_median_image(comparison), EmbeddedPictures()
    assert median is not None
    box = median.close_up(CLOSE_UP)
    for entry in gallery(median, comparison, embedded).entries:
        stored = {"blurred": median.blurred, "sharp": median.sharp, **median.restored}[entry.name]
        data = base64.b64decode(embedded.data[entry.close_up.picture].partition(",")[2])
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), crop(stored, box)), entry.name


def test_photographs_smaller_than_a_cell_are_drawn(write_experiment: Write, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", str(write_experiment()), "--out", str(tmp_path / "small"), "--device", "cpu"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "small" / "grids" / "pairs.png").is_file()


def test_several_results_become_one_comparison(finished: Path, copy: Path, tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["report", str(finished), str(copy)])
    assert refused.exit_code == 2
    assert "--out: say where" in refused.output
    result = CliRunner().invoke(app, ["report", str(finished), str(copy), "--out", str(tmp_path / "merged")])
    assert result.exit_code == 0, result.output
    text = (tmp_path / "merged" / "report.md").read_text()
    assert text.startswith("# tiny + copy")
    assert "| cnn |" in text
    assert "| cnn (copy) |" in text
    assert len(re.findall(r"^\| blurred \|", text, re.M)) == 3  # of the core, of all scores, and model against model
    assert (tmp_path / "merged" / "grids" / "photos.png").is_file()
    merged = (tmp_path / "merged" / "comparison.csv").read_text()
    assert merged.splitlines()[0] == (finished / "comparison.csv").read_text().splitlines()[0]
    assert merged.count("photos,blurred,") == 1
    assert "photos,cnn (copy),cnn,unet,0," in merged
    assert "Those of different results folders were measured apart" in text
    assert len((tmp_path / "merged" / "per_image.csv").read_text().splitlines()) == 1 + 9 * 9


def test_results_that_share_no_data_set_are_merged_with_a_word(tmp_path: Path) -> None:
    first, second = (
        write_results(tmp_path / name, datasets=[name], gains={"cnn": 1.0}, images=3) for name in ("here", "there")
    )
    result = CliRunner().invoke(app, ["report", str(first), str(second), "--out", str(tmp_path / "both")])
    assert result.exit_code == 0, result.output
    remark = "has no data set in common with the others: nothing of it is compared with them"
    assert f"note: here {remark}\nnote: there {remark}\n" in result.output
    assert f"There {remark}." in (tmp_path / "both" / "report.html").read_text()


def test_results_of_one_name_are_told_apart(finished: Path, tmp_path: Path) -> None:
    twin = Path(shutil.copytree(finished, tmp_path / "tiny"))
    results = read_results([finished, twin, twin])
    assert list(results.experiments) == ["tiny", "tiny 2", "tiny 3"]
    assert len({result.model for result in results.results}) == 1 + 3 * 4


def test_results_on_other_inputs_are_not_merged(finished: Path, copy: Path) -> None:
    set_scores(copy, "blurred", {"camera": 20.0})
    with pytest.raises(UsageError, match=r"the blurred input of 'photos' is not that in .* \('camera' differs\)"):
        read_results([finished, copy])


def test_a_folder_that_holds_no_results_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert result.exit_code == 2
    assert f"{tmp_path}: holds no comparison.csv" in result.output


def test_names_are_escaped_in_the_page(copy: Path) -> None:
    path = copy / "experiment.yaml"
    path.write_text(path.read_text().replace("Which is best?", "Is <b>this</b> & that best?"))
    write_report(read_results([copy]), copy)
    assert "Is &lt;b&gt;this&lt;/b&gt; &amp; that best?" in (copy / "report.html").read_text()
    assert r"Is \<b>this\</b> & that best?" in (copy / "report.md").read_text()


def test_numbers_are_short() -> None:
    assert [format_count(number) for number in (0, 12, 1234, 439916, 1.638e9, 2e12)] == [
        "",
        "12",
        "1.23 k",
        "440 k",
        "1.64 G",
        "2 T",
    ]
    assert [format_duration(seconds) for seconds in (0, 42.4, 300, 9000)] == ["0 s", "42 s", "5 min", "2.5 h"]


def test_a_kept_report_is_not_written_over() -> None:
    """Without the pictures of its models it would lose its grids."""
    kept = Path(__file__).parents[2] / "results" / "quickstart-reference"
    with pytest.raises(UsageError, match=r"quickstart-reference: holds no problems\.json; give a whole results folder"):
        read_results([kept])


@pytest.mark.parametrize("register", ["true", "null", "false"])
def test_pairs_of_separate_exposures_are_labelled_wherever_their_numbers_stand(
    unaligned: Path, tmp_path: Path, register: str
) -> None:
    """Registered, blurred by us because they are none, or used as they are because somebody insists."""
    layout = f"{{name: paired-folder, path: {unaligned}}}"
    (tmp_path / "e.yaml").write_text(
        f"""
datasets: {{mine: {{layout: {layout}, register: {register}}}}}
models: {{cnn: {{name: cnn, network: {{name: unet, widths: [8], blocks: 1}}}}}}
training: {{steps: 1, batch_size: 1, crop_size: 16}}
"""
    )
    result = CliRunner().invoke(app, ["run", str(tmp_path / "e.yaml"), "--out", str(tmp_path / "out"), "--device", "cpu"])
    assert result.exit_code == 0, result.output
    label, note = {
        "true": ("registered", "mine: registered pairs: "),
        "null": ("synthetic", "mine: its pairs are not aligned (21 pixels"),
        "false": ("files", "used as they are (`register: false`)"),
    }[register]
    assert note in result.output
    for name in ("comparison.csv", "per_image.csv"):
        header, *lines = (tmp_path / "out" / name).read_text().splitlines()
        place = header.split(",").index("pairs")
        assert {line.split(",")[place] for line in lines} == {label}
    text = (tmp_path / "out" / "report.md").read_text()
    page = (tmp_path / "out" / "report.html").read_text()
    for shown in (text, page):
        assert ("mine (registered pairs)" in shown) == (register == "true")
        assert "Registered pairs: separate exposures" in shown or "Its pairs are not aligned" in shown
    results = read_results([tmp_path / "out"])
    assert answers([compare(results, "mine")])[0].startswith("On mine (registered pairs)" if register == "true" else "On mine")
