"""The report: its pages, the files beside them, and the list of reports; written in one step."""

import re
import shutil
from pathlib import Path

import nbformat

from helpers.data.made_up.workplace import workplace_beside
from helpers.files import read_json, replace_folder, restore_folder, write_text
from helpers.report.front import readable_time, render_front
from helpers.report.pages import (
    describe_page,
    page_details,
    render_fragment,
    render_notebook,
    render_template,
    size_note,
)
from helpers.report.pdf import print_pdf
from helpers.report.scores import main_model
from helpers.results import format_record, read_results

PAPER, PDF = "paper.html", "paper.pdf"
# Files of the run that lie beside the pages, with what the front page says of them.
FILES = {
    "results.json": "every number of this report, with unit, split and definition",
    "submission.csv": "the predictions of the test images, in the competition's format",
    "submission.xlsx": "the same as a workbook",
    "blog.md": "the article for a general reader as Markdown, to post; its figures are in figures/",
}
MEASURED = "benchmarks.md"  # of the project, not of the run
MEASURED_FOOTER = "Made by steel-defect-report. Every number on this page comes from a stored result of its benchmarks."
PAPER_ENTRY = {"id": "paper-pdf", "file": PDF, "what": "the paper, to print or to send"}
KEPT = (*FILES, "run.json")
PDF_ENTRY = re.compile(r'<li id="paper-pdf">.*?</li>', re.DOTALL)  # the front page's line on the paper to print
NO_REPORT = (ValueError, TypeError, AttributeError, KeyError, OSError)  # what files that hold something else lead to


def write_report(run_directory, report_directory, say=print):
    """Write a run's report in one step: the last good report stays in place until the new one is whole.

    Args:
        run_directory: with `notebooks/` (executed), `figures/`, `tables/`, `results.json` and `run.json`; of
            `benchmarks.md`, where it is there, a page is made, too.
        report_directory: such as `reports/severstal`; replaced as a whole.
        say: called with a line for the user where something is missing or too large.

    Returns:
        Path of the report's front page.

    Raises:
        ValueError: a notebook's text has a formula that can't be read.
    """
    run_directory, report_directory = Path(run_directory), Path(report_directory)
    report_directory.parent.mkdir(parents=True, exist_ok=True)
    restore_folder(report_directory)
    with workplace_beside(report_directory) as workplace:
        new = workplace / report_directory.name  # made by mkdir, so that it gets the user's usual permissions
        new.mkdir()
        notebooks = sorted((run_directory / "notebooks").glob("*.ipynb"))
        pages = [describe_page(path) for path in notebooks]
        if (run_directory / MEASURED).is_file():
            notebooks.append(_as_notebook(run_directory / MEASURED, workplace))
            pages.append({**describe_page(notebooks[-1]), "footer": MEASURED_FOOTER})
        for path, page in zip(notebooks, pages, strict=True):
            _write_page(new / page["file"], render_notebook(path, page, pages, report_directory.name), say)
        _copy_files(run_directory, new)
        note = _print_paper(report_directory, new)
        if note:
            say(note)
        front = render_front(run_directory, pages, report_directory.name, _list_files(new, note))
        _write_page(new / "index.html", front, say)
        replace_folder(new, report_directory)
    write_report_list(report_directory.parent)
    return report_directory / "index.html"


def write_report_list(reports):
    """Write `reports/index.html`, which lists the reports there are, the newest first."""
    reports = Path(reports)
    entries = [_list_entry(path.parent) for path in reports.glob("[!.]*/run.json")]
    entries.sort(key=lambda entry: (entry["finished"], entry["name"]), reverse=True)
    details = page_details({"file": "index.html", "title": "Reports on steel defects"}, [], "reports")
    write_text(reports / "index.html", render_template("reports.html.j2", details, reports=entries))


def _list_entry(folder):
    """What the list says of a report; of one whose files can't be read, just that."""
    paper = next((name for name in (PDF, PAPER) if (folder / name).is_file()), "")
    try:
        run, results = read_json(folder / "run.json"), read_results(folder / "results.json")
        model = main_model(results)
        scores = [results.get(f"04_segmentation.{model}.{name}", {}) for name in ("kaggle_dice", "defect_dice")]
        return {
            "name": folder.name,
            "fault": "",
            **{key: str(run.get(key, "")) for key in ("data", "profile", "finished")},
            "made": readable_time(run.get("finished", "")),
            "model": model or "–",
            "scores": [format_record(score) for score in scores],
            "paper": paper,
        }
    except NO_REPORT:
        fault = "Its run.json or results.json can't be read. Run the series for it again, or remove its folder."
        return {"name": folder.name, "fault": fault, "finished": "", "paper": paper}


def print_paper(report_directory):
    """Print the paper of a report that is there, and link it on its front page and in the list of reports.

    Args:
        report_directory: such as `reports/severstal`.

    Returns:
        Path of the PDF.

    Raises:
        FileNotFoundError: the report has no paper, or there is no Chromium, or it failed.
        ValueError: its front page has no line on the paper.
    """
    report_directory = Path(report_directory)
    if not (report_directory / PAPER).is_file():
        raise FileNotFoundError(f"{report_directory / PAPER} is not there. Run the series first: python run_all.py")
    note = print_pdf(report_directory / PAPER, report_directory / PDF)
    if note:
        raise FileNotFoundError(note)
    write_report_list(report_directory.parent)
    _link_paper(report_directory / "index.html")
    return report_directory / PDF


def _link_paper(front):
    """Have a front page link the paper to print, whatever it said of it before."""
    line = render_fragment("file.html.j2", file=PAPER_ENTRY)
    page, found = PDF_ENTRY.subn(lambda _: line, front.read_text(encoding="utf-8"))
    if not found:
        raise ValueError(f"{front} has no line on the paper. Run the series to have it written anew: python run_all.py")
    write_text(front, page)


def last_paper(reports):
    """The report with a paper that was made last.

    Args:
        reports: folder of reports.

    Returns:
        Its folder.

    Raises:
        FileNotFoundError: no report has a paper.
    """
    found = [path.parent for path in Path(reports).glob(f"[!.]*/{PAPER}")]
    if not found:
        raise FileNotFoundError(f"{reports}: no report has a {PAPER}. Run the series first: python run_all.py")
    return max(found, key=lambda folder: _list_entry(folder)["finished"])


def _as_notebook(path, workplace):
    """A Markdown file as a notebook of the same name, which is rendered as the others are."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(path.read_text(encoding="utf-8"))])
    place = workplace / path.with_suffix(".ipynb").name
    nbformat.write(notebook, place)
    return place


def _write_page(path, text, say):
    note = size_note(path.name, text)
    if note:
        say(note)
    write_text(path, text)


def _copy_files(run_directory, new):
    """Figures, tables and the run's main files, beside the pages."""
    for name, ending in (("figures", "png"), ("figures", "svg"), ("tables", "csv")):
        for path in sorted((run_directory / name).glob(f"[!.]*.{ending}")):
            (new / name).mkdir(exist_ok=True)
            shutil.copy2(path, new / name / path.name)
    for name in KEPT:
        if (run_directory / name).is_file():
            shutil.copy2(run_directory / name, new / name)


def _print_paper(report_directory, new):
    """Print the paper where there is one; an unchanged one is taken over. Returns a line that says why it failed."""
    if not (new / PAPER).is_file():
        return ""
    old, pdf = report_directory / PAPER, report_directory / PDF
    if pdf.is_file() and old.is_file() and old.read_bytes() == (new / PAPER).read_bytes():
        shutil.copy2(pdf, new / PDF)
        return ""
    return print_pdf(new / PAPER, new / PDF)


def _list_files(new, note):
    """The files beside the pages, with what each is; a PDF that couldn't be printed is named with the reason."""
    files = [{"id": "", "file": name, "what": what} for name, what in FILES.items() if (new / name).is_file()]
    if (new / PDF).is_file():
        files.insert(0, PAPER_ENTRY)
    elif note:
        files.insert(0, {**PAPER_ENTRY, "file": "", "what": note})
    return files
