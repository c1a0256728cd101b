"""What the networks share."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from helpers.models.parts import FusedBatchNormalization


@pytest.fixture
def norms():
    """Keras's batch norm and ours, of the same weights; and a batch."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(3, 2, (4, 5, 6, 3)).astype("float32")
    found = []
    for kind in (keras.layers.BatchNormalization, FusedBatchNormalization):
        norm = kind(momentum=0.9)
        norm.build(inputs.shape)
        norm.set_weights(
            [np.float32([1, 2, 3]), np.float32([0.1, 0.2, 0.3]), np.float32([1, 0, 2]), np.float32([4, 1, 2])]
        )
        found.append(norm)
    return *found, inputs


def test_fused_batch_normalization_is_that_of_keras(norms):
    """In training and after it, and what it remembers; the variance by one less than the number of pixels."""
    theirs, ours, inputs = norms
    for training in (False, True):
        np.testing.assert_allclose(ours(inputs, training=training), theirs(inputs, training=training), atol=2e-4)
        pixels = inputs[..., 0].size
        np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, rtol=1e-5)
        np.testing.assert_allclose(ours.moving_variance, theirs.moving_variance, rtol=0.5 / pixels)


def test_fused_batch_normalization_has_the_same_gradients(norms):
    theirs, ours, inputs = norms
    gradients = []
    for norm in (theirs, ours):
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(norm(inputs, training=True) ** 3)
        gradients.append(tape.gradient(value, [weight.value for weight in norm.trainable_weights]))
    for found, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_fused_batch_normalization_that_is_frozen(norms):
    """It goes by what it remembers, and remembers nothing new."""
    _, ours, inputs = norms
    ours.trainable = False
    expected = ours(inputs, training=False)
    np.testing.assert_array_equal(ours(inputs, training=True), expected)
    np.testing.assert_array_equal(ours.moving_mean, [1, 0, 2])


def test_fused_batch_normalization_in_half_precision(norms):
    """Half in, half out; statistics in single precision."""
    _, _, inputs = norms
    norm = FusedBatchNormalization(dtype="mixed_float16")
    outputs = norm(inputs.astype("float16"), training=True)
    assert outputs.dtype == tf.float16 and norm.moving_mean.dtype == "float32"
    np.testing.assert_allclose(np.mean(outputs, axis=(0, 1, 2)), 0, atol=1e-2)
