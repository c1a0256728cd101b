"""Scores of one answer for each image, against scikit-learn and by hand."""

import math

import numpy as np
import pytest
import sklearn.calibration
import sklearn.metrics
from hypothesis import assume, given
from hypothesis import strategies as st

from helpers import classification


@st.composite
def answers(draw, values):
    """Truth and something drawn for each image."""
    count = draw(st.integers(1, 30))
    lists = [draw(st.lists(strategy, min_size=count, max_size=count)) for strategy in (st.booleans(), values)]
    return np.array(lists[0]), np.array(lists[1])


# Few distinct scores make ties; any finite float makes nearly equal and huge ones.
SCORES = st.one_of(st.integers(0, 4).map(lambda step: step / 4), st.floats(-1e300, 1e300))
PROBABILITIES = st.integers(0, 16).map(lambda step: step / 16)


@given(answers(st.booleans()))
def test_classification_scores_as_scikit_learn(drawn):
    """NaN where scikit-learn says that the score is undefined."""
    y_true, y_pred = drawn
    expected = {
        "accuracy": sklearn.metrics.accuracy_score(y_true, y_pred),
        "precision": sklearn.metrics.precision_score(y_true, y_pred, zero_division=np.nan),
        "recall": sklearn.metrics.recall_score(y_true, y_pred, zero_division=np.nan),
        "f1": sklearn.metrics.f1_score(y_true, y_pred, zero_division=np.nan),
    }
    scores = classification.classification_scores(y_true, y_pred)
    assert scores == pytest.approx(expected, rel=0, abs=1e-12, nan_ok=True)
    np.testing.assert_array_equal(
        classification.confusion_matrix(y_true, y_pred),
        sklearn.metrics.confusion_matrix(y_true, y_pred, labels=[False, True]),
    )


@given(answers(SCORES))
def test_average_precision_as_scikit_learn(drawn):
    """Ties included; scikit-learn warns where nothing is yes."""
    assume(drawn[0].any())
    expected = sklearn.metrics.average_precision_score(*drawn)
    assert classification.average_precision(*drawn) == pytest.approx(expected, rel=0, abs=1e-12)


@given(answers(SCORES))
def test_roc_auc_as_scikit_learn(drawn):
    """Ties included; scikit-learn warns where only one answer occurs."""
    assume(drawn[0].any() and not drawn[0].all())
    expected = sklearn.metrics.roc_auc_score(*drawn)
    assert classification.roc_auc(*drawn) == pytest.approx(expected, rel=0, abs=1e-12)


@given(answers(SCORES))
def test_roc_auc_is_the_share_of_pairs_in_order(drawn):
    """Every defective sheet against every clean one, ties counting half."""
    y_true, scores = drawn
    pairs = [(yes > no) + (yes == no) / 2 for yes in scores[y_true] for no in scores[~y_true]]
    expected = sum(pairs) / len(pairs) if pairs else math.nan
    assert classification.roc_auc(y_true, scores) == pytest.approx(expected, rel=0, abs=1e-12, nan_ok=True)


@given(answers(PROBABILITIES))
def test_calibration_error_as_scikit_learns_bins(drawn):
    """Sixteenths in eight bins lie exactly on the edges, so that their closed side matters."""
    y_true, probabilities = drawn
    frequency, mean = sklearn.calibration.calibration_curve(y_true, probabilities, n_bins=8, strategy="uniform")
    chosen = [max(math.ceil(probability * 8) - 1, 0) for probability in probabilities]
    sizes = [chosen.count(number) for number in sorted(set(chosen))]
    expected = np.dot(sizes, np.abs(frequency - mean)) / len(y_true)
    found = classification.calibration_error(y_true, probabilities, bins=8)
    assert found == pytest.approx(expected, rel=0, abs=1e-12)


@pytest.mark.parametrize(
    ("y_true", "probabilities", "bins", "expected"),
    [
        ([1, 0], [1.0, 0.0], 15, 0.0),  # sure and right
        ([0, 1], [1.0, 0.0], 15, 1.0),  # sure and wrong
        ([1, 0], [0.5, 0.5], 15, 0.0),  # unsure, and half are yes
        ([1, 1, 1, 0], [0.9, 0.9, 0.1, 0.1], 2, 0.25),  # 2/4 * |0.9 - 1| + 2/4 * |0.1 - 0.5|
        ([1, 0], [0.2, 0.4], 1, 0.2),  # one bin: |0.3 - 0.5|
    ],
)
def test_calibration_error_by_hand(y_true, probabilities, bins, expected):
    """By hand."""
    assert classification.calibration_error(y_true, probabilities, bins=bins) == pytest.approx(expected)


def test_classification_scores_by_hand():
    """A published classifier: 872 normal sheets, precision 1.00, recall 0.73; 1,064 defective, all caught."""
    caught, rejected = 1064, 235
    defective = np.arange(1936) < 1064
    predicted = np.arange(1936) < caught + rejected
    scores = classification.classification_scores(~defective, ~predicted)
    assert {name: round(value, 2) for name, value in scores.items()} == {
        "accuracy": 0.88,
        "precision": 1.00,
        "recall": 0.73,
        "f1": 0.84,
    }
    assert classification.confusion_matrix(defective, predicted).tolist() == [[637, 235], [0, 1064]]


@pytest.mark.parametrize(
    ("y_true", "y_pred", "undefined"),
    [
        ([], [], {"accuracy", "precision", "recall", "f1"}),  # no image
        ([0, 0], [0, 0], {"precision", "recall", "f1"}),  # neither occurs
        ([1, 0], [0, 0], {"precision"}),  # nothing predicted
        ([0, 0], [1, 0], {"recall"}),  # nothing to find
        ([1, 0], [0, 1], set()),  # all wrong: 0, and known
    ],
)
def test_classification_scores_that_are_undefined(y_true, y_pred, undefined):
    """NaN and no silent 0."""
    scores = classification.classification_scores(y_true, y_pred)
    assert {name for name, value in scores.items() if math.isnan(value)} == undefined


def test_ranking_scores_that_are_undefined():
    """One answer only, or no image."""
    for y_true in ([], [0, 0]):
        assert math.isnan(classification.average_precision(y_true, [0.5] * len(y_true)))
        assert math.isnan(classification.roc_auc(y_true, [0.5] * len(y_true)))
    assert math.isnan(classification.roc_auc([1, 1], [0.1, 0.2]))
    assert classification.average_precision([1, 1], [0.1, 0.2]) == 1
    assert math.isnan(classification.calibration_error([], []))


@pytest.mark.parametrize(
    ("has_defect", "predicted", "passed", "rejected"),
    [
        ([1, 1, 0, 0], [1, 1, 0, 0], 0.0, 0.0),  # the same
        ([1, 1, 0, 0], [0, 0, 1, 1], 1.0, 1.0),  # all wrong
        ([1, 1, 0, 0], [0, 1, 0, 0], 0.5, 0.0),  # one of two passed
        ([1, 1, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0], 0.0, 0.25),  # one of four rejected
        ([0, 0], [1, 0], math.nan, 0.5),  # no defective sheet
        ([1, 1], [1, 0], 0.5, math.nan),  # no clean sheet
    ],
)
def test_sheets(has_defect, predicted, passed, rejected):
    """By hand."""
    assert classification.sheets_passed(has_defect, predicted) == pytest.approx(passed, nan_ok=True)
    assert classification.sheets_rejected(has_defect, predicted) == pytest.approx(rejected, nan_ok=True)


@given(answers(SCORES))
def test_sheets_curve_is_both_scores_at_every_threshold(drawn):
    """Each point is what the two functions say of the sheets at or above its threshold."""
    has_defect, scores = drawn
    curve = classification.sheets_curve(has_defect, scores)
    assert curve.thresholds.tolist() == [*np.unique(scores), math.inf]
    for threshold, passed, rejected in zip(*curve, strict=True):
        predicted = scores >= threshold
        np.testing.assert_allclose(classification.sheets_passed(has_defect, predicted), passed)
        np.testing.assert_allclose(classification.sheets_rejected(has_defect, predicted), rejected)


@given(answers(SCORES), st.sampled_from([0.1, 0.5, 0.8, 0.95, 1.0]))
def test_operating_point_is_the_best_on_the_curve(drawn, recall):
    """No threshold with enough recall rejects fewer; of those that reject as few, none passes fewer."""
    has_defect, scores = drawn
    assume(has_defect.any())
    point = classification.operating_point(has_defect, scores, recall)
    predicted = scores >= point.threshold
    assert predicted[has_defect].mean() >= recall
    assert point.passed == pytest.approx(classification.sheets_passed(has_defect, predicted))
    assert point.rejected == pytest.approx(classification.sheets_rejected(has_defect, predicted), nan_ok=True)
    for threshold in np.unique(scores):
        other = scores >= threshold
        if other[has_defect].mean() >= recall:
            wrong, least = other[~has_defect].sum(), predicted[~has_defect].sum()
            assert wrong >= least
            assert wrong > least or other[has_defect].sum() <= predicted[has_defect].sum()


def test_operating_point_with_a_recall_that_is_met_exactly():
    """19 of 20 is 0.95, rounding or not: the one defective sheet below all clean ones is given up."""
    has_defect = np.array([1] * 20 + [0] * 5)
    scores = np.array([0.1] + [0.9] * 19 + [0.5] * 5)
    assert classification.operating_point(has_defect, scores, 0.95) == pytest.approx((0.9, 0.05, 0.0))


def test_operating_point_raises():
    """No defective sheet, and recalls that are no share."""
    with pytest.raises(ValueError, match="None of the 2 sheets has a defect"):
        classification.operating_point([0, 0], [0.1, 0.2], 0.9)
    for recall in (0, 95, math.nan):
        with pytest.raises(ValueError, match=f"recall is {recall}.*per cent"):
            classification.operating_point([1, 0], [0.1, 0.2], recall)


@pytest.mark.parametrize(
    "function",
    [
        classification.confusion_matrix,
        classification.classification_scores,
        classification.classification_terms,
        classification.average_precision,
        classification.roc_auc,
        classification.calibration_error,
        classification.sheets_passed,
        classification.sheets_rejected,
        classification.sheet_terms,
        classification.sheets_curve,
    ],
)
def test_every_score_checks_what_arrives(function):
    """Labels, shapes and axes."""
    with pytest.raises(ValueError, match="y_true holds 2"):
        function([2, 0], [1, 0])
    with pytest.raises(ValueError, match=r"\(2,\), y_pred \(3,\)"):
        function([1, 0], [1, 0, 1])
    with pytest.raises(ValueError, match=r"expected \(images,\).*one by one"):
        function([[1, 0]], [[1, 0]])


@pytest.mark.parametrize("value", [math.nan, math.inf, "high"])
def test_scores_that_are_no_numbers(value):
    """A model that ran away gives NaN, which no ranking can place."""
    with pytest.raises(ValueError, match=f"scores hold {value}"):
        classification.roc_auc([1], [value])


def test_calibration_error_raises():
    """Scores that are no probabilities, and no bins."""
    with pytest.raises(ValueError, match="probabilities hold 1.5"):
        classification.calibration_error([1], [1.5])
    for bins in (0, 2.5):
        with pytest.raises(ValueError, match=f"bins is {bins}"):
            classification.calibration_error([1], [0.5], bins=bins)
