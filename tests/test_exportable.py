"""Networks of operations that convert well give the same numbers."""

import keras
import numpy as np

from helpers.models.build import build_model
from helpers.models.exportable import exportable


def test_exportable_gives_the_same_numbers():
    """Also where sides are odd, so that what was doubled is cut."""
    model = build_model("steel_unet", (37, 50), 3, channels=1, stem=4, widths=(4, 8), depths=(0, 1))
    image = np.random.default_rng(0).random((2, 37, 50, 1), np.float32)
    np.testing.assert_array_equal(exportable(model)(image), model(image))


def test_exportable_of_layers_of_others():
    """Of any kind of enlarging, and inside of a network within the network."""
    inside = keras.Sequential([keras.Input((4, 6, 2)), keras.layers.UpSampling2D((2, 3))])
    smooth = keras.layers.UpSampling2D(2, interpolation="bilinear")
    model = keras.Sequential([keras.Input((4, 6, 2)), inside, smooth, keras.layers.Conv2D(3, 3)])
    image = np.random.default_rng(0).random((2, 4, 6, 2), np.float32)
    np.testing.assert_array_equal(exportable(model)(image), model(image))
