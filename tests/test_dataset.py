import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from conftest import TINY_LABELS, TINY_SHAPE, write_tiny_image
from helpers.data import images
from helpers.data.dataset import COMPETITION_CLASSES, read_dataset, read_test_sizes

SEVERSTAL = Path(os.environ.get("SEVERSTAL_DIR") or Path(__file__).resolve().parents[2] / "shared" / "severstal")
HEADER = "ImageId,ClassId,EncodedPixels\n"
PAIRS = "ImageId_ClassId,EncodedPixels\n"
HOSTILE = ["<script>.jpg", "a b&c;.jpg", "-rf.jpg", "=1+1.jpg", "tôle 鋼.jpg", "'.jpg"]


def problems(dataset):
    """File, row and text of each problem."""
    rows = dataset.problems.itertuples(index=False)
    return [(problem.file, None if problem.row is pd.NA else problem.row, problem.problem) for problem in rows]


def write_classes(directory, content):
    """Write classes.json from a value, or from bytes as they are."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    (directory / "classes.json").write_bytes(data)


def test_read_dataset_that_is_sound(tiny_data):
    dataset = read_dataset(tiny_data())
    assert dataset.name == "steel"
    assert dataset.shape == TINY_SHAPE
    assert dataset.class_names == COMPETITION_CLASSES
    assert dataset.num_classes == 4
    assert not dataset.made_up
    assert dataset.problems.empty
    assert dataset.set_aside.empty
    assert dataset.training_ids == ["a.jpg", "b.jpg", "c.jpg"]
    assert dataset.test_ids == ["t.jpg"]
    assert set(dataset.images["format"]) == {"JPEG"}
    assert set(dataset.images["channels"]) == {1}
    assert dataset.labels[["ImageId", "ClassId", "EncodedPixels", "area", "row"]].to_numpy().tolist() == [
        ["a.jpg", 1, "1 3 33 3", 6, 2],
        ["a.jpg", 3, "3072 1", 1, 3],
        ["b.jpg", 2, "32 2", 2, 4],
    ]


def test_areas_of_each_image_and_class(tiny_data):
    areas = read_dataset(tiny_data()).areas
    assert areas.index.tolist() == ["a.jpg", "b.jpg", "c.jpg"]
    assert areas.columns.tolist() == [1, 2, 3, 4]
    assert areas.to_numpy().tolist() == [[6, 0, 1, 0], [0, 2, 0, 0], [0, 0, 0, 0]]
    assert set(areas.dtypes.astype(str)) == {"int64"}


def test_areas_where_no_image_has_a_defect(tiny_data):
    areas = read_dataset(tiny_data(labels=HEADER)).areas
    assert areas.index.tolist() == ["a.jpg", "b.jpg", "c.jpg"]
    assert areas.columns.tolist() == [1, 2, 3, 4]
    assert not areas.to_numpy().any()
    assert set(areas.dtypes.astype(str)) == {"int64"}


def test_masks_are_those_worked_by_hand(tiny_data):
    dataset = read_dataset(tiny_data())
    expected = np.zeros((*TINY_SHAPE, 4), np.uint8)
    expected[0:3, 0:2, 0] = 1
    expected[31, 95, 2] = 1
    np.testing.assert_array_equal(dataset.masks("a.jpg"), expected)
    assert dataset.masks("a.jpg").dtype == np.uint8
    expected = np.zeros((*TINY_SHAPE, 4), np.uint8)
    expected[31, 0, 1] = expected[0, 1, 1] = 1
    np.testing.assert_array_equal(dataset.masks("b.jpg"), expected)
    assert not dataset.masks("c.jpg").any()


def test_runs_of_each_class(tiny_data):
    dataset = read_dataset(tiny_data())
    assert dataset.runs("a.jpg") == ["1 3 33 3", "", "3072 1", ""]
    assert dataset.runs("c.jpg") == ["", "", "", ""]


@pytest.mark.parametrize("image_id", ["t.jpg", "never.jpg", "", None])
def test_masks_of_an_image_whose_defects_are_not_known(tiny_data, image_id):
    dataset = read_dataset(tiny_data())
    with pytest.raises(KeyError, match="is no usable train image of steel"):
        dataset.masks(image_id)
    with pytest.raises(KeyError):
        dataset.image(image_id)


def test_image_of_either_part(tiny_data):
    directory = tiny_data(test=("a.jpg", "t.jpg"))
    write_tiny_image(directory / "test_images" / "a.jpg", grey=200)
    dataset = read_dataset(directory)
    assert dataset.test_ids == ["a.jpg", "t.jpg"]
    assert dataset.image("a.jpg").shape == (*TINY_SHAPE, 1)
    assert dataset.image("a.jpg", 3).shape == (*TINY_SHAPE, 3)
    assert (dataset.image("a.jpg") == 100).all()
    assert (dataset.image("a.jpg", part="test") == 200).all()
    assert dataset.path("a.jpg", "test") == directory / "test_images" / "a.jpg"


def test_read_dataset_sets_the_training_image_aside_and_not_its_namesake(tiny_data):
    dataset = read_dataset(tiny_data(TINY_LABELS + "c.jpg,9,1 1\n", test=("c.jpg",)))
    assert dataset.training_ids == ["a.jpg", "b.jpg"]
    assert dataset.test_ids == ["c.jpg"]


def test_count_exact_round_trips_sees_a_text_that_is_not_as_we_write_it(tiny_data):
    assert read_dataset(tiny_data()).count_exact_round_trips() == (3, 3)
    spread = read_dataset(tiny_data(TINY_LABELS + "c.jpg,1,1 2 3 2\n", name="split in two"))  # adjacent: legal
    assert spread.count_exact_round_trips() == (4, 3)


def test_read_dataset_of_the_format_of_a_row_for_each_pair(tiny_data):
    rows = {"a.jpg_1": "1 3 33 3", "a.jpg_3": "3072 1", "b.jpg_2": "32 2"}
    cells = [f"{image}.jpg_{number}" for image in "abc" for number in range(1, 5)]
    content = PAIRS + "".join(f"{cell},{rows.get(cell, '')}\n" for cell in cells)
    dataset = read_dataset(tiny_data(content))
    assert dataset.problems.empty
    assert dataset.areas.equals(read_dataset(tiny_data(name="other")).areas)


def test_read_dataset_of_that_format_without_some_rows(tiny_data):
    content = PAIRS + "".join(f"a.jpg_{number},\n" for number in range(1, 5)) + "b.jpg_2,32 2\n"
    dataset = read_dataset(tiny_data(content))
    assert dataset.training_ids == ["a.jpg"]
    assert problems(dataset) == [
        ("train.csv", 6, "image 'b.jpg' has rows for 1 classes; expected 4"),
        ("train.csv", None, "image 'c.jpg' has rows for 0 classes; expected 4"),  # not taken for free of defects
    ]


# rows of train.csv from row 5 on, problem
FAULTY_ROWS = [
    ("c.jpg,5,1 1", (5, "ClassId is '5'; expected a whole number from 1 to 4")),
    ("c.jpg,1.0,1 1", (5, "ClassId is '1.0'; expected a whole number from 1 to 4")),
    ("\nc.jpg,0,1 1", (6, "ClassId is '0'; expected a whole number from 1 to 4")),  # a blank line counts
    ("c.jpg,1,1 1\nc.jpg,1,5 1", (6, "image 'c.jpg' has class '1' a second time")),
    ("c.jpg,1,1 1\nc.jpg, 1,5 1", (6, "image 'c.jpg' has class '1' a second time")),
]


@pytest.mark.parametrize(("rows", "problem"), FAULTY_ROWS)
def test_read_dataset_with_a_faulty_row(tiny_data, rows, problem):
    dataset = read_dataset(tiny_data(TINY_LABELS + rows))
    assert problems(dataset) == [("train.csv", *problem)]
    assert dataset.set_aside["image_id"].tolist() == ["c.jpg"]
    assert dataset.training_ids == ["a.jpg", "b.jpg"]
    assert set(dataset.labels["ImageId"]) == {"a.jpg", "b.jpg"}
    assert dataset.areas.index.tolist() == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("runs", ["1", "1 2 3", "0 1", "1 0", "5 1 2 1", "1 3 3 1", "3072 2", "3073 1", "x 1", "nan"])
def test_read_dataset_with_a_corrupt_run(tiny_data, runs):
    dataset = read_dataset(tiny_data(TINY_LABELS + f"c.jpg,1,{runs}\n"))
    ((file, row, text),) = problems(dataset)
    assert (file, row) == ("train.csv", 5)
    assert text.startswith("run")
    assert dataset.training_ids == ["a.jpg", "b.jpg"]


def test_read_dataset_with_rows_of_images_that_are_not_there(tiny_data):
    dataset = read_dataset(tiny_data(TINY_LABELS + "d.jpg,1,1 1\nd.jpg,2,5 1\n,3,1 1\n"))
    assert problems(dataset) == [
        ("train.csv", 5, "image 'd.jpg' is not in train_images/"),
        ("train.csv", 7, "image '' is not in train_images/"),
    ]
    assert dataset.training_ids == ["a.jpg", "b.jpg", "c.jpg"]
    assert len(dataset.labels) == 3


@pytest.mark.parametrize("how", ["../{}", "../outside/{}", "{absolute}", "../train_images/../../outside/{}", "./a.jpg"])
def test_read_dataset_never_leaves_its_folder(tiny_data, tmp_path, how):
    (tmp_path / "outside").mkdir()
    write_tiny_image(tmp_path / "outside" / "x.jpg")
    directory = tiny_data(TINY_LABELS)
    write_tiny_image(directory / "x.jpg")
    image_id = how.format("x.jpg", absolute=tmp_path / "outside" / "x.jpg")
    (directory / "train.csv").write_text(TINY_LABELS + f"{image_id},1,1 1\n")
    dataset = read_dataset(directory)
    ((file, row, text),) = problems(dataset)
    assert (file, row) == ("train.csv", 5)
    assert text.endswith("is not in train_images/")
    assert image_id not in dataset.training_ids
    for reach in (dataset.path, dataset.image, dataset.masks):
        with pytest.raises(KeyError):
            reach(image_id)


def test_read_dataset_with_names_of_every_kind(tiny_data):
    content = HEADER + "".join(f'"{name}",1,1 {number}\n' for number, name in enumerate(HOSTILE, start=1))
    dataset = read_dataset(tiny_data(content, train=HOSTILE, test=()))
    assert dataset.problems.empty
    assert sorted(dataset.training_ids) == sorted(HOSTILE)
    assert dataset.areas[1].loc[HOSTILE].tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_read_dataset_with_marks_and_line_ends_of_other_systems(tiny_data, encoding, end):
    dataset = read_dataset(tiny_data(TINY_LABELS.replace("\n", end).encode(encoding)))
    assert dataset.problems.empty
    assert dataset.areas.to_numpy().tolist() == [[6, 0, 1, 0], [0, 2, 0, 0], [0, 0, 0, 0]]


def noise_jpeg(path):
    """Write a JPEG of noise that is large enough to be cut off in the middle, and give its bytes."""
    Image.fromarray(np.random.default_rng(0).integers(0, 256, TINY_SHAPE, dtype=np.uint8)).save(path, format="JPEG")
    return path.read_bytes()


def spoil(path, how):
    """Put something at `path` that can't be used."""
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "link":
        path.symlink_to("nowhere.jpg")
    elif how == "cut off":
        path.write_bytes(noise_jpeg(path)[:-400])
    elif how == "other size":
        write_tiny_image(path, shape=(96, 32))
    elif how == "on its side":
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.new("L", (96, 32)).save(path, format="JPEG", exif=exif)
    else:
        path.write_bytes({"text": b"no image", "zero bytes": b""}[how])


# what stands in place of an image, the problem
SPOILED = [
    ("text", "this is no image"),
    ("zero bytes", "this is no image"),
    ("folder", "this is no file"),
    ("link", "the link leads nowhere"),
    ("cut off", "the image can't be decoded (image file is truncated"),
    ("other size", "the image has 96 x 32 pixels; expected 32 x 96 like the most"),
    ("on its side", "the image has 96 x 32 pixels; expected 32 x 96 like the most"),
]


@pytest.mark.parametrize(("how", "problem"), SPOILED)
@pytest.mark.parametrize("place", ["train_images/b.jpg", "train_images/c.jpg", "test_images/t.jpg"])
def test_read_dataset_with_an_image_that_can_not_be_used(tiny_data, place, how, problem):
    directory = tiny_data()
    spoil(directory / place, how)
    dataset = read_dataset(directory)
    ((file, row, text),) = problems(dataset)
    assert (file, row) == (place, None)
    assert text.startswith(problem)
    left = {"a.jpg", "b.jpg", "c.jpg", "t.jpg"} - {Path(place).name}
    assert {*dataset.training_ids, *dataset.test_ids} == left
    assert set(dataset.labels["ImageId"]) == left & {"a.jpg", "b.jpg"}
    assert set(dataset.areas.index) == left & {"a.jpg", "b.jpg", "c.jpg"}


def test_read_dataset_takes_images_by_content(tiny_data):
    directory = tiny_data()
    grey = np.full(TINY_SHAPE, 50, np.uint8)
    Image.fromarray(grey).convert("RGB").save(directory / "train_images" / "b.jpg", format="PNG")
    Image.fromarray(grey).convert("RGBA").save(directory / "train_images" / "c.jpg", format="PNG")
    dataset = read_dataset(directory)
    assert dataset.problems.empty
    train = dataset.images[dataset.images["part"] == "train"]
    assert train[["format", "channels"]].to_numpy().tolist() == [["JPEG", 1], ["PNG", 3], ["PNG", 4]]
    for image_id in ("b.jpg", "c.jpg"):
        assert (dataset.image(image_id) == 50).all()


def test_read_dataset_leaves_hidden_files_out(tiny_data):
    directory = tiny_data()
    (directory / "train_images" / ".DS_Store").write_bytes(b"\0")
    (directory / "train_images" / "._a.jpg").write_bytes(b"\0")
    assert read_dataset(directory).problems.empty


def test_read_dataset_with_everything_wrong_at_once(tiny_data):
    labels = TINY_LABELS + "c.jpg,7,1 1\nd.jpg,1,1\ne.jpg,1,1 1\nf.jpg,1,1 1\n"
    directory = tiny_data(labels, train=[f"{letter}.jpg" for letter in "abcde"])
    spoil(directory / "train_images" / "e.jpg", "text")
    spoil(directory / "test_images" / "t.jpg", "other size")
    dataset = read_dataset(directory)
    assert dataset.training_ids == ["a.jpg", "b.jpg"]
    assert sorted(problems(dataset), key=str) == [
        ("test_images/t.jpg", None, "the image has 96 x 32 pixels; expected 32 x 96 like the most"),
        ("train.csv", 5, "ClassId is '7'; expected a whole number from 1 to 4"),
        (
            "train.csv",
            6,
            "run-length text has an odd number of values (1): run 1 (start 1) has no length. Expected pairs of start "
            "and length. Was the text cut off?",
        ),
        ("train.csv", 8, "image 'f.jpg' is not in train_images/"),
        ("train_images/e.jpg", None, "this is no image"),
    ]
    assert dataset.set_aside["image_id"].nunique() == 5


def test_read_dataset_takes_the_size_that_most_training_images_have(tiny_data):
    directory = tiny_data(test=[f"{number}.jpg" for number in range(9)])
    for path in (directory / "test_images").iterdir():
        write_tiny_image(path, shape=(16, 48))
    dataset = read_dataset(directory)
    assert dataset.shape == TINY_SHAPE
    assert dataset.test_ids == []
    assert len(dataset.set_aside) == 9


# what happens to the data, error, message
UNUSABLE = [
    (shutil.rmtree, FileNotFoundError, "steel: there is no such folder. Give the folder that holds train.csv"),
    (lambda d: (shutil.rmtree(d), d.write_text("")), FileNotFoundError, "steel: there is no such folder"),
    (lambda d: (shutil.rmtree(d), d.mkdir()), FileNotFoundError, "the file train.csv is missing (found: nothing)"),
    (
        lambda d: (d / "train.csv").unlink(),
        FileNotFoundError,
        "the file train.csv is missing (found: test_images, train_images). Unpack the competition's data there",
    ),
    (lambda d: ((d / "train.csv").unlink(), (d / "train.csv").mkdir()), FileNotFoundError, "the file train.csv is"),
    (lambda d: shutil.rmtree(d / "train_images"), FileNotFoundError, "the folder train_images is missing"),
    (
        lambda d: (shutil.rmtree(d / "train_images"), (d / "train_images").write_text("")),
        FileNotFoundError,
        "the folder train_images is missing",
    ),
    (
        lambda d: (shutil.rmtree(d / "train_images"), (d / "train_images").mkdir()),
        ValueError,
        "train_images: found 0 files, none of them an image that can be read. Unpack the images there",
    ),
    (
        lambda d: [path.write_bytes(b"") for path in (d / "train_images").iterdir()],
        ValueError,
        "train_images: found 3 files, none of them an image that can be read",
    ),
    (lambda d: (d / "train.csv").write_text(""), ValueError, "train.csv: the file is empty"),
    (lambda d: (d / "train.csv").write_text("a,b\n"), ValueError, "train.csv: found the columns 'a,b'; expected"),
    (lambda d: (d / "train.csv").write_text(HEADER + "a.jpg,1,1,1\n"), ValueError, "train.csv: row 2 has 4 cells"),
    (lambda d: (d / "train.csv").write_text(HEADER + "a.jpg,1\n"), ValueError, "train.csv: row 2 has 2 cells"),
    (lambda d: (d / "train.csv").write_bytes(b"\xff\xfe"), ValueError, "train.csv: line 1 is not UTF-8"),
    (
        lambda d: (d / "train.csv").write_text(HEADER + "a.jpg,1,0 1\nb.jpg,7,1 1\nc.jpg,1,x\n"),
        ValueError,
        "steel: none of 3 training images can be used. The first problem: train.csv: row 2: run 1",
    ),
    (
        lambda d: (d / "train.csv").write_text(PAIRS),
        ValueError,
        "steel: none of 3 training images can be used. The first problem: train.csv: image 'a.jpg' has rows for 0",
    ),
]


@pytest.mark.parametrize(("change", "error", "message"), UNUSABLE)
def test_read_dataset_that_can_not_be_used_at_all(tiny_data, change, error, message):
    directory = tiny_data()
    change(directory)
    with pytest.raises(error) as raised:
        read_dataset(directory)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 600


def test_read_dataset_without_test_images(tiny_data):
    directory = tiny_data()
    shutil.rmtree(directory / "test_images")
    dataset = read_dataset(directory)
    assert dataset.test_ids == []
    assert dataset.problems.empty


def test_read_dataset_by_a_relative_path(tiny_data, monkeypatch):
    directory = tiny_data()
    monkeypatch.chdir(directory)
    dataset = read_dataset(".")
    monkeypatch.chdir("/")
    assert dataset.name == "steel"
    assert dataset.image("a.jpg").shape == (*TINY_SHAPE, 1)


@pytest.mark.parametrize("number", [1, 2, 6])
def test_read_dataset_with_classes_of_its_own(tiny_data, number):
    directory = tiny_data(HEADER + f"a.jpg,{number},1 3\nb.jpg,{number + 1},1 3\n")
    # written as by hand: in any order, with a byte-order mark
    classes = {str(class_id): f"kind {class_id}" for class_id in range(number, 0, -1)}
    write_classes(directory, b"\xef\xbb\xbf" + json.dumps({"classes": classes, "made_up": True}).encode())
    dataset = read_dataset(directory)
    assert dataset.class_names == tuple(f"kind {class_id}" for class_id in range(1, number + 1))
    assert dataset.made_up
    assert problems(dataset) == [
        ("train.csv", 3, f"ClassId is '{number + 1}'; expected a whole number from 1 to {number}")
    ]
    assert dataset.areas.columns.tolist() == list(range(1, number + 1))
    assert dataset.masks("a.jpg").shape == (*TINY_SHAPE, number)
    assert dataset.masks("a.jpg")[..., number - 1].sum() == 3


# what classes.json holds
WRONG_CLASSES = [
    [],
    {},
    None,
    "pits",
    {"classes": {}},
    {"classes": ["pits", "cracks"]},
    {"classes": {"0": "pits", "1": "cracks"}},  # counted from 0
    {"classes": {"1": "pits", "3": "cracks"}},  # one missing
    {"classes": {"1": "pits", "02": "cracks"}},
    {"classes": {"1": "pits", "2": ""}},
    {"classes": {"1": "pits", "2": " "}},
    {"classes": {"1": "pits", "2": None}},
    {"classes": {"1": "pits", "2": 7}},
    {"classes": {"1": "pits", "2": ["cracks"]}},
    {"classes": {"1": "pits", "2": "pits"}},  # two of one name
    {"1": "pits", "2": "cracks"},
]


@pytest.mark.parametrize("content", WRONG_CLASSES)
def test_read_dataset_with_classes_of_a_wrong_form(tiny_data, content):
    directory = tiny_data()
    write_classes(directory, content)
    with pytest.raises(ValueError, match=r'classes\.json: got .*, expected \{"classes": \{"1": "name".*Mend the file'):
        read_dataset(directory)


def test_read_dataset_with_classes_that_are_no_json(tiny_data):
    directory = tiny_data()
    write_classes(directory, b"1: pits")
    with pytest.raises(ValueError, match=r"classes\.json: this is no JSON"):
        read_dataset(directory)


def test_read_dataset_decodes_each_image_once(tiny_data, tmp_path, monkeypatch):
    directory, opened = tiny_data(), []
    open_image = images.Image.open

    def count(path, **options):
        opened.append(Path(path).name)
        return open_image(path, **options)

    monkeypatch.setattr(images.Image, "open", count)
    first = read_dataset(directory, tmp_path / "run" / "images.csv")
    assert sorted(opened) == ["a.jpg", "b.jpg", "c.jpg", "t.jpg"]
    second = read_dataset(directory, tmp_path / "run" / "images.csv")
    assert len(opened) == 4
    assert second.images.equals(first.images)
    assert second.fingerprint == first.fingerprint


def test_read_dataset_does_no_work_for_each_pair_of_rows(tiny_data, tmp_path, monkeypatch):
    """A thousand faulty rows are checked once each, and their images looked up without a search."""
    checked = []
    monkeypatch.setattr(
        "helpers.data.tables.mask_area", lambda text, shape: checked.append(text) or int(text.split()[1])
    )
    rows = "".join(f"{number}.jpg,1,1 {number + 1}\n" for number in range(1000))
    dataset = read_dataset(tiny_data(TINY_LABELS + rows))
    assert len(checked) == 1003
    assert len(dataset.problems) == 1000


def test_fingerprint_is_the_same_elsewhere(tiny_data):
    first, second = read_dataset(tiny_data()), read_dataset(tiny_data(name="copy"))
    assert first.fingerprint == second.fingerprint
    assert len(first.fingerprint) == 64
    assert set(first.fingerprint) <= set("0123456789abcdef")


def add_a_label(directory):
    (directory / "train.csv").write_text(TINY_LABELS + "c.jpg,1,1 1\n")


def move_a_run(directory):
    (directory / "train.csv").write_text(TINY_LABELS.replace("32 2", "33 2"))


def change_the_size_of_a_file(directory):
    path = directory / "train_images" / "c.jpg"
    path.write_bytes(path.read_bytes() + b"\0")


def change_the_content_alone(directory):
    path = directory / "train_images" / "c.jpg"
    data = path.read_bytes()
    write_tiny_image(path, grey=101)
    assert len(path.read_bytes()) == len(data) and path.read_bytes() != data


def add_an_image(directory):
    write_tiny_image(directory / "train_images" / "d.jpg")


def rename_an_image(directory):
    (directory / "test_images" / "t.jpg").rename(directory / "test_images" / "u.jpg")


def move_an_image(directory):
    (directory / "train_images" / "c.jpg").rename(directory / "test_images" / "c.jpg")


def name_the_classes(directory):
    write_classes(directory, {"classes": {str(number): f"kind {number}" for number in range(1, 5)}})


@pytest.mark.parametrize(
    "change",
    [
        add_a_label,
        move_a_run,
        change_the_size_of_a_file,
        change_the_content_alone,
        add_an_image,
        rename_an_image,
        move_an_image,
        name_the_classes,
    ],
)
def test_fingerprint_changes_with_the_data(tiny_data, change):
    directory = tiny_data()
    before = read_dataset(directory).fingerprint
    change(directory)
    assert read_dataset(directory).fingerprint != before


def test_read_dataset_of_the_real_images(tmp_path):
    if not (SEVERSTAL / "train.csv").is_file():
        pytest.skip(f"the real images are not at {SEVERSTAL} (see SEVERSTAL_DIR)")
    if len(list((SEVERSTAL / "train_images").iterdir())) != 115:
        pytest.skip("SEVERSTAL_DIR holds another selection of the images than the one whose counts are known")
    dataset = read_dataset(SEVERSTAL, tmp_path / "images.csv")
    # as the description of the data gives them
    assert dataset.problems.empty
    assert dataset.shape == (256, 1600)
    assert len(dataset.training_ids) == 115
    assert len(dataset.test_ids) == 31
    assert (dataset.areas.sum(axis=1) == 0).sum() == 36
    assert (dataset.areas > 0).sum().tolist() == [18, 16, 38, 17]
    assert (dataset.images["format"] == "PNG").sum() == 18
    assert (dataset.images["path"].map(lambda path: path.suffix) == ".jpg").all()
    labels, exact = dataset.count_exact_round_trips()
    assert labels == exact == 18 + 16 + 38 + 17
    image_id = dataset.labels["ImageId"].iloc[0]
    assert dataset.masks(image_id).sum(axis=(0, 1)).tolist() == dataset.areas.loc[image_id].tolist()


def test_read_dataset_takes_any_size_where_classes_json_says_so(tiny_data):
    labels = "ImageId,ClassId,EncodedPixels\na.jpg,1,1 3\nsmall.jpg,1,47 2\n"
    directory = tiny_data(labels, train=("a.jpg", "b.jpg"))
    write_tiny_image(directory / "train_images" / "small.jpg", (8, 6))
    (directory / "classes.json").write_text('{"classes": {"1": "pits"}, "sizes": "any"}')
    dataset = read_dataset(directory)
    assert dataset.training_ids == ["a.jpg", "b.jpg", "small.jpg"] and dataset.set_aside.empty
    assert dataset.shape == TINY_SHAPE and dataset.shape_of("small.jpg") == (8, 6)
    assert dataset.masks("small.jpg").shape == (8, 6, 1)
    assert np.argwhere(dataset.masks("small.jpg")[..., 0]).tolist() == [[6, 5], [7, 5]]  # pixels 47 and 48 of 8 x 6
    assert dataset.pixels.to_dict() == {"a.jpg": 32 * 96, "b.jpg": 32 * 96, "small.jpg": 48}
    assert dataset.count_exact_round_trips() == (2, 2)


def test_read_dataset_checks_runs_against_the_size_of_their_own_image(tiny_data):
    labels = "ImageId,ClassId,EncodedPixels\na.jpg,1,100 3\nsmall.jpg,1,47 3\n"
    directory = tiny_data(labels, train=("a.jpg", "b.jpg"))
    write_tiny_image(directory / "train_images" / "small.jpg", (8, 6))
    (directory / "classes.json").write_text('{"classes": {"1": "pits"}, "sizes": "any"}')
    dataset = read_dataset(directory)
    assert dataset.training_ids == ["a.jpg", "b.jpg"]
    (problem,) = dataset.set_aside.itertuples()
    assert problem.row == 3 and "leaves an image of 8 x 6 pixels" in problem.problem


def test_read_dataset_with_another_word_for_sizes(tiny_data):
    directory = tiny_data()
    (directory / "classes.json").write_text('{"classes": {"1": "pits"}, "sizes": "mixed"}')
    with pytest.raises(ValueError, match='sizes is \'mixed\', expected "same" or "any"'):
        read_dataset(directory)


def test_read_test_sizes_needs_neither_labels_nor_training_images(tiny_data):
    directory = tiny_data(test=("t.jpg", "s.jpg"))
    (directory / "train.csv").unlink()
    (directory / "test_images" / "notes.txt").touch()
    sizes = {"notes.txt": None, "s.jpg": (32, 96), "t.jpg": (32, 96)}
    assert read_test_sizes(directory) == (COMPETITION_CLASSES, sizes)
    (directory / "classes.json").write_text('{"classes": {"1": "pits"}}')
    assert read_test_sizes(directory) == (("pits",), sizes)


def test_read_test_sizes_without_test_images(tmp_path):
    with pytest.raises(FileNotFoundError, match="test_images: there is no such folder"):
        read_test_sizes(tmp_path)
