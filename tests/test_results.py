import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from helpers.files import read_json, write_json
from helpers.results import (
    Results,
    best_model,
    decided_model,
    format_difference,
    format_estimate,
    fresh_results,
    read_results,
)

ABOUT = ("images", "train", "images with a defect")


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path / "results.json", "01_eda")


def test_record_writes_what_it_was_given(results):
    assert results.record("defective_images", 79, *ABOUT) == 79
    assert read_json(results.path) == {
        "01_eda.defective_images": {
            "value": 79,
            "unit": "images",
            "split": "train",
            "definition": "images with a defect",
        }
    }


def test_record_keeps_the_interval(results):
    results.record("dice", 0.5, "fraction", "validation", "mean Dice", low=0.4, high=np.float32(0.75))
    record = read_results(results.path)["01_eda.dice"]
    assert (record["low"], record["value"], record["high"]) == (0.4, 0.5, 0.75)


def test_record_of_an_undefined_interval(results):
    results.record("dice", math.nan, "fraction", "validation", "mean Dice", low=math.nan, high=math.nan)
    record = read_results(results.path)["01_eda.dice"]
    assert record["low"] is record["value"] is record["high"] is None


@pytest.mark.parametrize("ends", [{"low": 0.4}, {"high": 0.6}, {"low": "0.4", "high": 0.6}, {"low": 0.4, "high": True}])
def test_record_refuses_half_an_interval_or_one_of_texts(results, ends):
    with pytest.raises(ValueError, match=r"expected both or none|expected a number"):
        results.record("dice", 0.5, "fraction", "validation", "mean Dice", **ends)
    assert not results.path.exists()


# value, how JSON holds it
NUMBERS = [
    (np.int64(7), 7),
    (np.uint8(7), 7),
    (np.float32(0.5), 0.5),
    (np.float64(0.5), 0.5),
    (Fraction(1, 2), 0.5),
    (pd.Series([True, True, False]).sum(), 2),
    (pd.Series([True, False]).mean(), 0.5),
    (10**30, 10**30),
    (0, 0),
    (-2.6e23, -2.6e23),
]


@pytest.mark.parametrize(("value", "held"), NUMBERS)
def test_record_takes_any_kind_of_number(results, value, held):
    assert results.record("number", value, *ABOUT) is value
    found = read_json(results.path)["01_eda.number"]["value"]
    assert found == held
    assert type(found) is type(held)


@pytest.mark.parametrize(
    "value",
    ["79", "", None, True, np.True_, np.array([1, 2]), np.array([1.5]), pd.Series([1]), [1], 1 + 2j, {"a": 1}, pd.NA],
)
def test_record_refuses_what_is_no_number(results, value):
    with pytest.raises(ValueError, match=r"(?s)01_eda\.number: got .*expected a number\. Record texts in run\.json"):
        results.record("number", value, *ABOUT)
    assert not results.path.exists()


@pytest.mark.parametrize("empty", ["", " \n", None, math.nan])
@pytest.mark.parametrize("place", range(4))
def test_record_refuses_an_empty_name_unit_split_or_definition(results, place, empty):
    texts = ["defective_images", *ABOUT]
    what = ("name", "unit", "split", "definition")[place]
    texts[place] = empty
    with pytest.raises(ValueError, match=f"the {what} is .*expected a text"):
        results.record(texts[0], 79, *texts[1:])
    assert not results.path.exists()


def test_record_twice_keeps_the_later_one(results):
    results.record("defective_images", 79, *ABOUT)
    results.record("defective_images", 80, *ABOUT)
    assert len(read_results(results.path)) == 1
    assert results.value("defective_images") == 80


def test_value_of_a_number_that_is_undefined(results):
    assert math.isnan(results.record("dice", math.nan, "fraction", "validation", "mean Dice"))
    assert read_json(results.path)["01_eda.dice"]["value"] is None
    assert math.isnan(results.value("dice"))


def test_value_of_another_notebook_by_its_full_name(results):
    other = Results(results.path, "02_preprocessing")
    other.record("images", 100, *ABOUT)
    results.record("images", 115, *ABOUT)
    assert results.value("images") == 115
    assert results.value("02_preprocessing.images") == other.value("images") == 100


def test_value_of_a_number_that_was_not_recorded(results):
    with pytest.raises(KeyError, match=r"dice is not in results\.json\. Run the notebook"):
        results.value("dice")


@pytest.fixture
def recorded(tmp_path):
    """A results.json to which four scopes have written."""
    path = tmp_path / "results.json"
    for scope in ("01_eda", "04_segmentation.unet", "04_segmentation.unet_paper", "04_segmentation_more"):
        Results(path, scope).record("images", 1, *ABOUT)
    return path


# scope, the scopes left
CLEARED = [
    ("01_eda", ["04_segmentation.unet", "04_segmentation.unet_paper", "04_segmentation_more"]),
    ("04_segmentation.unet", ["01_eda", "04_segmentation.unet_paper", "04_segmentation_more"]),
    ("04_segmentation.unet_paper", ["01_eda", "04_segmentation.unet", "04_segmentation_more"]),
    ("04_segmentation", ["01_eda", "04_segmentation_more"]),  # the notebook as a whole: both of its models
    ("04", ["01_eda", "04_segmentation.unet", "04_segmentation.unet_paper", "04_segmentation_more"]),
]


@pytest.mark.parametrize(("scope", "left"), CLEARED)
def test_fresh_results_clears_its_own_scope_alone(recorded, scope, left):
    results = fresh_results(recorded, scope)
    assert sorted(read_results(recorded)) == [f"{name}.images" for name in left]
    results.record("images", 2, *ABOUT)
    assert results.value("images") == 2


def test_fresh_results_without_a_file_writes_none(tmp_path):
    fresh_results(tmp_path / "results.json", "01_eda")
    assert list(tmp_path.iterdir()) == []


def test_read_results_of_a_file_that_holds_something_else(tmp_path):
    write_json(tmp_path / "results.json", [1, 2])
    with pytest.raises(ValueError, match=r"results\.json: got a list, expected one record for each name\. Delete"):
        read_results(tmp_path / "results.json")


# value, low, high, text
ESTIMATES = [
    (0.61234, 0.55, 0.66, "0.612 (0.550 to 0.660)"),
    (0.61234, None, None, "0.612"),
    (0.61234, math.nan, 0.66, "0.612"),  # no half intervals
    (math.nan, 0.55, 0.66, "–"),
    (None, None, None, "–"),  # as read back from JSON
    (0, 0, 0, "0.000 (0.000 to 0.000)"),  # nothing, but defined
    (-0.5, -1, 0, "-0.500 (-1.000 to 0.000)"),
]


@pytest.mark.parametrize(("value", "low", "high", "text"), ESTIMATES)
def test_format_estimate(value, low, high, text):
    assert format_estimate(value, low, high) == text


def test_small_negative_scores_have_no_sign_before_a_zero():
    assert format_estimate(-0.0003, -0.0004, 0.01) == "0.000 (0.000 to 0.010)"
    assert format_estimate(-0.0006) == "-0.001"
    assert [format_difference(value) for value in (-0.0003, 0.0003, 0.0, -0.0006, 0.02)] == [
        "0.000", "0.000", "0.000", "-0.001", "+0.020"
    ]  # fmt: skip


def test_best_model_of_equal_ones_goes_by_name():
    records = {f"04_segmentation.{model}.validation_kaggle_dice": {"value": 0.5} for model in ("z", "a")}
    assert best_model(records, ["z", "a"]) == best_model(records, ["a", "z"]) == "a"
    assert best_model(records, []) is None


def test_decided_model_is_that_of_the_evaluation():
    """A classifier's records of sheets name no model; an undefined share does."""
    records = {f"04_segmentation.{model}.validation_kaggle_dice": {"value": 0.5} for model in ("z", "a")}
    records["05_evaluation.sheets_passed_small"] = {"value": 0.1}
    assert decided_model(records, ["z", "a"]) == "a"
    assert decided_model(records | {"05_evaluation.sheets_passed_z": {"value": None}}, ["z", "a"]) == "z"
    assert decided_model({}, []) is None
