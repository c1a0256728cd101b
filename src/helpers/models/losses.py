"""Losses to train with, and the soft Dice that is watched meanwhile, in Keras 3."""

import keras
from keras import ops

SMOOTH = 1.0


def dice_coef(y_true, y_pred, smooth=SMOOTH):
    """The paper's soft Dice coefficient, flattened over the whole batch and all classes.

    Args:
        y_true: true masks, (batch, height, width, classes), of 0 and 1.
        y_pred: probabilities, same shape.
        smooth: added to both sides of the fraction, so that two empty masks give 1.

    Returns:
        Scalar tensor in [0, 1]; higher is better. `helpers.metrics.batch_dice_coef` is the same in NumPy.

    Raises:
        ValueError: shapes differ.

    Source:
        Milletari, Navab and Ahmadi (2016), doi:10.1109/3DV.2016.79, for the soft form; without squares here.
    """
    _require_same_shape(y_true, y_pred)
    # A batch has more pixels than half precision can count.
    y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
    shared = ops.sum(y_true * y_pred)
    return (2.0 * shared + smooth) / (ops.sum(y_true) + ops.sum(y_pred) + smooth)


def dice_loss(y_true, y_pred, smooth=SMOOTH):
    """One minus `dice_coef`: a scalar tensor in [0, 1]; lower is better."""
    return 1.0 - dice_coef(y_true, y_pred, smooth)


def bce_dice_loss(y_true, y_pred):
    """Mean binary cross-entropy of the pixels, plus `dice_loss`.

    Args:
        y_true: true masks, (batch, height, width, classes), of 0 and 1.
        y_pred: probabilities, same shape.

    Returns:
        Scalar tensor, never below 0; lower is better.

    Raises:
        ValueError: shapes differ.
    """
    _require_same_shape(y_true, y_pred)
    y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
    cross_entropy = ops.mean(keras.losses.binary_crossentropy(y_true, y_pred))
    return cross_entropy + dice_loss(y_true, y_pred)


class BatchDice(keras.metrics.Mean):
    """Mean of `dice_coef` over the batches of an epoch, each weighed by its number of images."""

    def __init__(self, name="dice_coef", **arguments):
        super().__init__(name=name, **arguments)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add one batch; `sample_weight` must be None, since the coefficient is of the batch as a whole."""
        if sample_weight is not None:
            raise ValueError(
                "dice_coef knows no sample weights: it is taken over the batch as a whole. Leave them out."
            )
        return super().update_state(dice_coef(y_true, y_pred), sample_weight=ops.shape(y_true)[0])


def require_binary_labels(masks):
    """Stop where a label is neither 0 nor 1: with such labels cross-entropy has no lower bound.

    Args:
        masks: array of labels.

    Raises:
        ValueError: naming the first other value.
    """
    masks = ops.convert_to_numpy(masks)
    wrong = masks[(masks != 0) & (masks != 1)]
    if wrong.size:
        raise ValueError(
            f"a label is {wrong.flat[0]}, expected 0 or 1. Divide masks of 255 by 255, and encode classes one by one."
        )


def _require_same_shape(y_true, y_pred):
    """Stop where the shapes differ, as far as they are known: one of them would be stretched without a word."""
    true, predicted = tuple(y_true.shape), tuple(y_pred.shape)
    known = [pair for pair in zip(true, predicted, strict=False) if None not in pair]
    if len(true) != len(predicted) or any(first != second for first, second in known):
        raise ValueError(
            f"y_true has shape {true}, y_pred {predicted}; expected the same shape. "
            "Has the network as many classes as the data set, and its size?"
        )
