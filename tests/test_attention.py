"""Grad-CAM."""

import keras
import numpy as np
import pytest

from helpers.models.attention import attention
from helpers.models.build import build_model


@pytest.mark.parametrize("name", ["classifier_small", "classifier_resnet50"])
def test_attention_is_a_map_of_the_last_features(name):
    """Of the features' size, between 0 and 1."""
    keras.utils.set_random_seed(1)
    model = build_model(name, (64, 96), 4)
    image = np.random.default_rng(0).random((64, 96, 1), np.float32)
    maps = [attention(model, image, output) for output in range(4)]
    for seen in maps:
        assert seen.shape == tuple(model.get_layer("features").output.shape[1:3]) and seen.min() >= 0
    assert max(seen.max() for seen in maps) == pytest.approx(1)  # something speaks for one of four answers


def test_attention_lights_up_where_the_answer_comes_from():
    """A network that answers by how bright a pixel is looks at the bright one."""
    image = keras.Input((4, 6, 1))
    features = keras.layers.Activation("linear", name="features")(image)
    pooled = keras.layers.GlobalMaxPooling2D(keepdims=True)(features)
    answer = keras.layers.Dense(1, activation="sigmoid", kernel_initializer="ones", name="probabilities")(pooled)
    picture = np.zeros((4, 6, 1), np.float32)
    picture[2, 5] = 1
    seen = attention(keras.Model(image, answer), picture)
    assert np.unravel_index(seen.argmax(), seen.shape) == (2, 5) and seen.max() == pytest.approx(1)
    minus = keras.initializers.Constant(-1)
    negative = keras.layers.Dense(1, activation="sigmoid", kernel_initializer=minus, name="probabilities")(pooled)
    assert attention(keras.Model(image, negative), picture).max() == 0


def test_attention_sees_where_the_network_is_sure():
    """Also where the sigmoid has no slope left."""
    image = keras.Input((4, 6, 1))
    features = keras.layers.Activation("linear", name="features")(image)
    pooled = keras.layers.GlobalMaxPooling2D(keepdims=True)(features)
    large = keras.initializers.Constant(100)
    answer = keras.layers.Dense(1, activation="sigmoid", kernel_initializer=large, name="probabilities")(pooled)
    picture = np.zeros((4, 6, 1), np.float32)
    picture[1, 2] = 1
    assert np.unravel_index(attention(keras.Model(image, answer), picture).argmax(), (4, 6)) == (1, 2)
