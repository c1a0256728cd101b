import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.data.explore import (
    class_pairs,
    compare_parts,
    component_areas,
    component_table,
    defect_map,
    describe_light,
    large_masks,
)
from helpers.rle import mask2rle

SHAPE = (4, 6)


def label(mask, image_id="a", class_id=1):
    mask = np.asarray(mask)
    return {"ImageId": image_id, "ClassId": class_id, "EncodedPixels": mask2rle(mask), "shape": mask.shape}


def test_class_pairs_counts_images_with_both_and_alone():
    areas = pd.DataFrame({1: [5, 5, 0, 0, 1], 2: [0, 3, 0, 2, 1], 3: [0, 0, 0, 0, 1]})
    # alone: image 0 (class 1), image 3 (class 2); 1 and 2 together: images 1 and 4; 3 with each: image 4
    assert class_pairs(areas).to_numpy().tolist() == [[1, 2, 1], [2, 1, 1], [1, 1, 0]]


def test_component_areas_joins_pixels_that_touch_at_corners():
    mask = [[1, 0, 0, 0, 0, 1],
            [0, 1, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0],
            [1, 0, 0, 1, 1, 0]]  # fmt: skip
    found = component_areas(pd.DataFrame([label(mask)]))
    assert sorted(found["area"]) == [1, 2, 2, 2]


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9))
def test_component_areas_equals_counting_on_the_whole_mask(seed, height, width):
    mask = (np.random.default_rng(seed).random((height, width)) < 0.4).astype(np.uint8)
    expected = cv2.connectedComponentsWithStats(mask, connectivity=8)[2][1:, cv2.CC_STAT_AREA]
    found = component_areas(pd.DataFrame([label(mask)]))
    assert sorted(found["area"]) == sorted(expected)


def test_component_areas_of_no_labels():
    found = component_areas(pd.DataFrame(columns=["ImageId", "ClassId", "EncodedPixels", "shape"]))
    assert found.empty and list(found.columns) == ["ImageId", "ClassId", "area"]


def test_component_table_of_two_labels():
    components = pd.DataFrame({"ImageId": ["a", "a", "b"], "ClassId": [1, 1, 1], "area": [2, 4, 9]})
    table = component_table(components, [1, 2])
    assert table.loc[1].tolist() == [2, 3, 1.5, 4, 9]
    assert table.loc[2].isna().all()


def test_defect_map_is_the_mean_of_the_masks():
    masks = np.random.default_rng(5).integers(0, 2, (7, *SHAPE))
    found = defect_map(pd.DataFrame([label(mask) for mask in masks]), SHAPE)
    assert np.allclose(found, masks.mean(axis=0))


def test_defect_map_leaves_out_images_of_another_shape():
    labels = pd.DataFrame([label(np.ones(SHAPE, int)), label(np.ones((2, 2), int))])
    assert np.array_equal(defect_map(labels, SHAPE), np.ones(SHAPE))


def test_defect_map_of_no_labels_is_zero():
    labels = pd.DataFrame(columns=["EncodedPixels", "shape"])
    assert not defect_map(labels, SHAPE).any()


def test_large_masks_gives_the_largest_first_and_counts_all():
    areas = pd.DataFrame({1: [90, 10, 0], 2: [0, 60, 29]}, index=["a", "b", "c"])
    table, number = large_masks(areas, pd.Series(100, index=areas.index), most=1)
    assert number == 2
    assert table.to_numpy().tolist() == [["a", 1, 0.9]]


def write_grey(path, values):
    cv2.imwrite(str(path), np.asarray(values, np.uint8))
    return path


@pytest.fixture
def light(tmp_path):
    margin = np.zeros((2, 4))
    margin[:, 3] = [51, 153]  # steel in one column of four: mean 102, deviation 51
    paths = [write_grey(tmp_path / "a.png", margin), write_grey(tmp_path / "b.png", np.zeros((2, 4))),
             write_grey(tmp_path / "c.png", np.full((2, 4), 204))]  # fmt: skip
    images = pd.DataFrame({"image_id": ["a", "b", "c"], "part": ["train", "train", "test"], "path": paths})
    return describe_light(images)


def test_describe_light_measures_the_steel_and_not_the_margin(light):
    assert light.loc[0, ["brightness", "contrast", "margin"]].tolist() == pytest.approx([0.4, 0.2, 0.75])


def test_describe_light_of_a_black_image(light):
    assert light.loc[1, ["brightness", "contrast", "margin"]].tolist() == [0, 0, 1]


def test_compare_parts_gives_the_distance_in_deviations(light):
    table = compare_parts(light)
    # training brightness 0.4 and 0: mean 0.2, deviation 0.2828; test 0.8
    assert table.loc["brightness"].tolist() == pytest.approx([0.2, 0.8, 0.6 / (0.4 / 2**0.5)])


def test_compare_parts_without_test_images(light):
    assert compare_parts(light[light["part"] == "train"])["test"].isna().all()
