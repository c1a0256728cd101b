"""Write `benchmarks/results.md`: the stored results as tables, with what papers claim beside them.

    python benchmarks/write_results.py

The sentence on many machines in README.md is written, too. No number there is typed by hand: ours come from `results/`,
those of papers from `published.csv`.
"""

import math
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.files import read_json, write_text
from helpers.results import format_estimate

FOLDER = Path(__file__).absolute().parent
BEGIN, END = "<!-- clusters: written by `make readme` -->", "<!-- end of clusters -->"
VERSUS = [
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
PLANT, STORE, FLEETS, SPARE = 1000, 100_000_000, (10, 100, 1000), 0.2  # what is projected for many machines
ENGINES = [
    "engine",
    "network alone, images a second",
    "times predict",
    "from file to runs, images a second",
    "times predict",
    "reading and encoding cost",
    "kaggle_dice changes by",
    "images",
]
PEERS = {"peer": "U-Net on ResNet18", "peer_bfloat16": "U-Net on ResNet18, bfloat16"}  # of a comparison
BEGINNING = """\
# What was measured

Ours beside what people use today. Each script says at its head how it is called; the tables here are written by
`make readme` from what is stored in `results/`. Brackets: 95 % intervals by bootstrap over groups of images.
"""


def read_results(folder):
    """All that is stored below a folder, list of dicts."""
    return [read_json(path) for path in sorted(folder.glob("results/*.json"))]


def of_clusters(results):
    """Those of `cluster.py`."""
    return [result for result in results if "cluster_bundle" in result]


def page(folder):
    """The page of a folder's results, as Markdown."""
    results = read_results(folder)
    published = pd.read_csv(folder / "published.csv", dtype=str)
    parts = [
        BEGINNING,
        versus_section([result for result in results if "ours" in result], published),
        folds_section([result for result in results if "minutes_each_fold" in result]),
        *(recipes_section(result) for result in results if "recipe_minutes" in result),
        step_section([result for result in results if "seconds_per_step" in result]),
        *(tuning_section(result) for result in results if "tuned_images" in result),
        predict_section([result for result in results if "predicted_bundle" in result]),
        camera_section([result for result in results if "camera_bundle" in result]),
        cluster_section(of_clusters(results)),
        *(engines_section(result) for result in results if "engines_on" in result),
        *(growth_section(result) for result in results if "growth" in result),
        dashboard_section([result for result in results if "dashboard_images" in result]),
    ]
    return "\n".join(part for part in parts if part)


def versus_section(results, published):
    """Our network and a U-Net on ResNet18, trained for the same time; a table for each split."""
    text = []
    for split, title in (("groups", "split by groups of copies"), ("publisher", "the publisher's split")):
        found = sorted(
            (row for row in results if row["split"] == split), key=lambda row: (row["minutes"], row["window"])
        )
        if found:
            text += [f"## {found[0]['data']}, {title}", "", about_versus(found[0]), ""]
            text += [table(VERSUS, [row for result in found for row in versus_rows(result)])]
            text += [f"{' '.join(map(about_difference, found))}\n"]
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
        "the same one on another day: a comparison that is there twice was made on both."
    )


def versus_rows(result):
    """The rows of one comparison: the peer's, and ours for each seed."""
    named = [(title, result[name]) for name, title in PEERS.items() if name in result]
    named += [(f"`{result['model']}`, seed {ours['seed']}{in_precision(ours)}", ours) for ours in result["ours"]]
    for name, run in named:
        work = f"{run['multiply_adds'] / 1e6:,.0f}" if "multiply_adds" in run else "–"
        took = [f"{run['steps']:,}", f"{run['seconds']:,.0f}", f"{run['parameters']:,}", work]
        scores = [format_estimate(*run[measure]) for measure in ("defect_dice", "miou")]
        trained_on = f"windows of {result['window']}" if result["window"] else "whole images"
        yield [f"{result['minutes']:g}", trained_on, name, *took, *scores]


def about_difference(result):
    """How much better or worse ours is than each peer, in a sentence; "" without one."""
    told = [name for name in PEERS if name in result]
    if not told or not result["ours"]:
        return ""
    ours = {measure: np.mean([run[measure][0] for run in result["ours"]]) for measure in ("defect_dice", "miou")}
    gains = [
        " and ".join(f"{mean - result[name][measure][0]:+.3f} in `{measure}`" for measure, mean in ours.items())
        + f" over the {PEERS[name]} ({result[name]['steps']:,} steps)"
        for name in told
    ]
    seeds = f"mean of {len(result['ours'])} seeds" if len(result["ours"]) > 1 else "one seed"
    return f"Ours after {result['minutes']:g} minutes ({seeds}{in_precision(result['ours'][0])}): {'; '.join(gains)}."


def in_precision(run):
    """What to add to a network's name where it was not trained in float32."""
    return ", bfloat16" if run.get("precision") == "mixed_bfloat16" else ""


def folds_section(results):
    """Networks judged by folds on a small real set."""
    if not results:
        return ""
    rows = []
    for result in results:
        for kind, decisions in DECISIONS.items():
            scores = result[kind]["all"]
            rows.append(
                [result["data"], f"`{result['model']}`", begins_with(result), f"{result['minutes_each_fold']:g}"]
                + [f"{sum(result['seconds_each_fold']) / len(result['seconds_each_fold']):,.0f}", decisions]
                + [format_estimate(*scores[name]) for name in ("kaggle_dice", "above_floor", "defect_dice")]
            )
    names = ["data", "network", "begins with", "minutes a fold", "seconds a fold", "decisions", "kaggle_dice",
             "kaggle_dice − all_empty_dice", "defect_dice"]  # fmt: skip
    about = "`folds.py`: five folds by groups; each image by a network, and by decisions, that never saw it."
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
        f"`recipes.py`: each recipe for {result['recipe_minutes']:g} minutes, from random weights, on "
        f"{images['train']:,} images at {height} x {width} pixels; judged on the holdout, fold 1 by groups of copies, "
        f"{images['holdout']:,} images, {result['defective']:,} of them with a defect, by decisions tuned for "
        f"kaggle_dice on {images['validation']:,} others; {result['processor']}."
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
            f"`{row['model']}`",
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


def predict_section(results):
    """Speed and memory of `steel predict`, and what kills cost."""
    if not results:
        return ""
    rows = [
        [f"`{result['predicted_bundle']}`", result["engine"], f"{run['images']:,}", f"{run['images_per_second']:,.1f}",
         f"{run['peak_memory_mib']:,}"]
        for result in results
        for run in result["runs"]
    ]  # fmt: skip
    names = ["bundle", "engine", "images", "images a second", "peak memory, MiB"]
    parts = ["## Many images", "", f"`predict.py`, from files to `predictions.csv`; {results[0]['processor']}.", ""]
    parts += [table(names, rows), *map(about_kills, results), ""]
    return "\n".join(parts)


def about_kills(result):
    """What kills cost, in a sentence."""
    kept = result["chunks_before_and_after_each_kill"]
    lost = sum(after < before for before, after in kept)
    same = "the same to the byte" if result["same_to_the_byte_after_kills"] else "another one"
    return (
        f"`{result['predicted_bundle']}`: killed {len(kept)} times at random moments, in which {lost} finished chunks "
        f"of {result['chunk']} images were lost; the file in the end was {same}."
    )


def camera_section(results):
    """How long a frame of a line camera takes."""
    if not results:
        return ""
    rows = []
    for result in results:
        single, line = result["milliseconds_at_batch_1"], result["line"]
        about = [f"`{result['camera_bundle']}`", result["engine"], f"{result['frame'][0]} x {result['frame'][1]}"]
        alone = [f"{single['median']:,.1f}", f"{single['p99']:,.1f}"]
        counts = [f"{line['frames_per_second']:g}", f"{line['frames']:,}", f"{line['missed']:,}"]
        rows.append([*about, *alone, *counts, f"{line['milliseconds_to_the_result']['p99']:,.1f}"])
    names = ["bundle", "engine", "frame", "batch 1: median, ms", "99th percentile, ms"]
    names += ["line: frames a second", "frames", "missed", "99th percentile to the result, ms"]
    about = f"`line_camera.py`, from the pixels to the runs; {results[0]['processor']}."
    return "\n".join(["## Behind a line camera", "", about, "", table(names, rows)])


def cluster_section(results):
    """Images a second on a cluster, and what more machines would do by that."""
    if not results:
        return ""
    parts = ["## Many machines", "", f"`cluster.py`, measured on one machine; {results[0]['processor']}.", ""]
    measured, projected = [], []
    for result in results:
        about = [f"`{result['cluster_bundle']}`", result["engine"]]
        for name, rate in result["images_per_second"].items():
            same = {True: "yes", False: "no"}.get(result["same_to_the_byte"].get(name), "–")
            measured.append([*about, name, f"{rate:,.1f}", same])
        rate = result["images_per_second"][f"cluster of {result['cores']}"]
        projected += [[*about, *row] for row in project(rate)]
    parts += [table(["bundle", "engine", "processes", "images a second", "same file to the byte"], measured)]
    parts += [
        "**Projected**, not measured: such machines side by side, each as quick as this one with all its cores, and "
        f"{SPARE:.0%} of their time lost to reading from elsewhere and to waiting.",
        "",
        table(["bundle", "engine", "task", "machines", "time"], projected),
    ]
    return "\n".join(parts)


def readme_block(results):
    """What the page on many machines in README.md says of what was measured; "" where nothing was."""
    sentences = []
    for result in results:
        cores, rates = result["cores"], result["images_per_second"]
        together = rates[f"cluster of {cores}"]
        (plant, machines, _), *stores = project(together)
        task, fleet, time = stores[len(stores) // 2]
        killed = rates.get(f"cluster of {cores}, one killed")
        sentences.append(
            f"Measured with `{result['cluster_bundle']}` on one machine ({result['processor']}; {result['engine']}): "
            f"{rates['one process']:,.0f} images a second by one process, {together:,.0f} by a cluster of {cores} "
            + (f"processes, {killed:,.0f} with one of them killed in the middle. " if killed else "processes. ")
            + f"Projected from that, not measured: {machines} such machines for "
            f"{plant.removesuffix(', as they come')}, and {time} for {task} on {fleet}."
        )
    return "\n".join(textwrap.fill(sentence, 128) for sentence in sentences)


def write_readme(path, results):
    """Put `readme_block` between its two marks in README.md."""
    text = path.read_text(encoding="utf-8")
    (before, rest), block = text.split(BEGIN), readme_block(results)
    write_text(path, f"{before}{BEGIN}\n{block}\n{END}{rest.split(END)[1]}")


def project(rate):
    """Rows of (task, machines, time) for a machine that does so many images a second."""
    useful = (1 - SPARE) * rate
    yield [f"{PLANT:,} images a second, as they come", f"{math.ceil(PLANT / useful):,}", "–"]
    for machines in FLEETS:
        days = STORE / (machines * useful) / 86_400
        time = f"{days:,.1f} days" if days >= 1 else f"{24 * days:.1f} hours"
        yield [f"{STORE:,} images in an object store", f"{machines:,}", time]


def engines_section(result):
    """Images a second through each engine, a table for each network."""
    text = [f"## Engines: {result['engines_on']}", "", about_engines(result), ""]
    for network in dict.fromkeys(row["network"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["network"] == network]
        text += [f"### {network}", "", table(ENGINES, list(engine_rows(rows)))]
    by_name = {(row["subject"], row["engine"]): row["images_per_second"] for row in result["rows"]}
    usual = by_name.get(("unet", "predict"))
    if usual:
        text += [beside_usual(result["rows"], usual), ""]
    return "\n".join(text)


def beside_usual(rows, usual):
    """How far the other networks are ahead of the U-Net under `predict`, in a sentence."""
    best = {}
    for row in rows:
        if row["subject"] != "unet":
            best[row["network"]] = max(row["images_per_second"], best.get(row["network"], 0))
    ratios = [f"{network} {rate / usual:.1f} times" for network, rate in best.items()]
    return (
        "From the file to the runs, by the quickest engine, beside the U-Net on ResNet18 under Keras `predict`: "
        f"{', '.join(ratios)} as many images a second."
    )


def about_engines(result):
    """How engines were timed, in a few sentences."""
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    shapes = {"x".join(map(str, shape)) for shape in result["shapes"].values()}
    return (
        f"`engines.py`: photographs of 256 x 1600 pixels, networks at {' and '.join(sorted(shapes))}; `predict` in "
        f"batches of {result['batch_size']}; medians of {result['rounds']} rounds of {result['seconds']:g} seconds, "
        "least and most in brackets. From the file to the runs is with decoding, decisions and run lengths; what these "
        "cost is the share of images a second that they take from the network alone. The U-Net's weights are "
        f"{result['unet_weights']}. Changes of `kaggle_dice` are those from Keras on the same images. "
        f"{result['processor']} ({', '.join(result['abilities'])}); Python {result['python']}, {versions}."
    )


def engine_rows(rows):
    """The rows of one network."""
    usual = next((row for row in rows if row["engine"] == "predict"), None)
    for row in rows:
        told = [row["name"]]
        for key in ("network_images_per_second", "images_per_second"):
            told.append(f"{row[key]:.1f} ({row['least'][key]:.1f} to {row['most'][key]:.1f})")
            told.append(f"{row[key] / usual[key]:.2f}" if usual else "–")
        told.append(f"{100 * (1 - row['images_per_second'] / row['network_images_per_second']):.0f} %")
        check = row["check"]
        yield [*told, f"{check['kaggle_dice_change']:+.4f}" if check else "–", str(check["images"]) if check else "–"]


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


def growth_section(result):
    """How tasks grow with the number of images."""
    rows = []
    for row in sorted(result["growth"], key=lambda row: (row["task"], row["images"])):
        took = [f"{row['seconds']:,.1f}", f"{row['cpu_seconds']:,.1f}", f"{1000 * row['seconds'] / row['images']:,.2f}"]
        rows.append([row["task"], f"{row['images']:,}", *took, f"{row['peak_memory_mib']:,}"])
    names = ["task", "images", "seconds", "CPU seconds", "ms an image", "peak memory, MiB"]
    height, width = result["shape"]
    engine = next(row["found"][0] for row in result["growth"] if row["task"] == "prediction")
    about = (
        f"`growth.py`: made-up sheets of {height} x {width} pixels, each task in a process of its own; prediction with "
        f"`models/steel_unet` by {engine}; {result['processor']}."
    )
    return "\n".join(["## From a hundred images to thousands", "", about, "", table(names, rows)])


def dashboard_section(results):
    """How quick the dashboard is, alone and under load."""
    if not results:
        return ""
    quick = [
        [
            f"{row['dashboard_images']:,}",
            f"{row['seconds_to_start_first']:.1f}",
            f"{row['seconds_to_start']:.1f}",
            *(
                f"{row[kind][part]['median']:.0f} / {row[kind][part]['p99']:.0f}"
                for kind, part in (
                    ("page_ms", "alone"),
                    ("page_ms", "with_pictures"),
                    ("page_again_ms", "with_pictures"),
                )
            ),
        ]
        for row in results
    ]
    loaded = [
        [
            f"{row['dashboard_images']:,}",
            f"{load['clients']}",
            f"{load['seconds']:g}",
            f"{load['requests']:,}",
            f"{sum(load['lost'].values()):,}",
            f"{load['a_second']:,.0f}",
            f"{load['latency_ms']['median']:.0f} / {load['latency_ms']['p99']:.0f}",
        ]
        for row, load in ((row, row["load"]) for row in results)
    ]
    names = ["images", "first start, s", "start, s", "page, ms", "with new thumbnails, ms", "with kept ones, ms"]
    loads = ["images", "clients at once", "seconds", "requests", "lost", "a second", "latency, ms"]
    words = (
        "`dashboard.py`: made-up sheets of 256 x 1600 pixels, 24 on a page; server and clients on one machine with "
        f"{results[0]['processor']}. Times are median / 99th percentile."
    )
    return "\n".join(["## The dashboard", "", words, "", table(names, quick), table(loads, loaded)])


def table(names, rows):
    """A Markdown table."""
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def main():
    """Write both."""
    write_text(FOLDER / "results.md", page(FOLDER))
    write_readme(FOLDER.parent / "README.md", of_clusters(read_results(FOLDER)))


if __name__ == "__main__":
    main()
