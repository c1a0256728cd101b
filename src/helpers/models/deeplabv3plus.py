"""DeepLabv3+ in Keras layers, on a residual encoder of 18 layers.

`keras-hub` has one too, but brings `tensorflow-text`, two tokenizers and two download clients along; nothing else here
has a use for them.
"""

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

DILATIONS = (6, 12, 18)
STAGES = ((1, 1, 1), (2, 2, 1), (4, 2, 1), (8, 1, 2))  # filters in `filters`, stride, and dilation
LOW_LEVEL_FILTERS = 48


def deeplabv3plus(shape, num_classes, channels=1, grey_mean=0.0, grey_deviation=1.0, filters=64, pyramid=256):
    """An encoder to a sixteenth of the size, a pyramid of dilated convolutions, and a decoder from a quarter.

    The encoder is a ResNet of 18 layers whose last stage is dilated in the place of a fourth halving after the stem.

    Args:
        shape: (height, width) of the input in pixels, both multiples of 16.
        num_classes: number of sigmoid outputs.
        channels: 1 for grey, 3 for colour.
        grey_mean: taken away from the grey values first, a fraction of white.
        grey_deviation: what they are divided by then, a fraction of white.
        filters: of the encoder's first stage; they double from stage to stage.
        pyramid: filters of the pyramid's branches and of the decoder.

    Returns:
        keras.Model from images in [0, 1] to probabilities (batch, height, width, classes).

    Raises:
        ValueError: a number makes no network, or is beyond all measure.

    Source:
        Chen, Zhu, Papandreou, Schroff and Adam (2018), doi:10.1007/978-3-030-01234-2_49; the encoder of He, Zhang, Ren
        and Sun (2016), doi:10.1109/CVPR.2016.90.
    """
    shape = check_shape(shape, multiple=16)
    check_grey(grey_mean, grey_deviation)
    filters, pyramid = check_numbers("filters, pyramid", [filters, pyramid], 1, MAX_FILTERS)
    inputs = keras.Input((*shape, channels), name="image")
    outputs = standardise(inputs, grey_mean, grey_deviation)
    outputs = normed_convolution(outputs, filters, "stem", kernel=7, strides=2)
    outputs = layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(outputs)
    for stage, (widening, strides, dilation) in enumerate(STAGES, start=1):
        outputs = residual_block(outputs, filters * widening, f"stage{stage}_block1", strides, dilation)
        outputs = residual_block(outputs, filters * widening, f"stage{stage}_block2", dilation=dilation)
        if stage == 1:
            low_level = normed_convolution(outputs, LOW_LEVEL_FILTERS, "low_level", kernel=1)
    outputs = _spatial_pyramid(outputs, pyramid)
    outputs = layers.UpSampling2D(4, interpolation="bilinear", name="decoder_up")(outputs)
    outputs = layers.Concatenate(name="decoder_join")([outputs, low_level])
    outputs = normed_convolution(outputs, pyramid, "decoder_1")
    outputs = normed_convolution(outputs, pyramid, "decoder_2")
    outputs = layers.Conv2D(num_classes, 1, dtype="float32", name="scores")(outputs)
    outputs = layers.UpSampling2D(4, interpolation="bilinear", dtype="float32", name="scores_up")(outputs)
    outputs = layers.Activation("sigmoid", dtype="float32", name="probabilities")(outputs)
    return keras.Model(inputs, outputs, name="deeplabv3plus")


def _spatial_pyramid(inputs, filters):
    """The same features seen at several distances, and as the mean of the whole image, joined."""
    height, width = inputs.shape[1:3]
    whole = layers.GlobalAveragePooling2D(keepdims=True, name="pyramid_mean")(inputs)
    whole = normed_convolution(whole, filters, "pyramid_whole", kernel=1)
    branches = [
        layers.UpSampling2D((height, width), name="pyramid_whole_up")(whole),
        normed_convolution(inputs, filters, "pyramid_1", kernel=1),
        *(normed_convolution(inputs, filters, f"pyramid_{rate}", dilation=rate) for rate in DILATIONS),
    ]
    outputs = layers.Concatenate(name="pyramid_join")(branches)
    return normed_convolution(outputs, filters, "pyramid", kernel=1)
