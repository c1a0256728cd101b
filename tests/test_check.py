import cv2
import numpy as np
import pandas as pd
import pytest

from conftest import TINY_SHAPE
from helpers.data.check import check_dataset, print_problems, summarise
from helpers.data.dataset import read_dataset
from helpers.data.problems import ERROR, WARNING, Problem, problem_table

PIXELS = TINY_SHAPE[0] * TINY_SHAPE[1]


def rows(table):
    return table[["severity", "file", "row"]].values.tolist()


def test_check_dataset_of_a_sound_one(tiny_data):
    assert check_dataset(read_dataset(tiny_data())).empty


def test_check_dataset_warns_of_png_data_under_a_jpeg_name(tiny_data):
    directory = tiny_data()
    data = cv2.imencode(".png", np.full(TINY_SHAPE, 90, np.uint8))[1].tobytes()
    (directory / "train_images" / "a.jpg").write_bytes(data)
    (problem,) = check_dataset(read_dataset(directory)).itertuples()
    assert (problem.severity, problem.file) == (WARNING, "train_images/a.jpg")
    assert "PNG data under the name of a JPEG file" in problem.problem


def test_check_dataset_warns_of_a_mask_that_covers_the_whole_image(tiny_data):
    labels = f"ImageId,ClassId,EncodedPixels\na.jpg,1,1 3\nb.jpg,2,1 {PIXELS}\n"
    (problem,) = check_dataset(read_dataset(tiny_data(labels))).itertuples()
    assert (problem.severity, problem.row, problem.image_id) == (WARNING, 3, "b.jpg")
    assert problem.problem == "class 2 covers the whole image"


def test_check_dataset_warns_of_classes_that_overlap(tiny_data):
    labels = "ImageId,ClassId,EncodedPixels\na.jpg,1,1 5\na.jpg,2,4 3\nb.jpg,1,1 2\nb.jpg,2,3 2\n"  # pixels 4 and 5
    (problem,) = check_dataset(read_dataset(tiny_data(labels))).itertuples()
    assert (problem.severity, problem.image_id) == (WARNING, "a.jpg")
    assert problem.problem == "2 pixels of the image carry more than one class"


def test_check_dataset_warns_of_copies(tiny_data):
    copies = pd.DataFrame([("test_images/t.jpg", "train_images/a.jpg", "same", 0.9)],
                          columns=["first", "second", "transform", "similarity"])  # fmt: skip
    (problem,) = check_dataset(read_dataset(tiny_data()), copies).itertuples()
    assert (problem.severity, problem.file, problem.image_id) == (WARNING, "train_images/a.jpg", "a.jpg")
    assert "copy of test_images/t.jpg" in problem.problem


def test_check_dataset_puts_errors_first(tiny_data):
    labels = f"ImageId,ClassId,EncodedPixels\na.jpg,2,1 {PIXELS}\nb.jpg,9,1 3\n"
    table = check_dataset(read_dataset(tiny_data(labels)))
    assert rows(table) == [[ERROR, "train.csv", 3], [WARNING, "train.csv", 2]]


@pytest.mark.parametrize(
    ("severities", "text"),
    [
        ([], "0 errors, 0 warnings"),
        ([ERROR], "1 error, 0 warnings"),
        ([ERROR, WARNING, WARNING], "1 error, 2 warnings"),
    ],
)
def test_summarise(severities, text):
    problems = [Problem(severity, "train.csv", 2, "a", "wrong", "Mend it.") for severity in severities]
    assert summarise(problem_table(problems)) == text


def test_print_problems_shows_at_most_so_many_of_a_kind_and_counts_the_rest():
    problems = [Problem(ERROR, "train.csv", row, "a", "wrong", "Mend it.") for row in range(2, 7)]
    problems.append(Problem(WARNING, "train_images/b.jpg", None, "b", "odd", "Look at it."))
    lines = []
    print_problems(problem_table(problems), most=2, say=lines.append)
    assert lines == [
        "error: train.csv: row 2: wrong. Mend it.",
        "error: train.csv: row 3: wrong. Mend it.",
        "error: ... and 3 more of this kind",
        "warning: train_images/b.jpg: odd. Look at it.",
        "5 errors, 1 warning",
    ]


def test_print_problems_keeps_control_characters_out_of_the_terminal():
    lines = []
    print_problems(problem_table([Problem(ERROR, "a\x1b[2J\nb.jpg", None, "a", "x", "Mend.")]), say=lines.append)
    assert lines[0] == r"error: a\x1b[2J\nb.jpg: x. Mend."
