"""Sections of `results.md` on training: what networks reach in a given time, and what a step of it costs."""

import numpy as np
from markdown_table import table

from helpers.results import format_estimate

VERSUS = [
    "comparison",
    "minutes",
    "trained on",
    "network",
    "steps",
    "seconds",
    "weights",
    "million multiply-adds",
    "defect_dice",
    "miou",
]
DECISIONS = {"usual": "0.5", "tuned": "for kaggle_dice", "tuned_for_defect_dice": "for defect_dice"}
MASKS = ("kaggle_dice", "all_empty_dice", "defect_dice", "empty_accuracy", "miou", "defect_dice at 0.5", "miou at 0.5")
ANSWERS = ("accuracy", "f1", "auc", "average_precision")
OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "muon": "Muon"}
PEERS = {"peer": "U-Net on ResNet18", "peer_bfloat16": "U-Net on ResNet18, bfloat16"}  # of a comparison


def versus_section(results, published):
    """Our network and a U-Net on ResNet18, trained for the same time; a table for each split."""
    text = []
    for split, title in (("groups", "split by groups of copies"), ("publisher", "the publisher's split")):
        found = sorted(
            (row for row in results if row["split"] == split), key=lambda row: (row["minutes"], row["window"])
        )
        if found:
            text += [f"## {found[0]['data']}, {title}", "", about_versus(found[0]), ""]
            numbered = list(enumerate(found, start=1))
            text += [table(VERSUS, [[str(number), *row] for number, result in numbered for row in versus_rows(result)])]
            text += [f"{about_difference(number, result)}\n" for number, result in numbered if beside_peers(result)]
    if text:
        known = published[published["data"] == "NEU-Seg"]
        rows = [[f"[{row.source}](https://doi.org/{row.doi})", row.measure, row.value, row.differs]
                for row in known.itertuples()]  # fmt: skip
        text += ["What papers claim for this set:", "", table(["source", "measure", "value", "how it differs"], rows)]
    return "\n".join(text)


def about_versus(result):
    """How a comparison was made, in a sentence."""
    images, (height, width) = result["images"], result["shape"]
    return (
        f"`versus_unet.py`: trained on {images['train']:,} images at {height} x {width} pixels, whole or in windows, "
        f"in batches of {result['batch_size']}, from random weights; scored on the {images['holdout']:,} images of the "
        f"{result['scored_on']}; {result['processor']}. The same minutes hold more steps on a quicker machine, or on "
        "the same one on another day: networks are compared within a comparison, whose rows were trained one after the "
        "other."
    )


def versus_rows(result):
    """The rows of one comparison: the peer's, and ours for each seed."""
    whole = f"windows of {result['window']}" if result["window"] else "whole images"
    recipe = result["recipe"]
    first = recipe.get("coarse_share", 0)
    began = f"{whole}, {100 * first:.0f} % of the steps on smaller ones" if first else whole
    ours = f"`{result['model']}`, {OPTIMIZERS[recipe['optimizer']]}"
    named = [(whole, title, result[name]) for name, title in PEERS.items() if name in result]
    named += [(began, f"{ours}, seed {run['seed']}{in_precision(run)}", run) for run in result["ours"]]
    for trained_on, name, run in named:
        work = f"{run['multiply_adds'] / 1e6:,.0f}" if "multiply_adds" in run else "–"
        took = [f"{run['steps']:,}", f"{run['seconds']:,.0f}", f"{run['parameters']:,}", work]
        scores = [format_estimate(*run[measure]) for measure in ("defect_dice", "miou")]
        yield [f"{result['minutes']:g}", trained_on, name, *took, *scores]


def beside_peers(result):
    """The peers that ours was compared with; none where ours is missing."""
    return [name for name in PEERS if name in result and result["ours"]]


def about_difference(number, result):
    """How much better or worse ours is than each peer of a comparison, and in how many seconds, in a sentence."""
    ours = {measure: np.mean([run[measure][0] for run in result["ours"]]) for measure in ("defect_dice", "miou")}
    gains = [
        " and ".join(f"{mean - result[name][measure][0]:+.3f} in `{measure}`" for measure, mean in ours.items())
        + f" over the {PEERS[name]} ({result[name]['steps']:,} steps in {result[name]['seconds']:,.0f} seconds)"
        for name in beside_peers(result)
    ]
    seeds = f"mean of {len(result['ours'])} seeds" if len(result["ours"]) > 1 else "one seed"
    took = f"{np.mean([run['seconds'] for run in result['ours']]):,.0f} seconds"
    return (
        f"Comparison {number}, ours by {OPTIMIZERS[result['recipe']['optimizer']]}, {took} "
        f"({seeds}{in_precision(result['ours'][0])}): {'; '.join(gains)}."
    )


def in_precision(run):
    """What to add to a network's name where it was not trained in float32."""
    return ", bfloat16" if run.get("precision") == "mixed_bfloat16" else ""


def folds_section(results):
    """Networks judged by folds on a small real set."""
    if not results:
        return ""
    rows = []
    for result in results:
        ends = result["recipe"]["most_draws"] and result["beginning"].get("pretrained")
        for kind, decisions in DECISIONS.items():
            scores = result[kind]["all"]
            rows.append(
                [result["data"], f"`{result['model']}`", begins_with(result), f"{result['minutes_each_fold']:g}"]
                + [
                    f"{result['recipe']['most_draws']:g}" if ends else "–",
                    f"{result['steps_each_fold']:,}",
                    f"{np.mean(result['seconds_each_fold']):,.0f}",
                    decisions,
                ]
                + [format_estimate(*scores[name]) for name in ("kaggle_dice", "above_floor", "defect_dice")]
            )
    names = ["data", "network", "begins with", "minutes a fold, at most", "draws of an image, at most", "steps",
             "seconds a fold", "decisions", "kaggle_dice", "kaggle_dice − all_empty_dice", "defect_dice"]  # fmt: skip
    about = (
        "`folds.py`: five folds by groups; each image by a network that was not trained on it, by decisions that were "
        "tuned without it."
    )
    lengths = {result["recipe"]["most_draws"] for result in results if result["beginning"].get("pretrained")}
    if len(lengths) > 1:
        about += (
            " How many draws the recipe asks for was chosen by kaggle_dice among these and longer trainings, which "
            "aren't stored, and so by the images that judge it: its own rows are somewhat too good."
        )
    return "\n".join(["## Judged by folds", "", about, "", table(names, rows)])


def begins_with(result):
    """What a training began with, in few words."""
    return result["beginning"].get("pretrained_on") or "random weights"


def recipes_section(result):
    """Every recipe trained for as long on one data set: masks, and the classifiers' answers."""
    masks, answers = [], []
    for name, found in result["recipes"].items():
        work = f"{found['multiply_adds'] / 1e6:,.0f}"
        row = [f"`{name}`", f"{found['steps']:,}", f"{found['seconds']:,.0f}", f"{found['parameters']:,}", work]
        if "answers" in found:
            answers += [
                [*row, answer, *(format_estimate(*scores[measure]) for measure in ANSWERS)]
                for answer, scores in found["answers"].items()
            ]
        else:
            scores = found["tuned"] | {
                f"{measure} at 0.5": found["usual"][measure] for measure in ("defect_dice", "miou")
            }
            masks.append(row + [format_estimate(*scores[measure]) for measure in MASKS])
    height, width = result["shape"]
    images = result["images"]
    about = (
        f"`recipes.py`: each recipe for about {result['recipe_minutes']:g} minutes, from random weights, on "
        f"{images['train']:,} images at {height} x {width} pixels; judged on the holdout, fold 1 by groups of copies, "
        f"{images['holdout']:,} images, {result['defective']:,} of them with a defect, by decisions tuned for "
        f"kaggle_dice on {images['validation']:,} others; {result['processor']}. A recipe is measured anew where it "
        "changes, so that rows may be of different days, on which the same minutes held more steps or fewer."
    )
    took = ["recipe", "steps", "seconds", "weights", "million multiply-adds"]
    parts = [f"## {result['data']}: every recipe for {result['recipe_minutes']:g} minutes", "", about, ""]
    parts += [table([*took, *MASKS], masks)] if masks else []
    if answers:
        parts += ["Is the sheet defective, and of which classes? Accuracy and F1 at 0.5.", ""]
        parts += [table([*took, "answer", *ANSWERS], answers)]
    return "\n".join(parts)


def step_section(results):
    """Time and memory of a training step."""
    if not results:
        return ""
    rows = [
        [
            f"`{row['model']}`, {OPTIMIZERS[row['optimizer']]}{in_precision(row)}",
            f"{row['batch_size']} of {row['shape'][0]} x {row['shape'][1]}",
            f"{row['parameters']:,}",
            f"{row['multiply_adds'] / 1e6:,.0f}",
            f"{1000 * row['seconds_per_step']:,.0f}",
            f"{row['peak_memory_mib']:,}",
        ]
        for row in results
    ]
    names = ["network", "batch", "weights", "million multiply-adds an image", "ms a step", "peak memory, MiB"]
    return "\n".join(["## A training step", "", "`step.py`, without reading images.", "", table(names, rows)])


def tuning_section(result):
    """How long decisions take to be tuned."""
    about = (
        f"`tuning.py`: {result['tuned_images']:,} made-up images of 256 x 1600 pixels, {result['classes']} classes, "
        f"{result['choices']} choices of threshold, smallest mask and holes for each; "
        f"{result['pixels_above_lowest_threshold']:.0%} of the probabilities reach the lowest threshold; "
        f"{result['processor']}."
    )
    rows = [[name, f"{seconds:.2f}"] for name, seconds in result["seconds"].items()]
    return "\n".join(["## Tuning", "", about, "", table(["step", "seconds"], rows)])
