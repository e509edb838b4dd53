"""Rating: the real server, asked over loopback, and the page in a real browser."""

from __future__ import annotations

import http.client
import json
import math
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
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
        for address in ("/", "/question?rater=Ann", f"/picture?rater=Ann&number={number}&side=left"):
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


def test_a_person_votes_with_the_keys_and_the_report_shows_it(server: Server) -> None:
    with open_page(viewport={"width": 1000, "height": 800}) as (page, complaints, requests):
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.get_by_label("Name").fill("Jürgen K.")
        page.keyboard.press("Enter")
        page.get_by_text("0 answered").wait_for()
        for count, key in enumerate(("ArrowLeft", "ArrowRight", "ArrowDown"), 1):
            page.locator("#same:not([disabled])").wait_for()
            page.keyboard.press(key)
            page.get_by_text(f"{count} answered").wait_for()
        page.locator("#same:not([disabled])").wait_for()
        page.get_by_role("button", name="No difference").click()
        page.get_by_text("4 answered").wait_for()
        page.keyboard.press("Alt+ArrowDown")  # is none of ours
        assert complaints == []
        assert all(address.startswith(f"http://127.0.0.1:{server.port}/") for address in requests)
    assert [vote.choice for vote in read_votes(server.votes)] == ["left", "right", "same", "same"]
    report = write_report(read_results([server.folder]), server.folder).page.read_text()
    assert "What people preferred" in report
    assert "4 blind votes of 1 rater on" in report
    server.votes.unlink()
    assert "What people preferred" not in write_report(read_results([server.folder]), server.folder).page.read_text()


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
    assert "deblurbench report" in rest
    assert process.returncode in (0, 130)
    bare = CliRunner().invoke(app, ["rate", str(tmp_path)])
    assert bare.exit_code == 2
    assert "holds no comparison.csv" in bare.output


def test_without_the_extra_it_says_what_to_install(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = CliRunner().invoke(app, ["rate", str(original)])
    assert result.exit_code == 2
    assert "pip install 'deblurbench[web]'" in result.output
