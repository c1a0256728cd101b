"""What each image of the data set shows, and what it is called.

Source:
    `COMBINATIONS` was counted in the labels of the 12,568 training images of the Kaggle competition "Severstal:
    Steel Defect Detection" (2019).
"""

from dataclasses import dataclass

import numpy as np

from helpers.data.made_up.defects import CLASSES

# Classes that one image has -> number of such images in the competition's training set.
COMBINATIONS = {
    (): 5902,
    (3,): 4759,
    (1,): 769,
    (4,): 516,
    (3, 4): 284,
    (2,): 195,
    (1, 3): 91,
    (1, 2): 35,
    (2, 3): 14,
    (1, 2, 3): 2,
    (2, 4): 1,
}

TRAIN, TEST = 0, 1
BLOCK = 6  # the classes of each block of so many images are fixed by the shares, only their order is drawn
COPY_EVERY = 20  # one training image in so many is a near copy of an earlier one
NAME_DIGITS = 9


@dataclass(frozen=True)
class Plan:
    """What one image shows: its classes, and the index of the image that it is a near copy of, if any."""

    classes: tuple[int, ...]
    origin: int | None = None


def plan_images(seed, split):
    """Say without end what each image of a split shows, in the order of the images.

    The classes follow the competition's shares as closely as whole numbers can, rather than by independent
    draws, so that a small set has them all: each class is present in the first 6 images, and twice in the
    first 24. What an image shows does not depend on how many follow. In the training split, one image in 20
    is a near copy of an earlier one, as where two consecutive photographs of the strip overlap; only common
    combinations of classes are copied, so that a rare class is never all in one group of near copies.

    Args:
        seed: the data set's seed.
        split: `TRAIN` or `TEST`.

    Yields:
        Plan of the image.

    Example:
        >>> from itertools import islice
        >>> first = list(islice(plan_images(0, TRAIN), 6))
        >>> sorted({label for plan in first for label in plan.classes})
        [1, 2, 3, 4]
    """
    originals = {classes: [] for classes in COMBINATIONS}
    since_copy = 0
    for index, classes in enumerate(_combinations(seed, split)):
        since_copy += 1
        earlier = originals[classes]
        if split == TRAIN and since_copy >= COPY_EVERY and len(earlier) >= 4:
            rng = np.random.default_rng((seed, split, index, 2))
            since_copy = 0
            yield Plan(classes, origin=earlier[rng.integers(len(earlier))])
        else:
            earlier.append(index)
            yield Plan(classes)


def _combinations(seed, split):
    """The classes of each image: by turns of the shares, shuffled within blocks."""
    shares = {classes: count / sum(COMBINATIONS.values()) for classes, count in COMBINATIONS.items()}
    counts = dict.fromkeys(COMBINATIONS, 0)
    made = 0
    while True:
        block = []
        made += BLOCK
        # A small set shows each class more often than its share: once in 6 images, twice in 24, four times in
        # 48.
        least = int(np.clip(made // 12, 1, 4))
        for _ in range(BLOCK):
            short = [label for label in CLASSES if _images_with(label, counts) < least]
            chosen = (short[0],) if short else max(shares, key=lambda key: shares[key] * made - counts[key])
            counts[chosen] += 1
            block.append(chosen)
        rng = np.random.default_rng((seed, split, made, 1))
        yield from (block[place] for place in rng.permutation(BLOCK))


def _images_with(label, counts):
    """Number of images that show a class."""
    return sum(count for classes, count in counts.items() if label in classes)


def image_name(seed, split, index):
    """Name an image as the competition does: nine hexadecimal digits, unique in the data set.

    Args:
        seed: the data set's seed.
        split: `TRAIN` or `TEST`.
        index: the image's index in its split, from 0.

    Returns:
        File name with its suffix.

    Example:
        >>> image_name(0, TRAIN, 0) != image_name(0, TEST, 0)
        True
    """
    size = 16**NAME_DIGITS
    start = int(np.random.default_rng((seed, 3)).integers(size))
    # An odd factor permutes the numbers below a power of two, so no two names are equal. This one, the size
    # over the golden ratio, spreads them evenly.
    number = (start + (2 * index + split) * 0x9E3779B97) % size
    return f"{number:0{NAME_DIGITS}x}.jpg"
