"""Pixels counted for each image and class, and the checks of the masks they come from. NumPy alone.

The scores of `helpers.metrics` need no more than these counts, so that no more than one batch of masks is
ever in memory, and images may differ in size.
"""

from dataclasses import dataclass, fields

import numpy as np


def check_binary(values, name):
    """Read an array of yes and no.

    Args:
        values: array-like of bool, or of numbers that are all 0 or 1.
        name: what the error calls it.

    Returns:
        The same values as an array of bool.

    Raises:
        ValueError: some value is neither 0 nor 1.

    Example:
        >>> check_binary([0, 1.0], "y_true")
        array([False,  True])
    """
    array = np.asarray(values)
    if array.dtype == bool:
        return array
    if array.dtype.kind in "iuf":
        strange = (array != 0) & (array != 1)
        if not strange.any():
            return array.astype(bool)
        value = array[strange][0]
    else:
        value = next(iter(array.flat), None)
    raise ValueError(
        f"{name} holds {value!s} ({array.dtype}); expected bool, or 0 and 1 alone. "
        "Threshold probabilities first; divide a mask of 0 and 255 by 255."
    )


def check_masks(y_true, y_pred):
    """Read true and predicted masks, of one image or of a batch.

    Args:
        y_true: true masks, shape (images, height, width, classes) or (height, width, classes), values 0 or 1.
        y_pred: predicted masks, same shape; threshold them first.

    Returns:
        Both as arrays of bool with four axes; one image becomes a batch of one.

    Raises:
        ValueError: shapes differ or have another number of axes, or values other than 0 and 1.

    Example:
        >>> check_masks([[[1], [0]]], [[[1], [1]]])[0].shape
        (1, 1, 2, 1)
    """
    true, predicted = check_binary(y_true, "y_true"), check_binary(y_pred, "y_pred")
    check_same_shape(true, predicted)
    if true.ndim not in (3, 4):
        raise ValueError(
            f"Masks have shape {true.shape}; expected (images, height, width, classes) "
            "or (height, width, classes). Is the axis of classes missing?"
        )
    return (true, predicted) if true.ndim == 4 else (true[np.newaxis], predicted[np.newaxis])


def check_same_shape(true, predicted):
    """Raise a ValueError that names both shapes unless they are the same."""
    if true.shape != predicted.shape:
        raise ValueError(
            f"y_true has shape {true.shape}, y_pred {predicted.shape}; expected the same shape. "
            "Are both at the image's own size, in the same order?"
        )


class CountsPerImage:
    """What the frozen dataclasses of counts share: their first axis is the image."""

    def __len__(self):
        """Count the images."""
        return len(self.true)

    def take(self, images):
        """Choose images.

        Args:
            images: their positions, counted from 0, in any order; or an array of bool, one for each image.

        Returns:
            The counts of those images alone.
        """
        chosen = np.atleast_1d(np.asarray(images))
        if chosen.size == 0:
            chosen = chosen.astype(int)
        if chosen.dtype == bool and chosen.shape != (len(self),):
            raise ValueError(
                f"The choice of images has shape {chosen.shape}; expected ({len(self)},), "
                "a bool for each image. Was it made for another split?"
            )
        return type(self)(
            **{
                name: values[chosen] if isinstance(values, np.ndarray) else values.take(chosen)
                for name, values in vars(self).items()
                if values is not None
            }
        )

    def of_class(self, index):
        """Choose one class.

        Args:
            index: its position on the masks' last axis, counted from 0.

        Returns:
            The counts of that class alone, for every image; without the background.
        """
        arrays = {name: values for name, values in vars(self).items() if isinstance(values, np.ndarray)}
        return type(self)(**{name: values[:, [index]] for name, values in arrays.items()})

    @classmethod
    def concatenate(cls, parts):
        """Join the counts of several batches.

        Args:
            parts: counts of one or more batches, in the order the images shall have.

        Returns:
            One set of counts; without the background if some part lacks it.

        Raises:
            ValueError: there is no part, or the parts differ in their number of classes.
        """
        parts = list(parts)
        if not parts:
            raise ValueError("There are no counts to join; expected those of at least one batch. Is the split empty?")
        classes = sorted({part.true.shape[1] for part in parts})
        if len(classes) > 1:
            raise ValueError(
                f"The counts to join have {' and '.join(map(str, classes))} classes; expected one number. "
                "Do they belong to one data set?"
            )
        columns = {field.name: [getattr(part, field.name) for part in parts] for field in fields(cls)}
        return cls(**{name: _join(values) for name, values in columns.items()})

    def _check_arrays(self, names):
        """Turn the named fields into arrays of whole numbers, all of one shape (images, classes)."""
        for name in names:
            values = np.asarray(getattr(self, name))
            if values.dtype.kind not in "iu" or values.ndim != 2 or values.shape != np.shape(self.true):
                raise ValueError(
                    f"{type(self).__name__}.{name} has type {values.dtype} and shape {values.shape}; "
                    "expected whole numbers of shape (images, classes), the same in every field. "
                    "Count them with `pixel_counts` or `component_counts`."
                )
            object.__setattr__(self, name, values.astype(np.int64))


def _join(values):
    """Join one field of all parts: arrays, counts, or None where some part lacks it."""
    if any(value is None for value in values):
        return None
    return np.concatenate(values) if isinstance(values[0], np.ndarray) else PixelCounts.concatenate(values)


@dataclass(frozen=True, eq=False)
class PixelCounts(CountsPerImage):
    """Pixels of every (image, class), all that the pixel scores need.

    Attributes:
        true: pixels of the true mask, whole numbers of shape (images, classes).
        predicted: pixels of the predicted mask, same shape.
        shared: pixels of both, same shape.
        background: the same three counts for the pixels that belong to no class, as one further class; None
            where they are not known, as after a small prediction has been dropped from the counts alone.

    Raises:
        ValueError: a field is no array of whole numbers (images, classes), the shapes differ, or there are
            more shared pixels than true or predicted ones.

    Example:
        >>> counts = PixelCounts(true=[[4, 0]], predicted=[[2, 0]], shared=[[2, 0]])
        >>> len(counts), counts.of_class(0).true.tolist()
        (1, [[4]])
    """

    true: np.ndarray
    predicted: np.ndarray
    shared: np.ndarray
    background: "PixelCounts | None" = None

    def __post_init__(self):
        """Check the shapes, and that the counts are possible."""
        self._check_arrays(("true", "predicted", "shared"))
        impossible = (self.shared > np.minimum(self.true, self.predicted)) | (self.shared < 0)
        if impossible.any():
            image, index = np.argwhere(impossible)[0]
            raise ValueError(
                f"Image {image}, class {index} (both counted from 0): {self.shared[image, index]} shared "
                f"pixels of {self.true[image, index]} true and {self.predicted[image, index]} predicted; "
                "expected 0 up to the smaller of the two. Were the counts of different images put together?"
            )
        if self.background is not None and self.background.true.shape != (len(self), 1):
            raise ValueError(
                f"The background has counts of shape {self.background.true.shape}; expected "
                f"({len(self)}, 1), one class for the same images. "
                "Choose images with `take`, so that both stay together."
            )


def pixel_counts(y_true, y_pred):
    """Count true, predicted and shared pixels for each image and class.

    Args:
        y_true: true masks, shape (images, height, width, classes) or (height, width, classes), values 0 or 1.
        y_pred: predicted masks, same shape; threshold them first.

    Returns:
        PixelCounts, background included; one image gives arrays of shape (1, classes).

    Raises:
        ValueError: shapes differ, or values other than 0 and 1.

    Example:
        >>> counts = pixel_counts([[[1, 0], [1, 0], [0, 0]]], [[[1, 0], [0, 0], [0, 0]]])
        >>> counts.true.tolist(), counts.predicted.tolist(), counts.shared.tolist()
        ([[2, 0]], [[1, 0]], [[1, 0]])
    """
    true, predicted = (_pixels_last(masks) for masks in check_masks(y_true, y_pred))
    background = [~masks.any(axis=1, keepdims=True) for masks in (true, predicted)]
    return PixelCounts(*_count_pixels(true, predicted), background=PixelCounts(*_count_pixels(*background)))


def _pixels_last(masks):
    """Lay masks out as (images, classes, pixels): counting along the last axis is ten times as quick."""
    images, height, width, classes = masks.shape
    return np.ascontiguousarray(masks.reshape(images, height * width, classes).transpose(0, 2, 1))


def _count_pixels(true, predicted):
    """Count along the last axis: true, predicted and shared."""
    return [np.count_nonzero(masks, axis=-1) for masks in (true, predicted, true & predicted)]


def check_probabilities(probabilities):
    """Raise a ValueError that names the first value outside [0, 1], if there is one."""
    # Written so that NaN, for which every comparison is false, counts as outside.
    outside = ~((probabilities >= 0) & (probabilities <= 1))
    if outside.any():
        raise ValueError(
            f"The probabilities hold {probabilities[outside].flat[0]!s}; expected values in [0, 1]. "
            "Do they still need a sigmoid?"
        )
