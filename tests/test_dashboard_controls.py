"""The dashboard in a real browser: files that are dropped, two models, keys; real images through every page."""

import os
import re
import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from browsing import DESK, PHONE
from helpers.dashboard import uploads as uploads_module
from helpers.dashboard.board import make_board
from helpers.dashboard.catalogue import make_catalogue
from helpers.dashboard.places import Places
from helpers.dashboard.scores import _compute
from helpers.data.dataset import read_dataset
from helpers.inference.detector import Detector
from helpers.inference.submission import write_submission
from helpers.inference.workbook import write_workbook
from made_board import (
    BLIND,
    DECISIONS,
    MODEL,
    NETWORK,
    NetworkByHand,
    NetworkOfNothing,
    load_by_hand,
    make_places,
    split_of,
    write_run,
)
from test_dashboard_browser import Page, Served, cards_of, commanded, submission
from test_dashboard_server import board_of, png_of
from tiny_models import tiny_masks

ROOT = Path(__file__).absolute().parents[1]
REAL = Path(os.environ.get("SEVERSTAL_DIR") or ROOT.parent / "shared" / "severstal")
ZOOM = "Number(getComputedStyle(document.documentElement).getPropertyValue('--zoom'))"
OPACITY = "getComputedStyle(document.querySelector('#viewer .mask')).opacity"


def places_of_two(root):
    """A run of two models: one that is mostly right, and one that sees nothing."""
    return make_places(root / "project", engines={MODEL: NetworkByHand(), BLIND: NetworkOfNothing()})


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(board_of(places_of_two(tmp_path_factory.mktemp("controls")))) as made:
        yield made


def open_first(opened, within):
    """Open a gallery's first image in the viewer."""
    opened.page.locator(f"#{within} .card").first.click()
    opened.page.locator("#viewer .pane").first.wait_for()
    opened.settle()


def place_of(opened):
    """Where the viewer is, such as "2 of 10"."""
    return opened.page.locator("#viewer-title").inner_text().partition(" · ")[2]


# Files that are dropped


def test_images_are_dropped(browser, served):
    with Page(browser, served, "predict") as opened:
        zone = opened.page.locator("#drop-images")
        zone.dispatch_event("dragover")
        assert "over" in zone.get_attribute("class").split()
        zone.dispatch_event("dragleave")
        assert "over" not in zone.get_attribute("class").split()
        opened.drop("drop-images", ("five.png", png_of(5)), ("clean.png", png_of(4)))
        opened.page.get_by_text("2 of 2 predicted by hand.").wait_for()
        opened.settle()
        assert opened.page.locator(".result h2").all_inner_texts() == ["five.png", "clean.png"]
        opened.check_quiet(served)


def test_a_submission_is_dropped_alone(browser, served, tmp_path):
    file = ("dropped.csv", submission(tmp_path, [8], [tiny_masks(8)]))
    with Page(browser, served, "submission") as opened:
        opened.drop("drop-a", file, file)
        opened.page.locator("#refused", has_text="Got several files, expected one.").wait_for()
        assert not [url for url in opened.asked if "/upload/" in url]
        opened.drop("drop-a", file)
        opened.page.locator("#linted h2", has_text="A: dropped.csv").wait_for()
        opened.settle()
        assert opened.page.locator("#refused .notice").count() == 0
        opened.check_quiet(served)


def test_a_file_dropped_beside_the_place_does_nothing(browser, served):
    dropped = """(carried) => document.querySelector("h1").dispatchEvent(
        new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }))"""
    with Page(browser, served, "predict") as opened:
        assert not opened.page.evaluate(dropped, opened.transfer(("five.png", png_of(5))))  # nor is it opened instead
        opened.settle()
        assert opened.page.locator("#predicted-words").count() == 0
        assert not [url for url in opened.asked if "/upload/" in url]


# Files that are good in another form, or too large


def test_a_workbook_is_linted_and_scored(browser, served, tmp_path):
    numbers = [16, 18, 19]
    submission(tmp_path, numbers, [tiny_masks(number) for number in numbers])
    write_workbook(tmp_path / "made.csv", tmp_path / "made.xlsx")
    with Page(browser, served, "submission") as opened:
        opened.upload("drop-a", ("theirs.xlsx", (tmp_path / "made.xlsx").read_bytes()))
        opened.page.locator("#linted h2", has_text="A: theirs.xlsx").wait_for()
        opened.settle()
        assert "Nothing is wrong with it. 3 images" in opened.page.locator("#linted").inner_text()
        assert opened.page.locator("#scored tbody tr").first.inner_text().split()[:2] == ["all", "1.00000"]
        opened.check_quiet(served)


def test_files_that_are_too_large_are_refused_in_the_page(browser, served, monkeypatch):
    large = bytes(2**20 + 1)
    monkeypatch.setattr(uploads_module, "MOST_SUBMISSION", 2**20)
    monkeypatch.setattr(uploads_module, "MOST_IMAGE", 2**20)
    with Page(browser, served, "submission") as opened:
        opened.upload("drop-a", ("large.csv", large))
        opened.page.locator("#refused", has_text="A: large.csv: the file has more than 1 MiB").wait_for()
        with monkeypatch.context() as patched:
            patched.setitem(served.server.app.config, "MAX_CONTENT_LENGTH", 2**20)
            opened.upload("drop-b", ("larger.csv", large))
            opened.page.locator("#refused", has_text="B: What was sent has more than 64 MiB").wait_for()
    with Page(browser, served, "predict") as opened:
        opened.upload("drop-images", ("large.png", large), ("five.png", png_of(5)))
        opened.page.get_by_text("1 of 2 predicted by hand.").wait_for()
        refused = opened.page.locator("#predicted .notice.bad").inner_text()
        assert refused.startswith("large.png: the file has more than 1 MiB")


# Pages, models and dates


def test_worst_images_are_paged(browser, served, monkeypatch):
    monkeypatch.setattr("helpers.dashboard.pages.worst.PER_PAGE", 4)
    with Page(browser, served, "worst") as opened:
        words, seen = opened.page.locator("#worst-pages"), {}
        assert words.inner_text() == "1 to 4 of 10 · page 1 of 3"
        for button, number in (("before", 1), ("next", 2), ("next", 3), ("next", 3)):  # none before and none behind
            opened.page.locator(f"#worst-{button}").click()
            opened.settle()
            assert f"page {number} of 3" in words.inner_text()
            seen[number] = opened.names("worst-grid")
        assert [len(names) for names in seen.values()] == [4, 4, 2] and len(set().union(*seen.values())) == 10
        open_first(opened, "worst-grid")
        assert place_of(opened) == "9 of 10"
        opened.page.locator("#mark").click()
        opened.settle()
        opened.page.locator("#unmark").click()
        opened.settle()
        opened.press("Escape")
        assert "page 3 of 3" in words.inner_text()  # a mark leaves the page where it is
        opened.page.locator("#worst-before").click()
        opened.settle()
        assert "page 2 of 3" in words.inner_text() and opened.names("worst-grid") == seen[2]
        opened.choose("worst-order", "most missed")
        assert opened.names("worst-grid") == ["13.png"]
        opened.check_quiet(served)


def choose_model(opened, name):
    opened.page.locator("#model").click()
    opened.page.locator(".dash-dropdown-option", has_text=re.compile(f"^{name}$")).click()
    opened.settle()


def test_the_model_is_chosen_for_all_pages(browser, served, tmp_path):
    """Ten images have predictions, of which 14 and 19 are clean; one model is right on all but 13 and 19."""
    with Page(browser, served) as opened:
        assert opened.page.locator("#model").inner_text().strip() == MODEL
        opened.choose("which", "training, as predicted")
        assert cards_of(opened) == [10, 3, 1, 2, 2, 2]
        choose_model(opened, BLIND)
        assert cards_of(opened) == [10, 0, 0, 0, 0, 10]
        opened.page.locator("#to-worst").click()
        opened.page.locator("#worst-order").wait_for()
        opened.settle()
        assert sorted(opened.names("worst-grid")[-2:]) == ["14.png", "19.png"]
        opened.choose("worst-order", "most missed")
        assert len(opened.names("worst-grid")) == 8
        open_first(opened, "worst-grid")
        assert f"Prediction of {BLIND}" in opened.page.locator("#viewer figcaption").all_inner_texts()
        assert "Prediction: nothing" in opened.page.locator("#viewer-facts").inner_text().replace("\n", " ")
        opened.press("Escape")
        opened.choose("worst-order", "largest false alarm")
        assert "No image fits." in opened.page.locator("#worst-grid").inner_text()
        choose_model(opened, MODEL)
        assert opened.names("worst-grid") == ["19.png"]
        choose_model(opened, BLIND)
        opened.page.locator("#to-images").click()
        opened.page.locator("#verdict-filter").wait_for()
        opened.settle()
        opened.choose("verdict-filter", "a class missed")
        assert len(opened.names("grid")) == 8
        opened.page.locator("#to-submission").click()
        opened.page.locator("#drop-a").wait_for()
        opened.drop("drop-a", ("theirs.csv", submission(tmp_path, [16, 19], [tiny_masks(16), tiny_masks(19)])))
        opened.page.locator("#compared", has_text=f"A beside ours ({BLIND})").wait_for()
        opened.settle()
        assert opened.names("compared") == ["16.png"]
        opened.check_quiet(served)


@pytest.fixture
def scoring(monkeypatch, tmp_path):
    """(a dashboard whose scores are still computed, the event that lets them be)."""
    go_on = threading.Event()

    def compute(*given):
        assert go_on.wait(120)
        return _compute(*given)

    monkeypatch.setattr("helpers.dashboard.scores._compute", compute)
    monkeypatch.setattr("helpers.dashboard.app.LOOK_AGAIN", 300)
    places = places_of_two(tmp_path)
    damage(places.run.directory / "models" / BLIND / "predictions.zip")
    with Served(make_board(places, load_by_hand)) as made:
        try:
            yield made, go_on
        finally:
            go_on.set()
            made.board.scores.wait()


def damage(archive):
    """Spoil an archive's first member."""
    content = bytearray(archive.read_bytes())
    content[60:80] = bytes(20)
    archive.write_bytes(content)


def test_pages_say_that_scores_are_still_computed_and_show_them_then(browser, scoring, tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.dashboard.pages.images.page_of.__defaults__", (10,))
    served, go_on = scoring
    awaited = "Predictions of labelled images are still being scored"
    with Page(browser, served) as opened, Page(browser, served, "worst") as worst:
        page = opened.page
        assert page.locator("#scores-words").inner_text() == f"Scores are being taken, once, of: {MODEL}, {BLIND}."
        assert "no model" in page.locator("#model").inner_text()
        opened.choose("which", "training, as predicted")
        assert awaited in page.locator("#cards").inner_text()
        assert awaited in worst.page.locator("#worst-grid").inner_text()
        page.locator("#to-submission").click()
        page.locator("#drop-a").wait_for()
        opened.drop("drop-a", ("theirs.csv", submission(tmp_path, [16], [tiny_masks(16)])))
        page.locator("#compared", has_text=awaited).wait_for()
        page.locator("#to-images").click()
        page.locator("#next-above").wait_for()
        opened.settle()
        page.locator("#next-above").click()
        opened.settle()
        page.wait_for_timeout(1000)  # in which it is asked three times whether the scores are there
        assert "page 2 of 3" in page.locator("#pages-above").inner_text()
        assert page.locator("#grid .card", has_text="no prediction kept").count() == 0
        open_first(opened, "grid")
        assert awaited in page.locator("#viewer-facts").inner_text()
        opened.press("Escape")

        go_on.set()
        page.locator("#model", has_text=MODEL).wait_for()
        page.locator("#notices", has_text=f"{BLIND} is not shown: ").wait_for()
        opened.settle()
        assert page.locator("#scores-words").inner_text() == ""
        assert page.locator("#grid .card", has_text="no prediction yet").count() == 0
        worst.page.locator("#worst-grid .card").first.wait_for()
        assert len(worst.names("worst-grid")) == 10
        opened.check_quiet(served)
        worst.check_quiet(served)


def test_a_later_first_day_leaves_fewer_images(browser, served):
    taken = served.board.catalogue.table
    days = taken.loc[taken["part"] == "train", "taken"].dt.normalize().sort_values()
    with Page(browser, served) as opened:
        first = opened.page.locator("input.dash-datepicker-start-date")
        first.fill(f"{days.iloc[12]:%Y-%m-%d}")
        first.press("Enter")
        opened.page.locator("h1").click()
        opened.settle()
        expected = int((days >= days.iloc[12]).sum())
        assert cards_of(opened)[0] == expected < 20 and sum(cards_of(opened)[1:]) == expected
        bars = opened.page.evaluate("document.querySelector('#bars .js-plotly-plot').data[0].y")
        assert sum(bars) == expected
        opened.page.locator("#all-dates").click()
        opened.settle()
        assert cards_of(opened)[0] == 20


# The viewer


def test_viewer_zooms_out_and_back_by_buttons_and_double_clicks(browser, served):
    with Page(browser, served, "worst") as opened:
        page = opened.page
        open_first(opened, "worst-grid")
        for _ in range(2):
            page.locator("[data-zoom=in]").click()
        page.locator("[data-zoom=out]").click()
        assert page.evaluate(ZOOM) == pytest.approx(1.4)
        opened.press("-")
        page.locator("[data-zoom=out]").click()  # the whole image is the smallest
        assert page.evaluate(ZOOM) == 1
        page.locator("[data-zoom=in]").click()
        page.locator("[data-zoom=none]").click()
        assert page.evaluate(ZOOM) == 1
        pane = page.locator(".pane").first
        pane.dblclick(position={"x": 120, "y": 60})
        assert page.evaluate(ZOOM) == 4
        moved = "(name) => parseFloat(getComputedStyle(document.documentElement).getPropertyValue(name))"
        point = [page.evaluate(moved, name) for name in ("--x", "--y")]
        assert point == pytest.approx([-3 * 120, -3 * 60], abs=3)  # what was clicked stays there
        pane.dblclick(position={"x": 10, "y": 10})
        assert page.evaluate(ZOOM) == 1
        opened.check_quiet(served)


def test_viewer_leafs_by_its_buttons(browser, served):
    with Page(browser, served, "worst") as opened:
        open_first(opened, "worst-grid")
        for number in range(2, 11):
            opened.page.locator("#viewer-next").click()
            opened.settle()
            assert place_of(opened) == f"{number} of 10"
        opened.page.locator("#viewer-next").click()  # there is none behind the last
        opened.settle()
        assert place_of(opened) == "10 of 10"
        opened.page.locator("#viewer-before").click()
        opened.settle()
        assert place_of(opened) == "9 of 10"


def test_arrow_keys_steer_the_control_that_has_the_focus(browser, served):
    with Page(browser, served, "worst") as opened:
        page = opened.page
        open_first(opened, "worst-grid")
        opened.press("ArrowRight")
        opened.press("ArrowRight")
        opened.page.locator("#opacity [role=slider]").focus()
        for key, opacity in (("ArrowRight", "0.65"), ("ArrowLeft", "0.6"), ("ArrowLeft", "0.55"), ("ArrowUp", "0.6")):
            opened.press(key)
            assert page.evaluate(OPACITY) == opacity and place_of(opened) == "3 of 10"
        page.locator("#map input").first.focus()
        for key, shown in (("ArrowRight", "class 1"), ("ArrowDown", "class 2"), ("ArrowLeft", "class 1")):
            opened.press(key)
            assert page.locator("#map label:has(input:checked)").inner_text() == shown
            assert page.locator("#viewer figcaption", has_text=f"Probability of {shown}").count() == 1
            assert place_of(opened) == "3 of 10"
        page.locator("#viewer-title").click()
        opened.press("ArrowRight")
        assert place_of(opened) == "4 of 10"
        opened.check_quiet(served)


# What is asked of the server as it is, without a browser that makes paths plain


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """(`Places`, port) of `steel dashboard`."""
    places = make_places(tmp_path_factory.mktemp("command") / "project")
    with commanded(places) as (_, port, _):
        yield places, port


def ask(port, target, method="GET"):
    """(status, body) of the answer to a request whose target is sent as it is."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        line.sendall(head.encode("latin-1"))
        answer = b"".join(iter(lambda: line.recv(2**16), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


PLACES = (
    "/",
    "/assets/",
    "/photograph/",
    "/thumbnail/",
    "/mask/truth/",
    "/mask/model/by_hand/",
    "/probability/by_hand/1/",
    "/predicted/",
    "/_dash-component-suites/dash/",
    "/_dash-component-suites/helpers.dashboard/",
)
OUTSIDE = (
    "../app.py",
    "..%2fapp.py",
    "%2e%2e/app.py",
    "%2e%2e%2fapp.py",
    "%252e%252e%252fapp.py",
    "..\\app.py",
    "..%5capp.py",
    "%c0%ae%c0%ae/app.py",
    "....//app.py",
    "../../run.json",
    "../../../data/tiny/train.csv",
    "../" * 20 + "etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "C:\\Windows\\win.ini",
    "file:///etc/passwd",
    "~/.ssh/id_rsa",
    "dashboard.css%00.png",
    "%00",
    "%0d%0aX-Made-Up:%20yes",
    "unknown",
    "\xff\xfe",
)
SECRETS = (b"root:", b"EncodedPixels", b"fingerprint", b"make_app", b"Traceback")


@pytest.mark.parametrize("place", PLACES)
def test_the_command_gives_no_file_outside(command, place):
    _, port = command
    for path in OUTSIDE:
        status, body = ask(port, place + path)
        # Two strokes in a row are sent on to the address with one, which is asked for here as well.
        assert status in (400, 404) or (status == 308 and "//" in place + path), path
        assert not [secret for secret in SECRETS if secret in body], path


@pytest.mark.parametrize(
    "target",
    [
        "/nowhere",
        "/images/",
        "/photograph/0000000000000000",
        "/mask/model/unknown/{key}",
        "/mask/unknown/{key}",
        "/probability/by_hand/99999999999999999999/{key}",
        "/probability/by_hand/-1/{key}",
        "/predicted/99999999999999999999/photograph",
        "/predicted/-1/mask",
        "http://127.0.0.1/../../etc/passwd",
        "*",
    ],
)
def test_the_command_finds_no_unknown_name(command, target):
    places, port = command
    key = make_catalogue(places).table["key"].iat[0]
    assert ask(port, target.format(key=key))[0] in (400, 404)
    assert ask(port, f"/photograph/{key}") == (200, places.dataset.path("00.png").read_bytes())
    assert ask(port, "/assets/viewer.js")[0] == ask(port, "/images")[0] == 200


# Real images through every page


class ByContrast:
    """Takes what is brighter than the photograph's mean for class 3, and what is darker for class 1."""

    name = "contrast"

    def predict_on_batch(self, batch):
        above = 2 * (batch - batch.mean(axis=(1, 2), keepdims=True))
        planes = [0.3 - above, np.full_like(batch, 0.1), 0.3 + above, np.full_like(batch, 0.2)]
        return np.clip(np.concatenate(planes, axis=-1), 0, 1)

    def get_weights(self):
        return [np.zeros(1)]


REAL_NETWORK = NETWORK | {"input_shape": (64, 400)}
JUDGED, TUNED = 23, 20


def load_contrast(folder):
    return Detector(ByContrast(), REAL_NETWORK | DECISIONS)


def masks_by(detector, images):
    """Masks of images, each (height, width, classes)."""
    return (np.stack([each.mask for each in found], axis=-1) for found in detector.predict(images))


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Real images, of which a network kept predictions of 43."""
    if not (REAL / "train.csv").exists():
        pytest.skip("no real images: set SEVERSTAL_DIR to the sample of 115 images")
    root = tmp_path_factory.mktemp("real")
    dataset, directory = read_dataset(REAL), root / "runs" / f"{REAL.name}-smoke"
    directory.mkdir(parents=True)
    split = split_of(dataset, len(dataset.training_ids) - JUDGED - TUNED, TUNED)
    test_masks = masks_by(load_contrast(""), (dataset.image(each, part="test") for each in dataset.test_ids))
    run = write_run(directory, dataset, {"contrast": ByContrast()}, split, test_masks, REAL_NETWORK)
    with Served(board_of(Places(dataset, run, directory / "dashboard", root), load_contrast)) as made:
        yield made


def check_shown(opened, served, size):
    """All pictures are there, nothing is complained of or asked elsewhere, and the page fits the window."""
    opened.settle()
    opened.check_quiet(served)
    assert all(opened.page.evaluate("[...document.images].map((one) => one.naturalWidth)"))
    for part in ("document.documentElement", "document.getElementById('viewer')"):
        assert opened.page.evaluate(f"{part}.scrollWidth") <= size["width"]


sizes = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])


@sizes
def test_real_images_are_counted(browser, real, size):
    dataset = real.board.catalogue.dataset
    counts = [int((dataset.areas[number] > 0).sum()) for number in range(1, 5)]
    clean = int((dataset.areas.sum(axis=1) == 0).sum())
    with Page(browser, real, size=size) as opened:
        assert cards_of(opened) == [len(dataset.training_ids), *counts, clean]
        opened.choose("which", "training, as predicted")
        assert cards_of(opened)[0] == JUDGED + TUNED
        opened.choose("which", "test, as predicted")
        assert cards_of(opened)[0] == len(dataset.test_ids)
        opened.choose("watched", "class 3")
        check_shown(opened, real, size)


@sizes
def test_real_images_are_filtered_and_opened_with_a_map(browser, real, size):
    table, areas = real.board.catalogue.table, real.board.catalogue.areas
    judged = int(((table["split"] == "holdout").to_numpy() & (areas[:, 2] > 0)).sum())
    with Page(browser, real, "images", size=size) as opened:
        opened.choose("split-filter", "holdout")
        opened.choose("class-filter", "class 3")
        assert len(opened.names("grid")) == judged > 0
        check_shown(opened, real, size)
        open_first(opened, "grid")
        opened.choose("map", "class 3")
        captions = opened.page.locator("#viewer figcaption").all_inner_texts()
        assert captions[:2] == ["Target", "Prediction of contrast"] and "Probability of class 3" in captions[2]
        check_shown(opened, real, size)


@sizes
def test_the_worst_real_image_is_marked(browser, real, size):
    note = f"seen at {size['width']} pixels"
    with Page(browser, real, "worst", size=size) as opened:
        check_shown(opened, real, size)
        name = opened.names("worst-grid")[0]
        open_first(opened, "worst-grid")
        opened.page.locator("#note").fill(note)
        opened.page.locator("#mark").click()
        opened.settle()
        opened.press("Escape")
        assert opened.names("marks") == [name] and opened.page.locator("#marks .mark-note").inner_text() == note
        check_shown(opened, real, size)


@sizes
def test_true_masks_of_real_images_score_1(browser, real, size, tmp_path):
    dataset = real.board.catalogue.dataset
    image_ids = dataset.training_ids[-4:]
    write_submission(tmp_path / "true.csv", image_ids, (dataset.masks(each) for each in image_ids))
    with Page(browser, real, "submission", size=size) as opened:
        opened.drop("drop-a", ("true.csv", (tmp_path / "true.csv").read_bytes()))
        opened.page.locator("#linted h2").wait_for()
        opened.settle()
        assert "Nothing is wrong with it. 4 images" in opened.page.locator("#linted").inner_text()
        assert opened.page.locator("#scored tbody tr").first.inner_text().split()[:2] == ["all", "1.00000"]
        assert "A beside ours (contrast)" in opened.page.locator("#compared").inner_text()
        check_shown(opened, real, size)


@sizes
def test_a_real_photograph_is_predicted(browser, real, size):
    dataset = real.board.catalogue.dataset
    image_id = dataset.training_ids[0]
    (found,) = load_contrast("").predict([dataset.image(image_id)])
    height, width = dataset.shape_of(image_id)
    with Page(browser, real, "predict", size=size) as opened:
        opened.drop("drop-images", (image_id, dataset.path(image_id).read_bytes()))
        opened.page.get_by_text("1 of 1 predicted by contrast.").wait_for()
        opened.settle()
        shares = [row.inner_text().split()[2] for row in opened.page.locator(".result tbody tr").all()]
        assert shares == [f"{each.pixels / (height * width):.2%}" if each.found else "no" for each in found]
        assert opened.page.locator(".result .mask").count() == 1 and any(each.found for each in found)
        check_shown(opened, real, size)
