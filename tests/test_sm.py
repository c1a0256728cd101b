"""U-Nets on the encoders of `segmentation-models`: built offline, preprocessing inside, weights of their own."""

import functools
import hashlib
import http.server
import os
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from helpers.data.split import make_split
from helpers.inference.judging import Plan
from helpers.models.beginning import network_arguments
from helpers.models.build import build_model, unet_paper
from helpers.models.bundle import load_bundle, save_bundle
from helpers.models.describe import describe_layers
from helpers.models.parts import FusedBatchNormalization
from helpers.models.recipes import find_recipe
from helpers.models.sm import (
    TakeChannels,
    encoder_layers,
    encoder_names,
    load_encoder_weights,
    published_preprocessing,
    sm_unet,
)
from tiny_models import SHAPE, tiny_dataset

GREY = np.random.default_rng(0).random((2, *SHAPE, 1), np.float32)
COLOUR = np.random.default_rng(1).random((2, *SHAPE, 3), np.float32)
MASKS = (np.random.default_rng(2).random((2, *SHAPE, 4)) < 0.3).astype("float32")
FILE = "resnet18_imagenet_1000_no_top.h5"


def new_model(seed=0, **arguments):
    """The network on resnet18 with other first weights for each seed."""
    keras.utils.set_random_seed(seed)
    return build_model("sm_unet", SHAPE, 4, **arguments)


def probabilities(model, images):
    """What the model gives, as NumPy array."""
    return np.asarray(model(images, training=False))


def weights_of(layers):
    """Copies of all weights of some layers."""
    return [weight.numpy() for layer in layers for weight in layer.weights]


def decoder_layers(model):
    """The layers after the encoder."""
    encoder = encoder_layers(model)
    return [layer for layer in [*model.layers[-2].layers, model.layers[-1]] if layer not in encoder]


def same(some, others):
    """Whether all arrays of two lists are equal."""
    return all(np.array_equal(*pair) for pair in zip(some, others, strict=True))


def write_keras2_weights(path, layers):
    """A weights file as Keras 2 wrote it, which is what the published ones are."""
    layers = [layer for layer in layers if layer.weights]
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        file.attrs["keras_version"], file.attrs["backend"] = b"2.2.4", b"tensorflow"
        for layer in layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group[name] = weight.numpy()


@pytest.fixture(scope="module")
def grey_model():
    """For tests that leave it as it is: resnet18 on grey images."""
    return new_model(channels=1)


@pytest.fixture(scope="module")
def imagenet_model():
    """For tests that leave it as it is: resnet18 with the preprocessing of ImageNet."""
    return new_model(7, preprocess="imagenet")


@pytest.fixture(scope="module")
def weights_file(imagenet_model, tmp_path_factory):
    """A weights file of resnet18 for colour images, in place of the published one."""
    path = tmp_path_factory.mktemp("weights") / FILE
    write_keras2_weights(path, encoder_layers(imagenet_model))
    return path


@pytest.fixture
def published(monkeypatch, tmp_path, weights_file):
    """A server that stands in for GitHub, with the package's table of addresses turned to it; the paths asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=weights_file.parent)
    )
    entry = table_entry()
    monkeypatch.setitem(entry, "url", f"http://127.0.0.1:{server.server_port}/{FILE}")
    monkeypatch.setitem(entry, "md5", hashlib.md5(weights_file.read_bytes()).hexdigest())
    use_cache(monkeypatch, tmp_path / "cache")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield asked
    server.shutdown()
    server.server_close()


def table_entry():
    """The package's own entry on resnet18 without its top."""
    encoder_names()  # which imports the package without its greeting
    from classification_models.weights import WEIGHTS_COLLECTION

    return next(entry for entry in WEIGHTS_COLLECTION if entry["name"] == FILE)


def use_cache(monkeypatch, folder):
    """Keep downloads in another folder than the user's, and ask no proxy."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(keras.utils, "get_file", functools.partial(keras.utils.get_file, cache_dir=str(folder)))
    folder.mkdir()


def no_download(monkeypatch):
    """Fail whatever asks for a file."""

    def get_file(name, url, **_):
        raise AssertionError(f"asked for {url}")

    monkeypatch.setattr(keras.utils, "get_file", get_file)


@pytest.mark.parametrize("encoder", ["resnet18", "mobilenetv2", "efficientnetb0", "vgg16", "densenet121"])
@pytest.mark.parametrize(
    ("channels", "preprocess"), [(1, "standardise"), (3, "standardise"), (1, "imagenet")], ids=lambda value: str(value)
)
def test_sm_unet_gives_probabilities(encoder, channels, preprocess, monkeypatch):
    """One for each class and pixel, in float32, for grey and for colour; nothing is downloaded for it."""
    no_download(monkeypatch)
    model = build_model("sm_unet", SHAPE, 4, channels=channels, encoder=encoder, preprocess=preprocess)
    assert (model.name, model.layers[-2].name) == ("sm_unet", encoder)
    assert model.input_shape == (None, *SHAPE, channels)
    assert model.output_shape == (None, *SHAPE, 4)
    assert not any(isinstance(layer, keras.layers.Lambda) for layer in [*model.layers, *model.layers[-2].layers])
    if preprocess == "standardise":
        found = probabilities(model, GREY if channels == 1 else COLOUR)
        assert found.dtype == np.float32
        assert ((found > 0) & (found < 1)).all()
        assert np.ptp(found) > 0


@pytest.mark.skipif("ALL_ENCODERS" not in os.environ, reason="set ALL_ENCODERS to build each encoder; takes minutes")
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("encoder", encoder_names())
def test_sm_unet_works_on_each_encoder(encoder, channels):
    """All that the package lists, on images of 96 pixels, the least that inceptionv3 takes."""
    keras.backend.clear_session()
    model = build_model("sm_unet", (96, 96), 4, channels=channels, encoder=encoder)
    found = probabilities(model, np.random.default_rng(0).random((1, 96, 96, channels), np.float32))
    assert found.shape == (1, 96, 96, 4)
    assert ((found >= 0) & (found <= 1)).all()
    assert np.ptp(found) > 0


def test_encoder_names_are_those_of_the_package():
    """32 in version 1.0.1, as its documentation counts them by family: 5, 2, 5, 1, 2, 2, 3, 2, 2 and 8."""
    names = encoder_names()
    assert len(names) == len(set(names)) == 5 + 2 + 5 + 1 + 2 + 2 + 3 + 2 + 2 + 8
    assert {"resnet18", "vgg19", "seresnext101", "efficientnetb7"} <= set(names)


def test_sm_unet_has_the_package_s_number_of_parameters():
    """24,456,154 on resnet34 with one class, as its users print it under Keras 2; 16 * 9 + 1 more for each class."""
    assert build_model("sm_unet", SHAPE, 1, encoder="resnet34").count_params() == 24_456_154
    assert build_model("sm_unet", SHAPE, 3, encoder="resnet34").count_params() == 24_456_154 + 2 * 145


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        ("resnet18", [255.0, 127.5, 0.0]),  # 0 to 255, standardised by a layer of its own
        ("mobilenetv2", [1.0, 0.0, -1.0]),  # -1 to 1
        ("densenet121", [(1 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0 - 0.406) / 0.225]),  # by ImageNet's colours
        ("vgg16", [0 - 103.939, 127.5 - 116.779, 255 - 123.68]),  # blue first
    ],
)
def test_sm_unet_preprocesses_as_published(encoder, expected):
    """An image whose red is 1, green 0.5 and blue 0; the numbers are those of each network's authors."""
    model = build_model("sm_unet", SHAPE, 1, encoder=encoder, preprocess="imagenet")
    inside = keras.Model(model.input, model.get_layer("preprocess").output)
    image = np.broadcast_to(np.float32([1, 0.5, 0]), (1, *SHAPE, 3))
    np.testing.assert_allclose(inside(image)[0, 5, 7], expected, atol=1e-4)
    rebuilt = keras.Model.from_config(inside.get_config())
    np.testing.assert_array_equal(rebuilt(image), inside(image))


@pytest.mark.parametrize("encoder", encoder_names())
def test_published_preprocessing_is_the_package_s(encoder):
    """Order, scale and offset say all that the package's function does, for each encoder."""
    import segmentation_models

    order, scale, offset = published_preprocessing(encoder)
    expected = segmentation_models.get_preprocessing(encoder)(255 * COLOUR)
    np.testing.assert_allclose(COLOUR[..., order] * scale + offset, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("encoder", ["resnet18", "vgg16"])
def test_sm_unet_takes_a_grey_image_for_three_equal_channels(encoder):
    """With the preprocessing of ImageNet, grey and colour networks have the same weights."""
    grey, colour = (
        build_model("sm_unet", SHAPE, 2, channels=channels, encoder=encoder, preprocess="imagenet")
        for channels in (1, 3)
    )
    colour.set_weights(grey.get_weights())
    expected = probabilities(colour, np.repeat(GREY, 3, axis=-1))
    np.testing.assert_allclose(probabilities(grey, GREY), expected, atol=1e-6)


def test_sm_unet_standardises_as_unet_paper():
    """The mean is taken away, then the values are divided by the deviation."""
    settings = {"channels": 1, "grey_mean": 0.25, "grey_deviation": 0.5}
    found, expected = (
        keras.Model(model.input, model.get_layer("standardise").output)(GREY)
        for model in (sm_unet(SHAPE, 1, **settings), unet_paper(SHAPE, 1, **settings))
    )
    np.testing.assert_array_equal(found, expected)


def test_sm_unet_ends_in_float32_at_lower_precision():
    """Only the last layer: the loss is taken of it."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = new_model(channels=1)
    finally:
        keras.config.set_dtype_policy(before)
    assert model.layers[-2].get_layer("decoder_stage4b_conv").compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"


def test_take_channels_takes_them_in_order():
    """Also one of them twice."""
    image = np.float32([[[[1, 2, 3]]]])
    np.testing.assert_array_equal(TakeChannels((2, 0, 0))(image), [[[[3, 1, 1]]]])


def test_sm_unet_starts_from_the_seed(grey_model):
    """The same seed gives the same first weights, another one others."""
    weights = grey_model.get_weights()
    assert same(new_model(0, channels=1).get_weights(), weights)
    assert not same(new_model(1, channels=1).get_weights(), weights)


def take_steps(model, steps):
    """The loss before each step of gradient descent."""
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", run_eagerly=True)
    return [float(model.train_on_batch(GREY, MASKS)) for _ in range(steps)]


def test_sm_unet_learns():
    """Each of a few steps lowers the loss of a batch, and all weights move."""
    model = new_model(channels=1)
    before = [weight.numpy() for weight in model.trainable_weights]
    losses = take_steps(model, 4)
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]
    after = [weight.numpy() for weight in model.trainable_weights]
    assert not any(np.array_equal(*pair) for pair in zip(before, after, strict=True))


def test_encoder_layers_frozen_keep_their_weights():
    """The decoder learns and the encoder stays, its batch normalisation too."""
    model = new_model(channels=1)
    layers = encoder_layers(model)
    for layer in layers:
        layer.trainable = False
    assert any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers)
    encoder, decoder = weights_of(layers), weights_of(decoder_layers(model))
    losses = take_steps(model, 3)
    assert losses[-1] < losses[0]
    assert same(weights_of(layers), encoder)
    assert not any(np.array_equal(*pair) for pair in zip(weights_of(decoder_layers(model)), decoder, strict=True))


@pytest.mark.parametrize(
    ("encoder", "first", "last"),
    [
        ("resnet18", "bn_data", "relu1"),
        ("vgg16", "block1_conv1", "block5_pool"),  # two more convolutions follow before the decoder
    ],
)
def test_encoder_layers_end_where_the_decoder_begins(encoder, first, last):
    """All of the encoder, and none of the decoder."""
    model = build_model("sm_unet", SHAPE, 1, encoder=encoder)
    layers = encoder_layers(model)
    assert (layers[0].name, layers[-1].name) == (first, last)
    assert not any(re.match("decoder|center|probabilities", layer.name) for layer in layers)
    rest = {layer.name.split("_")[0] for layer in decoder_layers(model) if layer.weights}
    assert rest - {"center"} == {"decoder", "probabilities"}


def test_sm_unet_differs_in_its_last_layer_with_the_classes(grey_model):
    """So that a network trained on other classes can lend all but that layer."""
    other = build_model("sm_unet", SHAPE, 7, channels=1)
    for layer, lending in zip(other.layers, grey_model.layers, strict=True):
        shapes, lent = ([weight.shape for weight in each.weights] for each in (layer, lending))
        assert (shapes == lent) is (layer.name != "probabilities")


def test_encoder_layers_of_another_network():
    """There is nothing to freeze in a network without encoder."""
    for function in (encoder_layers, lambda model: load_encoder_weights(model, "none")):
        with pytest.raises(ValueError, match="the model is 'unet_paper', expected one that `sm_unet` built"):
            function(unet_paper(SHAPE, 1))


def test_describe_layers_of_sm_unet(imagenet_model):
    """Each input is a layer that came before, so that the network can be drawn."""
    seen = []
    for layer in describe_layers(imagenet_model):
        assert set(layer["inputs"]) <= set(seen)
        seen.append(layer["name"])
    assert seen == ["image", "preprocess", "resnet18", "probabilities"]


@pytest.mark.parametrize(
    ("shape", "arguments", "match"),
    [
        (SHAPE, {"encoder": "resnet19"}, r"encoder: got 'resnet19'.*Choose one of: resnet18, .*efficientnetb7\.$"),
        (SHAPE, {"encoder": ["resnet18"]}, r"encoder: got \['resnet18'\], which is not known"),
        (SHAPE, {"encoder": "inceptionv3"}, "shape: got 32 x 64; expected at least 96 pixels a side for inceptionv3"),
        ((100, 64), {}, "shape: got 100 x 64.*multiples of 32"),
        (SHAPE, {"preprocess": "caffe"}, "preprocess: got 'caffe'.*Choose one of: standardise, imagenet"),
        (SHAPE, {"grey_deviation": 0.0}, "got 0.0 and 0.0, expected fractions of white"),
        (SHAPE, {"grey_mean": "dark"}, "got 'dark' and 1.0, expected fractions of white"),
        (SHAPE, {"preprocess": "imagenet", "grey_mean": 0.3}, "got 0.3 and 1.0 with preprocess 'imagenet'"),
    ],
)
def test_sm_unet_with_wrong_arguments(shape, arguments, match):
    """Refused by name and value, in one line, whether built by name or not."""
    for build in (sm_unet, functools.partial(build_model, "sm_unet")):
        with pytest.raises(ValueError, match=match) as caught:
            build(shape, 4, **arguments)
        assert "\n" not in str(caught.value)


def test_sm_unet_without_the_package(monkeypatch):
    """The error says what to install; other networks don't need it."""
    monkeypatch.setitem(sys.modules, "segmentation_models", None)
    with pytest.raises(ImportError, match=r"pip install segmentation-models==1\.0\.1$"):
        build_model("sm_unet", SHAPE, 4)
    build_model("unet_paper", SHAPE, 4)


def test_package_is_imported_late_and_in_silence():
    """Not by importing the networks; whatever SM_FRAMEWORK says, which stays as it is; first compiled or not."""
    code = (
        "import os, sys, helpers.models.build\n"
        "assert 'segmentation_models' not in sys.modules\n"
        "from helpers.models.sm import encoder_names\n"
        "assert encoder_names() and os.environ['SM_FRAMEWORK'] == 'keras'\n"
        "del os.environ['SM_FRAMEWORK']\n"
        "assert encoder_names() and 'SM_FRAMEWORK' not in os.environ\n"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error::SyntaxWarning",
            "-W",
            "error::DeprecationWarning:segmentation_models",
            "-c",
            code,
        ],
        env=os.environ | {"SM_FRAMEWORK": "keras", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_one_module_imports_the_package():
    """So that one place is to be mended when it changes."""
    source = Path(sm_unet.__code__.co_filename).parents[1]
    importing = r"^\s*(import|from) (segmentation_models|classification_models|efficientnet)"
    found = {path.name for path in source.rglob("*.py") if re.search(importing, path.read_text("utf-8"), re.MULTILINE)}
    assert found == {"sm.py"}


def test_load_encoder_weights_from_a_file(imagenet_model, weights_file):
    """The encoder gets those of the file, and the decoder keeps its own."""
    model = new_model(preprocess="imagenet", channels=1)
    decoder = weights_of(decoder_layers(model))
    assert load_encoder_weights(model, weights_file) is model
    assert same(weights_of(encoder_layers(model)), weights_of(encoder_layers(imagenet_model)))
    assert same(weights_of(decoder_layers(model)), decoder)


def test_an_encoder_with_weights_of_its_own_is_left_alone_at_first(tmp_path, imagenet_model, weights_file):
    """As a user asks for it: in the first phase it keeps the file's weights, in the second it learns with the rest."""
    dataset = tiny_dataset(tmp_path / "tiny", 6)
    recipe = replace(find_recipe("sm_unet"), batch_size=3, frozen_share=0.5, augmentation=None)
    arguments = network_arguments("sm_unet", {"channels": 3}, str(weights_file), **recipe.arguments)
    plan = Plan(
        recipe, arguments, dataset, make_split(dataset.areas, 1), SHAPE, 3, tmp_path / "trained", 1, epochs=2,
        encoder_weights=str(weights_file),
    )  # fmt: skip
    model, _, settings = plan.train(plan.split, plan.split.iloc[:0], plan.folder)
    with np.load(tmp_path / "trained" / "frozen" / "trained.npz") as file:
        first = [file[name] for name in file.files]
    published = weights_of(encoder_layers(imagenet_model))
    assert all(any(np.array_equal(weight, kept) for kept in first) for weight in published)
    assert not any(np.array_equal(*pair) for pair in zip(weights_of(encoder_layers(model)), published, strict=True))
    assert settings["beginning"]["encoder_sha256"] == hashlib.sha256(weights_file.read_bytes()).hexdigest()


def test_load_encoder_weights_none(grey_model):
    """Nothing changes."""
    before = grey_model.get_weights()
    assert load_encoder_weights(grey_model, "none") is grey_model
    assert same(grey_model.get_weights(), before)


@pytest.mark.parametrize(
    ("weights", "error", "match"),
    [
        ("resnet18.h5", FileNotFoundError, "resnet18.h5 is not there. Give 'none', 'imagenet' or the path of a file"),
        (None, ValueError, "got None, expected 'none', 'imagenet' or the path"),
        ("", ValueError, "got '', expected 'none', 'imagenet' or the path"),
        ("imagenet", ValueError, "got 'imagenet', but the model's preprocessing is another"),
    ],
)
def test_load_encoder_weights_of_a_wrong_kind(grey_model, weights, error, match):
    """Nothing is asked for over the network."""
    with pytest.raises(error, match=match):
        load_encoder_weights(grey_model, weights)


def test_load_encoder_weights_that_do_not_fit(tmp_path, weights_file):
    """One line names the file and what to do; the encoder keeps its weights, also those before the faulty one."""
    with_top, garbage, text = tmp_path / "top.h5", tmp_path / "garbage.h5", tmp_path / "weights.txt"
    colour, grey = new_model(preprocess="imagenet"), new_model(channels=1)
    write_keras2_weights(with_top, [*encoder_layers(colour), colour.get_layer("probabilities")])
    garbage.write_bytes(b"no weights" * 100)
    text.write_text("none")
    for model, path in ((grey, weights_file), (colour, with_top), (colour, garbage), (colour, text)):
        before = model.get_weights()
        with pytest.raises(ValueError, match=f"{path.name}: these weights don't fit the encoder resnet18") as caught:
            load_encoder_weights(model, path)
        assert "\n" not in str(caught.value)
        assert same(model.get_weights(), before)


def test_load_encoder_weights_downloads_once(published, imagenet_model, tmp_path):
    """Into the cache, from the address that the package names."""
    for seed in (0, 1):
        model = new_model(seed, preprocess="imagenet", channels=1)
        decoder = weights_of(decoder_layers(model))
        load_encoder_weights(model, "imagenet")
        assert same(weights_of(encoder_layers(model)), weights_of(encoder_layers(imagenet_model)))
        assert same(weights_of(decoder_layers(model)), decoder)
    assert published == [f"/{FILE}"]
    assert (tmp_path / "cache" / "models" / FILE).is_file()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"url": "http://127.0.0.1:9/x.h5"}, r"http://127.0.0.1:9/x.h5 can't be fetched \(.*refused\)"),
        ({"url": "http://no-such-host.invalid/x.h5"}, r"http://no-such-host.invalid/x.h5 can't be fetched \("),
        ({"md5": "0" * 32}, r"can't be fetched \(Incomplete or corrupted file detected"),
        ("missing", r"/missing.h5 can't be fetched \(File not found\)"),
    ],
)
def test_load_encoder_weights_when_the_download_fails(published, monkeypatch, change, reason):
    """One line: the address, why, and how to go on offline; the model stays as it was."""
    entry = table_entry()
    if change == "missing":
        change = {"url": entry["url"].replace(FILE, "missing.h5")}
    for key, value in change.items():
        monkeypatch.setitem(entry, key, value)
    model = new_model(preprocess="imagenet")
    before = model.get_weights()
    with pytest.raises(
        ConnectionError, match=reason + r".*give the file's path as ENCODER_WEIGHTS, or take 'none'"
    ) as caught:
        load_encoder_weights(model, "imagenet")
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert same(model.get_weights(), before)


@pytest.mark.parametrize(
    "arguments",
    [
        {"channels": 1, "preprocess": "imagenet"},
        {"channels": 1, "grey_mean": 0.3, "grey_deviation": 0.2, "encoder": "seresnet18"},
        {"channels": 3, "encoder": "efficientnetb0"},
    ],
    ids=lambda arguments: arguments.get("encoder", "resnet18"),
)
def test_bundle_of_sm_unet(arguments, tmp_path, weights_file, monkeypatch):
    """Saved and loaded gives the same probabilities, without a download; the bundle holds weights and no code."""
    model = new_model(3, **arguments)
    if arguments.get("preprocess") == "imagenet":
        load_encoder_weights(model, weights_file)
    images = GREY if arguments["channels"] == 1 else COLOUR
    saved = save_bundle(
        tmp_path / "sm_unet",
        model,
        architecture="sm_unet",
        arguments=arguments,
        input_shape=SHAPE,
        channels=arguments["channels"],
        class_names=list("abcd"),
        thresholds=[0.5] * 4,
        training={},
        scores={},
    )
    no_download(monkeypatch)
    keras.utils.set_random_seed(4)
    loaded, bundle = load_bundle(tmp_path / "sm_unet")
    assert bundle == saved
    weights = (tmp_path / "sm_unet" / bundle["weights"]).read_bytes()
    assert bundle["sha256"] == hashlib.sha256(weights).hexdigest()
    assert {path.name for path in (tmp_path / "sm_unet").iterdir()} == {"bundle.json", bundle["weights"]}
    np.testing.assert_array_equal(probabilities(loaded, images), probabilities(model, images))


@pytest.mark.parametrize("name", ["sm_fpn", "sm_pspnet"])
@pytest.mark.parametrize("shape", [(32, 64), (96, 32)])
def test_sm_fpn_and_sm_pspnet_give_probabilities_at_the_image_s_size(name, shape, monkeypatch):
    """Whatever sizes the package takes; nothing is downloaded."""
    no_download(monkeypatch)
    model = build_model(name, shape, 3, channels=1)
    found = probabilities(model, np.random.default_rng(0).random((2, *shape, 1), np.float32))
    assert found.shape == (2, *shape, 3) and found.dtype == np.float32
    assert ((found >= 0) & (found <= 1)).all() and np.ptp(found) > 0
    assert model.name == name


def test_sm_pspnet_scales_to_multiples_of_48():
    """128 x 800 is none, and 144 x 816 is the nearest."""
    model = build_model("sm_pspnet", (128, 800), 4)
    assert model.get_layer("to_multiples_of_48").output.shape[1:3] == (144, 816)
    assert model.output_shape == (None, 128, 800, 4)


@pytest.mark.parametrize("name", ["sm_fpn", "sm_pspnet"])
def test_sm_fpn_and_sm_pspnet_with_wrong_arguments(name):
    with pytest.raises(ValueError, match="encoder: got 'resnet19'"):
        build_model(name, SHAPE, 4, encoder="resnet19")
    with pytest.raises(ValueError, match="shape: got 100 x 64.*multiples of 32"):
        build_model(name, (100, 64), 4)


def test_sm_networks_normalise_by_the_quick_operation(grey_model):
    """As ours do, with and without a scale of its own; the numbers are Keras's."""
    unet = grey_model.layers[-2]
    norms = [layer for layer in unet.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms and all(isinstance(layer, FusedBatchNormalization) for layer in norms)
    scaleless = next(layer for layer in norms if layer.gamma is None)
    inputs = np.random.default_rng(0).random((2, 4, 4, scaleless.input.shape[-1]), np.float32)
    usual = keras.layers.BatchNormalization(scale=False, epsilon=scaleless.epsilon)
    usual.build(inputs.shape)
    usual.set_weights(scaleless.get_weights())
    for training in (False, True):
        expected = usual(inputs, training=training)
        np.testing.assert_allclose(scaleless(inputs, training=training), expected, atol=1e-4)
