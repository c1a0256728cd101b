"""The submission file: the competition's format, written whole or not at all, and read back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.inference.submission import (
    LONGEST_CELL,
    ROW_PER_MASK,
    read_submission,
    write_encoded,
    write_submission,
)

SHAPE = (3, 4)


def masks_of(*classes):
    """One mask for each class, shape (3, 4, classes); pixels are given as (row, column)."""
    masks = np.zeros((*SHAPE, len(classes)), np.uint8)
    for index, pixels in enumerate(classes):
        for row, column in pixels:
            masks[row, column, index] = 1
    return masks


def test_write_submission_in_the_competition_s_format(tmp_path):
    """A row for each image and class in order, runs down the columns from 1, an empty cell where nothing was found."""
    masks = [masks_of([(0, 0), (1, 0)], []), masks_of([], [(2, 1), (0, 2), (2, 3)])]
    rows = write_submission(tmp_path / "submission.csv", ["b.jpg", "a.jpg"], masks)
    assert rows == 4
    assert (tmp_path / "submission.csv").read_bytes() == (
        b"ImageId_ClassId,EncodedPixels\nb.jpg_1,1 2\nb.jpg_2,\na.jpg_1,\na.jpg_2,6 2 12 1\n"
    )


def test_write_submission_in_the_other_format(tmp_path):
    """Image, runs and class in columns of their own; a row for each mask that has a pixel."""
    masks = [masks_of([(0, 0), (1, 0)], []), masks_of([(0, 1)], [(2, 1), (0, 2), (2, 3)])]
    path = tmp_path / "submission.csv"
    assert write_submission(path, ["b.jpg", "a.jpg"], masks, ROW_PER_MASK) == 3
    assert path.read_bytes().decode() == ("ImageId,EncodedPixels,ClassId\nb.jpg,1 2,1\na.jpg,4 1,1\na.jpg,6 2 12 1,2\n")
    table = read_submission(path, SHAPE)
    assert table.columns.tolist() == ["ImageId", "ClassId", "EncodedPixels", "area"]
    assert table["area"].tolist() == [2, 1, 3] and table["ClassId"].tolist() == [1, 1, 2]


def test_read_submission_reads_it_back(tmp_path):
    """Ids, classes, runs and areas, in the file's order."""
    masks = [masks_of([(0, 0), (1, 0)], []), masks_of([], [(2, 1), (0, 2), (2, 3)])]
    write_submission(tmp_path / "submission.csv", ["b.jpg", "a.jpg"], masks)
    table = read_submission(tmp_path / "submission.csv", SHAPE)
    assert table.columns.tolist() == ["ImageId", "ClassId", "EncodedPixels", "area"]
    assert table["ImageId"].tolist() == ["b.jpg", "b.jpg", "a.jpg", "a.jpg"]
    assert table["ClassId"].tolist() == [1, 2, 1, 2]
    assert table["EncodedPixels"].tolist() == ["1 2", "", "", "6 2 12 1"]
    assert table["area"].tolist() == [2, 0, 0, 3]
    assert table.dtypes[["ClassId", "area"]].tolist() == ["int64", "int64"]


def test_write_submission_without_test_images(tmp_path):
    """A header alone, which is read back as no rows of the same kinds."""
    assert write_submission(tmp_path / "submission.csv", [], []) == 0
    assert (tmp_path / "submission.csv").read_bytes() == b"ImageId_ClassId,EncodedPixels\n"
    table = read_submission(tmp_path / "submission.csv", SHAPE)
    assert len(table) == 0
    assert table.columns.tolist() == ["ImageId", "ClassId", "EncodedPixels", "area"]
    assert table.dtypes[["ClassId", "area"]].tolist() == ["int64", "int64"]
    assert not (table["area"] > 0).any()


@pytest.mark.parametrize(
    "image_id",
    ["a_b.jpg", "a_1", "_", "_1_", "a,b.jpg", 'say "steel".jpg', '"', " spaces .jpg", "blech_größe.jpg", "nan", "1"],
)
def test_read_submission_of_unusual_ids(tmp_path, image_id):
    """Underscores, commas, quotes: the class is what stands after the last underscore."""
    write_submission(tmp_path / "submission.csv", [image_id], [masks_of([(0, 0)], [])])
    table = read_submission(tmp_path / "submission.csv", SHAPE)
    assert table["ImageId"].tolist() == [image_id] * 2
    assert table["ClassId"].tolist() == [1, 2]
    assert table["area"].tolist() == [1, 0]


# Python before 3.13 does not quote a carriage return; no file name has one.
IDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(IDS, st.integers(0, 255))))
def test_read_submission_round_trip(tmp_path_factory, images):
    """Any text for an id and any masks come back."""
    path = tmp_path_factory.mktemp("submission") / "submission.csv"
    masks = [np.unpackbits(np.uint8([number, 0])).reshape(2, 4, 2) for _, number in images]
    write_submission(path, [image_id for image_id, _ in images], masks)
    table = read_submission(path, (2, 4))
    assert table["ImageId"].tolist() == [image_id for image_id, _ in images for _ in range(2)]
    assert table["area"].tolist() == [int(mask[..., index].sum()) for mask in masks for index in range(2)]


def test_write_submission_that_fails_leaves_the_old_file(tmp_path):
    """Nothing of the new one is left behind."""
    path = tmp_path / "submission.csv"
    write_submission(path, ["a.jpg"], [masks_of([(0, 0)])])
    before = path.read_bytes()

    def masks():
        yield masks_of([(1, 1)])
        raise RuntimeError("the network stopped")

    with pytest.raises(RuntimeError, match="the network stopped"):
        write_submission(path, ["a.jpg", "b.jpg"], masks())
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["submission.csv"]


def test_write_submission_shows_no_file_before_it_is_whole(tmp_path):
    """Looked at from within, while the last image is predicted."""
    path = tmp_path / "submission.csv"
    seen = []

    def masks():
        yield masks_of([(1, 1)])
        seen.append(path.exists())
        yield masks_of([])

    write_submission(path, ["a.jpg", "b.jpg"], masks())
    assert seen == [False]
    assert path.exists()


@pytest.mark.parametrize(("ids", "word"), [(["a.jpg"], "more"), (["a.jpg", "b.jpg", "c.jpg"], "fewer")])
def test_write_submission_of_another_number_of_masks(tmp_path, ids, word):
    """One for each image."""
    with pytest.raises(ValueError, match=rf"submission\.csv: got {word} masks than images; expected one for each"):
        write_submission(tmp_path / "submission.csv", ids, [masks_of([]), masks_of([])])
    assert list(tmp_path.iterdir()) == []


def test_write_submission_of_255(tmp_path):
    """Runs know 0 and 1 alone."""
    with pytest.raises(ValueError, match="is 255. Expected 0 and 1"):
        write_submission(tmp_path / "submission.csv", ["a.jpg"], [255 * masks_of([(0, 0)])])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (
            "ImageId,ClassId,EncodedPixels\n",
            "row 1: found the columns ImageId, ClassId, EncodedPixels; expected ImageId_ClassId",
        ),
        ("ImageId_ClassId,EncodedPixels,x\n", "row 1: found the columns ImageId_ClassId, EncodedPixels, x; expected"),
        ("ImageId_ClassId,EncodedPixels\na.jpg_1,\na.jpg,1 1\n", "row 3: got 'a.jpg', expected the image's id"),
        ("ImageId_ClassId,EncodedPixels\na.jpg_x,1 1\n", "row 2: got 'a.jpg_x', expected the image's id"),
        ("ImageId_ClassId,EncodedPixels\na.jpg_0,1 1\n", "row 2: got 'a.jpg_0'"),
        ("ImageId_ClassId,EncodedPixels\na.jpg_²,1 1\n", "row 2: got 'a.jpg_²'"),
        ("ImageId_ClassId,EncodedPixels\n_1,1 1\n", "row 2: got '_1'"),
        ("ImageId_ClassId,EncodedPixels\na.jpg_99999999999999999999,\n", "row 2: got 'a.jpg_9999"),
        ("ImageId_ClassId,EncodedPixels\na.jpg_1,\na.jpg_2,12 2\n", "row 3: run 1 .* leaves an image of 3 x 4"),
        ("ImageId_ClassId,EncodedPixels\na.jpg_1,1\n", "row 2: run-length text has an odd number"),
        ("ImageId,EncodedPixels,ClassId\na.jpg,1 1,1\na.jpg,1 1,x\n", "row 3: ClassId is 'x'; expected a whole number"),
        ("ImageId,EncodedPixels,ClassId\n,1 1,1\n", "row 2: ImageId is empty"),
        ("ImageId,EncodedPixels,ClassId\na.jpg,12 2,1\n", "row 2: run 1 .* leaves an image of 3 x 4"),
        (f"ImageId_ClassId,EncodedPixels\na_1,{'1 1 ' * 9000}"[: 36 + LONGEST_CELL - 2], "row 2: .* Excel"),
    ],
)
def test_read_submission_that_is_corrupt(tmp_path, text, match):
    """The message names file and row."""
    (tmp_path / "submission.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"submission\.csv: {match}"):
        read_submission(tmp_path / "submission.csv", SHAPE)


def test_read_submission_that_is_not_there(tmp_path):
    """Named by its path."""
    with pytest.raises(FileNotFoundError, match=r"submission\.csv is not there"):
        read_submission(tmp_path / "submission.csv", SHAPE)


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        (
            "ImageId_ClassId,EncodedPixels",
            "ImageId_ClassId,EncodedPixels\na.jpg_1,1 2\na.jpg_2,\nb.jpg_1,\nb.jpg_2,3 1\n",
        ),
        ("ImageId,EncodedPixels,ClassId", "ImageId,EncodedPixels,ClassId\na.jpg,1 2,1\nb.jpg,3 1,2\n"),
    ],
)
def test_write_encoded_in_both_formats(tmp_path, columns, text):
    encoded = [("a.jpg", ["1 2", ""]), ("b.jpg", ["", "3 1"])]
    rows = write_encoded(tmp_path / "s.csv", iter(encoded), columns.split(","))
    assert (tmp_path / "s.csv").read_text() == text and rows == text.count("\n") - 1


def test_write_encoded_of_a_strange_format(tmp_path):
    with pytest.raises(ValueError, match="format: got 'ImageId,Mask', expected ImageId_ClassId,EncodedPixels or"):
        write_encoded(tmp_path / "s.csv", [], ["ImageId", "Mask"])
    assert not any(tmp_path.iterdir())
