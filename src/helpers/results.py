"""`results.json`: every number that a notebook concludes with, with its unit, split and definition."""

import math
from dataclasses import dataclass
from pathlib import Path

from helpers.files import read_json, write_json


@dataclass(frozen=True)
class Results:
    """The numbers of one run, kept in one JSON file.

    Attributes:
        path: the file `results.json`.
        scope: what stands before each name, such as `01_eda` or `04_segmentation.unet_paper`.
    """

    path: Path
    scope: str

    def record(self, name, value, unit, split, definition, *, low=None, high=None):
        """Store one number and give it back.

        Args:
            name: short name, unique within the scope.
            value: a number; NaN (undefined) is stored as null.
            unit: what is counted, such as "images", "pixels", or "fraction" for a share or score.
            split: the part of the data that it was measured on, such as "train" or "validation".
            definition: one sentence that tells what the number is.
            low: lower end of its 95 % interval, where there is one.
            high: upper end.

        Returns:
            The value, so that a cell can record and show it in one line.

        Raises:
            ValueError: the value is no number, or unit, split or definition is empty.
        """
        if isinstance(value, bool) or not isinstance(value, (int, float)) and not hasattr(value, "__float__"):
            raise ValueError(
                f"{self.scope}.{name}: got {value!r}, expected a number. Record texts in run.json instead."
            )
        for what, text in (("unit", unit), ("split", split), ("definition", definition)):
            if not str(text).strip():
                raise ValueError(f"{self.scope}.{name}: the {what} is empty. Say it in a word or a sentence.")
        record = {"value": value, "unit": unit, "split": split, "definition": definition}
        if low is not None and high is not None:
            record |= {"low": low, "high": high}
        write_json(self.path, read_results(self.path) | {f"{self.scope}.{name}": record})
        return value

    def value(self, name):
        """The number stored under `name` (within the scope, or a full name); NaN where it is undefined.

        Raises:
            KeyError: nothing of that name was recorded.
        """
        records = read_results(self.path)
        found = records.get(f"{self.scope}.{name}", records.get(name))
        if found is None:
            raise KeyError(f"{name} is not in {self.path.name}. Run the notebook that records it first.")
        return math.nan if found["value"] is None else found["value"]


def read_results(path):
    """All records of a run as a dict of name -> {value, unit, split, definition}; empty when there is no file."""
    path = Path(path)
    return read_json(path) if path.exists() else {}


def fresh_results(path, scope):
    """A `Results` for one notebook, cleared of what an earlier run of that notebook recorded."""
    path = Path(path)
    records = read_results(path)
    kept = {name: record for name, record in records.items() if not name.startswith(f"{scope}.")}
    if kept != records:
        write_json(path, kept)
    return Results(path, scope)


def format_estimate(value, low=None, high=None):
    """A score as text, with its interval where it has one; an en dash where it is undefined.

    Example:
        >>> format_estimate(0.61234, 0.55, 0.66), format_estimate(math.nan)
        ('0.612 (0.550 to 0.660)', '–')
    """
    value, low, high = (math.nan if number is None else number for number in (value, low, high))
    if math.isnan(value):
        return "–"
    return f"{value:.3f}" if math.isnan(low) or math.isnan(high) else f"{value:.3f} ({low:.3f} to {high:.3f})"
