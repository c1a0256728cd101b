"""A run: which data, which settings, and the directory that carries them from notebook to notebook."""

import datetime
import hashlib
import importlib.metadata
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from helpers.code import code_digest
from helpers.data.check import check_dataset
from helpers.data.dataset import read_dataset
from helpers.data.leaks import find_dataset_copies
from helpers.data.made_up import make_data
from helpers.files import read_json, write_csv, write_json
from helpers.opened import note_opened_files
from helpers.results import best_model, decided_model, fresh_results, read_results

DEFAULT_PROFILE = "demo"
INDEX = "images.csv"  # of a run: what decoding the images of its data set found
CODE = Path(__file__).parent  # whose git revision a run notes, from whichever folder it is started
KAGGLE_INPUTS = (
    Path("/kaggle/input/severstal-steel-defect-detection"),
    Path("/kaggle/input/competitions/severstal-steel-defect-detection"),
)
MADE_UP = {
    "smoke": {"folder": "made-up-small", "images": 24, "shape": (64, 384)},
    "demo": {"folder": "made-up", "images": 400, "shape": (256, 1600)},
}
WRITTEN_BY = {
    "split.csv": "02_preprocessing",
    "preprocessing.json": "02_preprocessing",
    "models": "04_segmentation",
    "tuning.json": "05_evaluation",
    "submission.csv": "06_submission",
}
PACKAGES = (
    "tensorflow",
    "keras",
    "segmentation-models",
    "numpy",
    "opencv-python",
    "pandas",
    "scikit-learn",
    "matplotlib",
    "seaborn",
    "papermill",
    "nbconvert",
)


@dataclass(frozen=True)
class Run:
    """The directory of one run.

    Attributes:
        directory: such as `runs/severstal-demo`.
        data: the data directory.
    """

    directory: Path
    data: Path

    @property
    def settings(self):
        """What `run.json` holds."""
        return read_json(self.directory / "run.json")

    def read_dataset(self):
        """The run's data set; what decoding the images found is kept in `images.csv`, its fingerprint in `run.json`."""
        dataset = read_dataset(self.data, self.directory / INDEX)
        about = {"fingerprint": dataset.fingerprint, "made_up": dataset.made_up}
        if self.settings | about != self.settings:
            update_run(self.directory, **about)
        return dataset

    def look_at_dataset(self):
        """The run's data set, without a note of it in `run.json` or `images.csv`: nothing is written."""
        return read_dataset(self.data, self.directory / INDEX, keep=False)

    def describe_dataset(self, dataset):
        """What tells the data set from others: name, fingerprint, and a digest of what had to be set aside."""
        faults = hashlib.sha256(dataset.problems.to_csv(index=False).encode("utf-8", "backslashreplace")).hexdigest()
        return {"name": dataset.name, "fingerprint": dataset.fingerprint, "faults": faults}

    def find_copies(self, dataset):
        """The copies among the run's images, looked for once and kept in `copies.csv`."""
        return self._find_once("copies", dataset, find_dataset_copies, "helpers.data.leaks")

    def find_problems(self, dataset):
        """What is wrong with the run's data set, looked for once and kept in `problems.csv`."""
        return self._find_once(
            "problems", dataset, lambda data: check_dataset(data, self.find_copies(data)), "helpers.data.check"
        )

    def _find_once(self, name, dataset, find, module):
        """A table that follows from the data set and from the code of a module; made anew when one of them changed."""
        path, note = self.directory / f"{name}.csv", self.directory / f"{name}.json"
        about = {"data": self.describe_dataset(dataset), "code": code_digest(module)}
        if not (path.exists() and note.exists() and read_json(note) == about):
            write_csv(path, find(dataset), index=False)
            write_json(note, about)
        return pd.read_csv(path, keep_default_na=False)

    def results(self, scope):
        """Fresh results for one notebook, cleared of what its last run recorded."""
        return fresh_results(self.directory / "results.json", scope)

    def need(self, name):
        """The path of a file that an earlier notebook wrote.

        Raises:
            FileNotFoundError: it is not there; the message names the notebook to run first.
        """
        path = self.directory / name
        if not path.exists():
            notebook = WRITTEN_BY.get(Path(name).parts[0], "the notebook before this one")
            raise FileNotFoundError(f"{path} is not there. Run {notebook} first.")
        return path

    def best_model(self):
        """The model trained in this run with the best `kaggle_dice` on the validation part.

        A model that an earlier run left there, without a score in this one's results, doesn't count.

        Raises:
            FileNotFoundError: no model was trained yet.
        """
        return self._choose_model(best_model)

    def decided_model(self):
        """The model whose decisions 05_evaluation took; the best one where it was not run.

        Raises:
            FileNotFoundError: no model was trained yet.
        """
        return self._choose_model(decided_model)

    def _choose_model(self, choose):
        results = read_results(self.directory / "results.json")
        models = sorted(path.parent.name for path in self.need("models").glob("*/bundle.json"))
        scored = [name for name in models if f"04_segmentation.{name}.validation_kaggle_dice" in results]
        chosen = choose(results, scored)
        if chosen is None:
            raise FileNotFoundError(f"{self.directory / 'models'} holds no finished model. Run 04_segmentation first.")
        return chosen

    def trials(self):
        """Folders of the models that this run judged, by name; what an earlier run left there doesn't count."""
        results = read_results(self.directory / "results.json")
        folders = {path.parent.name: path.parent for path in sorted(self.need("models").glob("*/trial.json"))}
        return {name: folder for name, folder in folders.items() if f"04_segmentation.{name}.kaggle_dice" in results}


def find_root(start=None):
    """The project's folder: the nearest one upward from `start` (else from here) that holds `notebooks/`.

    Raises:
        FileNotFoundError: there is none.
    """
    start = Path(start or Path.cwd()).absolute()
    for folder in (start, *start.parents):
        if (folder / "notebooks").is_dir() and (folder / "run_all.py").is_file():
            return folder
    raise FileNotFoundError(
        f"{start}: neither here nor above is a folder with notebooks/ and run_all.py. Go there first."
    )


def find_data(data, root, profile=DEFAULT_PROFILE, say=print, make=True):
    """The data directory: the one given, or $SEVERSTAL_DIR, `data/severstal`, Kaggle's input, or made-up data.

    Args:
        data: a path, or "" to look for one.
        root: the project's folder.
        profile: decides how much data is made up.
        say: called with one line when data is made up.
        make: whether data is made up where there is none.

    Returns:
        Absolute path; without `make` perhaps of data that is yet to be made up.

    Raises:
        FileNotFoundError: a directory was given that is not there.
    """
    given = data or os.environ.get("SEVERSTAL_DIR", "")
    if given:
        path = Path(given).expanduser().absolute()
        if not path.is_dir():
            source = "--data or DATA" if data else "$SEVERSTAL_DIR"
            raise FileNotFoundError(f"{path} is not there ({source}). Give the folder that holds train.csv.")
        return path
    for candidate in (root / "data" / "severstal", *KAGGLE_INPUTS):
        if (candidate / "train.csv").exists():
            return candidate
    wanted = MADE_UP.get(profile, MADE_UP[DEFAULT_PROFILE])
    path = root / "data" / wanted["folder"]
    if make and not path.exists():
        say(
            f"No data was given: making up {wanted['images']} steel sheets in data/{wanted['folder']} "
            "(give your own with --data DIR)."
        )
        try:
            make_data(path, wanted["images"], shape=wanted["shape"])
        except OSError:
            if not (path / "train.csv").is_file():
                raise
            say(f"Another run made data/{wanted['folder']} up meanwhile: it is taken.")  # whole, and the same
    return path


def open_run(data="", run="", profile=DEFAULT_PROFILE):
    """Open the run that a notebook belongs to, and make it when it is new.

    Args:
        data: data directory, or "" to look for one as `run_all.py` does.
        run: run directory, or "" for `runs/<data set>-<profile>`.
        profile: name of the profile.

    Returns:
        A `Run`.
    """
    note_opened_files()
    root = find_root()
    data = find_data(data, root, profile)
    directory = Path(run).absolute() if run else root / "runs" / f"{data.name}-{profile}"
    if not (directory / "run.json").exists():
        describe_run(directory, data, profile)
    return Run(directory, data)


def describe_run(directory, data, profile, **settings):
    """Write `run.json`: data, profile, settings, versions, git revision and the time."""
    write_json(
        Path(directory) / "run.json",
        {
            "data": data.name,
            "profile": profile,
            "started": now(),
            "git_revision": git_revision(CODE),
            "versions": package_versions(),
            **settings,
        },
    )


@cache
def package_versions():
    """The installed version of each package that results depend on."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def update_run(directory, **settings):
    """Add settings to `run.json`."""
    path = Path(directory) / "run.json"
    write_json(path, read_json(path) | settings)


def now():
    """The time as text, to the second, with its zone."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def git_revision(folder):
    """The git revision of a folder, with "+" behind it where files were changed; "unknown" outside git."""

    def git(*words):
        return subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True).stdout

    try:
        return git("rev-parse", "--short=12", "HEAD").strip() + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
