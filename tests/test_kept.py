"""Kept predictions."""

import zipfile

import numpy as np
import pytest

from helpers.inference import kept as module
from helpers.inference.kept import KeptPredictions, keep_predictions
from helpers.inference.predict import predict_probabilities
from tiny_models import SHAPE, tiny_dataset, tiny_model

NETWORK = {"input_shape": SHAPE, "channels": 1, "mirrored": True}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return tiny_dataset(tmp_path_factory.mktemp("kept") / "tiny", 5)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.mark.parametrize("mirrored", [False, True])
def test_kept_predictions_are_those_of_the_network(dataset, model, tmp_path, mirrored):
    """At the images' own size, to half precision; the last version is what the model gives."""
    network = NETWORK | {"mirrored": mirrored}
    ids = dataset.training_ids[1:4]
    keep_predictions(tmp_path / "a.zip", model, network, dataset, ids)
    found = KeptPredictions([tmp_path / "a.zip"])
    assert found.image_ids == ids and len(found.versions) == 1 + mirrored
    images = [dataset.image(image_id, 1) for image_id in ids]
    for version, settings in ((-1, network), (0, network | {"mirrored": False})):
        for image_id, expected in zip(ids, predict_probabilities(model, settings, images), strict=True):
            again = found.probabilities(image_id, dataset.shape_of(image_id), version)
            assert again.shape == expected.shape and again.dtype == np.float32
            np.testing.assert_allclose(again, expected, atol=6e-4)


def test_kept_predictions_are_taken_up_by_the_same_network_alone(dataset, model, tmp_path, monkeypatch):
    """Other weights, other images or another way to predict are predicted anew."""
    path, ids = tmp_path / "a.zip", dataset.training_ids
    keep_predictions(path, model, NETWORK, dataset, ids)
    asked = []
    predict = module.predict_at_network_size
    monkeypatch.setattr(module, "predict_at_network_size", lambda *given: asked.append(1) or predict(*given))
    keep_predictions(path, model, NETWORK, dataset, ids)
    assert not asked
    keep_predictions(path, model, NETWORK, dataset, ids[:3])
    keep_predictions(path, model, NETWORK | {"mirrored": False}, dataset, ids[:3])
    other = tiny_model()
    other.set_weights([weights + 0.1 for weights in model.get_weights()])
    keep_predictions(path, other, NETWORK | {"mirrored": False}, dataset, ids[:3])
    assert len(asked) == 3


def test_kept_predictions_of_several_files(dataset, model, tmp_path):
    """Each image is found in its own."""
    ids = dataset.training_ids
    first = keep_predictions(tmp_path / "a.zip", model, NETWORK, dataset, ids[:2])
    second = keep_predictions(tmp_path / "b.zip", model, NETWORK, dataset, ids[2:])
    both = KeptPredictions([*first.paths, *second.paths])
    assert both.image_ids == ids
    for part in (first, second):
        for image_id in part.image_ids:
            np.testing.assert_array_equal(
                both.probabilities(image_id, (20, 30)), part.probabilities(image_id, (20, 30))
            )
    with pytest.raises(KeyError, match="strange"):
        both.probabilities("strange.png", (20, 30))


def test_keep_predictions_that_fail_leave_the_last_ones(dataset, model, tmp_path):
    """A network that gives no number ends it before anything is replaced."""
    path, ids = tmp_path / "a.zip", dataset.training_ids
    keep_predictions(path, model, NETWORK, dataset, ids)
    before = path.read_bytes()
    broken = tiny_model()
    broken.set_weights([weights * np.nan for weights in model.get_weights()])
    with pytest.raises(ValueError, match="gives NaN"):
        keep_predictions(path, broken, NETWORK, dataset, ids)
    assert path.read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["a.zip"]
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
