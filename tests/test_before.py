"""What differs between two runs."""

import pytest

from helpers.report.before import changed_scores, changed_settings

RUN = {
    "data": "sheets",
    "profile": "demo",
    "fingerprint": "ab" * 32,
    "git_revision": "0123456789ab",
    "versions": {"keras": "3.15"},
    "steps": {"04_segmentation": {"parameters": {"EPOCHS": 3, "LOSS": ""}}},
}


def test_same_runs_differ_in_nothing():
    assert changed_settings(RUN, RUN) == []


def test_parameter_that_a_profile_or_a_notebook_changed_is_named():
    """Also one that no user gave, which `settings` doesn't hold."""
    steps = {"04_segmentation": {"parameters": {"EPOCHS": 4, "LOSS": "bce"}}}
    assert changed_settings(RUN, RUN | {"steps": steps}) == [
        {"name": "04_segmentation.EPOCHS", "before": "3", "now": "4"},
        {"name": "04_segmentation.LOSS", "before": "''", "now": "bce"},
    ]


@pytest.mark.parametrize(
    ("revision", "text"),
    [("0123456789ab+", "0123456789ab, with changes"), ("unknown", "unknown"), (None, "unknown"), ("", "unknown")],
)
def test_code_that_no_revision_holds_is_never_the_same(revision, text):
    run = RUN | {"git_revision": revision}
    assert changed_settings(run, run) == [{"name": "code", "before": text, "now": text}]


def test_versions_and_data_are_compared():
    other = RUN | {"versions": {"keras": "3.16"}, "fingerprint": "cd" * 32}
    assert changed_settings(RUN, other) == [
        {"name": "fingerprint", "before": "ab" * 8, "now": "cd" * 8},
        {"name": "keras (version)", "before": "3.15", "now": "3.16"},
    ]


def test_change_that_rounds_to_nothing_has_no_sign():
    before, now = ({"04_segmentation.net.kaggle_dice": {"value": value}} for value in (0.8003, 0.8))
    row = changed_scores(before, now)[0]
    assert (row["before"], row["now"], row["change"]) == ("0.800", "0.800", "0.000")
