"""Tests of helpers.data.paste."""

import numpy as np
import pytest

from helpers.data.paste import MARGIN, paste_defect

CLASSES = 3


def sheet(grey, shape=(40, 90), channels=1):
    return np.full((*shape, channels), grey, np.uint8), np.zeros((*shape, CLASSES), np.uint8)


def donor(grey=100, defect=150, box=np.s_[10:14, 20:32], class_index=1, channels=1):
    image, masks = sheet(grey, channels=channels)
    image[box] = defect
    masks[(*box, class_index)] = 1
    return image, masks


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("channels", [1, 3])
def test_paste_lays_the_whole_defect_with_its_label(seed, channels):
    """The label has the defect's size, in either direction of mirroring, and the pixels under it are the donor's."""
    image, masks = sheet(100, channels=channels)
    pasted, labels = paste_defect(image, masks, *donor(channels=channels), 1, np.random.default_rng(seed))
    rows, columns = np.nonzero(labels[..., 1])
    assert labels.sum() == labels[..., 1].sum() == 4 * 12
    assert (np.ptp(rows), np.ptp(columns)) == (3, 11)
    assert (pasted[labels[..., 1] == 1] == 150).all()
    assert pasted.dtype == labels.dtype == np.uint8 and pasted.shape == image.shape
    assert (image == 100).all() and not masks.any()  # what was given is left alone


def test_paste_brings_the_defect_to_the_light_of_its_place():
    image, masks = sheet(60)
    pasted, labels = paste_defect(image, masks, *donor(100, 150), 1, np.random.default_rng(0))
    assert (pasted[labels[..., 1] == 1] == 90).all()
    assert (pasted[labels[..., 1] == 0] >= 60).all()


def test_paste_does_not_change_the_light_beyond_measure():
    image, masks = sheet(240)
    pasted, labels = paste_defect(image, masks, *donor(30, 40), 1, np.random.default_rng(0))
    assert (pasted[labels[..., 1] == 1] == 80).all()


def test_paste_takes_along_what_lies_in_the_box_and_takes_away_the_label_it_covers():
    """A second class on the piece comes along; the target's own label goes where the piece lies, and nowhere else."""
    image, masks = sheet(100)
    masks[..., 0] = 1
    donor_image, donor_masks = donor()
    donor_masks[10:12, 20:32, 2] = 1
    _, labels = paste_defect(image, masks, donor_image, donor_masks, 1, np.random.default_rng(1))
    assert labels[..., 2].sum() == 2 * 12
    under = labels[..., 1] == 1
    assert not labels[under, 0].any()
    assert labels[..., 0].sum() >= labels[..., 0].size - (4 + 2 * MARGIN) * (12 + 2 * MARGIN)


def test_paste_cuts_a_defect_larger_than_the_image():
    image, masks = sheet(100, (8, 10))
    pasted, labels = paste_defect(image, masks, *donor(box=np.s_[2:38, 5:85]), 1, np.random.default_rng(2))
    assert pasted.shape == (8, 10, 1) and 0 < labels[..., 1].sum() <= 80


def test_paste_leaves_the_black_beside_the_sheet_alone():
    image, masks = sheet(0)
    pasted, labels = paste_defect(image, masks, *donor(), 1, np.random.default_rng(0))
    assert not pasted.any() and not labels.any()


def test_paste_without_the_class_changes_nothing():
    image, masks = sheet(100)
    pasted, labels = paste_defect(image, masks, *donor(), 2, np.random.default_rng(0))
    assert (pasted == image).all() and not labels.any()


def test_paste_repeats_with_the_same_random_state():
    first, second = (
        paste_defect(*sheet(100), *donor(), 1, np.random.default_rng(7))[0] for _ in range(2)
    )  # fmt: skip
    assert (first == second).all()
