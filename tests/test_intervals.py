"""Bootstrap intervals: against drawing image by image, their coverage, and the table of results."""

import math

import numpy as np
import pytest

from helpers import intervals
from helpers.classification import classification_terms, roc_auc
from helpers.counts import PixelCounts
from helpers.metrics import ScoreTerms, pixel_score_terms


def random_counts(images=60, classes=3, seed=0):
    """Counts of made-up masks in which about half of the pairs are empty."""
    random = np.random.default_rng(seed)
    true, predicted = (
        random.integers(1, 50, (images, classes)) * random.integers(0, 2, (images, classes)) for _ in range(2)
    )
    background = PixelCounts(*(np.full((images, 1), value) for value in (900, 800, 700)))
    return PixelCounts(true, predicted, np.minimum(true, predicted) // 2, background)


def mean_terms(values):
    """The plain mean."""
    return ScoreTerms(values, np.ones(len(values)))


@pytest.mark.parametrize("draws_at_once", [2_000_000, 70])
def test_bootstrap_interval_equals_drawing_images_literally(monkeypatch, draws_at_once):
    """Weighing groups and putting their images together give the same draws, also in several portions."""
    monkeypatch.setattr(intervals, "_DRAWS_AT_ONCE", draws_at_once)
    counts = random_counts()
    # Twenty groups of uneven size, not sorted.
    groups = np.random.default_rng(1).integers(0, 20, len(counts))
    for terms in pixel_score_terms(counts).values():
        quick = intervals.bootstrap_interval(terms, groups, repeats=50)
        literal = intervals.bootstrap_statistic(
            lambda numerator, denominator: ScoreTerms(numerator, denominator).score(),
            [terms.numerator, terms.denominator],
            groups,
            repeats=50,
        )
        np.testing.assert_allclose(quick, literal, rtol=0, atol=1e-12)
        assert quick.low <= quick.value <= quick.high


def test_bootstrap_statistic_draws_as_often_as_asked(monkeypatch):
    """Also where the last portion of draws is not full: 5 repeats of 4 groups, two at once."""
    monkeypatch.setattr(intervals, "_DRAWS_AT_ONCE", 8)
    sizes = []
    intervals.bootstrap_statistic(lambda values: sizes.append(len(values)) or 0.0, [np.arange(4)], repeats=5)
    assert sizes == [4] * 6


def test_bootstrap_interval_is_repeatable():
    """The same seed gives the same, another one something else."""
    terms = mean_terms(np.random.default_rng(0).random(50))
    first = intervals.bootstrap_interval(terms, seed=3)
    assert intervals.bootstrap_interval(terms, seed=3) == first
    assert intervals.bootstrap_interval(terms, seed=4) != first


def test_bootstrap_interval_of_the_mean_as_in_theory():
    """Of 400 independent values: mean +- 1.96 standard errors, to a tenth of its width."""
    values = np.random.default_rng(0).normal(size=400)
    value, low, high = intervals.bootstrap_interval(mean_terms(values), repeats=4000)
    half = 1.96 * values.std() / 20
    assert value == pytest.approx(values.mean())
    assert (low, high) == pytest.approx((value - half, value + half), abs=0.1 * half)


def test_bootstrap_interval_widens_with_fewer_groups():
    """Images that are alike within their group say less than as many independent ones."""
    values = np.repeat(np.random.default_rng(0).random(40), 5)
    widths = []
    for images_in_a_group in (1, 5, 20):
        _, low, high = intervals.bootstrap_interval(mean_terms(values), np.arange(200) // images_in_a_group)
        widths.append(high - low)
    assert widths[0] < widths[1]
    assert widths[1] / widths[0] == pytest.approx(math.sqrt(5), rel=0.15)


def test_bootstrap_interval_narrows_with_the_level():
    """Half of the draws take less room than 95 % of them."""
    terms = mean_terms(np.random.default_rng(0).random(50))
    half, most = (intervals.bootstrap_interval(terms, level=level) for level in (0.5, 0.95))
    assert most.low < half.low < half.value < half.high < most.high


def test_bootstrap_interval_covers_the_truth_when_groups_are_drawn():
    """300 made-up studies of 40 groups of 5 images, alike within a group, around a true mean of 0.

    About 95 % of the intervals hold 0 when groups are drawn. Drawing images pretends to five times the
    evidence, and holds 0 in about 60 %.
    """
    random = np.random.default_rng(2)
    groups = np.repeat(np.arange(40), 5)
    held = {"groups": 0, "images": 0}
    for study in range(300):
        terms = mean_terms(random.normal(size=40)[groups] + 0.3 * random.normal(size=200))
        for name, labels in (("groups", groups), ("images", None)):
            _, low, high = intervals.bootstrap_interval(terms, labels, repeats=200, seed=study)
            held[name] += low <= 0 <= high
    assert 0.90 <= held["groups"] / 300 <= 0.98
    assert held["images"] / 300 < 0.75


@pytest.mark.parametrize("groups", [["a", "a", "a"], [7, 7, 7]])
def test_bootstrap_interval_of_one_group(groups):
    """One group drawn again and again says nothing of others."""
    value, low, high = intervals.bootstrap_interval(mean_terms([1, 2, 6]), groups)
    assert value == 3
    assert math.isnan(low)
    assert math.isnan(high)


def test_bootstrap_interval_without_images():
    """Nothing is known."""
    assert all(math.isnan(number) for number in intervals.bootstrap_interval(mean_terms([])))


def test_bootstrap_interval_of_a_score_that_is_never_defined():
    """No draw has a denominator."""
    assert all(math.isnan(number) for number in intervals.bootstrap_interval(ScoreTerms([0, 0], [0, 0])))


def test_bootstrap_interval_leaves_out_draws_without_the_class():
    """One image of three has the class: a third of all draws miss it, and the others all give its score."""
    estimate = intervals.bootstrap_interval(ScoreTerms([0.4, 0, 0], [1, 0, 0]))
    assert estimate == pytest.approx((0.4, 0.4, 0.4))


def test_bootstrap_interval_with_groups_of_text_as_of_numbers():
    """Only which images belong together matters, not the labels, as long as they sort alike."""
    terms = mean_terms([1, 2, 3, 4, 5, 6])
    text = intervals.bootstrap_interval(terms, ["a", "a", "b", "b", "c", "c"])
    assert text == intervals.bootstrap_interval(terms, [10, 10, 20, 20, 30, 30])


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        (dict(groups=[1, 2]), r"groups has shape \(2,\); expected \(3,\)"),
        (dict(groups=["a", None, "b"]), "position 1 .*has no group"),
        (dict(groups=[0.0, 1.0, math.nan]), "position 2 .*has no group"),
        (dict(repeats=0), "repeats is 0"),
        (dict(repeats=1.5), "repeats is 1.5"),
        (dict(level=95), "level is 95.*per cent"),
        (dict(level=0), "level is 0"),
    ],
)
def test_bootstrap_raises(keywords, message):
    """Groups, repeats and level, wherever they arrive."""
    terms = mean_terms([1, 2, 3])
    with pytest.raises(ValueError, match=message):
        intervals.bootstrap_interval(terms, **keywords)
    with pytest.raises(ValueError, match=message):
        intervals.paired_bootstrap(terms, terms, **keywords)
    with pytest.raises(ValueError, match=message):
        intervals.bootstrap_statistic(np.mean, [[1, 2, 3]], **keywords)


def test_paired_bootstrap_of_a_score_with_itself():
    """No difference, and no doubt about it."""
    terms = pixel_score_terms(random_counts())["defect_dice"]
    assert intervals.paired_bootstrap(terms, terms) == (0, 0, 0)


def test_paired_bootstrap_cancels_what_is_hard_for_both():
    """Two models that differ by 0.01 on every image: certain, although either score alone is vague."""
    values = np.random.default_rng(0).random(50)
    assert intervals.paired_bootstrap(mean_terms(values + 0.01), mean_terms(values)) == pytest.approx([0.01] * 3)
    _, low, high = intervals.bootstrap_interval(mean_terms(values))
    assert high - low > 0.1


def test_paired_bootstrap_with_the_floor_is_above_floor():
    """One term of the table, and the difference of two others."""
    terms = pixel_score_terms(random_counts())
    paired = intervals.paired_bootstrap(terms["kaggle_dice"], terms["all_empty_dice"])
    assert paired == pytest.approx(intervals.bootstrap_interval(terms["above_floor"]), rel=0, abs=1e-12)


def test_paired_bootstrap_of_different_images():
    """Two scores of different images have no paired difference."""
    with pytest.raises(ValueError, match="2 and 3 images; expected the same images"):
        intervals.paired_bootstrap(mean_terms([1, 2]), mean_terms([1, 2, 3]))


def test_bootstrap_statistic_of_several_arrays():
    """A difference of two areas under the curve, with images kept in one piece."""
    random = np.random.default_rng(0)
    y_true = np.arange(80) % 2
    good, bad = y_true + random.random(80), random.random(80)
    value, low, high = intervals.bootstrap_statistic(
        lambda truth, first, second: roc_auc(truth, first) - roc_auc(truth, second),
        [y_true, good, bad],
        np.arange(80) // 4,
        repeats=200,
    )
    assert value == roc_auc(y_true, good) - roc_auc(y_true, bad)
    assert 0 < low < value < high


def test_bootstrap_statistic_raises():
    """Arrays of different lengths, and none."""
    with pytest.raises(ValueError, match="2 and 3 images"):
        intervals.bootstrap_statistic(roc_auc, [[1, 0, 1], [0.1, 0.2]])
    with pytest.raises(ValueError, match="values for no images"):
        intervals.bootstrap_statistic(roc_auc, [])


def test_interval_table_equals_each_interval_by_itself():
    """All scores come from the same draws."""
    random = np.random.default_rng(0)
    terms = classification_terms(random.random(90) < 0.5, random.random(90) < 0.6)
    groups = np.arange(90) // 3
    table = intervals.interval_table(terms, groups, repeats=100, seed=5)
    assert list(table) == ["accuracy", "precision", "recall", "f1"]
    for name, estimate in table.items():
        assert estimate == pytest.approx(
            intervals.bootstrap_interval(terms[name], groups, repeats=100, seed=5), rel=0, abs=1e-12
        )


def test_score_table_has_every_row_and_measure():
    """All classes first; a class's row is the score of that class alone."""
    counts = random_counts()
    table = intervals.score_table(counts, np.arange(60) // 2, class_names=["pits", "cracks", "holes"], repeats=50)
    assert list(table) == ["all", "pits", "cracks", "holes"]
    assert list(table["all"]) == list(pixel_score_terms(counts))
    assert list(table["pits"]) == [name for name in table["all"] if name != "miou_with_background"]
    for name, terms in pixel_score_terms(counts.of_class(1)).items():
        alone = intervals.bootstrap_interval(terms, np.arange(60) // 2, repeats=50)
        assert table["cracks"][name] == pytest.approx(alone, rel=0, abs=1e-12)
    assert table["all"]["miou"].value == pytest.approx(
        np.mean([table[name]["miou"].value for name in ("pits", "cracks", "holes")])
    )


def test_score_table_counts_unnamed_classes_from_1():
    """As the competition does."""
    assert list(intervals.score_table(random_counts(), repeats=5)) == ["all", "1", "2", "3"]


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "b"], ["a", "b", "all"]])
def test_score_table_with_unfit_class_names(names):
    """Too few, repeated, or the name of the first row."""
    with pytest.raises(ValueError, match="class names are .*expected 3 different ones"):
        intervals.score_table(random_counts(), class_names=names)
