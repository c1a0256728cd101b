"""Stages of a training: the first of its steps on batches of one kind, the next ones on those of another."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One stage of a training.

    Attributes:
        make_batches: function of `first_step`, counted from 0 for the whole training, that gives endless batches of
            (images, masks).
        share: share of the training's steps; those of all stages add up to 1.
        work: what a step takes beside one of another stage, such as the pixels of an image.
    """

    make_batches: Callable
    share: float = 1.0
    work: float = 1.0


def batches_in_turn(stages, total_steps, first_step=0):
    """The batches of all stages of a training, one stage after the other.

    Args:
        stages: list of `Stage`.
        total_steps: steps of the whole training.
        first_step: the step to begin with, counted from 0.

    Returns:
        tf.data.Dataset of endless batches: what is left of the stage that the step is of, and then the next ones. It is
        of one kind wherever it begins, so that a training that goes on computes as it did before.
    """
    batches, begin = None, 0
    for stage, end in zip(stages, _ends(stages, total_steps), strict=True):
        start = max(first_step, begin)
        more = stage.make_batches(start)
        if stage is not stages[-1]:
            more = more.take(max(0, end - start))
        batches, begin = more if batches is None else batches.concatenate(more), end
    return batches


def work_of_steps(stages, total_steps):
    """The `work` of each step of a training: list of numbers."""
    work = []
    for stage, end in zip(stages, _ends(stages, total_steps), strict=True):
        work += [stage.work] * (end - len(work))
    return work


def _ends(stages, total_steps):
    """For each stage the step that it ends before; the last one has a step at least."""
    shares = [sum(stage.share for stage in stages[: number + 1]) for number in range(len(stages) - 1)]
    return [*(min(total_steps - 1, round(share * total_steps)) for share in shares), total_steps]
