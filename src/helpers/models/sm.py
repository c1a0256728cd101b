"""Networks on the encoders of the package `segmentation-models`, which no other module imports."""

import importlib
import io
import os
import types
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from urllib.error import HTTPError

import keras
import numpy as np
from keras import layers, ops

from helpers.data.resize import network_shape
from helpers.models.parts import MOMENTUM, FusedBatchNormalization, check_grey, check_shape, standardise

INSTALL = "pip install segmentation-models==1.0.1"
PREPROCESSING = ("standardise", "imagenet")
SMALLEST_SIDES = {"inceptionv3": 96}  # the package asks for 75 pixels
SLASHED = ("Activation", "BatchNormalization", "Conv2D")
PSPNET_MULTIPLE = 48  # pixels
MODULES = ("unet", "fpn", "pspnet")


def sm_unet(
    shape, num_classes, channels=3, encoder="resnet18", preprocess="standardise", grey_mean=0.0, grey_deviation=1.0
):
    """A U-Net on an encoder of `segmentation-models`, with the images' preprocessing inside.

    Built from code alone: nothing is downloaded. `load_encoder_weights` gives the encoder its weights, once, before
    training; a bundle needs the arguments here and not the weights' source.

    Args:
        shape: (height, width) of the input in pixels, both multiples of 32; for inceptionv3 at least 96.
        num_classes: number of sigmoid outputs.
        channels: 1 for grey, 3 for colour.
        encoder: one of `encoder_names()`.
        preprocess: "imagenet" for an encoder with weights from ImageNet: it is given what its authors gave it, a grey
            image as three equal channels. "standardise" takes the images as `unet_paper` does.
        grey_mean: taken away from the grey values first, a fraction of white; for "standardise" only.
        grey_deviation: what they are divided by then, a fraction of white; for "standardise" only.

    Returns:
        keras.Model from images in [0, 1] to probabilities (batch, height, width, classes). Its last layer but one
        is the U-Net up to its 16 features a pixel, named after its encoder.

    Raises:
        ImportError: `segmentation-models` is missing or broken.
        ValueError: there is no encoder or preprocessing of that name, or the numbers don't make sense.

    Source:
        Iakubovskii (2019), Segmentation Models, https://github.com/qubvel/segmentation_models, version 1.0.1.
    """
    shape = _check_arguments(shape, encoder, preprocess, grey_mean, grey_deviation)
    inputs, outputs = _preprocessed(shape, channels, encoder, preprocess, grey_mean, grey_deviation)
    outputs = _features("unet", "Unet", "final_conv", encoder, outputs)
    outputs = layers.Conv2D(
        num_classes, 3, padding="same", activation="sigmoid", dtype="float32", name="probabilities"
    )(outputs)
    return keras.Model(inputs, outputs, name="sm_unet")


def sm_fpn(
    shape, num_classes, channels=3, encoder="resnet18", preprocess="standardise", grey_mean=0.0, grey_deviation=1.0
):
    """A feature pyramid network on an encoder of `segmentation-models`; otherwise as `sm_unet`.

    Source:
        Lin, Dollár, Girshick, He, Hariharan and Belongie (2017), doi:10.1109/CVPR.2017.106, by the package.
    """
    shape = _check_arguments(shape, encoder, preprocess, grey_mean, grey_deviation)
    inputs, outputs = _preprocessed(shape, channels, encoder, preprocess, grey_mean, grey_deviation)
    outputs = _features("fpn", "FPN", "head_conv", encoder, outputs)
    return keras.Model(inputs, _probabilities(outputs, num_classes, shape), name="sm_fpn")


def sm_pspnet(
    shape, num_classes, channels=3, encoder="resnet18", preprocess="standardise", grey_mean=0.0, grey_deviation=1.0
):
    """A pyramid scene parsing network on an encoder of `segmentation-models`; otherwise as `sm_unet`.

    The package's takes sides that are multiples of 48 pixels alone, so that images are scaled to the nearest such size
    inside, and the probabilities back.

    Source:
        Zhao, Shi, Qi, Wang and Jia (2017), doi:10.1109/CVPR.2017.660, by the package.
    """
    shape = _check_arguments(shape, encoder, preprocess, grey_mean, grey_deviation)
    inputs, outputs = _preprocessed(shape, channels, encoder, preprocess, grey_mean, grey_deviation)
    inside = network_shape(shape, 0, multiple=PSPNET_MULTIPLE)
    outputs = layers.Resizing(*inside, name="to_multiples_of_48")(outputs)
    outputs = _features("pspnet", "PSPNet", "final_conv", encoder, outputs)
    return keras.Model(inputs, _probabilities(outputs, num_classes, shape), name="sm_pspnet")


def _check_arguments(shape, encoder, preprocess, grey_mean, grey_deviation):
    """The shape as a tuple of int, once all arguments of a network are found to make one."""
    shape = check_shape(shape)
    names = encoder_names()
    if encoder not in names:
        raise ValueError(f"encoder: got {encoder!r}, which is not known. Choose one of: {', '.join(names)}.")
    smallest = SMALLEST_SIDES.get(encoder, 32)
    if min(shape) < smallest:
        raise ValueError(
            f"shape: got {shape[0]} x {shape[1]}; expected at least {smallest} pixels a side for {encoder}. "
            "Take larger images, or another encoder."
        )
    if preprocess not in PREPROCESSING:
        raise ValueError(
            f"preprocess: got {preprocess!r}, which is not known. Choose one of: {', '.join(PREPROCESSING)}."
        )
    check_grey(grey_mean, grey_deviation)
    if preprocess == "imagenet" and (grey_mean, grey_deviation) != (0, 1):
        raise ValueError(
            f"grey_mean, grey_deviation: got {grey_mean!r} and {grey_deviation!r} with preprocess 'imagenet', which "
            "has its own. Leave both out, or take 'standardise'."
        )
    return shape


def _preprocessed(shape, channels, encoder, preprocess, grey_mean, grey_deviation):
    """(the network's input, what its encoder is given)."""
    outputs = inputs = keras.Input((*shape, channels), name="image")
    if preprocess != "imagenet":
        return inputs, standardise(outputs, grey_mean, grey_deviation)
    order, scale, offset = published_preprocessing(encoder)
    if channels == 1:
        order = (0, 0, 0)
    if order != (0, 1, 2):
        outputs = TakeChannels(order, name="channels")(outputs)
    return inputs, layers.Rescaling(scale, offset, name="preprocess")(outputs)


def _features(module, builder, last, encoder, inputs):
    """What a network of the package makes of `inputs`, up to what its last convolution is given.

    That one is ours: of a name and in float32 as elsewhere, and apart from what another number of classes leaves as
    it is.
    """
    build = getattr(getattr(_package(), module), builder)
    network = build(encoder, input_shape=inputs.shape[1:], encoder_weights=None, **_keras_for_package())
    return keras.Model(network.input, network.get_layer(last).input, name=encoder)(inputs)


def _probabilities(features, num_classes, shape):
    """Probabilities at the images' size from features at a part of it."""
    outputs = layers.Conv2D(num_classes, 3, padding="same", dtype="float32", name="scores")(features)
    outputs = layers.Resizing(*shape, dtype="float32", name="to_image_size")(outputs)
    return layers.Activation("sigmoid", dtype="float32", name="probabilities")(outputs)


def encoder_names():
    """The encoders that `segmentation-models` has, in its order.

    Raises:
        ImportError: it is missing or broken.
    """
    return _package().sm.get_available_backbone_names()


def encoder_layers(model):
    """The layers of the encoder, for freezing them: those with weights and those without, batch normalisation too.

    A frozen batch normalisation takes its kept mean and deviation, not those of the batch.

    Args:
        model: keras.Model of `sm_unet`.

    Returns:
        List of layers, in the order of the weights in a file.

    Raises:
        ValueError: the model is another one.
    """
    return [layer for layer in _encoder(model).layers if not isinstance(layer, layers.InputLayer)]


def load_encoder_weights(model, weights):
    """Give the encoder of a network its weights; the decoder keeps its own.

    Args:
        model: keras.Model of `sm_unet`; all weights of its encoder are set, or none.
        weights: "none" for leaving the encoder as it is; "imagenet" for the weights that the package downloads (into
            Keras's cache, `~/.keras/models`); or the path of a file of such weights (.h5, without the classifying
            top). For weights from ImageNet the model needs `preprocess="imagenet"`, downloaded or not.

    Returns:
        The model.

    Raises:
        ConnectionError: the download failed.
        FileNotFoundError: there is no such file.
        ValueError: the weights don't fit, or the model is none of `sm_unet`.
    """
    encoder = _encoder(model)
    if not isinstance(weights, (str, os.PathLike)) or not str(weights):
        raise ValueError(f"encoder weights: got {weights!r}, expected 'none', 'imagenet' or the path of a file.")
    if weights == "none":
        return model
    if weights == "imagenet":
        if not any(layer.name == "preprocess" for layer in model.layers):
            raise ValueError(
                "encoder weights: got 'imagenet', but the model's preprocessing is another than these weights expect. "
                "Build it with preprocess 'imagenet'."
            )
        # As published, square images; the weights are the same for all sizes.
        published = _package().sm.Backbones.get_backbone(
            encoder.name, input_shape=(224, 224, 3), weights="imagenet", include_top=False, **_keras_for_package()
        )
        encoder.set_weights(published.get_weights())
        return model
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"encoder weights: {path} is not there. Give 'none', 'imagenet' or the path of a file.")
    before = encoder.get_weights()
    try:
        with warnings.catch_warnings():
            # Keras warns of a layer that keeps its random weights.
            warnings.simplefilter("error", UserWarning)
            encoder.load_weights(path)
    except (ValueError, KeyError, OSError, UserWarning) as error:
        encoder.set_weights(before)
        raise ValueError(
            f"{path}: these weights don't fit the encoder {encoder.name} on {encoder.input_shape[-1]} channels "
            f'({_one_line(error)}). Take its file without the classifying top ("no_top", "notop"), and '
            "preprocess 'imagenet' for weights from ImageNet."
        ) from None
    return model


def published_preprocessing(encoder):
    """What the weights from ImageNet expect of an image, as the package's own function computes it.

    Args:
        encoder: one of `encoder_names()`.

    Returns:
        (order, scale, offset), three numbers each: channel `i` of the result is channel `order[i]` of an RGB image in
        [0, 1], times `scale[i]`, plus `offset[i]`.
    """
    # Black, red, green and blue in 0..255 say it all: each channel is shifted and scaled, or they change places.
    colours = np.concatenate([np.zeros((1, 3)), 255 * np.eye(3)]).astype("float32")
    black, *others = _package().sm.get_preprocessing(encoder)(colours[np.newaxis])[0].astype(float)
    steps = np.array(others) - black  # row: channel given; column: channel made
    order = np.abs(steps).argmax(axis=0)
    return tuple(order.tolist()), steps[order, range(3)].tolist(), black.tolist()


@keras.saving.register_keras_serializable(package="steel_defect_report")
class TakeChannels(layers.Layer):
    """Channels by their numbers, in a new order or one several times."""

    def __init__(self, order, **settings):
        super().__init__(**settings)
        self.order = tuple(order)

    def call(self, images):
        """The channels of images (batch, height, width, channels)."""
        return ops.take(images, self.order, axis=-1)

    def get_config(self):
        """What the layer is built from."""
        return super().get_config() | {"order": list(self.order)}


def _package():
    """`segmentation_models` as `sm`, and its modules of `MODULES` by name."""
    before = os.environ.get("SM_FRAMEWORK")
    # Read once, at the first import. By the other name, "keras", the package wants a module that Keras 3 has dropped
    # (`keras.utils.generic_utils`); `tf.keras` is Keras 3 as well.
    os.environ["SM_FRAMEWORK"] = "tf.keras"
    try:
        # It prints a greeting, and Python warns of a docstring in it ("\c") when it is first compiled.
        with redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
            import segmentation_models

            modules = {name: importlib.import_module(f"segmentation_models.models.{name}") for name in MODULES}
    except ImportError as error:
        raise ImportError(
            f"the encoders need the package segmentation-models ({_one_line(error)}). Install it: {INSTALL}",
            name=error.name,
        ) from None
    finally:
        if before is None:
            del os.environ["SM_FRAMEWORK"]
        else:
            os.environ["SM_FRAMEWORK"] = before
    return types.SimpleNamespace(sm=segmentation_models, **modules)


def _keras_for_package():
    """The parts of Keras that the package takes as arguments, mended where Keras 3 is stricter than what it knows."""
    from tensorflow import keras as tf_keras  # whose backend keeps `int_shape`, which Keras 3 alone has dropped

    # The DenseNets name three layers with a slash, which Keras 3 refuses.
    mended = {name: _without_slash(getattr(layers, name)) for name in SLASHED}
    mended["BatchNormalization"] = _without_slash(
        lambda **settings: FusedBatchNormalization(**settings | {"momentum": MOMENTUM})
    )
    return {
        "backend": tf_keras.backend,
        "layers": types.SimpleNamespace(**(vars(layers) | mended)),
        "models": keras.models,
        "utils": types.SimpleNamespace(get_file=_get_file),
    }


def _without_slash(layer):
    """A layer's class that takes names like "conv1/bn"."""

    def build(*arguments, name=None, **settings):
        return layer(*arguments, name=name and name.replace("/", "_"), **settings)

    return build


def _get_file(name, url, **settings):
    """`keras.utils.get_file`, with an error that says how to go on."""
    try:
        return keras.utils.get_file(name, url, **settings)
    except Exception as error:  # Keras raises no other for a failed download
        if isinstance(error.__context__, HTTPError):
            error.__context__.close()  # an answer that says no still holds its connection
        reason = _one_line(error).rpartition(" -- ")[2]
        raise ConnectionError(
            f"{url} can't be fetched ({reason}). Download it on a machine that can and give the file's path as "
            "ENCODER_WEIGHTS, or take 'none' to train the encoder from scratch."
        ) from None


def _encoder(model):
    """The encoder as a keras.Model that shares its layers with the network, named after the encoder."""
    unet = next((layer for layer in model.layers if isinstance(layer, keras.Model)), None)
    if model.name != "sm_unet" or unet is None:
        raise ValueError(f"the model is {model.name!r}, expected one that `sm_unet` built. Only those have an encoder.")
    # The VGGs have two convolutions between encoder and decoder.
    after = {"center_block1_conv", "decoder_stage0_upsampling"} & {layer.name for layer in unet.layers}
    return keras.Model(unet.input, unet.get_layer(min(after)).input, name=unet.name)


def _one_line(error):
    """An error's text without line breaks."""
    return " ".join(str(error).split())
