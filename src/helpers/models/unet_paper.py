"""The paper's small U-Net, and the wider one that it wishes for."""

import keras
from keras import layers

from helpers.models.parts import CutTo, check_grey, check_shape, standardise

# Filters of the encoder's levels, of the bottom, and of the decoder's levels.
PAPER = (8, 16, 32, 64, 64), 128, (64, 32, 32, 16, 8)
WIDE = (16, 32, 64, 128, 128, 128), 256, (128, 128, 64, 64, 32, 16)


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
    return _u_net("unet_paper", shape, num_classes, channels, (grey_mean, grey_deviation), *PAPER)


def unet_wide(shape, num_classes, channels=1, grey_mean=0.0, grey_deviation=1.0):
    """The paper's U-Net with twice the filters and one level more, as its section on future work wishes.

    Six encoder levels of 16, 32, 64, 128, 128 and 128 filters, a bottom of 256, and the decoder to match; otherwise as
    `unet_paper`. A side that the sixth level can't halve is halved upwards, and cut again on the way up. That the level
    added has as many filters as the one above it is our choice.

    Args, Returns, Raises:
        As `unet_paper`.
    """
    return _u_net("unet_wide", shape, num_classes, channels, (grey_mean, grey_deviation), *WIDE)


def _u_net(name, shape, num_classes, channels, greys, encoder, bottom, decoder):
    """A U-Net of levels with two convolutions each."""
    shape = check_shape(shape)
    check_grey(*greys)
    inputs = keras.Input((*shape, channels), name="image")
    outputs = standardise(inputs, *greys)
    skips = []
    for level, filters in enumerate(encoder, start=1):
        outputs = _two_convolutions(outputs, filters, f"encoder_{level}")
        skips.append(outputs)
        outputs = layers.MaxPooling2D(2, padding="same", name=f"encoder_{level}_pool")(outputs)
    outputs = _two_convolutions(outputs, bottom, "bottom")
    for filters, level in zip(decoder, range(len(skips), 0, -1), strict=True):
        skip = skips[level - 1]
        outputs = layers.Conv2DTranspose(filters, 2, strides=2, name=f"decoder_{level}_up")(outputs)
        if outputs.shape[1:3] != skip.shape[1:3]:
            outputs = CutTo(name=f"decoder_{level}_cut")([outputs, skip])
        outputs = layers.Concatenate(name=f"decoder_{level}_join")([outputs, skip])
        outputs = _two_convolutions(outputs, filters, f"decoder_{level}")
    outputs = layers.Conv2D(num_classes, 1, activation="sigmoid", dtype="float32", name="probabilities")(outputs)
    return keras.Model(inputs, outputs, name=name)


def _two_convolutions(inputs, filters, name):
    """Two 3x3 convolutions with ELU."""
    outputs = layers.Conv2D(filters, 3, padding="same", activation="elu", name=f"{name}_conv1")(inputs)
    return layers.Conv2D(filters, 3, padding="same", activation="elu", name=f"{name}_conv2")(outputs)
