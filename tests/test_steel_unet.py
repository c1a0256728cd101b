"""The project's own network."""

import keras
import numpy as np
import pytest

from helpers.models.build import build_model
from helpers.models.bundle import load_bundle, save_bundle
from helpers.models.describe import count_multiply_adds, describe_layers


@pytest.fixture(scope="module")
def model():
    """For images of 50 x 70 pixels, which no halving divides."""
    keras.utils.set_random_seed(1)
    return build_model("steel_unet", (50, 70), 3)


def test_steel_unet_of_any_size(model):
    """The same weights take images of every size, even of one pixel, and give probabilities for each pixel."""
    free = build_model("steel_unet", (None, None), 3)
    free.set_weights(model.get_weights())
    rng = np.random.default_rng(0)
    for shape in [(50, 70), (64, 64), (33, 97), (1, 1), (5, 160)]:
        images = rng.random((2, *shape, 1), np.float32)
        found = free.predict_on_batch(images)
        assert found.shape == (2, *shape, 3) and found.dtype == np.float32
        assert 0 <= found.min() <= found.max() <= 1
    images = rng.random((2, 50, 70, 1), np.float32)
    np.testing.assert_allclose(free.predict_on_batch(images), model.predict_on_batch(images), atol=1e-6)


def test_steel_unet_lays_its_pixels_out_in_place(model):
    """A change at one pixel moves the probabilities around it most."""
    images = np.full((1, 50, 70, 1), 0.5, np.float32)
    changed = images.copy()
    changed[0, 12, 57, 0] = 1
    moved = np.abs(model.predict_on_batch(changed) - model.predict_on_batch(images))[0].sum(axis=-1)
    row, column = np.unravel_index(moved.argmax(), moved.shape)
    assert abs(row - 12) <= 2 and abs(column - 57) <= 2


def test_steel_unet_is_small_enough_to_ship(model, tmp_path):
    """At most 5 MB on disk; saved and loaded it gives the same."""
    bundle = save_bundle(
        tmp_path, model, architecture="steel_unet", arguments={}, input_shape=(50, 70), channels=1,
        class_names=list("abc"), thresholds=[0.5] * 3, training={}, scores={},
    )  # fmt: skip
    assert (tmp_path / bundle["weights"]).stat().st_size < 5e6
    loaded, _ = load_bundle(tmp_path)
    images = np.random.default_rng(0).random((1, 50, 70, 1), np.float32)
    np.testing.assert_array_equal(loaded.predict_on_batch(images), model.predict_on_batch(images))


def test_steel_unet_takes_its_widths_from_the_arguments():
    """A narrow one, in colour."""
    narrow = build_model("steel_unet", (32, 32), 2, channels=3, stem=4, widths=[8, 12], depths=[0, 1])
    assert narrow.input_shape == (None, 32, 32, 3) and narrow.output_shape == (None, 32, 32, 2)
    assert narrow.count_params() < 10_000
    blocks = [layer["name"] for layer in describe_layers(narrow) if "block" in layer["name"]]
    assert blocks[0] == "encoder_2_block1_1_conv"


@pytest.mark.parametrize(
    ("shape", "arguments", "match"),
    [
        ((0, 64), {}, "shape: got 0 x 64"),
        ((None, 64), {}, "shape: got None x 64"),
        ((5000, 5000), {}, "at most 16,777,216 pixels"),
        ((64, 64), {"stem": 0}, r"stem: got \[0\]"),
        ((64, 64), {"stem": True}, r"stem: got \[True\]"),
        ((64, 64), {"widths": [32, 10**9], "depths": [1, 1]}, "widths: got"),
        ((64, 64), {"widths": [], "depths": []}, r"widths: got \[\]"),
        ((64, 64), {"widths": [8] * 9, "depths": [1] * 9}, "expected 1 to 8 whole numbers"),
        ((64, 64), {"depths": [1, 2, 2, 1000]}, "depths: got"),
        ((64, 64), {"depths": "1111"}, "depths: got '1111'"),
        ((64, 64), {"depths": [1]}, "got 4 and 1 numbers"),
        ((64, 64), {"grey_deviation": 0}, "grey_deviation: got|and 0, expected fractions"),
    ],
)
def test_steel_unet_of_numbers_that_make_no_network(shape, arguments, match):
    with pytest.raises(ValueError, match=match):
        build_model("steel_unet", shape, 3, **arguments)


def test_count_multiply_adds_worked_by_hand():
    """3x3 of 1 to 4 channels at 4 x 4; 2x2 transposed of 4 to 2 from 4 x 4; dense of 128 to 3; depthwise and 1x1."""
    image = keras.Input((4, 4, 1))
    outputs = keras.layers.Conv2D(4, 3, padding="same")(image)
    outputs = keras.layers.Conv2DTranspose(2, 2, strides=2)(outputs)
    outputs = keras.layers.SeparableConv2D(3, 3, padding="same")(outputs)
    outputs = keras.layers.Dense(3)(keras.layers.Flatten()(outputs))
    expected = 9 * 4 * 16 + 4 * 4 * 2 * 16 + (9 * 2 + 2 * 3) * 64 + 192 * 3
    assert count_multiply_adds(keras.Model(image, outputs)) == expected


def test_count_multiply_adds_looks_into_networks_inside():
    """Twice the convolution."""
    inner_image, image = keras.Input((4, 4, 1)), keras.Input((4, 4, 1))
    inner = keras.Model(inner_image, keras.layers.Conv2D(1, 3, padding="same")(inner_image))
    outer = keras.Model(image, keras.layers.Conv2D(1, 3, padding="same")(inner(image)))
    assert count_multiply_adds(outer) == 2 * 9 * 16
