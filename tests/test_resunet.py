"""The Res-U-Net of the two-stage system."""

import numpy as np
import pytest

from helpers.models.build import build_model
from helpers.models.describe import describe_layers


@pytest.fixture(scope="module")
def layers():
    """Its layers by name, for images of 32 x 48 pixels."""
    return {layer["name"]: layer for layer in describe_layers(build_model("resunet", (32, 48), 3))}


def test_resunet_has_four_levels_that_double_and_a_residual_bottleneck(layers):
    """Size and filters of what each level hands on."""
    sizes = {
        "encoder_1_relu": (32, 48, 16),
        "encoder_2_relu": (16, 24, 32),
        "encoder_3_relu": (8, 12, 64),
        "encoder_4_relu": (4, 6, 128),
        "bottleneck_relu": (2, 3, 256),
        "decoder_4_relu": (4, 6, 128),
        "decoder_1_relu": (32, 48, 16),
    }
    assert {name: tuple(layers[name]["shape"]) for name in sizes} == sizes


def test_resunet_is_residual_but_for_its_first_block(layers):
    """A sum in each block, with the skip beside it; the first is one convolution."""
    added = {name.removesuffix("_add") for name, layer in layers.items() if layer["kind"] == "Add"}
    expected = {f"encoder_{level}" for level in (2, 3, 4)} | {f"decoder_{level}" for level in (1, 2, 3, 4)}
    assert added == expected | {"bottleneck"}
    assert layers["encoder_1_norm"]["inputs"] == ["encoder_1_conv"]


def test_resunet_joins_each_level_with_its_skip(layers):
    for level in (1, 2, 3, 4):
        assert layers[f"decoder_{level}_join"]["inputs"] == [f"decoder_{level}_up", f"encoder_{level}_relu"]


def test_resunet_gives_probabilities():
    """In colour, of another width."""
    model = build_model("resunet", (16, 32), 2, channels=3, filters=4)
    found = model.predict_on_batch(np.random.default_rng(0).random((2, 16, 32, 3), np.float32))
    assert found.shape == (2, 16, 32, 2) and 0 < found.min() < found.max() < 1


@pytest.mark.parametrize(
    ("shape", "arguments", "match"),
    [
        ((32, 40), {}, "shape: got 32 x 40.*multiples of 16"),
        ((32, 32), {"filters": 0}, r"filters: got \[0\], expected"),
        ((32, 32), {"grey_deviation": 0.0}, "grey_deviation: got 0.0 and 0.0"),
    ],
)
def test_resunet_of_wrong_numbers(shape, arguments, match):
    with pytest.raises(ValueError, match=match):
        build_model("resunet", shape, 2, **arguments)
