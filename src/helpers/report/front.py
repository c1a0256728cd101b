"""The front page: how good, on what, compared with what, where it fails, and how the run was made."""

import base64
import re
from pathlib import Path

import pandas as pd

from helpers.data.labels import read_published
from helpers.files import read_json
from helpers.history import previous_run
from helpers.report.before import changed_scores, changed_settings
from helpers.report.pages import page_details, render_template
from helpers.report.published import NOT_HERE, beside_ours
from helpers.report.scores import (
    ANSWER_SCORES,
    CLASSIFIED,
    MAIN_SCORES,
    SEGMENTED,
    SPLITS,
    headline,
    judged_on,
    main_model,
    scored_models,
)
from helpers.results import best_model, format_difference, format_estimate, format_record, read_results

# What a network takes: record, heading, what its value is divided by, and how the quotient is written.
COSTS = (
    ("parameters", "weights", 1, ",.0f"),
    ("multiply_adds", "million multiply-adds an image", 1e6, ",.0f"),
    ("seconds", "minutes of training, all its networks", 60, ",.1f"),
)
CLASS_SCORES = ("defect_dice", "empty_accuracy", "kaggle_dice", "all_empty_dice")
NAMED = "named beforehand and not chosen by a score"


def render_front(run_directory, pages, report, files):
    """The front page of a report.

    Args:
        run_directory: the run's directory.
        pages: list of dicts of `describe_page`.
        report: the report's name.
        files: list of dicts of file and what, for the files beside the pages.

    Returns:
        The page's text.
    """
    run_directory = Path(run_directory)
    run, results = read_json(run_directory / "run.json"), read_results(run_directory / "results.json")
    classes = read_classes(run_directory, results)
    aside = _value(results, "01_eda.images_set_aside")
    front = {
        "lead": "Where are the defects on photographs of steel sheets, and of which class is each? The pages go from "
        "the data to a checked submission.",
        "set_aside": f"{_count(aside, 'image')} set aside, because they can't be used." if aside else "",
        "glance": glance(run, results, classes),
        "figure": _picture(run_directory, f"04_{main_model(results)}_predictions")
        or _picture(run_directory, "01_images"),
        "misses": _misses(run_directory),
        "classes": classes,
        "class_names": list(CLASS_SCORES),
        "main": main_model(results),
        "judged_on": judged_on(results),
        "score_names": ["judged on", *MAIN_SCORES],
        "scores": _score_rows(results, SEGMENTED, MAIN_SCORES),
        "answer_names": ["judged on", *(name.removeprefix("at_0_5_") for name in ANSWER_SCORES)],
        "answers": _score_rows(results, CLASSIFIED, ANSWER_SCORES),
        "cost_names": [heading for _, heading, _, _ in COSTS],
        "costs": _cost_rows(results),
        "published": _published_rows(results),
        "before": _before(run_directory, run, results),
        "files": files,
        "facts": _facts(run),
        "notebooks": {page["notebook"]: page["file"] for page in reversed(pages)},
    }
    details = page_details({"file": "index.html", "title": f"Steel defects: {report}"}, pages, report)
    return render_template("front.html.j2", details, front=front)


def read_classes(run_directory, results):
    """The main model's scores of each class, worst first by defect_dice; empty where 05_evaluation gave none.

    Args:
        run_directory: the run's directory.
        results: records of the run.

    Returns:
        List of dicts of name, of dice (the recorded defect_dice, None where it is undefined), and of each score as
        text, such as "0.612 (0.550 to 0.660)".
    """
    path = Path(run_directory) / "tables" / "05_classes.csv"
    if not path.is_file():
        return []
    table = pd.read_csv(path, index_col=0, dtype=str, keep_default_na=False)
    rows = [
        {"name": name, "dice": _value(results, f"05_evaluation.class_{number}_defect_dice"), **row}
        for number, (name, row) in enumerate(
            table.iloc[1:].to_dict("index").items(), start=1
        )  # the first row is of all
    ]
    return sorted(rows, key=lambda row: (row["dice"] is None, row["dice"]))


def glance(run, results, classes):
    """Four questions that a glance answers, in words that the results choose.

    Args:
        run: what `run.json` holds.
        results: records of the run.
        classes: of `read_classes`.

    Returns:
        List of dicts of question, figure (short, large) and lines; a question that the run doesn't answer has none.
    """
    model = main_model(results)
    asked = [_on_what(run, results, model)]
    if model:
        record = {score: results.get(headline(results, model, score), {}) for score in MAIN_SCORES}
        asked = [
            _how_good(model, record, decisions(results)),
            *asked,
            _compared(results, model, record),
            _fails(results, classes),
        ]
    return [answer for answer in asked if answer]


def decisions(results):
    """Of which decisions the main model's headline is, in words."""
    if headline(results, "", "kaggle_dice").startswith("05_evaluation"):
        return "after the last step of 05_evaluation, which ships"
    return "by the decisions of its training in 04_segmentation"


def _how_good(model, record, by_what):
    return {
        "question": "How good?",
        "figure": format_estimate(record["kaggle_dice"].get("value")),
        "lines": [
            f"kaggle_dice of {model}, {by_what}: {format_record(record['kaggle_dice'])}.",
            f"On images and classes that do have a defect: defect_dice {format_record(record['defect_dice'])}.",
        ],
    }


def _on_what(run, results, model):
    images = _value(results, "01_eda.training_images")
    kind = "made-up photographs" if run.get("made_up") else "photographs"
    lines = [f"Labelled images of {run.get('data', 'an unnamed data set')}."]
    defective = _value(results, "01_eda.defective_images")
    if defective is not None:
        lines = [f"Labelled images of {run.get('data')}; {defective:,} have a defect."]
    if model:
        split = results[f"04_segmentation.{model}.kaggle_dice"]["split"]
        lines.append(f"Judged on {SPLITS.get(split, split)}.")
    return {
        "question": "On what?",
        "figure": f"{kind} of steel" if images is None else f"{images:,} {kind}",
        "lines": lines,
    }


def _compared(results, model, record):
    """Held against predicting nothing, against the run's other models, and against what was published."""
    gain, floor = record["above_floor"], record["all_empty_dice"]
    low, high = gain.get("low"), gain.get("high")
    if low is None or high is None:
        verdict = "Without an interval nobody can tell whether that is more than chance."
    elif low > 0:
        verdict = "That is better than predicting nothing."
    elif high < 0:
        verdict = "That is worse than predicting nothing."
    else:
        verdict = "That is not shown to be better or worse than predicting nothing."
    lines = [
        f"Above the floor of {format_record(floor)}, which predicting nothing scores: {format_record(gain)}. {verdict}"
    ]
    others = [name for name in scored_models(results) if name != model]
    if others:
        best = max(others, key=lambda name: _value(results, f"04_segmentation.{name}.kaggle_dice") or 0)
        other = results[f"04_segmentation.{best}.kaggle_dice"]
        by_score = best_model(results, [model, *others]) == model
        lines.append(
            f"The main model of {len(others) + 1}, {'chosen on images that judge none' if by_score else NAMED}; of the "
            f"others {best} has the highest kaggle_dice, {format_record(other)}, by the decisions of its training, "
            f"judged on: {other['split']}."
        )
    published = read_published()
    for figure in published[published["ours"] == f"04_segmentation.{model}.kaggle_dice"].itertuples(index=False):
        lines.append(f"Published: {figure.value:g} ({figure.system}, {figure.measure}, {figure.split}): other images.")
    value = gain.get("value")
    return {
        "question": "Compared with what?",
        "figure": "–" if value is None else format_difference(value),
        "lines": lines,
    }


def _fails(results, classes):
    """The weakest class beside the strongest, and how many defects are found at all."""
    scored = [row for row in classes if row["dice"] is not None]
    figure, lines = _weakest(scored) if scored else ("", [])
    found, false = (results.get(f"05_evaluation.{name}") for name in ("defects_found", "false_components"))
    if found:
        lines.append(f"Share of the defects that are touched at all: {format_record(found)}.")
    if false:
        lines.append(f"Marks on nothing, an image: {format_record(false)}.")
    return {"question": "Where does it fail?", "figure": figure or "–", "lines": lines} if lines else None


def _weakest(scored):
    """The weakest class and what is said of it, from rows in which the weakest is first."""
    worst, best = scored[0], scored[-1]
    none_right = [row["name"] for row in scored if row["dice"] == 0]
    if len(scored) == 1:
        return worst["name"], [f"The one class with a score of its own: defect_dice {worst['defect_dice']}."]
    if best["dice"] == 0:
        return "every class", ["No class has a pixel that is marked rightly: defect_dice is 0 for each."]
    if worst["dice"] == best["dice"]:
        return "no class more", [f"defect_dice is the same for each class, {worst['defect_dice']}."]
    lines = [f"Weakest on {worst['name']}: defect_dice {worst['defect_dice']}."]
    if len(none_right) > 1:
        lines = [f"Nothing is marked rightly of {', '.join(none_right)}: defect_dice is 0."]
    return worst["name"], [*lines, f"Strongest on {best['name']}: {best['defect_dice']}."]


def _score_rows(results, scored, names):
    """A row for each model that has scores: the images that it is judged on, and the scores of these names."""
    rows = []
    for model in scored_models(results, scored):
        records = [results.get(f"{scored[0]}.{model}.{score}", {}) for score in names]
        rows.append({"name": model, "cells": [records[0].get("split", ""), *map(format_record, records)]})
    return rows


def _cost_rows(results):
    """A row for each model that has scores: weights, work and time."""
    rows = []
    for model in scored_models(results):
        found = [(_value(results, f"04_segmentation.{model}.{name}"), by, form) for name, _, by, form in COSTS]
        rows.append(
            {"name": model, "cells": ["–" if value is None else format(value / by, form) for value, by, form in found]}
        )
    return rows


def _published_rows(results):
    """What others published beside this run's counterparts, where it has any."""
    table = beside_ours(results)
    return table[table["here"] != NOT_HERE].to_dict("records")


def _before(run_directory, run, results):
    """The previous completed run of the same name beside this one; None where there was none."""
    before = previous_run(run_directory)
    if before is None:
        return None
    return {
        "finished": readable_time(before["run"].get("finished", "")),
        "settings": changed_settings(before["run"], run),
        "scores": changed_scores(before["results"], results),
    }


def _misses(run_directory):
    """The gallery of the worst misses of 05_evaluation, which says by its caption what it is."""
    for path in sorted((run_directory / "figures").glob("05_gallery_*.json")):
        if read_json(path)["caption"].lower().startswith("worst misses"):
            return _picture(run_directory, path.stem)
    return None


def _picture(run_directory, name):
    """A figure of the run for the page, with its caption and what can be seen; None where there is none."""
    path = run_directory / "figures" / f"{name}.png"
    if not path.is_file():
        return None
    source = "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
    return {"source": source, "anchor": f"figure-{name}", **read_json(path.with_suffix(".json"))}


def _facts(run):
    """What the front page tells about the making of the run, in pairs of name and value."""
    versions = ", ".join(f"{name} {version}" for name, version in run.get("versions", {}).items())
    settings = ", ".join(
        f"{notebook}.{name} = {value!r}"
        for notebook, values in run.get("settings", {}).items()
        for name, value in values.items()
    )
    facts = [
        ("data", run.get("data")),
        ("fingerprint of the data", run.get("fingerprint", "")[:16]),
        ("profile", run.get("profile")),
        ("settings given", settings),
        ("begun", readable_time(run.get("started", ""))),
        ("finished", readable_time(run.get("finished", ""))),
        ("all steps together took", f"{run['seconds'] / 60:.1f} minutes" if "seconds" in run else ""),
        ("code", run.get("git_revision")),
        ("versions", versions),
    ]
    return [(name, value) for name, value in facts if value]


def readable_time(stamp):
    """A time of `helpers.runs.now` for people; another text as it is.

    Example:
        >>> readable_time("2026-01-02T03:04:05+00:00")
        '2026-01-02 03:04 UTC'
    """
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d\+00:00", stamp)
    return f"{found[1]} {found[2]} UTC" if found else stamp


def _value(results, name):
    return results.get(name, {}).get("value")


def _count(number, noun):
    return f"{number:,} {noun} was" if number == 1 else f"{number:,} {noun}s were"
