"""Scores straight from the runs, against a naive implementation that knows nothing but pixels."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conftest import write_tiny_image
from helpers.inference.score import MEASURES, score_submission
from helpers.inference.submission import FORMATS, LONGEST_CELL, write_submission
from helpers.metrics import kaggle_dice_from_parts, pixel_counts, pixel_score_terms

SHAPE = (3, 4)
PAIRS = "ImageId_ClassId,EncodedPixels\n"
MASKS = "ImageId,EncodedPixels,ClassId\n"
LABELS = "ImageId,ClassId,EncodedPixels\n"


def write(path, text):
    path.write_text(text)
    return path


def naive_scores(truth, submission):
    """The four scores of lists of (true pixels, predicted pixels), each a set, one for each image and class."""
    dice = [
        2 * len(true & predicted) / (len(true) + len(predicted)) if true or predicted else 1.0
        for true, predicted in zip(truth, submission, strict=True)
    ]
    defect = [score for score, true in zip(dice, truth, strict=True) if true]
    empty = [not predicted for true, predicted in zip(truth, submission, strict=True) if not true]
    return [
        sum(dice) / len(dice),
        len(empty) / len(dice),
        sum(defect) / len(defect) if defect else math.nan,
        sum(empty) / len(empty) if empty else math.nan,
    ]


def pixel_sets(masks, classes):
    """The pixels of each image and class, one by one."""
    return [
        {(row, column) for row in range(SHAPE[0]) for column in range(SHAPE[1]) if image[row, column, index]}
        for image in masks
        for index in classes
    ]


@st.composite
def mask_pairs(draw):
    """True and predicted masks, shape (images, 3, 4, classes); about half of them empty."""
    images, classes = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    filled = st.lists(st.booleans(), min_size=12, max_size=12) | st.just([False] * 12)
    size = images * classes
    return [
        np.array(draw(st.lists(filled, min_size=size, max_size=size)), np.uint8)
        .reshape(images, classes, *SHAPE)
        .transpose(0, 2, 3, 1)
        for _ in range(2)
    ]


@settings(max_examples=150, deadline=None)
@given(mask_pairs(), st.sampled_from([(0, 0), (0, 1), (1, 0)]))
@example([np.zeros((2, *SHAPE, 2), np.uint8)] * 2, (0, 0))
@example([np.ones((2, *SHAPE, 2), np.uint8)] * 2, (1, 0))
def test_score_submission_agrees_with_pixels(tmp_path_factory, masks, formats):
    """In every mix of formats of which one has all pairs: overall, by class, and as `pixel_counts` has it."""
    folder = tmp_path_factory.mktemp("score")
    ids = [f"{number}.jpg" for number in range(len(masks[0]))]
    for name, part, kind in zip(("truth", "submission"), masks, formats, strict=True):
        write_submission(folder / f"{name}.csv", ids, part, FORMATS[kind])
    found = score_submission(folder / "submission.csv", folder / "truth.csv", shape=SHAPE)
    classes = range(masks[0].shape[-1])
    table = found.table()
    assert table.index.tolist() == ["all", *(f"class {index + 1}" for index in classes)]
    for row, chosen in zip(table.index, [classes, *([index] for index in classes)], strict=True):
        expected = naive_scores(*(pixel_sets(part, chosen) for part in masks))
        assert table.loc[row, list(MEASURES)].tolist() == pytest.approx(expected, abs=1e-12, nan_ok=True)
        dice, floor, defect, empty = table.loc[row, list(MEASURES)]
        assert dice == pytest.approx(kaggle_dice_from_parts(floor, empty, defect), abs=1e-12)
        assert floor in (0, 1) or dice == pytest.approx(floor * empty + (1 - floor) * defect, abs=1e-12)
    terms = pixel_score_terms(pixel_counts(*masks))
    by_pixel = [terms[name].score() for name in MEASURES]
    assert table.loc["all", list(MEASURES)].tolist() == pytest.approx(by_pixel, abs=1e-12, nan_ok=True)
    assert str(found).startswith(" ")


def test_score_submission_hand_worked(tmp_path):
    """Image a: half found, and a false mask; b: nothing there, nothing found."""
    truth = write(tmp_path / "truth.csv", LABELS + "a.jpg,1,1 4\n")
    submission = write(tmp_path / "s.csv", PAIRS + "b.jpg_1,\nb.jpg_2,\na.jpg_1,3 4\na.jpg_2,1 1 3 1\n")
    table = score_submission(submission, truth, shape=SHAPE).table()
    assert table.loc["all"].tolist() == [(0.5 + 0 + 1 + 1) / 4, 0.75, 0.5, 2 / 3, 4, 1, 2]
    assert table.loc["class 1"].tolist() == [0.75, 0.5, 0.5, 1, 2, 1, 1]
    assert table.loc["class 2"].tolist()[:2] == [0.5, 1]
    assert math.isnan(table.loc["class 2", "defect_dice"])


def test_score_submission_takes_touching_runs(tmp_path):
    truth = write(tmp_path / "truth.csv", PAIRS + "a.jpg_1,1 1 2 3\n")
    submission = write(tmp_path / "s.csv", PAIRS + "a.jpg_1,1 2 3 2\n")
    assert score_submission(submission, truth, shape=SHAPE).table().loc["all", "kaggle_dice"] == 1


def test_score_submission_keeps_neighbouring_images_apart(tmp_path):
    """The last pixel of one image and the first of the next are no overlap."""
    truth = write(tmp_path / "truth.csv", PAIRS + "a.jpg_1,12 1\nb.jpg_1,\n")
    submission = write(tmp_path / "s.csv", PAIRS + "a.jpg_1,\nb.jpg_1,1 1\n")
    assert score_submission(submission, truth, shape=SHAPE).table().loc["all", "kaggle_dice"] == 0


def test_score_submission_of_masks_alone_on_both_sides_says_what_it_does_not_know(tmp_path):
    """Without the images, those that neither names can't count; with their folder they do."""
    truth = write(tmp_path / "truth.csv", LABELS + "a.jpg,2,1 4\n")
    submission = write(tmp_path / "s.csv", MASKS + "a.jpg,1 4,2\n")
    found = score_submission(submission, truth, shape=SHAPE)
    assert found.table().loc["all", ["pairs", "all_empty_dice"]].tolist() == [2, 0.5]
    assert "of the 1 images that either names" in str(found) and "taken as 1 to 2" in str(found)
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        write_tiny_image(folder / name, SHAPE)
    (folder / "notes.txt").write_text("no image")
    found = score_submission(submission, truth, shape=SHAPE, images=folder)
    assert found.table().loc["all", ["pairs", "all_empty_dice"]].tolist() == [4, 0.75]
    assert "of the 1 images" not in str(found)


def test_score_submission_says_that_excel_may_have_cut_a_cell(tmp_path):
    text = f"1 {'0' * (LONGEST_CELL - 3)}1"
    truth = write(tmp_path / "truth.csv", LABELS + f"a.jpg,1,{text}\n")
    submission = write(tmp_path / "s.csv", PAIRS + "a.jpg_1,1 1\n")
    assert "truth.csv: row 2: A cell of exactly 32,767 characters" in str(score_submission(submission, truth))


WHOLE = PAIRS + "a.jpg_1,\na.jpg_2,1 2\nb.jpg_1,\nb.jpg_2,\n"


@pytest.mark.parametrize(
    ("submission", "truth", "words"),
    [
        (WHOLE, PAIRS + "x.jpg_1,\nx.jpg_2,\n", "truth.csv: row 2: image 'x.jpg' is not in .*s.csv$|s.csv: row 2: "),
        (
            WHOLE,
            LABELS + "x.jpg,1,1 1\ny.jpg,1,1 1\nz.jpg,1,1 1\n",
            "row 2: image 'x.jpg' is not in .*s.csv, nor are 2 ",
        ),
        (WHOLE, PAIRS + "a.jpg_1,\na.jpg_2,\n", "s.csv: row 4: image 'b.jpg' is not in .*truth.csv"),
        (PAIRS + "a.jpg_1,\na.jpg_2,\n", WHOLE, "truth.csv: row 4: image 'b.jpg' is not in .*s.csv"),
        (WHOLE, WHOLE + "a.jpg_3,\nb.jpg_3,\n", "truth.csv: row 6: class 3 is not in .*s.csv"),
        (WHOLE, LABELS + "a.jpg,5,1 1\n", "truth.csv: row 2: class 5 is not in .*s.csv"),
        (WHOLE + "a.jpg_3,\nb.jpg_3,\n", WHOLE, "s.csv: row 6: class 3 is not in .*truth.csv"),
        (MASKS + "a.jpg,1 1,1\n", LABELS + "b.jpg,1,1 1\n", "have no image in common"),
        (MASKS, LABELS, "have no row"),
        (PAIRS, WHOLE, "s.csv: there is no row below the header"),
        (WHOLE + "a.jpg_1,\n", WHOLE, "s.csv: row 6: image 'a.jpg' has class 1 a second time, after row 2"),
        (PAIRS + "a.jpg_1,\na.jpg_2,\nb.jpg_2,\n", WHOLE, "s.csv: row 4: image 'b.jpg' has no row for class 1"),
        (WHOLE + "c.jpg_1,\nc.jpg_2,\na.jpg_9,\n", WHOLE, "s.csv: row 8: image 'a.jpg' has class 9, for which most"),
        (WHOLE + "c.jpg,\n", WHOLE, "s.csv: row 6: got 'c.jpg', expected the image's id"),
        (WHOLE, LABELS + "a.jpg,1.0,1 1\n", "truth.csv: row 2: ClassId is '1.0'"),
        (WHOLE, LABELS + "a.jpg,1,1 1 1 1\n", "truth.csv: row 2: run 2 .* overlaps run 1"),
        (WHOLE, LABELS + "a.jpg,1,12 2\n", "truth.csv: row 2: run 1 .* leaves an image of 3 x 4 pixels"),
        (WHOLE, LABELS + "a.jpg,1,1E+05 2\n", "truth.csv: row 2: run 1: start '1E\\+05' is not .* A spreadsheet wrote"),
        (MASKS + "a.jpg,1 1,999999999\n", LABELS + "a.jpg,1,1 1\n", "999,999,999 classes are more than can be held"),
        ("", WHOLE, "s.csv: the file is empty"),
        (WHOLE, "id,x\n", "truth.csv: row 1: found the columns id, x; expected"),
    ],
)
def test_score_submission_of_files_that_do_not_match(tmp_path, submission, truth, words):
    files = write(tmp_path / "s.csv", submission), write(tmp_path / "truth.csv", truth)
    with pytest.raises(ValueError, match=words) as caught:
        score_submission(*files, shape=SHAPE)
    assert "\n" not in str(caught.value)


def test_score_submission_with_a_class_that_the_truth_does_not_name(tmp_path):
    """It may be free of it, or of another data set: said below the table, either way around."""
    files = write(tmp_path / "s.csv", WHOLE), write(tmp_path / "truth.csv", LABELS + "a.jpg,1,1 1\n")
    (note,) = score_submission(*files, shape=SHAPE).pairs.notes
    assert note.startswith(f"{files[1]} has no mask of class 2, which {files[0]} has rows for: taken as free of it.")
    assert score_submission(*files[::-1], shape=SHAPE).pairs.notes == (note,)
    whole = write(tmp_path / "truth.csv", LABELS + "a.jpg,1,1 1\na.jpg,2,5 1\n")
    assert score_submission(files[0], whole, shape=SHAPE).pairs.notes == ()


def test_score_submission_of_a_folder_that_does_not_fit(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    files = write(tmp_path / "s.csv", WHOLE), write(tmp_path / "truth.csv", WHOLE)
    with pytest.raises(ValueError, match="images: there is no image in it"):
        score_submission(*files, shape=SHAPE, images=folder)
    for names, words in ((["a.jpg"], "row 4: image 'b.jpg' is not in .*images"), (["b.jpg", "c.jpg"], "'c.jpg' of .*")):
        for name in names:
            write_tiny_image(folder / name, SHAPE)
        with pytest.raises(ValueError, match=words):
            score_submission(*files, shape=SHAPE, images=folder)
    with pytest.raises(FileNotFoundError, match="nowhere: there is no such folder"):
        score_submission(*files, shape=SHAPE, images=tmp_path / "nowhere")


def test_score_submission_of_images_larger_than_64_bits_count(tmp_path):
    files = write(tmp_path / "s.csv", WHOLE), write(tmp_path / "truth.csv", WHOLE)
    with pytest.raises(ValueError, match="4 masks of 2000000000 x 2000000000 pixels are more than 64 bits can count"):
        score_submission(*files, shape=(2_000_000_000, 2_000_000_000))


def test_scores_as_text(tmp_path):
    """Five decimals, a separator in large numbers, a dash where a score is undefined."""
    ids = "".join(f"{number}.jpg_1,\n" for number in range(1200))
    path = write(tmp_path / "s.csv", PAIRS + ids)
    lines = str(score_submission(path, path)).splitlines()
    assert lines[0].split() == [*MEASURES, "pairs", "true", "predicted"]
    assert lines[1].split() == ["all", "1.00000", "1.00000", "-", "1.00000", "1,200", "0", "0"]
