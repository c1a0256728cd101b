"""Where the dashboard finds data and run, and where it keeps what is its own."""

from dataclasses import dataclass
from pathlib import Path

from helpers.data.dataset import Dataset, read_dataset
from helpers.files import read_json
from helpers.runs import INDEX, Run, find_data

FOLDER, MARKS = "dashboard", "marks"


@dataclass(frozen=True)
class Places:
    """A data set, a run of it, and the dashboard's own folder.

    Attributes:
        dataset: the `Dataset`.
        run: a `Run` of that data set; None where there is none.
        home: folder for what the dashboard makes and can make again: thumbnails, scores.
        root: the project's folder. All but `home` and `marks` is only read.
    """

    dataset: Dataset
    run: Run | None
    home: Path
    root: Path

    @property
    def marks(self):
        """The file of the data set's marks; it outlives every run."""
        return self.root / MARKS / f"{self.dataset.name}.sqlite"


def open_places(root, data="", run="", say=print):
    """Find the data, a run of it, and the folder to keep things in.

    Args:
        root: the project's folder.
        data: data directory, or "" to look for one as `run_all.py` does; made up where there is none.
        run: a run's directory or its name in `runs/`, or "" for the last one of that data set.
        say: called with each line for the user.

    Returns:
        `Places`.

    Raises:
        FileNotFoundError: data or run is not there.
        ValueError: the run is of other data.
    """
    root = Path(root)
    data = find_data(data, root, say=say)
    directory = _find_run(run, root) if run else _last_run(data, root)
    home = directory / FOLDER if directory else root / "runs" / f"{data.name}-{FOLDER}"
    dataset = _read(data, directory, home)
    if directory is not None and not _is_of(directory, dataset):
        if run:
            raise ValueError(
                f"{directory}: this run is of other data than {data}, or of that data before it changed. "
                "Name the run's own data with --data, or leave --run out."
            )
        say(
            f"{directory.name} is of {data.name} before it changed: its predictions are not shown. Run the series anew."
        )
        directory = None
    return Places(dataset, None if directory is None else Run(directory, data), home, root)


def _find_run(run, root):
    """The directory of the run that was named."""
    known = sorted(path.parent.name for path in (root / "runs").glob("*/run.json"))
    for directory in (Path(run).absolute(), root / "runs" / run):
        if (directory / "run.json").is_file():
            return directory
    raise FileNotFoundError(
        f"{run}: there is no run of that name, and no folder with run.json. Runs here: {', '.join(known) or 'none'}."
    )


def _last_run(data, root):
    """The run of a data set that was written to last; None where there is none."""
    found = [path for path in (root / "runs").glob(f"{data.name}-*/run.json") if read_json(path)["data"] == data.name]
    return max(found, key=lambda path: path.stat().st_mtime).parent if found else None


def _read(data, directory, home):
    """The data set; what a run knows of its images is taken up, and nothing is written there."""
    if directory is not None and (directory / INDEX).is_file():
        return read_dataset(data, directory / INDEX, keep=False)
    return read_dataset(data, home / INDEX)


def _is_of(directory, dataset):
    """Whether a run is of a data set as it is now; one that didn't read it yet may be."""
    return read_json(directory / "run.json").get("fingerprint", dataset.fingerprint) == dataset.fingerprint
