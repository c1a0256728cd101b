"""What a user asks of the series: on which data, which steps, and whether they run in any case."""

from dataclasses import dataclass
from pathlib import Path

from helpers.runs import find_data
from helpers.series.parameters import SeriesError
from helpers.series.plan import check_name, place_of, plan_steps
from helpers.series.profiles import NOTEBOOKS, default_profile
from helpers.series.records import Places


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


def _label_tables(settings, only):
    """The tables to explore where labels alone are asked for, so that no photographs are needed; else none."""
    given = settings.get("01_eda", {})
    return [given[name] for name in ("AREAS", "RUNS") if given.get(name)] if list(only) == ["01_eda"] else []
