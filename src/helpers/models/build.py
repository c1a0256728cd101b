"""Networks by name."""

import inspect
import math
import numbers

import keras
from keras import layers

from helpers.models.sm import sm_unet
from helpers.models.steel_unet import steel_unet

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
        ValueError: `grey_mean` is no number, or `grey_deviation` is none above 0.
    """
    if not _is_moderate(grey_mean) or not _is_moderate(grey_deviation) or grey_deviation <= 0:
        raise ValueError(
            f"grey_mean, grey_deviation: got {grey_mean!r} and {grey_deviation!r}, expected fractions of white, the "
            "second above 0. Are all images of one grey? Leave both out to take the grey values as they are."
        )
    inputs = keras.Input((*shape, channels), name="image")
    outputs = layers.Rescaling(1 / grey_deviation, offset=-grey_mean / grey_deviation, name="standardise")(inputs)
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
    outputs = layers.Conv2D(num_classes, 1, activation="sigmoid", name="probabilities")(outputs)
    return keras.Model(inputs, outputs, name="unet_paper")


BUILDERS = {"unet_paper": unet_paper, "steel_unet": steel_unet, "sm_unet": sm_unet}
MAX_PIXELS, MAX_CLASSES = 4096 * 4096, 1000


def build_model(name, shape, num_classes, /, **arguments):
    """Build a network by its name.

    Args:
        name: one of `BUILDERS`.
        shape: (height, width) of the input in pixels.
        num_classes: number of defect classes.
        **arguments: what that network takes besides.

    Returns:
        keras.Model, not compiled, with fresh weights.

    Raises:
        ValueError: there is no network of that name, or what it is given makes no network. Nothing large is built
            to find that out, since a bundle may come from a stranger.
    """
    if name not in BUILDERS:
        raise ValueError(f"model: got {name!r}, which is not known. Choose one of: {', '.join(sorted(BUILDERS))}.")
    shape = _check_shape(shape)
    if not _is_whole(num_classes) or not 1 <= num_classes <= MAX_CLASSES:
        raise ValueError(
            f"num_classes: got {num_classes!r}, expected a whole number from 1 to {MAX_CLASSES}. "
            "Take it from the data set."
        )
    taken = set(inspect.signature(BUILDERS[name]).parameters) - {"shape", "num_classes"}
    strange = sorted(set(arguments) - taken)
    if strange:
        raise ValueError(
            f"{name} takes no {', '.join(strange)}; expected none but {', '.join(sorted(taken))}. Leave it out."
        )
    channels = arguments.get("channels", 1)
    if not _is_whole(channels) or channels not in (1, 3):
        raise ValueError(f"channels: got {channels!r}, expected 1 or 3. Take 1 for grey images, 3 for colour.")
    return BUILDERS[name](shape, num_classes, **arguments)


def _check_shape(shape):
    """The shape as a tuple of int, both multiples of 32 and not beyond all measure."""
    sides = tuple(shape)
    if len(sides) != 2 or not all(_is_whole(side) and side > 0 and side % 32 == 0 for side in sides):
        raise ValueError(
            f"shape: got {' x '.join(map(str, sides))}; expected height x width in pixels, both multiples of 32, "
            "since the network halves them five times. Take the one that `network_shape` gives."
        )
    if math.prod(sides) > MAX_PIXELS:
        raise ValueError(
            f"shape: got {sides[0]} x {sides[1]}; expected at most {MAX_PIXELS:,} pixels. Scale the images down."
        )
    return tuple(int(side) for side in sides)


def _is_whole(number):
    """Whether it is a whole number of Python or NumPy, and no bool."""
    return isinstance(number, numbers.Integral) and not isinstance(number, bool)


def _is_moderate(number):
    """Whether it is a number of Python or NumPy, and neither NaN nor without measure."""
    return isinstance(number, numbers.Real) and not isinstance(number, bool) and abs(number) <= 1e6


def _two_convolutions(inputs, filters, name):
    """Two 3x3 convolutions with ELU."""
    outputs = layers.Conv2D(filters, 3, padding="same", activation="elu", name=f"{name}_conv1")(inputs)
    return layers.Conv2D(filters, 3, padding="same", activation="elu", name=f"{name}_conv2")(outputs)
