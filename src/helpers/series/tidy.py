"""Keeping a run's directory free of what is of no step any more, so that no stale page, figure or number is shown."""

from helpers.files import write_json
from helpers.results import read_results
from helpers.series.plan import place_of, scope_of
from helpers.series.profiles import KEEPS
from helpers.series.records import KEPT_FOR_LATER

SHOWN = ("notebooks", "figures", "tables")  # folders of what the report shows


def remove_strangers(places, steps, records):
    """Remove what a report would show and no finished step of the plan made; models and predictions stay.

    Args:
        places: `Places`.
        steps: the plan, list of `Step`.
        records: dict of label -> `Record`.

    Returns:
        dict of the records of the plan's steps.
    """
    planned = {step.label: records[step.label] for step in steps if step.label in records}
    finished = [step for step in steps if step.label in planned and planned[step.label].finished]
    for label in set(records) - set(planned):
        places.record(label).unlink()
        places.notes(label).unlink(missing_ok=True)
    made = {places.path(name) for step in finished for name in planned[step.label].outputs}
    for path in _shown_files(places):
        if path not in made:
            path.unlink()
    scopes = {step.scope for step in finished}
    _write_results(places, {name: record for name, record in _results(places).items() if scope_of(name) in scopes})
    return planned


def remove_shown(places, record, of_others):
    """Remove what a report would show of a step's last run, before it runs again; not what other steps wrote."""
    for name in {*(record.outputs or ()), *record.own} - of_others:
        if name.partition("/")[0] in SHOWN:
            places.path(name).unlink(missing_ok=True)


def kept_files(places, step, record):
    """What a step keeps so that work can go on: what its record names, and without one what lies with its model."""
    model = KEEPS.get(step.notebook, step.label.partition("-")[2])
    folders = [places.run / "models" / model] if model else []
    found = {path for folder in folders for path in folder.rglob("*") if path.name in KEPT_FOR_LATER}
    return found | {places.path(name) for name in (record.kept if record else ())}


def order_results(places, steps):
    """Bring the numbers of `results.json` into the order of the series, whichever step ran last."""
    order = {step.scope: number for number, step in enumerate(steps)}

    def place(name):
        scope = scope_of(name)
        return place_of(scope), order.get(scope, len(order))

    records = _results(places)
    _write_results(places, {name: records[name] for name in sorted(records, key=place)})


def _results(places):
    return read_results(places.run / "results.json")


def _write_results(places, records):
    """Write the numbers, unless they stand there in this order."""
    if list(records) != list(_results(places)):
        write_json(places.run / "results.json", records)


def _shown_files(places):
    """All files that a report would show."""
    return [path for folder in SHOWN for path in sorted((places.run / folder).glob("*")) if path.is_file()]


def left_checkpoints(places):
    """Checkpoints of trainings that didn't end, which nobody goes on with once all steps have run."""
    return [path for kept in ("checkpoint*.npz", "best.npz") for path in (places.run / "models").glob(f"**/{kept}")]
