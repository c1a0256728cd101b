"""Two submissions against each other, on masks worked by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.inference.compare import compare_submissions
from helpers.inference.submission import write_submission

SHAPE = (3, 4)
PAIRS = "ImageId_ClassId,EncodedPixels\n"
FIRST = PAIRS + "a.jpg_1,1 4\na.jpg_2,\nb.jpg_1,5 2\nb.jpg_2,1 12\n"
SECOND = "ImageId,EncodedPixels,ClassId\nb.jpg,1 12,2\na.jpg,1 2,1\na.jpg,7 5,2\n"


@pytest.fixture
def files(tmp_path):
    for name, text in (("A.csv", FIRST), ("B.csv", SECOND)):
        (tmp_path / name).write_text(text)
    return tmp_path / "A.csv", tmp_path / "B.csv"


def test_compare_submissions_lists_the_rows_that_differ_most(files):
    """A pair that only one of them has differs by all of its pixels; what is the same is not listed."""
    table = compare_submissions(*files, shape=SHAPE).differing()
    assert list(zip(table["image"], table["class"], table["differing"], strict=True)) == [
        ("a.jpg", 2, 5),
        ("a.jpg", 1, 2),
        ("b.jpg", 1, 2),
    ]
    assert table["row A"].tolist() == [3, 2, 4]
    assert table["row B"].tolist() == [4, 3, pd.NA]
    assert table["shared"].tolist() == [0, 2, 0]
    assert table["dice"].tolist() == pytest.approx([0, 2 / 3, 0])
    assert len(compare_submissions(*files, shape=SHAPE, most=1).differing()) == 1
    assert compare_submissions(*files, shape=SHAPE, most=0).differing().empty


def test_compare_submissions_measures_how_far_they_agree(files):
    table = compare_submissions(*files, shape=SHAPE).agreement()
    assert table["mean_dice"].tolist() == pytest.approx([(2 / 3 + 0 + 0 + 1) / 4, 1 / 3, 0.5])
    assert table.loc["all", ["pairs", "in A", "in B", "in either"]].tolist() == [4, 3, 3, 4]
    assert table["mean_dice"].tolist() == table["mean_dice_of_found"].tolist()


def test_compare_submissions_counts_pairs_that_both_leave_empty(tmp_path):
    path = tmp_path / "empty.csv"
    path.write_text(PAIRS + "a.jpg_1,\nb.jpg_1,\n")
    found = compare_submissions(path, path, shape=SHAPE)
    assert found.agreement().loc["all", "mean_dice"] == 1
    assert math.isnan(found.agreement().loc["all", "mean_dice_of_found"])
    assert "They have the same masks." in str(found)


def test_comparison_as_text(files):
    lines = str(compare_submissions(*files, shape=SHAPE, most=3)).splitlines()
    assert lines[:2] == [f"A: {files[0]}", f"B: {files[1]}"]
    assert lines[-1].split() == ["b.jpg", "1", "4", "-", "2", "0", "0", "2", "0.00000"]


def test_comparison_keeps_control_characters_out_of_the_terminal(tmp_path):
    for name, runs in (("A.csv", "1 1"), ("B.csv", "")):
        (tmp_path / name).write_text(f"{PAIRS}a\x1b[2J.jpg_1,{runs}\n")
    assert "\x1b" not in str(compare_submissions(tmp_path / "A.csv", tmp_path / "B.csv"))


def test_compare_submissions_of_another_data_set(files, tmp_path):
    (tmp_path / "C.csv").write_text(PAIRS + "x.jpg_1,\n")
    with pytest.raises(ValueError, match=r"A\.csv: row 2: image 'a.jpg' is not in .*C\.csv|C\.csv: row 2: image 'x"):
        compare_submissions(files[0], tmp_path / "C.csv", shape=SHAPE)
    with pytest.raises(ValueError, match="most is -1; expected 0 or more"):
        compare_submissions(*files, shape=SHAPE, most=-1)


MASKS = st.lists(st.booleans(), min_size=24, max_size=24).map(lambda bits: np.array(bits, np.uint8).reshape(1, 3, 4, 2))


@settings(max_examples=40, deadline=None)
@given(MASKS, MASKS)
def test_compare_submissions_is_the_same_both_ways(tmp_path_factory, first, second):
    """And the pixels that differ are those of the masks."""
    folder = tmp_path_factory.mktemp("compare")
    for name, masks in (("A.csv", first), ("B.csv", second)):
        write_submission(folder / name, ["a.jpg"], masks)
    one = compare_submissions(folder / "A.csv", folder / "B.csv", shape=SHAPE)
    other = compare_submissions(folder / "B.csv", folder / "A.csv", shape=SHAPE)
    columns = ["mean_dice", "mean_dice_of_found"]
    pd.testing.assert_frame_equal(one.agreement()[columns], other.agreement()[columns])
    assert one.differing()["differing"].sum() == (first != second).sum()
