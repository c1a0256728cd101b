"""A submission before it is sent: each kind of fault planted by hand, in both of the competition's formats."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import write_tiny_image
from helpers.data.check import print_problems
from helpers.inference.lint import count_covered_twice, lint_submission
from helpers.inference.submission import FORMATS, LONGEST_CELL, write_submission
from helpers.rle import mask2rle, parse_runs

PAIRS = "ImageId_ClassId,EncodedPixels\n"
MASKS = "ImageId,EncodedPixels,ClassId\n"
# Two images of two classes; pixels of 3 x 4 images count from 1 to 12.
SOUND_PAIRS = [PAIRS, "a.jpg_1,1 2 5 3\n", "a.jpg_2,\n", "b.jpg_1,\n", "b.jpg_2,12 1\n"]
SOUND_MASKS = [MASKS, "a.jpg,1 2 5 3,1\n", "b.jpg,12 1,2\n"]
SHAPE = (3, 4)


@pytest.fixture
def lint(tmp_path):
    """A function that writes a file and lints it: tuples of severity, row (None without one) and problem."""

    def call(text, shape=SHAPE, data=None):
        path = tmp_path / "submission.csv"
        path.write_bytes(text if isinstance(text, bytes) else "".join(text).encode())
        problems = lint_submission(path, data=data, shape=shape)
        assert (problems["file"][problems["severity"] == "error"] == str(path)).all()
        rows = [None if row != row else row for row in problems["row"].astype("float64")]
        return list(zip(problems["severity"], rows, problems["problem"], strict=True))

    return call


@pytest.fixture
def tiny_test_images(tmp_path):
    """A function that makes a data directory with nothing but these test images, 3 x 4 pixels each."""

    def make(*names, shape=SHAPE):
        (tmp_path / "data" / "test_images").mkdir(parents=True, exist_ok=True)
        for name in names:
            write_tiny_image(tmp_path / "data" / "test_images" / name, shape)
        (tmp_path / "data" / "classes.json").write_text('{"classes": {"1": "rust", "2": "dent"}}')
        return tmp_path / "data"

    return make


@pytest.mark.parametrize("lines", [SOUND_PAIRS, SOUND_MASKS])
def test_lint_submission_that_is_sound(lint, tiny_test_images, lines):
    assert lint(lines) == []
    assert lint(lines, data=tiny_test_images("a.jpg", "b.jpg")) == []


@pytest.mark.parametrize("columns", FORMATS)
def test_lint_submission_that_the_project_writes(tmp_path, columns):
    masks = (np.random.default_rng(0).integers(0, 3, (5, *SHAPE, 1)) == np.arange(2)).astype(np.uint8)
    write_submission(tmp_path / "submission.csv", [f"{number}.jpg" for number in range(5)], masks, columns)
    assert lint_submission(tmp_path / "submission.csv", shape=SHAPE).empty


# runs, what is said of them
FAULTY_RUNS = [
    ("1", "odd number of values"),
    ("1 2 3", "odd number of values"),
    ("-1", "odd number of values"),  # an empty mask in some other competitions
    ("x y", "start 'x' is not a whole number"),
    ("1 2.0", "length '2.0' is not a whole number"),
    ("nan", "start 'nan' is not a whole number"),
    ("1,2", "start '1,2' is not a whole number"),
    ("0 2", "starts before the first pixel"),
    ("-3 2", "starts before the first pixel"),
    ("1 0", "has no pixel"),
    ("1 -2", "has no pixel"),
    ("5 1 3 1", "run 2 (start 3, length 1) starts before run 1"),
    ("1 3 3 2", "run 2 (start 3, length 2) overlaps run 1"),
    ("1 3 1 3", "run 2 (start 1, length 3) overlaps run 1"),
    ("12 2", "leaves an image of 3 x 4 pixels"),
    ("13 1", "leaves an image of 3 x 4 pixels"),
    ("1 2 99999999999999999999 1", "does not fit in 64 bits"),
    ("1.23457E+11 3", "start '1.23457E+11' is not a whole number"),
]


@pytest.mark.parametrize(("runs", "words"), FAULTY_RUNS)
def test_lint_submission_names_the_row_of_faulty_runs(lint, runs, words):
    cell = f'"{runs}"' if "," in runs else runs
    for text, row in (
        ([*SOUND_PAIRS[:3], f"b.jpg_1,{cell}\n", SOUND_PAIRS[4]], 4),
        ([*SOUND_MASKS[:2], f"b.jpg,{cell},2\n"], 3),
    ):
        (error,) = [found for found in lint(text) if found[0] == "error"]
        assert error[:2] == ("error", row)
        assert words in error[2]


def test_lint_submission_of_several_faults_in_one_row_names_the_first(lint):
    assert [row[2][:6] for row in lint([*SOUND_MASKS, "c.jpg,1 1 0 1 5 0,1\n"])] == ["run 2 "]


@pytest.mark.parametrize(
    ("lines", "row", "words"),
    [
        ([*SOUND_PAIRS, "c.jpg,\n"], 6, "got 'c.jpg', expected the image's id, an underscore"),
        ([*SOUND_PAIRS, "b.jpg_0,\n"], 6, "got 'b.jpg_0'"),
        ([*SOUND_PAIRS, "b.jpg_1.0,\n"], 6, "got 'b.jpg_1.0'"),
        ([*SOUND_PAIRS, "b.jpg_01,\n"], 6, "got 'b.jpg_01'"),
        ([*SOUND_PAIRS, "a.jpg_2,\n"], 6, "image 'a.jpg' has class 2 a second time, after row 3"),
        ([*SOUND_PAIRS[:3], *SOUND_PAIRS[4:]], 4, "image 'b.jpg' has no row for class 1"),
        (
            [*SOUND_PAIRS, "b.jpg_3,\n", "c.jpg_1,\n", "c.jpg_2,\n"],
            6,
            "has a row for class 3; expected the classes 1, 2",
        ),
        ([*SOUND_MASKS, "b.jpg,1 1,0\n"], 4, "ClassId is '0'; expected a whole number"),
        ([*SOUND_MASKS, "b.jpg,1 1,1.0\n"], 4, "ClassId is '1.0'"),
        ([*SOUND_MASKS, "b.jpg,1 1, 1\n"], 4, "ClassId is ' 1'"),
        ([*SOUND_MASKS, "b.jpg,1 1,\n"], 4, "ClassId is ''"),
        ([*SOUND_MASKS, ",1 1,1\n"], 4, "ImageId is empty"),
        ([*SOUND_MASKS, "b.jpg,,2\n"], 4, "image 'b.jpg' has class 2 a second time, after row 3"),
        ([PAIRS], None, "there is no sound row"),
    ],
)
def test_lint_submission_of_faulty_ids_and_classes(lint, lines, row, words):
    (error,) = [found for found in lint(lines) if found[0] == "error"]
    assert error[1] == row
    assert words in error[2]


@pytest.mark.parametrize(
    "header",
    [
        "EncodedPixels,ImageId_ClassId",
        "ImageId_ClassId,EncodedPixels,Usage",
        ",ImageId_ClassId,EncodedPixels",  # written by pandas with its index
        "ImageId_ClassId, EncodedPixels",
        "ImageId,ClassId,EncodedPixels",  # that of train.csv
    ],
)
def test_lint_submission_of_another_header(lint, header):
    (error,) = lint(f"{header}\n" + ",".join(["a.jpg_1"] * (header.count(",") + 1)) + "\n")[:1]
    assert error[:2] == ("error", 1)
    assert f"the header is '{header}'; expected ImageId_ClassId,EncodedPixels or ImageId,EncodedPixels,C" in error[2]


@pytest.mark.parametrize("lines", [SOUND_PAIRS, SOUND_MASKS])
def test_lint_submission_of_images_and_classes_that_are_not_there(lint, tiny_test_images, lines):
    """Image b is not in the data, c has no row, and class 3 is none."""
    more = "a.jpg_3,\n" if lines is SOUND_PAIRS else "a.jpg,,3\n"
    found = {(row, problem) for severity, row, problem in lint([*lines, more], data=tiny_test_images("a.jpg", "c.jpg"))}
    row = len(lines) + 1
    assert (row, "image 'a.jpg' has a row for class 3; expected the classes 1, 2") in found
    strange = [row for row, problem in found if "'b.jpg' is not in " in problem]
    assert sorted(strange) == ([4, 5] if lines is SOUND_PAIRS else [3])
    assert ((None, "image 'c.jpg' has no row") in found) == (lines is SOUND_PAIRS)


@pytest.mark.parametrize("lines", [SOUND_PAIRS, SOUND_MASKS])
def test_lint_submission_for_another_data_set_is_one_line(lint, tiny_test_images, lines):
    ((severity, row, problem),) = lint(lines, data=tiny_test_images("x.jpg", "y.jpg"))
    assert (severity, row) == ("error", None)
    assert problem.startswith("none of its 2 images is in ")


def test_lint_submission_checks_each_image_by_its_own_size(lint, tiny_test_images):
    tiny_test_images("a.jpg", "c.jpg", "d.jpg")
    data = tiny_test_images("b.jpg", shape=(3, 3))
    lines = [MASKS, "a.jpg,12 1,1\n", "b.jpg,12 1,1\n"]
    ((severity, row, problem),) = lint(lines, data=data)
    assert (severity, row) == ("error", 3)
    assert problem.endswith("leaves an image of 3 x 3 pixels")


def test_lint_submission_of_a_file_that_is_no_image(lint, tiny_test_images):
    """A stray file needs no row, and may have some."""
    data = tiny_test_images("a.jpg", "b.jpg")
    (data / "test_images" / "Thumbs.db").write_bytes(b"x")
    assert [(severity, problem) for severity, _, problem in lint(SOUND_PAIRS, data=data)] == [
        ("warning", "the file is no image")
    ]
    found = lint([*SOUND_PAIRS, "Thumbs.db_1,1 1\n", "Thumbs.db_2,\n"], data=data)
    assert "error" not in [severity for severity, *_ in found]


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [
        ([*SOUND_MASKS, "c.jpg,1 2 3 1,1\n"], 4, "the run at 3 begins where the one at 1 ends"),
        ([*SOUND_MASKS, "b.jpg,11 2,3\n"], 4, "1 pixels of image 'b.jpg' carry more than one class"),
        ([*SOUND_MASKS, "a.jpg,,2\n"], 4, "image 'a.jpg', class 2 comes after 'b.jpg', class 2"),
        ([MASKS, "a.jpg,1 1,2\n", "a.jpg,2 1,1\n"], 3, "image 'a.jpg', class 1 comes after 'a.jpg', class 2"),
        (b"\xef\xbb\xbf" + "".join(SOUND_PAIRS).encode(), 1, "begins with a byte-order mark"),
        ([*SOUND_MASKS, '"c.jpg",1 1,1\n'], 4, "the row has quotes"),
        ([*SOUND_MASKS, '"c\n.jpg",1 1,1\n', "d.jpg,1 1,1\n"], 4, "the row has quotes"),  # a row of two lines
        ([MASKS], None, "it has no row"),
    ],
)
def test_lint_submission_warns(lint, text, row, words):
    ((severity, found, problem),) = lint(text)
    assert (severity, found) == ("warning", row)
    assert words in problem


def test_lint_submission_names_a_row_of_touching_runs_once(lint):
    found = lint([*SOUND_MASKS, "c.jpg,1 1 2 1 3 1,1\n", "d.jpg,4 1 5 1,1\n"])
    assert [row for _, row, _ in found] == [4, 5]


def test_lint_submission_of_runs_that_end_and_begin_in_different_rows(lint):
    """The last pixel of one mask and the first of the next do not touch."""
    assert lint([MASKS, "a.jpg,1 2,1\n", "b.jpg,3 2,1\n"]) == []


def test_lint_submission_of_a_repeated_row_counts_no_pixel_twice(lint):
    found = lint([*SOUND_MASKS, "b.jpg,12 1,2\n"])
    assert [severity for severity, *_ in found] == ["error"]


def test_lint_submission_of_a_cell_that_excel_cut_off(lint, tmp_path):
    """Where the cut leaves an odd number it is an error, where it leaves sound runs a warning; both say who did it."""
    runs = " ".join(f"{start} 1" for start in range(100_001, 120_000, 2))
    for first, severity in ((runs[:LONGEST_CELL], "error"), ("", "warning")):
        text = first or f"1 {'0' * (LONGEST_CELL - 3)}1"
        assert len(text) == LONGEST_CELL
        ((found, row, _),) = lint([MASKS, f"a.jpg,{text},1\n"], shape=(256, 1600))
        assert (found, row) == (severity, 2)
        assert "Excel" in lint_submission(tmp_path / "submission.csv")["mend"].iloc[0]


@pytest.mark.parametrize(
    ("lines", "row"),
    [([*SOUND_PAIRS, "300 2 400 5,\n"], 6), ([*SOUND_MASKS, "300 2 400 5,,\n"], 4)],
)
def test_lint_submission_of_runs_that_excel_moved_to_the_next_row(lint, tmp_path, lines, row):
    ((_, found, _),) = lint(lines)
    assert found == row
    assert "Excel" in lint_submission(tmp_path / "submission.csv")["mend"].iloc[0]


def test_lint_submission_of_scientific_notation_names_the_spreadsheet(lint, tmp_path):
    lint([*SOUND_MASKS, "c.jpg,1.2E+05 3,1\n"])
    assert "spreadsheet" in lint_submission(tmp_path / "submission.csv")["mend"].iloc[0]


def test_lint_submission_shows_at_most_20_of_a_kind(tmp_path):
    path = tmp_path / "submission.csv"
    path.write_text(MASKS + "".join(f"{number:03d}.jpg,{number} 0,1\n" for number in range(1, 31)) + "z.jpg,1,1\n")
    lines = []
    print_problems(lint_submission(path), say=lines.append)
    assert len([line for line in lines if "has no pixel" in line]) == 20
    assert "error: ... and 10 more of this kind" in lines
    assert any("row 32: run-length text has an odd number" in line for line in lines)
    assert lines[-1] == "31 errors, 0 warnings"


MASK = st.lists(st.booleans(), min_size=12, max_size=12).map(lambda bits: np.array(bits).reshape(3, 4))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(MASK, MASK, MASK), min_size=1, max_size=4))
def test_count_covered_twice_agrees_with_the_masks(images):
    starts, lengths, codes = [], [], []
    for code, masks in enumerate(images):
        for mask in masks:
            first, count = parse_runs(mask2rle(mask))
            starts, lengths, codes = [*starts, *first], [*lengths, *count], [*codes, *[code] * len(first)]
    found = count_covered_twice(*(np.array(values, np.int64) for values in (starts, lengths, codes)), len(images))
    assert found.tolist() == [int((np.sum(masks, axis=0) > 1).sum()) for masks in images]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "line 1 is not UTF-8 text"),
        (b"PK\x03\x04rest", "this is an Excel workbook or another ZIP archive"),
        (PAIRS.encode() + b"a.jpg_1,\x00\n", "row 2 holds a NUL byte"),
        (PAIRS.encode("utf-16"), "line 1 is not UTF-8 text"),
        (
            b"ImageId_ClassId;EncodedPixels\na.jpg_1;\n",
            "row 1: found the columns ImageId_ClassId;EncodedPixels; expected",
        ),
        (b"ImageId_ClassId;EncodedPixels\n", "Its cells are separated by semicolons: write it with commas."),
        (b"ImageId_ClassId\tEncodedPixels\n", "Its cells are separated by tabs: write it with commas."),
        (b"This is a letter.\nWith lines, and commas.\n", "row 1: found the columns This is a letter.; expected"),
        (b"id,area\n1,2\n", "found the columns id, area; expected ImageId_ClassId,EncodedPixels or ImageId,Enc"),
        (PAIRS.encode() + b"a.jpg_1,\na.jpg_2,1 2,3\n", "row 3 has 3 cells; expected 2"),
        (PAIRS.encode() + b'a.jpg_1,"1 2\n', "row 2: this is no table"),
        (b"EncodedPixels,ImageId_ClassId,EncodedPixels\n", "the column 'EncodedPixels' is there twice"),
    ],
)
def test_lint_submission_of_a_file_that_is_no_submission(tmp_path, content, words):
    (tmp_path / "submission.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"submission\.csv: ") as caught:
        lint_submission(tmp_path / "submission.csv")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lint_submission_of_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.csv is not there"):
        lint_submission(tmp_path / "no.csv")
    with pytest.raises(IsADirectoryError, match="is a folder; expected a CSV file"):
        lint_submission(tmp_path)


def test_lint_submission_of_a_huge_file_reads_none_of_it(tmp_path):
    """The file is sparse: it takes no room."""
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(2 * 2**30)
    with pytest.raises(ValueError, match=r"the file has 2,147 MB; expected a submission of 134 MB at most"):
        lint_submission(tmp_path / "huge.csv")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_lint_submission_of_too_many_lines(tmp_path, monkeypatch, end):
    monkeypatch.setattr("helpers.inference.submission.MOST_LINES", 3)
    (tmp_path / "long.csv").write_bytes("".join(SOUND_PAIRS).replace("\n", end).encode())
    with pytest.raises(ValueError, match="the file has 5 lines; expected a submission of 3 at most"):
        lint_submission(tmp_path / "long.csv")


def test_lint_submission_of_data_without_test_images(lint, tiny_test_images):
    data = tiny_test_images()
    with pytest.raises(ValueError, match="there is no image in it"):
        lint(SOUND_PAIRS, data=data)
    (data / "test_images").rmdir()
    with pytest.raises(FileNotFoundError, match="test_images: there is no such folder"):
        lint(SOUND_PAIRS, data=data)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([PAIRS, MASKS]),
    st.text(alphabet="ab_12 ,.\n\r\"'-=\x1b\u00e9", max_size=60) | st.text(max_size=30),
)
def test_lint_submission_of_any_text_lists_or_refuses(tmp_path_factory, header, text):
    """Nothing crashes: there is a table, or a ValueError with one line."""
    path = tmp_path_factory.mktemp("lint") / "submission.csv"
    path.write_bytes((header + text).encode())
    try:
        problems = lint_submission(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        print_problems(problems, say=lambda line: line.encode())
