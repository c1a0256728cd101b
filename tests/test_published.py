"""Published figures beside ours."""

import re

from helpers.data.labels import read_published
from helpers.models.recipes import RECIPES
from helpers.report.published import beside_ours


def test_beside_ours_gives_the_run_s_own_figures():
    """With interval and split; what the run didn't compute is said to be missing."""
    record = {"value": 0.5, "low": 0.4, "high": 0.6, "split": "folds"}
    name = "04_segmentation.steel_unet"
    trained = {f"{name}.training_images": {"value": 4321}, f"{name}.passes": {"value": 7.0}}
    table = beside_ours({f"{name}.kaggle_dice": record} | trained).set_index("source")
    winner = table.loc["The competition's winner"]
    assert winner["published"] == "0.90883" and winner["here"] == "0.500 (0.400 to 0.600)"
    assert winner["recipe"] == "steel_unet: 4,321 images, drawn 7.0 times each"
    assert winner["judged on"] == "folds" and winner["what differs"]
    few = beside_ours({f"{name}.kaggle_dice": record} | trained | {f"{name}.passes": {"value": 0.12}})
    assert "drawn 0.12 times each" in set(few["recipe"].str.partition("images, ")[2])
    assert (table.drop("The competition's winner")["here"] == "not in this run").all()


def test_every_counterpart_is_a_score_of_a_recipe_and_says_what_differs():
    table = read_published().dropna(subset="ours")
    assert len(table) >= 9 and table["differs"].notna().all()
    for name in table["ours"]:
        notebook, recipe, score = re.fullmatch(r"(0[34]_\w+)\.(\w+)\.(\w+)", name).groups()
        assert recipe in RECIPES and score
        assert (RECIPES[recipe].target == "masks") == (notebook == "04_segmentation")
