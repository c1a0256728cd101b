import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from bs4 import BeautifulSoup

from executed import HOSTILE, SCRIPT, Shown, code, figure, make_run, markdown, table, text, write_notebook
from helpers.files import read_json, write_json
from helpers.report import site
from helpers.report.pages import LARGEST_PAGE, describe_page, render_notebook, size_note
from helpers.report.scores import main_model, scored_models
from helpers.report.site import last_paper, print_paper, write_report, write_report_list

NO_CHROMIUM = "No paper.pdf: no Chromium."


@pytest.fixture
def said():
    """Takes the lines for the user, so that a test can look at them."""
    return []


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run's directory, whose paper no browser prints."""
    monkeypatch.setattr(site, "print_pdf", lambda page, pdf: NO_CHROMIUM)
    return make_run(tmp_path / "runs" / "trial-smoke", monkeypatch)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The folder of such a run's report, which tests only read."""
    folder, said = tmp_path_factory.mktemp("site"), []
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(site, "print_pdf", lambda page, pdf: NO_CHROMIUM)
        run = make_run(folder / "run", monkeypatch)
        written = write_report(run, folder / "reports" / "trial", said.append).parent
    assert said == [NO_CHROMIUM]
    return written


@pytest.fixture
def copied(report, tmp_path):
    """A copy of that report, which a test may change."""
    return Path(shutil.copytree(report, tmp_path / "reports" / "trial"))


def pages_of(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.html")}


def soup_of(page):
    return BeautifulSoup(page, "html.parser")


def words_of(page):
    """What a reader sees of a page, without its style and script."""
    soup = soup_of(page)
    for unseen in soup(["style", "script", "title"]):
        unseen.decompose()
    return " ".join(soup.get_text(" ").split())


def test_write_report_has_a_page_for_each_notebook(report):
    names = (
        "01_eda",
        "04_segmentation-steel_unet",
        "04_segmentation-unet_paper",
        "05_evaluation",
        "blog",
        "index",
        "paper",
    )
    assert sorted(pages_of(report)) == [f"{name}.html" for name in names]
    assert "Where are the defects? (unet_paper)" in pages_of(report)["index.html"]


def test_every_link_leads_to_a_file_and_an_anchor(report):
    count = 0
    for path in (*report.glob("*.html"), report.parent / "index.html"):
        for link in soup_of(path.read_text()).select("a[href]"):
            file, _, anchor = unquote(link["href"]).partition("#")
            target = path.parent / file if file else path
            assert target.resolve().is_file(), (path.name, link)
            assert not anchor or soup_of(target.read_text()).find(id=anchor), (path.name, link)
            count += 1
    assert count > 60


def test_link_to_a_notebook_becomes_one_to_its_page_and_one_to_none_is_text(report):
    page = pages_of(report)["01_eda.html"]
    assert '<a href="05_evaluation.html#Where">05_evaluation</a>, none.' in page
    assert ".ipynb" not in page


def test_pages_ask_nothing_of_the_network_and_let_one_script_run(report):
    for page in (*pages_of(report).values(), (report.parent / "index.html").read_text()):
        soup = soup_of(page)
        (policy,) = soup.select("meta[http-equiv=Content-Security-Policy]")
        (script,) = soup.select("script")
        digest = base64.b64encode(hashlib.sha256(script.string.encode()).digest()).decode()
        assert policy["content"] == (
            f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
            "base-uri 'none'; form-action 'none'"
        )
        assert page.index("Content-Security-Policy") < page.index("<script")
        assert all(element["src"].startswith("data:image/") for element in soup.select("[src]"))
        assert not soup.select("link, iframe, object, embed, form, base")
        assert "@import" not in page and "url(" not in page


def test_planted_names_show_as_text_on_every_page(tmp_path, monkeypatch, said):
    """In names of data, classes, models, reports and files, captions, alternative texts, tables and Markdown."""
    monkeypatch.setattr(site, "print_pdf", lambda page, pdf: HOSTILE)
    run = make_run(tmp_path / "run", monkeypatch, models=("<b onmouseover=alert(1)>", "unet"), data=HOSTILE)
    shown = Shown(run)
    planted = [
        figure("02_planted", f"caption {HOSTILE}", f"alt {SCRIPT} \"' onerror=alert(1)"),
        table("02_planted", {HOSTILE: {SCRIPT: HOSTILE}}, f"table {HOSTILE}"),
        table("02_wrapped", {"row": {SCRIPT: HOSTILE}}, SCRIPT, wrap=True),
    ]
    write_notebook(
        run,
        "02_preprocessing",
        "# Planted",
        code(shown.outputs(monkeypatch, planted), source=f"name = '{SCRIPT}'"),
        code(
            [
                markdown(
                    f"## The class {HOSTILE}\n\n{SCRIPT}\n\n- [{HOSTILE}](javascript:alert(1)) ![a](https://example.org/a.png)"
                ),
                markdown(
                    f"{HOSTILE} | $\\frac$ <svg onload=alert(1)>\n\n```mermaid\n{SCRIPT}\n```\n\n"
                    f"<div>\n\n{SCRIPT}\n\n</div>"
                ),
                markdown(
                    f'A <data class="name" value="1">name</data> {HOSTILE} <sup onclick="alert(1)">2</sup>', html=True
                ),
                nbformat.v4.new_output("stream", text=f"{HOSTILE} {SCRIPT}"),
                nbformat.v4.new_output("display_data", {"text/plain": HOSTILE}),
                nbformat.v4.new_output("display_data", {"text/latex": SCRIPT}),
                nbformat.v4.new_output("display_data", {"application/javascript": "alert(1)"}),
                nbformat.v4.new_output("error", ename="E", evalue=SCRIPT, traceback=[SCRIPT]),
            ]
        ),
        nbformat.v4.new_raw_cell(SCRIPT),
    )
    folder = write_report(run, tmp_path / "reports" / HOSTILE, said.append).parent
    assert said == [HOSTILE]
    pages = pages_of(folder) | {"list": (folder.parent / "index.html").read_text()}
    assert len(pages) == 9
    for name, page in pages.items():
        soup = soup_of(page)
        assert len(soup("script")) == 1 and not soup.select("img[src=x], svg, b[onmouseover]"), name
        for element in soup.find_all(True):
            assert not any(attribute.startswith("on") for attribute in element.attrs), (name, element)
            assert not re.match("javascript|http", element.get("href", "")), (name, element)
        assert HOSTILE in words_of(page), name
    words = words_of(pages["02_preprocessing.html"])
    assert words.count(SCRIPT) >= 8 and f"The class {HOSTILE}" in words and "<svg onload=alert(1)>" in words
    assert f"Figure 1. caption {HOSTILE}" in words and f"Table 1. table {HOSTILE}" in words
    assert "![a](https://example.org/a.png)" in words and '<sup onclick="alert(1)">2' in words
    assert '<data class="name" value="1">name</data>' in pages["02_preprocessing.html"]


def test_figures_and_tables_are_numbered_with_captions_alt_texts_and_anchors(report):
    page = pages_of(report)["01_eda.html"]
    soup = soup_of(page)
    figure = soup.find(id="figure-01_images")
    assert figure.img["alt"] == "Three rows of squares, from dark to light."
    assert figure.figcaption.text == "Figure 1. A ramp of greys."
    assert soup.find(id="table-01_scores").text == "Table 1. Scores of made-up models."
    captions = [caption.text for caption in soup.select("p.caption b")]
    assert captions == ["Table 1.", "Table 2.", "Table 3."]
    assert soup.select_one("a[href='#figure-01_images']").text == "Figure 1"


def test_contents_list_the_headings_and_lead_to_them(report):
    """Once beside the text, once folded above it."""
    soup = soup_of(pages_of(report)["01_eda.html"])
    listed = [link.text for link in soup.select(".contents li a")]
    assert listed == ["Scores & shares", "In detail", "Problems"] * 2
    assert soup.select_one(".contents li.level-3").text.strip() == "In detail"
    assert soup.find(id="Scores-&-shares").name == "h2"
    assert soup.select_one(".contents a")["href"] == "#Scores-%26-shares"


def test_code_is_folded_and_noise_left_out(run, tmp_path, said):
    progress = nbformat.v4.new_output("stream", name="stderr", text="Training: 50%")
    cells = [
        text("# Gone before", ["remove-cell"]),
        "# Noise",
        code([progress], source="shown = 1"),
        code(tags=["remove-cell"], source="gone = 2"),
        code(tags=["remove-input"], source="gone = 3"),
    ]
    write_notebook(run, "01_eda", *cells, text("## Gone", ["remove-cell"]))
    page = pages_of(write_report(run, tmp_path / "reports" / "trial", said.append).parent)["01_eda.html"]
    assert page.count('<details class="source"><summary>Code</summary>') == 1
    assert soup_of(page).title.text == "Noise · trial"
    assert "shown" in words_of(page) and "gone" not in words_of(page).lower()
    assert "Training: 50%" not in page and "On this page" not in page and soup_of(page).select("button.code[hidden]")


def test_formulas_are_drawn_without_the_network(report):
    page = pages_of(report)["01_eda.html"]
    assert re.search(r'<math display="inline">.*?<mfrac>', page) and "$" not in words_of(page)
    assert '<math display="block">' in pages_of(report)["paper.html"]


def test_formula_that_cant_be_read_names_the_notebook(run, tmp_path, said):
    write_notebook(run, "01_eda", "# T\n\n$\\frac$")
    with pytest.raises(ValueError, match=r"01_eda.ipynb: the formula '\\\\frac' can't be read .*Mend its LaTeX"):
        write_report(run, tmp_path / "reports" / "trial", said.append)


def test_articles_have_names_of_their_own_and_no_code(report):
    soup = soup_of(pages_of(report)["paper.html"])
    assert soup.body["class"] == ["article"] and not soup.select("details.source, button.code")
    assert soup.select_one(".cell.celltag_authors").text.strip() == "The authors"
    assert soup.select_one(".cell.celltag_abstract strong").text == "Abstract."
    assert soup.select_one("data.recorded[value='0.25']").text == "0.250"
    for other in pages_of(report).values():
        assert {link.text for link in soup_of(other).select("header a")} >= {"paper", "blog"}
    assert (report / "blog.md").read_text().startswith("# Steel for all")
    assert soup_of(pages_of(report)["index.html"]).select("main a[href='blog.md']")


def test_what_was_measured_has_a_page_that_does_not_claim_to_be_of_the_run(run, tmp_path, said):
    (run / "benchmarks.md").write_text(
        "# What was measured\n\n## Engines\n\n| engine | rate |\n|---|---|\n| A | 3.1 |\n"
    )
    pages = pages_of(write_report(run, tmp_path / "reports" / "trial", said.append).parent)
    page = soup_of(pages["benchmarks.html"])
    assert page.h1.text.strip().startswith("What was measured")
    assert [cell.text for cell in page.select("td")] == ["A", "3.1"]
    assert "stored result of its benchmarks" in page.footer.text and "run that it describes" not in page.footer.text
    assert soup_of(pages["index.html"]).select("header a[href='benchmarks.html']")
    assert "run that it describes" in soup_of(pages["01_eda.html"]).footer.text


def test_navigation_groups_the_pages_of_one_notebook(tmp_path, monkeypatch, said):
    models = [f"model_{number}" for number in range(13)]
    run = make_run(tmp_path / "run", monkeypatch, models=models, articles=False)
    pages = pages_of(write_report(run, tmp_path / "reports" / "many", said.append).parent)
    wide = soup_of(pages["04_segmentation-model_7.html"]).select_one("header nav.wide")
    assert [entry.name for entry in wide.find_all(True, recursive=False)] == ["a", "details", "a"]
    assert wide.select_one("summary.current").text == "04 segmentation: model_7 13"
    assert [link.text for link in wide.select("details a")] == [
        f"model_{number}" for number in sorted(range(13), key=str)
    ]
    assert wide.select_one("[aria-current]").text == "model_7"
    wide = soup_of(pages["01_eda.html"]).select_one("header nav.wide")
    assert wide.summary.text == "04 segmentation 13" and wide.select_one("[aria-current]").text == "01 eda"


def test_pages_lead_to_the_previous_and_the_next(report):
    soups = {name: soup_of(page) for name, page in pages_of(report).items()}
    order, link = ["index.html"], True
    while link := soups[order[-1]].select_one("a[rel=next]"):
        order.append(link["href"])
    assert len(order) == len(soups) and order[-1] == "blog.html"
    assert not soups["index.html"].select("a[rel=prev]")
    assert soups[order[2]].select_one("a[rel=prev]").text == "Previous What is there?"


def test_front_answers_the_four_questions(report):
    words = words_of(pages_of(report)["index.html"])
    assert "How good? 0.250" in words
    assert (
        "kaggle_dice of steel_unet, by the decisions of its training in 04_segmentation: 0.250 (0.125 to 0.500)."
        in words
    )
    assert "On what? 24 photographs" in words and "Judged on the holdout." in words
    assert "That is better than predicting nothing." in words
    assert "The main model of 2" in words and "Published: 0.90883 (winner, kaggle_dice, private test images)" in words
    assert "Where does it fail? trial Weakest on trial: defect_dice 0.100 (0.0 to 0.2). Strongest on scratch" in words
    assert "3 images were set aside, because they can't be used." in words


def test_front_has_the_tables_the_worst_misses_and_the_facts(report):
    page = pages_of(report)["index.html"]
    assert page.count('<td>holdout</td><td>0.250 <span class="interval">(0.125 to 0.500)</span></td>') == 2
    assert "<td>1,234,567</td><td>8,765</td><td>1.5</td>" in page
    assert "Predictions of steel_unet." in page and "Worst misses" in page
    assert soup_of(page).select("a[href='05_evaluation.html#figure-05_gallery_2']")
    assert page.index("<th>trial</th>") < page.index("<th>scratch</th>")
    words = words_of(page)
    assert "finished 2026-01-02 03:04 UTC" in words and "took 4.1 minutes" in words
    assert "settings given 04_segmentation.EPOCHS = 3" in words
    assert "The competition's winner kaggle_dice 0.90883" in words


def test_front_shows_the_run_before_beside_this_one(report):
    words = words_of(pages_of(report)["index.html"])
    assert "The last completed run of this name ended at 2026-01-01 00:00 UTC. What differs, or isn't" in words
    assert "04_segmentation.EPOCHS – 3" in words
    assert "steel_unet kaggle_dice 0.125 (0.062 to 0.250) 0.250 (0.125 to 0.500) +0.125" in words


def test_front_of_a_run_without_models_is_of_the_data_alone(run, tmp_path, said):
    shutil.rmtree(run / "history")
    (run / "tables" / "05_classes.csv").unlink()
    write_json(run / "results.json", {"01_eda.training_images": {"value": 1200}})
    soup = soup_of(write_report(run, tmp_path / "reports" / "labels", said.append).read_text())
    heads = [head.text for head in soup.select("h2")]
    assert heads == ["On what?", "Where it fails", "Pages and files", "How it was made"]  # it fails: the gallery alone
    assert soup.select_one(".glance .figure").text == "1,200 photographs"


def test_front_names_the_paper_that_could_not_be_printed(report):
    assert NO_CHROMIUM in words_of(pages_of(report)["index.html"])


def test_paper_is_printed_once_and_again_when_it_changed(run, tmp_path, monkeypatch, said):
    printed = []

    def print_pdf(page, pdf):
        printed.append(page.name)
        pdf.write_bytes(b"%PDF " + str(len(printed)).encode())
        return ""

    monkeypatch.setattr(site, "print_pdf", print_pdf)
    folder = tmp_path / "reports" / "trial"
    for _ in range(2):
        page = write_report(run, folder, said.append).read_text()
        assert '<a href="paper.pdf">' in page and (folder / "paper.pdf").read_bytes() == b"%PDF 1"
    assert 'href="trial/paper.pdf"' in (folder.parent / "index.html").read_text()
    write_notebook(run, "07_paper", "# Another text")
    write_report(run, folder, said.append)
    assert printed == ["paper.html"] * 2 and (folder / "paper.pdf").read_bytes() == b"%PDF 2" and not said


def test_print_paper_says_what_is_missing(report, tmp_path, monkeypatch):
    monkeypatch.setattr(site, "print_pdf", lambda page, pdf: NO_CHROMIUM)
    with pytest.raises(FileNotFoundError, match="no Chromium"):
        print_paper(report)
    with pytest.raises(FileNotFoundError, match=r"nowhere/paper.html is not there. Run the series"):
        print_paper(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"no report has a paper.html"):
        last_paper(tmp_path)


def test_print_paper_prints_beside_its_page_and_is_listed(copied, monkeypatch):
    monkeypatch.setattr(site, "print_pdf", lambda page, pdf: pdf.write_bytes(page.name.encode()) and "")
    assert print_paper(copied) == copied / "paper.pdf"
    assert (copied / "paper.pdf").read_bytes() == b"paper.html"
    assert soup_of((copied.parent / "index.html").read_text()).select("a[href='trial/paper.pdf']")


def test_print_paper_puts_the_front_page_right(copied, monkeypatch):
    """It named the reason before; printed once more it is the same."""
    front = copied / "index.html"
    assert NO_CHROMIUM in words_of(front.read_text())
    before = soup_of(front.read_text())
    monkeypatch.setattr(site, "print_pdf", lambda page, pdf: pdf.write_bytes(b"%PDF") and "")
    for _ in range(2):
        print_paper(copied)
        soup = soup_of(front.read_text())
        assert "No paper.pdf" not in words_of(front.read_text())
        (link,) = soup.select("main a[href='paper.pdf']")
        assert link.parent.text == "paper.pdf: the paper, to print or to send"
        assert len(soup.select("main li")) == len(before.select("main li"))


def test_print_paper_is_linked_as_a_new_report_links_it(run, tmp_path, monkeypatch, said):
    report = tmp_path / "reports" / "trial"
    write_report(run, report, said.append)
    monkeypatch.setattr(site, "print_pdf", lambda page, pdf: pdf.write_bytes(b"%PDF") and "")
    print_paper(report)
    printed_later = (report / "index.html").read_text()
    write_report(run, report, said.append)
    assert (report / "index.html").read_text() == printed_later


def test_print_paper_of_a_front_page_without_a_line_on_it(copied, monkeypatch):
    monkeypatch.setattr(site, "print_pdf", lambda page, pdf: pdf.write_bytes(b"%PDF") and "")
    (copied / "index.html").write_text("<p>another</p>")
    with pytest.raises(ValueError, match="has no line on the paper. Run the series to have it written anew"):
        print_paper(copied)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("run.json", "{"),
        ("run.json", "[]"),
        ("run.json", '{"finished": 3}'),
        ("results.json", "[]"),
        ("results.json", '{"04_segmentation.a.kaggle_dice": {"value": "x"}, '
                         '"04_segmentation.a.validation_kaggle_dice": {"value": 1}}'),
    ],
)  # fmt: skip
def test_report_with_faulty_files_is_listed_as_such_and_holds_nothing_up(copied, run, said, name, text):
    faulty = Path(shutil.copytree(copied, copied.with_name("faulty")))
    (faulty / name).write_text(text)
    write_report(run, copied, said.append)
    words = words_of((copied.parent / "index.html").read_text())
    assert "faulty Its run.json or results.json can't be read." in words and "trial" in words
    assert last_paper(copied.parent) == copied


def test_what_a_killed_process_left_beside_the_report_is_removed(run, tmp_path, said):
    report = tmp_path / "reports" / "trial"
    killed = (
        "import os, sys\nfrom pathlib import Path\nfrom helpers.data.made_up.workplace import workplace_beside\n"
        "with workplace_beside(Path(sys.argv[1])) as folder:\n    os._exit(1)"
    )
    report.parent.mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", killed, str(report)], check=False, env=environment)
    assert len(list(report.parent.iterdir())) == 1
    write_report(run, report, said.append)
    assert [path.name for path in sorted(report.parent.iterdir())] == ["index.html", "trial"]


def test_last_paper_is_of_the_report_made_last(copied):
    older = Path(shutil.copytree(copied, copied.with_name("older")))
    write_json(older / "run.json", read_json(older / "run.json") | {"finished": "2025-01-01"})
    assert last_paper(copied.parent) == copied


def test_page_that_is_too_large_is_named(run, tmp_path, monkeypatch, said):
    assert size_note("a.html", "x" * (LARGEST_PAGE - 1)) == ""
    assert re.match(r"a.html has 5.0 MB, more than the 5 that .*Show fewer", size_note("a.html", "x" * LARGEST_PAGE))
    monkeypatch.setattr("helpers.report.pages.LARGEST_PAGE", 30_000)
    write_report(run, tmp_path / "reports" / "trial", said.append)
    assert any(line.startswith("index.html has") for line in said)


def test_page_is_a_function_of_notebook_and_pages(run):
    paths = sorted((run / "notebooks").glob("*.ipynb"))
    pages = [describe_page(path) for path in paths]
    assert render_notebook(paths[0], pages[0], pages, "trial") == render_notebook(paths[0], pages[0], pages, "trial")


def test_write_report_that_fails_leaves_the_last_good_one(run, tmp_path, said):
    report = tmp_path / "reports" / "trial"
    before = write_report(run, report, said.append).read_bytes()
    (run / "notebooks" / "06_submission.ipynb").write_text("no notebook")
    with pytest.raises(nbformat.reader.NotJSONError):
        write_report(run, report)
    assert (report / "index.html").read_bytes() == before
    assert [path.name for path in sorted(report.parent.iterdir())] == ["index.html", "trial"]


def test_write_report_list_shows_the_newest_first_with_its_scores(copied):
    newer = Path(shutil.copytree(copied, copied.with_name("newer")))
    write_json(newer / "run.json", {"data": "sheets", "finished": "2026-02-03T04:05:06+00:00"})
    write_report_list(copied.parent)
    words = words_of((copied.parent / "index.html").read_text())
    assert (
        "newer sheets 2026-02-03 04:05 UTC steel_unet 0.250 (0.125 to 0.500) 0.250 (0.125 to 0.500) paper.html trial"
        in words
    )


def test_main_model_is_best_on_what_it_was_tuned_on():
    """Not on what judges; a model without such a score comes last."""
    records = {}
    for model, judged, tuned in (("first", 0.9, 0.5), ("second", 0.8, 0.7), ("third", 0.99, None)):
        records[f"04_segmentation.{model}.kaggle_dice"] = {"value": judged, "split": "holdout"}
        if tuned is not None:
            records[f"04_segmentation.{model}.validation_kaggle_dice"] = {"value": tuned}
    assert scored_models(records) == ["first", "second", "third"]
    assert main_model(records) == "second"
    assert main_model({}) is None
