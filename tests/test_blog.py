"""The sentences of the post, chosen by the results."""

import html
import inspect
import re
from types import SimpleNamespace

import pytest
from nbconvert.filters import markdown2html

from helpers.data.dataset import COMPETITION_CLASSES
from helpers.files import write_json
from helpers.report import blog
from helpers.report.blog import Story
from helpers.report.post import plain_markdown
from helpers.report.prose import NARROW, Prose, check_source, typed_numbers, wrong_marks

NAMES = ("inclusion", "a_<b>", "scratches")
FRESH = {"pretrained": "", "encoder_weights": "none"}
SCORES = {
    "05_evaluation.kaggle_dice": (0.83, 0.8, 0.86),
    "05_evaluation.all_empty_dice": (0.81, 0.78, 0.83),
    "05_evaluation.above_floor": (0.023, 0.004, 0.047),
    "05_evaluation.empty_accuracy": (0.96, 0.94, 0.98),
    "05_evaluation.defect_dice": (0.27, 0.2, 0.34),
    "05_evaluation.defects_found": (0.37, 0.27, 0.48),
    "05_evaluation.false_components": (1.19, 0.8, 1.6),
    "05_evaluation.sheets_passed_ours": 0.04,
    "05_evaluation.sheets_rejected_ours": 0.56,
    "02_preprocessing.images_used": 24,
    "08_blog.judged_sheets": 24,
    "08_blog.judged_flawed": 16,
    "08_blog.judged_clean": 8,
}
SENTENCES = (
    "beforehand", "views", "data", "learning", "testing", "measure", "floor", "found", "size", "blame", "mill",
    "published_mill", "copies", "measures", "pot", "loss", "learned", "next_steps",
)  # fmt: skip


@pytest.fixture
def tell(tmp_path):
    """A function that gives the story of a run with some records changed, or without them where they are None."""

    def make(changed=None, *, names=COMPETITION_CLASSES, made_up=False, beginning=FRESH, split="holdout"):
        records = {}
        for name, values in (SCORES | (changed or {})).items():
            if values is None:
                continue
            value, *ends = values if isinstance(values, tuple) else (values,)
            unit = "fraction" if isinstance(value, float) else "images"
            records[name] = {"value": value, "unit": unit, "split": split, "definition": "what it is"}
            records[name] |= dict(zip(("low", "high"), ends, strict=False))
        write_json(tmp_path / "results.json", records)
        run = SimpleNamespace(directory=tmp_path, settings={})
        return Story(Prose(run), "ours", tuple(names), made_up, beginning)

    return make


def shown(text):
    """What a reader sees of it."""
    return html.unescape(re.sub(r"<[^>]*>", "", markdown2html(text))).strip().replace(NARROW, " ")


def test_no_number_is_typed_into_the_sentences():
    assert check_source(inspect.getsource(blog)) == []


@pytest.mark.parametrize("made_up", [False, True])
@pytest.mark.parametrize("missing", [(), tuple(name for name in SCORES if "sheets_" in name or "defects" in name)])
def test_every_sentence_is_told_whatever_is_missing(tell, made_up, missing):
    """Each can be marked, has no typed number, and can be written without HTML."""
    story = tell(dict.fromkeys([name for name in missing if "judged" not in name]), names=NAMES, made_up=made_up)
    for name in SENTENCES:
        text = getattr(story, name)()
        page = markdown2html(text)
        assert not typed_numbers(page) and not wrong_marks(page, story.prose.records)
        assert not re.search("<(?!b>)", plain_markdown(text).replace("\\<", ""))
        assert "  " not in text and " ." not in shown(text), text


@pytest.mark.parametrize(
    ("gain", "words", "learned"),
    [
        ((0.02, 0.004, 0.047), "does better than that, by 0.020", "above that of saying nothing, if not far"),
        ((0.2, 0.1, 0.3), "mostly lie between 0.100 and 0.300", "above that of saying nothing."),
        ((-0.12, -0.16, -0.08), "does worse than that; the difference is −0.120", "more harm than good"),
        ((0.02, -0.01, 0.05), "Whether it beats the switched-off rival, these sheets can't tell", "can't tell"),
    ],
)
def test_better_than_saying_nothing_only_where_the_interval_lies_above_zero(tell, gain, words, learned):
    story = tell({"05_evaluation.above_floor": gain})
    assert words in shown(story.floor())
    assert learned in shown(story.learned())
    assert ("does better" in shown(story.floor())) == (gain[1] > 0)


def test_network_that_says_nothing_is_called_so(tell):
    nothing = {"05_evaluation.empty_accuracy": 1, "05_evaluation.defect_dice": 0}
    sizes = {"08_blog.dice_of_large": 0, "08_blog.dice_of_small": 0, "08_blog.large_less_small": (0, 0, 0)}
    story = tell(nothing | sizes | {"05_evaluation.above_floor": (0, 0, 0), "05_evaluation.kaggle_dice": 0.81})
    assert story.size() == ""
    assert "painted no dot on any sheet" in story.floor() and story.found() == ""
    assert "learned to say nothing" in story.learned()
    assert "painted no dot" not in tell({"05_evaluation.empty_accuracy": 1}).floor()


def test_score_sounds_good_only_where_it_is_high(tell):
    low = {"05_evaluation.kaggle_dice": 0.4, "05_evaluation.all_empty_dice": 0.3}
    assert "sounds like a good mark" in tell().floor() and "absent from most sheets" in tell().floor()
    assert "good mark" not in tell(low).floor().split("switched off")[0] and "absent" not in tell(low).floor()


@pytest.mark.parametrize(
    ("passed", "rejected", "words"),
    [
        (0.04, 0.56, "4 % of the 16 flawed sheets slipped through, and 56 % of the eight good ones"),
        (0.04, 0.56, "glad to be spared 44 % of the good ones"),
        (0, 1, "none of the 16 flawed sheets slipped through, and all of the eight good ones"),
        (0, 1, "a rival that calls everything flawed does the same"),
        (0.04, 0.2, "much good steel on the scrap heap"),
        (0.04, 0.02, "little good steel for the price"),
        (0.3, 0.2, "was meant to catch nearly all"),
        (0.04, None, "in this test every sheet has a flaw"),
    ],
)
def test_what_a_mill_loses(tell, passed, rejected, words):
    story = tell({"05_evaluation.sheets_passed_ours": passed, "05_evaluation.sheets_rejected_ours": rejected})
    assert words in shown(story.mill())
    assert ("price in good ones" in story.learned()) == (rejected is not None)


@pytest.mark.parametrize(
    ("rejected", "words"),
    [(0.56, "have the same trouble. One is"), (0.02, "Take a published system. It is"), (None, "Take")],
)
def test_published_system_has_the_same_trouble_only_where_there_is_one(tell, rejected, words):
    text = shown(tell({"05_evaluation.sheets_rejected_ours": rejected}).published_mill())
    assert words in text and text.endswith("called only 73 % of the good ones good.")


def test_mill_without_its_shares_is_only_asked(tell):
    story = tell(dict.fromkeys(["05_evaluation.sheets_passed_ours", "05_evaluation.sheets_rejected_ours"]))
    assert story.mill().strip().endswith("it is the other way round.")
    assert len(story.learned().splitlines()) == 2


def test_made_up_sheets_are_called_so(tell):
    story = tell({"01_eda.training_images": 24}, made_up=True)
    assert "are made up" in story.beforehand() and "the program drew it" in story.views()
    assert "people" not in story.measure() and "licence (MIT)" in story.source("made-up")
    assert tell().beforehand() == "" and "the camera saw it" in tell().views()


def test_data_are_counted_and_their_kinds_named(tell):
    counts = {
        "02_preprocessing.images_used": 115,
        "01_eda.training_images": 115,
        "01_eda.defective_images": 79,
        "01_eda.clean_images": 36,
    }
    assert shown(tell(counts).data()) == (
        "The collection has 115 photographs, 79 with a flaw and 36 without. People painted over the flaws by hand, and "
        "told four kinds of flaw apart."
    )
    sample = shown(tell(counts | {"02_preprocessing.images_used": 60}, names=NAMES).data())
    assert sample.endswith(
        "three kinds of flaw apart: inclusion, a_<b> and scratches. For this page 60 of them were used."
    )
    assert "The collection has 24 photographs." in shown(tell().data())
    none_clean = tell(counts | {"01_eda.clean_images": 0}, names=("flaw",)).data()
    assert "every one of them with a flaw" in none_clean and none_clean.endswith("by hand.")


@pytest.mark.parametrize(
    ("seconds", "words"), [(19, "19 seconds"), (119.6, "120 seconds"), (1200, "20 minutes"), (8317, "2.3 hours")]
)
def test_time_is_told_in_a_unit_that_suits(tell, seconds, words):
    assert shown(tell({"04_segmentation.ours.seconds": seconds}).learning()).endswith(f"The learning took {words}.")


def test_beginning_is_told(tell):
    made_up = {"pretrained": "ab12", "encoder_weights": "none", "pretrained_on": "made_up*"}
    assert "on another collection before (made_up*)" in shown(tell(beginning=made_up).learning())
    assert "practised on other pictures" in tell(beginning={"pretrained": "", "encoder_weights": "x.h5"}).learning()
    assert "practised" not in tell().learning()


def test_test_is_that_of_the_run(tell):
    assert "So 24 sheets stayed under lock and key" in shown(tell().testing())
    assert "until each of the 24 sheets had been in a test once" in shown(tell(split="folds").testing())


@pytest.mark.parametrize(
    ("dice", "words"),
    [
        (0.9, "agree best; the worst come"),
        (0.1, "even here they don't agree"),
        (0, "missed the flaws"),
        (None, ""),
    ],
)
def test_sheet_at_the_top_is_called_what_it_is(tell, dice, words):
    verdict = tell({"08_blog.shown_dice": dice}).views().partition("look for yourself first. ")[2]
    assert words in verdict and bool(words) == bool(verdict)


def test_size_matters_only_where_the_interval_says_so(tell):
    means = {"08_blog.dice_of_large": 0.6, "08_blog.dice_of_small": 0.1}
    assert tell().size() == ""
    large = shown(tell(means | {"08_blog.large_less_small": (0.5, 0.2, 0.7)}).size())
    assert large.startswith("Size matters: the quarter with the largest flaws earned 0.60 of a point on average,")
    assert large.endswith("that with the smallest 0.10.")
    assert "of all things" in tell(means | {"08_blog.large_less_small": (-0.5, -0.7, -0.2)}).size()
    assert "may be chance" in tell(means | {"08_blog.large_less_small": (0.5, -0.2, 0.7)}).size()


def test_copies_are_counted(tell):
    copied = {"01_eda.images_with_a_copy": 3000, "02_preprocessing.leaks_random_holdout": 5}
    story = tell(copied | {"02_preprocessing.leaks_the_publishers_test": 800})
    assert "the test would have held five pictures whose copies lie outside it. As its publisher" in shown(
        story.copies()
    )
    assert "In this collection 3,000 pictures have a copy." in shown(story.copies())
    assert "the test holds 800 such pictures. On this page" in shown(story.copies())
    assert "publisher" not in tell(copied).copies()
    assert "found none in this collection" in tell({"01_eda.images_with_a_copy": 0}).copies()


def test_rulers_are_those_that_were_recorded(tell):
    story = tell({"05_evaluation.defects_found": None, "04_segmentation.ours.validation_batch_dice_coef": 0.45})
    assert list(story.rulers()) == [
        "the competition's score", "flawless and left blank", "Dice of whole batches*", "Dice where there is a flaw"
    ]  # fmt: skip
    assert "they reach from 0.27 to 0.96" in shown(story.measures())


def test_runaway_loss_is_told_only_where_it_ran_away(tell):
    ran = {"04_taken_apart.lowest_loss_logits": -1.4e8, "04_taken_apart.lowest_loss_right": 0.4}
    assert "Its loss fell to −1.4 × 108; with right marks it never fell below 0.4" in shown(tell(ran).loss())
    assert "Its loss fell to −1,400;" in shown(tell(ran | {"04_taken_apart.lowest_loss_logits": -1400}).loss())
    assert "on purpose" not in tell(ran | {"04_taken_apart.lowest_loss_logits": 0.2}).loss()


@pytest.mark.parametrize(
    ("mistakes", "words"),
    [
        (["missed", "invented"], "of which it missed the largest area and the sheet on which it invented"),
        (["invented"], "here is the sheet on which it invented the largest;"),
        ([], "nothing does"),
    ],
)
def test_worst_cases_are_those_that_there_are(tell, mistakes, words):
    assert words in tell().looking(mistakes)


def test_photographs_belong_to_their_owner(tell):
    assert "data set neu_seg. They belong to their owner;" in shown(tell(names=NAMES).source("neu_seg"))
    assert "Severstal" in tell().source("mine")
