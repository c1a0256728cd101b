"""Runs as a series leaves them, with executed notebooks that no kernel has run: for the tests of the pages."""

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd

from helpers.files import write_csv, write_json
from helpers.report import show

HOSTILE = "<img src=x onerror=alert(1)>.jpg"
SCRIPT = "<script>alert(1)</script>"
SCORES = ("kaggle_dice", "all_empty_dice", "above_floor", "defect_dice", "empty_accuracy", "validation_kaggle_dice")
COSTS = {"parameters": 1_234_567, "multiply_adds": 8_765_432_100, "seconds": 90}
PICTURE = np.linspace(0, 1, 12).reshape(3, 4)


class Shown:
    """Runs what a cell would run, and keeps what it shows as outputs of a notebook."""

    def __init__(self, directory):
        self.directory = directory  # as of a `Run`, which the functions below are given this for

    def outputs(self, monkeypatch, calls):
        """The outputs of calls of `helpers.report.show`, in order."""
        shown = []

        def display(thing, metadata=None, raw=False):
            if raw:
                shown.append(nbformat.v4.new_output("display_data", thing, metadata=metadata))
                return
            kind = "text/markdown" if hasattr(thing, "_repr_markdown_") else "text/html"
            held = thing._repr_markdown_() if kind == "text/markdown" else thing._repr_html_()
            data, about = held if isinstance(held, tuple) else (held, {})
            metadata = {kind: about} if about else {}
            shown.append(nbformat.v4.new_output("display_data", {kind: data}, metadata=metadata))

        with monkeypatch.context() as patched:
            patched.setattr(show, "display", display)
            for call in calls:
                call(self)
        return shown


def figure(name, caption="A ramp of greys.", alt="Three rows of squares, from dark to light."):
    """A call that shows a small figure."""

    def call(run):
        drawn, ax = plt.subplots(figsize=(2, 1.5))
        ax.imshow(PICTURE, cmap="gray")
        show.show_figure(drawn, run, name, caption, alt)

    return call


def table(name, rows, caption="Scores.", **options):
    """A call that shows a table: a dict of row -> dict of column -> cell."""
    return lambda run: show.show_table(pd.DataFrame(rows).T, run, name, caption, **options)


def markdown(text, **about):
    """An output in Markdown, as `display(Markdown(text))` leaves it."""
    return nbformat.v4.new_output("display_data", {"text/markdown": text}, metadata={"text/markdown": about})


def code(outputs=(), tags=(), source="value = 1  # of the mill"):
    """An executed code cell."""
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


def text(source, tags=()):
    """A Markdown cell."""
    return nbformat.v4.new_markdown_cell(source, metadata={"tags": list(tags)})


def write_notebook(run, name, *cells):
    """Write an executed notebook of a run; a text becomes a Markdown cell."""
    path = run / "notebooks" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [text(cell) if isinstance(cell, str) else cell for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def records_of(models, value=0.25):
    """Results of models of 04_segmentation, each with the same scores."""
    record = {"value": value, "low": value / 2, "high": value * 2, "split": "holdout"}
    records = {f"04_segmentation.{model}.{name}": record for model in models for name in SCORES}
    return records | {
        f"04_segmentation.{model}.{name}": {"value": number} for model in models for name, number in COSTS.items()
    }


def make_run(directory, monkeypatch, *, models=("steel_unet", "unet_paper"), data="trial", articles=True):
    """A run of every kind of page, with a paper and a blog unless told otherwise, and one run before it."""
    shown = Shown(directory)
    cells = ("0.612 (0.550 to 0.660)", "1,200"), ("0.070 (0.050 to 0.090)", "31"), ("–", "450"), ("-0.500", "9")
    scores = dict(
        zip(
            ("one", "two", "three", "four"),
            ({"score": score, "images": images} for score, images in cells),
            strict=True,
        )
    )
    outputs = shown.outputs(monkeypatch, [figure("01_images"), table("01_scores", scores, "Scores of made-up models.")])
    words = {"first": {"problem": "a long sentence " * 20, "mend": HOSTILE}, "second": {"problem": "b", "mend": ""}}
    wide = {f"row {row}": {f"column {column}": row * column / 7 for column in range(20)} for row in range(3)}
    tables = [table("01_problems", words, "What is wrong.", wrap=True), table("01_wide", wide, "A wide table.")]
    write_notebook(
        directory,
        "01_eda",
        "# What is there?\n\nThe floor is $f = \\frac{n_0}{n}$, see [Figure](#figure-01_images).\n\n## Scores & shares",
        code(outputs[:1]),
        code(outputs[1:]),
        "### In detail\n\n## Problems\n\nNext: [05_evaluation](05_evaluation.ipynb#Where), [none](09_none.ipynb).",
        code(shown.outputs(monkeypatch, tables)),
        code([markdown(f"The worst is **{data}**.")]),
    )
    for model in models:
        drawn = shown.outputs(monkeypatch, [figure(f"04_{model}_predictions", f"Predictions of {model}.")])
        write_notebook(directory, f"04_segmentation-{model}", "# Where are the defects?\n\n## Training", code(drawn))
    misses = figure("05_gallery_2", "Worst misses: truth and prediction.")
    write_notebook(directory, "05_evaluation", "# How good?\n\n## Where", code(shown.outputs(monkeypatch, [misses])))
    if articles:
        paper = shown.outputs(monkeypatch, [figure("07_patch")])
        write_notebook(
            directory,
            "07_paper",
            "# Defects of steel",
            text("The authors", ["authors"]),
            text("**Abstract.** Short.", ["abstract"]),
            "## 1 Method\n\n$$D = \\frac{2|X \\cap Y|}{|X| + |Y|}$$\n\nAs [Figure](#figure-07_patch) shows.",
            code(paper, ["remove-input"]),
            code([markdown('It is <data class="recorded" value="0.25">0.250</data>.', html=True)], ["remove-input"]),
        )
        write_notebook(directory, "08_blog", "# Steel for all\n\n## Begin\n\nA story.")
        (directory / "blog.md").write_text("# Steel for all\n\nA story.\n", encoding="utf-8")
    run = {
        "data": data,
        "profile": "smoke",
        "started": "2026-01-02T03:00:00+00:00",
        "finished": "2026-01-02T03:04:05+00:00",
        "seconds": 245,
        "versions": {"keras": "3.15"},
        "settings": {"04_segmentation": {"EPOCHS": 3}},
        "fingerprint": "ab" * 32,
    }
    write_json(directory / "run.json", run)
    eda = {"01_eda.training_images": {"value": 24}, "01_eda.images_set_aside": {"value": 3}}
    results = records_of(models) | eda
    results |= {f"05_evaluation.class_{n}_defect_dice": {"value": dice} for n, dice in enumerate((0.4, 0.1), start=1)}
    write_json(directory / "results.json", results)
    before = run | {"finished": "2026-01-01T00:00:00+00:00", "settings": {}}
    entries = {"20260101T000000": (before, records_of(models, 0.125)), "20260102T030405": (run, results)}
    for stamp, (of_run, of_results) in entries.items():
        write_json(directory / "history" / f"{stamp}.json", {"run": of_run, "results": of_results})
    dice = {"all": "0.250", "scratch": "0.400 (0.3 to 0.5)", data: "0.100 (0.0 to 0.2)"}
    others = {"empty_accuracy": "0.900", "kaggle_dice": "0.800", "all_empty_dice": "0.700"}
    classes = {name: {"defect_dice": score, **others} for name, score in dice.items()}
    write_csv(directory / "tables" / "05_classes.csv", pd.DataFrame(classes).T.rename_axis("class"))
    return directory
