"""Sections of `results.md` on a trained network at work: engines, many images, a line camera and the dashboard."""

import math
import textwrap

from markdown_table import table

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


def predict_section(results):
    """Speed and memory of `steel predict`, and what kills cost."""
    if not results:
        return ""
    rows = [
        [f"`{result['predicted_bundle']}`", option, result["engine"], f"{run['images']:,}",
         f"{run['images_per_second']:,.1f}", f"{run['peak_memory_mib']:,}"]
        for result in results
        for run, option in [*((run, "") for run in result["runs"]), (result["once"], "`--once`")]
    ]  # fmt: skip
    names = ["bundle", "option", "engine", "images", "images a second", "peak memory, MiB"]
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
        frame = f"{result['frame'][0]} x {result['frame'][1]}"
        about = [f"`{result['camera_bundle']}`", "once" if result["once"] else "", result["engine"], frame]
        alone = [f"{single['median']:,.1f}", f"{single['p99']:,.1f}"]
        counts = [f"{line['frames_per_second']:g}", f"{line['frames']:,}", f"{line['missed']:,}"]
        rows.append([*about, *alone, *counts, f"{line['milliseconds_to_the_result']['p99']:,.1f}"])
    names = ["bundle", "passes", "engine", "frame", "batch 1: median, ms", "99th percentile, ms"]
    names += ["line: frames a second", "frames", "missed", "99th percentile to the result, ms"]
    about = f"`line_camera.py`, from the pixels to the runs; {results[0]['processor']}."
    return "\n".join(["## Behind a line camera", "", about, "", table(names, rows)])


def cameras_in_words(results):
    """What README.md says of how long a frame takes; "" where it was not measured."""
    sentences = []
    for result in results:
        alone, line, (height, width) = result["milliseconds_at_batch_1"], result["line"], result["frame"]
        sentences.append(
            f"Measured with `{result['camera_bundle']}`{' and `once=True`' if result['once'] else ''} "
            f"({result['processor']}; {result['engine']}): a frame of "
            f"{height} x {width} pixels takes {alone['median']:.0f} ms at batch 1, 99 of 100 no more than "
            f"{math.ceil(alone['p99'])}; "
            f"of {line['frames']:,} frames, {line['frames_per_second']:g} a second, {line['missed']:,} were missed."
        )
    return "\n".join(textwrap.fill(sentence, 128) for sentence in sentences)


def engines_section(result):
    """Images a second through each engine, a table for each network."""
    text = [f"## Engines: {result['engines_on']}", "", about_engines(result), ""]
    for network in dict.fromkeys(row["network"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["network"] == network]
        text += [f"### {network}, {at_size(result, rows[0])}", "", table(ENGINES, list(engine_rows(rows)))]
    by_name = {(row["subject"], row["engine"]): row["images_per_second"] for row in result["rows"]}
    usual = by_name.get(("unet", "predict"))
    if usual:
        text += [beside_usual(result, usual), ""]
    return "\n".join(text)


def at_size(result, row):
    """The size at which a row's network sees the photographs, in words."""
    return f"at {' x '.join(map(str, result['shapes'][row['subject']]))} pixels"


def beside_usual(result, usual):
    """How far each network and size by its quickest engine is ahead of the U-Net under `predict`, in a sentence."""
    best = {}
    for row in result["rows"]:
        name = f"{row['network']}, {at_size(result, row)},"
        best[name] = max(row["images_per_second"], best.get(name, 0))
    ratios = [f"{name} {rate / usual:.1f} times" for name, rate in best.items()]
    return (
        "From the file to the runs, by the quickest engine of each, beside the U-Net on ResNet18 "
        f"{at_size(result, {'subject': 'unet'})} under Keras `predict`: {'; '.join(ratios)} as many images a second."
    )


def about_engines(result):
    """How engines were timed, in a few sentences."""
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    shapes = {"x".join(map(str, shape)) for shape in result["shapes"].values()}
    rounds = f"medians of {result['rounds']} rounds" if result["rounds"] > 1 else "one round"
    return (
        f"`engines.py`: photographs of 256 x 1600 pixels, networks at {' and '.join(sorted(shapes))}; `predict` in "
        f"batches of {result['batch_size']}; {rounds} of {result['seconds']:g} seconds, least and most "
        "in brackets. From the file to the runs is with decoding, decisions and run lengths; what these "
        "cost is the share of images a second that they take from the network alone, a dash where it was no slower "
        f"with them. The U-Net's weights are {result['unet_weights']}, those of `steel_unet` the ones shipped then "
        f"({result['shipped_weights']}). Changes of `kaggle_dice` are those from Keras on the same images. "
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
        cost = 1 - row["images_per_second"] / row["network_images_per_second"]
        told.append(f"{100 * cost:.0f} %" if cost > 0 else "–")
        check = row["check"]
        yield [*told, f"{check['kaggle_dice_change']:+.4f}" if check else "–", str(check["images"]) if check else "–"]


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
