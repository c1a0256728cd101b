"""The paper's tables, and the check of its numbers."""

import pandas as pd

from helpers.metrics import kaggle_dice_from_parts
from helpers.report.paper.competition import published_values
from helpers.report.paper.facts import LOSS_WORDS
from helpers.report.prose import list_words
from helpers.report.scores import MAIN_SCORES
from helpers.results import format_estimate

PARTS = ("all_empty_dice", "empty_accuracy", "defect_dice")  # what `kaggle_dice` is put together from
TOLERANCE = 1e-9


def counts_table(paper):
    """Images in all, without a defect, and with each class: here, and in the competition's training set.

    Returns:
        Table of texts; the competition's counts stand in it where the data set has its form.
    """
    prose = paper.prose
    records = ["01_eda.training_images", "01_eda.clean_images"]
    records += [f"01_eda.images_with_class_{number}" for number in paper.class_numbers]
    counts = {"here": [prose.number(name) if prose.has(name) else None for name in records]}
    if paper.of_competition:
        measures = ["images", "images with 0 classes", *(f"images with class {n}" for n in paper.class_numbers)]
        counts["competition"] = published_values("training set")[measures].tolist()
    table = pd.DataFrame(index=pd.Index(["images", "without a defect", *paper.dataset.class_names], name="images"))
    for name, numbers in counts.items():
        table[name] = ["–" if number is None else f"{number:,.0f}" for number in numbers]
        table[f"{name}, share"] = ["–" if number is None else f"{number / numbers[0]:.1%}" for number in numbers]
    return table


def networks_table(paper):
    """What each network is, what it costs, and how it was trained, as texts."""
    prose, rows = paper.prose, {}
    for name in paper.models:
        training = paper.bundles[name]["training"]
        rows[name] = {
            "network": paper.bundles[name]["architecture"],
            "weights": _shown(prose, paper.score("parameters", name), 1, ",.0f"),
            "million multiply-adds": _shown(prose, paper.score("multiply_adds", name), 1e6, ",.0f"),
            "minutes": _shown(prose, paper.score("seconds", name), 60, ",.1f"),
            "loss": ", ".join(LOSS_WORDS.get(part, part) for part in training["loss"]),
            "trained on": "defective sheets" if training.get("defects_only") else "all sheets",
        }
    return pd.DataFrame(rows).T.rename_axis("name")


def _shown(prose, name, by, form):
    """A recorded number for a table, or a dash."""
    return format(prose.number(name) / by, form) if prose.has(name) else "–"


def scores_table(paper):
    """The main scores of each network, as texts with their intervals."""
    prose, rows = paper.prose, {}
    for name in paper.models:
        split = prose.records[paper.score("kaggle_dice", name)]["split"]
        rows[name] = {"judged on": f"{split}, {prose.number(paper.judged_images(name)):,} images"}
        for score in (*MAIN_SCORES, "miou"):
            record = prose.records.get(paper.score(score, name), {})
            rows[name][score] = format_estimate(record.get("value"), record.get("low"), record.get("high"))
    return pd.DataFrame(rows).T.rename_axis("network")


def check_identity(paper):
    """How far each recorded `kaggle_dice` is from what its three parts give.

    Returns:
        dict of the record's name -> absolute difference, for those whose parts are recorded and defined, too.
    """
    records, differences = paper.prose.records, {}
    for name, record in records.items():
        stem = name.removesuffix("kaggle_dice")
        parts = [records.get(f"{stem}{part}", {}).get("value") for part in PARTS]
        if stem != name and None not in (record["value"], *parts):
            differences[name] = abs(kaggle_dice_from_parts(*parts) - record["value"])
    return differences


def check_sentence(paper, differences):
    """What `check_identity` found, as a sentence."""
    if not differences:
        return "There is no score in this run to check."
    prose = paper.prose
    wrong = [prose.name(name) for name, difference in differences.items() if difference > TOLERANCE]
    several = len(differences) > 1
    number = prose.setting(len(differences), "scores that were put together from their parts", spelt=True)
    found = "all agree" if several else "it agrees"
    if wrong:
        found = f"{'these do' if len(wrong) > 1 else 'this one does'}n't agree: **{list_words(wrong)}**"
    return (
        f"`kaggle_dice` was put together from its floor and its two parts for {number} recorded "
        f"score{'s' if several else ''}; {found}."
    )
