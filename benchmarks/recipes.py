"""Every published recipe beside ours, each trained for as long on the same images and judged on the same holdout.

    python benchmarks/recipes.py DATA --minutes 5

The networks are trained on the training part, decided by the validation part and judged on the holdout, which is the
first fold by groups of copies. Masks by tuned decisions and at 0.5; classifiers at 0.5. Each result is stored under
`benchmarks/results/` as soon as it is there, so that a run that was stopped goes on. `--folder runs/NAME-study/models`
takes up the trainings of a run of the profile `study` that is not completed yet. Where no image is clean, classifiers
learn the classes instead of whether there is a defect.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
from common import LATER, RESULTS, SPLIT_SEED, machine, score, split_by_groups

from helpers.data.dataset import read_dataset
from helpers.data.resize import network_shape
from helpers.data.split import HOLDOUT, TRAIN
from helpers.data.statistics import grey_statistics
from helpers.files import read_json, write_json
from helpers.inference.classify import answer_table, classify_by_holdout, score_answers
from helpers.inference.judging import Plan, judge_by_holdout
from helpers.models.describe import count_multiply_adds
from helpers.models.recipes import find_recipe
from helpers.series.profiles import CLASSIFIERS, PUBLISHED

ROOT = Path(__file__).absolute().parents[1]
OURS = "steel_unet"
FILL_HOLES = True  # tried for each class, as 04_segmentation does
# What the profile `study` calls the same training; its own `classifier_small` is judged by folds, and is left alone.
SHARED_NAMES = {OURS: "steel_unet_short", "classifier_small": "classifier_small_short"}


def judge_masks(plan):
    """Scores of a network for masks, and what it took."""
    trial = judge_by_holdout(plan)
    group, names = trial.judged["group"], plan.dataset.class_names
    return took(trial) | {
        "tuned": score(trial.judge(plan.dataset), group, names)["all"],
        "usual": score(trial.usual_counts(), group, names)["all"],
    }


def judge_answers(plan):
    """Scores of each of a classifier's answers that isn't always the same, and what it took."""
    trial = classify_by_holdout(plan)
    ranked, (_, decided) = score_answers(trial.judged), answer_table(trial.judged)
    answers = {
        name: {score: [round(float(number), 4) for number in row] for score, row in (ranked[name] | scores).items()}
        for name, scores in decided.items()
    }
    return took(trial) | {"answers": answers}


def took(trial):
    """Size, work and time of a training."""
    return {
        "parameters": trial.model.count_params(),
        "multiply_adds": count_multiply_adds(trial.model),
        "steps": int(trial.settings["epochs"] * trial.settings["steps_per_epoch"]),
        "seconds": round(float(trial.history["seconds"].sum()), 1),
    }


def main():
    """Train what is not stored yet, and store it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument(
        "--max-pixels", type=int, default=128 * 800, help="area of the network's input; 0: the images' own"
    )
    parser.add_argument("--folder", type=Path, help="where to keep the trainings")
    parser.add_argument("--only", nargs="+", default=[OURS, *CLASSIFIERS, *PUBLISHED], metavar="RECIPE")
    arguments = parser.parse_args()
    dataset = read_dataset(arguments.data)
    split = split_by_groups(dataset)
    shape = network_shape(dataset.shape, arguments.max_pixels)
    mean, deviation = grey_statistics(dataset, split.loc[split["split"] == TRAIN, "image_id"])
    result = {
        "data": dataset.name,
        "recipe_minutes": arguments.minutes,
        "images": split["split"].value_counts().to_dict(),
        "defective": int((split.loc[split["split"] == HOLDOUT, "combination"] != "none").sum()),
        "shape": list(shape),
        "fill_holes": FILL_HOLES,
        **machine(),
    }
    path = RESULTS / f"recipes-{dataset.name}-{arguments.minutes:g}min.json"
    kept = read_json(path) if path.is_file() else {}
    result["recipes"] = kept["recipes"] if kept | {"recipes": 0} == result | {"recipes": 0} else {}
    all_defective = (split["combination"] != "none").all()
    folder = arguments.folder or ROOT / "runs" / path.stem
    for name in arguments.only:
        recipe = find_recipe(name)
        if recipe.target != "masks" and all_defective:
            recipe = find_recipe(name, target="defect and classes")
        described = json.loads(json.dumps(recipe.describe()))
        if LATER | result["recipes"].get(name, {}).get("recipe", {}) == described:
            continue
        network = {**recipe.arguments, "channels": 1, "grey_mean": mean, "grey_deviation": deviation}
        place = folder / (SHARED_NAMES.get(name, name) if arguments.folder else name)
        training = {"minutes": arguments.minutes, "fill_holes": FILL_HOLES}
        plan = Plan(recipe, network, dataset, split, shape, 1, place, SPLIT_SEED, **training)
        judged = judge_masks(plan) if recipe.target == "masks" else judge_answers(plan)
        result["recipes"][name] = {"recipe": described} | judged
        write_json(path, result)
        print(name, judged, flush=True)


if __name__ == "__main__":
    main()
