"""Where a classifier looks: Grad-CAM."""

import keras
import numpy as np
import tensorflow as tf

from helpers.models.classifiers import LAST_FEATURES, PROBABILITIES


def attention(model, image, output=0):
    """How much each place of the last features speaks for an answer.

    Args:
        model: keras.Model of `helpers.models.classifiers`.
        image: float array (height, width, channels) in [0, 1], at the network's size.
        output: number of the answer, counted from 0.

    Returns:
        float array (rows, columns) in [0, 1], as fine as the last features; 0 everywhere where nothing speaks for it.

    Source:
        Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra (2017), doi:10.1109/ICCV.2017.74.
    """
    last = model.get_layer(PROBABILITIES)
    inside = keras.Model(model.inputs, [model.get_layer(LAST_FEATURES).output, last.input])
    pictures = tf.convert_to_tensor(image)[None]
    with tf.GradientTape() as tape:
        tape.watch(pictures)  # so that what comes of it is recorded
        features, given = inside(pictures, training=False)
        # Before the sigmoid, whose slope vanishes where the network is sure.
        logit = tf.reduce_sum(tf.cast(given[0, 0, 0], tf.float32) * last.kernel[:, output])
    slopes = tape.gradient(logit, features)
    weights = tf.reduce_mean(slopes, axis=(1, 2), keepdims=True)
    seen = np.maximum(np.asarray(tf.reduce_sum(weights * features, axis=-1)[0], float), 0)
    return seen / max(seen.max(), 1e-12)
