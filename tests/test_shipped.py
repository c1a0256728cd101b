"""The bundles in models/ are whole, small, and find defects at once."""

from pathlib import Path

import numpy as np
import pytest

from helpers.data.dataset import read_dataset
from helpers.data.made_up import make_data
from helpers.files import read_json
from helpers.inference.engines import MOST_LOST, verify_exports
from helpers.inference.evaluate import count_pixels
from helpers.inference.exports import decisions_digest, read_record
from helpers.inference.predict import predict_masks
from helpers.metrics import defect_dice
from helpers.models.about import limits_of
from helpers.models.bundle import load_bundle
from helpers.models.bundle_file import read_bundle

MODELS = Path(__file__).absolute().parents[1] / "models"
SHIPPED = sorted(path.parent.name for path in MODELS.glob("*/bundle.json"))


def test_our_network_is_shipped_as_trained_on_real_photographs_and_on_made_up_sheets():
    assert SHIPPED == ["steel_unet", "steel_unet-made-up"]


def test_the_one_of_real_photographs_is_that_of_the_stored_folds():
    """The same scores, of the same folds and as long a training, and better than predicting nothing."""
    bundle = read_bundle(MODELS / "steel_unet")
    results = (MODELS.parent / "benchmarks" / "results").glob("folds-severstal-steel_unet-pretrained-*.json")
    draws = bundle["training"]["most_draws"]
    (stored,) = [each for each in map(read_json, results) if each["recipe"]["most_draws"] == draws]
    scores = stored["tuned"]["all"]
    for name, score in bundle["scores"].items():
        assert [score["value"], score["low"], score["high"]] == pytest.approx(scores[name], abs=1e-4)
    assert bundle["scores"]["above_floor"]["low"] > 0


@pytest.mark.parametrize("name", SHIPPED)
def test_a_bundle_is_small_and_predicts_images_of_any_size(name):
    model, bundle = load_bundle(MODELS / name)
    files = {path.name: path.stat().st_size for path in (MODELS / name).iterdir() if path.is_file()}
    assert set(files) == {"bundle.json", bundle["weights"]} and sum(files.values()) <= 5_000_000
    assert len(bundle["class_names"]) == 4
    images = [np.full((*shape, 1), 100, np.uint8) for shape in ((256, 1600), (200, 200), (31, 77))]
    for image, masks in zip(images, predict_masks(model, bundle, images), strict=True):
        assert masks.shape == (*image.shape[:2], 4) and set(np.unique(masks)) <= {0, 1}


def test_our_network_comes_with_its_quickest_export():
    """Small, of just these weights, and at no cost that would keep it from being taken."""
    bundle = read_bundle(MODELS / "steel_unet")
    assert verify_exports(MODELS / "steel_unet", bundle) == ["openvino-int8"]
    record = read_record(MODELS / "steel_unet", bundle, "openvino-int8")
    check = record["checks"]["openvino-int8"]
    assert record["decisions"] == decisions_digest(bundle)
    assert check["images"] > 50 and check["kaggle_dice_change"] > -MOST_LOST
    files = (MODELS / "steel_unet" / "exports").rglob("*.*")
    assert sum(path.stat().st_size for path in files) < 2_000_000


@pytest.mark.parametrize("name", SHIPPED)
def test_a_bundle_says_what_it_is(name):
    _, bundle = load_bundle(MODELS / name)
    assert bundle["training"]["made_up_data"] == (name == "steel_unet-made-up")
    assert bundle["training"]["images"] > 0 and bundle["training"]["data_name"]
    assert bundle["limits"] == limits_of(bundle["training"])
    assert {"kaggle_dice", "all_empty_dice", "defect_dice", "empty_accuracy"} <= set(bundle["scores"])
    for score in bundle["scores"].values():
        assert score["split"] == ("holdout" if bundle["training"]["made_up_data"] else "folds")


def test_the_one_of_made_up_sheets_finds_defects_on_sheets_that_it_never_saw(tmp_path):
    dataset = read_dataset(make_data(tmp_path / "sheets", 24, seed=5))
    model, bundle = load_bundle(MODELS / "steel_unet-made-up")
    counts = count_pixels(model, bundle, dataset, dataset.training_ids)
    assert defect_dice(counts) > 0.4
