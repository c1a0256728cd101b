import cv2
import numpy as np
import pandas as pd
import pytest

from helpers.data.dataset import read_dataset
from helpers.data.leaks import (
    class_share_spread,
    dataset_files,
    find_dataset_copies,
    group_dataset,
    leak_table,
    published_parts,
    training_groups,
)


def write_texture(path, seed, mirrored=False):
    noise = np.random.default_rng(seed).integers(0, 256, (40, 60), np.uint8)
    image = cv2.resize(noise, (240, 160), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(path), image[:, ::-1] if mirrored else image)


@pytest.fixture
def copied(tiny_data):
    """Training images a, b, c and test image t, where c is a and t is b, both mirrored."""
    directory = tiny_data("ImageId,ClassId,EncodedPixels\na.jpg,1,1 3\n")
    for folder, name, seed, mirrored in (("train", "a", 1, False), ("train", "b", 2, False), ("train", "c", 1, True),
                                         ("test", "t", 2, True)):  # fmt: skip
        write_texture(directory / f"{folder}_images" / f"{name}.jpg", seed, mirrored)
    return read_dataset(directory)


def test_find_dataset_copies_names_files_with_their_folder(copied):
    copies = find_dataset_copies(copied, progress=False)
    assert copies[["first", "second", "transform"]].values.tolist() == [
        ["test_images/t.jpg", "train_images/b.jpg", "mirrored left-right"],
        ["train_images/a.jpg", "train_images/c.jpg", "mirrored left-right"],
    ]


def test_groups_hold_training_and_test_images(copied):
    groups = group_dataset(copied, find_dataset_copies(copied, progress=False))
    assert groups["train_images/a.jpg"] == groups["train_images/c.jpg"]
    assert groups["train_images/b.jpg"] == groups["test_images/t.jpg"] != groups["train_images/a.jpg"]
    training = training_groups(copied, groups)
    assert training.index.tolist() == ["a.jpg", "b.jpg", "c.jpg"]
    assert training["a.jpg"] == training["c.jpg"] != training["b.jpg"]


def test_dataset_files_keeps_a_name_that_is_in_both_folders_apart(tiny_data):
    files = dataset_files(read_dataset(tiny_data(train=("a.jpg", "b.jpg"), test=("a.jpg",))))
    assert sorted(files.index) == ["test_images/a.jpg", "train_images/a.jpg", "train_images/b.jpg"]


def test_published_parts_go_by_folder(tiny_data):
    parts = published_parts(read_dataset(tiny_data()))
    assert parts.to_dict() == {"train_images/a.jpg": "train", "train_images/b.jpg": "train",
                               "train_images/c.jpg": "train", "test_images/t.jpg": "test"}  # fmt: skip


def test_published_parts_go_by_the_names_where_all_tell(tiny_data):
    labels = "ImageId,ClassId,EncodedPixels\ntrain_1.jpg,1,1 3\n"
    dataset = read_dataset(tiny_data(labels, train=("train_1.jpg", "test_1.jpg"), test=()))
    assert published_parts(dataset).to_dict() == {
        "train_images/train_1.jpg": "train",
        "train_images/test_1.jpg": "test",
    }


def test_published_parts_of_one_part(tiny_data):
    assert published_parts(read_dataset(tiny_data(test=()))) is None


def test_leak_table_gives_a_row_for_each_part():
    groups = pd.Series({"a": 0, "b": 0, "c": 1, "d": 2})
    table = leak_table(groups, {"bad": pd.Series({"a": "train", "b": "holdout", "c": "train", "d": "holdout"}),
                                "good": pd.Series({"a": "train", "b": "train", "c": "holdout"})})  # fmt: skip
    assert table.values.tolist() == [
        ["bad", "train", 2, 1, 0.5],
        ["bad", "holdout", 2, 1, 0.5],
        ["good", "train", 2, 0, 0.0],
        ["good", "holdout", 1, 0, 0.0],
    ]


def test_class_share_spread_of_two_parts():
    areas = pd.DataFrame({1: [1, 0, 5, 2], 2: [0, 0, 0, 9]}, index=list("abcd"))
    table = class_share_spread(areas, pd.Series({"a": "train", "b": "train", "c": "holdout", "d": "holdout"}))
    # class 1: half of the training images, all of the holdout; class 2: none, and half
    assert table.values.tolist() == [[0.5, 1.0, 0.5], [0.0, 0.5, 0.5]]
