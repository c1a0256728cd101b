"""The dashboard in a real browser: every control, on a run made by hand; nothing is asked of any other machine."""

import base64
import csv
import io
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from bad_files import png_bomb, zip_bomb
from browsing import CONTRASTS, DESK, PHONE, Opened
from helpers.dashboard.app import make_app
from helpers.dashboard.places import open_places
from helpers.inference.submission import write_submission
from made_board import make_places, predicted
from test_dashboard_server import board_of, png_of
from tiny_models import tiny_masks

PAGES = ("", "images", "worst", "submission", "predict")
SETTLED = """() => !window.store.getState().isLoading && [...document.images].every((one) => one.complete)
  && ![...document.querySelectorAll("#page .dash-graph")].some((one) => !one.querySelector(".main-svg"))"""

CARRIED = """(files) => {
  const carried = new DataTransfer();
  for (const [name, content] of files) {
    carried.items.add(new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], name));
  }
  return carried;
}"""


class Served:
    """A dashboard that answers at a port of its own while the block runs."""

    def __init__(self, board):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.board, self.address = board, f"http://127.0.0.1:{self.port}/"
        self.server = make_server("127.0.0.1", self.port, make_app(board, port=self.port).server, threaded=True)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.board.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(board_of(make_places(tmp_path_factory.mktemp("served") / "project"))) as made:
        yield made


class Page(Opened):
    """A page of the dashboard, ready to be used."""

    def __init__(self, browser, served, page="", **look):
        super().__init__(browser, served.address + page, **look)
        self.page.locator("#page h1").wait_for()
        self.settle()

    def settle(self):
        """Wait until no callback of Dash is under way, which may call others, and all pictures are there."""
        for _ in range(2):
            self.page.wait_for_timeout(40)
            self.page.wait_for_function(SETTLED)

    def choose(self, row, words):
        """Press one of a row of buttons."""
        self.page.locator(f"#{row} label").filter(has_text=re.compile(f"^{re.escape(words)}$")).click()
        self.settle()

    def press(self, key):
        self.page.keyboard.press(key)
        self.settle()

    def names(self, within):
        """Names of the images of a gallery."""
        return self.page.locator(f"#{within} .card .name").all_inner_texts()

    def upload(self, zone, *files):
        """Choose files, each (name, bytes)."""
        with self.page.expect_file_chooser() as chooser:
            self.page.locator(f"#{zone} button").click()
        payload = [{"name": name, "mimeType": "application/octet-stream", "buffer": content} for name, content in files]
        chooser.value.set_files(payload)
        self.settle()

    def transfer(self, *files):
        """Files, each (name, bytes), as the mouse carries them: a `DataTransfer` of the page."""
        carried = [(name, base64.b64encode(content).decode()) for name, content in files]
        return self.page.evaluate_handle(CARRIED, carried)

    def drop(self, zone, *files):
        """Drop files, each (name, bytes), on a place for them."""
        self.page.dispatch_event(f"#{zone}", "drop", {"dataTransfer": self.transfer(*files)})
        self.settle()

    def download(self, words):
        """What a link gives, as bytes."""
        with self.page.expect_download() as found:
            self.page.locator("a", has_text=words).click()
        return Path(found.value.path()).read_bytes()

    def check_quiet(self, served):
        """Nothing was complained of, and nothing asked of another machine."""
        assert self.complaints == []
        assert [url for url in self.asked if not url.startswith((served.address, "data:", "blob:"))] == []


@pytest.mark.parametrize("page", PAGES)
def test_pages_open_without_a_complaint_an_outside_request_or_overflow(browser, served, page):
    for size, scheme in ((DESK, "light"), (PHONE, "dark")):
        with Page(browser, served, page, size=size, scheme=scheme) as opened:
            opened.check_quiet(served)
            assert opened.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            pictures = opened.page.evaluate("[...document.images].map((one) => one.complete && one.naturalWidth)")
            assert all(pictures)
            weak = [text for text in opened.page.evaluate(CONTRASTS) if text["ratio"] < (3 if text["large"] else 4.5)]
            assert weak == [], (size, scheme)


def test_simulated_dates_are_said_to_be(browser, served):
    with Page(browser, served) as opened:
        assert "simulated" in opened.page.locator("#notices strong").inner_text()
        assert "Dates are simulated" in opened.page.locator("#control-words").inner_text()


def cards_of(opened):
    return [int(text.replace(",", "")) for text in opened.page.locator("#cards .figure-number").all_inner_texts()]


def test_distribution_counts_what_is_chosen(browser, served):
    """20 training images: classes in turn, each fifth clean; predictions of 10; 3 test images."""
    with Page(browser, served) as opened:
        assert cards_of(opened) == [20, 4, 4, 4, 4, 4]
        opened.choose("which", "training, as predicted")
        assert cards_of(opened) == [10, 3, 1, 2, 2, 2]
        opened.choose("which", "test, as predicted")
        assert cards_of(opened) == [3, 1, 1, 1, 0, 0]
        opened.choose("which", "training, as labelled")
        bars = opened.page.evaluate("document.querySelector('#bars .js-plotly-plot').data[0].y")
        ring = opened.page.evaluate("document.querySelector('#pie .js-plotly-plot').data[0].values")
        assert list(bars) == [4] * 5 and list(ring) == [4] * 5
        opened.choose("period", "week")
        weeks = opened.page.evaluate("document.querySelector('#trend .js-plotly-plot').data[0].x.length")
        opened.choose("period", "month")
        assert weeks > 12 >= opened.page.evaluate("document.querySelector('#trend .js-plotly-plot').data[0].x.length")
        opened.choose("watched", "class 2")
        assert opened.page.locator("#control-title").inner_text() == "Control chart: images with class 2"
        centre = opened.page.evaluate("document.querySelector('#control .js-plotly-plot').data[2].y")
        assert set(centre) == {0.2}
        opened.check_quiet(served)


def test_range_of_dates_narrows_and_is_given_back(browser, served):
    taken = served.board.catalogue.table
    training = taken.loc[taken["part"] == "train", "taken"].sort_values()
    with Page(browser, served) as opened:
        last = opened.page.locator("input.dash-datepicker-end-date")
        last.fill(f"{training.iloc[9]:%Y-%m-%d}")
        last.press("Enter")
        opened.page.locator("h1").click()
        opened.settle()
        expected = int((training.dt.normalize() <= training.iloc[9].normalize()).sum())
        assert cards_of(opened)[0] == expected < 20
        opened.page.locator("#to-images").click()  # and it holds for the other pages
        opened.page.locator("#pages-above").wait_for()
        opened.settle()
        assert (
            f"of {int((taken['taken'].dt.normalize() <= training.iloc[9].normalize()).sum())}"
            in opened.page.locator("#pages-above").inner_text()
        )
        opened.page.locator("#all-dates").click()
        opened.settle()
        assert "of 23" in opened.page.locator("#pages-above").inner_text()


def test_three_images_of_a_class_and_again_on_a_click(browser, served):
    with Page(browser, served, "images") as opened:
        found = set()
        for _ in range(12):
            opened.page.locator("#random").click()
            opened.settle()
            names = opened.names("three")
            assert len(set(names)) == 3 and opened.page.locator("#three .view").count() == 6  # target and prediction
            found |= set(names)
        assert len(found) > 3
        opened.choose("random-class", "class 4")
        assert sorted(opened.names("three")) == ["11.png", "15.png"]  # those with a prediction
        opened.check_quiet(served)


def test_images_are_filtered_and_ordered(browser, served):
    with Page(browser, served, "images") as opened:
        assert len(opened.names("grid")) == 23
        opened.choose("split-filter", "holdout")
        assert sorted(opened.names("grid")) == [f"{number}.png" for number in range(15, 20)]
        opened.choose("class-filter", "no defect")
        assert opened.names("grid") == ["19.png"]
        opened.choose("class-filter", "any")
        opened.choose("split-filter", "holdout")
        opened.choose("verdict-filter", "wrong classes")
        assert sorted(opened.names("grid")) == ["13.png", "19.png"]
        opened.choose("verdict-filter", "a class missed")
        assert opened.names("grid") == ["13.png"]
        opened.choose("verdict-filter", "any")
        highest = opened.page.locator(".field", has_text="Mean Dice").locator("input").last
        highest.fill("0.8")
        highest.press("Tab")
        opened.settle()
        assert sorted(opened.names("grid")) == ["13.png", "19.png"]
        highest.fill("1")
        highest.press("Tab")
        lowest = opened.page.locator(".field", has_text="Defects cover").locator("input").first
        lowest.fill("30")
        lowest.press("Tab")
        opened.settle()
        areas = served.board.catalogue.areas + served.board.catalogue.test_areas
        assert len(opened.names("grid")) == (areas.sum(axis=1) / 2048 >= 0.3).sum() > 0
        opened.page.locator("#order").click()
        opened.page.get_by_text("largest defects first").last.click()
        opened.settle()
        assert opened.names("grid")[0] == "00.png"  # of the test part: half of it is predicted
        opened.check_quiet(served)


def test_images_are_paged(browser, served, monkeypatch):
    monkeypatch.setattr("helpers.dashboard.pages.images.page_of.__defaults__", (10,))
    with Page(browser, served, "images") as opened:
        first = opened.names("grid")
        assert len(first) == 10 and opened.page.locator("#pages-below").inner_text() == "1 to 10 of 23 · page 1 of 3"
        opened.page.locator("#next-above").click()
        opened.settle()
        opened.page.locator("#next-below").click()
        opened.settle()
        assert len(opened.names("grid")) == 3 and "page 3 of 3" in opened.page.locator("#pages-above").inner_text()
        opened.page.locator("#next-above").click()  # there is none behind the last
        opened.settle()
        assert "page 3 of 3" in opened.page.locator("#pages-above").inner_text()
        for _ in range(2):
            opened.page.locator("#before-below").click()
            opened.settle()
        assert opened.names("grid") == first


def test_viewer_leafs_zooms_and_shows_layers_by_mouse_and_keyboard(browser, served):
    with Page(browser, served, "worst") as opened:
        page = opened.page
        page.locator("#worst-grid .card").first.click()
        page.locator("#viewer").wait_for()
        opened.settle()
        assert "1 of 10" in page.locator("#viewer-title").inner_text()
        assert page.locator(".pane").count() == 2 and page.locator("#viewer-close").evaluate(
            "(one) => one === document.activeElement"
        )
        opened.press("ArrowRight")
        assert "2 of 10" in page.locator("#viewer-title").inner_text()
        page.locator("#viewer-before").click()
        opened.settle()
        opened.press("ArrowLeft")  # there is none before the first
        assert "1 of 10" in page.locator("#viewer-title").inner_text()

        zoom = "Number(getComputedStyle(document.documentElement).getPropertyValue('--zoom'))"
        assert page.evaluate(zoom) == 1
        opened.press("+")
        page.locator("[data-zoom=in]").click()
        near = page.evaluate(zoom)
        assert near == pytest.approx(1.4**2)
        pane = page.locator(".pane").first.bounding_box()
        page.mouse.move(pane["x"] + 100, pane["y"] + 50)
        page.mouse.wheel(0, -300)
        page.wait_for_function(f"() => {zoom} > {near} + 0.1")
        before = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--x')")
        page.mouse.down()
        page.mouse.move(pane["x"] + 60, pane["y"] + 40, steps=3)
        page.mouse.up()
        assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--x')") != before
        stages = page.locator(".stage").evaluate_all("(all) => all.map((one) => getComputedStyle(one).transform)")
        assert len(set(stages)) == 1 and stages[0] != "none"  # all views move together
        opened.press("0")
        assert page.evaluate(zoom) == 1

        mask = page.locator("#viewer .mask").first
        assert mask.is_visible() and mask.evaluate("(one) => getComputedStyle(one).opacity") == "0.6"
        opened.press("o")
        assert not mask.is_visible()
        opened.choose("overlays", "shown")
        assert mask.is_visible()
        page.locator("#opacity [role=slider]").focus()
        page.keyboard.press("End")
        page.wait_for_function("() => getComputedStyle(document.querySelector('#viewer .mask')).opacity === '1'")
        page.locator("#viewer-title").click()
        opened.press("p")
        assert (
            page.locator("figcaption", has_text="Probability of class 1").is_visible()
            and page.locator(".pane").count() == 3
        )
        opened.choose("map", "off")
        assert page.locator(".pane").count() == 2
        opened.press("Escape")
        assert not page.locator("#viewer").is_visible()
        opened.check_quiet(served)


def test_worst_first_by_three_orders_and_marks_with_notes(browser, served):
    note = '=HYPERLINK("http://mill.example")<script>alert(1)</script>'
    with Page(browser, served, "worst") as opened:
        page = opened.page
        assert sorted(opened.names("worst-grid")[:2]) == ["13.png", "19.png"]
        opened.choose("worst-order", "largest false alarm")
        assert opened.names("worst-grid") == ["19.png"]
        opened.choose("worst-order", "most missed")
        assert opened.names("worst-grid") == ["13.png"]
        page.locator("#worst-grid .card").click()
        page.locator("#viewer").wait_for()
        opened.settle()
        opened.press("m")
        page.keyboard.type(note)  # with letters that are keys of the viewer
        page.locator("#mark").click()
        opened.settle()
        assert page.locator("#mark-words").inner_text() == "Marked for review."
        opened.press("Escape")
        opened.press("Escape")
        assert page.locator("#marks .mark-note").inner_text() == note and page.locator("#worst-grid .star").count() == 1
        (row,) = csv.DictReader(io.StringIO(opened.download("Download as CSV").decode(), newline=""))
        assert row["image_id"] == "13.png" and row["note"] == f"'{note}"
    with Page(browser, served, "worst") as again:  # another browser sees it: it is kept
        again.page.locator("#marks .card").click()
        again.page.locator("#viewer").wait_for()
        again.settle()
        assert again.page.locator("#note").input_value() == note
        again.page.locator("#unmark").click()
        again.settle()
        again.press("Escape")
        assert "Nothing is marked yet" in again.page.locator("#marks").inner_text()
        again.check_quiet(served)


def submission(tmp_path, numbers, masks):
    write_submission(tmp_path / "made.csv", [f"{number:02}.png" for number in numbers], masks)
    return (tmp_path / "made.csv").read_bytes()


def test_submission_is_linted_scored_and_compared(browser, served, tmp_path):
    """19 in truth is clean; A says so, ours invents 300 pixels of class 1."""
    numbers = [16, 18, 19]
    with Page(browser, served, "submission") as opened:
        page = opened.page
        opened.upload("drop-a", ("theirs.csv", submission(tmp_path, numbers, [tiny_masks(each) for each in numbers])))
        page.locator("#linted h2").wait_for()
        opened.settle()
        assert page.locator("#linted h2").inner_text() == "A: theirs.csv"
        assert (
            "Nothing is wrong with it. 3 images; 3 of them are training images." in page.locator("#linted").inner_text()
        )
        assert page.locator("#scored tbody tr").first.inner_text().split()[:2] == ["all", "1.00000"]
        assert "A beside ours (by_hand)" in page.locator("#compared").inner_text()
        assert opened.names("compared") == ["19.png"]
        page.locator("#compared .card").click()
        page.locator("#viewer").wait_for()
        opened.settle()
        assert page.locator("#viewer figcaption").all_inner_texts() == ["Target", "A: theirs.csv", "ours (by_hand)"]
        opened.press("Escape")
        opened.choose("against", "B")
        assert "Drop a second submission." in page.locator("#compared").inner_text()
        opened.upload(
            "drop-b", ("other.csv", submission(tmp_path, numbers, [0 * tiny_masks(each) for each in numbers]))
        )
        page.locator("#linted h2", has_text="B: other.csv").wait_for()
        opened.settle()
        assert sorted(opened.names("compared")) == ["16.png", "18.png"]
        opened.check_quiet(served)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "A: empty.csv: the file is empty"),
        ("columns.csv", b"a,b\n1,2\n", "found the columns a, b; expected"),
        ("bomb.xlsx", zip_bomb(100 * 2**20), "unpacked it has 105 MB"),
        ("binary.csv", bytes(range(256)), "is not UTF-8 text"),
        ("<img src=x onerror=alert(1)>.csv", b"", "A: <img src=x onerror=alert(1)>.csv: the file is empty"),
    ],
)
def test_bad_submission_is_said_and_a_good_one_is_taken_after_it(browser, served, tmp_path, name, content, message):
    with Page(browser, served, "submission") as opened:
        opened.upload("drop-a", (name, content))
        opened.page.locator("#refused .notice").wait_for()
        assert message in opened.page.locator("#refused").inner_text()
        assert all(
            "400" in complaint for complaint in opened.complaints
        )  # the browser notes the refusal; no script fails
        opened.upload("drop-a", ("good.csv", submission(tmp_path, [8], [tiny_masks(8)])))
        opened.page.locator("#linted h2", has_text="A: good.csv").wait_for()
        opened.settle()
        assert opened.page.locator("#refused .notice").count() == 0


def test_faulty_rows_are_listed_and_not_scored(browser, served):
    with Page(browser, served, "submission") as opened:
        opened.upload("drop-a", ("faulty.csv", b"ImageId,EncodedPixels,ClassId\n08.png,5 9 7 1,1\n08.png,1 1,1\n"))
        opened.page.locator("#linted table").wait_for()
        opened.settle()
        text = opened.page.locator("#linted").inner_text()
        assert "2 errors" in text and "a second time, after row 2" in text
        assert "mend the errors first" in opened.page.locator("#scored").inner_text()


def test_images_are_predicted_shown_and_downloaded(browser, served):
    with Page(browser, served, "predict") as opened:
        page = opened.page
        files = [
            ("five.png", png_of(5)),
            ("bomb.png", png_bomb(8000, 6000)),
            ("no.txt", b"text"),
            ("clean.png", png_of(4)),
        ]
        opened.upload("drop-images", *files)
        page.get_by_text("2 of 4 predicted by hand.").wait_for()
        opened.settle()
        assert page.locator(".result h2").all_inner_texts() == ["five.png", "clean.png"]
        assert page.locator(".result").first.locator("tbody tr").nth(1).inner_text().split() == [
            "class", "2", f"{predicted(5).sum() / 2048:.2%}", "0.980"
        ]  # fmt: skip
        problems = page.locator("#predicted .notice.bad").all_inner_texts()
        assert "6,000 x 8,000 pixels" in problems[0] and "no.txt: this is no sound image" in problems[1]
        assert page.locator(".result .mask").count() == 1
        assert b"five.png," in opened.download("Download the runs")
        with zipfile.ZipFile(io.BytesIO(opened.download("Download the overlays"))) as file:
            assert len(file.namelist()) == 2
        opened.check_quiet(served)


def test_two_browsers_do_not_see_each_other_s_uploads(browser, served, tmp_path):
    with Page(browser, served, "submission") as one, Page(browser, served, "submission") as other:
        one.upload("drop-a", ("mine.csv", submission(tmp_path, [8], [tiny_masks(8)])))
        one.page.locator("#linted h2").wait_for()
        other.page.reload()
        other.page.locator("#drop-a").wait_for()
        other.settle()
        assert other.page.locator("#linted h2").count() == 0
        one.page.reload()  # but the first one still does
        one.page.locator("#linted h2", has_text="mine.csv").wait_for()


def test_pages_are_linked_and_an_unknown_address_says_so(browser, served):
    with Page(browser, served) as opened:
        for name in ("images", "worst", "submission", "predict", "start"):
            opened.page.locator(f"#to-{name}").click()
            opened.page.locator(f"#to-{name}.here").wait_for()
        opened.page.goto(served.address + "nowhere")
        opened.page.get_by_text("There is no such page.").wait_for()


def test_scheme_follows_the_system_until_the_button_is_pressed(browser, served):
    paper = "getComputedStyle(document.body).backgroundColor"
    with Page(browser, served, scheme="dark") as opened:
        dark = opened.page.evaluate(paper)
        assert opened.page.locator("#theme").inner_text() == "Light" and dark != "rgb(255, 255, 255)"
        opened.page.locator("#theme").click()
        assert opened.page.evaluate(paper) == "rgb(255, 255, 255)"
        opened.page.reload()
        opened.page.locator("#theme", has_text="Dark").wait_for()
        assert opened.page.evaluate(paper) == "rgb(255, 255, 255)"


def test_names_from_files_are_no_markup(browser, tmp_path):
    places = make_places(tmp_path / "project", 5, run=False)
    name = "<img src=x onerror=alert(1)>.png"
    folder = places.dataset.directory
    (folder / "train_images" / "04.png").rename(folder / "train_images" / name)
    (folder / "classes.json").write_text(
        '{"classes": {"1": "<b>pits</b>", "2": "<script>alert(2)</script>", "3": "c & d", "4": "e"}}'
    )
    with Served(board_of(open_places(places.root, str(folder)))) as served:
        for page in ("", "images"):
            with Page(browser, served, page) as opened:
                opened.check_quiet(served)
                assert opened.page.locator("#page b, #page img[src=x]").count() == 0
                assert page == "" or name in opened.names("grid")
        with Page(browser, served, "predict") as opened:
            assert "There is no model to predict with." in opened.page.locator("#page").inner_text()
            opened.check_quiet(served)


def test_viewer_fits_a_phone(browser, served):
    with Page(browser, served, "worst", size=PHONE) as opened:
        opened.page.locator("#worst-grid .card").first.click()
        opened.page.locator("#viewer").wait_for()
        opened.settle()
        assert opened.page.evaluate("document.getElementById('viewer').scrollWidth") <= PHONE["width"]


@contextmanager
def commanded(places):
    """`steel dashboard` of a project while the block runs: (its process, its port, the lines that it printed)."""
    (places.root / "notebooks").mkdir()
    (places.root / "run_all.py").touch()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-u", "-m", "helpers.cli", "dashboard", "--data", str(places.dataset.directory)]
    # Tests that run in the background ignore Ctrl+C, and what they start would, too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    started = subprocess.Popen([*command, "--port", str(port)], cwd=places.root, stdout=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    try:
        lines = [started.stdout.readline().strip() for _ in range(2)]
        for _ in range(100):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                    assert answer.status == 200
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        else:
            pytest.fail("nothing answers")
        yield started, port, lines
    finally:
        started.kill()
        started.wait()
        started.stdout.close()


def test_the_command_serves_on_this_machine_and_ends_at_ctrl_c(tmp_path):
    with commanded(make_places(tmp_path / "project", 5, run=False)) as (started, port, lines):
        assert lines == [
            "tiny: 5 training and 3 test images; no run of it.",
            f"Open http://127.0.0.1:{port}/ (Ctrl+C ends it).",
        ]
        started.send_signal(signal.SIGINT)
        assert started.wait(timeout=60) == 0
