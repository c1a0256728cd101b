import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.data.problems import ERROR, Problem, problem_table, shorten
from helpers.data.tables import read_labels, read_table

LABELS = Path(os.environ.get("SEVERSTAL_LABELS") or Path(__file__).resolve().parents[2] / "shared" / "severstal_labels")
SHAPE = (3, 4)  # 12 pixels


@pytest.fixture
def write(tmp_path):
    """A function that writes a CSV file from text or bytes, and gives its path."""

    def write_file(content):
        path = tmp_path / "train.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


def rows(table):
    """A table as a list of lists, the row number last."""
    return table.to_numpy().tolist()


def found(problems):
    """What a test wants to know of problems: row, image and the first words."""
    return [(problem.row, problem.image_id, problem.problem) for problem in problems]


# content, rows as read
TABLES = [
    ("a,b\n1,2\n", [["1", "2", 2]]),
    ("a,b\r\n1,2\r\n3,4\r\n", [["1", "2", 2], ["3", "4", 3]]),  # Windows
    ("a,b\r1,2\r3,4", [["1", "2", 2], ["3", "4", 3]]),  # Macs of old
    ("a,b\n1,2", [["1", "2", 2]]),  # no line end at the end
    (b"\xef\xbb\xbfa,b\n1,2\n", [["1", "2", 2]]),  # byte-order mark, as Excel writes it
    (b'\xef\xbb\xbf"a","b"\n1,2\n', [["1", "2", 2]]),  # and quotes behind it
    (" a , b \n1,2\n", [["1", "2", 2]]),  # spaces around the names
    ("a,b\n", []),  # a header alone
    ("a,b", []),
    ("a,b\n1,2\n\n3,4\n\n\n5,6\n\n", [["1", "2", 2], ["3", "4", 4], ["5", "6", 7]]),  # blank lines count
    ("a,b\n1,2\n  \n3,4\n,\n5,6\n", [["1", "2", 2], ["3", "4", 4], ["5", "6", 6]]),  # blank to the eye
    ('a,b\n"1\n1",2\n3,4\n', [["1\n1", "2", 2], ["3", "4", 3]]),  # a record over two lines is one record
    ('a,b\n"1\r\n\r\n1",2\n3,4\n', [["1\r\n\r\n1", "2", 2], ["3", "4", 3]]),
    ('a,b\n"1,1","say ""2"""\n', [["1,1", 'say "2"', 2]]),
    ('a,b\n1"1,2\n', [['1"1', "2", 2]]),  # a quote within a cell is a character
    ("a,b\n1,\n,2\n", [["1", "", 2], ["", "2", 3]]),
    ("a,b\nNA,nan\nNone,null\n", [["NA", "nan", 2], ["None", "null", 3]]),  # texts, not missing values
    ("a,b\n001,1.0\nTrue,1e5\n", [["001", "1.0", 2], ["True", "1e5", 3]]),  # texts, not numbers
    ("a,b\n 1 ,2 \n", [[" 1 ", "2 ", 2]]),
    ("a,b\ntôle,鋼\u2028\u0085\x0c\n", [["tôle", "鋼\u2028\u0085\x0c", 2]]),  # line ends to Python, not to CSV
    ("row,b\n7,2\n", [[2, "2"]]),  # a column of that name gives way
]


@pytest.mark.parametrize(("content", "expected"), TABLES)
def test_read_table(write, content, expected):
    assert rows(read_table(write(content))) == expected


def test_read_table_of_a_cell_longer_than_the_csv_module_takes(write):
    runs = "1 1 " * 100_000
    assert read_table(write(f"a,b\n1,{runs}\n"))["b"].tolist() == [runs]


CELLS = st.text(alphabet='a1 ,"\n;é', max_size=5)


@given(cells=st.lists(st.tuples(CELLS, CELLS).filter(lambda pair: "".join(pair).strip()), max_size=5))
def test_read_table_gives_back_every_quoted_cell(tmp_path_factory, cells):
    path = tmp_path_factory.getbasetemp() / "quoted.csv"
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in pair) for pair in cells]
    path.write_bytes("\n".join(['"x","y"', *lines]).encode())
    assert rows(read_table(path)) == [[*pair, row] for row, pair in enumerate(cells, start=2)]


# content, what the error says
BROKEN_TABLES = [
    (b"", "the file is empty; expected a header and rows. Copy it again"),
    (b"\xef\xbb\xbf", "the file is empty"),
    (b"\n\r\n  \n,\n", "the file is empty"),
    ("a,b\n1,2\n1,2,3\n", "row 3 has 3 cells; expected 2 like the header. Complete the row, quote a cell"),
    ("a,b\n1,2,3\n", "row 2 has 3 cells; expected 2"),  # in the first row pandas drops it, with a warning
    ("a,b\n1,2,3\n4,5,6\n", "row 2 has 3 cells; expected 2"),  # in every row, too
    ("a,b\n1,2,\n", "row 2 has 3 cells; expected 2"),  # be it an empty one
    ("a,b\n1,2\n3\n5,6\n", "row 3 has 1 cell; expected 2"),  # pandas fills it up
    ('a,b\n"1\n1",2\n\n3\n', "row 4 has 1 cell; expected 2"),  # records count, not lines
    ('a,b\n1,2\n3,"4\n5,6\n', "row 3: this is no table of comma-separated values (unexpected end of data)"),
    ('a,b\n1,2\n"3"3,4\n', "row 3: this is no table of comma-separated values"),
    (b"a,b\n1,2\n\n3,\x004\n", "row 4 holds a NUL byte; expected text. Copy the file again"),
    (bytes(1000), "row 1 holds a NUL byte"),  # what a full disk leaves
    (b"a,b\n1,2\nt\xf4le,4\n", "line 3 is not UTF-8 text. Save the file as UTF-8 CSV again"),
    ("a,b\n1,2\n".encode("utf-16"), "line 1 is not UTF-8 text"),
    (b"\x89PNG\r\n\x1a\n", "line 1 is not UTF-8 text"),
    ("a,b,a\n1,2,3\n", "the column 'a' is there twice. Rename or delete one"),
    ("a,b, a\n1,2,3\n", "the column 'a' is there twice"),
]


@pytest.mark.parametrize(("content", "message"), BROKEN_TABLES)
def test_read_table_of_a_broken_file(write, content, message):
    with pytest.raises(ValueError, match=r"train\.csv: ") as raised:
        read_table(write(content))
    assert f"train.csv: {message}" in str(raised.value)


def test_read_table_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train\.csv is not there\. Was the data directory"):
        read_table(tmp_path / "train.csv")
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path)


# The same labels in both formats and every order of columns: an image with two classes, one with one, one clean.
SAME_LABELS = [
    "ImageId,ClassId,EncodedPixels\na.jpg,1,1 2\na.jpg,4,12 1\nb.jpg,2,3 3 7 1\n",
    "EncodedPixels,ImageId,ClassId\n1 2,a.jpg,1\n12 1,a.jpg,4\n3 3 7 1,b.jpg,2\n",
    "ClassId,note,EncodedPixels,ImageId\n1,x,1 2,a.jpg\n4,,12 1,a.jpg\n2,y,3 3 7 1,b.jpg\n",  # a column more
    '"ClassId","EncodedPixels","ImageId"\r\n" 1","1 2","a.jpg"\r\n"4 "," 12  1 ","a.jpg"\r\n2,03 3 7 01,b.jpg',
    "ImageId_ClassId,EncodedPixels\na.jpg_1,1 2\na.jpg_2,\na.jpg_3,\na.jpg_4,12 1\n"
    "b.jpg_1,\nb.jpg_2,3 3 7 1\nb.jpg_3,\nb.jpg_4,\nc.jpg_1,\nc.jpg_2,\nc.jpg_3,\nc.jpg_4,\n",
    "EncodedPixels,ImageId_ClassId\n,c.jpg_4\n,c.jpg_3\n,c.jpg_2\n,c.jpg_1\n1 2,a.jpg_1\n,a.jpg_3\n12 1,a.jpg_4\n"
    ",a.jpg_2\n,b.jpg_1\n3 3 7 1,b.jpg_2\n,b.jpg_3\n,b.jpg_4\n",  # rows in any order
]


@pytest.mark.parametrize("content", SAME_LABELS)
def test_read_labels_of_either_format(write, content):
    labels, listed, problems = read_labels(write(content), 4, SHAPE, ["a.jpg", "b.jpg", "c.jpg"])
    assert problems == []
    assert labels[["ImageId", "ClassId", "area"]].to_numpy().tolist() == [
        ["a.jpg", 1, 2],
        ["a.jpg", 4, 1],
        ["b.jpg", 2, 4],
    ]
    assert labels["ClassId"].dtype == labels["area"].dtype == "int64"
    assert set(listed) >= {"a.jpg", "b.jpg"}


def test_read_labels_gives_texts_and_rows(write):
    content = "ImageId,ClassId,EncodedPixels\n\nb.jpg,2,3 3 7 1\na.jpg,1,1 2\nb.jpg,1,\nc.jpg,1,\n"
    labels, listed, problems = read_labels(write(content), 4, SHAPE)
    assert rows(labels[["EncodedPixels", "row"]]) == [["3 3 7 1", 3], ["1 2", 4]]
    assert listed == {"b.jpg": 3, "a.jpg": 4, "c.jpg": 6}
    assert problems == []


def test_read_labels_of_an_id_with_underscores(write):
    content = "ImageId_ClassId,EncodedPixels\na_1_2.jpg_1,1 2\n"
    labels, *_ = read_labels(write(content), 1, SHAPE)
    assert rows(labels[["ImageId", "ClassId"]]) == [["a_1_2.jpg", 1]]


@pytest.mark.parametrize("header", ["ImageId,ClassId,EncodedPixels", "ImageId_ClassId,EncodedPixels"])
def test_read_labels_of_a_header_alone(write, header):
    labels, listed, problems = read_labels(write(f"{header}\n"), 4, SHAPE)
    assert (len(labels), listed, problems) == (0, {}, [])
    assert list(labels.columns) == ["ImageId", "ClassId", "EncodedPixels", "row", "area"]
    assert labels["ClassId"].dtype == "int64"


# header, the columns as the error shows them
WRONG_COLUMNS = [
    ("a,b", "'a,b'"),
    ("ImageId,ClassId", "'ImageId,ClassId'"),
    ("imageid,classid,encodedpixels", "'imageid,classid,encodedpixels'"),
    ("ImageId;ClassId;EncodedPixels", "'ImageId;ClassId;EncodedPixels'"),  # Excel in much of Europe
    ("a.jpg,1,1 3 " + "7 1 " * 50_000, "..."),  # no header: the first mask must not flood the message
]


@pytest.mark.parametrize(("header", "shown"), WRONG_COLUMNS)
def test_read_labels_with_the_wrong_columns(write, header, shown):
    with pytest.raises(ValueError, match=r"train\.csv: found the columns .*expected ImageId,ClassId") as raised:
        read_labels(write(f"{header}\n"), 4, SHAPE)
    message = str(raised.value)
    assert shown in message
    assert "ImageId_ClassId,EncodedPixels. Rename the columns, or choose another file." in message
    assert len(message) < 400


# class id as written, as shown
WRONG_CLASSES = [
    ("0", "'0'"),
    ("5", "'5'"),
    ("-1", "'-1'"),
    ("1.0", "'1.0'"),  # what pandas makes of whole numbers beside an empty cell
    ("1e0", "'1e0'"),
    ("", "''"),
    ("one", "'one'"),
    ("nan", "'nan'"),
    ("+1", "'+1'"),
    ("0x1", "'0x1'"),
    ("1 2", "'1 2'"),
    ("\u00b9", "'\u00b9'"),  # superscript one: a digit to Python
    ("\u0661", "'\u0661'"),  # Arabic-Indic one: a decimal to Python
    ("1" * 5000, "'" + "1" * 60 + "...'"),  # more digits than int() takes
]


@pytest.mark.parametrize(("class_id", "shown"), WRONG_CLASSES)
def test_read_labels_of_a_class_id_out_of_range(write, class_id, shown):
    content = f"ImageId,ClassId,EncodedPixels\na.jpg,1,1 2\nb.jpg,{class_id},1 2\n"
    labels, _, problems = read_labels(write(content), 4, SHAPE)
    assert found(problems) == [(3, "b.jpg", f"ClassId is {shown}; expected a whole number from 1 to 4")]
    assert labels["ImageId"].tolist() == ["a.jpg"]


# runs, words of the message
CORRUPT_RUNS = [
    ("1", "odd number of values"),
    ("1 2 3", "odd number of values"),
    ("one 2", "run 1: start 'one' is not a whole number"),
    ("1 2 3.5 1", "run 2: start '3.5' is not a whole number"),
    ("1\t2", "is not a whole number"),
    ("0 2", "starts before the first pixel"),
    ("1 0", "has no pixel"),
    ("-1 2", "starts before the first pixel"),
    ("5 1 2 1", "starts before run 1"),
    ("1 3 3 1", "overlaps run 1"),
    ("12 2", "leaves an image of 3 x 4 pixels"),
    ("13 1", "leaves an image of 3 x 4 pixels"),
    ("9223372036854775808 1", "does not fit in 64 bits"),
    ("9223372036854775807 1", "past what 64 bits can count"),
    ("1" * 5000 + " 1", "does not fit in 64 bits"),
    ("nan", "is not a whole number"),
    ("NaN", "is not a whole number"),
    ("None", "is not a whole number"),
    ("=1+1", "is not a whole number"),
    ("١ ٢", "is not a whole number"),
]


@pytest.mark.parametrize(("runs", "words"), CORRUPT_RUNS)
@pytest.mark.parametrize("header", ["ImageId,ClassId,EncodedPixels", "ImageId_ClassId,EncodedPixels"])
def test_read_labels_of_corrupt_runs(write, header, runs, words):
    glue = "_" if "_" in header else ","
    content = f"{header}\na.jpg{glue}1,1 2\nb.jpg{glue}1,{runs}\n"
    labels, _, (problem,) = read_labels(write(content), 1, SHAPE)
    assert (problem.severity, problem.file, problem.row, problem.image_id) == (ERROR, "train.csv", 3, "b.jpg")
    assert words in problem.problem
    assert len(str(problem)) < 400
    assert ".." not in str(problem).replace("...", "")
    assert labels["ImageId"].tolist() == ["a.jpg"]


@pytest.mark.parametrize("again", ["a.jpg,1,5 1", "a.jpg,1,1 2", "a.jpg, 1 ,5 1", "a.jpg,1,"])
def test_read_labels_of_a_row_that_is_there_twice(write, again):
    content = f"ImageId,ClassId,EncodedPixels\na.jpg,1,1 2\na.jpg,2,7 1\n{again}\n"
    *_, problems = read_labels(write(content), 4, SHAPE)
    assert found(problems) == [(4, "a.jpg", "image 'a.jpg' has class '1' a second time")]


def test_read_labels_of_missing_rows(write):
    content = "ImageId_ClassId,EncodedPixels\na.jpg_1,1 2\na.jpg_2,\nb.jpg_2,\nc.jpg_1,\nc.jpg_1,\n"
    *_, problems = read_labels(write(content), 2, SHAPE, ["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
    assert found(problems) == [
        (4, "b.jpg", "image 'b.jpg' has rows for 1 classes; expected 2"),
        (5, "c.jpg", "image 'c.jpg' has rows for 1 classes; expected 2"),
        (None, "d.jpg", "image 'd.jpg' has rows for 0 classes; expected 2"),
        (6, "c.jpg", "image 'c.jpg' has class '1' a second time"),
    ]


def test_read_labels_of_a_row_for_each_defect_lacks_none(write):
    content = "ImageId,ClassId,EncodedPixels\na.jpg,1,1 2\n"
    assert read_labels(write(content), 4, SHAPE, ["a.jpg", "d.jpg"])[2] == []


@pytest.mark.parametrize("cell", ["a.jpg", "a.jpg_", "a.jpg_x", "_", "a_b.jpg"])
def test_read_labels_of_a_pair_without_a_class(write, cell):
    *_, problems = read_labels(write(f"ImageId_ClassId,EncodedPixels\n{cell},1 2\n"), 1, SHAPE)
    assert [problem.row for problem in problems] == [2]
    assert "expected a whole number from 1 to 1" in problems[0].problem


@pytest.mark.parametrize("image_id", ["../x.jpg", "/etc/passwd", "<script>alert(1)</script>.jpg", "tôle 鋼.jpg", ""])
def test_read_labels_takes_any_text_for_an_id(write, image_id):
    labels, listed, problems = read_labels(write(f'ImageId,ClassId,EncodedPixels\n"{image_id}",1,1 2\n'), 4, SHAPE)
    assert labels["ImageId"].tolist() == list(listed) == [image_id]
    assert problems == []


def test_read_labels_lists_every_faulty_row(write):
    lines = [f"{number}.jpg,9,1 2" for number in range(2000)]
    *_, problems = read_labels(write("\n".join(["ImageId,ClassId,EncodedPixels", *lines])), 4, SHAPE)
    assert [problem.row for problem in problems] == list(range(2, 2002))


def test_read_labels_of_the_real_rows():
    path = LABELS / "train_partial.csv"
    if not path.is_file():
        pytest.skip(f"the real labels are not at {LABELS} (see SEVERSTAL_LABELS)")
    labels, _, problems = read_labels(path, 4, (256, 1600))
    assert problems == []
    # as the description of the data gives them
    assert labels["ClassId"].value_counts().sort_index().tolist() == [719, 247, 3681, 689]
    areas = read_table(LABELS / "areas.csv").set_index("ImageId")
    columns = "area_" + labels["ClassId"].astype(str)
    published = [int(areas.at[image_id, column]) for image_id, column in zip(labels["ImageId"], columns, strict=True)]
    assert labels["area"].tolist() == published


def test_problem_reads_as_one_line():
    problem = Problem(ERROR, "train.csv", 17, "a.jpg", "run 1 overlaps run 2", "Mend it.")
    assert str(problem) == "train.csv: row 17: run 1 overlaps run 2. Mend it."
    of_image = Problem(ERROR, "train_images/a.jpg", None, "a.jpg", "this is no image", "Replace it.")
    assert str(of_image) == "train_images/a.jpg: this is no image. Replace it."
    asked = Problem(ERROR, "train.csv", 17, "a.jpg", "run 1 has no length. Was it cut off?", "Mend it.")
    assert str(asked) == "train.csv: row 17: run 1 has no length. Was it cut off? Mend it."


def test_problem_table_keeps_rows_whole_beside_missing_ones():
    about = ("a.jpg", "this is no image", "Replace it.")
    table = problem_table([Problem(ERROR, "train.csv", 17, *about), Problem(ERROR, "train_images/a.jpg", None, *about)])
    assert list(table.columns) == ["severity", "file", "row", "image_id", "problem", "mend"]
    assert table["row"].dtype == "Int64"
    assert table["row"].fillna(0).tolist() == [17, 0]
    assert table.to_csv(index=False).splitlines()[1].startswith("error,train.csv,17,")


def test_problem_table_without_a_problem():
    table = problem_table([])
    assert list(table.columns) == ["severity", "file", "row", "image_id", "problem", "mend"]
    assert table.empty
    assert table["row"].dtype == "Int64"


# value, as shown
SHORTENED = [
    ("steel", "'steel'"),
    ("", "''"),
    ("x" * 60, f"'{'x' * 60}'"),
    ("x" * 61, f"'{'x' * 60}...'"),
    ("a\nb\x00", r"'a\nb\x00'"),  # one line, and nothing that a terminal obeys
    ("\x1b[31m", r"'\x1b[31m'"),
    (7, "'7'"),
]


@pytest.mark.parametrize(("value", "shown"), SHORTENED)
def test_shorten(value, shown):
    assert shorten(value) == shown
