"""Rating: the real server, asked over loopback, and the page in a real browser."""

from __future__ import annotations

import http.client
import io
import json
import math
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page
from typer.testing import CliRunner

from benchmarks.synthetic_results import write_results
from deblurbench.apps.cli import app
from deblurbench.apps.web.questions import questions_for, rated_pairs
from deblurbench.apps.web.rating import Rating
from deblurbench.apps.web.rating_page import rating_app
from deblurbench.apps.web.server import new_server, open_port
from deblurbench.errors import UsageError
from deblurbench.images.reading import decode_photo
from deblurbench.records.votes import Vote, cut_off_note, read_votes
from deblurbench.report.findings.preferences import paired_votes, repeat_consistency
from deblurbench.report.page import write_report
from deblurbench.report.reading import read_results
from deblurbench.statistics.bradley_terry import strengths
from tests.browser import open_page

GAINS = {"cnn": 2.0, "gan": 1.0, "secret-name": 0.5}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_results(tmp_path_factory.mktemp("rate") / "results", datasets=["photos"], gains=GAINS, images=6)


class Server:
    """`deblurbench rate`, running."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.votes = folder, folder / "votes.csv"
        self.rating = Rating(read_results([folder]), self.votes)
        listening = open_port(0)
        self.port = int(listening.getsockname()[1])
        self._server = new_server(rating_app(self.rating))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]})
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    def ask(self, method: str, address: str, body: Any = None, host: str | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Content-Type": "application/json"} | ({"Host": host} if host else {})
        connection.request(method, address, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def vote(self, rater: str, number: int, choice: str) -> dict[str, Any]:
        status, answer = self.ask("POST", "/vote", {"rater": rater, "number": number, "choice": choice})
        assert status == 200, answer
        value: dict[str, Any] = json.loads(answer)
        return value


@pytest.fixture
def server(original: Path) -> Iterator[Server]:
    (original / "votes.csv").unlink(missing_ok=True)
    running = Server(original)
    yield running
    running.stop()
    (original / "votes.csv").unlink(missing_ok=True)


def test_questions_are_blind_balanced_and_repeated(original: Path) -> None:
    found = rated_pairs(read_results([original]))
    assert [pair.models for pair in found] == [
        ("blurred", "cnn"), ("blurred", "gan"), ("blurred", "secret-name"), ("cnn", "gan"), ("cnn", "secret-name"), ("gan", "secret-name"),
    ]  # fmt: skip
    asked = questions_for("Ann", found)
    new = [question for question in asked if not question.is_repeat]
    assert len(new) == 6 * 6
    assert len({(one.image, frozenset((one.left, one.right))) for one in new}) == 36
    first_round = Counter(frozenset((one.left, one.right)) for one in new[:6])
    assert set(first_round.values()) == {1}  # each two models once before any comes again
    repeats = [question for question in asked if question.is_repeat]
    assert len(repeats) == 4
    for repeat in repeats:
        first = next(one for one in new if (one.image, one.left, one.right) == (repeat.image, repeat.right, repeat.left))
        assert asked.index(first) < asked.index(repeat) - 2
    lefts = Counter(question.left for question in new)
    assert max(lefts.values()) < len(new) / 2
    assert questions_for("Ann", found) == asked
    assert questions_for("Ben", found) != asked


def test_votes_are_counted_once_and_written_down(server: Server) -> None:
    status, answer = server.ask("GET", "/question?rater=Ann")
    assert (status, json.loads(answer)) == (200, {"number": 0, "answered": 0, "total": 40})
    assert server.vote("Ann", 0, "left") == {"counted": True, "number": 1, "answered": 1, "total": 40}
    assert server.vote("Ann", 0, "right")["counted"] is False  # another tab, or a second click
    assert server.vote("Ann", 1, "same")["number"] == 2
    assert server.vote("Ben", 0, "right")["number"] == 1
    votes = read_votes(server.votes)
    assert [(vote.rater, vote.choice) for vote in votes] == [("Ann", "left"), ("Ann", "same"), ("Ben", "right")]
    again = Rating(read_results([server.folder]), server.votes)  # after a stop
    assert again.next_question("Ann") == {"number": 2, "answered": 2, "total": 40}


def test_no_name_in_the_votes_is_a_formula(server: Server) -> None:
    """The page refuses such names of raters; those of images and models are whatever people call them."""
    assert server.rating.vote("=cmd", 0, "left")
    assert not server.rating.vote("=cmd", 0, "left")  # found again
    assert server.votes.read_text().splitlines()[1].startswith("'=cmd,photos,")
    assert [vote.rater for vote in read_votes(server.votes)] == ["=cmd"]


def test_nothing_that_is_served_tells_which_model_it_is(server: Server) -> None:
    for number in range(12):
        for address in (
            "/",
            "/question?rater=Ann",
            f"/view?rater=Ann&number={number}",
            f"/picture?rater=Ann&number={number}&side=left",
        ):
            status, answer = server.ask("GET", address)
            assert status == 200
            assert not any(name.encode() in answer for name in GAINS)
    picture = decode_photo(server.ask("GET", "/picture?rater=Ann&number=0&side=right")[1], Path("served"))
    assert picture.pixels.shape == (64, 96, 3)


@pytest.mark.parametrize(
    ("method", "address", "body", "status"),
    [
        ("GET", f"/question?rater={quote('=cmd()')}", None, 422),
        ("GET", "/question?rater=", None, 422),
        ("GET", "/picture?rater=Ann&number=400&side=left", None, 404),
        ("GET", "/picture?rater=Ann&number=-1&side=left", None, 422),
        ("GET", "/picture?rater=Ann&number=0&side=top", None, 422),
        ("GET", "/view?rater=Ann&number=400", None, 404),
        ("POST", "/vote", {"rater": "Ann", "number": 0, "choice": "both"}, 422),
        ("POST", "/vote", {"rater": "Ann\nBen", "number": 0, "choice": "left"}, 422),
        *[
            ("POST", "/vote", {"rater": "Ann", "number": number, "choice": "left"}, 422)
            for number in (-1, 1.0, 0.5, math.nan, math.inf, True, None, "0", [0], {}, 10**30)
        ],
        *[
            ("POST", "/vote", {"rater": rater, "number": 0, "choice": "left"}, 422)
            for rater in ("", "\0", "\x1b[2J", "\ud800", "a" * 41, 5, None, ["Ann"])
        ],
        ("POST", "/vote", {"rater": "Ann", "number": 0, "choice": "\ud800"}, 422),
        ("POST", "/vote", {"rater": "Ann", "number": 400, "choice": "left"}, 404),
        ("POST", "/vote", math.nan, 422),
        ("GET", "/picture?rater=Ann&number=" + "9" * 5000 + "&side=left", None, 422),
        ("GET", "/docs", None, 404),
    ],
)
def test_what_makes_no_sense_is_refused(method: str, address: str, body: Any, status: int, server: Server) -> None:
    assert server.ask(method, address, body)[0] == status
    assert not server.votes.exists()


def test_only_this_machine_is_answered(server: Server) -> None:
    assert server.ask("GET", "/", host="evil.example")[0] == 400
    with pytest.raises(UsageError, match=f"--port {server.port}: cannot be used .*; give another one, or 0 for any"):
        open_port(server.port)


def test_votes_of_many_at_once_are_all_there(server: Server) -> None:
    threads = [
        threading.Thread(target=lambda name=f"rater {number}": [server.vote(name, place, "left") for place in range(5)])
        for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(vote.rater for vote in read_votes(server.votes)) == {f"rater {number}": 5 for number in range(6)}


VOTER = """
import sys
from pathlib import Path
from deblurbench.apps.web.rating import Rating
from deblurbench.report.reading import read_results
folder, name = Path(sys.argv[1]), sys.argv[2]
rating = Rating(read_results([folder]), folder / "votes.csv")
for number in range(12):
    assert rating.vote(name, number, "same")
"""


def test_several_programs_may_write_votes_at_once(original: Path) -> None:
    votes = original / "votes.csv"
    votes.write_bytes(b"")  # as a crash may leave it: it still gets its header
    started = [subprocess.Popen([sys.executable, "-c", VOTER, str(original), name]) for name in ("Ann", "Ben", "Cleo")]
    assert [process.wait(timeout=60) for process in started] == [0, 0, 0]
    assert Counter(vote.rater for vote in read_votes(votes)) == {"Ann": 12, "Ben": 12, "Cleo": 12}
    votes.unlink()


def test_votes_that_another_page_sends_are_refused(server: Server) -> None:
    body = json.dumps({"rater": "Ann", "number": 0, "choice": "left"})
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/json", "Origin": "http://evil.example"}):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("POST", "/vote", body, headers)
        assert connection.getresponse().status == 403
    assert not server.votes.exists()


DESKTOP, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Photographs that are larger than a view of them."""
    folder = tmp_path_factory.mktemp("large") / "results"
    running = Server(write_results(folder, datasets=["photos"], gains={"cnn": 2.0, "gan": 1.0}, images=4, size=(900, 1300)))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser(large: Server) -> Iterator[Browser]:
    with open_page() as (page, _, _):
        assert page.context.browser is not None
        yield page.context.browser


@contextmanager
def questions_of(rater: str, server: Server, browser: Browser, **options: Any) -> Iterator[Page]:
    """The page of a rater who has begun; it complains of nothing and asks nobody else."""
    page = browser.new_context(**options).new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"http://127.0.0.1:{server.port}/")
    page.get_by_label("Name").fill(rater)
    page.keyboard.press("Enter")
    page.get_by_text("Question ").wait_for()
    yield page
    page.context.close()
    assert complaints == []
    assert all(address.startswith(f"http://127.0.0.1:{server.port}/") for address in requests)


def views(page: Page) -> list[np.ndarray]:
    """What both views show, in pixels of the screen."""
    pngs = [canvas.screenshot() for canvas in page.locator("canvas").all()]
    return [np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) for png in pngs]


def looked_at(
    server: Server, rater: str, shape: tuple[int, ...], factor: int = 1, by: tuple[int, int] = (0, 0)
) -> list[np.ndarray]:
    """What both views of the first question should show, enlarged and moved `by` pixels (x, y) of the photograph."""
    view = json.loads(server.ask("GET", f"/view?rater={rater}&number=0")[1])
    height, width = (side // factor for side in shape[:2])
    expected = []
    for side in ("left", "right"):
        data = server.ask("GET", f"/picture?rater={rater}&number=0&side={side}")[1]
        pixels = np.asarray(decode_photo(data, Path("served")).pixels)
        left, top = (
            int(np.clip(np.clip(middle - side // 2, 0, most - side) + move, 0, most - side))
            for middle, side, most, move in zip(view.values(), (width, height), pixels.shape[1::-1], by, strict=True)
        )
        part = pixels[top : top + height, left : left + width]
        expected.append(part.repeat(factor, axis=0).repeat(factor, axis=1))
    return expected


@pytest.mark.parametrize(("viewport", "ratio"), [(DESKTOP, 1), (PHONE, 2)], ids=["desktop", "phone"])
def test_both_views_begin_at_the_most_changed_part_pixel_by_pixel(
    viewport: dict[str, int], ratio: int, large: Server, browser: Browser
) -> None:
    with questions_of("Ann", large, browser, viewport=viewport, device_scale_factor=ratio) as page:
        shown = views(page)
        for view, expected in zip(shown, looked_at(large, "Ann", shown[0].shape, ratio), strict=True):
            assert (view == expected).all()


def test_views_move_and_zoom_together(large: Server, browser: Browser) -> None:
    with questions_of("Ann", large, browser, viewport=DESKTOP) as page:
        first = views(page)

        def moved_by(x: int, y: int) -> bool:
            found = zip(views(page), looked_at(large, "Ann", first[0].shape, by=(x, y)), strict=True)
            return all((view == expected).all() for view, expected in found)

        box = page.locator("canvas").first.bounding_box()
        assert box is not None
        x, y = box["x"] + 300, box["y"] + 200
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x - 20, y + 10, steps=4)
        page.mouse.up()
        assert moved_by(20, -10)
        for key in ("ArrowLeft", "ArrowUp", "ArrowDown"):
            page.keyboard.press(key)
        assert moved_by(20 - 80, -10)
        page.keyboard.press("0")
        assert moved_by(0, 0)
        for act in (lambda: page.keyboard.press("+"), lambda: page.mouse.wheel(0, -200), page.get_by_label("Zoom in").click):
            act()
            page.get_by_text("200 %").wait_for()
            assert not any((view == before).all() for view, before in zip(views(page), first, strict=True))
            page.keyboard.press("-")
            page.get_by_text("100 %").wait_for()
            page.keyboard.press("0")
            page.mouse.move(x, y)
        page.get_by_role("button", name="Whole photograph").click()
        assert page.locator("#zoom").inner_text() == f"{100 * first[0].shape[1] / 1300:.0f} %"
        page.get_by_role("button", name="Reset").click()
        assert moved_by(0, 0)


def test_two_fingers_zoom_both(large: Server, browser: Browser) -> None:
    with questions_of("Ann", large, browser, viewport=PHONE, has_touch=True, is_mobile=True) as page:
        touch = page.context.new_cdp_session(page)
        for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80), ("touchEnd", 0)):
            points = [{"x": 195 - apart, "y": 200, "id": 0}, {"x": 195 + apart, "y": 200, "id": 1}] if apart else []
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.get_by_text("200 %").wait_for()


def test_a_person_votes_with_keys_or_buttons_and_hears_of_the_next_question(large: Server, browser: Browser) -> None:
    with questions_of("Jürgen K.", large, browser, viewport=DESKTOP) as page:
        for count, key in enumerate(("1", "3", "2"), 2):
            page.keyboard.press(key)
            page.get_by_role("status").get_by_text(f"Question {count} ").wait_for()
        page.get_by_role("button", name="No difference").focus()
        page.keyboard.press("Enter")
        page.get_by_text("Question 5 ").wait_for()
        assert page.evaluate("document.activeElement.id") == "same"  # where it was
        page.keyboard.press("Alt+1")  # is none of ours
    assert [vote.choice for vote in read_votes(large.votes) if vote.rater == "Jürgen K."] == ["left", "right", "same", "same"]


def test_every_question_is_answered_in_the_end(original: Path, server: Server, browser: Browser) -> None:
    for number in range(39):
        server.vote("Ann", number, "left")
    with questions_of("Ann", server, browser, viewport=PHONE) as page:
        page.get_by_role("button", name="Top is better").click()
        page.get_by_text("All 40 questions are answered. Thank you.").wait_for()
        assert not page.get_by_role("button").all()
    report = write_report(read_results([server.folder]), server.folder).page.read_text()
    assert "40 blind votes" not in report  # four were repeats
    assert "36 blind votes of 1 rater on 6 images; no scores yet" in report


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_and_all_is_accessible(scheme: str, large: Server, browser: Browser) -> None:
    with questions_of("Ann", large, browser, viewport=DESKTOP, color_scheme=scheme) as page:
        for width, height in ((1400, 900), (768, 1000), (390, 800)):
            page.set_viewport_size({"width": width, "height": height})
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            beyond = (
                "[...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > innerWidth - 8)"
            )
            assert page.evaluate(f"{beyond}.map(one => one.outerHTML)") == []
            assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
            is_stacked = page.locator("canvas").nth(1).evaluate("one => one.getBoundingClientRect().left") < width / 2
            assert is_stacked == (width <= 700)
            assert page.locator("kbd").first.is_visible() == (width > 700)
            assert page.get_by_role("button", name="Top is better").is_visible() == is_stacked
            for button in page.locator(".voting button").all():
                size = button.bounding_box()
                assert size is not None
                assert size["height"] >= (56 if is_stacked else 44)


def test_fingers_see_no_hints_of_keys(large: Server, browser: Browser) -> None:
    with questions_of("Ann", large, browser, viewport={"width": 1024, "height": 768}, has_touch=True, is_mobile=True) as page:
        assert not [hint for hint in page.locator("kbd").all() if hint.is_visible()]
        assert page.get_by_text("pinch", exact=True).is_visible()


def test_of_a_huge_photograph_the_most_changed_part_is_served(large: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> tuple[np.ndarray, int, int]:
        rating = Rating(read_results([large.folder]), large.votes)
        picture = decode_photo(rating.picture("Zoe", 0, "left"), Path("served")).pixels
        return np.asarray(picture), *rating.first_view("Zoe", 0).values()

    whole, left, top = asked()
    assert whole.shape == (900, 1300, 3)
    monkeypatch.setattr("deblurbench.apps.web.rating.LARGEST_SIDE", 256)
    part, x, y = asked()
    assert (part == whole[top - y :, left - x :][:256, :256]).all()
    monkeypatch.setattr("deblurbench.apps.web.rating.LARGEST_SIDE", 1300)
    monkeypatch.setattr("deblurbench.apps.web.rating.SEARCHED_SIDE", 325)  # every fourth pixel is enough
    assert math.dist(asked()[1:], (left, top)) < 32


def vote(rater: str, left: str, right: str, choice: str, image: str = "a", repeat: bool = False) -> Vote:
    return Vote(rater, "photos", image, left, right, choice, repeat)


def test_repeats_measure_steadiness_and_count_for_nothing_else() -> None:
    votes = [vote("Ann", "cnn", "gan", "left"), vote("Ann", "gan", "cnn", "right", repeat=True)]
    votes += [vote("Ben", "cnn", "gan", "left"), vote("Ben", "gan", "cnn", "left", repeat=True)]
    assert repeat_consistency(votes) == (1, 2)
    votes += [vote("Ann", "cnn", "gan", "right", image="b")]
    votes += [vote("Ann", "cnn", "gan", "left", image=image) for image in "cdefghij"]
    assert paired_votes(votes) == paired_votes([one for one in votes if not one.is_repeat])
    found = strengths(paired_votes(votes))
    assert found["cnn"].score > found["gan"].score


HEADER = "rater,dataset,image,left,right,choice,repeats,seconds,time\n"
VOTE = "Ann,photos,image-0001,cnn,gan,left,no,1.0,now\n"


@pytest.mark.parametrize("left", ["Ann,photos,image", 'Ben,"pho', "Jürgen,".encode()[:2], HEADER[:20], b"\0" * 9, HEADER[:-1]])
def test_a_vote_that_a_crash_cut_off_is_said_and_replaced_by_the_next(left: str | bytes, server: Server) -> None:
    before = b"" if isinstance(left, str) and left in HEADER else (HEADER + VOTE).encode()
    server.votes.write_bytes(before + (left.encode() if isinstance(left, str) else left))
    count = before.count(b"Ann")
    assert len(read_votes(server.votes)) == count
    report = write_report(read_results([server.folder]), server.folder).page.read_text()
    assert "votes.csv: its last line was cut off and counts for nothing" in report
    assert server.vote("Ben", 0, "right")["counted"]
    assert server.votes.read_bytes().startswith(before or HEADER.encode())
    assert [vote.rater for vote in read_votes(server.votes)] == ["Ann"] * count + ["Ben"]
    assert cut_off_note(server.votes) == ""


def test_a_last_vote_without_an_end_counts(server: Server) -> None:
    """As an editor leaves it."""
    server.votes.write_text(HEADER + VOTE.strip())
    assert server.vote("Ben", 0, "right")["counted"]
    assert [vote.rater for vote in read_votes(server.votes)] == ["Ann", "Ben"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER + "Ann,photos,image\n" + VOTE, r"line 2 is no vote \(rater, dataset, .*\); mend or remove it"),
        (HEADER + VOTE + VOTE.replace("left", "up"), "line 3 is no vote"),
        (HEADER + VOTE.replace("gan", "cnn"), "line 2 is no vote"),
        (HEADER + VOTE.replace("no", "?"), "line 2 is no vote"),
        (HEADER + "a" * 200_000 + "\n", "line 2 is no vote"),
        (HEADER + VOTE + "Jürgen\n", "line 3 is no UTF-8 text"),
        (VOTE, "line 1 does not name the columns"),
        ("\n", "line 1 does not name the columns"),
    ],
)
def test_a_damaged_line_of_votes_is_named_at_the_start(content: str, message: str, server: Server) -> None:
    server.votes.write_bytes(content.encode("latin-1"))
    for command in ("rate", "report"):
        result = CliRunner().invoke(app, [command, str(server.folder)])
        assert result.exit_code == 2
        assert re.search(rf"^error: .*votes\.csv: {message}", result.output)
    status, answer = server.ask("POST", "/vote", {"rater": "Ann", "number": 0, "choice": "left"})  # damaged since it began
    assert (status, b"votes.csv: line" in answer) == (409, True)


def test_votes_follow_a_model_that_merging_renames(original: Path, tmp_path: Path) -> None:
    other = write_results(tmp_path / "other", datasets=["photos"], gains=GAINS, images=6)
    header = "rater,dataset,image,left,right,choice,repeats,seconds,time\n"
    (other / "votes.csv").write_text(header + "Ann,photos,image-0001,cnn,blurred,left,no,1.0,now\n")
    (merged,) = read_results([original, other]).votes
    assert (merged.left, merged.right) == ("cnn (other)", "blurred")


def test_the_command_serves_until_it_is_interrupted(original: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "deblurbench", "rate", str(original), "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"open  http://127\.0\.0\.1:(\d+)  \(Ctrl\+C ends it\)", line)
    assert found, line
    try:
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=20)  # it listens since it said so
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert rest.endswith("no votes were cast\n")
    assert process.returncode in (0, 130)
    bare = CliRunner().invoke(app, ["rate", str(tmp_path)])
    assert bare.exit_code == 2
    assert "holds no comparison.csv" in bare.output


def test_without_the_extra_it_says_what_to_install(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = CliRunner().invoke(app, ["rate", str(original)])
    assert result.exit_code == 2
    assert "pip install 'deblurbench[web]'" in result.output
