import re

import nbformat
import pytest

from helpers.files import write_json
from helpers.report.site import main_model, scored_models, write_report, write_report_list

HOSTILE = "<script>alert(1)</script>.jpg"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def executed_notebook(title, outputs=(), tags=()):
    cells = [
        nbformat.v4.new_markdown_cell(f"# {title}\n\n## A part\n\nText."),
        nbformat.v4.new_code_cell("value = 1", outputs=list(outputs), metadata={"tags": list(tags)}),
    ]
    return nbformat.v4.new_notebook(cells=cells)


def picture(alt, caption):
    return nbformat.v4.new_output(
        "display_data", {"image/png": PIXEL}, metadata={"image/png": {"alt": alt, "caption": caption}}
    )


@pytest.fixture
def run(tmp_path):
    """A run's directory with two executed notebooks."""
    directory = tmp_path / "runs" / "trial-smoke"
    (directory / "notebooks").mkdir(parents=True)
    progress = nbformat.v4.new_output("stream", name="stderr", text="Training: 50%")
    first = executed_notebook("What is there?", [picture(f"alt {HOSTILE}", f"caption {HOSTILE}"), progress])
    nbformat.write(first, directory / "notebooks" / "01_eda.ipynb")
    nbformat.write(executed_notebook("Where?"), directory / "notebooks" / "04_segmentation-unet_paper.ipynb")
    write_json(directory / "run.json", {"data": HOSTILE, "profile": "smoke", "finished": "2026-01-02", "versions": {}})
    scores = ("kaggle_dice", "all_empty_dice", "above_floor", "defect_dice", "empty_accuracy")
    record = {"value": 0.25, "low": 0.125, "high": 0.5, "split": "holdout"}
    records = {f"04_segmentation.unet_paper.{name}": record for name in scores}
    costs = {"parameters": 1_234_567, "multiply_adds": 8_765_432_100, "seconds": 90}
    records |= {f"04_segmentation.unet_paper.{name}": {"value": value} for name, value in costs.items()}
    answered = ("auc", "average_precision", "at_0_5_accuracy", "at_0_5_f1", "at_0_5_sheets_passed")
    records |= {f"03_classifier.sure.{name}": record for name in answered}
    write_json(directory / "results.json", records | {"01_eda.images_set_aside": {"value": 3}})
    return directory


def test_write_report_has_a_page_for_each_notebook_and_links_them(run, tmp_path):
    front = write_report(run, tmp_path / "reports" / "trial")
    assert front == tmp_path / "reports" / "trial" / "index.html"
    pages = {path.name: path.read_text() for path in front.parent.glob("*.html")}
    assert set(pages) == {"index.html", "01_eda.html", "04_segmentation-unet_paper.html"}
    for text in pages.values():
        for link in re.findall(r'href="([^"#]+)"', text):
            assert (front.parent / link).is_file(), link
    assert "Where? (unet_paper)" in pages["index.html"]


def test_write_report_shows_scores_and_what_was_set_aside(run, tmp_path):
    text = write_report(run, tmp_path / "reports" / "trial").read_text()
    assert text.count("0.250 (0.125 to 0.500)") == 5 + 5
    assert "<th>unet_paper</th><td>holdout</td><td>0.250" in text
    assert "<th>sheets_passed</th><th>sheets_rejected</th>" in text
    assert re.search(r"<th>sure</th><td>holdout</td>.*<td>–</td></tr>", text)
    assert "<td>1,234,567</td><td>8,765</td><td>1.5</td>" in text
    assert "3 images could not be used" in text


def test_pages_ask_nothing_of_the_network(run, tmp_path):
    front = write_report(run, tmp_path / "reports" / "trial")
    for path in front.parent.glob("*.html"):
        text = path.read_text()
        assert "default-src 'none'" in text
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)
        assert "<script" not in text


def test_pages_show_hostile_text_as_text(run, tmp_path):
    front = write_report(run, tmp_path / "reports" / "trial")
    pages = [front, front.parent / "01_eda.html", write_list(tmp_path)]
    for path in pages:
        text = path.read_text()
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def write_list(tmp_path):
    write_report_list(tmp_path / "reports")
    return tmp_path / "reports" / "index.html"


def test_page_has_alt_text_caption_and_folded_code_but_no_progress_bars(run, tmp_path):
    text = (write_report(run, tmp_path / "reports" / "trial").parent / "01_eda.html").read_text()
    assert re.search(r'<img [^>]*alt="alt ', text)
    assert "<figcaption>caption " in text
    assert '<details class="source">' in text
    assert "Training: 50%" not in text


def test_page_contents_lead_to_headings(run, tmp_path):
    text = (write_report(run, tmp_path / "reports" / "trial").parent / "01_eda.html").read_text()
    (anchor,) = re.findall(r'<li><a href="#([^"]+)">A part', text)
    assert f'id="{anchor}"' in text


def test_page_leaves_out_cells_that_are_tagged_so(run, tmp_path):
    notebook = executed_notebook("Noise", tags=["remove-cell"])
    nbformat.write(notebook, run / "notebooks" / "01_eda.ipynb")
    text = (write_report(run, tmp_path / "reports" / "trial").parent / "01_eda.html").read_text()
    assert "value" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


def test_write_report_that_fails_leaves_the_last_good_one(run, tmp_path):
    report = tmp_path / "reports" / "trial"
    before = write_report(run, report).read_bytes()
    (run / "notebooks" / "06_submission.ipynb").write_text("no notebook")
    with pytest.raises(nbformat.reader.NotJSONError):
        write_report(run, report)
    assert (report / "index.html").read_bytes() == before
    assert [path.name for path in sorted(report.parent.iterdir())] == ["index.html", "trial"]


def test_write_report_list_names_each_report(run, tmp_path):
    write_report(run, tmp_path / "reports" / "one")
    write_report(run, tmp_path / "reports" / "two")
    text = (tmp_path / "reports" / "index.html").read_text()
    assert 'href="one/index.html"' in text and 'href="two/index.html"' in text


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
