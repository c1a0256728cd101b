"""Running the whole series, from data to report."""

import re
import shutil
import time
from pathlib import Path

from helpers.data.check import check_dataset, summarise
from helpers.files import read_json, write_csv, write_json
from helpers.report.site import write_report
from helpers.runs import CODE, Run, describe_run, find_data, git_revision, now, update_run
from helpers.series.execute import run_step
from helpers.series.parameters import SeriesError
from helpers.series.plan import check_name, plan_steps
from helpers.series.profiles import PROFILE_NOTES, default_profile


def run_series(root, *, data="", profile=None, name="", settings=None, only=(), say=print):
    """Run the notebooks in order and write the report.

    Args:
        root: the project's folder.
        data: data directory, or "" to look for one.
        profile: one of `PROFILES`; None chooses by whether there is a GPU.
        name: of run and report; "" takes the data set's folder name.
        settings: dict of notebook -> dict of parameters.
        only: names of the notebooks to run; all when empty.
        say: called with each line for the user.

    Returns:
        Path of the report's front page.

    Raises:
        SeriesError: an argument is wrong, or a notebook failed. The last good report stays in place.
    """
    profile = profile or default_profile()
    steps = plan_steps(profile, settings or {}, only)
    name = check_name(name) if name else None
    tables = _label_tables(settings or {}, only)
    try:
        data = find_data(data or (Path(tables[0]).parent if tables else ""), root, profile, say)
    except FileNotFoundError as error:
        raise SeriesError(str(error)) from None
    name = name or check_name(data.name)
    run_directory = root / "runs" / f"{name}-{profile}"
    say(f"Data {data.name}, profile {profile} ({PROFILE_NOTES[profile]}); run in runs/{run_directory.name}")
    _begin_run(run_directory, data, profile, settings or {}, keep=bool(only))
    started = time.perf_counter()
    if not tables:
        _check_data(Run(run_directory, data), say)
    for number, step in enumerate(steps, start=1):
        run_step(root, run_directory, data, step, f"{number}/{len(steps)} {step.label}")
    _finish_run(run_directory, time.perf_counter() - started, complete=not only)
    page = write_report(run_directory, root / "reports" / name)
    say(f"Report: {page.relative_to(root)}")
    return page


def _label_tables(settings, only):
    """The tables to explore where labels alone are asked for, so that no photographs are needed; else none."""
    given = settings.get("01_eda", {})
    return [given[name] for name in ("AREAS", "RUNS") if given.get(name)] if list(only) == ["01_eda"] else []


def _check_data(run, say):
    """Look through the data before anything is computed from it; errors are set aside, and end nothing."""
    try:
        dataset = run.read_dataset()
        problems = check_dataset(dataset, run.find_copies(dataset))
    except (ValueError, OSError) as error:
        raise SeriesError(str(error)) from None
    path = run.directory / "problems.csv"
    write_csv(path, problems, index=False)
    say(f"Check: {summarise(problems)}{f' (see runs/{run.directory.name}/{path.name})' if len(problems) else ''}")


def _begin_run(run_directory, data, profile, settings, keep):
    """Write `run.json`; executed notebooks, figures and tables of an earlier run go, unless only a part is rerun."""
    if not keep:
        for folder in ("notebooks", "figures", "tables"):
            shutil.rmtree(run_directory / folder, ignore_errors=True)
        (run_directory / "results.json").unlink(missing_ok=True)
    if not keep or not (run_directory / "run.json").exists():
        describe_run(run_directory, data, profile, settings=settings)
    else:
        update_run(run_directory, settings=settings, git_revision=git_revision(CODE), started=now())


def _finish_run(run_directory, seconds, complete):
    """Note when the run ended, keep its settings and results in `history/`, and clear the checkpoints."""
    update_run(run_directory, finished=now(), seconds=round(seconds, 1))
    if complete:
        run = read_json(run_directory / "run.json")
        results = read_json(run_directory / "results.json")
        stamp = re.sub(r"[^0-9T]", "", run["finished"][:19])
        write_json(run_directory / "history" / f"{stamp}.json", {"run": run, "results": results})
        for kept in ("checkpoint*.npz", "best.npz"):
            for checkpoint in run_directory.glob(f"models/**/{kept}"):
                checkpoint.unlink()
