"""Exports: whole, held against Keras, and never in the place of a good one before they are so."""

import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest

from helpers.cli import main
from helpers.data.dataset import read_dataset
from helpers.files import read_json, write_json
from helpers.inference import export as export_module
from helpers.inference.export import check_engines, export_bundle
from helpers.inference.exports import decisions_digest
from helpers.models.bundle_file import taken_once, was_trained_on

BUNDLE = {
    "input_shape": [32, 96], "channels": 1, "mirrored": False, "thresholds": [0.5] * 4, "smallest_masks": [0.0] * 4,
}  # fmt: skip


class SureModel:
    """Gives each class one probability for the top left 3 x 2 pixels, and another one elsewhere."""

    def __init__(self, name, inside, outside=0.0):
        self.name, self._inside, self._outside = name, inside, outside

    def predict_on_batch(self, batch):
        """Probabilities (images, height, width, 4)."""
        found = np.full((*batch.shape[:3], 4), self._outside, np.float32)
        found[:, :3, :2] = self._inside
        return found


def name_classes(directory, first):
    """Give a data set classes, of which the last three are those of the bundle."""
    names = (first, "cracks", "scratches", "patches")
    write_json(directory / "classes.json", {"classes": {str(number): name for number, name in enumerate(names, 1)}})


def test_check_engines_by_hand(tiny_data):
    """Image a has class 1 just in the top left corner, and a pixel of class 3; c has nothing.

    Keras finds the corner for class 1 alone: Dice 1 and 0 (of class 3) of a, 0 of c for class 1, else 1. The engine
    finds nothing: 0, 0 and all of c. So of 8 pairs 6 are right by Keras, and 6 by the engine, of which one is another.
    A third engine takes the corner for class 2 as well: two pairs less than Keras.
    """
    dataset = read_dataset(tiny_data())
    model = SureModel("Keras", [0.75, 0, 0, 0])
    found = check_engines(
        {"same": SureModel("s", [0.5, 0, 0, 0]), "blind": SureModel("b", [0.25, 0, 0, 0]),
         "eager": SureModel("e", [0.75, 1, 0, 0])},
        model, BUNDLE, dataset, ["a.jpg", "c.jpg"],
    )  # fmt: skip
    changes = {name: round(check["kaggle_dice_change"] * 8, 9) for name, check in found.items()}
    assert changes == {"same": 0, "blind": 0, "eager": -2}
    assert found["eager"]["kaggle_dice_keras"] == pytest.approx(6 / 8)
    assert {name: check["largest_difference"] for name, check in found.items()} == {
        "same": 0.25, "blind": 0.5, "eager": 1.0
    }  # fmt: skip
    assert found["same"]["mean_difference"] == pytest.approx(0.25 * 6 / (32 * 96 * 4), rel=1e-5)
    assert (found["same"]["name"], found["same"]["images"]) == ("s", 2)


def test_was_trained_on(small_bundle):
    """As the bundle tells; one that tells nothing was not."""
    dataset = read_dataset(small_bundle[1])
    assert was_trained_on({"training": {"data": dataset.fingerprint}}, dataset)
    assert not was_trained_on({"training": {"data": "another"}}, dataset)
    assert not was_trained_on({"training": {}}, dataset)


def test_export_records_what_it_was_made_from(exported, small_bundle):
    folder, made = exported
    bundle = read_json(folder / "bundle.json")
    assert set(made) == {"openvino", "openvino-int8", "onnx", "saved-model"}
    for name, each in made.items():
        assert each.folder == folder / "exports" / name
        assert read_json(each.folder / "export.json") == each.record
        assert each.record["sha256"] == bundle["sha256"]
        assert set(each.record["networks"]) == {"32x64", "48x96"}
        assert each.record["versions"]["keras"] == keras.__version__
        assert each.record["data"] == small_bundle[1].name and each.record["trained_on"]
        assert "trained on these images" in str(each)
        assert "trained on these images" not in str(replace(each, record=each.record | {"trained_on": False}))
        assert all(check["images"] == 4 for check in each.record["checks"].values())
    assert made["openvino-int8"].record["calibration_images"] == 4
    assert "nncf" in made["openvino-int8"].record["versions"]
    # The workplaces are gone.
    assert sorted(path.name for path in (folder / "exports").iterdir()) == sorted(made)


@pytest.mark.parametrize(
    ("export", "most"), [("openvino", 1e-5), ("onnx", 1e-5), ("saved-model", 1e-6), ("openvino-int8", 0.1)]
)
def test_export_is_held_against_keras(exported, export, most):
    check = exported[1][export].record["checks"][export]
    assert 0 <= check["mean_difference"] <= check["largest_difference"] <= most
    assert check["kaggle_dice"] - check["kaggle_dice_keras"] == pytest.approx(check["kaggle_dice_change"])
    bundle, once = read_json(exported[0] / "bundle.json"), exported[1][export].record["once"]
    assert once["decisions"] == decisions_digest(taken_once(bundle)) != exported[1][export].record["decisions"]
    assert once["checks"][export]["images"] == 4 and 0 <= once["checks"][export]["largest_difference"] <= most
    text = str(exported[1][export])
    assert f"{export}, once (" in text
    assert f"beside Keras on 4 images of sheets: probabilities differ by {check['largest_difference']:.2g}" in text


def test_8_bits_are_smaller_and_not_the_same(exported):
    folder, made = exported
    sizes = {name: (folder / "exports" / name / "32x64.bin").stat().st_size for name in ("openvino", "openvino-int8")}
    assert sizes["openvino-int8"] < 0.5 * sizes["openvino"]
    assert made["openvino-int8"].record["checks"]["openvino-int8"]["largest_difference"] > 1e-4


def test_export_that_fails_leaves_the_last_good_one(exported, small_bundle, tmp_path, monkeypatch):
    shutil.copytree(exported[0], tmp_path / "bundle")
    before = read_json(tmp_path / "bundle" / "exports" / "onnx" / "export.json")

    def fail(place, *_):
        place.joinpath("32x64.onnx").write_bytes(b"the beginning")
        raise OSError("no room")

    monkeypatch.setattr(export_module, "_write_networks", fail)
    with pytest.raises(OSError, match="no room"):
        export_bundle(tmp_path / "bundle", "onnx", small_bundle[1])
    assert read_json(tmp_path / "bundle" / "exports" / "onnx" / "export.json") == before
    assert len(list((tmp_path / "bundle" / "exports").iterdir())) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "tflite"], "--to: got 'tflite', expected one of: onnx, openvino, saved-model"),
        (["--to", "onnx", "--int8"], "--int8: there is none for onnx. Export to openvino"),
    ],
)
def test_export_to_something_else(small_bundle, capsys, arguments, message):
    folder, data = small_bundle
    assert main(["export", str(folder), "--data", str(data), *arguments]) == 1
    assert message in capsys.readouterr().err


def test_export_without_a_package(small_bundle, monkeypatch):
    monkeypatch.setitem(export_module.FORMATS, "onnx", ("onnx", ".onnx", ("a-package-that-is-not-there",)))
    with pytest.raises(ImportError, match=r"needs the package a-package-that-is-not-there. Install it: pip install"):
        export_bundle(small_bundle[0], "onnx", small_bundle[1])


def test_export_with_data_of_other_classes(small_bundle, tiny_data):
    directory = tiny_data()
    name_classes(directory, "dents")
    with pytest.raises(ValueError, match=r"its classes are dents, cracks, .*; the bundle.s are pits"):
        export_bundle(small_bundle[0], "saved-model", directory)


def test_export_with_a_single_image(small_bundle, tiny_data):
    directory = tiny_data("ImageId,ClassId,EncodedPixels\n", train=["a.jpg"])
    name_classes(directory, "pits")
    with pytest.raises(ValueError, match="got 1 labelled images, expected 2 or more"):
        export_bundle(small_bundle[0], "saved-model", directory)


def test_export_of_a_classifier(small_bundle, tmp_path):
    shutil.copytree(small_bundle[0], tmp_path / "bundle")
    path = tmp_path / "bundle" / "bundle.json"
    write_json(path, read_json(path) | {"target": "defect"})
    with pytest.raises(ValueError, match="the bundle gives defect, expected masks"):
        export_bundle(tmp_path / "bundle", "saved-model", small_bundle[1])
