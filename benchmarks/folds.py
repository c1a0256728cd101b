"""How good is our network on a small real set? Trained and judged by folds of groups.

    python benchmarks/folds.py DATA [--minutes 20] [--model steel_unet] [--pretrained BUNDLE] [--mirrored]
        [--sizes 1 1.25] [--draws 100] [--folder FOLDER]

DATA is a data set in the competition's layout, such as the sample of "Severstal: Steel Defect Detection". Each of five
folds is predicted by a network trained on the others for at most so many minutes, without early stopping; thresholds,
smallest masks and whether holes are filled are tuned for a fold on the other folds' predictions. `--draws` takes the
place of the recipe's `most_draws`, which ends a training that begins with trained weights. A killed run goes on.
Trainings are kept in FOLDER; where that is a model's folder of a run, `runs/<name>-study/models/<model>`, the profile
`study` takes them up. The result is stored under `benchmarks/results/`.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
from dataclasses import asdict, replace

from common import PROCESSOR, RESULTS, SPLIT_SEED, score, split_by_groups

from helpers.data.dataset import read_dataset
from helpers.data.resize import network_shape
from helpers.data.split import TRAIN
from helpers.data.statistics import grey_statistics
from helpers.files import write_json
from helpers.inference.judging import Plan, judge_by_folds
from helpers.models.describe import count_multiply_adds
from helpers.models.recipes import find_recipe

ROOT = Path(__file__).absolute().parents[1]


def main():
    """Train, judge, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--model", default="steel_unet")
    parser.add_argument(
        "--max-pixels", type=int, default=128 * 800, help="area of the network's input; 0: the images' own"
    )
    parser.add_argument("--pretrained", default="", help="a model bundle whose weights to begin with")
    parser.add_argument(
        "--mirrored", action="store_true", help="try the mean over an image and its mirror images, where it gains"
    )
    parser.add_argument(
        "--sizes", type=float, nargs="+", default=[1.0], help="multiples of the network's size to try to predict at"
    )
    parser.add_argument("--draws", type=float, help="in the place of the recipe's most_draws")
    parser.add_argument("--folder", type=Path, help="where to keep the trainings")
    parser.add_argument("--name", default="", help="of the stored result")
    arguments = parser.parse_args()
    dataset = read_dataset(arguments.data)
    split = split_by_groups(dataset)
    shape = network_shape(dataset.shape, arguments.max_pixels)
    recipe = find_recipe(arguments.model)
    if arguments.draws is not None:
        recipe = replace(recipe, most_draws=arguments.draws)
    mean, deviation = grey_statistics(dataset, split.loc[split["split"] == TRAIN, "image_id"])
    begins = "pretrained" if arguments.pretrained else "random"
    draws = "" if arguments.draws is None else f"-{arguments.draws:g}draws"
    name = arguments.name or f"folds-{dataset.name}-{arguments.model}-{begins}-{arguments.minutes:g}min{draws}"
    network = {"channels": 1, "grey_mean": mean, "grey_deviation": deviation, **recipe.arguments}
    plan = Plan(
        recipe,
        network,
        dataset,
        split,
        shape,
        1,
        arguments.folder or ROOT / "runs" / name,
        SPLIT_SEED,
        minutes=arguments.minutes,
        pretrained=arguments.pretrained,
        mirrored=arguments.mirrored,
        sizes=tuple(arguments.sizes),
        fill_holes=True,
    )
    trial = judge_by_folds(plan, ship=False)
    group = trial.judged["group"]
    result = {
        "data": dataset.name,
        "images": len(trial.judged),
        "model": arguments.model,
        "parameters": trial.models[0].count_params(),
        "multiply_adds": count_multiply_adds(trial.models[0]),
        "shape": shape,
        "mirrored": arguments.mirrored,
        "sizes": arguments.sizes,
        "fill_holes": plan.fill_holes,
        "versions": [decisions.version.name for decisions in trial.by_fold.values()],
        "beginning": trial.settings["beginning"],
        "minutes_each_fold": arguments.minutes,
        "steps_each_fold": trial.settings["epochs"] * trial.settings["steps_per_epoch"],
        "seconds_each_fold": trial.history.groupby("fold")["seconds"].sum().round(1).tolist(),
        "recipe": recipe.describe(),
        "processor": PROCESSOR,
        "usual": score(trial.usual_counts(), group, dataset.class_names),
        "tuned": score(trial.judge(dataset), group, dataset.class_names),
        "tuned_for_defect_dice": score(trial.tuned_counts("defect_dice"), group, dataset.class_names),
        "decisions": asdict(trial.decisions),
    }
    path = RESULTS / f"{name}.json"
    write_json(path, result)
    for kind in ("usual", "tuned", "tuned_for_defect_dice"):
        print(kind, result[kind]["all"])
    print(f"Stored in {path.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
