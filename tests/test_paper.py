"""The paper's passages: chosen by the results, and free of typed numbers."""

import html
import json
import re
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
from nbconvert.filters import markdown2html

from helpers.files import write_json
from helpers.models.losses import LOSSES
from helpers.report.paper import Paper, data, discussion, findings, method, opening, tables
from helpers.report.paper.competition import competition_labels
from helpers.report.paper.facts import LOSS_WORDS
from helpers.report.prose import NARROW, Prose, check_source, check_typed, typed_numbers, wrong_marks
from helpers.report.references import read_references

ROOT = Path(__file__).absolute().parents[1]
NOTEBOOKS = [path for path in sorted((ROOT / "notebooks").glob("0[78]_*.ipynb"))]
SCORE = "04_segmentation.our_net."
FULL = {
    "01_eda.training_images": 115,
    "01_eda.defective_images": 79,
    "01_eda.clean_images": 36,
    "01_eda.defective_share": 79 / 115,
    "01_eda.label_rows": 89,
    "01_eda.images_with_2_classes": 10,
    "01_eda.images_with_class_1": 60,
    "01_eda.images_with_class_2": 16,
    "01_eda.mean_share_class_1": 0.02,
    "01_eda.mean_share_class_2": 0.001,
    "01_eda.images_with_a_copy": 0,
    "01_eda.groups_of_copies": 0,
    "01_eda.images_set_aside": 1,
    "01_eda.test_images": 31,
    "02_preprocessing.images_used": 115,
    "02_preprocessing.train_images": 68,
    "02_preprocessing.validation_images": 23,
    "02_preprocessing.holdout_images": 24,
    "02_preprocessing.resize_dice_class_1": 0.97,
    "02_preprocessing.resize_dice_class_2": 0.96,
    "03_classifier.small.auc": (0.9, 0.8, 0.95),
    "03_classifier.small.at_0_5_sheets_passed": 0.1,
    "03_classifier.small.at_0_5_sheets_rejected": 0.2,
    "03_classifier.small.at_0_01_sheets_passed": 0.0,
    "03_classifier.small.at_0_01_sheets_rejected": 0.7,
    f"{SCORE}parameters": 1200000,
    f"{SCORE}multiply_adds": 1040537600,
    f"{SCORE}seconds": 90.0,
    f"{SCORE}training_images": 115,
    f"{SCORE}kaggle_dice": (0.86, 0.84, 0.88),
    f"{SCORE}all_empty_dice": (0.8, 0.78, 0.83),
    f"{SCORE}above_floor": (0.06, 0.02, 0.09),
    f"{SCORE}defect_dice": (0.5, 0.4, 0.6),
    f"{SCORE}empty_accuracy": (0.95, 0.9, 0.97),
    f"{SCORE}usual_kaggle_dice": 0.7,
    f"{SCORE}usual_defect_dice": 0.55,
    f"{SCORE}tuned_for_defect_dice_kaggle_dice": 0.6,
    f"{SCORE}tuned_for_defect_dice_defect_dice": 0.6,
    "04_taken_apart.lowest_loss_logits": -123456.0,
    "04_taken_apart.lowest_loss_clipped": -4000.0,
    "04_taken_apart.lowest_loss_right": 1.3,
    "04_taken_apart.share_found_for_published_dice": 0.2,
    "04_taken_apart.off_by_one_dice": 0.98,
    "04_taken_apart.dropped_of_holdout": 8,
    "04_taken_apart.copies_at_random": 3,
    "04_taken_apart.copies_by_group": 0,
    "05_evaluation.class_1_defect_dice": (0.6, 0.5, 0.7),
    "05_evaluation.class_1_above_floor": (0.1, 0.05, 0.15),
    "05_evaluation.class_2_defect_dice": (0.0, 0.0, 0.0),
    "05_evaluation.class_2_above_floor": (-0.02, -0.03, -0.01),
    "05_evaluation.step_thresholds_tuned_kaggle_dice_gain": (0.1, 0.05, 0.15),
    "05_evaluation.step_smallest_masks_kaggle_dice_gain": (0.01, -0.05, 0.15),
    "05_evaluation.recall_wanted": 0.95,
    "05_evaluation.sheets_passed_our_net": 0.04,
    "05_evaluation.sheets_rejected_our_net": 0.56,
    "05_evaluation.defects_found": (0.4, 0.3, 0.5),
    "05_evaluation.false_components": (1.2, 0.8, 1.6),
}
TRAINING = {
    "loss": {"bce": 1.0, "class_dice_loss": 1.0},
    "batch_size": 16,
    "images": 115,
    "epochs": 40,
    "steps_per_epoch": 10,
    "most_draws": 140.0,
    "minutes": 7.5,
    "window": [128, 204],
    "lift": 0.5,
    "augmentation": {"mirror": 0.5},
    "beginning": {"pretrained": "c054", "layers_taken": 51, "pretrained_on": "made-up-2000"},
}
TWO, FOUR = ("class 1", "class 2"), ("class 1", "class 2", "class 3", "class 4")
STEPS = "step,kaggle_dice\nthreshold 0.5,a\nthresholds tuned,b\nsmallest masks,c\n"
PASSAGES = [
    function
    for module in (opening, data, method, findings, discussion)
    for name, function in vars(module).items()
    if not name.startswith("_") and getattr(function, "__module__", "") == module.__name__
]


def record(value, split="folds"):
    value, *ends = value if isinstance(value, tuple) else (value,)
    unit = "fraction" if isinstance(value, float) else "images"
    found = {"value": value, "unit": unit, "split": split, "definition": "what it is"}
    return found | dict(zip(("low", "high"), ends, strict=False))


@pytest.fixture
def make_paper(tmp_path):
    """A function that gives a paper of these numbers; None leaves a number out."""

    def make(changes=None, *, made_up=False, names=TWO, shape=(256, 1600), widths=(1600,), split="folds", bundles=None):
        values = {name: value for name, value in (FULL | (changes or {})).items() if value is not None}
        write_json(tmp_path / "results.json", {name: record(value, split) for name, value in values.items()})
        write_json(tmp_path / "preprocessing.json", {"shape": [128, 800]})
        write_json(tmp_path / "tuning.json", {"model": "our_net", "measure": "kaggle_dice"})
        (tmp_path / "tables").mkdir(exist_ok=True)
        (tmp_path / "tables" / "05_steps.csv").write_text(STEPS)
        settings = {"data": "sheets", "profile": "smoke", "started": "2026-01-02T03:04:05"}
        run = SimpleNamespace(directory=tmp_path, settings=settings)
        dataset = SimpleNamespace(
            name="sheets", class_names=names, num_classes=len(names), shape=shape, made_up=made_up,
            images=pd.DataFrame({"height": 256, "width": widths}),
        )  # fmt: skip
        paper = Paper(run, Prose(run), dataset)
        ours = {"architecture": "steel_unet", "input_shape": [128, 800], "training": TRAINING}
        paper.__dict__["bundles"] = bundles or dict.fromkeys(paper.models, ours)
        return paper

    return make


def shown(text):
    """What a reader sees of a passage."""
    return html.unescape(re.sub(r"<[^>]*>", "", markdown2html(text))).replace(NARROW, " ")


def without(prefix):
    """Changes that leave all numbers of a notebook out."""
    return {name: None for name in FULL if name.startswith(prefix)}


CASES = {
    "all": {},
    "made up": {"made_up": True},
    "other data": {"names": ("inclusion", "1_<b>$x$</b>"), "shape": (200, 200)},
    "no clean image": {
        "changes": {
            "01_eda.clean_images": 0,
            "03_classifier.small.auc": float("nan"),
            "05_evaluation.sheets_rejected_our_net": float("nan"),
        }
    },
    "holdout": {"split": "holdout"},
    "no classifier": {"changes": without("03_")},
    "no experiments": {"changes": without("04_taken_apart")},
    "no evaluation": {"changes": without("05_")},
    "one class": {"names": ("pit",), "changes": {name: None for name in FULL if "class_2" in name}},
    "no network": {"changes": without("04_segmentation") | without("05_")},
    "data alone": {"changes": without("02_") | without("03_") | without("04_") | without("05_")},
}


@pytest.mark.parametrize("case", CASES)
def test_passages_type_no_number_whatever_was_run(make_paper, case):
    """Nor leave a gap, a dash or a NaN in a sentence."""
    paper = make_paper(**CASES[case])
    assert len(PASSAGES) > 20
    for passage in PASSAGES:
        page = markdown2html(passage(paper))
        assert typed_numbers(page) == [] and wrong_marks(page, paper.prose.records) == [], passage.__name__
        text = shown(passage(paper))
        assert not re.search(r"\bnan\b|–|  |\. \.|\( | \.", text), (passage.__name__, text)


@pytest.mark.parametrize(
    ("above", "words"),
    [
        ((0.06, 0.02, 0.09), "better than predicting nothing"),
        ((-0.06, -0.09, -0.02), "worse than predicting nothing"),
        ((0.01, -0.02, 0.03), "not shown to be better or worse than predicting nothing"),
    ],
)
def test_verdict_goes_by_the_interval(make_paper, above, words):
    paper = make_paper({f"{SCORE}above_floor": above})
    for passage in (opening.abstract, findings.main_result, discussion.conclusion):
        assert f" {words}" in shown(passage(paper))
        assert passage is findings.main_result or "not shown" in words or "not shown" not in shown(passage(paper))


def test_made_up_sheets_are_called_so_and_nothing_else_is(make_paper):
    told = [shown(passage(make_paper(made_up=True))) for passage in (opening.abstract, opening.what_was_asked)]
    assert all("made up" in text for text in told) and "Made-up images" in shown(
        discussion.limits(make_paper(made_up=True))
    )
    for passage in (opening.abstract, opening.what_was_asked, discussion.limits):
        assert "made up" not in shown(passage(make_paper())).lower().replace("made-up-2000", "")


def test_data_of_another_kind_are_not_compared_with_the_competition_s(make_paper):
    paper = make_paper(names=("inclusion", "patches"), shape=(200, 200))
    assert "It is not the competition's data" in shown(opening.what_was_asked(paper))
    assert data.shares_compared(paper) == "" and list(tables.counts_table(paper)) == ["here", "here, share"]


def test_sizes_and_classes_are_told_as_they_are(make_paper):
    paper = make_paper(names=("pit",), shape=(200, 300), widths=(300, 320))
    assert "images of 200 x 300 pixels and of other sizes, with one class, called pit." in shown(
        opening.what_was_asked(paper)
    )
    assert "with one class of defects" in shown(opening.abstract(paper))


def test_competition_s_data_are_compared_with_the_whole(make_paper):
    counts = {"01_eda.images_with_class_3": 38, "01_eda.images_with_class_4": 17}
    paper = make_paper(counts, names=FOUR)
    assert "of whose 12,568 training images 115 are here" in shown(opening.what_was_asked(paper))
    assert "Here 69 % of the images have a defect, in the competition's training set 53 %." in shown(
        data.shares_compared(paper)
    )
    table = tables.counts_table(paper)
    assert table.loc["images"].tolist() == ["115", "100.0%", "12,568", "100.0%"]
    assert table.loc["class 3"].tolist() == ["38", "33.0%", "5,150", "41.0%"]


def test_whole_competition_is_called_so(make_paper):
    paper = make_paper({"01_eda.training_images": 12568}, names=FOUR)
    assert "all 12,568 images of it" in shown(opening.what_was_asked(paper))


def test_claims_are_held_against_the_label_file(make_paper):
    """Rows and images by hand: 897 + 247 + 5150 + 801 = 7,095; 12,568 - 5,902 = 6,666; 27 % of 872 is 235."""
    labels = competition_labels()
    assert (labels["images"], labels["defective"], labels["rows"]) == (12568, 6666, 7095)
    assert round(labels["floor"], 4) == 0.8589
    text = shown(data.what_was_written(make_paper()))
    for words in (
        "13,000 images, over 7,000 of them defective. There are 12,568, and 6,666 have a defect.",
        "The label file has 7,095 rows",
        "73 % of the defects",
        "72.6 %. Of the defective images, 77.3 % have it",
        "0.01 to 0.1 per cent of the image",
        "from 0.8 % to 8.4 %",
        "1,801 or 5,516 images. It has 5,506",
        "Of 872 good sheets it throws 235 away",
    ):
        assert words in text


def test_classes_are_named_by_their_scores(make_paper):
    text = shown(findings.by_class(make_paper(names=("scratch", "pit"))))
    assert "Found best is scratch, with a defect_dice of 0.600 (0.500 to 0.700)." in text
    assert "Found worst is pit, with 0.000 (0.000 to 0.000)." in text
    assert "on its own: scratch." in text and "Shown to be worse: pit." in text
    assert "silence pays" in text


def test_network_that_finds_nothing_is_said_to(make_paper):
    nothing = (0.0, 0.0, 0.0)
    paper = make_paper({"05_evaluation.class_1_defect_dice": nothing, f"{SCORE}above_floor": nothing})
    assert "No class is found: for each of them, defect_dice is zero." in shown(findings.by_class(paper))
    assert "as good as an empty prediction, and no better" in shown(findings.main_result(paper))


def test_every_loss_has_words():
    assert set(LOSS_WORDS) == set(LOSSES)


def test_steps_are_told_apart_by_their_intervals(make_paper):
    text = shown(findings.the_steps(make_paper()))
    assert "Most is gained by the step thresholds tuned: +0.100 (+0.050 to +0.150)" in text
    assert "The gain of smallest masks may be chance" in text and "nothing in" not in text


def test_step_that_did_nothing_is_no_chance(make_paper):
    gains = "05_evaluation.step_thresholds_tuned_kaggle_dice_gain", "05_evaluation.step_smallest_masks_kaggle_dice_gain"
    one = shown(findings.the_steps(make_paper({gains[1]: (0.0, 0.0, 0.0)})))
    assert "The step smallest masks changes nothing in kaggle_dice." in one and "chance" not in one
    both = shown(findings.the_steps(make_paper(dict.fromkeys(gains, (0.0, 0.0, 0.0)))))
    assert "The steps thresholds tuned and smallest masks change nothing in kaggle_dice." in both
    assert "may be chance" in shown(findings.the_steps(make_paper({gains[1]: (0.0, 0.0, 0.1)})))


def test_headline_is_of_the_last_step_where_there_was_one(make_paper):
    """The main network's own score by the decisions of its training stands in the table of all networks."""
    assert "a kaggle_dice, by the decisions of its training, of 0.860" in shown(findings.main_result(make_paper()))
    after = {"kaggle_dice": (0.91, 0.9, 0.92), "above_floor": (-0.02, -0.03, -0.01), "all_empty_dice": 0.93}
    paper = make_paper({f"05_evaluation.{score}": value for score, value in after.items()})
    assert "a kaggle_dice, by the decisions that ship, of 0.910" in shown(findings.main_result(paper))
    for passage in (opening.abstract, findings.main_result, discussion.conclusion):
        assert "worse than predicting nothing" in shown(passage(paper))
    assert "0.910 (0.900 to 0.920)" in shown(opening.abstract(paper))
    assert tables.scores_table(paper).loc["our_net", "kaggle_dice"] == "0.860 (0.840 to 0.880)"


def test_paper_is_of_the_network_that_was_evaluated(make_paper):
    other = {name.replace("our_net", "a_net"): value for name, value in FULL.items() if name.startswith(SCORE)}
    assert make_paper(other).main == "our_net"
    assert make_paper(other | without("05_") | {f"{SCORE}validation_kaggle_dice": 0.5}).main == "our_net"
    tied = {f"04_segmentation.{name}.validation_kaggle_dice": 0.5 for name in ("our_net", "a_net")}
    assert make_paper(other | without("05_") | tied).main == "a_net"


def test_few_images_are_named_as_the_reason_only_where_they_are_few(make_paper):
    open_ = {f"05_evaluation.class_{number}_above_floor": (0.0, -0.1, 0.1) for number in (1, 2)}
    assert "better than the floor: each rests on few images." in shown(findings.by_class(make_paper(open_)))
    many = shown(findings.by_class(make_paper(open_ | {"02_preprocessing.images_used": 12568})))
    assert "No class on its own is shown to be better than the floor." in many and "few" not in many


def test_chart_is_spoken_of_where_there_is_one(make_paper):
    paper = make_paper()
    assert "Figure" not in shown(findings.where_it_fails(paper))
    (paper.run.directory / "figures").mkdir()
    (paper.run.directory / "figures" / "05_size.png").touch()
    assert "Figure shows the Dice" in shown(findings.where_it_fails(paper))


def test_future_work_is_that_of_the_data(make_paper):
    part = shown(discussion.future_work(make_paper(names=FOUR)))
    assert "whole training set would give more images" in part and "labelled twice" in part and "no such figure" in part
    whole = shown(discussion.future_work(make_paper({"01_eda.training_images": 12568}, names=FOUR)))
    assert "whole training set" not in whole and "second mill" in whole and "no such figure" in whole
    others = shown(discussion.future_work(make_paper(names=("pit", "scratch"), shape=(200, 200))))
    assert "competition" not in others and "labelled twice" in others
    drawn = shown(discussion.future_work(make_paper(made_up=True)))
    assert "photographs of real steel" in drawn and "competition" not in drawn and "labelled twice" not in drawn


def test_counts_of_images_go_with_their_verbs(make_paper):
    one = shown(data.the_data(make_paper({"01_eda.defective_images": 1, "01_eda.clean_images": 114})))
    assert "One has a defect, 114 have none." in one
    none = shown(data.the_data(make_paper({"01_eda.defective_images": 0, "01_eda.clean_images": 1})))
    assert "None has a defect, one has none." in none


def test_mill_can_t_be_told_of_clean_sheets_where_there_are_none(make_paper):
    paper = make_paper(**CASES["no clean image"])
    assert "there are none among the images that judge" in shown(findings.the_mill(paper))
    assert "Every one of them has a defect" in shown(data.the_data(paper))
    assert "nothing that could be ranked" in shown(findings.the_classifiers(paper))


def test_pairs_are_counted_by_their_verdicts(make_paper):
    assert findings.the_pairs(make_paper()) == "This run has no second network to compare with."
    other = {name.replace("our_net", "other"): value for name, value in FULL.items() if name.startswith(SCORE)}
    paper = make_paper(other)
    (paper.run.directory / "tables" / "05_pairs.csv").write_text(
        'model,"kaggle_dice, verdict","defect_dice, verdict"\nother,worse,not told apart\n'
    )
    text = shown(findings.the_pairs(paper))
    assert "By kaggle_dice, none are better and one is worse." in text
    (paper.run.directory / "tables" / "05_pairs.csv").write_text(
        'model,"kaggle_dice, verdict","defect_dice, verdict"\nother,worse,not told apart\nthird,worse,worse\n'
    )
    assert "By defect_dice, none are better and one is worse; one is not told apart from it." in shown(
        findings.the_pairs(paper)
    )
    assert (
        "Of the two networks of this run, each by the decisions of its own training, two are shown to be better"
        in shown(findings.main_result(paper))
    )


def test_runaway_loss_is_told_by_its_size(make_paper):
    text = shown(discussion.impossible_loss(make_paper()))
    assert "−1.2 × 105 from logits, −4000.00 where probabilities are clipped first, and 1.30 with right labels" in text
    short = make_paper({"04_taken_apart.lowest_loss_logits": 0.4})
    assert "didn't fall below zero yet" in shown(discussion.impossible_loss(short))


def test_training_is_told_from_the_bundle(make_paper):
    text = shown(method.how_trained(make_paper()))
    assert (
        "trained with cross-entropy plus Dice loss of each class, in batches of 16, on 115 images; on average each was "
        "drawn 50 times." in text
    )
    assert (
        "windows of 128 x 204 pixels" in text and "51 layers take up weights that were learned on made-up-2000" in text
    )


def test_published_systems_at_random_are_a_limit(make_paper):
    theirs = {"architecture": "sm_unet", "input_shape": [128, 800], "training": {"loss": {"bce": 1.0}}}
    assert "random weights" in shown(discussion.limits(make_paper(bundles={"our_net": theirs})))
    assert "random weights" not in shown(discussion.limits(make_paper()))


def test_a_length_that_was_chosen_on_the_sample_is_a_limit(make_paper):
    """Only where trained weights were gone on with, by a recipe that may end there, on images like those."""
    told = "A length chosen on such images"
    assert told in shown(discussion.limits(make_paper(names=FOUR)))
    assert told not in shown(discussion.limits(make_paper(names=TWO)))
    for changes in (
        {"most_draws": 0.0},
        {"minutes": 0.0},
        {"beginning": {"pretrained": "", "encoder_weights": "none"}},
    ):
        ours = {"architecture": "steel_unet", "input_shape": [128, 800], "training": TRAINING | changes}
        assert told not in shown(discussion.limits(make_paper(names=FOUR, bundles={"our_net": ours})))


def test_identity_is_checked_where_all_parts_are_there(make_paper):
    paper = make_paper()
    differences = tables.check_identity(paper)
    assert list(differences) == [f"{SCORE}kaggle_dice"]
    assert differences[f"{SCORE}kaggle_dice"] == pytest.approx(abs(0.8 * 0.95 + 0.2 * 0.5 - 0.86))
    assert "for one recorded score; it agrees" in shown(tables.check_sentence(paper, differences))
    wrong = make_paper({f"{SCORE}defect_dice": 0.6})
    text = shown(tables.check_sentence(wrong, tables.check_identity(wrong)))
    assert f"this one doesn't agree: {SCORE}kaggle_dice" in text
    parts = {name.removeprefix(SCORE): value for name, value in FULL.items() if name.startswith(SCORE)}
    both = make_paper({f"05_evaluation.{part}": parts[part] for part in ("kaggle_dice", *tables.PARTS)})
    assert "for two recorded scores; all agree" in shown(tables.check_sentence(both, tables.check_identity(both)))


def test_tables_show_each_network_with_its_intervals(make_paper):
    paper = make_paper()
    assert tables.scores_table(paper).loc["our_net"].tolist() == [
        "folds, 115 images", "0.860 (0.840 to 0.880)", "0.800 (0.780 to 0.830)", "0.060 (0.020 to 0.090)",
        "0.500 (0.400 to 0.600)", "0.950 (0.900 to 0.970)", "–",
    ]  # fmt: skip
    assert tables.networks_table(paper).loc["our_net"].tolist() == [
        "steel_unet", "1,200,000", "1,041", "1.5", "cross-entropy, Dice loss of each class", "all sheets"
    ]  # fmt: skip


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_types_no_number_into_its_text(path):
    cells = nbformat.read(path, as_version=4).cells
    shown_cells = [cell for cell in cells if "remove-cell" not in cell.metadata.get("tags", [])]
    wrong = [wrong for cell in shown_cells if cell.cell_type == "markdown" for wrong in check_typed(cell.source)]
    code = [cell.source for cell in shown_cells if cell.cell_type == "code" and "parameters" not in _tags(cell)]
    assert wrong + [wrong for source in code for wrong in check_source(source)] == []


def _tags(cell):
    return cell.metadata.get("tags", [])


def test_byline_and_abstract_are_tagged():
    cells = nbformat.read(NOTEBOOKS[0], as_version=4).cells
    tagged = {tag: cell.source for cell in cells for tag in _tags(cell) if tag in ("authors", "abstract")}
    assert tagged == {
        "authors": "prose.write(opening.byline(paper))", "abstract": "prose.write(opening.abstract(paper))"
    }  # fmt: skip


def test_static_check_finds_a_number_typed_into_the_notebook():
    """The check of the test above fails when someone types a number, in a text or in a caption."""
    cells = nbformat.read(NOTEBOOKS[0], as_version=4).cells
    text = next(cell.source for cell in cells if cell.source.startswith("## Introduction"))
    code = next(cell.source for cell in cells if cell.cell_type == "code" and "07_convolution" in cell.source)
    assert check_typed(text) == [] and check_source(code) == []
    assert check_typed(text.replace("We ask three things.", "Its Dice is 0.9. We ask three things."))
    assert check_source(code.replace("Convolution and pooling on", "Convolution and pooling, 9 times, on"))


@pytest.mark.parametrize("path", sorted((ROOT / "src/helpers/report/paper").glob("*.py")), ids=lambda path: path.stem)
def test_passages_type_no_number(path):
    assert check_source(path.read_text(encoding="utf-8")) == []


def test_every_work_is_cited():
    text = json.dumps([cell.source for cell in nbformat.read(NOTEBOOKS[0], as_version=4).cells])
    text += "".join(path.read_text() for path in (ROOT / "src/helpers/report/paper").glob("*.py"))
    for key in read_references():
        assert f"#ref-{key})" in text or f"cite('{key}')" in text, key
