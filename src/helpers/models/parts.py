"""What the networks share: checks of what they are given, their first layer, and blocks of layers."""

import math
import numbers

import keras
import tensorflow as tf
from keras import layers, ops

HALVINGS = 5
MOMENTUM = 0.97  # of the batch norms: a short training has few steps to learn the statistics from
MAX_PIXELS, MAX_FILTERS, MAX_BLOCKS, MAX_LEVELS = 4096 * 4096, 1024, 16, 8


def check_shape(shape, multiple=2**HALVINGS):
    """The shape of a network's input as a tuple of int.

    Args:
        shape: (height, width) in pixels.
        multiple: both sides have to be multiples of this many pixels, since the network halves them.

    Raises:
        ValueError: it is none, or beyond all measure.
    """
    sides = tuple(shape)
    if len(sides) != 2 or not all(is_whole(side) and side > 0 and side % multiple == 0 for side in sides):
        wanted = f", both multiples of {multiple}, since the network halves them" if multiple > 1 else ""
        raise ValueError(
            f"shape: got {' x '.join(map(str, sides))}; expected height x width in pixels{wanted}. "
            "Take the one that `network_shape` gives."
        )
    if math.prod(sides) > MAX_PIXELS:
        raise ValueError(
            f"shape: got {sides[0]} x {sides[1]}; expected at most {MAX_PIXELS:,} pixels. Scale the images down."
        )
    return tuple(int(side) for side in sides)


def check_numbers(name, given, least, most):
    """Numbers for the levels of a network as a tuple of int.

    Raises:
        ValueError: they are none, or beyond all measure; the message begins with `name`.
    """
    found = tuple(given) if isinstance(given, (list, tuple)) else ()
    if not 1 <= len(found) <= MAX_LEVELS or not all(is_whole(number) and least <= number <= most for number in found):
        raise ValueError(
            f"{name}: got {given!r}, expected 1 to {MAX_LEVELS} whole numbers from {least} to {most}. "
            "Leave it out for ours."
        )
    return tuple(int(number) for number in found)


def check_grey(grey_mean, grey_deviation):
    """Stop where grey values can't be standardised by these two.

    Raises:
        ValueError: `grey_mean` is no number, or `grey_deviation` is none above 0.
    """
    if not _is_moderate(grey_mean) or not _is_moderate(grey_deviation) or grey_deviation <= 0:
        raise ValueError(
            f"grey_mean, grey_deviation: got {grey_mean!r} and {grey_deviation!r}, expected fractions of white, the "
            "second above 0. Are all images of one grey? Leave both out to take the grey values as they are."
        )


def standardise(inputs, grey_mean, grey_deviation):
    """Take the mean grey value of images in [0, 1] away, and divide by the deviation; both fractions of white."""
    return layers.Rescaling(1 / grey_deviation, offset=-grey_mean / grey_deviation, name="standardise")(inputs)


@keras.saving.register_keras_serializable("helpers")
class FusedBatchNormalization(layers.BatchNormalization):
    """Keras's own over the last axis, by TensorFlow's fused operation: a training takes a third of its time.

    The variance that is remembered is the unbiased one, as in Keras 2.
    """

    def call(self, inputs, training=None, mask=None):
        """Tensor of the same shape, (batch, height, width, channels)."""
        learns = bool(training and self.trainable)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.ones(inputs.shape[-1]) if self.gamma is None else tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=[] if learns else tf.convert_to_tensor(self.moving_mean),
            variance=[] if learns else tf.convert_to_tensor(self.moving_variance),
            epsilon=self.epsilon,
            is_training=learns,
        )
        if learns:
            for remembered, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                remembered.assign(remembered * self.momentum + value * (1.0 - self.momentum))
        return outputs


@keras.saving.register_keras_serializable("helpers")
class CutTo(layers.Layer):
    """Cuts the first tensor to the height and width of the second, which may be odd where the first was doubled."""

    def call(self, inputs):
        """Tensor of the second one's height and width."""
        return cut(*inputs)

    def compute_output_shape(self, input_shape):
        """Shape of the result."""
        tensor, like = input_shape
        return (*like[:3], tensor[-1])


def cut(tensor, like):
    """The top left corner of a tensor, as large as another one."""
    return tensor[:, : ops.shape(like)[1], : ops.shape(like)[2]]


def normed_convolution(inputs, filters, name, kernel=3, strides=1, dilation=1, activation="relu", momentum=MOMENTUM):
    """Convolution, batch norm and ReLU; without the last where `activation` is None."""
    outputs = layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        dilation_rate=dilation,
        padding="same",
        use_bias=False,
        name=f"{name}_conv",
    )(inputs)
    outputs = FusedBatchNormalization(momentum=momentum, name=f"{name}_norm")(outputs)
    return layers.Activation(activation, name=f"{name}_{activation}")(outputs) if activation else outputs


def residual_block(inputs, filters, name, strides=1, dilation=1):
    """Two convolutions, added to what came in; by a 1x1 convolution where its size or its channels change.

    Source:
        He, Zhang, Ren and Sun (2016), doi:10.1109/CVPR.2016.90.
    """
    outputs = normed_convolution(inputs, filters, f"{name}_1", strides=strides, dilation=dilation)
    outputs = normed_convolution(outputs, filters, f"{name}_2", dilation=dilation, activation=None)
    if strides != 1 or inputs.shape[-1] != filters:
        inputs = normed_convolution(inputs, filters, f"{name}_skip", kernel=1, strides=strides, activation=None)
    outputs = layers.Add(name=f"{name}_add")([inputs, outputs])
    return layers.Activation("relu", name=f"{name}_relu")(outputs)


def residual_encoder(shape, channels, grey_mean, grey_deviation, stem, widths, depths):
    """An encoder for images of any size: a stem at half the size, and levels of residual blocks below it.

    Args:
        shape: (height, width) of the input in pixels, or (None, None) for images of any size.
        channels: 1 for grey, 3 for colour.
        grey_mean: taken away from the grey values first, a fraction of white.
        grey_deviation: what they are divided by then, a fraction of white.
        stem: filters at half the size.
        widths: filters of each level below, each half as large as the one above.
        depths: residual blocks of each of these levels.

    Returns:
        (the network's input, list of the outputs of the stem and of each level).

    Raises:
        ValueError: a number makes no network, or is beyond all measure.
    """
    if tuple(shape) != (None, None):
        shape = check_shape(shape, multiple=1)
    check_grey(grey_mean, grey_deviation)
    (stem,) = check_numbers("stem", [stem], 1, MAX_FILTERS)
    widths, depths = check_numbers("widths", widths, 1, MAX_FILTERS), check_numbers("depths", depths, 0, MAX_BLOCKS)
    if len(widths) != len(depths):
        raise ValueError(
            f"widths, depths: got {len(widths)} and {len(depths)} numbers, expected as many of the one as of the other."
        )
    inputs = keras.Input((*shape, channels), name="image")
    outputs = normed_convolution(standardise(inputs, grey_mean, grey_deviation), stem, "stem", strides=2)
    levels = [outputs]
    for level, (filters, blocks) in enumerate(zip(widths, depths, strict=True), start=1):
        outputs = normed_convolution(outputs, filters, f"encoder_{level}_down", strides=2)
        for block in range(1, blocks + 1):
            outputs = residual_block(outputs, filters, f"encoder_{level}_block{block}")
        levels.append(outputs)
    return inputs, levels


def is_whole(number):
    """Whether it is a whole number of Python or NumPy, and no bool."""
    return isinstance(number, numbers.Integral) and not isinstance(number, bool)


def _is_moderate(number):
    """Whether it is a number of Python or NumPy, and neither NaN nor without measure."""
    return isinstance(number, numbers.Real) and not isinstance(number, bool) and abs(number) <= 1e6
