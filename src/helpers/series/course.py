"""The course of one call: deciding step by step, and running what has to be run."""

import time
from dataclasses import replace

from helpers.files import read_json, write_json
from helpers.history import is_kept, keep_in_history
from helpers.opened import noting
from helpers.runs import CODE, git_revision, now, package_versions, update_run
from helpers.series.changes import Now, in_short, why_again
from helpers.series.parameters import SeriesError
from helpers.series.plan import path_parameters, place_of, plan_steps
from helpers.series.records import Digests, Record, read_records, sort_notes
from helpers.series.tidy import kept_files, left_checkpoints, order_results, remove_shown, remove_strangers

MOST_RUNS = 2  # of one step in one call; a step that a later one sets back runs twice


class Course:
    """One call of the series: decides step by step, and runs what has to be run."""

    def __init__(self, series, data, say):
        self.series, self.places, self.say = series, series.places, say
        digests = Digests()
        self.records = read_records(self.places, digests)
        self.now = Now(self.places, digests, data)
        self.ran = []  # labels, in order
        self.completes = series.whole or self._others_stand()

    def run(self):
        """Run what has to be run until nothing has to, and note when the run ended.

        Returns:
            Whether the run is complete: not where a part ran and what it left out was unfinished or out of date, so
            that its pages and numbers may be of another state, or missing.
        """
        if self.series.whole:
            self.records = remove_strangers(self.places, self.series.steps, self.records)
        again = True
        while again:
            again = self._pass()
        if self.ran or not is_finished(self.places.run):
            self._finish()
        else:
            self.say("Nothing changed: no notebook had to run.")
        if self.series.whole and (self.ran or not is_kept(self.places.run)):
            self._keep()  # also where a kill came between the end of a run and this
        return self.completes

    def _others_stand(self):
        """Whether all that a part of the series leaves out is finished and up to date before that part runs."""
        planned = {step.label for step in self.series.steps}
        if self.series.labels_alone and set(self.records) <= planned:
            return True  # there is nothing else to run on labels
        settings = read_json(self.places.run / "run.json").get("settings", {})
        others = [step for step in plan_steps(self.series.profile, settings) if step.label not in planned]
        return all(self._is_current(step) for step in others)

    def _is_current(self, step):
        try:
            return not self._reasons(step)
        except SeriesError:  # its notebook is half-typed
            return False

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
        before = self.now.inputs(step, (), False)  # a source that is changed meanwhile is not the one that ran
        if not self.ran:
            self._begin()
        last = self.records.get(step.label)
        if last:
            self.say(f"{step.label} runs again, since {in_short(reasons)}")
            remove_shown(self.places, last, self._of_others(step))
        if self.series.anew and step.label in self.series.asked and step.label not in self.ran:
            for path in kept_files(self.places, step, last):
                path.unlink(missing_ok=True)
        self.ran.append(step.label)
        record = Record(step.label, now(), own=_own(last), kept=last.kept if last else ())
        record.write(self.places)
        started = time.perf_counter()
        with noting(self.places.notes(step.label), self._noted_places(step)):
            run_notebook(self.places.root, self.places.run, self.series.data, step, title)
        self._keep_record(step, before, replace(record, seconds=round(time.perf_counter() - started, 1)))

    def _of_others(self, step):
        """Names of the files that other steps wrote."""
        return {name for label, other in self.records.items() if label != step.label for name in _own(other)}

    def _noted_places(self, step):
        """Folders and files whose opening a step notes."""
        return [self.places.run, self.places.root / "models", CODE, *path_parameters(self.places.root, step)]

    def _keep_record(self, step, before, record):
        """Complete the record of a step that ended well."""
        noted = sort_notes(self.places, step.label)
        of_others = self._of_others(step)
        # no folder, and nothing of its own that it cleared again
        named = noted.read | noted.asked
        opened = {name for name in named if name in of_others or self.places.path(name).is_file()}
        taken_up = opened & set(record.own) - of_others
        needed = (opened | noted.asked) - taken_up  # also a file that isn't there yet
        outputs = {f"notebooks/{step.label}.ipynb", *noted.written, *taken_up}
        found = {name: self.now.digests.of(self.places.path(name)) for name in sorted(outputs)}
        read = self.now.inputs(step, needed, noted.results)
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
        """Note what the steps took and, where the run is complete, when it ended."""
        planned = {step.label: step for step in self.series.steps}
        labels = [*planned, *sorted(set(self.records) - set(planned))]
        done = [self.records[label] for label in sorted(labels, key=place_of) if self.records[label].finished]
        steps = {
            record.label: {"seconds": record.seconds, "parameters": record.inputs["parameters"]} for record in done
        }
        order_results(self.places, self.series.steps)
        ended = {"finished": now()} if self.completes else {}
        update_run(self.places.run, **ended, seconds=round(sum(record.seconds for record in done), 1), steps=steps)

    def _keep(self):
        """Keep the completed run in the history, and nothing to go on from."""
        for path in left_checkpoints(self.places):
            path.unlink()
        keep_in_history(self.places.run)


def is_finished(folder):
    """Whether a run is complete, or the one that a report shows, by its `run.json`."""
    path = folder / "run.json"
    return path.is_file() and "finished" in read_json(path)


def _own(record):
    """Names of the files that a step wrote, as far as is known."""
    return tuple(sorted({*(record.outputs or ()), *record.own})) if record else ()
