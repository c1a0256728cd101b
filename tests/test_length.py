"""How long a training is said to have been."""

import pandas as pd
import pytest

from helpers.models.length import count_passes, describe_length, passes_form
from helpers.models.recipes import describe_training

SETTINGS = {
    "images": list("abcdefg"), "watched": [], "steps_per_epoch": 2, "batch_size": 3, "most_draws": 4.0, "minutes": 5.0,
}  # fmt: skip


@pytest.mark.parametrize(("epochs", "passes", "told"), [(6, 4.0, "4.0"), (45, 30.0, "30")])
def test_a_length_is_told_in_passes(epochs, passes, told):
    """Seven images in batches of three are three batches, the last one short; minutes and a beginning may end it."""
    trained = describe_training(SETTINGS, pd.DataFrame({"epoch": range(1, epochs + 1)}))
    assert count_passes(trained) == passes
    length = f"In {2 * epochs} steps it drew each image that it learns from {told} times on average."
    begun = trained | {"beginning": {"pretrained": "ab12"}}
    assert describe_length(trained, 5.0) == describe_length(begun) == length
    ended = describe_length(begun, 5.0)
    assert ended.startswith(f"{length} Where its 5 minutes hold more") and "each image 4 times (`most_draws`)" in ended
    assert "fold" not in describe_length(trained, 5.0)
    by_folds = describe_length(trained | {"minutes": 0.0}, 5.0)
    assert (
        by_folds == f"{length} It took as many steps as the network of the first fold, which learns from fewer images."
    )


def test_passes_are_never_told_as_none():
    assert [f"{passes:{passes_form(passes)}}" for passes in (1234.5, 10, 9.96, 1, 0.12, 0.004)] == [
        "1,234", "10", "10.0", "1.0", "0.12", "0.004"
    ]  # fmt: skip
