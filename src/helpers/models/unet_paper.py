"""The paper's small U-Net."""

import keras
from keras import layers

from helpers.models.parts import check_grey, check_shape, standardise

PAPER_ENCODER = (8, 16, 32, 64, 64)
PAPER_BOTTOM = 128
PAPER_DECODER = (64, 32, 32, 16, 8)


def unet_paper(shape, num_classes, channels=1, grey_mean=0.0, grey_deviation=1.0):
    """The paper's small U-Net, layer for layer.

    Five encoder levels of 8, 16, 32, 64 and 64 filters, a bottom of 128, five decoder levels of 64, 32, 32, 16 and 8;
    each level has two 3x3 convolutions with ELU. 600,756 parameters for 3 channels and 4 classes, 600,612 for one.

    Args:
        shape: (height, width) of the input in pixels, both multiples of 32.
        num_classes: number of sigmoid outputs.
        channels: 1 for grey, 3 for colour.
        grey_mean: taken away from the grey values first, a fraction of white; the paper doesn't tell what it did.
        grey_deviation: what they are divided by then, a fraction of white.

    Returns:
        keras.Model from images in [0, 1] to probabilities (batch, height, width, classes).

    Raises:
        ValueError: the shape is another, `grey_mean` is no number, or `grey_deviation` is none above 0.
    """
    shape = check_shape(shape)
    check_grey(grey_mean, grey_deviation)
    inputs = keras.Input((*shape, channels), name="image")
    outputs = standardise(inputs, grey_mean, grey_deviation)
    skips = []
    for level, filters in enumerate(PAPER_ENCODER, start=1):
        outputs = _two_convolutions(outputs, filters, f"encoder_{level}")
        skips.append(outputs)
        outputs = layers.MaxPooling2D(2, name=f"encoder_{level}_pool")(outputs)
    outputs = _two_convolutions(outputs, PAPER_BOTTOM, "bottom")
    for filters, level in zip(PAPER_DECODER, range(len(skips), 0, -1), strict=True):
        outputs = layers.Conv2DTranspose(filters, 2, strides=2, name=f"decoder_{level}_up")(outputs)
        outputs = layers.Concatenate(name=f"decoder_{level}_join")([outputs, skips[level - 1]])
        outputs = _two_convolutions(outputs, filters, f"decoder_{level}")
    outputs = layers.Conv2D(num_classes, 1, activation="sigmoid", dtype="float32", name="probabilities")(outputs)
    return keras.Model(inputs, outputs, name="unet_paper")


def _two_convolutions(inputs, filters, name):
    """Two 3x3 convolutions with ELU."""
    outputs = layers.Conv2D(filters, 3, padding="same", activation="elu", name=f"{name}_conv1")(inputs)
    return layers.Conv2D(filters, 3, padding="same", activation="elu", name=f"{name}_conv2")(outputs)
