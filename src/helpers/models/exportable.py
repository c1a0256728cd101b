"""A network as other engines run it quickest: the same numbers by operations that their converters know.

Keras enlarges by repeating rows and columns, which becomes a chain of general operations that run slowly, and in 8 bits
keep the convolutions around them from running in one go. Scaling by the nearest pixel is a single one.
"""

import keras
from keras import layers, ops

from helpers.models.parts import cut
from helpers.models.steel_unet import PixelsOfPlaces, UpsampleTo


def exportable(model):
    """The same network with the same weights, of operations that run quickly elsewhere.

    Args:
        model: keras.Model for images of one size.

    Returns:
        keras.Model that gives the same numbers.
    """
    twin = keras.models.clone_model(model, clone_function=_exchange, recursive=True)
    twin.set_weights(model.get_weights())
    return twin


def _exchange(layer):
    """A layer of the same settings, of the class that is exported in its place."""
    return EXCHANGED.get(type(layer), type(layer)).from_config(layer.get_config())


class _Upsample(layers.UpSampling2D):
    """Enlarges by the nearest pixel, or as it did where it did otherwise."""

    def call(self, inputs):
        if self.interpolation != "nearest":
            return super().call(inputs)
        return _enlarge(inputs, self.size)


class _UpsampleTo(UpsampleTo):
    def call(self, inputs):
        coarse, fine = inputs
        return _cut_where_larger(_enlarge(coarse, (2, 2)), fine)


class _PixelsOfPlaces(PixelsOfPlaces):
    def call(self, inputs):
        places, image = inputs
        return _cut_where_larger(ops.depth_to_space(places, 2, data_format="channels_last"), image)


def _enlarge(tensor, factors):
    """A tensor with every pixel several times: `factors` times down and across."""
    shape = tuple(side * factor for side, factor in zip(tensor.shape[1:3], factors, strict=True))
    return ops.image.resize(tensor, shape, interpolation="nearest", data_format="channels_last")


def _cut_where_larger(tensor, like):
    """As `cut`, without an operation where nothing is to be cut."""
    return tensor if tensor.shape[1:3] == like.shape[1:3] else cut(tensor, like)


EXCHANGED = {layers.UpSampling2D: _Upsample, UpsampleTo: _UpsampleTo, PixelsOfPlaces: _PixelsOfPlaces}
