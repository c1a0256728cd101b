"""Running the series, from data to report: only what changed, and on from where it was stopped."""

from helpers.data.check import summarise
from helpers.runs import Run, describe_run
from helpers.series.asked import plan_series
from helpers.series.changes import Now
from helpers.series.course import Course, is_finished
from helpers.series.explain import explain_steps
from helpers.series.lock import only_one, who_holds
from helpers.series.parameters import SeriesError
from helpers.series.profiles import PROFILE_NOTES
from helpers.series.records import Digests, read_records
from helpers.series.report import renew_report

INCOMPLETE = "The run isn't complete, so that the last complete one's report stays in place. Run again without --only."


def run_series(root, *, say=print, **asked):
    """Run what has to be run, in order, and write the report.

    A step runs when its source, the modules and files that it needs, its parameters, the data or versions changed since
    its last run, when what it wrote isn't there any more, or when it is asked for.

    Args:
        root: the project's folder.
        say: called with each line for the user.
        **asked: as for `plan_series`.

    Returns:
        Path of the report's front page. Where a part of the series ran and the run isn't complete, it is that of the
        last complete one, if there is a report of one.

    Raises:
        SeriesError: an argument is wrong, another run is under way in the same directory, or a notebook failed. The
            last good report stays in place.
    """
    series = plan_series(root, say=say, **asked)
    run = series.places.run
    say(f"Data {series.data.name}, profile {series.profile} ({PROFILE_NOTES[series.profile]}); run in runs/{run.name}")
    with only_one(run):
        if not (run / "run.json").exists():
            describe_run(run, series.data, series.profile, settings=series.settings)
        complete = Course(series, _describe_data(series, say), say).run()
        report = root / "reports" / series.name
        if complete or not _shows_complete(report):
            renew_report(run, report)
        else:
            say(INCOMPLETE)
    page = report / "index.html"
    say(f"Report: {page.relative_to(root)}")
    return page


def _shows_complete(report):
    """Whether there is a report, and it is of a complete run."""
    try:
        return is_finished(report)
    except ValueError:  # its run.json was damaged: it is written anew
        return False


def explain_series(root, *, say=print, **asked):
    """Say for each step whether it would run, and why; nothing is run and nothing written.

    Args:
        root: the project's folder.
        say: called with each line for the user.
        **asked: as for `plan_series`.

    Raises:
        SeriesError: an argument is wrong.
    """
    series = plan_series(root, say=say, make=False, **asked)
    say(f"Data {series.data.name}, profile {series.profile}; run in runs/{series.places.run.name}. Nothing is run now.")
    if held := who_holds(series.places.run):
        say(held)
    began = (series.places.run / "run.json").exists()
    digests = Digests()
    records = read_records(series.places, digests) if began else {}
    present = Now(series.places, digests, _describe_data(series) if began and series.data.is_dir() else {})
    for line in explain_steps(series.steps, records, present, series.asked):
        say(line)


def _describe_data(series, say=None):
    """What tells the data from others.

    With `say` it is looked through before anything is computed from it; errors are set aside, and end nothing.
    """
    if series.labels_alone:
        return {"name": series.data.name, "fingerprint": "", "faults": ""}
    run = Run(series.places.run, series.data)
    try:
        if say is None:
            return run.describe_dataset(run.look_at_dataset())
        dataset = run.read_dataset()
        problems = run.find_problems(dataset)
    except (ValueError, OSError) as error:
        raise SeriesError(str(error)) from None
    say(f"Check: {summarise(problems)}{f' (see runs/{run.directory.name}/problems.csv)' if len(problems) else ''}")
    return run.describe_dataset(dataset)
