"""Stages of a training."""

import numpy as np
import pytest
import tensorflow as tf

from helpers.models.stages import Stage, batches_in_turn, work_of_steps


def counting(sign):
    """A stage's batches: the number of the step, by which stage gave it."""
    return lambda first_step: tf.data.Dataset.range(first_step, 1000).map(lambda step: sign * (step + 1))


def of_width(width):
    """A stage's batches of arrays of a width."""
    return lambda first_step: tf.data.Dataset.from_tensors(np.zeros((2, width))).repeat()


STAGES = [Stage(counting(1), 0.5, 0.25), Stage(counting(-1), 0.3), Stage(counting(100), 0.2, 2.0)]
IN_TURN = [1, 2, 3, 4, 5, -6, -7, -8, 900, 1000]  # of ten steps


@pytest.mark.parametrize("first_step", range(10))
def test_batches_in_turn_from_any_step(first_step):
    """What is left of the stage that the step is of, and then the next ones."""
    found = list(batches_in_turn(STAGES, 10, first_step).take(10 - first_step).as_numpy_iterator())
    assert found == IN_TURN[first_step:]


def test_batches_in_turn_have_no_end():
    assert len(list(batches_in_turn(STAGES, 10).take(50))) == 50


def test_batches_in_turn_are_of_one_kind_wherever_they_begin():
    """Also where one size alone is left, so that a training that goes on builds the same graph."""
    stages = [Stage(of_width(3), 0.5), Stage(of_width(4), 0.5)]
    assert [tuple(batch.shape) for batch in batches_in_turn(stages, 4, 1).take(3)] == [(2, 3), (2, 4), (2, 4)]
    kinds = {batches_in_turn(stages, 4, first_step).element_spec for first_step in range(4)}
    assert kinds == {tf.TensorSpec((2, None), tf.float64)}


def test_work_of_steps():
    assert work_of_steps(STAGES, 10) == [0.25] * 5 + [1.0] * 3 + [2.0] * 2


def test_one_stage_is_the_whole_training():
    stages = [Stage(counting(1))]
    assert list(batches_in_turn(stages, 3, 1).take(2).as_numpy_iterator()) == [2, 3]
    assert work_of_steps(stages, 3) == [1.0] * 3


@pytest.mark.parametrize("share", [0.6, 0.999])
def test_the_last_stage_has_a_step_at_least(share):
    """However short the training is."""
    stages = [Stage(counting(1), share, 0.5), Stage(counting(-1), 1 - share)]
    assert work_of_steps(stages, 1) == [1.0] and next(batches_in_turn(stages, 1).as_numpy_iterator()) == -1
    assert work_of_steps(stages, 2) == [0.5, 1.0]
