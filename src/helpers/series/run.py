"""Running the series, from data to report: only what changed, and on from where it was stopped."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from helpers.data.check import summarise
from helpers.files import read_json, write_json
from helpers.history import keep_in_history
from helpers.opened import noting
from helpers.runs import CODE, Run, describe_run, find_data, git_revision, now, package_versions, update_run
from helpers.series.changes import Now, in_short, why_again
from helpers.series.explain import explain_steps
from helpers.series.lock import only_one
from helpers.series.parameters import SeriesError
from helpers.series.plan import check_name, path_parameters, place_of, plan_steps
from helpers.series.profiles import NOTEBOOKS, PROFILE_NOTES, default_profile
from helpers.series.records import Digests, Places, Record, read_records, sort_notes
from helpers.series.report import renew_report
from helpers.series.tidy import left_checkpoints, order_results, remove_shown, remove_strangers

MOST_RUNS = 2  # of one step in one call; a step that a later one sets back runs twice


@dataclass(frozen=True)
class Series:
    """What was asked for.

    Attributes:
        places: `Places`: the project's folder and the run's directory.
        name: of the report.
        profile: one of `PROFILES`.
        data: the data directory.
        steps: the plan.
        settings: dict of notebook -> dict of parameters given by the user.
        asked: dict of label -> why this step runs even when nothing changed.
        whole: whether the plan is the whole series.
        anew: whether what the asked steps had trained is trained anew.
        labels_alone: whether labels are explored without photographs, so that no data set is read.
    """

    places: Places
    name: str
    profile: str
    data: Path
    steps: list
    settings: dict
    asked: dict
    whole: bool
    anew: bool
    labels_alone: bool


def plan_series(
    root, *, data="", profile=None, name="", settings=None, only=(), start="", force=False, say=print, make=True
):
    """Find out what is asked for.

    Args:
        root: the project's folder.
        data: data directory, or "" to look for one.
        profile: one of `PROFILES`; None chooses by whether there is a GPU.
        name: of run and report; "" takes the data set's folder name.
        settings: dict of notebook -> dict of parameters.
        only: names of the notebooks to run, which run whether anything changed or not; all when empty.
        start: name of a notebook: it and those after it run whether anything changed or not.
        force: all of them do, and networks are trained anew.
        say: called with each line for the user.
        make: whether data is made up where there is none.

    Returns:
        `Series`.

    Raises:
        SeriesError: an argument is wrong.
    """
    profile, settings = profile or default_profile(), settings or {}
    steps = plan_steps(profile, settings, only)
    if start and start not in NOTEBOOKS:
        raise SeriesError(f"--from: there is no notebook {start!r}. Choose one of: {', '.join(NOTEBOOKS)}.")
    name = check_name(name) if name else None
    tables = _label_tables(settings, only)
    try:
        data = find_data(data or (Path(tables[0]).parent if tables else ""), root, profile, say, make)
    except FileNotFoundError as error:
        raise SeriesError(str(error)) from None
    name = name or check_name(data.name)
    option = "--force" if force else "--only" if only else f"--from {start}" if start else ""
    asked = [step for step in steps if not start or place_of(step.label) >= NOTEBOOKS.index(start)] if option else []
    return Series(
        places=Places(root, root / "runs" / f"{name}-{profile}"),
        name=name,
        profile=profile,
        data=data,
        steps=steps,
        settings=settings,
        asked={step.label: f"it is asked for by {option}" for step in asked},
        whole=not only,
        anew=force,
        labels_alone=bool(tables),
    )


def run_series(root, *, say=print, **asked):
    """Run what has to be run, in order, and write the report.

    A step runs when its source, the modules and files that it needs, its parameters, the data or versions changed since
    its last run, when what it wrote isn't there any more, or when it is asked for.

    Args:
        root: the project's folder.
        say: called with each line for the user.
        **asked: as for `plan_series`.

    Returns:
        Path of the report's front page.

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
        _Course(series, _describe_data(series, say), say).run()
        page = renew_report(run, root / "reports" / series.name)
    say(f"Report: {page.relative_to(root)}")
    return page


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
    began = (series.places.run / "run.json").exists()
    digests = Digests()
    records = _read_records(series.places, digests) if began else {}
    present = Now(series.places, digests, _describe_data(series) if began and series.data.is_dir() else {})
    for line in explain_steps(series.steps, records, present, series.asked):
        say(line)


def _label_tables(settings, only):
    """The tables to explore where labels alone are asked for, so that no photographs are needed; else none."""
    given = settings.get("01_eda", {})
    return [given[name] for name in ("AREAS", "RUNS") if given.get(name)] if list(only) == ["01_eda"] else []


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


def _read_records(places, digests):
    try:
        return read_records(places, digests)
    except ValueError as error:
        raise SeriesError(str(error)) from None


class _Course:
    """One call of the series: decides step by step, and runs what has to be run."""

    def __init__(self, series, data, say):
        self.series, self.places, self.say = series, series.places, say
        digests = Digests()
        self.records = _read_records(self.places, digests)
        self.now = Now(self.places, digests, data)
        self.ran = []  # labels, in order

    def run(self):
        """Run what has to be run until nothing has to, and note when the run ended."""
        if self.series.whole:
            self.records = remove_strangers(self.places, self.series.steps, self.records)
        again = True
        while again:
            again = self._pass()
        if self.ran or "finished" not in read_json(self.places.run / "run.json"):
            self._finish()
        else:
            self.say("Nothing changed: no notebook had to run.")

    def _pass(self):
        """Go through the steps once; whether one of them ran."""
        unchanged, before = [], len(self.ran)
        for number, step in enumerate(self.series.steps, start=1):
            reasons = self._reasons(step)
            if not reasons:
                unchanged.append(step.label)
                continue
            if unchanged and not before:
                self.say(f"Unchanged: {', '.join(unchanged)}")
            unchanged = []
            self._run_step(step, f"{number}/{len(self.series.steps)} {step.label}", reasons)
        if unchanged and not before and self.ran:
            self.say(f"Unchanged: {', '.join(unchanged)}")
        return len(self.ran) > before

    def _reasons(self, step):
        """Why a step has to run now; empty where it hasn't."""
        if step.label in self.series.asked and step.label not in self.ran:
            return [self.series.asked[step.label]]
        if step.label in self.ran and not self.series.whole:
            return []
        others = [record for label, record in self.records.items() if label != step.label]
        return why_again(step, self.records.get(step.label), others, self.now)

    def _run_step(self, step, title, reasons):
        """Run one step, and keep the record of it."""
        from helpers.series.execute import run_notebook

        if self.ran.count(step.label) == MOST_RUNS:
            raise SeriesError(
                f"{step.label} would run a third time, since {in_short(reasons)}. Does it, or a notebook after it, "
                "change what it reads?"
            )
        if not self.ran:
            self._begin()
        last = self.records.get(step.label)
        if last:
            self.say(f"{step.label} runs again, since {in_short(reasons)}")
            remove_shown(self.places, last)
            if self.series.anew and step.label in self.series.asked:
                for name in last.kept:
                    self.places.path(name).unlink(missing_ok=True)
        self.ran.append(step.label)
        record = Record(step.label, now(), own=_own(last), kept=last.kept if last else ())
        record.write(self.places)
        before = self.now.inputs(step, (), False)  # a source that is changed meanwhile is not the one that ran
        started = time.perf_counter()
        with noting(self.places.notes(step.label), self._noted_places(step)):
            run_notebook(self.places.root, self.places.run, self.series.data, step, title)
        self._keep_record(step, before, replace(record, seconds=round(time.perf_counter() - started, 1)))

    def _noted_places(self, step):
        """Folders and files whose opening a step notes."""
        return [self.places.run, self.places.root / "models", CODE, *path_parameters(self.places.root, step)]

    def _keep_record(self, step, before, record):
        """Complete the record of a step that ended well."""
        noted = sort_notes(self.places, step.label)
        of_others = {name for label, other in self.records.items() if label != step.label for name in _own(other)}
        taken_up = noted.read & set(record.own) - of_others
        outputs = {f"notebooks/{step.label}.ipynb", *noted.written, *taken_up}
        found = {name: self.now.digests.of(self.places.path(name)) for name in sorted(outputs)}
        read = self.now.inputs(step, noted.read - taken_up, noted.results)
        self.records[step.label] = replace(
            record,
            finished=now(),
            inputs=before | {name: read[name] for name in ("files", "results")},
            outputs={name: entry for name, entry in found.items() if entry},
            recorded=self.now.recorded().get(step.scope, ""),
            own=(),
            kept=sorted({*record.kept, *noted.kept}),
        )
        self.records[step.label].write(self.places)
        self.places.notes(step.label).unlink()

    def _begin(self):
        """Note what is run, before the first step is."""
        path = self.places.run / "run.json"
        run = {name: value for name, value in read_json(path).items() if name not in ("finished", "seconds")}
        settings = self.series.settings
        if not self.series.whole:
            kept = run.get("settings", {})
            settings = kept | {notebook: kept.get(notebook, {}) | given for notebook, given in settings.items()}
        run |= {
            "data": self.series.data.name,
            "profile": self.series.profile,
            "started": now(),
            "git_revision": git_revision(CODE),
            "versions": package_versions(),
            "settings": settings,
        }
        write_json(path, run)

    def _finish(self):
        """Note when the run ended and what its steps took, and keep it in the history."""
        planned = {step.label: step for step in self.series.steps}
        labels = [*planned, *sorted(set(self.records) - set(planned))]
        done = [self.records[label] for label in sorted(labels, key=place_of) if self.records[label].finished]
        steps = {
            record.label: {"seconds": record.seconds, "parameters": record.inputs["parameters"]} for record in done
        }
        update_run(
            self.places.run,
            finished=now(),
            seconds=round(sum(record.seconds for record in done), 1),
            steps=steps,
        )
        order_results(self.places, self.series.steps)
        if self.series.whole:
            keep_in_history(self.places.run)
            for path in left_checkpoints(self.places):
                path.unlink()


def _own(record):
    """Names of the files that a step wrote, as far as is known."""
    return tuple(sorted({*(record.outputs or ()), *record.own})) if record else ()
