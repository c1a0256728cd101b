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


def batches_in_turn(stages, total_steps):
    """The batches of all stages of a training, one stage after the other.

    Args:
        stages: list of `Stage`.
        total_steps: steps of the whole training.

    Returns:
        Function of `first_step` that gives endless batches: those that are left of its stage, and then of the next.
    """

    def make_batches(first_step):
        batches = None
        for stage, end in _with_ends(stages, total_steps):
            if end is None or first_step < end:
                more = stage.make_batches(first_step)
                more = more if end is None else more.take(end - first_step)
                batches, first_step = more if batches is None else batches.concatenate(more), end
        return batches

    return make_batches


def work_of_step(stages, total_steps, step):
    """The `work` of a step, counted from 0."""
    return next(stage.work for stage, end in _with_ends(stages, total_steps) if end is None or step < end)


def _with_ends(stages, total_steps):
    """(stage, the step that it ends before) for each stage; None for the last one, which has no end."""
    shares = [sum(stage.share for stage in stages[: number + 1]) for number in range(len(stages) - 1)]
    return zip(stages, [*(round(share * total_steps) for share in shares), None], strict=True)
