import os
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.data.dataset import read_dataset
from helpers.data.labels import (
    area_statistics,
    check_against_published,
    check_claims,
    choose_examples,
    class_counts,
    classes_per_image,
    label_table,
    open_labels,
    read_areas,
    read_published,
)

LABELS = Path(os.environ.get("SEVERSTAL_LABELS") or Path(__file__).resolve().parents[2] / "shared" / "severstal_labels")
PIXELS = 256 * 1600

# The paper's Table 2, as printed: number of classes of an image, and share of its pixels that each class covers.
TABLE_2 = {
    "mean": ["0.564529", "0.000760", "0.000162", "0.025507", "0.005349"],
    "std": ["0.560757", "0.003605", "0.001342", "0.066735", "0.027432"],
    "min": ["0.000000", "0.000000", "0.000000", "0.000000", "0.000000"],
    "25%": ["0.000000", "0.000000", "0.000000", "0.000000", "0.000000"],
    "50%": ["1.000000", "0.000000", "0.000000", "0.000000", "0.000000"],
    "75%": ["1.000000", "0.000000", "0.000000", "0.020638", "0.000000"],
    "max": ["3.000000", "0.076423", "0.034236", "0.899023", "0.470654"],
}


@pytest.fixture(scope="module")
def published_areas():
    """The areas of all 12,568 training images of the competition."""
    path = LABELS / "areas.csv"
    if not path.is_file():
        pytest.skip(f"the areas of the competition's images are not at {LABELS} (see SEVERSTAL_LABELS)")
    return read_areas(path, 4)


@pytest.fixture
def areas():
    """Five images and two classes: none, the first, the first, the second, both."""
    ids = pd.Index([f"{letter}.jpg" for letter in "abcde"], name="ImageId")
    return pd.DataFrame({1: [0, 10, 30, 0, 20], 2: [0, 0, 0, 50, 5]}, index=ids)


@pytest.fixture
def write(tmp_path):
    """A function that writes a CSV file of areas, and gives its path."""

    def write_file(text):
        (tmp_path / "areas.csv").write_text(text, encoding="utf-8")
        return tmp_path / "areas.csv"

    return write_file


def test_read_areas(write):
    found = read_areas(write("ImageId,area_1,area_2\na.jpg,0,7\n\ntôle.jpg,409600,0\n"))
    assert found.index.tolist() == ["a.jpg", "tôle.jpg"]
    assert found.index.name == "ImageId"
    assert found.columns.tolist() == [1, 2]
    assert found.to_numpy().tolist() == [[0, 7], [409600, 0]]
    assert set(found.dtypes.astype(str)) == {"int64"}


# content, number of classes, message
WRONG_AREAS = [
    ("", None, "the file is empty"),
    ("ImageId,area_1\n", None, "there is a header alone; expected a row for each image"),
    ("ImageId\na.jpg\n", None, "found the columns 'ImageId'; expected ImageId,area_1,..."),
    ("area_1\n7\n", None, "found the columns 'area_1'; expected ImageId,area_1"),
    ("ImageId,area_2,area_1\na.jpg,1,2\n", None, "expected ImageId,area_1,area_2. Rename or reorder"),
    ("ImageId,area_0\na.jpg,1\n", None, "expected ImageId,area_1."),
    ("ImageId,area_1,area_2\na.jpg,1,2\n", 4, "expected ImageId,area_1,area_2,area_3,area_4"),
    ("ImageId,area_1,area_2\na.jpg,1,2\n", 1, "expected ImageId,area_1."),
    ("ImageId,ClassId,EncodedPixels\na.jpg,1,1 3\n", None, "found the columns 'ImageId,ClassId,EncodedPixels'"),
    ("ImageId,area_1\na.jpg,1\nb.jpg,-1\n", None, "row 3: area_1 is '-1'; expected a whole number of pixels"),
    ("ImageId,area_1\na.jpg,1.0\n", None, "row 2: area_1 is '1.0'"),
    ("ImageId,area_1\na.jpg,\n", None, "row 2: area_1 is ''"),
    ("ImageId,area_1\na.jpg, 1\n", None, "row 2: area_1 is ' 1'"),
    ("ImageId,area_1\na.jpg,nan\n", None, "row 2: area_1 is 'nan'"),
    ("ImageId,area_1\na.jpg,٣\n", None, "row 2: area_1 is '٣'"),
    ("ImageId,area_1\na.jpg,9999999999999999999999\n", None, "row 2: area_1 is '9999999999999999999999'"),
    (f"ImageId,area_1\na.jpg,{'1 3 ' * 1000}\n", None, "1 3 ...'; expected"),
    ('ImageId,area_1\n"a\n.jpg",1\n\nb.jpg,x\n', None, "row 4: area_1 is 'x'"),
    ("ImageId,area_1\na.jpg,1\nb.jpg,1\na.jpg,1\n", None, "row 4: image 'a.jpg' stands there a second time"),
    ("ImageId,area_1\na.jpg,1,2\n", None, "row 2 has 3 cells; expected 2"),
    ("ImageId,area_1\na.jpg\n", None, "row 2 has 1 cell; expected 2"),
]


@pytest.mark.parametrize(("content", "num_classes", "message"), WRONG_AREAS)
def test_read_areas_of_a_wrong_table(write, content, num_classes, message):
    with pytest.raises(ValueError, match=r"areas\.csv: ") as raised:
        read_areas(write(content), num_classes)
    assert message in str(raised.value)
    assert len(str(raised.value)) < 400


def test_read_areas_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"areas\.csv is not there"):
        read_areas(tmp_path / "areas.csv")


def test_label_table_has_a_row_for_each_image_and_class(areas):
    table = label_table(areas)
    assert table.columns.tolist() == ["ImageId", "ClassId", "hasMask"]
    assert table.iloc[:4].to_numpy().tolist() == [
        ["a.jpg", 1, False],
        ["a.jpg", 2, False],
        ["b.jpg", 1, True],
        ["b.jpg", 2, False],
    ]
    assert len(table) == 10
    assert table["hasMask"].sum() == 5
    assert table["ClassId"].dtype == "int64"


def test_area_statistics_worked_by_hand(areas):
    table = area_statistics(areas, 100)
    assert table.index.tolist() == ["mean", "std", "min", "25%", "50%", "75%", "max"]
    assert table.columns.tolist() == ["classes", "class 1", "class 2"]
    assert table.loc["mean"].tolist() == pytest.approx([1, 0.12, 0.11])
    # squares of the distances from 1: 1 + 0 + 0 + 0 + 1 = 2, over n - 1 = 4
    assert table.at["std", "classes"] == pytest.approx(0.5**0.5)
    assert table.loc["max"].tolist() == [2, 0.3, 0.5]
    assert table.loc["50%"].tolist() == [1, 0.1, 0]


def test_class_counts_are_of_images(areas):
    table = class_counts(areas)
    assert table["images"].tolist() == [3, 2]
    assert table["share"].tolist() == [0.75, 0.5]  # of the 4 images with a defect; one has both
    assert table.index.tolist() == [1, 2]


def test_class_counts_without_a_defect(areas):
    table = class_counts(areas * 0)
    assert table["images"].tolist() == [0, 0]
    assert table["share"].tolist() == [0, 0]


def test_classes_per_image(areas):
    assert classes_per_image(areas).to_dict() == {0: 1, 1: 3, 2: 1}


def test_choose_examples_takes_the_middle_one_of_each_class(areas):
    areas.loc["f.jpg"] = [20, 0]
    # alone in class 1 are b (10), f (20) and c (30); in class 2 there is d
    assert choose_examples(areas, ("pits", "cracks")) == {
        "pits": "f.jpg",
        "cracks": "d.jpg",
        "several classes": "e.jpg",
        "no defect": "a.jpg",
    }


def test_choose_examples_where_a_class_never_stands_alone(areas):
    found = choose_examples(areas.loc[["e.jpg"]], ("pits", "cracks"))
    assert found == {"pits": "e.jpg", "cracks": "e.jpg", "several classes": "e.jpg"}


def test_choose_examples_leaves_out_what_there_is_not(areas):
    assert choose_examples(areas.loc[["a.jpg"]], ("pits", "cracks")) == {"no defect": "a.jpg"}
    assert choose_examples(areas.loc[["b.jpg"]], ("pits", "cracks")) == {"pits": "b.jpg"}


def test_open_labels_of_a_data_set(tiny_data):
    dataset = read_dataset(tiny_data())
    run = types.SimpleNamespace(read_dataset=lambda: dataset)
    labels = open_labels(run)
    assert labels.dataset is dataset
    assert (labels.name, labels.class_names) == ("steel", dataset.class_names)
    assert labels.pixels.to_dict() == {"a.jpg": 32 * 96, "b.jpg": 32 * 96, "c.jpg": 32 * 96}
    assert labels.areas.equals(dataset.areas)


def test_open_labels_of_areas_alone(write):
    labels = open_labels(None, str(write("ImageId,area_1,area_2\na.jpg,0,7\n")), shape=[2, 5])
    assert labels.dataset is None and labels.complete and labels.runs.empty
    assert (labels.name, labels.class_names) == ("areas.csv", ("class 1", "class 2"))
    assert (labels.pixels == 10).all() and labels.pixels.index.equals(labels.areas.index)


def test_open_labels_of_areas_that_no_such_image_holds(write):
    path = write("ImageId,area_1,area_2\na.jpg,10,10\nb.jpg,0,11\n")
    with pytest.raises(ValueError, match=r"areas\.csv: image 'b\.jpg' has an area of 11 pixels, more than the 2 x 5"):
        open_labels(None, path, shape=(2, 5))


RUNS = "ImageId,ClassId,EncodedPixels\na.jpg,1,1 3\nb.jpg,2,4 2 9 1\n"


def test_open_labels_of_runs_alone_does_not_take_other_images_for_clean(write, tmp_path):
    (tmp_path / "runs.csv").write_text(RUNS)
    labels = open_labels(None, "", tmp_path / "runs.csv", (2, 5))
    assert not labels.complete and labels.dataset is None
    assert labels.areas.to_dict("index") == {"a.jpg": {1: 3, 2: 0}, "b.jpg": {1: 0, 2: 3}}
    assert labels.runs["shape"].tolist() == [(2, 5), (2, 5)]
    assert check_claims(labels.areas, labels.pixels) is None


def test_open_labels_of_areas_and_runs_of_a_part_of_them(write, tmp_path):
    (tmp_path / "runs.csv").write_text(RUNS)
    areas = write("ImageId,area_1,area_2\na.jpg,3,0\nb.jpg,0,3\nc.jpg,0,0\n")
    labels = open_labels(None, areas, tmp_path / "runs.csv", (2, 5))
    assert labels.complete and len(labels.areas) == 3 and len(labels.runs) == 2
    assert labels.name == "areas.csv and runs.csv"


@pytest.mark.parametrize("row", ["a.jpg,4,0", "x.jpg,3,0"])
def test_open_labels_of_areas_and_runs_that_disagree(write, tmp_path, row):
    (tmp_path / "runs.csv").write_text(RUNS)
    areas = write(f"ImageId,area_1,area_2\n{row}\nb.jpg,0,3\n")
    with pytest.raises(ValueError, match=r"runs\.csv: row 2: class 1 of image 'a\.jpg' has 3 pixels, another number"):
        open_labels(None, areas, tmp_path / "runs.csv", (2, 5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ImageId,ClassId,EncodedPixels\na.jpg,1,1 30\n", "row 2: .*leaves an image of 2 x 5 pixels"),
        ("ImageId,ClassId,EncodedPixels\na.jpg,1,\n", "no row has a defect"),
    ],
)
def test_open_labels_of_faulty_runs(tmp_path, text, message):
    (tmp_path / "runs.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        open_labels(None, "", tmp_path / "runs.csv", (2, 5))


def test_check_claims_holds_publications_against_the_labels(published_areas):
    table = check_claims(published_areas, pd.Series(PIXELS, index=published_areas.index)).set_index("claim")
    assert table.loc["training images", ["claimed", "here"]].tolist() == [13000, 12568]
    assert table.loc["defective images", "here"] == 6666 and "7,095" in table.loc["defective images", "what it is"]
    # 5,150 of 7,095 label rows, 5,150 of 6,666 images
    assert table.loc["share of defects that are of class 3", "here"] == pytest.approx(5150 / 7095)
    assert "77.3%" in table.loc["share of defects that are of class 3", "what it is"]
    low, high = (f"usual area of a defect, per cent of the image, {end} end" for end in ("lower", "upper"))
    # the paper's fractions 0.01 and 0.1, read as per cent, are a hundred times too small
    assert 50 < table.loc[low, "here"] / table.loc[low, "claimed"] < 200
    assert 50 < table.loc[high, "here"] / table.loc[high, "claimed"] < 200
    assert table.loc["test images (public part)", ["claimed", "here"]].tolist() == [1801, 5506]
    # (1 - 0.73) of 872 normal sheets
    assert table.loc["recall of normal sheets (classifier B)", "here"] == pytest.approx(235.44)


def test_area_statistics_equal_the_papers_table_2(published_areas):
    table = area_statistics(published_areas, PIXELS)
    assert table.columns.tolist() == ["classes", "class 1", "class 2", "class 3", "class 4"]
    found = {row: [f"{value:.6f}" for value in table.loc[row]] for row in table.index}
    assert found == TABLE_2


def test_counts_equal_the_published_ones(published_areas):
    # as the description of the data gives them
    assert classes_per_image(published_areas).to_dict() == {0: 5902, 1: 6239, 2: 425, 3: 2}
    assert class_counts(published_areas)["images"].tolist() == [897, 247, 5150, 801]
    assert label_table(published_areas)["hasMask"].sum() == 7095


def test_check_against_published_finds_no_difference(published_areas):
    table = check_against_published(published_areas, PIXELS)
    assert table.columns.tolist() == ["measure", "published", "here", "difference"]
    assert len(table) == 1 + 4 + 4 + 7 * 5
    assert not table.isna().any(axis=None)
    assert (table["difference"] == 0).all()
    # the table of published figures against the paper's own, typed in above
    published = table.set_index("measure")["published"]
    columns = ["classes", "class 1", "class 2", "class 3", "class 4"]
    for row, values in TABLE_2.items():
        assert [f"{published[f'{column}, {row}']:.6f}" for column in columns] == values


def test_check_against_published_sees_one_image_that_differs(published_areas):
    changed = published_areas.copy()
    changed.iloc[0] = [PIXELS, 0, 0, 0]
    table = check_against_published(changed, PIXELS).set_index("measure")["difference"]
    assert table["class 1, max"] == pytest.approx(1 - 0.076423)
    assert table["images"] == 0


def test_check_against_published_sees_another_image_size(published_areas):
    table = check_against_published(published_areas, PIXELS // 2)
    assert (table["difference"] != 0).sum() == 4 * 3 + 1  # mean, std and max of each class, and a quartile of class 3


def test_check_against_published_of_another_set(areas, published_areas):
    assert check_against_published(areas, PIXELS) is None
    assert check_against_published(published_areas.iloc[1:], PIXELS) is None
    assert check_against_published(published_areas[[1, 2, 3]], PIXELS) is None


def test_read_published_is_complete():
    table = read_published()
    figures = ["source", "system", "measure", "split", "value"]
    assert table.columns.tolist() == [*figures, "ours", "differs"]
    assert not table[figures].isna().any(axis=None)
    assert not table.duplicated(["source", "system", "measure", "split"]).any()
    assert np.isfinite(table["value"]).all()
