"""Thresholds and smallest masks, by hand and against masks."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.counts import PixelCounts, pixel_counts
from helpers.inference.predict import threshold_masks
from helpers.inference.threshold_counts import THRESHOLDS, ThresholdCounts, count_at_thresholds
from helpers.inference.tuning import (
    NEVER,
    PLAIN,
    SIZES,
    Decisions,
    decided_counts,
    describe_decisions,
    score_grid,
    stability,
    tune_decisions,
    tune_versions,
)
from helpers.metrics import defect_dice, dice_by_pair, kaggle_dice
from helpers.models.versions import AS_IT_IS, Version


def random_image(rng, classes=2, kind=np.float32):
    """Masks and probabilities of a small image; some probabilities lie just at a threshold."""
    y_true = (rng.random((6, 9, classes)) > 0.7).astype(np.uint8)
    probabilities = rng.choice([*THRESHOLDS, 0.0, 1.0, 0.123, 0.777], size=y_true.shape).astype(kind)
    return y_true, probabilities


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from([np.float32, np.float64, np.float16]))
def test_decided_counts_are_those_of_the_masks(seed, kind):
    """At any decisions, the counts are those that `threshold_masks` gives."""
    rng = np.random.default_rng(seed)
    images = [random_image(rng, kind=kind) for _ in range(3)]
    counts = ThresholdCounts.concatenate(count_at_thresholds(*image, fill=True) for image in images)
    filled = tuple(rng.random(2) > 0.5)
    decisions = Decisions(tuple(rng.choice(THRESHOLDS, 2)), tuple(rng.choice([0, 0.1, 0.3, 0.6], 2)), filled=filled)
    masks = [threshold_masks(found, decisions.thresholds, decisions.smallest, filled) for _, found in images]
    expected = PixelCounts.concatenate(
        pixel_counts(y_true, mask) for (y_true, _), mask in zip(images, masks, strict=True)
    )
    found = decided_counts(counts, decisions)
    for name in ("true", "predicted", "shared"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def counts_of(true, predicted, shared, pixels=10_000):
    """Counts of one class: a row an image, a column a threshold."""
    true, predicted, shared = (np.array(values) for values in (true, predicted, shared))
    thresholds = tuple(THRESHOLDS[: predicted.shape[1]])
    return ThresholdCounts(
        true[:, np.newaxis], predicted[:, np.newaxis], shared[:, np.newaxis], np.full(len(true), pixels), thresholds
    )


def test_tune_decisions_takes_the_middle_of_a_plateau():
    """The third of five thresholds, though the last but one is a hair better alone."""
    predicted = [[900, 110, 105, 110, 4]]
    shared = [[100, 100, 100, 100, 4]]
    counts = counts_of([100], predicted, shared)
    assert tune_decisions(counts, sizes=(0.0,)) == Decisions((THRESHOLDS[2],), (0.0,))


def test_tune_decisions_drops_small_false_masks():
    """One image has a defect of 500 pixels, three are clean and get 20 pixels each: those are taken back."""
    counts = counts_of([500, 0, 0, 0], [[500] * 5] + [[20] * 5] * 3, [[500] * 5] + [[0] * 5] * 3)
    decisions = tune_decisions(counts)
    (size,) = decisions.smallest
    assert 20 / 10_000 < size <= 500 / 10_000
    assert kaggle_dice(decided_counts(counts, decisions)) == 1


def test_tune_decisions_by_defect_dice_takes_nothing_back():
    """Clean images don't count, so a small mask is never worse than none."""
    counts = counts_of([30, 0], [[30] * 5, [20] * 5], [[25] * 5, [0] * 5])
    assert tune_decisions(counts, "defect_dice").smallest[0] <= 30 / 10_000
    assert tune_decisions(counts, "kaggle_dice").smallest[0] > 0


def test_tune_decisions_of_a_class_that_no_image_speaks_for():
    counts = counts_of([0], [[5] * 5], [[0] * 5])
    assert tune_decisions(counts, "defect_dice") == Decisions((0.5,), (0.0,))


def test_tune_decisions_is_no_worse_than_the_usual_threshold_where_it_was_tuned():
    """On many noisy images, each class by itself."""
    rng = np.random.default_rng(4)
    counts = ThresholdCounts.concatenate(count_at_thresholds(*random_image(rng)) for _ in range(40))
    decisions = tune_decisions(counts)
    assert set(decisions.thresholds) <= set(THRESHOLDS) and set(decisions.smallest) <= set(SIZES)
    usual = dice_by_pair(decided_counts(counts, Decisions((0.5, 0.5), (0.0, 0.0)))).mean()
    assert dice_by_pair(decided_counts(counts, decisions)).mean() >= usual


def test_take_chooses_images():
    rng = np.random.default_rng(5)
    parts = [count_at_thresholds(*random_image(rng)) for _ in range(3)]
    both = ThresholdCounts.concatenate(parts)
    np.testing.assert_array_equal(both.take([2]).shared, parts[2].shared)
    np.testing.assert_array_equal(both.take(np.array([True, False, False])).true, parts[0].true)


def test_tuning_raises():
    rng = np.random.default_rng(6)
    y_true, probabilities = random_image(rng)
    with pytest.raises(ValueError, match=r"y_true has shape \(6, 9, 2\), probabilities \(6, 9\)"):
        count_at_thresholds(y_true, probabilities[..., 0])
    counts = count_at_thresholds(y_true, probabilities)
    with pytest.raises(ValueError, match="not counted so. Count the images with `fill=True`"):
        decided_counts(counts, Decisions((0.5, 0.5), (0.0, 0.0), filled=(True, False)))
    with pytest.raises(ValueError, match="measure: got 'dice'"):
        tune_decisions(counts, "dice")
    with pytest.raises(ValueError, match="threshold 0.33 was not counted"):
        decided_counts(counts, Decisions((0.33, 0.5), (0.0, 0.0)))
    with pytest.raises(ValueError, match="same thresholds"):
        ThresholdCounts.concatenate([])
    with pytest.raises(ValueError, match="same thresholds"):
        ThresholdCounts.concatenate([counts, count_at_thresholds(y_true, probabilities, (0.5,))])


def clean_and_defective(stated):
    """Four images with a defect of 30 pixels, found, and four clean ones with a false mask of 40; what is stated."""
    counts = counts_of([30] * 4 + [0] * 4, [[30] * 5] * 4 + [[40] * 5] * 4, [[30] * 5] * 4 + [[0] * 5] * 4)
    return counts.behind(stated)


def test_tune_decisions_takes_a_gate_where_it_tells_clean_from_defective():
    """No smallest mask could: the false masks are larger. Behind the gate all is right."""
    counts = clean_and_defective([0.9] * 4 + [0.25] * 4)
    decisions = tune_decisions(counts)
    assert 0.25 < decisions.gates[0] <= 0.9 and decisions.smallest_clean[0] > 40 / 10_000
    assert kaggle_dice(decided_counts(counts, decisions)) == 1
    without = tune_decisions(counts.behind(None))
    assert without.gates == () and kaggle_dice(decided_counts(counts.behind(None), without)) == 0.5


def test_tune_decisions_takes_no_gate_that_gains_nothing():
    """A classifier that states the same of all, or that finds all masks clean that are right."""
    for stated in ([0.9] * 8, [0.005] * 4 + [0.9] * 4):
        decisions = tune_decisions(clean_and_defective(stated), "defect_dice")
        assert decisions.gates == (0.0,)


def test_gate_may_ask_for_a_larger_mask_instead_of_rejecting():
    """A large right mask on an image taken for clean is kept, the small false ones beside it are not."""
    true, found = [30] * 4 + [900] + [0] * 4, [30] * 4 + [900] + [40] * 4
    counts = counts_of(true, [[area] * 5 for area in found], [[area] * 5 for area in true])
    decisions = tune_decisions(counts.behind([0.9] * 4 + [0.2] * 5))
    assert 40 / 10_000 < decisions.smallest_clean[0] <= 900 / 10_000
    assert kaggle_dice(decided_counts(counts.behind([0.9] * 4 + [0.2] * 5), decisions)) == 1


def test_decisions_with_a_gate_need_a_classifier():
    with pytest.raises(ValueError, match="nothing is stated. Give its probabilities"):
        Decisions((0.5,), (0.0,), (0.1,), (NEVER,)).smallest_of()
    smallest = Decisions((0.5, 0.5), (0.0, 0.1), (0.3, 0.5), (NEVER, 0.2)).smallest_of([0.4, 0.2])
    assert smallest.tolist() == [[0.0, 0.2], [NEVER, 0.2]]


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_score_grid_is_what_the_decisions_score(seed):
    """At every choice, gates among them, for both measures, and for images counted several times."""
    rng = np.random.default_rng(seed)
    counts = ThresholdCounts.concatenate(
        count_at_thresholds(*random_image(rng, classes=1), fill=True) for _ in range(6)
    )
    counts = counts.behind(rng.random(6))
    times = rng.integers(0, 3, 6)
    drawn = counts.take(np.repeat(np.arange(6), times))
    sizes = (0.0, 0.2, 0.4)
    for measure, score in (("kaggle_dice", kaggle_dice), ("defect_dice", defect_dice)):
        grids = score_grid(counts, 0, measure, sizes, times)
        if not (drawn.true > 0).any():
            continue
        ways = [PLAIN, PLAIN._replace(filled=True), *(way for number, way in enumerate(grids) if number % 5 == 1)]
        for way in ways:
            size, place = rng.integers(3), rng.integers(len(THRESHOLDS))
            clean = way.smallest_clean if way.gate else sizes[size]
            if np.isfinite(grids[way][size, place]):
                decisions = Decisions((THRESHOLDS[place],), (sizes[size],), (way.gate,), (clean,), (way.filled,))
                assert grids[way][size, place] == pytest.approx(score(decided_counts(drawn, decisions)))


def ring_image(hole_is_defect):
    """One class, found as a ring of 12 pixels around 4; the truth is the whole square, or the ring alone."""
    ring = np.ones((4, 4), np.uint8)
    ring[1:3, 1:3] = 0
    found, true = np.zeros((20, 20, 1), np.float32), np.zeros((20, 20, 1), np.uint8)
    found[5:9, 5:9, 0] = 0.98 * ring
    true[5:9, 5:9, 0] = 1 if hole_is_defect else ring
    return true, found


@pytest.mark.parametrize(("hole_is_defect", "filled"), [(True, (True,)), (False, ())])
def test_tune_decisions_fills_holes_where_it_gains(hole_is_defect, filled):
    """And only there, and only where it was counted and asked for."""
    image = ring_image(hole_is_defect)
    counts = ThresholdCounts.concatenate(count_at_thresholds(*image, fill=True) for _ in range(3))
    decisions = tune_decisions(counts)
    assert decisions.filled == filled and kaggle_dice(decided_counts(counts, decisions)) == 1
    assert tune_decisions(counts, fill=False).filled == ()
    assert tune_decisions(count_at_thresholds(*image)).filled == ()
    table = stability(counts, [0, 1, 2], ["pits"], repeats=3)
    assert table.loc["pits", "draws with holes filled"] == bool(filled) and table.loc["pits", "loss"] == 0


def test_holes_are_filled_before_the_size_is_looked_at():
    """The ring has 12 of 400 pixels, the square 16: it is believed from 4 % on when filled."""
    _, found = ring_image(True)
    assert threshold_masks(found, [0.5], [0.04], [True]).sum() == 16
    assert threshold_masks(found, [0.5], [0.04]).sum() == 0


def test_counts_keep_their_filled_ones():
    """When they are joined, chosen from, and put behind a classifier."""
    parts = [count_at_thresholds(*ring_image(True), fill=True) for _ in range(2)]
    both = ThresholdCounts.concatenate(parts).behind([0.2, 0.9]).take([1])
    assert both.filled.stated.tolist() == both.stated.tolist() == [0.9]
    assert both.filled.predicted[0, 0, 0] == 16 and both.predicted[0, 0, 0] == 12
    assert both.filling((True,)).predicted[0, 0, 0] == 16
    mixed = ThresholdCounts.concatenate([parts[0], count_at_thresholds(*ring_image(True))])
    assert mixed.filled is None


def test_tune_versions_takes_what_scores_best_and_else_the_first():
    """Of two that are the same the first; a better one before both; with nothing to speak for any, the first."""
    good, bad = ([30] * 5, [30] * 5), ([40] * 5, [10] * 5)
    mirrored, larger = Version(mirrored=True), Version((1.25,))

    def counted(found):
        return counts_of([30] * 3, [found[0]] * 3, [found[1]] * 3)

    chosen = tune_versions({AS_IT_IS: counted(bad), mirrored: counted(good), larger: counted(good)})
    assert chosen.version == mirrored and chosen == replace(tune_decisions(counted(good)), version=mirrored)
    assert tune_versions({AS_IT_IS: counted(good), mirrored: counted(good)}).version == AS_IT_IS
    nothing = counts_of([0], [[5] * 19], [[0] * 19])
    assert tune_versions({AS_IT_IS: nothing, mirrored: nothing}, "defect_dice").version == AS_IT_IS


def test_describe_decisions_gives_plain_values():
    """All that a later prediction has to follow."""
    decisions = Decisions((0.3,), (0.01,), (0.5,), (2.0,), (np.True_,), Version((1.0, 1.25), mirrored=True))
    described = describe_decisions(decisions, ["pits"])
    assert json.loads(json.dumps(described)) == {
        "class_names": ["pits"], "thresholds": [0.3], "smallest_masks": [0.01], "gates": [0.5],
        "smallest_masks_clean": [2.0], "filled": [True], "sizes": [1.0, 1.25], "mirrored": True,
    }  # fmt: skip


def test_stability_tells_a_sharp_choice_from_a_flat_one():
    """All draws agree where every image says the same; the loss is 0 there."""
    counts = clean_and_defective(None)
    table = stability(counts, np.arange(8), ["pits"], repeats=20)
    assert table.loc["pits", "loss"] >= 0 and table.loc["pits", "draws with a gate"] == 0
    assert table.loc["pits", "threshold, from"] <= table.loc["pits", "threshold"] <= table.loc["pits", "threshold, to"]
    sharp = counts_of([500] * 6, [[900, 700, 500, 100, 1]] * 6, [[500, 500, 500, 100, 1]] * 6)
    table = stability(sharp, np.arange(6), ["pits"], repeats=20)
    assert table.loc["pits", "threshold, from"] == table.loc["pits", "threshold, to"]
    assert table.loc["pits", "loss"] == 0


def test_stability_of_a_class_that_no_image_speaks_for():
    table = stability(counts_of([0, 0], [[5] * 5] * 2, [[0] * 5] * 2), [0, 1], ["pits"], "defect_dice", repeats=3)
    assert table.loc["pits", "threshold"] == 0.5 and np.isnan(table.loc["pits", "loss"])
