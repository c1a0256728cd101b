"""Networks that answer for a whole image: is there a defect, and of which classes?

They give their answers at a single place, (batch, 1, 1, answers), so that losses and batches are those of the masks.
"""

import keras
from keras import layers

from helpers.models.parts import (
    MAX_FILTERS,
    MOMENTUM,
    FusedBatchNormalization,
    check_grey,
    check_numbers,
    check_shape,
    residual_encoder,
    standardise,
)

LAST_FEATURES, PROBABILITIES = "features", "probabilities"  # the layers that Grad-CAM looks at


def classifier_resnet50(shape, num_classes, channels=1, grey_mean=0.0, grey_deviation=1.0, dense=256):
    """ResNet50 with average pooling and a head of two dense layers, as a published two-stage system has it.

    How wide the first dense layer is isn't published; 256 are our choice.

    Args:
        shape: (height, width) of the input in pixels, at least 32 a side.
        num_classes: number of sigmoid outputs.
        channels: 1 for grey, 3 for colour.
        grey_mean: taken away from the grey values first, a fraction of white.
        grey_deviation: what they are divided by then, a fraction of white.
        dense: width of the first dense layer.

    Returns:
        keras.Model from images in [0, 1] to probabilities (batch, 1, 1, outputs).

    Raises:
        ValueError: a number makes no network, or is beyond all measure.

    Source:
        He, Zhang, Ren and Sun (2016), doi:10.1109/CVPR.2016.90, by `keras.applications`.
    """
    shape = check_shape(shape, multiple=1)
    check_grey(grey_mean, grey_deviation)
    (dense,) = check_numbers("dense", [dense], 1, MAX_FILTERS)
    if min(shape) < 32:
        raise ValueError(f"shape: got {shape[0]} x {shape[1]}; expected at least 32 pixels a side. Take larger images.")
    inputs = keras.Input((*shape, channels), name="image")
    outputs = standardise(inputs, grey_mean, grey_deviation)
    encoder = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(*shape, channels))
    encoder = keras.models.clone_model(encoder, clone_function=_with_quick_norm)
    outputs = layers.Activation("linear", name=LAST_FEATURES)(encoder(outputs))
    outputs = layers.GlobalAveragePooling2D(keepdims=True, name="mean")(outputs)
    outputs = layers.Dense(dense, activation="relu", name="dense")(outputs)
    outputs = layers.Dense(num_classes, activation="sigmoid", dtype="float32", name=PROBABILITIES)(outputs)
    return keras.Model(inputs, outputs, name="classifier_resnet50")


def _with_quick_norm(layer):
    """A copy of a layer; batch norms by the quick operation, with the momentum that short trainings need."""
    settings = layer.get_config()
    if isinstance(layer, layers.BatchNormalization):
        return FusedBatchNormalization.from_config(settings | {"momentum": MOMENTUM})
    return type(layer).from_config(settings)


def classifier_small(
    shape,
    num_classes,
    channels=1,
    grey_mean=0.0,
    grey_deviation=1.0,
    stem=16,
    widths=(32, 64, 96, 112),
    depths=(1, 2, 2, 1),
):
    """The encoder of `steel_unet` with a head of its own, which trains on a processor and can begin with its weights.

    Besides the mean over the image, its head is given the largest value of each feature: a defect may be a few pixels
    in a long strip, and its trace vanishes in a mean.

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
        keras.Model from images in [0, 1] to probabilities (batch, 1, 1, outputs).

    Raises:
        ValueError: a number makes no network, or is beyond all measure.
    """
    inputs, levels = residual_encoder(shape, channels, grey_mean, grey_deviation, stem, widths, depths)
    outputs = layers.Activation("linear", name=LAST_FEATURES)(levels[-1])
    pooled = [
        layers.GlobalAveragePooling2D(keepdims=True, name="mean")(outputs),
        layers.GlobalMaxPooling2D(keepdims=True, name="largest")(outputs),
    ]
    outputs = layers.Concatenate(name="head_join")(pooled)
    outputs = layers.Dense(num_classes, activation="sigmoid", dtype="float32", name=PROBABILITIES)(outputs)
    return keras.Model(inputs, outputs, name="classifier_small")
