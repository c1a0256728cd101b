"""The project's own network: a small residual U-Net that spends its work where a processor is quick.

At the images' own size every pass over the pixels costs as much as many multiplications deeper down, so the first
convolution halves the image at once, and the last one gives the four pixels of each place together.
"""

import keras
from keras import layers, ops

from helpers.models.parts import cut, normed_convolution, residual_encoder


def steel_unet(
    shape,
    num_classes,
    channels=1,
    grey_mean=0.0,
    grey_deviation=1.0,
    stem=16,
    widths=(32, 64, 96, 112),
    depths=(1, 2, 2, 1),
):
    """A residual U-Net of about 1.2 million weights, for images of any size.

    Args:
        shape: (height, width) of the input in pixels, or (None, None) for images of any size.
        num_classes: number of sigmoid outputs.
        channels: 1 for grey, 3 for colour.
        grey_mean: taken away from the grey values first, a fraction of white.
        grey_deviation: what they are divided by then, a fraction of white.
        stem: filters at half the size.
        widths: filters of each level below, each half as large as the one above.
        depths: residual blocks of each of these levels.

    Returns:
        keras.Model from images in [0, 1] to probabilities (batch, height, width, classes).

    Raises:
        ValueError: a number makes no network, or is beyond all measure.
    """
    inputs, skips = residual_encoder(shape, channels, grey_mean, grey_deviation, stem, widths, depths)
    outputs = skips.pop()
    for level in range(len(skips) - 1, -1, -1):
        filters = skips[level].shape[-1]
        outputs = normed_convolution(outputs, filters, f"decoder_{level}_squeeze", kernel=1)
        outputs = UpsampleTo(name=f"decoder_{level}_up")([outputs, skips[level]])
        outputs = layers.Concatenate(name=f"decoder_{level}_join")([outputs, skips[level]])
        outputs = normed_convolution(outputs, filters, f"decoder_{level}")
    outputs = layers.Conv2D(4 * num_classes, 1, name="four_pixels")(outputs)
    outputs = PixelsOfPlaces(name="pixels")([outputs, inputs])
    outputs = layers.Activation("sigmoid", dtype="float32", name="probabilities")(outputs)
    return keras.Model(inputs, outputs, name="steel_unet")


@keras.saving.register_keras_serializable("helpers")
class UpsampleTo(layers.Layer):
    """Doubles the size of the first tensor, and cuts it to that of the second, which may be odd."""

    def call(self, inputs):
        """Tensor of the second one's height and width."""
        coarse, fine = inputs
        return cut(ops.repeat(ops.repeat(coarse, 2, axis=1), 2, axis=2), fine)

    def compute_output_shape(self, input_shape):
        """Shape of the result."""
        coarse, fine = input_shape
        return (*fine[:3], coarse[-1])


@keras.saving.register_keras_serializable("helpers")
class PixelsOfPlaces(layers.Layer):
    """Lays out four pixels for each place of the first tensor, and cuts the result to the size of the second."""

    def call(self, inputs):
        """Tensor of the second one's height and width, with a fourth of the first one's channels."""
        places, image = inputs
        return cut(ops.depth_to_space(places, 2, data_format="channels_last"), image)

    def compute_output_shape(self, input_shape):
        """Shape of the result."""
        places, image = input_shape
        return (*image[:3], places[-1] // 4)
