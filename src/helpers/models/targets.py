"""What a network learns to give: masks, or answers about whole images."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
from keras import ops

from helpers.models.losses import BatchDice, DefectDice

DEFECT = "defect"  # the answer whether an image has any


@dataclass(frozen=True)
class Target:
    """What is learned from the masks of an image.

    Attributes:
        labels: function of masks (batch, height, width, classes) that gives what the network has to give for them; None
            where it is the masks themselves.
        outputs: function of the classes' names that gives a name for each of the network's outputs.
        metrics: function that gives the Keras metrics to watch.
        watched: the one of them that tells how good the network is; higher is better.
    """

    labels: Callable | None
    outputs: Callable
    metrics: Callable
    watched: str


class DefectAuc(keras.metrics.AUC):
    """Area under the ROC curve of the first answer, which is whether an image has a defect.

    In steps of a two-hundredth, as Keras takes it; `helpers.classification.roc_auc` is exact.
    """

    def __init__(self, name="auc", **arguments):
        super().__init__(name=name, **arguments)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add one batch of answers (batch, 1, 1, answers)."""
        super().update_state(y_true[..., 0], y_pred[..., 0], sample_weight)


def class_answers(masks):
    """Whether each class is in an image at all: (batch, 1, 1, classes) of masks (batch, height, width, classes)."""
    return ops.max(masks, axis=(1, 2), keepdims=True)


def defect_answer(masks):
    """Whether there is a defect of any class in an image: (batch, 1, 1, 1)."""
    return ops.max(masks, axis=(1, 2, 3), keepdims=True)


def all_answers(masks):
    """`defect_answer` and then `class_answers`: (batch, 1, 1, 1 + classes)."""
    return ops.concatenate([defect_answer(masks), class_answers(masks)], axis=-1)


def answer_names(class_names):
    """A name for each of `all_answers`; a class that is named as the first answer is gets "class" before its name."""
    return [DEFECT, *(f"class {name}" if name == DEFECT else name for name in class_names)]


TARGETS = {
    "masks": Target(None, list, lambda: [BatchDice(), DefectDice()], "defect_dice"),
    DEFECT: Target(defect_answer, lambda class_names: [DEFECT], lambda: [DefectAuc()], "auc"),
    "defect and classes": Target(all_answers, answer_names, lambda: [DefectAuc()], "auc"),
}
