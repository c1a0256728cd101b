"""Runs and what came of them: the one that stands, and those that were completed before; listed and compared."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.data.problems import one_line
from helpers.files import read_json, write_json
from helpers.results import decided_model, format_estimate, read_results

HISTORY = "history"
SCORE_UNIT = "fraction"
UNPAIRED = (
    "In brackets: 95 % intervals of each score. The difference has none: the runs are not paired here, and intervals\n"
    "that overlap don't tell whether it is chance. 05_evaluation compares the models of one run pair by pair."
)
MAIN_SCORES = ("kaggle_dice", "above_floor", "defect_dice")  # of a run's best model, in the list of runs


def keep_in_history(run_directory):
    """Keep the settings and results of a run that was just completed in its `history/`."""
    run_directory = Path(run_directory)
    run = read_json(run_directory / "run.json")
    results = read_results(run_directory / "results.json")
    write_json(run_directory / HISTORY / f"{stamp_of(run)}.json", {"run": run, "results": results})


def is_kept(run_directory):
    """Whether a run that ended is in its history as it ended last."""
    run_directory = Path(run_directory)
    stamp = stamp_of(read_json(run_directory / "run.json"))
    return bool(stamp) and (run_directory / HISTORY / f"{stamp}.json").is_file()


def stamp_of(run):
    """The time when a run ended as a name, such as "20260102T030405"; "" where it didn't end."""
    return re.sub(r"[^0-9T]", "", run.get("finished", "")[:19])


def read_history(run_directory):
    """What a run's directory knows of completed runs.

    Args:
        run_directory: such as `runs/severstal-demo`.

    Returns:
        List of dicts with `run` (what `run.json` held) and `results` (what `results.json` held), the oldest first.

    Raises:
        ValueError: a file there holds something else.
    """
    kept = []
    for path in sorted((Path(run_directory) / HISTORY).glob("*.json")):
        entry = read_json(path)
        if not isinstance(entry, dict) or not {"run", "results"} <= set(entry):
            raise ValueError(f"{path}: expected the settings and results of a run. Delete the file.")
        kept.append({"run": entry["run"], "results": entry["results"]})
    return kept


def previous_run(run_directory):
    """The run that was completed last before the one that stands now.

    Returns:
        dict with `run` and `results`; None where there is none.
    """
    path = Path(run_directory) / "run.json"
    stands = stamp_of(read_json(path)) if path.is_file() else ""
    before = [entry for entry in read_history(run_directory) if not stands or stamp_of(entry["run"]) < stands]
    return before[-1] if before else None


def find_run(name, root):
    """A run by what a user calls it.

    Args:
        name: name of a run in `runs/`, path of a run's or a report's directory, or one of these with "@" and the stamp
            of a file in its `history/` behind it.
        root: the project's folder.

    Returns:
        dict with `run` and `results`.

    Raises:
        FileNotFoundError: there is no such run; the message names those that there are.
        ValueError: a file of it is faulty.
    """
    place, _, stamp = (name, "", "") if (Path(name) / "run.json").is_file() else name.partition("@")
    known = sorted(path.parent.name for path in (Path(root) / "runs").glob("*/run.json"))
    folder = next((path for path in (Path(place), Path(root) / "runs" / place) if (path / "run.json").is_file()), None)
    if not place or folder is None:
        raise FileNotFoundError(
            f"{one_line(name)}: there is no run of that name, and no folder with run.json and results.json. "
            f"Runs here: {', '.join(map(one_line, known)) or 'none'}."
        )
    if not stamp:
        found = {"run": read_json(folder / "run.json"), "results": read_results(folder / "results.json")}
        _check_numbers(found["results"], folder / "results.json")
        return found
    kept = {stamp_of(entry["run"]): entry for entry in read_history(folder)}
    if stamp not in kept:
        raise FileNotFoundError(
            f"{one_line(name)}: no run of that time is kept. There are: {', '.join(kept) or 'none'}."
        )
    return kept[stamp]


def _check_numbers(results, path):
    """Stop where a record is none: a report may come from a stranger."""
    for name, record in results.items():
        numbers = [record.get(key) for key in ("value", "low", "high")] if isinstance(record, dict) else ["none"]
        if not all(number is None or isinstance(number, (int, float)) for number in numbers):
            raise ValueError(f"{path}: {one_line(name)} is no record of a number. Was the file changed by hand?")


def list_runs(root):
    """The runs in `runs/`.

    Args:
        root: the project's folder.

    Returns:
        Table of texts with a row for each run, the last one first: data, profile, models, best (of which 05_evaluation
        decided, else by the validation part), its scores with their intervals, finished ("" where the run is under way,
        was stopped or is incomplete) and minutes.
    """
    rows = {}
    for path in sorted((Path(root) / "runs").glob("*/run.json")):
        run, results = read_json(path), read_results(path.parent / "results.json")
        models = _models(results)
        best = decided_model(results, models)
        records = [results.get(f"04_segmentation.{best}.{score}", {}) for score in MAIN_SCORES]
        rows[one_line(path.parent.name)] = {
            "data": one_line(run.get("data", "")),
            "profile": one_line(run.get("profile", "")),
            "models": one_line(", ".join(models)),
            "best": one_line(best or ""),
            **{name: _estimate_text(record) for name, record in zip(MAIN_SCORES, records, strict=True)},
            "finished": one_line(run.get("finished", "")),
            "minutes": f"{run['seconds'] / 60:.1f}" if "seconds" in run else "",
        }
    columns = ["data", "profile", "models", "best", *MAIN_SCORES, "finished", "minutes"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.sort_values("finished", ascending=False, kind="stable")


def _models(results):
    """Names of the segmentation models that recorded something, in that order."""
    found = (re.match(r"04_segmentation\.([^.]+)\.", name) for name in results)
    return list(dict.fromkeys(match[1] for match in found if match))


def _estimate_text(record):
    return format_estimate(record.get("value"), record.get("low"), record.get("high"))


@dataclass(frozen=True, eq=False)
class RunComparison:
    """How two runs differ; printed, its tables one below the other.

    Attributes:
        settings: table of the settings that differ: A and B, as texts, by name.
        versions: the same of versions of packages and of the code.
        scores: table of the shares and scores that differ, the largest change first: A and B with their intervals,
            difference, unit, and the split of each.
        others: the same of other numbers, such as counts and seconds, the largest change in proportion first.
        only_a: names of numbers that A alone has.
        only_b: names of numbers that B alone has.
        same: how many numbers are the same in both.
    """

    settings: pd.DataFrame
    versions: pd.DataFrame
    scores: pd.DataFrame
    others: pd.DataFrame
    only_a: list
    only_b: list
    same: int

    def __str__(self):
        lines = []
        for title in ("settings", "versions", "scores", "others"):
            table = getattr(self, title)
            name = {"others": "Other numbers"}.get(title, title.capitalize())
            shown = table.to_string(max_colwidth=60) if len(table) else "  none"
            lines += [f"{name} that differ:", shown, ""]
            if title == "scores" and len(table):
                lines += [UNPAIRED, ""]
        for name, names in (("A", self.only_a), ("B", self.only_b)):
            if names:
                lines += [f"In {name} alone ({len(names):,}):", *(f"  {one_line(each)}" for each in names), ""]
        return "\n".join([*lines, f"Numbers that are the same in both: {self.same:,}."])


def compare_runs(a, b):
    """Compare two runs.

    Args:
        a: dict with `run` and `results`, of `find_run`.
        b: the same.

    Returns:
        `RunComparison`.
    """
    return RunComparison(
        settings=_differing(run_settings(a["run"]), run_settings(b["run"])),
        versions=_differing(_versions(a["run"]), _versions(b["run"])),
        scores=_differing_numbers(a["results"], b["results"], scores=True),
        others=_differing_numbers(a["results"], b["results"], scores=False),
        only_a=[name for name in a["results"] if name not in b["results"]],
        only_b=[name for name in b["results"] if name not in a["results"]],
        same=sum(name in b["results"] and _same(record, b["results"][name]) for name, record in a["results"].items()),
    )


def run_settings(run):
    """What a run was made with.

    Args:
        run: what its `run.json` holds.

    Returns:
        dict of name -> value: data, its fingerprint, profile, and each step's parameters, such as
        "04_segmentation-unet_paper.EPOCHS"; of an older run, what its user set.
    """
    found = {name: run.get(name) for name in ("data", "fingerprint", "profile")}
    of_steps = {label: step["parameters"] for label, step in run.get("steps", {}).items()}
    for place, parameters in (of_steps or run.get("settings", {})).items():
        found |= {f"{place}.{name}": value for name, value in parameters.items()}
    return found


def _versions(run):
    return {"code": run.get("git_revision"), **run.get("versions", {})}


def _differing(a, b):
    """Table of texts of the values that differ, by name."""
    rows = {
        one_line(name): {"A": _text(a.get(name)), "B": _text(b.get(name))}
        for name in {**a, **b}
        if a.get(name) != b.get(name)
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["A", "B"])


def _text(value):
    return "-" if value is None else one_line(value)


def _same(a, b):
    """Whether two records hold the same number with the same interval."""
    return all(a.get(key) == b.get(key) for key in ("value", "low", "high"))


def _differing_numbers(a, b, scores):
    """Table of the numbers that both have and that differ: of scores, or of all that is no share of a whole."""
    rows, sizes = {}, {}
    for name in a:
        if name not in b or _same(a[name], b[name]) or (b[name].get("unit") == SCORE_UNIT) != scores:
            continue
        values = [math.nan if record.get("value") is None else record["value"] for record in (a[name], b[name])]
        splits = [one_line(record.get("split", "")) for record in (a[name], b[name])]
        shown = one_line(name)
        rows[shown] = {
            "A": _number_text(a[name]),
            "B": _number_text(b[name]),
            "difference": _change_text(values[1] - values[0]),
            "unit": one_line(b[name].get("unit", "")),
            "split": splits[0] if splits[0] == splits[1] else " -> ".join(splits),
        }
        size = abs(values[1] - values[0])
        sizes[shown] = size if scores else size / (max(map(abs, values)) or 1)
    order = sorted(rows, key=lambda name: -1 if math.isnan(sizes[name]) else sizes[name], reverse=True)
    return pd.DataFrame.from_dict(
        {name: rows[name] for name in order}, orient="index", columns=["A", "B", "difference", "unit", "split"]
    )


def _change_text(change):
    return "–" if math.isnan(change) else f"{change:+,.4g}"


def _number_text(record):
    """A number with its interval: scores to three places, counts whole."""
    if isinstance(record.get("value"), int):
        return f"{record['value']:,}"
    return _estimate_text(record)
