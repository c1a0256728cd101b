"""Convolution, pooling, and networks drawn from their layers."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers.models.build import build_model
from helpers.models.describe import count_multiply_adds, describe_layers
from helpers.report.architecture import choose_patch, convolution_figure, convolve, draw_u, network_stages, pool


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def layer(name, height, channels, *inputs, kind="Conv2D", parameters=0, multiply_adds=0):
    """A layer as `describe_layers` gives it, of an image twice as wide as high."""
    return {
        "name": name,
        "kind": kind,
        "shape": (height, 2 * height, channels),
        "inputs": list(inputs),
        "parameters": parameters,
        "multiply_adds": multiply_adds,
    }


SMALL_U = [
    layer("image", 8, 1, kind="InputLayer"),
    layer("first", 8, 4, "image", parameters=40, multiply_adds=500),
    layer("pool", 4, 4, "first", kind="MaxPooling2D"),
    layer("bottom", 4, 6, "pool", parameters=60),
    layer("up", 8, 4, "bottom", kind="UpSampling2D"),
    layer("join", 8, 8, "up", "first", kind="Concatenate"),
    layer("last", 8, 3, "join", parameters=20),
]


def test_convolve_sums_the_products_with_each_window():
    """Right column less left one: (3 + 6 + 9) - (1 + 4 + 7), and so on."""
    assert convolve(np.array([[1, 2, 3, 3], [4, 5, 6, 6], [7, 8, 9, 0]])).tolist() == [[6, -6]]


def test_convolve_takes_any_kernel():
    assert convolve(np.eye(3), np.array([[1, 0], [0, 1]])).tolist() == [[2, 0], [0, 2]]


def test_pool_keeps_the_largest_of_four_and_leaves_an_odd_rest_out():
    assert pool(np.array([[1, 2, 3, 4, 9], [5, 0, 7, 6, 9], [9, 9, 9, 9, 9]])).tolist() == [[5, 7]]


def test_choose_patch_takes_the_strongest_edge_inside_the_defect():
    image = np.zeros((20, 40), np.uint8)
    image[:, 30:] = 200  # the stronger edge, outside the defect
    image[:, 10:20] = 90
    mask = np.zeros((20, 40))
    mask[8:12, 8:14] = 1
    assert choose_patch(image, mask) == (4, 5)  # around row 8 and column 9, the first of the equal ones
    row, column = choose_patch(image, np.zeros((20, 40)))
    assert column <= 29 <= column + 7 and row == 0


def test_choose_patch_stays_inside_the_image():
    image = np.zeros((8, 8), np.uint8)
    image[:, 7] = 255
    assert choose_patch(image, np.ones((8, 8))) == (0, 0)


def test_convolution_figure_writes_the_numbers_of_the_patch():
    image = np.tile(np.arange(0, 240, 10, dtype=np.uint8), (16, 1))
    figure = convolution_figure(image, (2, 4))
    texts = {text.get_text() for part in figure.subfigs for ax in part.axes for text in ax.texts}
    assert {"40", "110", "−1", "60"} <= texts  # first and last grey value, the kernel, and three rows of 20 more


def test_network_stages_gather_the_layers_of_one_size():
    first, bottom, last = network_stages(SMALL_U)
    assert (first.level, first.shape, first.channels, first.parameters) == (0, (8, 16), 4, 40)
    assert (bottom.level, bottom.shape, bottom.channels) == (1, (4, 8), 6)
    assert last.joins == ("first",) and last.channels == 4
    assert first.multiply_adds == 500


def test_network_that_is_no_u_has_no_stages():
    assert network_stages(SMALL_U[:4]) == []
    zigzag = [*SMALL_U, layer("again", 4, 2, "last"), layer("end", 8, 2, "again")]
    assert network_stages(zigzag) == []


@pytest.mark.parametrize(("name", "shape"), [("steel_unet", (40, 72)), ("unet_paper", (32, 96))])
def test_stages_of_our_networks_hold_all_their_weights_and_work(name, shape):
    model = build_model(name, shape, 3)
    stages = network_stages(describe_layers(model))
    assert sum(stage.parameters for stage in stages) == model.count_params()
    assert sum(stage.multiply_adds for stage in stages) == count_multiply_adds(model)
    depth = max(stage.level for stage in stages)
    assert sum(bool(stage.joins) for stage in stages[depth + 1 :]) == (5 if name == "unet_paper" else 4)
    assert stages[0].shape == stages[-1].shape == shape


def test_draw_u_has_a_box_a_stage_with_its_numbers_and_an_arrow_for_each_skip():
    ax = draw_u(network_stages(SMALL_U))
    texts = [text.get_text() for text in ax.texts]
    assert "8 x 16, 4 channels" in texts and "40 weights, 0 million multiply-adds" in texts
    dashed = [patch for patch in ax.patches if patch.get_linestyle() == "--"]
    assert len(ax.patches) == 3 + 2 + 1 and len(dashed) == 1
