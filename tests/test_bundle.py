"""Model bundles: saved and loaded the same, and refused where they are not what they say."""

import hashlib
import io
import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from helpers.inference import Detector
from helpers.inference.predict import bundle_decisions, predict_probabilities
from helpers.inference.tuning import Decisions
from helpers.models import bundle as bundle_module
from helpers.models.build import build_model
from helpers.models.bundle import load_bundle, read_bundle, save_bundle, write_decisions
from helpers.models.bundle_file import KEYS, taken_once
from helpers.models.describe import describe_layers
from helpers.models.unet_paper import unet_paper
from helpers.models.versions import Version

NAMES = ["pits", "cracks", "scratches"]
IMAGE = np.random.default_rng(0).random((1, 32, 64, 1), np.float32)


def save(folder, model, **changes):
    """Save a model with settings that fit it, but for the changes."""
    settings = {
        "architecture": "unet_paper",
        "arguments": {"channels": 1, "grey_mean": 0.3, "grey_deviation": 0.2},
        "input_shape": (32, 64),
        "channels": 1,
        "class_names": NAMES,
        "thresholds": [0.5, 0.25, 0.75],
        "training": {"epochs": 1},
        "scores": {"kaggle_dice": {"value": 0.5, "unit": "fraction", "split": "holdout", "definition": "Dice"}},
    }
    return save_bundle(folder, model, **(settings | changes))


def new_model(seed):
    """The network with other first weights for each seed."""
    keras.utils.set_random_seed(seed)
    return build_model("unet_paper", (32, 64), 3, channels=1, grey_mean=0.3, grey_deviation=0.2)


@pytest.fixture(scope="module")
def model():
    """A network of three classes."""
    return new_model(0)


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    """A bundle that is left as it is."""
    folder = tmp_path_factory.mktemp("bundle") / "unet_paper"
    save(folder, model)
    return folder


def test_save_bundle_keeps_the_weights_alone(tmp_path):
    """No state of an optimizer, so that the same weights give the same file, however they came about."""
    model = new_model(3)
    model.compile("adam", "mse")
    model.fit(IMAGE, np.ones((1, 32, 64, 3)), verbose=0)
    trained = save(tmp_path / "trained", model)
    again = new_model(4)
    again.set_weights(model.get_weights())
    assert save(tmp_path / "again", again)["sha256"] == trained["sha256"]
    with h5py.File(weights_file(tmp_path / "trained")) as file:
        assert "optimizer" not in file
    loaded, _ = load_bundle(tmp_path / "trained")
    for value, kept in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(value, kept)


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of the bundle, to be damaged."""
    return Path(shutil.copytree(saved, tmp_path / "unet_paper"))


def weights_file(folder):
    """The one weights file of a bundle."""
    (path,) = folder.glob("*.weights.h5")
    return path


def change(folder, **changes):
    """Change keys of `bundle.json`; None takes a key away."""
    path = folder / "bundle.json"
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def replace_weights(folder, data):
    """Put other bytes in the place of the weights, with a SHA-256 that fits them."""
    weights_file(folder).write_bytes(data)
    change(folder, sha256=hashlib.sha256(data).hexdigest())


def test_load_bundle_gives_the_same_predictions(saved, model):
    """Every probability, and what the JSON says."""
    loaded, bundle = load_bundle(saved)
    np.testing.assert_array_equal(loaded.predict_on_batch(IMAGE), model.predict_on_batch(IMAGE))
    assert bundle == json.loads((saved / "bundle.json").read_text())
    assert bundle["input_shape"] == [32, 64]
    assert bundle["class_names"] == NAMES
    assert bundle["thresholds"] == [0.5, 0.25, 0.75]
    assert bundle["mirrored"] is False
    assert bundle["parameters"] == model.count_params()
    assert bundle["arguments"] == {"channels": 1, "grey_mean": 0.3, "grey_deviation": 0.2}


def test_save_bundle_writes_two_files(saved):
    """The weights are named by their content."""
    digest = hashlib.sha256(weights_file(saved).read_bytes()).hexdigest()
    assert sorted(path.name for path in saved.iterdir()) == sorted(["bundle.json", f"{digest[:16]}.weights.h5"])
    assert read_bundle(saved)["sha256"] == digest


def test_save_bundle_returns_what_the_file_holds(model, tmp_path):
    """Undefined scores are null, and NumPy's numbers plain ones."""
    scores = {"miou": {"value": float("nan"), "low": np.float32(0.5), "high": float("inf")}}
    bundle = save(tmp_path, model, scores=scores, thresholds=np.float32([0.5, 0.25, 1]), class_names=("a", "b", "c"))
    assert bundle["scores"] == {"miou": {"value": None, "low": 0.5, "high": None}}
    assert bundle["thresholds"] == [0.5, 0.25, 1.0]
    text = (tmp_path / "bundle.json").read_text()
    assert bundle == json.loads(text)
    assert "NaN" not in text


def test_save_bundle_again_keeps_the_new_weights_alone(folder):
    """The old weights file goes when the new bundle is whole."""
    before = weights_file(folder).name
    other = new_model(1)
    save(folder, other)
    assert weights_file(folder).name != before
    np.testing.assert_array_equal(load_bundle(folder)[0].predict_on_batch(IMAGE), other.predict_on_batch(IMAGE))


@pytest.mark.parametrize("step", ["save_weights", "sha256_of", "write_json"])
def test_save_bundle_killed_on_the_way(folder, model, monkeypatch, step):
    """Until the new bundle is whole the old one can be loaded; the next saving clears up."""

    def kill(*arguments):
        raise KeyboardInterrupt

    other = new_model(1)
    with monkeypatch.context() as patched:
        patched.setattr(keras.Model if step == "save_weights" else bundle_module, step, kill)
        with pytest.raises(KeyboardInterrupt):
            save(folder, other)
    np.testing.assert_array_equal(load_bundle(folder)[0].predict_on_batch(IMAGE), model.predict_on_batch(IMAGE))
    save(folder, other)
    assert len(list(folder.iterdir())) == 2
    np.testing.assert_array_equal(load_bundle(folder)[0].predict_on_batch(IMAGE), other.predict_on_batch(IMAGE))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"thresholds": [0.5]}, r"thresholds is \[0.5\], expected a number from 0 to 1 for each of 3 classes"),
        ({"thresholds": [0.5, 0.5, float("nan")]}, "thresholds is .*expected a number from 0 to 1"),
        ({"input_shape": (64, 64)}, r"network takes \(32, 64, 1\).*say \(64, 64, 1\)"),
        ({"channels": 3}, r"network takes \(32, 64, 1\).*say \(32, 64, 3\)"),
        ({"class_names": ["a"], "thresholds": [0.5]}, "gives 3 classes.*and 1"),
        ({"architecture": "unet"}, "architecture 'unet' is not known here"),
    ],
)
def test_save_bundle_of_parts_that_do_not_fit(model, tmp_path, changes, match):
    """Refused before anything is written, not when somebody loads it."""
    with pytest.raises(ValueError, match=match):
        save(tmp_path, model, **changes)
    assert list(tmp_path.iterdir()) == []


def test_load_bundle_where_there_is_none(tmp_path):
    """The message says where bundles come from."""
    with pytest.raises(FileNotFoundError, match=r"bundle\.json is not there\. Train a model"):
        load_bundle(tmp_path)


def test_load_bundle_without_its_weights(folder):
    """Only half of it was copied."""
    weights_file(folder).unlink()
    with pytest.raises(FileNotFoundError, match=r"\.weights\.h5 is not there\. Copy the bundle again"):
        load_bundle(folder)


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:-1] + bytes([data[-1] ^ 1])])
def test_load_bundle_with_other_weights(folder, damage):
    """Cut off, or one bit changed."""
    path = weights_file(folder)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"\.weights\.h5: the SHA-256 is not the one in bundle\.json"):
        load_bundle(folder)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_read_bundle_without_a_key(folder, key):
    """The message names file and key."""
    change(folder, **{key: None})
    with pytest.raises(ValueError, match=rf"bundle\.json: {key} is missing or no "):
        read_bundle(folder)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_read_bundle_with_a_key_of_another_kind(folder, key):
    """A bool is no number either, and a number no bool."""
    change(folder, **{key: 1 if KEYS[key] is bool else True})
    with pytest.raises(ValueError, match=rf"bundle\.json: {key} is missing or no "):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"format": 2}, "format 2 is newer than 1. Update this project"),
        ({"format": 2, "sha256": None}, "format 2 is newer than 1"),  # a newer format may lack what ours has
        ({"format": 0}, "format is 0"),
        ({"architecture": "os.system"}, "architecture 'os.system' is not known here. Known: .*unet_paper"),
        ({"scaling": "mean 0"}, "scaling is 'mean 0', expected 'grey values / 255'"),
        ({"class_names": []}, r"class_names is \[\], expected a text for each class"),
        ({"class_names": [1, 2, 3]}, r"class_names is \[1, 2, 3\], expected a text"),
        ({"thresholds": [0.5, 0.5]}, "thresholds is .*for each of 3 classes"),
        ({"thresholds": [0.5, 0.5, 1.5]}, "thresholds is .*number from 0 to 1"),
        ({"thresholds": [0.5, 0.5, "0.5"]}, "thresholds is .*number from 0 to 1"),
        ({"thresholds": [0.5, 0.5, float("nan")]}, "thresholds is .*number from 0 to 1"),
    ],
)
def test_read_bundle_of_values_not_known_here(folder, changes, match):
    """Each with file, value and what was expected."""
    change(folder, **changes)
    with pytest.raises(ValueError, match=rf"bundle\.json: (the )?{match}"):
        read_bundle(folder)


@pytest.mark.parametrize(
    "weights", ["../x.weights.h5", "/etc/x.weights.h5", "a/x.weights.h5", "..", "", "x.keras", "x.py"]
)
def test_read_bundle_with_weights_elsewhere(folder, weights):
    """Nothing outside the bundle is opened, and nothing that is no weights file."""
    change(folder, weights=weights)
    with pytest.raises(ValueError, match=r"lie outside the bundle, or are no \.weights\.h5 file\. Don't use it"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"", "this is no JSON"),
        (b"{", "this is no JSON"),
        (b"\x80\x04", "this is no JSON"),
        (b"[" * 100_000, "this is no JSON"),
        (b"[]", "got a list, expected the keys of a model bundle"),
        (b"3", "got a int, expected the keys of a model bundle"),
    ],
)
def test_read_bundle_that_is_no_json(folder, text, match):
    """Empty, cut off, binary, endlessly nested, or something else."""
    (folder / "bundle.json").write_bytes(text)
    with pytest.raises(ValueError, match=rf"bundle\.json: {match}"):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"input_shape": [2**20, 2**20]}, "got 1048576 x 1048576; expected at most"),
        ({"input_shape": [32, 32 * 10**30]}, "expected at most 16,777,216 pixels"),
        ({"input_shape": [32, 33]}, "got 32 x 33; expected height x width in pixels, both multiples of 32"),
        ({"input_shape": [32, 64, 1]}, "got 32 x 64 x 1; expected height x width"),
        ({"input_shape": [32, "64"]}, "expected height x width"),
        ({"input_shape": [32, None]}, "expected height x width"),
        ({"arguments": {"channels": 10**9}}, "channels: got 1000000000, expected 1 or 3"),
        ({"arguments": {"channels": [1] * 9}}, "channels: got .* expected 1 or 3"),
        ({"arguments": {"filters": 10**9}}, "unet_paper takes no filters"),
        ({"arguments": {"num_classes": 10**9}}, "unet_paper takes no num_classes"),
        ({"arguments": {"name": "x"}}, "unet_paper takes no name"),
        ({"arguments": {"grey_mean": 10**300}}, "expected fractions of white"),
        (
            {"class_names": ["x"] * 5000, "thresholds": [0] * 5000, "smallest_masks": [0] * 5000},
            "num_classes: got 5000, expected a whole number",
        ),
    ],
)
def test_load_bundle_of_no_network(folder, monkeypatch, changes, match):
    """Refused before the first layer is made, so that no memory is taken for it."""
    monkeypatch.setattr(keras, "Input", None)
    change(folder, **changes)
    with pytest.raises(ValueError, match=rf"bundle\.json: .*{match}"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"channels": 3}, r"takes \(32, 64, 1\).*say \(32, 64, 3\)"),
        ({"channels": 10**9}, "channels: got 1000000000, expected 1 or 3"),
        ({"arguments": {"channels": 3}}, r"takes \(32, 64, 3\).*say \(32, 64, 1\)"),
    ],
)
def test_load_bundle_that_contradicts_itself(folder, changes, match):
    """What is said about the input has to be what the network takes."""
    change(folder, **changes)
    with pytest.raises(ValueError, match=match):
        load_bundle(folder)


def model_with_code(path):
    """A whole model with a Lambda layer that would make a folder, as Keras keeps it when it may."""
    image = keras.Input((32, 64, 1))
    lambda_layer = keras.layers.Lambda(lambda x: (__import__("os").mkdir("it-ran"), x)[1], output_shape=(32, 64, 1))
    keras.Model(image, lambda_layer(image)).save(path)
    return path.read_bytes()


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_load_bundle_with_a_lambda_layer_in_the_place_of_the_weights(folder, tmp_path, monkeypatch, ending):
    """Of either kind of file: no code of it runs, and the message says that these are no weights of the network."""
    monkeypatch.chdir(tmp_path)
    data = model_with_code(tmp_path / f"model.{ending}")
    if (tmp_path / "it-ran").exists():
        (tmp_path / "it-ran").rmdir()
    replace_weights(folder, data)
    with pytest.raises(ValueError, match="these weights don't fit unet_paper"):
        load_bundle(folder)
    with pytest.raises(ValueError, match="these weights don't fit unet_paper"):
        Detector.load(folder, engine="keras")
    assert not (tmp_path / "it-ran").exists()


def archive_of_keras():
    """A whole model with code in it, as Keras archives it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Lambda", "config": {}}))
    return file.getvalue()


@pytest.mark.parametrize(
    "data", [b"", b"no weights" * 100, archive_of_keras()], ids=["empty", "garbage", "archive with code"]
)
def test_load_bundle_of_no_weights(folder, data):
    """With a SHA-256 that fits, which anyone can compute."""
    replace_weights(folder, data)
    with pytest.raises(ValueError, match=r"\.weights\.h5: these weights don't fit unet_paper \(.*Copy the"):
        load_bundle(folder)


def test_load_bundle_with_the_weights_of_another_network(folder, tmp_path):
    """Two classes instead of three; the message has one line."""
    build_model("unet_paper", (32, 64), 2).save_weights(tmp_path / "two.weights.h5")
    replace_weights(folder, (tmp_path / "two.weights.h5").read_bytes())
    with pytest.raises(ValueError, match="these weights don't fit unet_paper") as raised:
        load_bundle(folder)
    assert "\n" not in str(raised.value)


def link_elsewhere(group):
    """Take the values from another weights file of the machine."""
    group["1"] = h5py.ExternalLink("other.h5", f"{group.name}/1")


def raw_bytes_of_another_file(group):
    """Take the values from the bytes of any file."""
    group.create_dataset("1", (8,), "f4", external=[("other.h5", 0, 32)])


def bomb(group):
    """36 GB in a file of some kB."""
    group.create_dataset("1", (300_000, 30_000), "f4", chunks=(100, 100), compression="gzip")


@pytest.mark.parametrize("trick", [link_elsewhere, raw_bytes_of_another_file, bomb])
def test_load_bundle_with_weights_that_reach_outside(folder, trick):
    """Neither another file is read nor memory taken."""
    path = weights_file(folder)
    shutil.copy(path, folder / "other.h5")
    with h5py.File(path, "r+") as file:
        group = file["layers/conv2d/vars"]
        del group["1"]
        trick(group)
    replace_weights(folder, path.read_bytes())
    with pytest.raises(ValueError, match="these weights don't fit unet_paper"):
        load_bundle(folder)


class Payload:
    """Runs a command when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_load_bundle_runs_nothing_of_the_bundle(folder, tmp_path, monkeypatch):
    """Neither modules that lie there nor pickled objects in the place of the weights."""
    trace = tmp_path / "it ran"
    for name in ("keras.py", "h5py.py", "unet_paper.py", "__init__.py", "sitecustomize.py"):
        (folder / name).write_text(f"import os\nos.mkdir({str(trace)!r})\n")
    monkeypatch.chdir(folder)
    load_bundle(folder)
    load_bundle(".")
    replace_weights(folder, pickle.dumps(Payload(trace)))
    with pytest.raises(ValueError, match="these weights don't fit"):
        load_bundle(folder)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Payload(trace)))
    assert trace.exists()


def test_describe_layers_tells_the_skip_connections(model):
    """Each level of the decoder is joined with the encoder's output of the same size."""
    layers = {layer["name"]: layer for layer in describe_layers(model)}
    for level in range(1, 6):
        assert layers[f"decoder_{level}_join"]["inputs"] == [f"decoder_{level}_up", f"encoder_{level}_conv2"]
        up, skip = (layers[name] for name in layers[f"decoder_{level}_join"]["inputs"])
        assert up["shape"][:2] == skip["shape"][:2]
    work = {"parameters": 0, "multiply_adds": 0}
    assert layers["image"] == {"name": "image", "kind": "InputLayer", "shape": (32, 64, 1), "inputs": []} | work
    assert layers["probabilities"]["shape"] == (32, 64, 3)
    assert sum(layer["kind"] == "Concatenate" for layer in layers.values()) == 5


def test_describe_layers_lists_inputs_before_their_layer(model):
    """So that it can be drawn in one pass."""
    seen = set()
    for layer in describe_layers(model):
        assert set(layer["inputs"]) <= seen
        seen.add(layer["name"])
    assert len(seen) == len(model.layers)


def test_write_decisions_replaces_decisions_and_scores_alone(tmp_path):
    """The weights stay; gates ask a classifier by name."""
    model = unet_paper((32, 32), 2)
    before = save_bundle(
        tmp_path, model, architecture="unet_paper", arguments={}, input_shape=(32, 32), channels=1,
        class_names=["a", "b"], thresholds=[0.5, 0.5], training={}, scores={},
    )  # fmt: skip
    decisions = Decisions((0.3, 0.7), (0.0, 0.01), (0.1, 0.0), (2.0, 0.01))
    after = write_decisions(tmp_path, decisions, {"dice": {"value": 0.5}}, "sure")
    assert after == read_bundle(tmp_path) and bundle_decisions(after) == decisions
    assert after["classifier"] == "sure" and after["scores"] == {"dice": {"value": 0.5}}
    assert {key: after[key] for key in ("weights", "sha256", "training")} == {
        key: before[key] for key in ("weights", "sha256", "training")
    }
    load_bundle(tmp_path)


def save_any_size(folder):
    """A bundle of a narrow network that takes images of any size."""
    arguments = {"stem": 4, "widths": (8, 8), "depths": (0, 1)}
    model = build_model("steel_unet", (32, 32), 2, **arguments)
    about = {"architecture": "steel_unet", "arguments": arguments, "input_shape": (32, 32), "channels": 1}
    return save_bundle(folder, model, **about, class_names=["a", "b"], thresholds=[0.5, 0.5], training={}, scores={})


def test_write_decisions_carries_holes_and_the_version_of_the_prediction(tmp_path):
    """Predictions from the bundle are then just these."""
    assert bundle_decisions(save_any_size(tmp_path)) == Decisions((0.5, 0.5), (0.0, 0.0))
    decisions = Decisions((0.3, 0.7), (0.0, 0.0), filled=(True, False), version=Version((1.0, 1.5), mirrored=True))
    after = write_decisions(tmp_path, decisions, {})
    assert after["filled"] == [True, False] and after["sizes"] == [1.0, 1.5] and after["mirrored"] is True
    model, loaded = load_bundle(tmp_path)
    assert bundle_decisions(loaded) == decisions
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 1), dtype=np.uint8)
    (found,) = predict_probabilities(model, loaded, [image])
    parts = [
        next(predict_probabilities(model, loaded | {"sizes": [size], "mirrored": mirrored}, [image]))
        for size, mirrored in ((1.0, True), (1.5, True), (1.0, False))
    ]
    np.testing.assert_allclose(found, (parts[0] + parts[1]) / 2, atol=1e-6)
    assert not np.allclose(found, parts[2], atol=1e-4)


def test_write_decisions_carries_those_for_one_pass(tmp_path):
    """Where the others are for a mean; and the next decisions replace them."""
    save_any_size(tmp_path)
    mean = Decisions((0.3, 0.7), (0.0, 0.0), version=Version(mirrored=True))
    once = Decisions((0.4, 0.8), (0.01, 0.0), filled=(False, True))
    after = write_decisions(tmp_path, mean, {}, once=once)
    assert bundle_decisions(after) == mean and bundle_decisions(taken_once(after)) == once
    assert "once" not in write_decisions(tmp_path, once, {}, once=once)
    assert "once" not in write_decisions(tmp_path, mean, {})


def test_save_bundle_carries_decisions_for_one_pass(model, tmp_path):
    once = Decisions((0.1, 0.2, 0.3), (0.0, 0.0, 0.0))
    assert bundle_decisions(taken_once(save(tmp_path / "mean", model, mirrored=True, once=once))) == once
    assert "once" not in save(tmp_path / "one", model, once=once)


def test_save_bundle_tells_the_size_of_the_photographs(model, tmp_path):
    """Or leaves it out."""
    assert save(tmp_path / "told", model, image_shape=(64, 128))["image_shape"] == [64, 128]
    assert "image_shape" not in save(tmp_path / "untold", model)
    with pytest.raises(ValueError, match="image_shape: got 0 x 128; expected height x width"):
        save(tmp_path / "faulty", model, image_shape=(0, 128))


def test_bundle_from_before_there_were_holes_and_sizes_is_read(folder):
    change(folder, filled=None, sizes=None)
    _, bundle = load_bundle(folder)
    assert bundle_decisions(bundle) == Decisions((0.5, 0.25, 0.75), (0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"filled": [True]}, r"filled is \[True\], expected true or false for each of 3 classes"),
        ({"filled": [0, 1, 1]}, r"filled is \[0, 1, 1\], expected true or false"),
        ({"filled": "yes"}, "filled is 'yes'"),
        ({"sizes": 1.0}, "sizes is 1.0, expected a list of numbers"),
        ({"sizes": [True]}, r"sizes is \[True\], expected a list of numbers"),
        ({"sizes": []}, r"sizes: got \[\], expected different numbers from 0.25 to 4"),
        ({"sizes": [1.0, 100.0]}, "expected different numbers from 0.25 to 4"),
        ({"sizes": [1.0, 1.25]}, "sizes: unet_paper is built for one size of image"),
    ],
)
def test_read_bundle_refuses_decisions_that_can_not_be_followed(folder, changes, match):
    change(folder, **changes)
    with pytest.raises(ValueError, match=match):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("decisions", "classifier", "match"),
    [
        (Decisions((0.3,), (0.0,)), "", "thresholds is .*expected a number from 0 to 1 for each of 2 classes"),
        (Decisions((0.3, 0.3), (0.0, 0.0), (0.5,), (2.0,)), "sure", r"gates is \[0.5\], expected a number from 0 to 1"),
        (Decisions((0.3, 0.3), (0.0, 0.0), (0.5, 0.5), (3.0, 2.0)), "sure", "smallest_masks_clean is"),
        (Decisions((0.3, 0.3), (0.0, 0.0), (0.5, 0.5), (2.0, 2.0)), "", "there are gates, and no classifier to ask"),
        (Decisions((0.3, 0.3), (0.0, 0.0)), "../elsewhere", "classifier is '../elsewhere', expected the name"),
    ],
)
def test_write_decisions_refuses_what_makes_no_bundle(tmp_path, decisions, classifier, match):
    save_bundle(
        tmp_path, unet_paper((32, 32), 2), architecture="unet_paper", arguments={}, input_shape=(32, 32), channels=1,
        class_names=["a", "b"], thresholds=[0.5, 0.5], training={}, scores={},
    )  # fmt: skip
    before = (tmp_path / "bundle.json").read_bytes()
    with pytest.raises(ValueError, match=match):
        write_decisions(tmp_path, decisions, {}, classifier)
    assert (tmp_path / "bundle.json").read_bytes() == before
