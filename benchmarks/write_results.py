"""Write `benchmarks/results.md`: the stored results as tables, with what papers claim beside them.

    python benchmarks/write_results.py

The sentences in README.md on a line camera and on many machines are written, too. No number there is typed by hand:
ours come from `results/`, those of papers from `published.csv`.
"""

from pathlib import Path

import pandas as pd
from tables_of_clusters import cluster_section, clusters_in_words
from tables_of_training import folds_section, recipes_section, step_section, tuning_section, versus_section
from tables_of_use import (
    camera_section,
    cameras_in_words,
    dashboard_section,
    engines_section,
    growth_section,
    predict_section,
)

from helpers.files import read_json, write_text

FOLDER = Path(__file__).absolute().parent
BEGINNING = """\
# What was measured

Ours beside what people use today. Each script says at its head how it is called; the tables here are written by
`make readme` from what is stored in `results/`. Brackets: 95 % intervals by bootstrap over groups of images.
"""


def read_results(folder):
    """All that is stored below a folder, list of dicts."""
    return [read_json(path) for path in sorted(folder.glob("results/*.json"))]


def of_cameras(results):
    """Those of `line_camera.py`, as usual first."""
    return sorted((result for result in results if "camera_bundle" in result), key=lambda result: result["once"])


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
        camera_section(of_cameras(results)),
        cluster_section(of_clusters(results)),
        *(engines_section(result) for result in results if "engines_on" in result),
        *(growth_section(result) for result in results if "growth" in result),
        dashboard_section([result for result in results if "dashboard_images" in result]),
    ]
    return "\n".join(part for part in parts if part)


def readme_blocks(results):
    """What README.md says of what was measured: dict of the name of a place in it -> text."""
    return {"cameras": cameras_in_words(of_cameras(results)), "clusters": clusters_in_words(of_clusters(results))}


def place_in_readme(name, block):
    """A block between the two marks of its place."""
    return f"<!-- {name}: written by `make readme` -->\n{block}\n<!-- end of {name} -->"


def write_readme(path, results):
    """Put each of `readme_blocks` between its two marks in README.md."""
    text = path.read_text(encoding="utf-8")
    for name, block in readme_blocks(results).items():
        begin, end = place_in_readme(name, "\n").split("\n\n\n")
        (before, rest) = text.split(begin)
        text = before + place_in_readme(name, block) + rest.split(end)[1]
    write_text(path, text)


def main():
    """Write both."""
    write_text(FOLDER / "results.md", page(FOLDER))
    write_readme(FOLDER.parent / "README.md", read_results(FOLDER))


if __name__ == "__main__":
    main()
