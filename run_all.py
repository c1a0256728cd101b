"""Run the whole series of notebooks, from data to report: `python run_all.py --help`."""

import argparse
import sys
from pathlib import Path

from helpers.series.parameters import SeriesError, parse_setting, read_parameters
from helpers.series.profiles import MODELS, NOTEBOOKS, OWN, PROFILE_NOTES, PROFILES, default_profile
from helpers.series.run import explain_series, run_series

ROOT = Path(__file__).absolute().parent


def main(arguments=None):
    """Parse the command line and run the series; returns the exit code."""
    parser = argparse.ArgumentParser(description="Run the notebooks that changed, in order, and write the report.")
    parser.add_argument(
        "--data",
        default="",
        metavar="DIR",
        help="data in the competition's layout; else $SEVERSTAL_DIR, data/severstal, Kaggle's input "
        "folder, or made-up data",
    )
    parser.add_argument("--profile", choices=PROFILES, help="how much is done; see --list")
    parser.add_argument("--name", default="", help="of the run and the report; else the data's folder name")
    parser.add_argument(
        "-p",
        dest="settings",
        nargs=2,
        action="append",
        default=[],
        metavar=("NOTEBOOK.NAME", "VALUE"),
        help="set a parameter of a notebook; may be repeated",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--only", nargs="+", default=[], metavar="NOTEBOOK", help="run these notebooks, changed or not, and no others"
    )
    which.add_argument(
        "--from",
        dest="start",
        default="",
        metavar="NOTEBOOK",
        help="run this notebook and those after it, changed or not; those before it where something changed",
    )
    parser.add_argument(
        "--force", action="store_true", help="run all chosen notebooks, changed or not, and train anew what they train"
    )
    parser.add_argument("--explain", action="store_true", help="say which notebooks would run, and why, and stop")
    parser.add_argument("--list", action="store_true", help="list profiles, notebooks and their parameters, and stop")
    options = parser.parse_args(arguments)
    try:
        if options.list:
            list_series()
            return 0
        settings = {}
        for name, text in options.settings:
            notebook, parameter, value = parse_setting(name, text, ROOT)
            settings.setdefault(notebook, {})[parameter] = value
        run = explain_series if options.explain else run_series
        run(
            ROOT,
            data=options.data,
            profile=options.profile,
            name=options.name,
            settings=settings,
            only=options.only,
            start=options.start,
            force=options.force,
        )
    except (SeriesError, ValueError, OSError) as error:
        print(f"run_all: {error}", file=sys.stderr)
        return 1
    return 0


def list_series():
    """Print profiles, notebooks, and each parameter with its default and meaning."""
    print("Profiles:")
    for profile, note in PROFILE_NOTES.items():
        chosen = " (the default here)" if profile == default_profile() else ""
        models = [name for trained in MODELS[profile].values() for name in trained]
        print(f"  {profile}{chosen}: {note}; models: {', '.join(models)}")
    for notebook in NOTEBOOKS:
        print(f"{notebook}:")
        for parameter in read_parameters(ROOT / "notebooks" / f"{notebook}.ipynb").values():
            if parameter.name not in OWN:
                others = [
                    f"{profile}: {values[notebook][parameter.name]!r}"
                    for profile, values in PROFILES.items()
                    if parameter.name in values.get(notebook, {})
                ]
                print(
                    f"  {parameter.name} = {parameter.default!r}  {parameter.note}"
                    + (f" [{', '.join(others)}]" if others else "")
                )


if __name__ == "__main__":
    sys.exit(main())
