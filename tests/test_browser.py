"""The report's pages in a real browser: Debian's Chromium, driven by Playwright, without a network."""

import re
import shutil
from pathlib import Path

import pytest

from browsing import CONTRASTS, DESK, PHONE, SCHEMES, Opened
from executed import HOSTILE, make_run
from helpers.report.pdf import print_pdf
from helpers.report.site import write_report, write_report_list

ROOT = Path(__file__).absolute().parents[1]
COMMITTED = ROOT / "reports" / "severstal-sample"
MODELS = [f"model_{number}" for number in range(12)] + ["a_model_with_a_name_that_goes_on_and_on_and_on"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The reports' folder with one that a run with thirteen models and planted names gives."""
    folder = tmp_path_factory.mktemp("browser")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("helpers.report.site.print_pdf", lambda page, pdf: "No paper.pdf.")
        run = make_run(folder / "run", monkeypatch, models=MODELS, data=HOSTILE)
        write_report(run, folder / "reports" / "made", say=lambda line: None)
    return folder / "reports"


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """A copy of the committed report, with the list of reports above it."""
    reports = tmp_path_factory.mktemp("committed")
    shutil.copytree(COMMITTED, reports / COMMITTED.name)
    write_report_list(reports)
    return reports


@pytest.fixture(params=["made", "committed"])
def reports(request):
    return request.getfixturevalue(request.param)


def pages_of(reports):
    """One of each kind: of the models with numbers in their names the first alone."""
    return sorted(path for path in reports.rglob("*.html") if not re.search(r"-model_[1-9]", path.name))


def go_until(page, path, holds):
    """Go to a page, again while something doesn't hold: what a page keeps, the browser stores a moment later."""
    for _ in range(20):
        page.goto(path.as_uri())
        if page.evaluate(holds):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"{path.name}: {holds} doesn't hold")


def test_pages_open_without_a_complaint_or_a_request_and_with_alt_texts(browser, reports):
    for path in pages_of(reports):
        with Opened(browser, path.as_uri()) as opened:
            assert opened.complaints == [], path.name
            outside = [url for url in opened.asked if not url.startswith(("file://", "data:image/"))]
            assert outside == [] and opened.asked[0] == path.as_uri()
            pictures = opened.page.evaluate(
                "[...document.images].map((one) => [one.alt, one.complete && one.naturalWidth])"
            )
            assert all(alt and width for alt, width in pictures), path.name
            assert opened.page.evaluate("document.querySelectorAll('main img').length") == len(pictures)


def test_nothing_overflows_on_a_phone(browser, reports):
    for path in pages_of(reports):
        with Opened(browser, path.as_uri(), size=PHONE) as opened:
            wide = "document.documentElement.scrollWidth"
            assert opened.page.evaluate(wide) <= PHONE["width"], path.name
            for menu in opened.page.locator("header .narrow summary").all():
                menu.click()
            assert opened.page.evaluate(wide) <= PHONE["width"], path.name
            boxes = [link.bounding_box() for link in opened.page.locator("header a:visible").all()]
            assert all(box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"] for box in boxes), path.name


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_has_contrast_with_code_unfolded(browser, reports, scheme):
    for path in pages_of(reports):
        with Opened(browser, path.as_uri(), scheme=scheme) as opened:
            opened.page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
            found = opened.page.evaluate(CONTRASTS)
            assert len(found) > 5, path.name
            weak = [text for text in found if text["ratio"] < (3 if text["large"] else 4.5)]
            assert weak == [], (path.name, scheme)


def test_scheme_follows_the_system_until_the_button_is_pressed(browser, made):
    paper = "getComputedStyle(document.body).backgroundColor"
    with Opened(browser, (made / "made" / "index.html").as_uri(), scheme="dark") as opened:
        page = opened.page
        dark = page.evaluate(paper)
        assert page.locator("button.theme").inner_text() == "Light"
        page.emulate_media(color_scheme="light")
        light = page.evaluate(paper)
        assert light == "rgb(255, 255, 255)" != dark
        page.locator("button.theme", has_text="Dark").wait_for()
        page.locator("button.theme").click()
        assert page.evaluate(paper) == dark
        go_until(page, made / "made" / "01_eda.html", f"{paper} === '{dark}'")  # remembered by the next page
        assert page.locator("button.theme").inner_text() == "Light"
        page.locator("button.theme").click()
        go_until(page, made / "made" / "05_evaluation.html", f"{paper} === '{light}'")
        assert opened.complaints == []


def test_code_unfolds_one_by_one_and_all_at_once(browser, made):
    with Opened(browser, (made / "made" / "01_eda.html").as_uri()) as opened:
        code = opened.page.locator("details.source pre")
        assert code.count() == 4 and not code.first.is_visible()
        opened.page.locator("details.source summary").first.click()
        assert code.first.is_visible() and not code.last.is_visible()
        button = opened.page.locator("button.code")
        button.click()
        assert all(one.is_visible() for one in code.all()) and button.inner_text() == "Hide all code"
        button.click()
        assert not any(one.is_visible() for one in code.all()) and button.get_attribute("aria-pressed") == "false"


def test_tables_sort_by_value_with_dashes_last(browser, made):
    with Opened(browser, (made / "made" / "01_eda.html").as_uri()) as opened:
        table = opened.page.locator("#table-01_scores + .table table")
        heads = table.locator("thead th")

        def order():
            return table.locator("tbody th").all_inner_texts()

        assert order() == ["one", "two", "three", "four"]
        heads.nth(1).locator("button").click()
        assert order() == ["four", "two", "one", "three"]  # -0.500, 0.070, 0.612, a dash
        assert heads.nth(1).get_attribute("aria-sort") == "ascending"
        heads.nth(1).locator("button").click()
        assert order() == ["one", "two", "four", "three"]
        heads.nth(2).locator("button").press("Enter")  # by keyboard: 9, 31, 450, 1,200
        assert order() == ["four", "two", "three", "one"]
        assert heads.nth(1).get_attribute("aria-sort") == "none"
        heads.nth(0).locator("button").press("Space")
        assert order() == ["four", "one", "three", "two"]
        for _ in range(2):
            heads.nth(0).locator("button").press("Enter")
        assert order() == ["one", "two", "three", "four"] and heads.nth(0).get_attribute("aria-sort") == "none"


def test_contents_scroll_to_their_headings(browser, reports):
    for path in pages_of(reports):
        with Opened(browser, path.as_uri()) as opened:
            links = opened.page.locator("nav.contents a")
            if not links.count():
                continue
            link = links.nth(links.count() - 1)
            link.click()
            heading = opened.page.locator("h2, h3").filter(has_text=link.inner_text()).last
            top = heading.bounding_box()["y"]
            assert 0 <= top < DESK["height"], path.name
            assert top >= opened.page.locator("header").bounding_box()["height"] - 1, path.name


def test_contents_fold_away_on_a_phone(browser, made):
    with Opened(browser, (made / "made" / "01_eda.html").as_uri(), size=PHONE) as opened:
        link = opened.page.locator("details.contents a").last
        assert not link.is_visible() and not opened.page.locator("nav.contents").is_visible()
        opened.page.locator("details.contents summary").click()
        link.click()
        assert opened.page.url.endswith("#Problems") and not link.is_visible()


def test_menu_of_many_models_opens_leads_on_and_closes(browser, made):
    with Opened(browser, (made / "made" / "01_eda.html").as_uri()) as opened:
        page = opened.page
        page.locator("nav.wide summary").click()
        links = page.locator("nav.wide details a")
        assert links.count() == 13 and all(link.is_visible() for link in links.all())
        page.keyboard.press("Escape")
        assert not links.first.is_visible()
        page.locator("nav.wide summary").click()
        page.locator("h1").click()
        assert not links.first.is_visible()
        page.locator("nav.wide summary").click()
        links.filter(has_text=re.compile("^model_7$")).click()
        assert page.url.endswith("/04_segmentation-model_7.html")
        assert page.locator("nav.wide summary").inner_text().startswith("04 segmentation: model_7")


def test_wide_tables_scroll_by_themselves(browser, made):
    with Opened(browser, (made / "made" / "01_eda.html").as_uri(), size=PHONE) as opened:
        table = opened.page.locator("#table-01_wide + .table")
        assert table.evaluate("(one) => one.scrollWidth > one.clientWidth")
        table.evaluate("(one) => { one.scrollLeft = 200; }")
        first, box = table.locator("tbody th").first.bounding_box(), table.bounding_box()
        assert first["x"] == pytest.approx(box["x"], abs=1)  # the row's name stays in sight


def test_figures_that_are_shrunk_can_be_shown_larger(browser, made):
    with Opened(browser, (made / "made" / "05_evaluation.html").as_uri(), size={"width": 320, "height": 600}) as opened:
        page, figure = opened.page, opened.page.locator("#figure-05_gallery_2")
        picture, button = figure.locator(".picture"), figure.locator("button.larger")
        page.evaluate("document.querySelector('.picture').style.width = '100px'")  # the test's figures are small
        button.click()
        assert picture.evaluate("(one) => one.scrollWidth > one.clientWidth") and button.inner_text() == "Smaller"
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        button.click()
        assert not picture.evaluate("(one) => one.scrollWidth > one.clientWidth")
    with Opened(browser, (made / "made" / "05_evaluation.html").as_uri()) as opened:
        assert not opened.page.locator("button.larger").is_visible()


def test_formulas_are_drawn(browser, made):
    with Opened(browser, (made / "made" / "paper.html").as_uri()) as opened:
        box = opened.page.locator("math mfrac").first.bounding_box()
        assert box["height"] > 20 and box["width"] > 20


def test_paper_is_for_paper(browser, made):
    """In print there is no navigation, no code and no dark; the PDF holds the text."""
    with Opened(browser, (made / "made" / "01_eda.html").as_uri(), scheme="dark") as opened:
        opened.page.emulate_media(media="print")
        for unseen in ("header", "details.source", "nav.turn", ".contents"):
            assert not any(one.is_visible() for one in opened.page.locator(unseen).all()), unseen
        assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_print_pdf_writes_a_pdf(browser, made, tmp_path):
    assert print_pdf(made / "made" / "paper.html", tmp_path / "paper.pdf") == ""
    data = (tmp_path / "paper.pdf").read_bytes()
    assert data.startswith(b"%PDF") and len(data) > 5_000
    assert [path.name for path in tmp_path.iterdir()] == ["paper.pdf"]
