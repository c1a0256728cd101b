"""Sentences made of records, and the check that finds typed numbers."""

import html
import re
from types import SimpleNamespace

import nbformat
import pytest
from nbconvert.filters import markdown2html

from helpers.files import write_json
from helpers.report.prose import (
    NARROW,
    Prose,
    check_executed,
    check_source,
    check_typed,
    escape_markdown,
    format_number,
    typed_numbers,
    wrong_marks,
)

RECORDS = {
    "01_eda.images": {"value": 12568, "unit": "images", "split": "all", "definition": "labelled images"},
    "01_eda.models": {"value": 3, "unit": "models", "split": "none", "definition": "models trained"},
    "01_eda.single": {"value": 1, "unit": "images", "split": "all", "definition": "images with \"<b>\" | $x$ 'y'"},
    "01_eda.share": {"value": 0.687, "unit": "fraction", "split": "all", "definition": "share with a defect"},
    "01_eda.none": {"value": 0.0, "low": 0.0, "high": 0.5, "unit": "fraction", "split": "all", "definition": "share"},
    "01_eda.nothing": {"value": None, "unit": "fraction", "split": "all", "definition": "share of nothing"},
    "05.above": {"value": 0.02, "low": 0.01, "high": 0.04, "unit": "fraction", "split": "folds", "definition": "gain"},
    "05.below": {"value": -0.02, "low": -0.03, "high": -0.01, "unit": "fraction", "split": "folds", "definition": "g"},
    "05.open": {"value": 0.02, "low": -0.01, "high": 0.05, "unit": "fraction", "split": "folds", "definition": "gain"},
}


@pytest.fixture
def prose(tmp_path):
    write_json(tmp_path / "results.json", RECORDS)
    write_json(tmp_path / "run.json", {"data": "sheets", "profile": "smoke"})
    return Prose(SimpleNamespace(directory=tmp_path, settings={"data": "sheets"}))


def shown(text):
    """What a reader sees of it."""
    return html.unescape(re.sub(r"<[^>]*>", "", markdown2html(text))).strip().replace(NARROW, " ")


def test_value_is_shown_with_what_it_is_at_hand(prose):
    text = prose.value("01_eda.share", ".0%")
    assert shown(text) == "69 %"
    assert 'value="0.687"' in text and 'title="share with a defect; fraction; all"' in text
    assert 'data-source="01_eda.share"' in text


def test_value_without_a_form_goes_by_the_number(prose):
    assert shown(prose.value("01_eda.images")) == "12,568"
    assert shown(prose.value("01_eda.share")) == "0.687"
    assert shown(prose.value("01_eda.nothing")) == "–"
    assert shown(prose.estimate("01_eda.none")) == "0.000 (0.000 to 0.500)"


def test_estimate_has_its_interval_where_there_is_one(prose):
    assert shown(prose.estimate("05.below")) == "−0.020 (−0.030 to −0.010)"
    assert shown(prose.estimate("01_eda.share")) == "0.687"


def test_counts_go_with_their_words(prose):
    assert shown(prose.count("01_eda.single", "image")) == "1 image"
    assert shown(prose.count("01_eda.images", "image")) == "12,568 images"
    assert shown(prose.count("01_eda.models", "box", "boxes", spelt=True)) == "three boxes"
    assert shown(prose.words("01_eda.models", capital=True)) == "Three"
    assert shown(prose.words("01_eda.images")) == "12,568"


def test_sentences_are_chosen_by_the_side_of_zero_that_an_interval_is_on(prose):
    assert [prose.sign(name) for name in ("05.above", "05.below", "05.open", "01_eda.share")] == [1, -1, 0, 0]


def test_has_asks_for_defined_numbers(prose):
    assert prose.has("01_eda.share", "05.open")
    assert not prose.has("01_eda.share", "05.missing") and not prose.has("01_eda.nothing")


def test_missing_number_names_the_notebook(prose):
    with pytest.raises(KeyError, match=r"05_evaluation\.x is not in results\.json\. Run 05_evaluation first"):
        prose.value("05_evaluation.x")


def test_published_figures_come_with_their_source(prose):
    text = prose.published("winner", "kaggle_dice")
    assert shown(text) == "0.90883"
    assert "The competition&#x27;s winner; private test images" in text
    assert shown(prose.published("small U-Net", "final loss", ".1e")) == "−2.6 × 1023"
    assert prose.published_number("training set", "images") == 12568
    claim = prose.published("claim", "training images", source="A reference on this data")
    assert shown(claim) == "13,000"


@pytest.mark.parametrize(("system", "rows"), [("nobody", 0), ("", 2)])
def test_published_figure_that_is_not_one_is_refused(prose, system, rows):
    with pytest.raises(KeyError, match=f"published.csv has {rows} rows of system '{system}'"):
        prose.published(system, "kaggle_dice")


def test_write_shows_markdown_whose_html_is_meant(prose, monkeypatch):
    written = []
    monkeypatch.setattr("helpers.report.prose.display", written.append)
    prose.write("  Text.\n")
    prose.write(" \n")
    (shown_,) = written
    assert shown_.data == "Text." and shown_.metadata == {"html": True}


def test_settings_are_marked_too(prose):
    text = prose.setting(256, "height in pixels")
    assert shown(text) == "256" and 'class="setting"' in text and 'title="height in pixels"' in text
    assert shown(prose.setting(0.25, "share", ".0%")) == "25 %"


@pytest.mark.parametrize("name", ["<b>x</b>", "a_b_c", "*x*", "$1$", "`7`", "a|b", "[x](y)", "q\"'", "&amp;", "1. x"])
def test_names_are_shown_as_they_are(prose, name):
    assert shown(f"Class {prose.name(name)}.") == f"Class {name}."
    assert shown(f"Class {escape_markdown(name)}.") == f"Class {name}."
    assert not typed_numbers(markdown2html(f"Class {prose.name(name)}."))


def test_titles_survive_whatever_a_definition_holds(prose):
    page = markdown2html(f"There is {prose.value('01_eda.single')} of *those*, and {prose.value('01_eda.share')}.")
    titles = [html.unescape(title) for title in re.findall(r'title="([^"]*)"', page)]
    assert titles[0] == "images with \"<b>\" | $x$ 'y'; images; all"
    assert "<em>those</em>" in page


def test_computed_numbers_pass_the_check(prose):
    numbers = prose.value("01_eda.images"), prose.estimate("05.above"), prose.published("winner", "kaggle_dice")
    page = markdown2html("Of {} images {}, and {}.".format(*numbers))
    assert typed_numbers(page) == [] and wrong_marks(page, RECORDS) == []


@pytest.mark.parametrize(
    "typed",
    [
        "It scores 0.83.",
        "Of **115** images some are clean.",
        "We took `0.5` as threshold.",
        "- a list of 3 items",
        "## Results of 2026",
        "It is $0.83$.",
        "A loss of $x = 0.83$.",
        "A share of 69 % of sheets.",
        "95 % of the sheets pass.",
        "About 20min on 2 cores.",
        "![a curve that ends at 0.7](curve.png)",
        "Half a per cent, ½.".replace("½", "1/2"),
    ],
)
def test_typed_number_is_found(typed):
    assert check_typed(typed)


@pytest.mark.parametrize(
    "text",
    [
        "A U-Net on ResNet50 or ResNet-34, and a 1 x 1 convolution.",
        "With its 95 % interval, in Figure 3 and Table 2 of that paper.",
        "See [the evaluation](05_evaluation.ipynb), or `04_segmentation`.",
        "The Dice score is $D = \\frac{2 |X \\cap Y|}{|X| + |Y|}$, a loss $1 - D$.",
        "F1 of labels that are 0 or 1.",
        "No digits here.",
    ],
)
def test_names_that_hold_digits_pass(text):
    assert check_typed(text) == []


def test_typed_mark_is_found():
    """Nobody can get round the check by writing the element himself."""
    assert check_typed('It scores <data class="recorded" value="0.9">0.9</data>.') == [
        '<data is typed: It scores <data class="recorded" value="0.9">0.9</data>.'
    ]


def test_mark_that_no_record_has_is_found(prose):
    page = prose.value("01_eda.share")
    assert wrong_marks(page, RECORDS) == []
    changed = RECORDS | {"01_eda.share": RECORDS["01_eda.share"] | {"value": 0.5}}
    assert wrong_marks(page, changed) == ["01_eda.share: 0.687 in the text, 0.5 in the records"]
    assert wrong_marks(page, {}) == ["01_eda.share: 0.687 in the text, nothing in the records"]
    assert wrong_marks(prose.published("winner", "kaggle_dice").replace('value="0.90883"', 'value="0.99"'), {})
    assert wrong_marks('<data class="own" value="7">7</data>', {})[0].startswith("a number of the kind 'own'")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("01_eda.share", ">0.687<", ">0.787<"),
        ("01_eda.share", ">0.687<", ">0.688<"),
        ("01_eda.share", ">0.687<", ">great<"),
        ("01_eda.images", ">12,568<", ">12,569<"),
        ("05.above", "0.010 to", "0.020 to"),
        ("05.above", "to 0.040", "to 0.050"),
        ("01_eda.nothing", ">–<", ">0.000<"),
    ],
)
def test_mark_that_shows_another_number_is_found(prose, name, old, new):
    page = prose.estimate(name)
    assert old in page and wrong_marks(page, RECORDS) == []
    (wrong,) = wrong_marks(page.replace(old, new), RECORDS)
    assert wrong.startswith(f"{name}: ") and "is shown as" in wrong


def test_shown_numbers_agree_in_whatever_form(prose):
    marks = [
        prose.value("01_eda.share", ".0%"), prose.estimate("05.below", "+.1f"), prose.value("01_eda.images", ".1e"),
        prose.words("01_eda.models", capital=True), prose.setting(0.0000123, "rate", ".1e"), prose.setting(2, "a", "d"),
        prose.published("small U-Net", "final loss"), prose.published("small U-Net", "final loss", ".1e"),
        prose.estimate("01_eda.none", ".1%"),
    ]  # fmt: skip
    assert [wrong_marks(markdown2html(text), RECORDS) for text in marks] == [[]] * len(marks)
    assert wrong_marks(prose.words("01_eda.models").replace(">three<", ">four<"), RECORDS)
    assert wrong_marks(prose.setting(0.5, "share").replace(">0.500<", ">0.900<"), {}) == [
        "share: 0.5 is shown as '0.900'"
    ]
    tenfold = prose.published("small U-Net", "final loss", ".1e").replace("<sup>23<", "<sup>24<")
    assert wrong_marks(tenfold, {})


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.0, ".0%", "0 %"), (1.0, ".0%", "100 %"), (0.004, ".0%", "0.4 %"), (0.9996, ".0%", "99.96 %"),
        (0.996, ".0%", "99.6 %"), (0.00004, ".1%", "0.004 %"), (-0.001, "+.0%", "−0.1 %"), (0.25, ".0%", "25 %"),
        (-0.0003, "+.3f", "0.000"), (0.0, "+.3f", "0.000"), (-0.0006, "+.3f", "−0.001"),
    ],
)  # fmt: skip
def test_share_shows_as_none_or_all_only_where_it_is(value, form, text):
    assert format_number(value, form).replace(NARROW, " ") == text


def test_citations_have_to_be_those_of_the_list():
    assert check_typed("As shown before ([Pan and Yang, 2010](#ref-transfer)).") == []
    (wrong,) = check_typed("As shown before ([Pan and Yang, 2011](#ref-transfer)).")
    assert wrong == "'Pan and Yang, 2011' for the work 'transfer'; expected Pan and Yang, 2010"
    page = markdown2html("It is 0.9: [it is 0.9](#ref-transfer).")
    assert wrong_marks(page, {}) == ["the citation 'it is 0.9' of 'transfer' is none of references.csv"]


def test_sentences_in_code_are_checked():
    assert check_source('text = f"Of {count} sheets 31 are clean."') == ["31 in: sheets 31 are clean."]
    assert (
        check_source('"""Docstring of 31 words."""\nname = "04_segmentation.steel_unet"\nform = ".3f"\nlimit = 0.95')
        == []
    )


@pytest.mark.parametrize(
    "typed", ["0.97", "-0.97", "1 - 0.03", "round(0.974, 2)", "97", "mark(0.97, about, kind)", "(0.5)"]
)
def test_number_that_is_given_to_a_mark_is_typed(typed):
    source = typed if typed.startswith("mark") else f'prose.setting({typed}, "accuracy")'
    (wrong,) = check_source(source)
    assert " is typed: " in wrong


@pytest.mark.parametrize("computed", ["share", "1 - share", "len(self.names)", "counts['images']", "int(several)"])
def test_number_that_is_computed_passes(computed):
    assert check_source(f'prose.setting({computed}, "accuracy", ".0%")') == []


def executed(*outputs, tags=()):
    """A notebook of one code cell with these outputs."""
    cell = nbformat.v4.new_code_cell("show()", outputs=list(outputs), metadata={"tags": list(tags)})
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title"), cell])


def test_executed_notebook_is_checked_in_text_captions_and_pages(prose):
    def written(kind, text, **metadata):
        return nbformat.v4.new_output("display_data", data={kind: text}, metadata=metadata)

    good = written("text/markdown", f"Of {prose.value('01_eda.images')} images.")
    assert check_executed(executed(good), RECORDS) == []
    table = written("text/html", '<p class="caption">Scores.</p><table><tr><td>0.83</td></tr></table>')
    assert check_executed(executed(table), RECORDS) == []
    assert check_executed(executed(written("text/html", "<p>Of 12 images.</p>")), RECORDS) == ["12 in: Of 12 images."]
    assert check_executed(executed(written("text/markdown", "Of 12 images.")), RECORDS)
    picture = written("image/png", "", **{"image/png": {"caption": "The 4 classes.", "alt": "A curve."}})
    assert check_executed(executed(picture), RECORDS)
    said = {name: nbformat.v4.new_output("stream", name=name, text="12 images") for name in ("stdout", "stderr")}
    assert check_executed(executed(said["stdout"]), RECORDS) and not check_executed(executed(said["stderr"]), RECORDS)
    assert check_executed(executed(written("text/markdown", "Of 12 images."), tags=["remove-cell"]), RECORDS) == []
