"""DeepLabv3+ in Keras layers."""

import numpy as np
import pytest

from helpers.models.build import build_model
from helpers.models.describe import describe_layers

NARROW = {"filters": 4, "pyramid": 8}


@pytest.fixture(scope="module")
def model():
    return build_model("deeplabv3plus", (32, 48), 3, **NARROW)


def test_deeplabv3plus_keeps_a_sixteenth_and_looks_wide(model):
    """The last stage is dilated instead of halved; the pyramid has the published rates, and the whole image."""
    layers = {layer["name"]: layer for layer in describe_layers(model)}
    assert tuple(layers["stage3_block2_relu"]["shape"]) == (2, 3, 16)
    assert tuple(layers["stage4_block2_relu"]["shape"]) == (2, 3, 32)
    assert model.get_layer("stage4_block2_1_conv").dilation_rate == (2, 2)
    rates = {rate: model.get_layer(f"pyramid_{rate}_conv").dilation_rate for rate in (6, 12, 18)}
    assert rates == {rate: (rate, rate) for rate in rates}
    joined = ["pyramid_whole_up", "pyramid_1_relu", "pyramid_6_relu", "pyramid_12_relu", "pyramid_18_relu"]
    assert layers["pyramid_join"]["inputs"] == joined
    assert layers["decoder_join"]["inputs"] == ["decoder_up", "low_level_relu"]
    assert tuple(layers["low_level_relu"]["shape"]) == (8, 12, 48)


def test_deeplabv3plus_gives_probabilities(model):
    found = model.predict_on_batch(np.random.default_rng(0).random((2, 32, 48, 1), np.float32))
    assert found.shape == (2, 32, 48, 3) and found.dtype == np.float32
    assert 0 < found.min() < found.max() < 1


def test_deeplabv3plus_of_a_wrong_shape():
    with pytest.raises(ValueError, match="shape: got 40 x 32.*multiples of 16"):
        build_model("deeplabv3plus", (40, 32), 3)
