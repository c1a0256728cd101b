"""Stages of a training."""

import numpy as np
import pytest
import tensorflow as tf

from helpers.models.stages import Stage, batches_in_turn, work_of_step


def counting(sign):
    """A stage's batches: the number of the step, by which stage gave it."""
    return lambda first_step: tf.data.Dataset.range(first_step, 1000).map(lambda step: sign * (step + 1))


STAGES = [Stage(counting(1), 0.5, 0.25), Stage(counting(-1), 0.3), Stage(counting(100), 0.2, 2.0)]
IN_TURN = [1, 2, 3, 4, 5, -6, -7, -8, 900, 1000]  # of ten steps


@pytest.mark.parametrize("first_step", range(10))
def test_batches_in_turn_from_any_step(first_step):
    """What is left of the stage that the step is of, and then the next ones."""
    found = list(batches_in_turn(STAGES, 10)(first_step).take(10 - first_step).as_numpy_iterator())
    assert found == IN_TURN[first_step:]


def test_batches_in_turn_have_no_end():
    assert len(list(batches_in_turn(STAGES, 10)(0).take(50))) == 50


def test_batches_in_turn_of_other_sizes():
    """Images of each stage's own size."""
    stages = [Stage(lambda first_step, side=side: tf.data.Dataset.from_tensors(np.zeros((2, side))).repeat(), 0.5)
              for side in (3, 4)]  # fmt: skip
    assert [tuple(batch.shape) for batch in batches_in_turn(stages, 4)(1).take(3)] == [(2, 3), (2, 4), (2, 4)]


def test_work_of_step():
    assert [work_of_step(STAGES, 10, step) for step in range(12)] == [0.25] * 5 + [1.0] * 3 + [2.0] * 4


def test_one_stage_is_the_whole_training():
    stages = [Stage(counting(1))]
    assert list(batches_in_turn(stages, 3)(1).take(2).as_numpy_iterator()) == [2, 3]
    assert work_of_step(stages, 3, 2) == 1
