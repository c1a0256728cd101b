"""Images of any size in tiles: none is missed, and no seam shows."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.data.resize import resize_image
from helpers.inference.tiles import Blend, plan_tiles

TILE, USUAL = (32, 64), (64, 128)


def predict_tiled(image, network, tiling):
    """What a network, a function of a tile, gives for an image by tiles."""
    blend = Blend(tiling)
    for corner, tile in tiling.cut(image):
        blend.add(corner, network(tile))
    return blend.finish()


@pytest.mark.parametrize(
    ("own", "usual", "scaled", "tiles"),
    [
        ((64, 128), USUAL, (32, 64), 1),  # as it was trained on
        ((66, 123), USUAL, (32, 64), 1),  # a few per cent more or less
        ((68, 128), USUAL, (34, 64), 2),  # more than these
        ((32, 64), USUAL, (16, 32), 1),  # half as large: a piece of it, not the same from afar
        ((640, 128), USUAL, (320, 64), 13),
        ((64, 256), USUAL, (32, 128), 3),
        ((1, 1), USUAL, (1, 1), 1),
        ((3, 5000), None, (32, 64), 1),  # nobody knows what it was trained on
        ((100, 100), TILE, (100, 100), 8),
    ],
)
def test_plan_tiles_scales_whole_or_as_in_training(own, usual, scaled, tiles):
    tiling = plan_tiles(own, TILE, usual)
    assert (tiling.scaled, len(tiling.corners)) == (scaled, tiles)
    assert tiling.whole == (scaled == TILE)


@settings(max_examples=50)
@given(height=st.integers(1, 200), width=st.integers(1, 300), overlap=st.sampled_from([0.0, 0.1, 0.25, 0.5]))
def test_tiles_cover_every_pixel_and_constant_probabilities_stay(height, width, overlap):
    """Neighbours overlap by at least as much as was asked; the weights of a pixel are never all 0."""
    tiling = plan_tiles((height, width), TILE, TILE, overlap)
    for axis, side in enumerate(TILE):
        starts = sorted({corner[axis] for corner in tiling.corners})
        if len(starts) > 1:
            assert starts[0] == 0 and starts[-1] + side == tiling.scaled[axis]
            assert max(np.diff(starts)) <= side - round(overlap * side)
    blend = Blend(tiling, overlap)
    for corner, _ in tiling.cut(np.zeros((height, width, 1), np.uint8)):
        blend.add(corner, np.full((*TILE, 2), 0.3, np.float32))
    found = blend.finish()
    assert found.shape == (*tiling.scaled, 2)
    np.testing.assert_allclose(found, 0.3, rtol=1e-6)


@pytest.mark.parametrize("own", [(100, 230), (40, 64), (32, 75), (500, 64)])
def test_tiled_is_whole_for_a_network_that_sees_a_few_pixels_around(own):
    """A blur of 2 pixels to each side, with zeros beyond the image: less than the part of a seam that doesn't count."""
    image = np.random.default_rng(0).integers(0, 256, (*own, 1), dtype=np.uint8)

    def network(tile):
        return cv2.blur(tile[..., 0].astype(np.float32) / 255, (5, 5), borderType=cv2.BORDER_CONSTANT)[..., np.newaxis]

    tiling = plan_tiles(own, TILE, TILE)
    assert len(tiling.corners) > 1
    np.testing.assert_allclose(predict_tiled(image, network, tiling), network(image), atol=1e-6)


def test_seams_are_ramps_for_a_network_that_gives_each_tile_another_value():
    """From one tile to the next there is no step, but a slope as wide as half of the overlap."""
    image = np.zeros((32, 112, 1), np.uint8)
    tiling = plan_tiles(image.shape[:2], TILE, TILE)
    assert tiling.corners == ((0, 0), (0, 48))
    values = iter([0.0, 1.0])
    found = predict_tiled(image, lambda tile: np.full((*TILE, 1), next(values), np.float32), tiling)
    np.testing.assert_allclose(found[0, :, 0], np.clip((np.arange(112) + 0.5 - 52) / 8, 0, 1), atol=1e-6)


def test_an_image_smaller_than_a_tile_goes_on_as_its_mirror_image():
    """What comes back is of its own size."""
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    tiling = plan_tiles((2, 3), (4, 7), (4, 7))
    ((corner, tile),) = tiling.cut(image)
    assert corner == (0, 0)
    assert tile[..., 0].tolist() == [
        [0, 1, 2, 2, 1, 0, 0],
        [3, 4, 5, 5, 4, 3, 3],
        [3, 4, 5, 5, 4, 3, 3],
        [0, 1, 2, 2, 1, 0, 0],
    ]  # fmt: skip
    found = predict_tiled(image, lambda tile: tile.astype(np.float32), tiling)
    assert found[..., 0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_parts_are_as_large_as_the_photographs_trained_on():
    """At the image's own scale, with nothing lost yet."""
    image = np.random.default_rng(1).integers(0, 256, (64, 256, 3), dtype=np.uint8)
    tiling = plan_tiles(image.shape[:2], TILE, USUAL)
    assert tiling.corners == ((0, 0), (0, 32), (0, 64))
    for (_, column), part in tiling.cut(image):
        np.testing.assert_array_equal(part, image[:, 2 * column : 2 * column + 128])


@given(height=st.integers(1, 400), width=st.integers(1, 500))
@settings(max_examples=50)
def test_parts_at_odd_scales_are_nearly_as_large(height, width):
    usual = (47, 101)
    tiling = plan_tiles((height, width), TILE, usual)
    for _, part in tiling.cut(np.zeros((height, width, 1), np.uint8)):
        if not tiling.whole and min(height, width) > 20:
            np.testing.assert_allclose(part.shape[:2], usual, atol=3)


def test_tiled_is_whole_at_another_scale_than_the_network_s():
    """Parts are scaled by a half each, and what comes of them fits together again."""
    image = cv2.blur(np.random.default_rng(2).integers(0, 256, (150, 400), dtype=np.uint8), (9, 9))[..., np.newaxis]
    tiling = plan_tiles(image.shape[:2], TILE, USUAL)
    found = predict_tiled(image, lambda part: resize_image(part, TILE).astype(np.float32), tiling)
    np.testing.assert_allclose(found, resize_image(image, tiling.scaled), atol=1)
