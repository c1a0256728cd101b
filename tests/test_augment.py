import numpy as np
import pytest

from helpers.data.augment import (
    Augmentation,
    add_noise,
    augment,
    blur,
    change_light,
    classes_present,
    crop,
    erase_defect,
    mirror,
    move,
    shift,
)

NOTHING = Augmentation(mirror=0, brightness=0, contrast=0, shift=0, blur=0, noise=0, erase=0)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def pair():
    """Steel of grey 100 with two defects: class 1 dark (20) at rows 4-7, columns 10-14; class 2 bright at the right."""
    image = np.full((16, 60, 1), 100, np.uint8)
    masks = np.zeros((16, 60, 2), np.uint8)
    image[4:8, 10:15], masks[4:8, 10:15, 0] = 20, 1
    image[2:5, 50:53], masks[2:5, 50:53, 1] = 200, 1
    return image, masks


def same(first, second):
    return all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_augment_with_nothing_switched_on_changes_nothing(pair, rng):
    assert same(augment(*pair, rng, NOTHING), pair)


def test_augment_is_a_function_of_the_generators_state(pair):
    strong = Augmentation(erase=1, blur=1)
    first, again, other = (augment(*pair, np.random.default_rng(seed), strong) for seed in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)


def test_augment_keeps_shapes_kinds_and_what_it_was_given(pair, rng):
    before = [array.copy() for array in pair]
    for _ in range(20):
        image, masks = augment(*pair, rng, Augmentation(erase=1, blur=1))
        assert image.shape == pair[0].shape and image.dtype == np.uint8
        assert masks.shape == pair[1].shape and masks.dtype == np.uint8 and set(np.unique(masks)) <= {0, 1}
    assert same(pair, before)


def test_mirror_moves_image_and_masks_together(pair, rng):
    image, masks = mirror(*pair, rng, probability=1.0)
    assert np.array_equal(image, pair[0][::-1, ::-1])
    assert np.array_equal(masks, pair[1][::-1, ::-1])


@pytest.mark.parametrize("seed", range(8))
def test_shift_moves_image_and_masks_together(pair, seed):
    image, masks = shift(*pair, np.random.default_rng(seed), largest=0.2)
    assert (image[masks[..., 0] == 1] == 20).all() and (image[masks[..., 1] == 1] == 200).all()
    assert (image[masks.sum(axis=-1) == 0] == 100).all()


@pytest.mark.parametrize("seed", range(5))
def test_move_takes_the_masks_along(seed):
    """A bright disc and its mask go the same way, whatever is drawn; a class that is not there stays away."""
    rows, columns = np.mgrid[:60, :90]
    masks = np.zeros((60, 90, 2), np.uint8)
    masks[..., 1] = (rows - 25) ** 2 + (columns - 50) ** 2 < 100
    image = (40 + 160 * masks[..., [1]]).astype(np.uint8)
    moved, found = move(image, masks, np.random.default_rng(seed), 0.1, 0.3, 20)
    assert moved.shape == image.shape and moved.dtype == np.uint8
    assert found.shape == masks.shape and found.dtype == np.uint8 and not found[..., 0].any()
    bright = moved[..., 0] >= 120
    assert (bright == found[..., 1].astype(bool)).mean() > 0.995
    assert 0.4 < found[..., 1].sum() / masks[..., 1].sum() < 1.8


def test_move_of_nothing_changes_nothing(pair):
    image, masks = move(*pair, np.random.default_rng(0), 0, 0, 0)
    assert np.array_equal(image, pair[0]) and np.array_equal(masks, pair[1])


def test_augment_turns_square_images_by_a_quarter():
    """And leaves others as they are, since their size would be another."""
    turned = Augmentation(**{**vars(NOTHING), "quarter_turn": 1.0})
    image = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    masks = (image > 12).astype(np.uint8)
    found, found_masks = augment(image, masks, np.random.default_rng(0), turned)
    assert np.array_equal(found, np.rot90(image)) and np.array_equal(found_masks, np.rot90(masks))
    strip = np.ascontiguousarray(image.reshape(2, 8, 1))
    assert np.array_equal(augment(strip, strip, np.random.default_rng(0), turned)[0], strip)


def test_shift_reaches_both_ways_and_no_further_than_told():
    image = np.arange(100, dtype=np.uint8).reshape(1, 100, 1)
    masks = np.zeros((1, 100, 1), np.uint8)
    moved = [50 - int(shift(image, masks, np.random.default_rng(seed), 0.1)[0][0, 50, 0]) for seed in range(200)]
    assert min(moved) == -10 and max(moved) == 10


def test_change_light_keeps_the_order_of_grey_values(rng):
    image = np.arange(256, dtype=np.uint8).reshape(1, 256, 1)
    for _ in range(10):
        assert (np.diff(change_light(image, rng, 0.3, 0.5)[0, :, 0].astype(int)) >= 0).all()


def test_change_light_stays_within_its_bounds(pair):
    even = np.full((4, 4, 1), 100, np.uint8)
    found = [int(change_light(even, np.random.default_rng(seed), 0.1, 0.2)[0, 0, 0]) for seed in range(300)]
    assert 100 - 26 <= min(found) < 80 and 120 < max(found) <= 100 + 26


def test_blur_and_noise_change_the_image_alone_and_little(pair, rng):
    image = pair[0]
    for changed in (blur(image, rng, 2.0), add_noise(image, rng, 0.05)):
        assert changed.shape == image.shape and changed.dtype == np.uint8
        assert 0 < np.abs(changed.astype(int) - image).mean() < 20


def test_add_noise_of_none_gives_the_image_itself(pair, rng):
    assert add_noise(pair[0], rng, 0) is pair[0]


def test_crop_holds_a_defect_when_told_to(pair, rng):
    classes = set()
    for _ in range(50):
        image, masks = crop(*pair, rng, (8, 20), towards_defect=1.0)
        assert image.shape == (8, 20, 1) and masks.any()
        assert (image[masks[..., 0] == 1] == 20).all()
        classes |= set(np.flatnonzero(masks.any(axis=(0, 1))))
    assert classes == {0, 1}


def test_crop_without_a_defect_falls_anywhere(rng):
    image = np.arange(40, dtype=np.uint8).reshape(1, 40, 1)
    starts = {int(crop(image, np.zeros((1, 40, 2), np.uint8), rng, (1, 10))[0][0, 0, 0]) for _ in range(600)}
    assert starts == set(range(31))


def test_crop_larger_than_the_image(pair, rng):
    with pytest.raises(ValueError, match="a window of 20 x 20 doesn't fit an image of 16 x 60"):
        crop(*pair, rng, (20, 20))


def test_erase_defect_takes_one_defect_and_its_label(pair):
    erased = set()
    for seed in range(12):
        image, masks = erase_defect(*pair, np.random.default_rng(seed))
        (gone,) = np.flatnonzero(masks.sum(axis=(0, 1)) < pair[1].sum(axis=(0, 1)))
        erased.add(int(gone))
        assert masks[..., gone].sum() == 0
        assert np.abs(image[pair[1][..., gone] == 1].astype(int) - 100).max() == 0  # clean steel lies there now
        assert np.array_equal(masks[..., 1 - gone], pair[1][..., 1 - gone])
    assert erased == {0, 1}


def test_erase_defect_where_no_clean_steel_lies_in_the_rows(pair, rng):
    image, masks = pair[0], np.zeros_like(pair[1])
    masks[4:8, :, 0] = 1
    assert same(erase_defect(image, masks, rng), (image, masks))


def test_erase_defect_does_not_copy_black_margins(pair):
    image, masks = pair[0].copy(), pair[1].copy()
    image[:, 15:] = 0
    masks[..., 1] = 0
    changed, left = erase_defect(image, masks, np.random.default_rng(0))
    assert (changed[4:8, 10:15] > 50).all() or same((changed, left), (image, masks))


def test_erase_defect_without_a_defect(pair, rng):
    image, masks = pair[0], np.zeros_like(pair[1])
    assert same(erase_defect(image, masks, rng), (image, masks))


@pytest.mark.parametrize("classes", [1, 3, 4, 7])
def test_classes_present_of_any_number_of_classes(classes, rng):
    for _ in range(10):
        masks = (rng.random((5, 6, classes)) > 0.97).astype(np.uint8)
        assert classes_present(masks).tolist() == np.flatnonzero(masks.any(axis=(0, 1))).tolist()


def test_add_noise_is_a_bell_curve(rng):
    """Mean 0; no larger than told; two thirds of it within one standard deviation."""
    image = np.full((400, 400, 1), 128, np.uint8)
    deviations = []
    for _ in range(20):
        noise = add_noise(image, rng, 0.05)[..., 0].astype(float) - 128
        assert abs(noise.mean()) < 0.15
        deviations.append(noise.std())
        if noise.std() > 5:  # below that the whole numbers are too few to show a curve
            assert (np.abs(noise) <= noise.std()).mean() == pytest.approx(0.68, abs=0.07)
    assert 8 < max(deviations) < 0.05 * 255 + 0.5
