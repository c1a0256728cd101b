"""The runs that were completed before, each with its settings and its results."""

from pathlib import Path

from helpers.files import read_json


def previous_run(run_directory):
    """The last completed run of the same name before the one that stands.

    Args:
        run_directory: such as `runs/severstal-demo`; `history/` in it holds a file for each completed run.

    Returns:
        dict of run (what `run.json` held) and results (what `results.json` held); None where there was none.
    """
    run_directory = Path(run_directory)
    finished = read_json(run_directory / "run.json").get("finished")
    kept = [read_json(path) for path in sorted((run_directory / "history").glob("*.json"))]
    before = [entry for entry in kept if entry["run"].get("finished") != finished]
    return before[-1] if before else None
