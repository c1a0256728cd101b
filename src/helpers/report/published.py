"""Published figures beside ours: each with its own measure, on its own images."""

import pandas as pd

from helpers.data.labels import read_published
from helpers.models.length import format_passes
from helpers.results import format_record

NOT_HERE = "not in this run"


def beside_ours(records):
    """The published figures of systems that are reproduced here, beside what the same measure gives for ours.

    Args:
        records: dict of `helpers.results.read_results`.

    Returns:
        Table with source, measure, published (and its split), here, recipe and how that was trained, judged on and what
        differs; a figure whose counterpart was not computed in this run has none.
    """
    rows = []
    for figure in read_published().dropna(subset="ours").itertuples(index=False):
        record = records.get(figure.ours)
        rows.append(
            {
                "source": figure.source,
                "measure": figure.measure,
                "published": f"{figure.value:g}",
                "its split": figure.split,
                "here": NOT_HERE if record is None else format_record(record),
                "recipe": _recipe(records, figure.ours.rpartition(".")[0]),
                "judged on": "–" if record is None else record["split"],
                "what differs": figure.differs,
            }
        )
    return pd.DataFrame(rows)


def _recipe(records, trained):
    """The recipe of a model of the run, on how many images it was trained, and how often each was drawn, in words."""
    name = trained.partition(".")[2]
    images, passes = (records.get(f"{trained}.{each}") for each in ("training_images", "passes"))
    if images is None or passes is None:
        return name
    return f"{name}: {images['value']:,.0f} images, drawn {format_passes(passes['value'])} times each"
