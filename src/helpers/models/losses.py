"""Losses to train with, and the soft Dice that is watched meanwhile, in Keras 3."""

import keras
from keras import ops

SMOOTH = 1.0
TVERSKY_ALPHA = 0.7
FOCAL_TVERSKY_GAMMA = 0.75
FOCAL_ALPHA, FOCAL_GAMMA = 0.25, 2.0


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
    y_true, y_pred = _same_shape(y_true, y_pred)
    shared = ops.sum(y_true * y_pred)
    return (2.0 * shared + smooth) / (ops.sum(y_true) + ops.sum(y_pred) + smooth)


def dice_loss(y_true, y_pred, smooth=SMOOTH):
    """One minus `dice_coef`: a scalar tensor in [0, 1]; lower is better."""
    return 1.0 - dice_coef(y_true, y_pred, smooth)


def bce(y_true, y_pred, class_weights=None):
    """Mean binary cross-entropy of the pixels.

    Args:
        y_true: true masks, (batch, height, width, classes), of 0 and 1.
        y_pred: probabilities, same shape.
        class_weights: a number above 0 for each class, or None: each class counts the same.

    Returns:
        Scalar tensor, never below 0; lower is better.

    Raises:
        ValueError: shapes differ.
    """
    y_true, y_pred = _same_shape(y_true, y_pred)
    pixels = keras.losses.binary_crossentropy(y_true[..., None], y_pred[..., None])
    return _mean_of_classes(ops.mean(pixels, axis=_PIXELS), class_weights)


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
    return bce(y_true, y_pred) + dice_loss(y_true, y_pred)


def focal(y_true, y_pred, class_weights=None, alpha=FOCAL_ALPHA, gamma=FOCAL_GAMMA):
    """Mean focal loss of the pixels: cross-entropy that fades where the network is right already.

    Args:
        y_true: true masks, (batch, height, width, classes), of 0 and 1.
        y_pred: probabilities, same shape.
        class_weights: a number above 0 for each class, or None: each class counts the same.
        alpha: weight of the defect's pixels; the others have 1 - alpha.
        gamma: how fast it fades; 0 leaves the weighted cross-entropy.

    Returns:
        Scalar tensor, never below 0; lower is better.

    Raises:
        ValueError: shapes differ.

    Source:
        Lin, Goyal, Girshick, He and Dollár (2017), doi:10.1109/ICCV.2017.324, with its alpha and gamma.
    """
    y_true, y_pred = _same_shape(y_true, y_pred)
    pixels = keras.losses.binary_focal_crossentropy(
        y_true[..., None], y_pred[..., None], apply_class_balancing=True, alpha=alpha, gamma=gamma
    )
    return _mean_of_classes(ops.mean(pixels, axis=_PIXELS), class_weights)


def tversky(y_true, y_pred, class_weights=None, alpha=TVERSKY_ALPHA, smooth=SMOOTH):
    """One minus the Tversky index of each class over the batch, then the mean of the classes.

    Args:
        y_true: true masks, (batch, height, width, classes), of 0 and 1.
        y_pred: probabilities, same shape.
        class_weights: a number above 0 for each class, or None: each class counts the same.
        alpha: weight of missed pixels; invented ones have 1 - alpha. 0.5 gives one minus the Dice of each class.
        smooth: added to both sides of the fraction, so that two empty masks give 0.

    Returns:
        Scalar tensor in [0, 1]; lower is better.

    Raises:
        ValueError: shapes differ.

    Source:
        Salehi, Erdogmus and Gholipour (2017), doi:10.1007/978-3-319-67389-9_44, where beta weighs missed pixels.
    """
    return _mean_of_classes(_tversky_of_classes(y_true, y_pred, alpha, smooth), class_weights)


def class_dice_loss(y_true, y_pred, class_weights=None, smooth=SMOOTH):
    """One minus the soft Dice of each class over the batch, then the mean of the classes: `tversky` of alpha 0.5.

    Returns:
        Scalar tensor in [0, 1]; lower is better.

    Raises:
        ValueError: shapes differ.
    """
    return tversky(y_true, y_pred, class_weights, alpha=0.5, smooth=smooth)


def focal_tversky(y_true, y_pred, class_weights=None, alpha=TVERSKY_ALPHA, gamma=FOCAL_TVERSKY_GAMMA, smooth=SMOOTH):
    """As `tversky`, each class's loss to the power of `gamma`, which lifts the classes that are nearly right.

    Returns:
        Scalar tensor in [0, 1]; lower is better.

    Raises:
        ValueError: shapes differ.

    Source:
        Abraham and Khan (2019), doi:10.1109/ISBI.2019.8759329, whose exponent 1 / gamma is 3 / 4.
    """
    lost = _tversky_of_classes(y_true, y_pred, alpha, smooth)
    # The slope of a power below 1 has no bound at 0.
    return _mean_of_classes(ops.power(ops.maximum(lost, keras.config.epsilon()), gamma), class_weights)


LOSSES = {
    "bce": bce,
    "dice_loss": dice_loss,
    "bce_dice_loss": bce_dice_loss,
    "class_dice_loss": class_dice_loss,
    "tversky": tversky,
    "focal_tversky": focal_tversky,
    "focal": focal,
}
WEIGHS_CLASSES = ("bce", "class_dice_loss", "tversky", "focal_tversky", "focal")


def make_loss(weights, class_weights=None):
    """A loss from the weights of its parts.

    Args:
        weights: dict of name in `LOSSES` -> weight above 0, such as `{"bce": 1.0, "tversky": 1.0}`.
        class_weights: a number above 0 for each class, or None: each class counts the same.

    Returns:
        Function of (y_true, y_pred) that gives a scalar tensor.

    Raises:
        ValueError: a name is not known, a weight is not above 0, or a part can't weigh classes.
    """
    if not weights or set(weights) - set(LOSSES):
        strange = ", ".join(map(repr, sorted(set(weights) - set(LOSSES)))) or "no loss"
        raise ValueError(f"loss: got {strange}; expected a weight for one or more of {', '.join(LOSSES)}.")
    for name, weight in [*weights.items(), *[("a class", weight) for weight in class_weights or ()]]:
        if not weight > 0:
            raise ValueError(f"loss: the weight of {name} is {weight}, expected a number above 0. Leave out what is 0.")
    unweighted = sorted(set(weights) - set(WEIGHS_CLASSES))
    if class_weights is not None and unweighted:
        raise ValueError(
            f"loss: {', '.join(unweighted)} knows no class weights, since it is flattened over the classes. "
            f"Take {', '.join(WEIGHS_CLASSES)}, or leave the class weights out."
        )
    arguments = {} if class_weights is None else {"class_weights": tuple(class_weights)}

    def loss(y_true, y_pred):
        return sum(weight * LOSSES[name](y_true, y_pred, **arguments) for name, weight in weights.items())

    return loss


_PIXELS = (0, 1, 2)  # batch, height and width: all axes but the classes


def _tversky_of_classes(y_true, y_pred, alpha, smooth):
    """One minus the Tversky index of each class, over the batch."""
    y_true, y_pred = _same_shape(y_true, y_pred)
    shared = ops.sum(y_true * y_pred, axis=_PIXELS)
    missed = ops.sum(y_true, axis=_PIXELS) - shared
    invented = ops.sum(y_pred, axis=_PIXELS) - shared
    wrong = alpha * missed + (1.0 - alpha) * invented
    # Not one minus the fraction, which rounding can take below 0; the sums' differences are never below 0 by much.
    return ops.maximum(wrong, 0.0) / (shared + ops.maximum(wrong, 0.0) + smooth)


def _mean_of_classes(values, class_weights):
    """Mean of a value for each class, weighed where weights are given."""
    if class_weights is None:
        return ops.mean(values)
    if len(class_weights) != values.shape[-1]:
        raise ValueError(
            f"got {len(class_weights)} class weights for {values.shape[-1]} classes, expected one for each."
        )
    weights = ops.convert_to_tensor(class_weights, "float32")
    return ops.sum(values * weights) / ops.sum(weights)


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


class DefectDice(keras.metrics.Metric):
    """Mean Dice over the (image, class) pairs that have a defect, at the network's size and a threshold.

    As `helpers.metrics.defect_dice`, but of the size that the network sees. Batches that have none add nothing; where
    no pair has a defect the result is 0.
    """

    def __init__(self, threshold=0.5, name="defect_dice", **arguments):
        super().__init__(name=name, **arguments)
        self.threshold = threshold
        self.total = self.add_weight(name="total", initializer="zeros")
        self.pairs = self.add_weight(name="pairs", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add one batch; `sample_weight` must be None."""
        if sample_weight is not None:
            raise ValueError("defect_dice knows no sample weights: each pair counts the same. Leave them out.")
        y_true, y_pred = _same_shape(y_true, y_pred)
        found = ops.cast(y_pred >= self.threshold, "float32")
        true = ops.sum(y_true, axis=(1, 2))
        both = true + ops.sum(found, axis=(1, 2))
        has_defect = ops.cast(true > 0, "float32")
        dice = 2.0 * ops.sum(y_true * found, axis=(1, 2)) / ops.maximum(both, 1.0)
        self.total.assign_add(ops.sum(dice * has_defect))
        self.pairs.assign_add(ops.sum(has_defect))

    def result(self):
        """Mean over the pairs so far."""
        return self.total / ops.maximum(self.pairs, 1.0)


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


def _same_shape(y_true, y_pred):
    """Both in single precision: a batch has more pixels than half precision can count.

    Stops where the shapes differ, as far as they are known: one of them would be stretched without a word.
    """
    true, predicted = tuple(y_true.shape), tuple(y_pred.shape)
    known = [pair for pair in zip(true, predicted, strict=False) if None not in pair]
    if len(true) != len(predicted) or any(first != second for first, second in known):
        raise ValueError(
            f"y_true has shape {true}, y_pred {predicted}; expected the same shape. "
            "Has the network as many classes as the data set, and its size?"
        )
    return ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
