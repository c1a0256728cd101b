"""`results.json`: every number that a notebook concludes with, with its unit, split and definition."""

import math
import numbers
import sys
from dataclasses import dataclass
from pathlib import Path

from helpers.files import read_json, write_json
from helpers.opened import READ_RESULTS


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
            low: lower end of its 95 % interval, where there is one; only together with `high`.
            high: upper end.

        Returns:
            The value, so that a cell can record and show it in one line.

        Raises:
            ValueError: the value or an end of its interval is no number, only one end is given, or name, unit, split
                or definition is empty.
        """
        full_name = f"{self.scope}.{name}"
        for what, text in (("name", name), ("unit", unit), ("split", split), ("definition", definition)):
            if not isinstance(text, str) or not text.strip():
                raise ValueError(
                    f"{full_name}: the {what} is {text!r}; expected a text. Say it in a word or a sentence."
                )
        if (low is None) != (high is None):
            raise ValueError(f"{full_name}: got low={low!r} and high={high!r}, expected both or none. Give both ends.")
        record = {"value": _plain_number(full_name, value), "unit": unit, "split": split, "definition": definition}
        if low is not None:
            record |= {"low": _plain_number(full_name, low), "high": _plain_number(full_name, high)}
        write_json(self.path, _read_records(self.path) | {full_name: record})
        return value

    def value(self, name):
        """The number stored under `name` (within the scope, or a full name); NaN where it is undefined.

        Raises:
            KeyError: nothing of that name was recorded.
        """
        found = _read_records(self.path).get(f"{self.scope}.{name}")
        if found is None:
            found = read_results(self.path).get(name)
        if found is None:
            raise KeyError(f"{name} is not in {self.path.name}. Run the notebook that records it first.")
        return math.nan if found["value"] is None else found["value"]


def read_results(path):
    """All records of a run as a dict of name -> {value, unit, split, definition}; empty when there is no file.

    A notebook that calls this rests on what others recorded, so that the series is told of it.

    Raises:
        ValueError: the file holds something else.
    """
    sys.audit(READ_RESULTS, str(path))
    return _read_records(path)


def _read_records(path):
    """As `read_results`, for a notebook's own records."""
    path = Path(path)
    records = read_json(path) if path.exists() else {}
    if not isinstance(records, dict):
        raise ValueError(
            f"{path}: got a {type(records).__name__}, expected one record for each name. "
            "Delete the file and run the notebooks again."
        )
    return records


def fresh_results(path, scope):
    """A `Results` for one notebook, cleared of what an earlier run of that notebook recorded.

    The scope `04_segmentation.unet` leaves `04_segmentation.unet_paper` alone; `04_segmentation` clears both.
    """
    path = Path(path)
    records = _read_records(path)
    kept = {name: record for name, record in records.items() if not name.startswith(f"{scope}.")}
    if kept != records:
        write_json(path, kept)
    return Results(path, scope)


def best_model(records, models):
    """The model with the best `kaggle_dice` on the validation part, which judges none of them.

    Args:
        records: dict of `read_results`.
        models: names of models of 04_segmentation; one without that score doesn't count.

    Returns:
        The name, the first in the alphabet of several that are equal; None where no model has the score.
    """
    names = {model: f"04_segmentation.{model}.validation_kaggle_dice" for model in sorted(models)}
    scores = {model: records[name]["value"] or 0.0 for model, name in names.items() if name in records}
    return max(scores, key=scores.get, default=None)


def decided_model(records, models):
    """The model whose decisions 05_evaluation took, told by the records that bear its name; without any, the best one.

    Args:
        records: dict of `read_results`.
        models: names of models of 04_segmentation.

    Returns:
        The name; None where there is neither an evaluation nor a model with a score.
    """
    decided = [model for model in sorted(models) if f"05_evaluation.sheets_passed_{model}".replace(" ", "_") in records]
    return decided[0] if decided else best_model(records, models)


def _plain_number(name, value):
    """A number of any kind as int or float; bool is a number to Python, but to record one is a mistake."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise ValueError(f"{name}: got {value!r:.60}, expected a number. Record texts in run.json instead.")
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def format_record(record):
    """A record as text, with its interval where it has one; an en dash where there is no record (an empty dict)."""
    return format_estimate(record.get("value"), record.get("low"), record.get("high"))


def format_estimate(value, low=None, high=None):
    """A score as text, with its interval where it has one; an en dash where it is undefined.

    Example:
        >>> format_estimate(0.61234, 0.55, 0.66), format_estimate(math.nan)
        ('0.612 (0.550 to 0.660)', '–')
    """
    value, low, high = (math.nan if number is None else number for number in (value, low, high))
    if math.isnan(value):
        return "–"
    return f"{value:z.3f}" if math.isnan(low) or math.isnan(high) else f"{value:z.3f} ({low:z.3f} to {high:z.3f})"


def format_difference(value):
    """A difference of two scores as text, with its sign unless it shows as zero.

    Example:
        >>> format_difference(0.0251), format_difference(-0.0003)
        ('+0.025', '0.000')
    """
    return f"{value:+.3f}" if round(value, 3) else f"{0:.3f}"
