"""The results in README.md and reports/README.md, written from the committed report; none is typed by hand."""

from pathlib import Path

from helpers.files import read_json, write_text
from helpers.report.card import write_cards
from helpers.report.scores import MAIN_SCORES, judged_on, main_model, scored_models
from helpers.results import format_estimate, read_results

BEGIN, END = "<!-- results: written by `make readme` -->", "<!-- end of results -->"


def write_readmes(root, report):
    """Write a report's main figure and table into README.md, more into reports/README.md, and the models' cards.

    Args:
        root: the project's folder.
        report: name of the report.

    Returns:
        List of the three paths.

    Raises:
        FileNotFoundError: there is no such report, or no bundle in models/.
        ValueError: README.md lacks the two marks that the results stand between.
    """
    root = Path(root)
    folder = root / "reports" / report
    if not (folder / "results.json").is_file():
        raise FileNotFoundError(f"{folder} holds no report. Make it with: python run_all.py --name {report}")
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{readme}: the marks {BEGIN} and {END} are missing. Put them where the results belong.")
    block = results_block(folder, f"reports/{report}/figures")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    write_text(readme, f"{before}{BEGIN}\n{block}\n{END}{after}")
    write_text(root / "reports" / "README.md", _reports_page(folder))
    return [readme, root / "reports" / "README.md", write_cards(root)]


def results_block(folder, figures):
    """The main figure and table of a report as Markdown.

    Args:
        folder: the report's folder.
        figures: path of its figures, as seen from the Markdown file.

    Returns:
        Markdown text.
    """
    results = read_results(folder / "results.json")
    run = read_json(folder / "run.json")
    main = main_model(results)
    lines = [
        f"![Pairs of photographs with true and predicted defects in colour]({figures}/04_{main}_predictions.png)",
        "",
        f"*Truth (left) and prediction of `{main}` (right) on sheets that the network never saw: the two best, the two "
        "worst.*",
        "",
        f"Data: {run['data']}, {results['01_eda.training_images']['value']:,} labelled images, profile "
        f"`{run['profile']}`; scored on {judged_on(results)}. In brackets: 95 % intervals by bootstrap over groups of "
        "images. `above_floor` is the paired difference of the two columns before it.",
        "",
        f"| model | split | {' | '.join(f'`{score}`' for score in MAIN_SCORES)} |",
        f"|---|---{'|---' * len(MAIN_SCORES)}|",
    ]
    for model in scored_models(results):
        records = [results[f"04_segmentation.{model}.{score}"] for score in MAIN_SCORES]
        values = [format_estimate(record["value"], record.get("low"), record.get("high")) for record in records]
        lines.append(f"| `{model}` | {records[0]['split']} | {' | '.join(values)} |")
    return "\n".join(lines)


def _reports_page(folder):
    """The text of reports/README.md: the main figures and tables of a report, for those who read on a code host."""
    figures = [
        ("01_images", "The data"),
        ("01_class_counts", "How often each class occurs"),
        ("01_area_histograms", "How large the defects are"),
    ]
    text = [
        f"# {folder.name}",
        "",
        "The main figures and the main table of this report; the whole of it are the pages in "
        f"[{folder.name}/](./{folder.name}/), to be opened in a browser from a copy on disk "
        f"(`{folder.name}/index.html`).",
        "",
        "## How good",
        "",
        results_block(folder, f"{folder.name}/figures"),
    ]
    for name, title in figures:
        if (folder / "figures" / f"{name}.png").is_file():
            text += ["", f"## {title}", "", f"![{title}]({folder.name}/figures/{name}.png)"]
    return "\n".join(text) + "\n"
