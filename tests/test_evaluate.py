"""Scores of predictions, against direct computations."""

import json

import numpy as np
import pytest

from helpers.counts import PixelCounts
from helpers.inference.evaluate import SCORE_DEFINITIONS, count_pixels, image_dice, record_scores, score_rows
from helpers.intervals import Estimate
from helpers.metrics import defect_dice_by_class, kaggle_dice, pixel_score_terms
from helpers.results import Results
from test_predict import BrightModel
from tiny_models import SHAPE, tiny_dataset, tiny_image, tiny_masks

NAMES = ["pits", "cracks"]
# Of three images and two classes: class 1 is in the first two, class 2 nowhere.
COUNTS = PixelCounts(true=[[4, 0], [4, 0], [0, 0]], predicted=[[4, 0], [0, 1], [0, 0]], shared=[[4, 0], [0, 0], [0, 0]])

BUNDLE = {
    "input_shape": list(SHAPE),
    "channels": 1,
    "mirrored": False,
    "thresholds": [0.5] * 4,
    "smallest_masks": [0.0] * 4,
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Seven images whose defects are bright."""
    return tiny_dataset(tmp_path_factory.mktemp("evaluate") / "tiny", 7)


class BrightOfFour(BrightModel):
    """The brightness of a pixel as the probability of each of four classes."""

    def predict_on_batch(self, batch):
        """Probabilities (batch, height, width, 4)."""
        return np.repeat(batch, 4, axis=-1)


def test_count_pixels_equals_a_direct_computation(dataset):
    """Pixels of grey value 128 and more are predicted, 77 and more for the last class."""
    bundle = BUNDLE | {"thresholds": [128 / 255, 128 / 255, 128 / 255, 77 / 255]}
    chosen = ["06.png", "00.png", "04.png", "03.png"]
    counts = count_pixels(BrightOfFour(), bundle, dataset, chosen)
    for row, image_id in enumerate(chosen):
        true = tiny_masks(int(image_id[:2])).astype(bool)
        predicted = np.repeat(tiny_image(int(image_id[:2]))[..., np.newaxis], 4, axis=-1) >= [128, 128, 128, 77]
        assert counts.true[row].tolist() == true.sum(axis=(0, 1)).tolist()
        assert counts.predicted[row].tolist() == predicted.sum(axis=(0, 1)).tolist()
        assert counts.shared[row].tolist() == (true & predicted).sum(axis=(0, 1)).tolist()
        neither = (~true.any(axis=-1), ~predicted.any(axis=-1))
        assert counts.background.shared[row].item() == np.count_nonzero(neither[0] & neither[1])
    assert counts.true.sum() > 0


def test_count_pixels_at_the_image_s_own_size(dataset):
    """The network works at half the size; the pixels counted are those of the image."""
    bundle = BUNDLE | {"input_shape": [16, 32], "thresholds": [0.0] * 4}
    counts = count_pixels(BrightOfFour(), bundle, dataset, ["01.png"])
    assert counts.predicted.tolist() == [[32 * 64] * 4]
    assert counts.true.tolist() == [tiny_masks(1).sum(axis=(0, 1)).tolist()]


def test_count_pixels_in_colour(dataset):
    """The bundle says on how many channels the images are read."""
    seen = []

    class Colour(BrightOfFour):
        def predict_on_batch(self, batch):
            seen.append(batch.shape)
            return super().predict_on_batch(batch[..., :1])

    bundle = BUNDLE | {"channels": 3}
    count_pixels(Colour(), bundle, dataset, ["01.png", "02.png"])
    assert seen == [(2, 32, 64, 3)]


def test_count_pixels_of_ids_that_can_be_read_once(dataset):
    """Each image beside its own masks all the same."""
    once = count_pixels(BrightOfFour(), BUNDLE, dataset, iter(dataset.training_ids))
    listed = count_pixels(BrightOfFour(), BUNDLE, dataset, dataset.training_ids)
    assert len(once) == 7
    np.testing.assert_array_equal(once.shared, listed.shared)


def test_count_pixels_of_no_images(dataset):
    """A split without an image has no scores."""
    with pytest.raises(ValueError, match="no counts to join"):
        count_pixels(BrightOfFour(), BUNDLE, dataset, [])


def test_score_rows_has_a_row_for_each_class():
    """All classes together first; a column for each score."""
    table, estimates = score_rows(COUNTS, ["a", "b", "c"], NAMES)
    assert table.index.tolist() == ["all", "pits", "cracks"]
    assert table.index.name == "class"
    assert table.columns.tolist() == list(pixel_score_terms(COUNTS))
    assert estimates["all"]["kaggle_dice"].value == kaggle_dice(COUNTS)
    # Class 1: found, missed, rightly empty: (1 + 0 + 1) / 3. Class 2: wrongly found once of three times.
    assert estimates["pits"]["kaggle_dice"].value == pytest.approx(2 / 3)
    assert estimates["cracks"]["kaggle_dice"].value == pytest.approx(2 / 3)
    assert estimates["pits"]["defect_dice"].value == defect_dice_by_class(COUNTS)[0]


def test_score_rows_gives_dashes_where_a_score_is_undefined():
    """A class without a defect has no `defect_dice`, and no class has a background."""
    with_background = PixelCounts(
        COUNTS.true, COUNTS.predicted, COUNTS.shared, background=PixelCounts([[4]] * 3, [[4]] * 3, [[4]] * 3)
    )
    table, _ = score_rows(with_background, ["a", "b", "c"], NAMES)
    assert table.loc["cracks", "defect_dice"] == "–"
    assert table.loc["cracks", "defect_dice_class_mean"] == "–"
    assert table["miou_with_background"].tolist()[1:] == ["–", "–"]
    assert table.loc["all", "miou_with_background"] != "–"
    assert table.map(lambda text: isinstance(text, str) and text != "nan").all(axis=None)


def test_score_rows_with_and_without_an_interval():
    """One group alone says nothing about another one."""
    table, _ = score_rows(COUNTS, ["a", "b", "c"], NAMES)
    assert table.loc["all", "all_empty_dice"].startswith("0.667 (0.")
    table, _ = score_rows(COUNTS, ["a", "a", "a"], NAMES)
    assert table.loc["all", "all_empty_dice"] == "0.667"


def test_score_definitions_are_of_the_scores_that_there_are():
    """`record_scores` needs one for each."""
    with_background = PixelCounts([[1]], [[1]], [[1]], background=PixelCounts([[1]], [[1]], [[1]]))
    assert set(SCORE_DEFINITIONS) == {*pixel_score_terms(with_background), "sheets_passed", "sheets_rejected"}
    assert all(SCORE_DEFINITIONS.values())


def test_record_scores_writes_each_with_its_interval(tmp_path):
    """Undefined numbers are null; the prefix stands before each name."""
    nan = float("nan")
    estimates = {"kaggle_dice": Estimate(0.9, 0.8, 0.95), "defect_dice": Estimate(nan, nan, nan)}
    record_scores(Results(tmp_path / "results.json", "04"), estimates, "validation", "validation_")
    records = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert list(records) == ["04.validation_kaggle_dice", "04.validation_defect_dice"]
    dice = records["04.validation_kaggle_dice"]
    assert (dice["value"], dice["low"], dice["high"]) == (0.9, 0.8, 0.95)
    assert (dice["unit"], dice["split"]) == ("fraction", "validation")
    assert dice["definition"] == SCORE_DEFINITIONS["kaggle_dice"]
    assert records["04.validation_defect_dice"]["value"] is None


def test_image_dice_by_hand():
    """Mean over the classes that an image has; images without a defect are left out."""
    counts = PixelCounts(
        true=[[4, 2], [4, 0], [0, 0]],  # both classes, one, none
        predicted=[[4, 0], [2, 9], [0, 7]],
        shared=[[4, 0], [1, 0], [0, 0]],
    )
    dice = image_dice(counts, ["a.jpg", "b.jpg", "c.jpg"])
    # a: 1 and 0. b: 2 / (4 + 2); what was found of a class that it does not have does not count here.
    assert dice.to_dict() == {"a.jpg": 0.5, "b.jpg": pytest.approx(1 / 3)}
    assert dice.name == "dice"


def test_image_dice_without_any_defect():
    """No image is left."""
    assert image_dice(PixelCounts([[0]], [[3]], [[0]]), ["a.jpg"]).empty
