"""The report: a page for each executed notebook, a front page, and the list of reports."""

import os
import re
import shutil
from functools import cache
from pathlib import Path

import jinja2
import nbformat
from markupsafe import Markup
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

from helpers.files import read_json, replace_folder, restore_folder, write_text
from helpers.results import best_model, format_estimate, read_results

TEMPLATES = Path(__file__).parent / "templates"
MAIN_SCORES = ("kaggle_dice", "all_empty_dice", "above_floor", "defect_dice", "empty_accuracy")
ANSWER_SCORES = (
    "auc", "average_precision", "at_0_5_accuracy", "at_0_5_f1", "at_0_5_sheets_passed", "at_0_5_sheets_rejected"
)  # fmt: skip
SEGMENTED, CLASSIFIED = ("04_segmentation", "kaggle_dice"), ("03_classifier", "auc")
# What a network takes: record, heading, what its value is divided by, and how the quotient is written.
COSTS = (
    ("parameters", "weights", 1, ",.0f"),
    ("multiply_adds", "million multiply-adds an image", 1e6, ",.0f"),
    ("seconds", "minutes of training, all its networks", 60, ",.1f"),
)
FOOTER = "Made by steel-defect-report. Every number in it was computed by the run that it describes."
FILES = {
    "results.json": "every number of this report, with unit, split and definition",
    "submission.csv": "the predictions of the test images, in the competition's format",
    "submission.xlsx": "the same as a workbook",
}


def write_report(run_directory, report_directory):
    """Write a run's report in one step: the last good report stays in place until the new one is whole.

    Args:
        run_directory: with `notebooks/` (executed), `figures/`, `tables/`, `results.json` and `run.json`.
        report_directory: such as `reports/severstal`; replaced as a whole.

    Returns:
        Path of the report's front page.
    """
    run_directory, report_directory = Path(run_directory), Path(report_directory)
    restore_folder(report_directory)
    new = report_directory.with_name(f".new-{report_directory.name}-{os.getpid()}")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        notebooks = sorted((run_directory / "notebooks").glob("*.ipynb"))
        pages = [_describe_page(path) for path in notebooks]
        for path, page in zip(notebooks, pages, strict=True):
            write_text(new / page["file"], render_notebook(path, page, pages, report_directory.name))
        for name, ending in (("figures", "png"), ("tables", "csv")):
            for path in sorted((run_directory / name).glob(f"[!.]*.{ending}")):
                (new / name).mkdir(exist_ok=True)
                shutil.copy2(path, new / name / path.name)
        for name in (*FILES, "run.json"):
            if (run_directory / name).is_file():
                shutil.copy2(run_directory / name, new / name)
        write_text(new / "index.html", render_front(run_directory, pages, report_directory.name))
        replace_folder(new, report_directory)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    write_report_list(report_directory.parent)
    return report_directory / "index.html"


def render_notebook(path, page, pages, report):
    """An executed notebook as one HTML page that needs nothing from outside.

    Args:
        path: the executed notebook.
        page: its entry of `pages`.
        pages: list of dicts: file, label and title of each page.
        report: the report's name.

    Returns:
        The page's text.
    """
    config = Config(
        {
            "HTMLExporter": {
                "template_name": "page",
                "extra_template_basedirs": [str(TEMPLATES)],
                "exclude_input_prompt": True,
                "exclude_output_prompt": True,
                "sanitize_html": False,
            },
            "TagRemovePreprocessor": {
                "enabled": True,
                "remove_input_tags": ["remove-input"],
                "remove_cell_tags": ["remove-cell", "parameters", "injected-parameters"],
            },
        }
    )
    notebook = nbformat.read(path, as_version=4)
    details = _page_details(page["file"], page["title"], pages, report) | {"contents": _contents(notebook)}
    text, _ = HTMLExporter(config=config).from_notebook_node(notebook, resources={"page": details})
    return text


def render_front(run_directory, pages, report):
    """The front page: what was asked, how good, on what data, when, how long, and with which versions."""
    run = read_json(Path(run_directory) / "run.json")
    results = read_results(Path(run_directory) / "results.json")
    images = results.get("01_eda.training_images", {}).get("value")
    aside = results.get("01_eda.images_set_aside", {}).get("value")
    kind = "made-up photographs" if run.get("made_up") else "photographs"
    lead = (
        f"Where are the defects on {'these' if images is None else format(images, ',')} {kind} of steel sheets, "
        "and of which class is each? The pages go from the data to a checked submission."
    )
    front = {
        "lead": lead,
        "set_aside": f"{aside:,} images could not be used and were set aside." if aside else "",
        "figure": _front_figure(run_directory, results),
        "score_names": ["judged on", *MAIN_SCORES],
        "scores": _score_rows(results, SEGMENTED, MAIN_SCORES),
        "answer_names": ["judged on", *(name.removeprefix("at_0_5_") for name in ANSWER_SCORES)],
        "answers": _score_rows(results, CLASSIFIED, ANSWER_SCORES),
        "answers_caption": "Is the sheet defective at all? Accuracy, F1 and the shares of sheets are at a threshold "
        "of 0.5; 95 % intervals over groups of images.",
        "cost_names": [heading for _, heading, _, _ in COSTS],
        "costs": _cost_rows(results),
        "costs_caption": "What each network takes: its size, the work for one image, and the time of its training.",
        "scores_caption": f"Scores on {judged_on(results)}, with 95 % intervals over groups of images.",
        "reading": "kaggle_dice counts an empty mask that is rightly predicted as 1, so that all_empty_dice, the score "
        "of predicting nothing, is the floor to compare it with; defect_dice looks only at the images and "
        "classes that do have a defect.",
        "files": [
            {"file": name, "what": what} for name, what in FILES.items() if (Path(run_directory) / name).exists()
        ],
        "facts": _facts(run),
    }
    details = _page_details("index.html", f"Steel defects: {report}", pages, report)
    return _environment().get_template("front.html.j2").render(resources={"page": details}, front=front)


def write_report_list(reports):
    """Write `reports/index.html`, which lists the reports there are."""
    reports = Path(reports)
    entries = []
    for path in sorted(reports.glob("*/run.json")):
        if not path.parent.name.startswith("."):
            run = read_json(path)
            entries.append(
                {
                    "name": path.parent.name,
                    "link": f"{path.parent.name}/index.html",
                    **{key: run.get(key, "") for key in ("data", "profile", "finished")},
                }
            )
    details = _page_details("index.html", "Reports on steel defects", [], "reports")
    text = _environment().get_template("reports.html.j2").render(resources={"page": details}, reports=entries)
    write_text(reports / "index.html", text)


def _describe_page(path):
    """File, label and title of the page of an executed notebook."""
    notebook = nbformat.read(path, as_version=4)
    headings = (re.search(r"^#\s+(.+)$", cell.source, re.MULTILINE) for cell in notebook.cells)
    title = next((found.group(1).strip() for found in headings if found), path.stem)
    notebook_name, _, model = path.stem.partition("-")
    label = notebook_name.replace("_", " ") + (f": {model}" if model else "")
    return {"file": f"{path.stem}.html", "label": label, "title": f"{title} ({model})" if model else title}


def _contents(notebook):
    """Title and anchor of each second-level heading."""
    titles = [
        title.strip()
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for title in re.findall(r"^##\s+(.+)$", cell.source, re.MULTILINE)
    ]
    return [{"title": title, "anchor": title.replace(" ", "-")} for title in titles]


def _page_details(file, title, pages, report):
    return {
        "file": file,
        "title": title,
        "pages": pages,
        "report": report,
        "style": _style(),
        "footer": FOOTER,
        "contents": [],
    }


def judged_on(results):
    """Which images the models' scores are of, in words."""
    words = {"holdout": "the holdout", "folds": "all images, each predicted by a network that never saw it (folds)"}
    splits = {results[f"04_segmentation.{model}.kaggle_dice"]["split"] for model in scored_models(results)}
    return " and ".join(words.get(split, split) for split in sorted(splits)) or "no images yet"


def scored_models(results, scored=SEGMENTED):
    """Names of the models that have scores, in the order of their training.

    Args:
        results: records of a run.
        scored: (notebook, score) that such a model has.
    """
    notebook, score = scored
    names = (re.fullmatch(rf"{notebook}\.([^.]+)\.{score}", name) for name in results)
    return [found[1] for found in names if found]


def main_model(results):
    """The model whose predictions a report shows first: `best_model` of those that have scores; None without any."""
    return best_model(results, scored_models(results))


def _score_rows(results, scored, names):
    """A row for each model that has scores: the images that it is judged on, and the scores of these names."""
    rows = []
    for model in scored_models(results, scored):
        records = [results.get(f"{scored[0]}.{model}.{score}", {}) for score in names]
        cells = [records[0].get("split", ""), *map(_score_text, records)]
        rows.append({"model": model, "cells": cells})
    return rows


def _cost_rows(results):
    """A row for each model that has scores: weights, work and time."""
    rows = []
    for model in scored_models(results):
        found = [(results.get(f"04_segmentation.{model}.{name}"), by, form) for name, _, by, form in COSTS]
        cells = ["–" if record is None else format(record["value"] / by, form) for record, by, form in found]
        rows.append({"model": model, "cells": cells})
    return rows


def _score_text(record):
    return format_estimate(record.get("value"), record.get("low"), record.get("high"))


def _facts(run):
    """What the front page tells about the making of the run, in pairs of name and value."""
    versions = ", ".join(f"{name} {version}" for name, version in run.get("versions", {}).items())
    facts = [
        ("data", run.get("data")),
        ("fingerprint of the data", run.get("fingerprint", "")[:16]),
        ("profile", run.get("profile")),
        ("begun", run.get("started")),
        ("took", f"{run['seconds'] / 60:.1f} minutes" if "seconds" in run else ""),
        ("code", run.get("git_revision")),
        ("versions", versions),
    ]
    return [(name, value) for name, value in facts if value]


def _front_figure(run_directory, results):
    """The figure of the front page: the main model's predictions beside truth where there are any, else images."""
    for pattern in (f"04_{main_model(results)}_predictions.png", "01_images.png"):
        found = sorted((Path(run_directory) / "figures").glob(pattern))
        if found:
            return {"source": f"figures/{found[0].name}", **read_json(found[0].with_suffix(".json"))}
    return None


@cache
def _environment():
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES / "page"), autoescape=True, undefined=jinja2.StrictUndefined
    )


@cache
def _style():
    """The pages' style sheet, with the colours of the code in light and dark."""
    light = HtmlFormatter(style="default").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    style = (TEMPLATES / "page" / "style.css").read_text(encoding="utf-8")
    code = f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n.highlight {{ background: none; }}"
    return Markup(f"{style}\n{code}")
