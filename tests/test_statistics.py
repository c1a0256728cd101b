import types

import numpy as np
import pytest

from helpers.data.statistics import grey_statistics

IMAGES = {
    "half": np.array([[[0], [255]]], dtype=np.uint8),
    "dark": np.array([[[0], [0], [0], [0]]], dtype=np.uint8),
}
DATASET = types.SimpleNamespace(image=lambda image_id, channels: IMAGES[image_id])


def test_grey_statistics_weighs_pixels_not_images():
    # values 0, 1, 0, 0, 0, 0: mean 1/6, variance 1/6 - 1/36
    mean, deviation = grey_statistics(DATASET, ["half", "dark"])
    assert mean == pytest.approx(1 / 6)
    assert deviation == pytest.approx((1 / 6 - 1 / 36) ** 0.5)


def test_grey_statistics_equals_numpy_on_noise():
    noise = np.random.default_rng(1).integers(0, 256, (3, 5, 7, 3), dtype=np.uint8)
    dataset = types.SimpleNamespace(image=lambda image_id, channels: noise[image_id])
    mean, deviation = grey_statistics(dataset, [0, 1, 2], channels=3)
    assert (mean, deviation) == (pytest.approx(noise.mean() / 255), pytest.approx(noise.std() / 255))


def test_grey_statistics_of_no_images():
    with pytest.raises(ValueError, match="got no images"):
        grey_statistics(DATASET, [])


def test_grey_statistics_of_one_value():
    with pytest.raises(ValueError, match="has the value 0.000"):
        grey_statistics(DATASET, ["dark"])
