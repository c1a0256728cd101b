"""Networks by name."""

import keras
from keras import layers

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
    """
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


BUILDERS = {"unet_paper": unet_paper}


def build_model(name, shape, num_classes, **arguments):
    """Build a network by its name.

    Args:
        name: one of `BUILDERS`.
        shape: (height, width) of the input in pixels.
        num_classes: number of defect classes.
        **arguments: what that network takes besides.

    Returns:
        keras.Model, not compiled, with fresh weights.

    Raises:
        ValueError: there is no network of that name, or a side of `shape` is no multiple of 32.
    """
    if name not in BUILDERS:
        raise ValueError(f"model {name!r} is not known. Choose one of: {', '.join(sorted(BUILDERS))}.")
    if any(side % 32 or side <= 0 for side in shape):
        raise ValueError(
            f"shape: got {shape[0]} x {shape[1]}; both sides have to be multiples of 32, "
            "since the network halves them five times."
        )
    return BUILDERS[name](tuple(shape), num_classes, **arguments)


def _two_convolutions(inputs, filters, name):
    """Two 3x3 convolutions with ELU."""
    outputs = layers.Conv2D(filters, 3, padding="same", activation="elu", name=f"{name}_conv1")(inputs)
    return layers.Conv2D(filters, 3, padding="same", activation="elu", name=f"{name}_conv2")(outputs)
