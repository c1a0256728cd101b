"""Published figures beside ours: each with its own measure, on its own images."""

import pandas as pd

from helpers.data.labels import read_published
from helpers.results import format_estimate


def beside_ours(records):
    """The published figures of systems that are reproduced here, beside what the same measure gives for ours.

    Args:
        records: dict of `helpers.results.read_results`.

    Returns:
        Table with source, measure, published (and its split), here, recipe, judged on and what differs; a figure whose
        counterpart was not computed in this run has none.
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
                "here": "not in this run" if record is None else _text(record),
                "recipe": figure.ours.split(".")[1],
                "judged on": "–" if record is None else record["split"],
                "what differs": figure.differs,
            }
        )
    return pd.DataFrame(rows)


def _text(record):
    """A record's value, with its interval where it has one."""
    return format_estimate(record["value"], record.get("low"), record.get("high"))
