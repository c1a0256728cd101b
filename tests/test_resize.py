import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.data.dataset import read_dataset
from helpers.data.images import read_image
from helpers.data.resize import (
    MULTIPLE,
    masks_at,
    network_shape,
    read_image_at,
    resize_cost,
    resize_image,
    resize_masks,
    resize_probabilities,
)
from helpers.rle import mask2rle

SIDES = st.integers(1, 60)
SHAPES = st.tuples(SIDES, SIDES)
patient = settings(max_examples=50)

# shape, most pixels, size of the network
NETWORK_SHAPES = [
    ((256, 1600), 0, (256, 1600)),  # Severstal at its own size, as the paper has it
    ((256, 1600), 256 * 1600, (256, 1600)),
    ((256, 1600), 10**9, (256, 1600)),  # never larger than the images
    ((256, 1600), 128 * 800, (128, 800)),
    ((256, 1600), 64 * 400, (64, 384)),  # 12.5 times 32 is rounded, half to even
    ((200, 200), 0, (192, 192)),  # NEU-Seg: 6.25 times 32
    ((1600, 256), 128 * 800, (800, 128)),  # upright
    ((256, 1600), 1, (32, 32)),  # never less than one step
    ((5, 5), 0, (32, 32)),
]


@pytest.mark.parametrize(("shape", "max_pixels", "expected"), NETWORK_SHAPES)
def test_network_shape(shape, max_pixels, expected):
    assert network_shape(shape, max_pixels) == expected


def test_network_shape_with_another_multiple():
    assert network_shape((200, 200), 0, multiple=8) == (200, 200)


@given(shape=st.tuples(st.integers(1, 3000), st.integers(1, 3000)), max_pixels=st.integers(0, 10**7))
def test_network_shape_can_be_halved_five_times_and_stays_near(shape, max_pixels):
    found = network_shape(shape, max_pixels)
    scale = min(1, (max_pixels / (shape[0] * shape[1])) ** 0.5) if max_pixels else 1
    for side, wanted in zip(found, shape, strict=True):
        assert side % MULTIPLE == 0
        assert side == MULTIPLE or abs(side - wanted * scale) <= MULTIPLE / 2


def test_network_shape_of_a_negative_area():
    with pytest.raises(ValueError, match=r"max_pixels: got -1, expected 0 \(the images' own size\) or more"):
        network_shape((256, 1600), -1)


# mask, shape wanted, mask expected; by area, and set from one half on
RESIZED = [
    ([[1, 1], [1, 1]], (1, 1), [[1]]),
    ([[1, 1], [0, 0]], (1, 1), [[1]]),  # half of what it covers
    ([[1, 0], [0, 0]], (1, 1), [[0]]),  # a quarter
    ([[1, 1, 0, 0], [1, 0, 0, 1]], (1, 2), [[1, 0]]),  # three quarters, one quarter
    ([[1, 1, 0]], (1, 2), [[1, 0]]),  # the middle pixel counts half to either side: 1, and 0.5 / 1.5
    ([[0, 1, 0]], (1, 2), [[0, 0]]),  # 0.5 / 1.5 on either side
    ([[1, 0], [1, 0]], (1, 2), [[1, 0]]),  # one side alone
    ([[1, 0]], (2, 4), [[1, 1, 0, 0], [1, 1, 0, 0]]),  # twice as large
    ([[1, 0], [0, 1]], (2, 2), [[1, 0], [0, 1]]),  # the same size
]


@pytest.mark.parametrize(("mask", "shape", "expected"), RESIZED)
@pytest.mark.parametrize("dtype", [np.uint8, bool, np.float32])
def test_resize_masks_worked_by_hand(mask, shape, expected, dtype):
    found = resize_masks(np.array(mask, dtype=dtype)[..., np.newaxis], shape)
    assert found.dtype == np.uint8
    assert found[..., 0].tolist() == expected


@patient
@given(shape=SHAPES, wanted=SHAPES, classes=st.integers(1, 6), seed=st.integers(0, 99))
def test_resize_masks_treats_each_class_alone(shape, wanted, classes, seed):
    masks = np.random.default_rng(seed).integers(0, 2, (*shape, classes), dtype=np.uint8)
    found = resize_masks(masks, wanted)
    assert found.shape == (*wanted, classes)
    assert set(np.unique(found)) <= {0, 1}
    for index in range(classes):
        np.testing.assert_array_equal(found[..., index], resize_masks(masks[..., [index]], wanted)[..., 0])


@patient
@given(shape=SHAPES, wanted=SHAPES, value=st.integers(0, 1))
def test_resize_masks_keeps_empty_and_full_ones(shape, wanted, value):
    assert (resize_masks(np.full((*shape, 1), value, np.uint8), wanted) == value).all()


@given(shape=SHAPES, factor=st.integers(2, 5), seed=st.integers(0, 99))
@patient
def test_resize_masks_there_and_back_by_a_whole_factor_is_exact(shape, factor, seed):
    small = np.random.default_rng(seed).integers(0, 2, (*shape, 1), dtype=np.uint8)
    large = small.repeat(factor, axis=0).repeat(factor, axis=1)
    np.testing.assert_array_equal(resize_masks(large, shape), small)


def test_resize_masks_leaves_its_argument_alone():
    masks = np.ones((4, 4, 1), np.uint8)
    for shape in ((4, 4), (2, 2)):
        resize_masks(masks, shape)[...] = 0
    assert masks.all()


def test_resize_masks_takes_the_columnwise_memory_of_decoded_runs():
    mask = np.zeros((6, 4), np.uint8).T
    mask[:2, :3] = 1
    assert resize_masks(mask[..., np.newaxis], (2, 3))[..., 0].tolist() == [[1, 1, 0], [0, 0, 0]]


@patient
@given(shape=SHAPES, wanted=SHAPES, channels=st.sampled_from([1, 3, 5]), grey=st.integers(0, 255))
def test_resize_image_keeps_an_even_one_even(shape, wanted, channels, grey):
    found = resize_image(np.full((*shape, channels), grey, np.uint8), wanted)
    assert found.shape == (*wanted, channels)
    assert found.dtype == np.uint8
    assert (found == grey).all()


def test_resize_image_by_area():
    image = np.array([[0, 10, 100, 100], [20, 30, 100, 100]], np.uint8)[..., np.newaxis]
    assert resize_image(image, (1, 2))[..., 0].tolist() == [[15, 100]]


def test_resize_image_height_before_width():
    assert resize_image(np.zeros((64, 400, 3), np.uint8), (32, 200)).shape == (32, 200, 3)


@patient
@given(shape=SHAPES, wanted=SHAPES, seed=st.integers(0, 99))
def test_resize_probabilities_stay_probabilities(shape, wanted, seed):
    given_ones = np.random.default_rng(seed).random((*shape, 5), dtype=np.float32)
    found = resize_probabilities(given_ones, wanted)
    assert found.shape == (*wanted, 5)
    assert found.dtype == np.float32
    assert found.min() >= given_ones.min() - 1e-6
    assert found.max() <= given_ones.max() + 1e-6


def test_resize_probabilities_between_two_pixels():
    # Centres of the 4 new pixels lie at -0.25, 0.25, 0.75 and 1.25 of the 2 old ones.
    found = resize_probabilities(np.array([[[0.0], [1.0]]]), (1, 4))
    assert found[0, :, 0].tolist() == [0, 0.25, 0.75, 1]


@pytest.mark.parametrize("resize", [resize_image, resize_masks, resize_probabilities])
@pytest.mark.parametrize("shape", [(4, 6), (2, 4, 6, 1), (4,)])
@pytest.mark.parametrize("wanted", [(2, 3), (4, 6)])
def test_resize_of_an_array_without_a_last_axis(resize, shape, wanted):
    with pytest.raises(ValueError, match=r"got an array of shape .*expected \(height, width, channels\)\. Add"):
        resize(np.zeros(shape, np.uint8), wanted)


def test_resize_cost_of_no_resizing(tiny_data):
    dataset = read_dataset(tiny_data())
    table = resize_cost(dataset, dataset.shape)
    assert table.index.tolist() == [1, 2, 3, 4]
    assert table["masks"].tolist() == [1, 1, 1, 0]
    assert table["dice"].tolist() == pytest.approx([1, 1, 1, np.nan], nan_ok=True)
    assert table["lost"].tolist() == [0, 0, 0, 0]


def test_resize_cost_worked_by_hand(tiny_data):
    # At half the size class 1, 3 x 2 pixels in the corner, becomes 2 x 1, since its last row fills half of a pixel.
    # Taken back it is 4 x 2: 2 * 6 / (6 + 8). The lone pixels of classes 2 and 3 fill a quarter, and vanish.
    table = resize_cost(read_dataset(tiny_data()), (16, 48))
    assert table["dice"].tolist() == pytest.approx([12 / 14, 0, 0, np.nan], nan_ok=True)
    assert table["lost"].tolist() == [0, 1, 1, 0]
    assert table["masks"].tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(32, 48), (16, 24), (20, 40), (64, 96), (128, 200)])
def test_read_image_at_is_reading_and_scaling_but_for_rounding(tmp_path, shape, channels):
    noise = np.random.default_rng(4).integers(0, 256, (16, 24, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.jpg"), cv2.resize(noise, (192, 128), interpolation=cv2.INTER_CUBIC))
    found = read_image_at(tmp_path / "a.jpg", (128, 192), shape, channels)
    whole = resize_image(read_image(tmp_path / "a.jpg", channels), shape)
    assert found.shape == (*shape, channels) and found.dtype == np.uint8
    # colour noise is the hardest case: JPEG keeps colours at half the size, and they are enlarged in another order
    assert np.abs(found.astype(int) - whole).mean() < (1.0 if channels == 1 else 2.5)


def test_read_image_at_leaves_png_data_to_scaling(tmp_path):
    image = np.random.default_rng(4).integers(0, 256, (64, 96), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    found = read_image_at(tmp_path / "a.png", (64, 96), (16, 24))
    assert np.array_equal(found, resize_image(image[..., np.newaxis], (16, 24)))


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12), st.integers(1, 5), st.integers(1, 5))
def test_masks_at_equals_scaling_the_whole_masks(seed, rows, columns, down, across):
    rng = np.random.default_rng(seed)
    height, width = down * rows, across * columns
    masks = np.zeros((height, width, 3), np.uint8)
    masks[..., 0] = rng.random((height, width)) < 0.5
    masks[: height // 2, width // 3 :, 2] = 1
    texts = [mask2rle(masks[..., index]) for index in range(3)]
    expected = masks.reshape(rows, down, columns, across, 3).mean(axis=(1, 3)) >= 0.5
    assert np.array_equal(masks_at(texts, (height, width), (rows, columns)), expected)
    assert np.array_equal(resize_masks(masks, (rows, columns)), expected)
