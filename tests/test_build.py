"""The paper's U-Net, layer for layer, and networks by name."""

import inspect
import itertools

import keras
import numpy as np
import pytest

from helpers.models.build import BUILDERS, build_model, unet_paper
from helpers.models.describe import describe_layers

# Issue 6 of the series: (layer, kind, filters, the image's side divided by), from the input to the output.
PAPER_LAYERS = [
    ("encoder_1_conv1", "Conv2D", 8, 1),
    ("encoder_1_conv2", "Conv2D", 8, 1),
    ("encoder_1_pool", "MaxPooling2D", 8, 2),
    ("encoder_2_conv1", "Conv2D", 16, 2),
    ("encoder_2_conv2", "Conv2D", 16, 2),
    ("encoder_2_pool", "MaxPooling2D", 16, 4),
    ("encoder_3_conv1", "Conv2D", 32, 4),
    ("encoder_3_conv2", "Conv2D", 32, 4),
    ("encoder_3_pool", "MaxPooling2D", 32, 8),
    ("encoder_4_conv1", "Conv2D", 64, 8),
    ("encoder_4_conv2", "Conv2D", 64, 8),
    ("encoder_4_pool", "MaxPooling2D", 64, 16),
    ("encoder_5_conv1", "Conv2D", 64, 16),
    ("encoder_5_conv2", "Conv2D", 64, 16),
    ("encoder_5_pool", "MaxPooling2D", 64, 32),
    ("bottom_conv1", "Conv2D", 128, 32),
    ("bottom_conv2", "Conv2D", 128, 32),
    ("decoder_5_up", "Conv2DTranspose", 64, 16),
    ("decoder_5_join", "Concatenate", 128, 16),  # 64 from below, 64 from the encoder
    ("decoder_5_conv1", "Conv2D", 64, 16),
    ("decoder_5_conv2", "Conv2D", 64, 16),
    ("decoder_4_up", "Conv2DTranspose", 32, 8),
    ("decoder_4_join", "Concatenate", 96, 8),  # 32 and 64
    ("decoder_4_conv1", "Conv2D", 32, 8),
    ("decoder_4_conv2", "Conv2D", 32, 8),
    ("decoder_3_up", "Conv2DTranspose", 32, 4),
    ("decoder_3_join", "Concatenate", 64, 4),  # 32 and 32
    ("decoder_3_conv1", "Conv2D", 32, 4),
    ("decoder_3_conv2", "Conv2D", 32, 4),
    ("decoder_2_up", "Conv2DTranspose", 16, 2),
    ("decoder_2_join", "Concatenate", 32, 2),  # 16 and 16
    ("decoder_2_conv1", "Conv2D", 16, 2),
    ("decoder_2_conv2", "Conv2D", 16, 2),
    ("decoder_1_up", "Conv2DTranspose", 8, 1),
    ("decoder_1_join", "Concatenate", 16, 1),  # 8 and 8
    ("decoder_1_conv1", "Conv2D", 8, 1),
    ("decoder_1_conv2", "Conv2D", 8, 1),
    ("probabilities", "Conv2D", 4, 1),
]


@pytest.fixture(scope="module")
def paper_model():
    """The paper's network on small colour images that are not square."""
    return unet_paper((64, 96), 4, channels=3)


@pytest.mark.parametrize(("channels", "parameters"), [(3, 600_756), (1, 600_612)])
def test_unet_paper_has_the_published_number_of_parameters(channels, parameters):
    """600,756 at 256 x 1600 on three channels, as the paper prints it; 2 * 3 * 3 * 8 = 144 fewer on one."""
    model = build_model("unet_paper", (256, 1600), 4, channels=channels)
    assert model.count_params() == parameters
    assert model.input_shape == (None, 256, 1600, channels)
    assert model.output_shape == (None, 256, 1600, 4)


def test_unet_paper_has_the_published_layers(paper_model):
    """Kind, filters and size of each, in order; standardising the grey values has no weights."""
    layers = [layer for layer in describe_layers(paper_model) if layer["kind"] not in ("InputLayer", "Rescaling")]
    found = {layer["name"]: (layer["kind"], layer["shape"][-1], layer["shape"][:2]) for layer in layers}
    assert found == {
        name: (kind, filters, (64 // divisor, 96 // divisor)) for name, kind, filters, divisor in PAPER_LAYERS
    }
    assert paper_model.get_layer("standardise").count_params() == 0


@pytest.mark.parametrize("name", [name for name, kind, *_ in PAPER_LAYERS if kind == "Conv2D"][:-1])
def test_unet_paper_convolves_3x3_with_elu_and_same_padding(paper_model, name):
    """All convolutions but the last."""
    layer = paper_model.get_layer(name)
    assert (layer.kernel_size, layer.strides, layer.padding) == ((3, 3), (1, 1), "same")
    assert layer.activation is keras.activations.elu
    assert layer.use_bias


def test_unet_paper_ends_with_a_1x1_convolution_to_sigmoids(paper_model):
    """One probability for each class and pixel; classes don't exclude each other."""
    layer = paper_model.get_layer("probabilities")
    assert (layer.kernel_size, layer.filters) == ((1, 1), 4)
    assert layer.activation is keras.activations.sigmoid


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_unet_paper_halves_and_doubles_by_2(paper_model, level):
    """2x2 max pooling on the way down, a 2x2 transposed convolution with stride 2 on the way up."""
    assert paper_model.get_layer(f"encoder_{level}_pool").pool_size == (2, 2)
    up = paper_model.get_layer(f"decoder_{level}_up")
    assert (up.kernel_size, up.strides) == ((2, 2), (2, 2))
    assert up.activation is keras.activations.linear


def test_unet_paper_wires_each_layer_to_the_one_before(paper_model):
    """Apart from the joins, whose skip connections `test_bundle` looks at."""
    layers = describe_layers(paper_model)
    inputs = {layer["name"]: layer["inputs"] for layer in layers}
    chain = ["image", "standardise", *(name for name, *_ in PAPER_LAYERS)]
    for before, name in itertools.pairwise(chain):
        assert inputs[name][0] == before


@pytest.mark.parametrize("num_classes", [1, 3, 7])
def test_build_model_with_other_numbers_of_classes(num_classes):
    """Only the last layer changes: 8 weights and a bias for each class."""
    model = build_model("unet_paper", (32, 64), num_classes)
    assert model.output_shape == (None, 32, 64, num_classes)
    assert model.count_params() == 600_612 + (num_classes - 4) * 9


def test_build_model_gives_probabilities():
    """Between 0 and 1, for black and for white."""
    model = build_model("unet_paper", (32, 64), 4)
    images = np.stack([np.zeros((32, 64, 1)), np.ones((32, 64, 1))]).astype("float32")
    probabilities = model.predict_on_batch(images)
    assert probabilities.shape == (2, 32, 64, 4)
    assert ((probabilities > 0) & (probabilities < 1)).all()


@pytest.mark.parametrize(
    ("arguments", "standardised"),
    [
        ({}, [0.0, 0.25, 1.0]),  # as they are
        ({"grey_mean": 0.25, "grey_deviation": 0.5}, [-0.5, 0.0, 1.5]),  # (0 - 0.25) / 0.5 and so on
    ],
)
def test_unet_paper_standardises_the_grey_values(arguments, standardised):
    """The mean is taken away, then the values are divided by the deviation."""
    model = unet_paper((32, 32), 1, **arguments)
    inside = keras.Model(model.inputs, model.get_layer("standardise").output)
    image = np.zeros((1, 32, 32, 1), "float32")
    image[0, 0, :3, 0] = [0.0, 0.25, 1.0]
    np.testing.assert_allclose(inside.predict_on_batch(image)[0, 0, :3, 0], standardised, atol=1e-6)


def test_build_model_starts_from_the_seed():
    """The same seed gives the same first weights, another one others."""
    kernels = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        kernels.append(build_model("unet_paper", (32, 32), 2).get_layer("bottom_conv1").kernel.numpy())
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert (kernels[0] != kernels[2]).any()


def test_build_model_of_an_unknown_name():
    """The message lists the names that there are."""
    with pytest.raises(ValueError, match=r"got 'unet'.*Choose one of: .*unet_paper"):
        build_model("unet", (32, 32), 4)


@pytest.mark.parametrize(
    ("shape", "match"),
    [
        ((100, 64), "got 100 x 64.*multiples of 32"),
        ((64, 100), "got 64 x 100.*multiples of 32"),
        ((0, 64), "got 0 x 64.*multiples of 32"),
        ((-32, 64), "got -32 x 64.*multiples of 32"),
        ((32.0, 64), "got 32.0 x 64.*multiples of 32"),
        ((True, 64), "got True x 64.*multiples of 32"),
        ((64,), "got 64;.*height x width"),
        ((64, 64, 1), "got 64 x 64 x 1;.*height x width"),
        ((2**20, 2**20), "got 1048576 x 1048576.*at most 16,777,216 pixels"),
    ],
)
def test_build_model_of_a_wrong_shape(shape, match):
    """Five poolings need multiples of 32, and a picture has two sides."""
    with pytest.raises(ValueError, match=match):
        build_model("unet_paper", shape, 4)


@pytest.mark.parametrize("num_classes", [0, -1, 1001, 2.0, True, "4"])
def test_build_model_of_a_wrong_number_of_classes(num_classes):
    """A whole number from 1 to 1000."""
    with pytest.raises(ValueError, match=f"num_classes: got {num_classes!r}, expected a whole number"):
        build_model("unet_paper", (32, 32), num_classes)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"channels": 2}, "channels: got 2, expected 1 or 3"),
        ({"channels": 10**9}, "channels: got 1000000000, expected 1 or 3"),
        ({"channels": "3"}, "channels: got '3', expected 1 or 3"),
        ({"filters": 8}, "unet_paper takes no filters; expected none but channels"),
        ({"name": "x"}, "unet_paper takes no name"),
        ({"shape": (1, 1)}, "unet_paper takes no shape"),
        ({"grey_deviation": 0.0}, "grey_deviation: got 0.0 and 0.0, expected fractions"),
        ({"grey_mean": float("nan")}, "got nan and 1.0, expected fractions"),
        ({"grey_mean": "dark"}, "got 'dark' and 1.0, expected fractions"),
        ({"grey_mean": 10**400}, "expected fractions"),
    ],
)
def test_build_model_with_wrong_arguments(arguments, match):
    """Refused by name and value before anything is built."""
    with pytest.raises(ValueError, match=match):
        build_model("unet_paper", (32, 32), 4, **arguments)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_builders_take_shape_and_number_of_classes(name):
    """`build_model` relies on the names of these two."""
    assert list(inspect.signature(BUILDERS[name]).parameters)[:2] == ["shape", "num_classes"]


@pytest.mark.parametrize(("shape", "cut"), [((64, 128), []), ((64, 96), ["decoder_6_cut"])])
def test_unet_wide_has_twice_the_filters_and_a_level_more(shape, cut):
    """Where the sixth level can't halve a side, it is cut again on the way up; the size stays."""
    model = build_model("unet_wide", shape, 4)
    layers = {layer["name"]: layer for layer in describe_layers(model)}
    for name, kind, filters, divisor in PAPER_LAYERS[:15]:
        assert (layers[name]["kind"], layers[name]["shape"][-1]) == (kind, 2 * filters)
        assert tuple(layers[name]["shape"][:2]) == (shape[0] // divisor, shape[1] // divisor)
    assert tuple(layers["encoder_6_conv2"]["shape"]) == (shape[0] // 32, shape[1] // 32, 128)
    assert tuple(layers["bottom_conv2"]["shape"]) == (shape[0] // 64, -(-shape[1] // 64), 256)
    assert [name for name in layers if name.endswith("_cut")] == cut
    assert model.output_shape == (None, *shape, 4)
