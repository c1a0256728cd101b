"""Writing the report of a run, unless the one that is there shows just this already."""

import hashlib
import json
from pathlib import Path

from helpers.code import FOLDER, code_digest
from helpers.files import read_json, write_json, write_text
from helpers.runs import package_versions
from helpers.series.records import Digests

SITE = "helpers.report.site"
BENCHMARKS = Path("benchmarks") / "results.md"  # what was measured, in the project's folder
MEASURED = "benchmarks.md"  # the same as a file of the run, of which its report makes a page
TEMPLATES = FOLDER / "report" / "templates"
NOTE = "report.json"
# What of a run no report shows; models and predictions are large.
NOT_SHOWN = ("models", "predictions", "partial", "steps", "dashboard", "images.csv", "copies.csv", "copies.json",
             "problems.csv", "problems.json", "kernels.log", NOTE)  # fmt: skip


def renew_report(run_directory, report_directory):
    """Write the report of a run, or leave the one that is there where it would come out the same.

    Args:
        run_directory: as for `helpers.report.site.write_report`.
        report_directory: the same.

    Returns:
        Path of the report's front page.
    """
    run_directory, report_directory = Path(run_directory), Path(report_directory)
    _take_benchmarks(report_directory.absolute().parents[1] / BENCHMARKS, run_directory / MEASURED)
    note = run_directory / NOTE
    kept = read_json(note) if note.is_file() else {}
    digests = Digests()
    for name, entry in kept.get("shown", {}).items():
        digests.learn(run_directory / name, entry)
    about = {
        "report": str(report_directory),
        "shown": {name: digests.of(run_directory / name) for name in _shown_files(run_directory)},
        "pages": _site_digest(),
    }
    front, listed = report_directory / "index.html", report_directory.parent / "index.html"
    written = {name: kept.get(name) for name in about}
    if written != about or kept.get("files") != _files(report_directory) or not listed.is_file():
        from helpers.report.site import write_report  # which loads nbconvert, and that takes seconds

        write_report(run_directory, report_directory)
        write_json(note, about | {"files": _files(report_directory)})
    return front


def _take_benchmarks(page, place):
    """Have a run's report show what was measured of the project, where that is stored."""
    if page.is_file():
        write_text(place, page.read_text(encoding="utf-8"))
    else:
        place.unlink(missing_ok=True)


def _shown_files(run_directory):
    """Names of the files of a run that its report may show."""
    found = [path.relative_to(run_directory) for path in run_directory.rglob("*") if path.is_file()]
    hidden = [path for path in found if any(part.startswith(".") for part in path.parts)]
    return sorted(path.as_posix() for path in set(found) - set(hidden) if path.parts[0] not in NOT_SHOWN)


def _site_digest():
    """SHA-256 of all that pages are made with: code, templates and versions."""
    templates = [(path.name, path.read_bytes().hex()) for path in sorted(TEMPLATES.rglob("*")) if path.is_file()]
    made_with = json.dumps([code_digest(SITE), templates, package_versions()])
    return hashlib.sha256(made_with.encode()).hexdigest()


def _files(folder):
    """Size and time of each file of a report, to see whether it is whole: dict by name."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            status = path.stat()
            found[path.relative_to(folder).as_posix()] = [status.st_size, status.st_mtime_ns]
    return found
