"""Kept predictions."""

import json
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from helpers.inference import kept as module
from helpers.inference.kept import KeptPredictions, keep_predictions
from helpers.inference.predict import predict_probabilities
from helpers.models.build import build_model
from helpers.models.versions import AS_IT_IS, Version, candidates
from tiny_models import SHAPE, tiny_dataset, tiny_model

NETWORK = {"input_shape": SHAPE, "channels": 1}
MIRRORED = Version(mirrored=True)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return tiny_dataset(tmp_path_factory.mktemp("kept") / "tiny", 5)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.mark.parametrize("sizes", [(1.0,), (1.0, 1.5)])
def test_kept_predictions_are_those_of_the_network(dataset, tmp_path, sizes):
    """Of each version, at the images' own size, to half precision."""
    arguments = {"stem": 4, "widths": (8, 8), "depths": (0, 1)}
    model = build_model("steel_unet", SHAPE, 4, **arguments)
    network = NETWORK | {"architecture": "steel_unet", "arguments": arguments}
    ids, versions = dataset.training_ids[1:4], candidates(sizes, mirrored=True)
    keep_predictions(tmp_path / "a.zip", model, network, dataset, ids, versions)
    found = KeptPredictions([tmp_path / "a.zip"])
    assert found.image_ids == ids and found.versions == versions
    images = [dataset.image(image_id, 1) for image_id in ids]
    for version in versions:
        expecteds = predict_probabilities(model, network | version.describe(), images)
        for image_id, expected in zip(ids, expecteds, strict=True):
            again = found.probabilities(image_id, dataset.shape_of(image_id), version)
            assert again.shape == expected.shape and again.dtype == np.float32
            np.testing.assert_allclose(again, expected, atol=6e-4)


def test_kept_predictions_are_taken_up_by_the_same_network_alone(dataset, model, tmp_path, monkeypatch):
    """Other weights, other images or another way to predict are predicted anew."""
    path, ids = tmp_path / "a.zip", dataset.training_ids
    keep_predictions(path, model, NETWORK, dataset, ids)
    asked = []
    passes = module.Passes
    monkeypatch.setattr(module, "Passes", lambda *given: asked.append(1) or passes(*given))
    keep_predictions(path, model, NETWORK, dataset, ids)
    assert not asked
    keep_predictions(path, model, NETWORK, dataset, ids[:3])
    keep_predictions(path, model, NETWORK, dataset, ids[:3], (AS_IT_IS, MIRRORED))
    other = tiny_model()
    other.set_weights([weights + 0.1 for weights in model.get_weights()])
    keep_predictions(path, other, NETWORK, dataset, ids[:3], (AS_IT_IS, MIRRORED))
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
    with pytest.raises(ValueError, match="no prediction 'mirrored' is kept there, only: as it is"):
        both.probabilities(ids[0], (20, 30), MIRRORED)


def test_kept_predictions_say_what_they_cost(dataset, model, tmp_path):
    """Mirror images take three passes more."""
    kept = keep_predictions(tmp_path / "a.zip", model, NETWORK, dataset, dataset.training_ids, (AS_IT_IS, MIRRORED))
    assert 0 < kept.seconds() < kept.seconds(MIRRORED) < 60


def test_kept_predictions_of_an_earlier_version_are_made_anew(dataset, model, tmp_path):
    """They can't be read, and don't stand in the way."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("index.json", json.dumps({"key": "old", "image_ids": [], "versions": ["as it is"]}))
    with pytest.raises(ValueError, match="of an earlier version of this project. Run 04_segmentation again"):
        KeptPredictions([path])
    assert keep_predictions(path, model, NETWORK, dataset, dataset.training_ids).versions == (AS_IT_IS,)


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


def test_kept_predictions_are_read_by_threads_one_head_at_a_time(dataset, model, tmp_path, monkeypatch):
    """Python 3.11 may fail where two threads read one at once."""
    kept, inside = keep_predictions(tmp_path / "a.zip", model, NETWORK, dataset, dataset.training_ids), []
    load = np.load

    def load_alone(*arguments, **settings):
        inside.append(threading.get_ident())
        time.sleep(0.02)
        assert len(set(inside)) == 1
        found = load(*arguments, **settings)
        inside.clear()
        return found

    monkeypatch.setattr(np, "load", load_alone)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda image_id: kept.probabilities(image_id, SHAPE), kept.image_ids))
    assert len(found) == 5
