"""The Res-U-Net that a published two-stage system puts behind its classifier."""

import keras
from keras import layers

from helpers.models.parts import (
    MAX_FILTERS,
    check_grey,
    check_numbers,
    check_shape,
    normed_convolution,
    residual_block,
    standardise,
)

LEVELS = 4


def resunet(shape, num_classes, channels=1, grey_mean=0.0, grey_deviation=1.0, filters=16):
    """A U-Net of residual blocks: four levels whose filters double, and a residual bottleneck.

    The first level is a 3x3 convolution with batch norm and ReLU, the others residual blocks, with 2x2 pooling between
    them; on the way up the size is doubled, the skip joined, and a residual block follows. How many filters the first
    level has is not published; 16 are our choice.

    Args:
        shape: (height, width) of the input in pixels, both multiples of 16.
        num_classes: number of sigmoid outputs.
        channels: 1 for grey, 3 for colour.
        grey_mean: taken away from the grey values first, a fraction of white.
        grey_deviation: what they are divided by then, a fraction of white.
        filters: of the first level.

    Returns:
        keras.Model from images in [0, 1] to probabilities (batch, height, width, classes).

    Raises:
        ValueError: a number makes no network, or is beyond all measure.

    Source:
        Zhang, Liu and Wang (2018), doi:10.1109/LGRS.2018.2802944, for the kind of network.
    """
    shape = check_shape(shape, multiple=2**LEVELS)
    check_grey(grey_mean, grey_deviation)
    (filters,) = check_numbers("filters", [filters], 1, MAX_FILTERS)
    inputs = keras.Input((*shape, channels), name="image")
    outputs = standardise(inputs, grey_mean, grey_deviation)
    skips = []
    for level in range(1, LEVELS + 1):
        block = normed_convolution if level == 1 else residual_block
        outputs = block(outputs, filters * 2 ** (level - 1), f"encoder_{level}")
        skips.append(outputs)
        outputs = layers.MaxPooling2D(2, name=f"encoder_{level}_pool")(outputs)
    outputs = residual_block(outputs, filters * 2**LEVELS, "bottleneck")
    for level in range(LEVELS, 0, -1):
        outputs = layers.UpSampling2D(2, name=f"decoder_{level}_up")(outputs)
        outputs = layers.Concatenate(name=f"decoder_{level}_join")([outputs, skips[level - 1]])
        outputs = residual_block(outputs, filters * 2 ** (level - 1), f"decoder_{level}")
    outputs = layers.Conv2D(num_classes, 1, activation="sigmoid", dtype="float32", name="probabilities")(outputs)
    return keras.Model(inputs, outputs, name="resunet")
